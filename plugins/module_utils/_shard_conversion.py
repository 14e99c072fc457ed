# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Converts the shards of a stopped server from b1 and bz1 to tsm1, by influx_tsm, and can undo it.

influx_tsm writes ID.tsm beside the file ID, removes the file and renames the folder to ID. It only reads the file (bolt, in read
transactions), so a hard link keeps it: that takes neither time nor room, however large the shard is. What is kept lies beside the data
folder, for links end at the border of a file system:

    DATA.dbfleet-b1/DATABASE/POLICY/ID    the file as it was; a copy where no link can be
    DATA.dbfleet-b1/converted.json        the shards whose conversion was proved, and what they held then
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import signal
import stat
import time

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _swap_files as tools
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import (
    SERIES,
    file_format,
    free_space,
    listed,
    local,
    move_aside,
    plain,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._process import find
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import make_folder, read_json, write_json

try:
    from typing import Any, Callable, Dict, List  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

KEPT = ".dbfleet-b1"
TEMPORARY = ".tsm"
LEFTOVER = re.compile(r"^[0-9]+\.tsm$")
SUMMARY = re.compile(
    r"^(Shards converted|Points read|Points written|NaN filtered|Inf filtered): +([0-9]+)$", re.MULTILINE
)
STORED = (".tsm", ".tombstone")
"""Endings of the files of a tsm1 shard that hold what was written and deleted; others can be made again from these."""

SPARE = 16 * 1024 * 1024
REMEDY = (
    "name the influx_tsm of 0.10 or of 0.12 to 1.8 (influxdb_tsm_program in the role influxdb); that of 0.11 is broken"
)


class Conversion(object):
    """The shards in the folders of one server, by their places DATABASE/POLICY/ID.

    params: data_dir, wal_dir, and program, which need not be there where nothing has to be converted.
    """

    def __init__(self, params, run_command):
        # type: (Dict[str, Any], Callable[..., Any]) -> None
        self.data = os.path.realpath(local(params["data_dir"]))
        self.wal = os.path.realpath(local(params["wal_dir"]))
        self.program = params["program"]
        self.kept = self.data + KEPT
        self._note = os.path.join(self.kept, "converted.json")
        self._run_command = run_command

    # What there is

    def due(self):
        # type: () -> List[str]
        """The places of the shards that are files, in order of their numbers."""
        found = [place for place in places(self.data) if _is_shard_file(self._path(place))]
        return sorted(found, key=lambda place: int(os.path.basename(place)))

    def leftovers(self):
        # type: () -> List[str]
        """The places of the folders that a conversion made and did not bring to their names."""
        return [
            place
            for place in places(self.data)
            if LEFTOVER.match(os.path.basename(place)) and os.path.isdir(self._path(place))
        ]

    def undoable(self):
        # type: () -> List[str]
        """The places that are not as before and whose file can go back there: nothing was written to or deleted from the shard since."""
        return [place for place in self._kept_places() if not self._is_in_use(place)]

    def kept_any(self):
        # type: () -> bool
        """Is the former file of any shard kept?"""
        return bool(self._kept_places())

    def is_unproved(self):
        # type: () -> bool
        """Was a conversion begun that did not come to its end?"""
        return any(place not in self._proved() for place in self._kept_places())

    def running(self):
        # type: () -> List[int]
        """The processes of influx_tsm that work on the data folder."""
        name = os.path.basename(self.program or "influx_tsm")
        return [one["pid"] for one in find(name) if os.path.realpath(one["args"][-1]) == self.data]

    def _path(self, place):
        # type: (str) -> str
        return os.path.join(self.data, place)

    def _kept_places(self):
        # type: () -> List[str]
        return places(self.kept)

    def _proved(self):
        # type: () -> Dict[str, Any]
        found = read_json(self._note).get("shards", {})  # type: Dict[str, Any]
        return {local(place): content for place, content in found.items()}

    def _is_in_use(self, place):
        # type: (str) -> bool
        proved = self._proved()
        return place in proved and os.path.isdir(self._path(place)) and self._content(place) != proved[place]

    def _content(self, place):
        # type: (str) -> List[List[Any]]
        """What a tsm1 shard holds, by the names, sizes and times of its files, those of its log among them."""
        stored = [path for path in files_below(self._path(place)) if path.endswith(STORED)]
        logged = [path for path in files_below(os.path.join(self.wal, place)) if os.path.getsize(path)]
        return sorted([plain(path), os.path.getsize(path), int(os.path.getmtime(path))] for path in stored + logged)

    # There

    def refuse(self):
        # type: () -> None
        """Refuse, before anything is changed, what is bound to fail."""
        due = self.due()
        if not due:
            return
        if self.running() and not self.is_unproved():
            raise FleetError(
                "influx_tsm is at work on {0}: process {1}".format(plain(self.data), self.running()[0]),
                "nobody else's conversion",
                "wait for its end, or end it: what it leaves is finished or moved aside",
            )
        if not self.program or not os.access(self.program, os.X_OK):
            raise FleetError(
                "There is no program {0} for the conversion".format(self.program or "influx_tsm"), "influx_tsm", REMEDY
            )
        for folder, needed in self._needs(due).items():
            free = free_space(folder)["free"]
            if free < needed + SPARE:
                raise FleetError(
                    "{0} has {1} MiB free".format(plain(folder), free >> 20),
                    "{0} MiB for the converted shards, beside their former files".format((needed + SPARE) >> 20),
                    "make room there",
                )

    def _needs(self, due):
        # type: (List[str]) -> Dict[str, int]
        """Bytes by folder, one for each disk: a converted shard is smaller than its file, which is copied only where no link can be."""
        beside = os.path.dirname(self.kept)
        disks = {}  # type: Dict[int, str]
        needs = {}  # type: Dict[str, int]
        for place in due:
            path = self._path(place)
            found = os.stat(path)
            there = disks.setdefault(found.st_dev, os.path.dirname(path))
            needs[there] = needs.get(there, 0) + found.st_size
            if found.st_dev != os.stat(beside).st_dev:
                here = disks.setdefault(os.stat(beside).st_dev, beside)
                needs[here] = needs.get(here, 0) + found.st_size
        return needs

    def convert(self):
        # type: () -> Dict[str, Any]
        """Convert what is due while no server runs; {} where nothing was to be done, else shards (places), points, filtered, bytes, notes.

        Raises FleetError with all shards as they were. reason is shards-unflushed where points are in the log of a shard: influx_tsm does
        not read it, and the old release empties it when it starts.
        """
        self.undo(only_unproved=True)
        notes = self._settle()
        due = self.due()
        if not due:
            return {"shards": [], "points": 0, "filtered": 0, "bytes": 0, "notes": notes} if notes else {}
        self.refuse()
        self._refuse_unflushed(due)
        try:
            return dict(self._perform(due), notes=notes)
        except Exception:
            self.undo(only_unproved=True)
            raise

    def _settle(self):
        # type: () -> List[str]
        """Finish or move away what somebody's interrupted conversion left. The file is removed last: without it, the folder is whole."""
        notes = []
        for place in self.leftovers():
            folder, shard = self._path(place), self._path(place)[: -len(TEMPORARY)]
            if os.path.lexists(shard):
                moved = move_aside(folder, self.data)
                notes.append("{0}, left by an interrupted conversion, was moved to {1}".format(plain(folder), moved))
            else:
                give(folder, os.stat(os.path.dirname(folder)))
                os.rename(folder, shard)
                notes.append("the interrupted conversion of {0} was finished".format(plain(shard)))
        return notes

    def _refuse_unflushed(self, due):
        # type: (List[str]) -> None
        unflushed = [
            place for place in due if any(os.path.getsize(path) for path in files_below(os.path.join(self.wal, place)))
        ]
        if unflushed:
            raise FleetError(
                "Points of {0} of the shards are in their log only, those of {1} among them".format(
                    len(unflushed), plain(unflushed[0])
                ),
                "empty logs, for influx_tsm does not read them",
                "stop the writes, restart the old release, which empties them when it starts, and run again",
                reason="shards-unflushed",
            )

    def _perform(self, due):
        # type: (List[str]) -> Dict[str, Any]
        before = [os.stat(self._path(place)) for place in due]
        for place in due:
            self._keep(place)
        told = convert_all(self.program, self.data, len(due), self._run_command)
        for place, was in zip(due, before):
            self._prove(place, was)
        shards = dict(self._proved())
        shards.update((place, self._content(place)) for place in due)
        write_json(self._note, {"shards": {plain(place): content for place, content in shards.items()}}, durable=True)
        return dict(told, shards=[plain(place) for place in due], bytes=sum(was.st_size for was in before))

    def _keep(self, place):
        # type: (str) -> None
        kept = os.path.join(self.kept, place)
        make_folder(self.kept)
        make_folder(os.path.dirname(kept))
        if os.path.lexists(kept):
            raise FleetError(
                "{0} is there already, from an earlier conversion".format(plain(kept)),
                "one conversion of a shard",
                "move it away, if {0} is the file to convert".format(plain(self._path(place))),
            )
        link(self._path(place), kept)

    def _prove(self, place, was):
        # type: (str, os.stat_result) -> None
        path, kept = self._path(place), os.stat(os.path.join(self.kept, place))
        if not os.path.isdir(path) or os.path.lexists(path + TEMPORARY):
            raise FleetError("{0} was not converted".format(plain(path)), "a folder in the place of the file")
        if (kept.st_size, int(kept.st_mtime)) != (was.st_size, int(was.st_mtime)):
            raise FleetError(
                "The former file of {0} was changed by its conversion".format(plain(path)),
                "that influx_tsm only reads it",
            )
        give(path, was)
        tools.sync_tree(path)

    # And back

    def undo(self, only_unproved=False):
        # type: (bool) -> List[str]
        """Put the former files back while no server runs; return the places of the shards that stay tsm1, which 0.10 reads too.

        These were written to since, or data in them was deleted: their former file no longer holds what the server answered.
        """
        if self.is_unproved():
            self._end_orphans()
        proved = self._proved()
        back = [place for place in self.undoable() if not (only_unproved and place in proved)]
        for place in back:
            self._put_back(place)
        kept = self._kept_places()
        left = {place: content for place, content in proved.items() if place in kept}
        if not kept:
            tools.remove_entry(self.kept)
        elif left != proved:
            write_json(self._note, {"shards": {plain(place): content for place, content in left.items()}}, durable=True)
        return [] if only_unproved else sorted(left)

    def _end_orphans(self):
        # type: () -> None
        """End the influx_tsm of a conversion of ours whose own process was killed: it works on."""
        for _attempt in range(100):
            if not self.running():
                return
            for pid in self.running():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
        raise FleetError("influx_tsm does not end: process {0}".format(self.running()[:1]), "that SIGKILL ends it", "check the disk")

    def _put_back(self, place):
        # type: (str) -> None
        """Can be interrupted and called again: the kept file goes last."""
        path, kept = self._path(place), os.path.join(self.kept, place)
        if not is_same_file(path, kept):
            tools.remove_entry(path + TEMPORARY)
            if os.path.lexists(path):
                os.rename(path, path + TEMPORARY)
            make_folder(os.path.dirname(path))
            link(kept, path)
        tools.remove_entry(path + TEMPORARY)
        tools.sync_folder(os.path.dirname(path))
        os.unlink(kept)


def rehearse(params, run_command, sleep):
    # type: (Dict[str, Any], Callable[..., Any], Callable[[float], None]) -> Dict[str, Any]
    """Convert a copy of the smallest shard of each format, while the server runs: does the program do it at all?

    params: those of Conversion, and scratch, a folder that is made and removed.
    Returns shards (the places that were tried), points and bytes.
    """
    work = Conversion(params, run_command)
    work.refuse()
    scratch = os.path.join(params["scratch"], "data")
    tools.remove_entry(params["scratch"])
    tried = {}  # type: Dict[str, str]
    size = 0
    try:
        for place in sorted(work.due(), key=lambda place: os.path.getsize(os.path.join(work.data, place))):
            path = os.path.join(work.data, place)
            kind = file_format(path)
            if kind not in tried and copy_at_rest(path, os.path.join(scratch, place), sleep):
                tried[kind] = place
                size += os.path.getsize(path)
        if work.due() and not tried:
            raise FleetError(
                "Every shard was changed while it was copied, so that no conversion could be rehearsed",
                "a shard that is not written to",
                "stop the writes",
            )
        points = convert_all(work.program, scratch, len(tried), run_command)["points"] if tried else 0
    finally:
        tools.remove_entry(params["scratch"])
    return {"shards": sorted(plain(place) for place in tried.values()), "points": points, "bytes": size}


def copy_at_rest(path, target, sleep):
    # type: (str, str, Callable[[float], None]) -> bool
    """Copy a file that a server may be writing to; False where it was never left alone for long enough."""
    make_folder(os.path.dirname(target))
    for attempt in range(5):
        if attempt:
            sleep(0.5)
        before = os.stat(path)
        tools.remove_file(target)
        tools.copy_entry(path, target)
        after = os.stat(path)
        if (before.st_mtime, before.st_size) == (after.st_mtime, after.st_size):
            return True
    tools.remove_file(target)
    return False


def convert_all(program, data, number, run_command):
    # type: (str, str, int, Callable[..., Any]) -> Dict[str, int]
    """Let influx_tsm convert everything below data; its summary says whether what it read was written.

    Its own backup would copy whole databases; 0.10 asks although it is told not to, so the answer is given on its standard input.
    """
    result = run_command([program, "-nobackup", data], data="y\n")
    lines = [line for line in (result.out + result.err).splitlines() if line.strip()]
    if result.rc:
        raise FleetError(
            "{0} failed (exit code {1}): {2}".format(program, result.rc, " / ".join(lines[-2:]) or "no message"),
            "{0} converted shards".format(number),
            REMEDY,
        )
    told = {name: int(count) for name, count in SUMMARY.findall(result.out)}
    try:
        filtered = told["NaN filtered"] + told["Inf filtered"]
        whole = told["Shards converted"] == number and told["Points read"] == told["Points written"] + filtered
    except KeyError:
        whole = False
    if not whole:
        raise FleetError(
            "{0} tells of {1}".format(
                program, ", ".join("{0}: {1}".format(*item) for item in sorted(told.items())) or "nothing"
            ),
            "{0} shards converted, and as many points written as read".format(number),
            "look at these shards before anything else is tried; nothing was changed",
        )
    return {"points": told["Points written"], "filtered": filtered}


def places(data):
    # type: (str) -> List[str]
    """DATABASE/POLICY/NAME of everything that lies where shards belong."""
    return [
        os.path.join(database, policy, name)
        for database in _folders(data)
        for policy in _folders(os.path.join(data, database))
        for name in listed(os.path.join(data, database, policy))
    ]


def _folders(path):
    # type: (str) -> List[str]
    return [name for name in listed(path) if name != SERIES and os.path.isdir(os.path.join(path, name))]


def _is_shard_file(path):
    # type: (str) -> bool
    return os.path.basename(path).isdigit() and os.path.isfile(path)


def files_below(path):
    # type: (str) -> List[str]
    return [os.path.join(folder, name) for folder, _folders_in_it, names in os.walk(path) for name in names]


def is_same_file(one, other):
    # type: (str, str) -> bool
    """Are both links to one file, or is one a copy of the other?"""
    if not os.path.isfile(one) or not os.path.isfile(other):
        return False
    return os.path.samefile(one, other) or tools.digest_of(one) == tools.digest_of(other)


def link(path, target):
    # type: (str, str) -> None
    """A second name for a file, or a copy with owner, mode and times where no link can be."""
    found = os.stat(path)
    try:
        os.link(path, target)
    except OSError:
        tools.replace_file(path, target, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))
        os.utime(target, (found.st_atime, found.st_mtime))


def give(path, like):
    # type: (str, os.stat_result) -> None
    """Give a folder and all in it the owner of another file: influx_tsm makes it root's."""
    for name in os.listdir(path) if os.path.isdir(path) else []:
        give(os.path.join(path, name), like)
    os.lchown(path, like.st_uid, like.st_gid)
