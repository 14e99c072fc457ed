# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes the shard folders of InfluxDB 0.7 that 0.8 has migrated.

A folder that is half removed, and has lost its marker first, would be a damaged shard that is still to be migrated. So each is moved
out of the server's sight by one rename, and removed there:

    DATA/db/shard_db/00001             a shard of 0.7
    DATA/db/shard_db.migrated/00001    on its way out; what an interrupted removal left here is removed by the next one

From the highest down, as the server migrates them: by the lowest the log tells that the migration is over.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_log import WholeLog
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_storage import OLD, Storage
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import listed, local, plain, status

try:
    from typing import Any, Dict, Iterator, List, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

ASIDE = ".migrated"
SHOWN = 5
DATA_FILES = (".log", ".ldb", ".sst", ".mdb")
"""How the files end that hold points, of all engines. In a shard without any they are empty or not there."""

REMEDIES = {
    "raft-missing": "put the folder raft of 0.7 back from the backup, remove every file MIGRATED, and migrate anew",
    "migrating": "wait until it is over (influxdb_migrate_data), then run again",
    "unmarked": "migrate them first (influxdb_migrate_data); take away what is no shard",
    "not-migrated": (
        "compare the data with that of 0.7 (influxdb_legacy_fingerprint); where it is not equal, remove the files MIGRATED of these "
        "shards and migrate them anew, where it is, remove the folders by hand"
    ),
    "place": "remove the folders by hand, and what they are links to",
    "not-removed": "run as root, look for files that must not be changed (lsattr), and check the disk below it; then run again",
}


class MigratedShards(object):
    """The shards of 0.7 on one node. data_dir, log_file: as the server's configuration has them."""

    def __init__(self, data_dir, log_file):
        # type: (str, str) -> None
        """The log is read before the markers, as they follow its lines. Raises FleetError where something cannot be read."""
        self._data_dir = data_dir
        self._storage = Storage(data_dir)
        self._log = WholeLog(log_file, data_dir)
        self._log.update()
        self._shards = self._storage.old_shards()
        self._folder = os.path.realpath(os.path.join(local(data_dir), "db", OLD))
        self._aside = self._folder + ASIDE
        self._left = [_sized(path) for path in _folders(self._aside)]
        self._touched = False

    def look(self):
        # type: () -> Dict[str, Any]
        """What can be removed, and why it must not be: reason and refusal are None where it may."""
        try:
            self._refuse()
            reason = refusal = None
        except FleetError as error:
            if "reason" not in error.facts:
                raise
            reason, refusal = error.facts["reason"], str(error)
        return dict(self._result(False, []), reason=reason, refusal=refusal)

    def remove(self, check_mode):
        # type: (bool) -> Dict[str, Any]
        """Remove all of them, or say so. Raises FleetError, before anything is changed where one of them must not be removed."""
        self._refuse()
        due = self._due()
        return self._result(bool(due), [] if check_mode else self._remove(due))

    def _due(self):
        # type: () -> List[Dict[str, Any]]
        """What is on its way out already, then the others."""
        return self._left + [shard for shard in reversed(self._shards) if shard["marked"]]

    def _result(self, changed, removed):
        # type: (bool, List[str]) -> Dict[str, Any]
        found = sorted((shard["id"], shard["bytes"]) for shard in self._due())
        return {
            "changed": changed,
            "shards": [{"id": name, "bytes": size} for name, size in found],
            "bytes": sum(size for _name, size in found),
            "removed": sorted(removed),
        }

    # Removal

    def _remove(self, due):
        # type: (List[Dict[str, Any]]) -> List[str]
        removed = []  # type: List[str]
        for shard in due:
            try:
                self._remove_one(local(shard["path"]))
            except EnvironmentError as error:
                raise _failure(
                    "not-removed",
                    "{0} cannot be removed: {1}".format(plain(error.filename or shard["path"]), error.strerror),
                    "files that root may remove",
                    **dict(self._result(self._touched, removed))
                )
            removed.append(shard["id"])
        if removed and not listed(self._aside):
            os.rmdir(self._aside)
        return removed

    def _remove_one(self, path):
        # type: (str) -> None
        place = os.path.join(self._aside, os.path.basename(path))
        self._close_aside()
        if path != place:
            os.rename(path, place)
        self._touched = True
        shutil.rmtree(place)

    def _close_aside(self):
        # type: () -> None
        """Nobody but root comes to what is on its way out, so that nobody puts a link there while it is removed."""
        if not os.path.isdir(self._aside):
            os.mkdir(self._aside)
        os.chown(self._aside, os.geteuid(), -1)
        os.chmod(self._aside, 0o700)

    # Refusals

    def _refuse(self):
        # type: () -> None
        """Where there is nothing to remove, there is nothing to refuse."""
        if self._shards or self._left:
            self._refuse_raft()
            self._refuse_migration()
            self._refuse_log()
            self._refuse_nothing_new()
            self._refuse_place()

    def _refuse_raft(self):
        # type: () -> None
        if not self._storage.has_raft():
            raise _failure(
                "raft-missing",
                "There is nothing in {0}/raft".format(self._data_dir),
                "the databases: without them the server marks every shard and migrates none",
            )

    def _refuse_migration(self):
        # type: () -> None
        unmarked = [shard["id"] for shard in self._shards if not shard["marked"]]
        if self._log.is_at_work({shard["id"]: shard["marked"] for shard in self._shards}):
            raise _failure("migrating", "By {0} a migration runs".format(self._log.path), "none, or one that is over")
        if unmarked:
            raise _failure(
                "unmarked",
                "{0} of {1} shards are not migrated: {2}".format(len(unmarked), len(self._shards), _some(unmarked)),
                "a file MIGRATED with the line done. in each of them",
                unmarked=unmarked,
            )

    def _refuse_log(self):
        # type: () -> None
        """A marker is set whatever went wrong. What the log does not tell any more cannot be judged by it."""
        attempts = self._log.attempts
        names = [shard["id"] for shard in self._shards if shard["id"] in attempts]
        wrong = [name for name in names if attempts[name].errors or not attempts[name].databases]
        if wrong:
            raise _failure(
                "not-migrated",
                "By {0} {1} were marked with errors, or without a database".format(self._log.path, _some(wrong)),
                "a migration without errors, with a line Done migrating for each database",
            )

    def _refuse_nothing_new(self):
        # type: () -> None
        """The server makes an empty new shard with the number of every old one; points go to others."""
        old = [shard for shard in self._shards if _has_data(shard)]
        numbers = {shard["id"] for shard in self._shards + self._left}
        if old and not any(_has_data(shard) for shard in self._storage.new_shards() if shard["id"] not in numbers):
            raise _failure(
                "not-migrated",
                "{0} shards of 0.7 hold data, and no shard of 0.8 does".format(len(old)),
                "the data in {0}/db/shard_db_v2, unless all of it went to other nodes of the cluster".format(self._data_dir),
            )

    def _refuse_place(self):
        # type: () -> None
        """A rename leads to no other file system, and a link is not what it points to."""
        paths = [self._folder] + [local(shard["path"]) for shard in self._shards]
        links = [path for path in paths + [self._aside] if os.path.islink(path)]
        mounts = [path for path in paths if os.path.ismount(path)]
        if links:
            raise _failure("place", "These are links: {0}".format(_some(links)), "folders")
        if mounts:
            raise _failure("place", "These are file systems of their own: {0}".format(_some(mounts)), "folders of one file system")


def _folders(folder):
    # type: (str) -> List[str]
    """The folders in a folder, highest first. Links are none."""
    paths = [os.path.join(folder, name) for name in reversed(listed(folder))]
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def _sized(path):
    # type: (str) -> Dict[str, Any]
    return {"id": plain(os.path.basename(path)), "path": plain(path), "bytes": sum(size for _name, size in _files(path))}


def _has_data(shard):
    # type: (Dict[str, Any]) -> bool
    return any(size and name.endswith(DATA_FILES) for name, size in _files(local(shard["path"])))


def _files(folder):
    # type: (str) -> Iterator[Tuple[str, int]]
    """Name and size of each file in a folder, of which a running server may remove some meanwhile."""
    for where, _folders_in_it, names in os.walk(folder):
        for name in names:
            found = status(os.path.join(where, name), False)
            if found:
                yield plain(name), found.st_size


def _failure(reason, found, expected, **facts):
    # type: (str, str, str, Any) -> FleetError
    return FleetError(found, expected, REMEDIES[reason], reason=reason, **facts)


def _some(names):
    # type: (List[str]) -> str
    return ", ".join(plain(name) for name in names[:SHOWN]) + (" and {0} more".format(len(names) - SHOWN) if len(names) > SHOWN else "")
