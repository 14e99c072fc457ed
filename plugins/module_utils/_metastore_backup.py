# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a backup of the metastore of a running 0.10 or 0.11 and proves that it holds everything, now.

The server keeps its metastore in raft.db, which changes with every change of metadata and with nothing else: not with points that are
written, with a backup or with a clean stop (observed with 0.11.1). So a backup is up to date as long as the digest of raft.db is the same.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import os
import re

from ansible_collections.dbfleet.upgrade.plugins.module_utils._copies import sha256
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_backup import MARKER, execute, expected_shards
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import local, plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import content_of, counts, parse
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore_proof import (
    differences,
    named_on_disk,
    shards_on_disk,
    unknown_on_disk,
    unknown_to_backup,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_files import remove_entry, sync_tree
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import make_folder, read_json, write_json

try:
    from typing import Any, Callable, Dict, List, Optional, Set, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

RAFT = "raft.db"
ATTEMPT = re.compile(r"^attempt-(\d+)$")
TOLD = 5
"""So many differences are named in a message; all of them are returned."""


def backup(params, run_command, clock, check_mode):
    # type: (Dict[str, Any], Callable[[List[str]], Any], Callable[[], float], bool) -> Dict[str, Any]
    """What influxdb_metastore_backup returns. clock: seconds since 1970."""
    work = Backup(params, run_command, clock)
    kept = work.kept()
    if kept or check_mode:
        return dict(kept or NOTHING, changed=not kept)
    return dict(work.take(), changed=True)


NOTHING = {"path": None, "sha256": None, "raft_sha256": None, "taken_at": None, "attempts": 0, "counts": None}
"""What is known of a backup that check mode predicts."""


class Backup(object):
    """The backups in a folder: attempt-1, attempt-2 and so on, and a note of the last one that was proved."""

    def __init__(self, params, run_command, clock):
        # type: (Dict[str, Any], Callable[[List[str]], Any], Callable[[], float]) -> None
        self.params = params
        self.run_command = run_command
        self.clock = clock
        self.dest = local(params["dest"])
        self.raft = os.path.join(local(params["meta_dir"]), RAFT)
        self.folders = [local(params["data_dir"]), local(params["wal_dir"])]

    def kept(self):
        # type: () -> Optional[Dict[str, Any]]
        """The proved backup, if raft.db is still what it was; proved again, as that costs nothing."""
        now = self._raft_digest()
        note = read_json(os.path.join(self.dest, MARKER))
        if note.get("raft_sha256") != now:
            return None
        path = os.path.join(self.dest, note["attempt"], note["file"])
        content = content_of(path)
        if hashlib.sha256(content).hexdigest() != note["sha256"]:
            raise FleetError(
                "{0} has changed since it was proved".format(plain(path)),
                "sha256 " + note["sha256"],
                "move {0} away, and a new backup is taken".format(plain(self.dest)),
            )
        return self._result(note, self._proved(path, content, shards_on_disk(self.folders)))

    def take(self):
        # type: () -> Dict[str, Any]
        for attempt in range(1, self.params["attempts"] + 1):
            found = self._attempt(attempt)
            if found:
                return found
        raise FleetError(
            "The metadata changed during each of {0} backups: raft.db was another one before than after".format(self.params["attempts"]),
            "a moment without new databases, users or shards",
            "run again, at a time when nothing creates or drops any, and not at midnight UTC, when new shards begin",
        )

    def _attempt(self, attempt):
        # type: (int) -> Optional[Dict[str, Any]]
        """One backup in a folder of its own; None where the metadata changed meanwhile. What is not proved is removed."""
        started = self.clock()
        before = self._raft_digest()
        folder = self._fresh_folder()
        try:
            execute(self._command(folder), self.params["timeout"], self.run_command)
            path = sole_backup(folder)
            content, on_disk = content_of(path), shards_on_disk(self.folders)
            if self._raft_digest() != before:
                remove_entry(folder)
                return None
            metastore = self._proved(path, content, on_disk)
        except Exception:  # whatever it is, nothing is left that could be taken for a backup
            remove_entry(folder)
            raise
        note = {
            "attempt": os.path.basename(folder),
            "file": os.path.basename(path),
            "sha256": hashlib.sha256(content).hexdigest(),
            "raft_sha256": before,
            "taken_at": int(started),
            "attempts": attempt,
        }
        sync_tree(folder)
        write_json(os.path.join(self.dest, MARKER), note, durable=True)
        return self._result(note, metastore)

    def _command(self, folder):
        # type: (str) -> List[str]
        """Without -database, influxd backs up the metastore alone."""
        return [self.params["program"], "backup", "-host", self.params["host"], folder]

    def _fresh_folder(self):
        # type: () -> str
        """What an interrupted attempt left stays where it is: a restore takes the last of all files in a folder."""
        make_folder(self.dest)
        taken = [int(found.group(1)) for found in map(ATTEMPT.match, os.listdir(self.dest)) if found]
        folder = os.path.join(self.dest, "attempt-{0}".format(max(taken + [0]) + 1))
        os.mkdir(folder, 0o700)
        return folder

    def _raft_digest(self):
        # type: () -> str
        if not os.path.isdir(self.folders[0]):
            raise FleetError("There is no folder {0}".format(plain(self.folders[0])), "the server's data folder", "correct data_dir")
        if not os.path.isfile(self.raft):
            raise no_raft(self.raft, self.folders)
        return sha256(self.raft)

    def _proved(self, path, content, on_disk):
        # type: (str, bytes, Set[Tuple[str, str, int]]) -> Dict[str, Any]
        """What the backup holds, after everything that the server shows and that lies on disk was found in it."""
        metastore = parse(content, plain(path))
        expected = expected_shards(self.params["shards"], self.clock())
        wrong = differences(self.params["expect"], metastore)
        wrong += unknown_to_backup(expected, metastore) + unknown_on_disk(on_disk, metastore)
        if wrong:
            raise FleetError(
                "{0} is not the metadata of this server: {1}".format(plain(path), "; ".join(wrong[:TOLD])),
                "all that the server shows and that lies on its disk, and nothing else",
                "ask the server again and run again: its metadata may have changed in between. If what lies on disk belongs to"
                " nothing that the server knows, move it away first",
                differences=wrong,
            )
        return metastore

    def _result(self, note, metastore):
        # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
        result = {key: note[key] for key in ("sha256", "raft_sha256", "taken_at", "attempts")}
        return dict(result, path=plain(os.path.join(self.dest, note["attempt"], note["file"])), counts=counts(metastore))


def sole_backup(folder):
    # type: (str) -> str
    """The path of the one meta.NN in a folder.

    A restore takes the last of meta.* in it, be it finished or not (cmd/influxd/restore/restore.go, unpackMeta).
    """
    names = sorted(name for name in os.listdir(folder) if name.startswith("meta.")) if os.path.isdir(folder) else []
    if len(names) == 1 and re.match(r"^meta\.\d\d$", names[0]):
        return os.path.join(folder, names[0])
    raise FleetError(
        "{0} holds {1}".format(plain(folder), ", ".join(plain(name) for name in names) or "no backup of the metastore"),
        "one meta.NN and nothing else of that name, for a restore takes the last one, finished or not",
        "take a new backup into a folder of its own",
    )


def no_raft(raft, folders):
    # type: (str, List[str]) -> FleetError
    """Somebody may have followed the hint of newer releases to delete it, which "resets the database"."""
    named = sorted(named_on_disk(folders).items())
    told = "; ".join("{0} ({1})".format(name, ", ".join(policies)) for name, policies in named)
    return FleetError(
        "There is no {0}, and so no metastore of 0.10 or 0.11 to back up. On disk lie the databases (policies): {1}".format(
            plain(raft), told or "none"
        ),
        "the metastore of the running server",
        "correct meta_dir; if the file was deleted, bring the folder back from a copy. Users, durations and queries are in no other file",
        on_disk=dict(named),
    )
