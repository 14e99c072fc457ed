# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies in the folders of an InfluxDB 0.10-1.x server: shards with their formats, sizes, owners, free space.

A shard is data/DATABASE/POLICY/NUMBER: a folder in the format tsm1, a single file (a bolt database) in the older b1 and bz1. Releases from
0.11 cannot read these; 1.4 starts all the same, logs one line per shard, and answers without their data.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import grp
import os
import pwd
import shutil
import stat
import struct

from ansible.module_utils.common.text.converters import to_bytes, to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Set, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

SERIES = "_series"
"""The series file of a database, from 1.5: sparse, made again from the shards where it is missing, and in no backup."""

FORMATS = ("tsm1", "wal_only", "b1", "bz1", "unknown")

BOLT_MAGIC = 0xED0CDAED
BOLT_VERSION = 2
BOLT_PAGE = struct.Struct("<QHHI")  # id, flags, number of elements, number of further pages
BOLT_META = struct.Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root page, sequence, free list, pages, transaction
BOLT_LEAF = struct.Struct("<IIII")  # flags, position of the key, length of the key, length of the value
BOLT_BRANCH = struct.Struct("<IIQ")  # position of the key, length of the key, page
BOLT_BUCKET = struct.Struct("<QQ")  # root page (0: the page follows), sequence
IS_BRANCH, IS_LEAF = 1, 2


def local(text):
    # type: (str) -> str
    """A path as the functions of os want it. They differ where Python 3.6 runs in the locale C and takes everything for ASCII."""
    return os.fsdecode(to_bytes(text)) if hasattr(os, "fsdecode") else to_bytes(text)


def plain(path):
    # type: (str) -> str
    """The text of a path that came from os, whatever the locale."""
    return to_native(to_bytes(path))


def survey(params):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """What influxdb_shard_info returns."""
    folders = {part: local(params[part + "_dir"]) for part in ("meta", "data", "wal")}
    expected = owner_ids(params["user"], params["group"])
    trees = {part: Tree(folders[part], expected) for part in folders}
    shards, others = find_shards(trees["data"], trees["wal"])
    return {
        "changed": False,
        "shards": shards,
        "formats": {name: sum(shard["format"] == name for shard in shards) for name in FORMATS},
        "b1": [shard["path"] for shard in shards if shard["format"] in ("b1", "bz1")],
        "tsi1": [shard["path"] for shard in shards if shard["index"] == "tsi1"],
        "others": others,
        "data_bytes": trees["data"].bytes,
        "wal_bytes": trees["wal"].bytes,
        "meta_bytes": trees["meta"].bytes,
        "owners": {part: tree.owner() for part, tree in trees.items()},
        "disk": {params[name]: free_space(local(params[name])) for name in params if name.endswith("_dir")},
    }


def owner_ids(user, group):
    # type: (Optional[str], Optional[str]) -> Tuple[Optional[int], Optional[int]]
    """Numbers of the user and group that everything should belong to; None where any will do."""
    try:
        return (pwd.getpwnam(user).pw_uid if user else None, grp.getgrnam(group).gr_gid if group else None)
    except KeyError as error:
        raise FleetError(
            "This node does not know {0}".format(str(error).strip("'\"")),
            "the user and group of the service",
            "correct user and group",
        )


class Tree(object):
    """One of the server's folders, walked once. sizes: bytes of each folder at depth 3, which in data and wal are the shards."""

    def __init__(self, path, expected):
        # type: (str, Tuple[Optional[int], Optional[int]]) -> None
        self.path = path
        self.bytes = 0
        self.sizes = {}  # type: Dict[str, int]
        self.tops = []  # type: List[Tuple[str, bool]]
        self.suffixes = {}  # type: Dict[str, Set[str]]
        self.indexed = set()  # type: Set[str]
        self._expected = expected
        self._foreign = []  # type: List[str]
        self._foreign_count = 0
        self._status = status(path, True)
        if self._status:
            self._note(path, self._status)
            self._walk(path, ())

    def _walk(self, folder, parts):
        # type: (str, Tuple[str, ...]) -> None
        """Links to folders are followed down to the shards, as servers do whose databases lie on several disks."""
        for name in listed(folder):
            path, below = os.path.join(folder, name), parts + (name,)
            found = status(path, len(below) <= 3)
            if found is None:
                continue  # a running server removes files at any time
            is_folder = stat.S_ISDIR(found.st_mode)
            self._note(path, found)
            self._count(below, found, is_folder)
            if is_folder:
                self._walk(path, below)

    def _note(self, path, found):
        # type: (str, os.stat_result) -> None
        """Remembers what belongs to somebody else."""
        if any(want is not None and want != is_ for want, is_ in zip(self._expected, (found.st_uid, found.st_gid))):
            self._foreign_count += 1
            self._foreign = self._foreign or [path]

    def _count(self, parts, found, is_folder):
        # type: (Tuple[str, ...], os.stat_result, bool) -> None
        if parts[1:2] == (SERIES,):
            return
        size = 0 if is_folder else found.st_size
        self.bytes += size
        if len(parts) < 3:
            return
        top = os.path.join(*parts[:3])
        self.sizes[top] = self.sizes.get(top, 0) + size
        if len(parts) == 3:
            self.tops.append((top, is_folder))
        elif is_folder and parts[3:] == ("index",):
            self.indexed.add(top)
        elif size:
            self.suffixes.setdefault(top, set()).add(os.path.splitext(parts[-1])[1])

    def owner(self):
        # type: () -> Dict[str, Any]
        found = self._status
        return {
            "path": plain(self.path),
            "exists": found is not None,
            "user": user_name(found.st_uid) if found else None,
            "group": group_name(found.st_gid) if found else None,
            "mode": "{0:04o}".format(stat.S_IMODE(found.st_mode)) if found else None,
            "foreign": None if self._expected == (None, None) else self._foreign_count,
            "first_foreign": plain(self._foreign[0]) if self._foreign else None,
        }


def listed(folder):
    # type: (str) -> List[str]
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return []
        raise unreadable(folder, error)


def status(path, follow):
    # type: (str, bool) -> Optional[os.stat_result]
    """What the file system says of path, None if it is not there."""
    try:
        return os.stat(path) if follow else os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENOENT and not os.path.islink(path):
            return None
        raise unreadable(path, error)


def unreadable(path, error):
    # type: (str, EnvironmentError) -> FleetError
    return FleetError(
        "{0} cannot be read: {1}".format(plain(path), error.strerror),
        "a folder of InfluxDB",
        "run as root, and check the disk below it",
    )


def user_name(uid):
    # type: (int) -> str
    """The name, or the number where nobody has that name any more."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid):
    # type: (int) -> str
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def move_aside(path, folder):
    # type: (str, str) -> str
    """Move what lies in a data or WAL folder beside that folder, and return its new place.

    As a rule that is the same file system, where a move takes no time and no room.
    """
    aside = "{0}.dbfleet-aside".format(folder.rstrip(os.sep))
    place = wanted = os.path.join(aside, os.path.relpath(path, folder))
    if not os.path.isdir(os.path.dirname(place)):
        os.makedirs(os.path.dirname(place), 0o700)
    number = 1
    while os.path.lexists(place):
        number += 1
        place = "{0}-{1}".format(wanted, number)
    shutil.move(path, place)
    return plain(place)


def free_space(path):
    # type: (str) -> Dict[str, int]
    """Bytes free and in total where path is, or will be once it is made. Equal devices are the same disk."""
    while not os.path.exists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return {
        "free": found.f_bavail * found.f_frsize,
        "total": found.f_blocks * found.f_frsize,
        "device": os.stat(path).st_dev,
    }


def find_shards(data, wal):
    # type: (Tree, Tree) -> Tuple[List[Dict[str, Any]], List[str]]
    """The shards by number, and the paths of what lies where shards belong and is none, such as what influx_tsm leaves if it is killed."""
    shards, others = [], []
    for top, is_folder in data.tops:
        database, policy, name = top.split(os.sep)
        if not name.isdigit():
            others.append(plain(os.path.join(data.path, top)))
            continue
        kind, index = shard_format(data, wal, top, is_folder)
        shards.append(
            {
                "database": plain(database),
                "policy": plain(policy),
                "id": int(name),
                "path": plain(os.path.join(data.path, top)),
                "format": kind,
                "index": index,
                "bytes": data.sizes[top],
                "wal_bytes": wal.sizes.get(top, 0),
            }
        )
    return sorted(shards, key=lambda shard: shard["id"]), others


def shard_format(data, wal, top, is_folder):
    # type: (Tree, Tree, str, bool) -> Tuple[str, Optional[str]]
    """Format and index of a shard. An empty folder is a tsm1 shard whose data is in the WAL, if there is any."""
    if not is_folder:
        return file_format(os.path.join(data.path, top)), None
    in_wal = ".wal" in wal.suffixes.get(top, ()) and ".tsm" not in data.suffixes.get(top, ())
    return "wal_only" if in_wal else "tsm1", "tsi1" if top in data.indexed else "inmem"


def file_format(path):
    # type: (str) -> str
    """b1, bz1 or unknown: "format" in the bucket "meta" of the bolt database. One without that bucket is b1 (tsdb of 0.9 and 0.10)."""
    try:
        with open(path, "rb") as stream:
            return bolt_format(stream)
    except (ValueError, struct.error):
        return "unknown"
    except EnvironmentError as error:
        raise unreadable(path, error)


def bolt_format(stream):
    # type: (BinaryIO) -> str
    size, root = bolt_root(stream)
    bucket = bolt_value(stream, size, read_page(stream, size, root), b"meta")
    if bucket is None:
        return "b1"
    page, _sequence = BOLT_BUCKET.unpack_from(bucket)
    body = read_page(stream, size, page) if page else bucket[BOLT_BUCKET.size :]
    value = bolt_value(stream, size, body, b"format")
    return {None: "b1", b"b1": "b1", b"v1": "b1", b"bz1": "bz1"}.get(value, "unknown")


def bolt_root(stream):
    # type: (BinaryIO) -> Tuple[int, int]
    """Page size and root page. There are two copies of these, and the one of the later transaction is right."""
    stream.seek(0)
    start = stream.read(BOLT_PAGE.size + BOLT_META.size)
    size = BOLT_META.unpack_from(start, BOLT_PAGE.size)[2]
    if not 512 <= size <= 65536:
        raise ValueError("no page size")
    metas = [BOLT_META.unpack_from(read_page(stream, size, number), BOLT_PAGE.size) for number in (0, 1)]
    found = [(meta[8], meta[4]) for meta in metas if meta[:2] == (BOLT_MAGIC, BOLT_VERSION)]
    if not found:
        raise ValueError("no bolt database")
    return size, max(found)[1]


def read_page(stream, size, number):
    # type: (BinaryIO, int, int) -> bytes
    """A page with those that continue it."""
    stream.seek(number * size)
    page = stream.read(size)
    return page + stream.read(BOLT_PAGE.unpack_from(page)[3] * size)


def bolt_value(stream, size, page, key):
    # type: (BinaryIO, int, bytes, bytes) -> Optional[bytes]
    """The value of key below page, which is a leaf or leads to leaves."""
    for _level in range(20):
        _id, flags, count, _overflow = BOLT_PAGE.unpack_from(page)
        if flags & IS_LEAF:
            return dict(leaf_items(page, count)).get(key)
        children = branch_items(page, count) if flags & IS_BRANCH else []
        below = [number for first, number in children if first <= key]
        if not below:
            return None
        page = read_page(stream, size, below[-1])
    raise ValueError("pages without end")


def leaf_items(page, count):
    # type: (bytes, int) -> Iterator[Tuple[bytes, bytes]]
    for index in range(count):
        at = BOLT_PAGE.size + index * BOLT_LEAF.size
        _flags, position, length, size = BOLT_LEAF.unpack_from(page, at)
        key = at + position
        yield page[key : key + length], page[key + length : key + length + size]


def branch_items(page, count):
    # type: (bytes, int) -> List[Tuple[bytes, int]]
    items = []
    for index in range(count):
        at = BOLT_PAGE.size + index * BOLT_BRANCH.size
        position, length, number = BOLT_BRANCH.unpack_from(page, at)
        items.append((page[at + position : at + position + length], number))
    return items
