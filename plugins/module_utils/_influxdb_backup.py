# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a backup with influxd and proves that it can be read and is complete.

The exit code of influxd is not enough: 0.10 writes empty files for shards in the formats b1 and bz1 and says "backup complete", and the
restore of a portable backup passes over a missing archive and exits with 0 (both observed).
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import gzip
import hashlib
import io
import json
import os
import re
import struct
import time
import zlib

from ansible.module_utils.common.text.converters import to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import local, plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import (
    BYTES,
    fields,
    load,
    parse_metastore,
    shards_of,
)

try:
    from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Optional, Set, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

KINDS = ("metadata", "portable", "legacy", "none")
MARKER = "verified.json"
BLOCK = 512
PIECE = 1024 * 1024
UNFINISHED = "unfinished"
"""Is in a folder while a backup is taken, and so in what an interrupted run left. Nothing else is ever removed."""
NOTES = (MARKER, MARKER + ".new", UNFINISHED)
SHARD_FILE = re.compile(r"^(.+)\.(\d{5,})\.(\d\d)$")


def backup(params, run_command, clock, check_mode):
    # type: (Dict[str, Any], Callable[[List[str]], Any], Callable[[], float], bool) -> Dict[str, Any]
    """What influxdb_backup returns. clock: seconds since 1970."""
    started = clock()
    if params["kind"] == "none":
        return _result(params, False, None, started, started)
    params = dict(params, dest=local(params["dest"]), data_dir=params["data_dir"] and local(params["data_dir"]))
    if params["verify_only"]:
        return _result(params, False, dict(verify(params, started), taken_at=None), started, clock())
    kept = read_marker(params["dest"], params["kind"])
    if kept:
        return _result(params, False, kept, started, clock())
    refuse_foreign(params["dest"])
    if check_mode:
        return _result(params, True, None, started, clock())
    make_empty(params["dest"])
    for argv in commands(params):
        execute(argv, params["timeout"], run_command)
    kept = dict(verify(params, clock()), kind=params["kind"], taken_at=int(started))
    write_marker(params["dest"], kept)
    return _result(params, True, kept, started, clock())


def _result(params, changed, kept, started, ended):
    # type: (Dict[str, Any], bool, Optional[Dict[str, Any]], float, float) -> Dict[str, Any]
    """kept: what the marker holds, None where nothing was proved."""
    found = kept or {"files": {}, "shards": 0, "absent": [], "empty": [], "taken_at": None}
    return {
        "changed": changed,
        "kind": params["kind"],
        "path": params["dest"] and plain(params["dest"]),
        "files": len(found["files"]),
        "bytes": sum(file["bytes"] for file in found["files"].values()),
        "shards": found["shards"],
        "absent": found["absent"],
        "empty": found["empty"],
        "taken_at": found["taken_at"],
        "verified": kept is not None,
        "seconds": round(ended - started, 3),
    }


def commands(params):
    # type: (Dict[str, Any]) -> List[List[str]]
    """What to run. Without -database, and without -portable, influxd backs up the metastore alone."""
    common = [params["program"], "backup"]
    rest = ["-host", params["host"], params["dest"]]
    if params["kind"] == "portable":
        return [common + ["-portable"] + rest]
    databases = params["databases"] if params["kind"] == "legacy" else []
    return [common + rest] + [common + ["-database", local(name)] + rest for name in databases]


def execute(argv, timeout, run_command):
    # type: (List[str], int, Callable[[List[str]], Any]) -> None
    """Without a server influxd 1.5 and later tries again for four minutes; a server that hangs holds every release for ever."""
    result = run_command(["timeout", "-k", "10", str(timeout)] + argv)
    if result.rc == 0:
        return
    said = [line for line in (result.out + result.err).splitlines() if line.strip()]
    reason = "no end after {0} seconds".format(timeout) if result.rc == 124 else "exit code {0}".format(result.rc)
    raise FleetError(
        "{0} failed ({1}): {2}".format(plain(" ".join(argv)), reason, " / ".join(said[-3:]) or "no message"),
        "a backup",
        "see that influxd serves backups on that host and port (bind-address at the top of its configuration) and that"
        " the program is of the release that runs: 1.5 and later cannot ask an older server, nor the reverse",
    )


def refuse_foreign(dest):
    # type: (str) -> None
    names = os.listdir(dest) if os.path.isdir(dest) else []
    if names and UNFINISHED not in names:
        raise FleetError(
            "{0} is not empty, and holds no backup of this module".format(plain(dest)),
            "a folder for this backup alone",
            "set dest to a new folder; verify_only checks a backup that was taken otherwise",
        )


def make_empty(dest):
    # type: (str) -> None
    """A folder with nothing in it but the note that a backup is being taken."""
    if not os.path.isdir(dest):
        os.makedirs(dest, 0o700)
    os.chmod(dest, 0o700)
    open(os.path.join(dest, UNFINISHED), "w").close()
    for name in os.listdir(dest):
        if name != UNFINISHED:
            os.remove(os.path.join(dest, name))


def write_marker(dest, content):
    # type: (str, Dict[str, Any]) -> None
    """Last of all, and at once: where the marker is, the backup has been proved and is on the disk."""
    path = os.path.join(dest, MARKER)
    with open(path + ".new", "w") as stream:
        json.dump(content, stream, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(path + ".new", path)
    os.remove(os.path.join(dest, UNFINISHED))


def read_marker(dest, kind):
    # type: (str, str) -> Optional[Dict[str, Any]]
    """What write_marker wrote, None if it did not. A proved backup that has changed since is never replaced in silence."""
    path = os.path.join(dest, MARKER)
    if not os.path.exists(path):
        return None
    try:
        with open(path) as stream:
            content = json.load(stream)
        found, files = content["kind"], sorted(content["files"].items())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(path, "it cannot be understood ({0})".format(error))
    if found != kind:
        raise _broken(dest, "it holds a backup of the kind {0}".format(to_native(found)))
    for name, known in files:
        file = os.path.join(dest, local(name))
        if digest(file) != known:
            raise _broken(file, "it has changed since the backup was proved")
    return content


def digest(path):
    # type: (str) -> Optional[Dict[str, Any]]
    """Size and SHA-256 of a file, None if there is none."""
    if not os.path.isfile(path):
        return None
    hasher = hashlib.sha256()
    with open(path, "rb") as stream:
        for piece in iter(lambda: stream.read(PIECE), b""):
            hasher.update(piece)
    return {"bytes": os.path.getsize(path), "sha256": hasher.hexdigest()}


def _broken(path, what):
    # type: (str, str) -> FleetError
    return FleetError(
        "{0} is no good backup: {1}".format(plain(path), what),
        "a whole and readable backup",
        "take a new one into another folder, and upgrade only when it has been proved",
    )


def verify(params, now):
    # type: (Dict[str, Any], float) -> Dict[str, Any]
    """Opens everything in dest. files: name -> size and digest; shards: number of archives; absent and empty: numbers of shards."""
    dest, kind = params["dest"], params["kind"]
    names = sorted(name for name in _listed(dest) if name not in NOTES)
    for name in names:
        if name.endswith(".pending"):
            raise _broken(os.path.join(dest, name), "influxd did not finish it")
    if kind == "portable":
        metastore, archives = read_portable(dest, names)
    else:
        metastore, archives = read_plain(dest, names, kind == "legacy")
    expected = expected_shards(params["shards"], now)
    check_known(dest, metastore, expected, params["databases"])
    absent = check_complete(dest, set(archives), expected, params["data_dir"]) if kind != "metadata" else []
    return {
        "files": {plain(name): digest(os.path.join(dest, name)) for name in names},
        "shards": len(archives),
        "absent": absent,
        "empty": sorted(shard[2] for shard, members in archives.items() if not members),
    }


def expected_shards(shards, now):
    # type: (List[Dict[str, Any]], float) -> Set[Tuple[str, str, int]]
    """Database, policy and number of those that have to be there. An expired one may have been removed at any time."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    try:
        return {
            (shard["database"], shard["policy"], int(shard["id"]))
            for shard in shards
            if shard["database"] != "_internal" and (shard.get("expiry") or "9") > moment
        }
    except KeyError as error:
        raise FleetError("A shard has no {0}".format(error), "database, policy and id of each", "correct shards")


def _listed(dest):
    # type: (str) -> List[str]
    try:
        return os.listdir(dest)
    except OSError as error:
        raise _broken(dest, "it cannot be read ({0})".format(error.strerror))


def check_known(dest, metastore, expected, databases):
    # type: (str, Dict[str, Any], Set[Tuple[str, str, int]], List[str]) -> None
    """A metastore of before the last change mixes up databases once it is restored: new shards get numbers that are in use (observed)."""
    known = {database["name"] for database in metastore["databases"]}
    for name in sorted(set(databases) | {shard[0] for shard in expected}):
        if name not in known:
            raise _broken(dest, "its metadata does not know the database {0!r}".format(name))
    for name, policy, number in sorted(expected - shards_of(metastore))[:1]:
        raise _broken(dest, "its metadata does not know shard {0} of {1!r}, policy {2!r}".format(number, name, policy))


def check_complete(dest, found, expected, data_dir):
    # type: (str, Set[Tuple[str, str, int]], Set[Tuple[str, str, int]], Optional[str]) -> List[int]
    """Every expected shard has an archive. The server makes shards ahead of time: one without a folder yet is in no backup (observed)."""
    if data_dir and not os.path.isdir(data_dir):
        raise FleetError("There is no folder {0}".format(data_dir), "the data folder of the server", "correct data_dir")
    absent = sorted(expected - found)
    for database, policy, number in absent:
        if not data_dir or os.path.exists(os.path.join(data_dir, local(database), local(policy), str(number))):
            raise _broken(dest, "shard {0} of {1!r}, policy {2!r} is missing".format(number, database, policy))
    return sorted(shard[2] for shard in absent)


def read_plain(dest, names, with_shards):
    # type: (str, List[str], bool) -> Tuple[Dict[str, Any], Dict[Tuple[str, str, int], int]]
    """Metastore and archives of a backup without -portable. influxd restores the last meta.NN."""
    metas = [name for name in names if re.match(r"^meta\.\d\d$", name)]
    if not metas:
        raise _broken(dest, "it has no meta.00")
    metastore = [load(os.path.join(dest, name)) for name in metas][-1]
    archives = {}
    for name in names if with_shards else []:
        found = SHARD_FILE.match(name)
        if found:
            path = os.path.join(dest, name)
            members, _size = read_tar(path, open)
            archives[shard_of(path, plain(found.group(1)), int(found.group(2)), members)] = len(members)
    return metastore, archives


def shard_of(path, prefix, number, members):
    # type: (str, str, int, List[str]) -> Tuple[str, str, int]
    """Database and policy may both have dots. The files in the archive tell where one ends; if it is empty, the last dot does."""
    if members:
        database, policy, inside = (members[0].split("/") + ["", ""])[:3]
        if (prefix, str(number)) != ("{0}.{1}".format(database, policy), inside):
            raise _broken(path, "it holds {0}".format(members[0]))
        return database, policy, number
    database, _dot, policy = prefix.rpartition(".")
    return database, policy, number


def read_portable(dest, names):
    # type: (str, List[str]) -> Tuple[Dict[str, Any], Dict[Tuple[str, str, int], int]]
    """Metastore and archives of a backup with -portable, as its manifest lists them."""
    manifests = [name for name in names if name.endswith(".manifest")]
    if len(manifests) != 1:
        raise _broken(dest, "it has {0} manifests".format(len(manifests)))
    path = os.path.join(dest, manifests[0])
    archives = {}
    try:
        with io.open(path, encoding="utf-8") as stream:
            manifest = json.load(stream)
        metastore = unpack_meta(os.path.join(dest, local(manifest["meta"]["fileName"])), manifest["meta"]["size"])
        for entry in manifest["files"] or []:
            shard = (to_native(entry["database"]), to_native(entry["policy"]), entry["shardID"])
            archives[shard] = read_archive(os.path.join(dest, local(entry["fileName"])), entry["size"])
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(path, "it cannot be understood ({0})".format(error))
    return metastore, archives


def unpack_meta(path, size):
    # type: (str, int) -> Dict[str, Any]
    """The metastore in a .meta file: a message with the metastore of that size as its field 1 (cmd/influxd/backup_util)."""
    if not os.path.isfile(path):
        raise _broken(path, "it is missing")
    with open(path, "rb") as stream:
        content = stream.read()
    try:
        metastore = [value for number, kind, value in fields(content) if (number, kind) == (1, BYTES)]
    except ValueError as error:
        raise _broken(path, str(error))
    if len(metastore) != 1 or len(metastore[0]) != size:
        raise _broken(path, "it does not hold {0} bytes of metadata, as the manifest says".format(size))
    return parse_metastore(metastore[0], plain(path))


def read_archive(path, size):
    # type: (str, int) -> int
    """Number of files in a compressed archive of that size before compression."""
    if not os.path.isfile(path):
        raise _broken(path, "it is missing")
    members, unpacked = read_tar(path, gzip.open)
    if unpacked != size:
        raise _broken(path, "it unpacks to {0} bytes, the manifest says {1}".format(unpacked, size))
    return len(members)


def read_tar(path, opener):
    # type: (str, Callable[[str, str], Any]) -> Tuple[List[str], int]
    """Names in a tar archive, and its size. Reads to the very end, where tarfile takes a cut between two files for the end."""
    if not os.path.getsize(path):
        raise _broken(path, "it is empty. Shards in the formats b1 and bz1 are in no backup; convert them with influx_tsm")
    try:
        stream = opener(path, "rb")
        try:
            members = list(tar_members(stream))
            while stream.read(PIECE):
                pass
            return members, stream.tell()
        finally:
            stream.close()
    except (EnvironmentError, EOFError, ValueError, zlib.error, struct.error) as error:
        raise _broken(path, "it cannot be read to its end ({0})".format(error))


def tar_members(stream):
    # type: (BinaryIO) -> Iterator[str]
    """Names of the files. One that is long or not ASCII stands in a header of its own before the file (pax)."""
    long_name = None
    while True:
        header = _block(stream)
        if not header.strip(b"\0"):
            break
        size, kind = _tar_size(header), header[156:157]
        padded = -(-size // BLOCK) * BLOCK
        if kind == b"x":
            found = re.search(br"^\d+ path=([^\n]*)\n", stream.read(padded)[:size], re.MULTILINE)
            long_name = found.group(1) if found else None
            continue
        if kind in (b"0", b"\0"):
            yield to_native(long_name or _tar_name(header))
        long_name = None
        stream.seek(padded, 1)
    if _block(stream).strip(b"\0"):
        raise ValueError("no end mark")


def _tar_size(header):
    # type: (bytes) -> int
    total = sum(bytearray(header[:148] + b" " * 8 + header[156:]))
    if total != int(header[148:156].strip(b"\0 ") or b"0", 8):
        raise ValueError("a damaged header")
    return int(header[124:136].strip(b"\0 ") or b"0", 8)


def _block(stream):
    # type: (BinaryIO) -> bytes
    block = stream.read(BLOCK)
    if len(block) != BLOCK:
        raise ValueError("it is cut off")
    return block


def _tar_name(header):
    # type: (bytes) -> bytes
    name, prefix = header[:100].rstrip(b"\0"), b""
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].rstrip(b"\0")
    return prefix + b"/" + name if prefix else name
