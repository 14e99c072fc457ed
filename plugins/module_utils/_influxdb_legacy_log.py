# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the log of an InfluxDB 0.8 server tells of the migration of 0.7's data.

The server writes the marker of a shard even if series of it could not be read or written: only the log has these errors. It has no line
for the end. A shard that is migrated anew is migrated from its beginning, so that what went wrong before counts no more.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import io
import os
import re

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_storage import MARKER, OLD
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import listed, local, status, unreadable

try:
    from typing import Any, Dict, List, Optional, Set, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

LINE = re.compile(r"^\[[^\]]+\] \[(?P<level>[A-Z]+)\] \((?P<source>\S+)\) (?P<text>.*)$")
MIGRATOR = "migration.(*DataMigrator)"
FAILED = ("EROR", "CRIT")
STARTED = "Starting Influx Server"
BEGUN = "Starting Migration"
SHARD = re.compile(r"^(?:Migrating|(?P<skipped>Already migrated)) (?P<shard>\S+?)(?:\. Skipping)?$")
FINISHED_DATABASE = re.compile(r"^Done migrating (.*) for shard$")
GIVEN_UP = ("Migration error getting shard", "Error migrating database", "Problem writing migration marker")
"""How the errors begin with which the server leaves a shard without a marker."""
PUT_AWAY = re.compile(r"\.[0-9]{3}$")
DAY = 86400
"""Seconds by which the beginning of a migration is older than its first marker, at most."""


class Attempt(object):
    """How the last migration of one shard went. databases: those that it came through; without any nothing was migrated."""

    def __init__(self):
        # type: () -> None
        self.databases = set()  # type: Set[str]
        self.errors = []  # type: List[str]
        self.given_up = False


class Run(object):
    """One migration, of the server as it runs now. last: the shard it came to last, they go from the highest down.

    errors: those that belong to no shard; the folder of all of them could not be read.
    """

    def __init__(self):
        # type: () -> None
        self.last = None  # type: Optional[str]
        self.errors = []  # type: List[str]


class MigrationLog(object):
    """Reads on with every update(). run is None where the server began no migration since its start."""

    def __init__(self, path):
        # type: (str) -> None
        self.path = path
        self.exists = False
        self.tells = False
        self.begun = 0
        self.run = None  # type: Optional[Run]
        self.attempts = {}  # type: Dict[str, Attempt]
        self._position = 0
        self._current = None  # type: Optional[Attempt]
        self._held = []  # type: List[str]

    def update(self):
        # type: () -> None
        """Read what was added. A file that became shorter is a new one."""
        try:
            with io.open(local(self.path), "rb") as stream:
                self.exists = True
                if stream.seek(0, 2) < self._position:
                    self._position = 0
                stream.seek(self._position)
                for line in stream:
                    if not line.endswith(b"\n"):
                        break
                    self._position += len(line)
                    self._read(to_text(line, errors="surrogate_or_replace").rstrip())
        except EnvironmentError as error:
            if error.errno != errno.ENOENT:
                raise unreadable(self.path, error)

    def is_at_work(self, marks):
        # type: (Dict[str, bool]) -> Optional[bool]
        """Whether the migration runs, as far as the log and the markers tell; None where the log tells nothing."""
        if not self.tells:
            return None
        return not self.has_ended(marks)

    def has_ended(self, marks):
        # type: (Dict[str, bool]) -> bool
        """The run is through with the lowest shard, or could not begin with any. There is no line for it."""
        run = self.run
        if run is None or not marks:
            return True
        if run.last is None:
            return bool(run.errors)
        lowest = min(marks)
        is_through = self._current is None or self._current.given_up or marks[lowest]
        return run.last < lowest or (run.last == lowest and is_through)

    def _read(self, line):
        # type: (str) -> None
        found = LINE.match(line)
        if not found:
            return
        self.tells = self.tells or found.group("level") == "INFO"
        if found.group("text").startswith(STARTED):
            self.run = self._current = None
        elif found.group("text") == BEGUN:
            self.begun += 1
            self.run, self._current = Run(), None
        elif self.run:
            self._follow(self.run, found, line)

    def _follow(self, run, found, line):
        # type: (Run, Any, str) -> None
        """Errors of other parts of the server count as soon as the migrator is seen to be still at work after them."""
        if MIGRATOR not in found.group("source"):
            if found.group("level") in FAILED:
                self._held.append(line)
            return
        if self._current:
            self._current.errors += self._held
        self._held = []
        if found.group("level") in FAILED:
            self._fail(run, found.group("text"), line)
        else:
            self._step(run, found.group("source"), found.group("text"))

    def _fail(self, run, text, line):
        # type: (Run, str, str) -> None
        (self._current or run).errors.append(line)
        if self._current and text.startswith(GIVEN_UP):
            self._current.given_up = True

    def _step(self, run, source, text):
        # type: (Run, str, str) -> None
        shard = SHARD.match(text) if ").migrateDir:" in source else None
        database = FINISHED_DATABASE.match(text)
        if shard:
            run.last = shard.group("shard")
            self._current = None if shard.group("skipped") else Attempt()
            if self._current:
                self.attempts[run.last] = self._current
        elif database and self._current:
            self._current.databases.add(database.group(1))


class WholeLog(MigrationLog):
    """The log with what was put away: at midnight the server renames the file to PATH.001 or the next free number, and begins anew.

    What was not written to since a day before the first of the markers below data_dir is passed over; without any, since a day before the
    last line.
    """

    def __init__(self, path, data_dir):
        # type: (str, str) -> None
        super(WholeLog, self).__init__(path)
        self._since = _first_marker(path, data_dir) - DAY
        self._done = set()  # type: Set[Tuple[float, str]]

    def update(self):
        # type: () -> None
        """A file that is put away is read to its end from where it was left; then the new one from its beginning."""
        current = self.path
        for one in self._put_away():
            self.path = one[1]
            super(WholeLog, self).update()
            self._position = 0
            self._done.add(one)
        self.path = current
        super(WholeLog, self).update()

    def _put_away(self):
        # type: () -> List[Tuple[float, str]]
        """Time of the last line and path of what was not read to its end yet, oldest first."""
        folder, name = os.path.split(local(self.path))
        paths = [os.path.join(folder, one) for one in listed(folder) if one.startswith(name) and PUT_AWAY.match(one[len(name) :])]
        found = [(status(path, True), path) for path in paths]
        times = [(one.st_mtime, path) for one, path in found if one and one.st_mtime >= self._since]
        return sorted(set(times) - self._done)


def _first_marker(path, data_dir):
    # type: (str, str) -> float
    """When the first shard was marked, in seconds since 1970; without a marker the time of the log's last line, without a log 0."""
    folder = os.path.join(local(data_dir), "db", OLD)
    shards = [os.path.join(folder, name) for name in listed(folder)]
    paths = [local(path)] + [os.path.join(shard, MARKER) for shard in shards if os.path.isdir(shard)]
    return min([found.st_mtime for found in (status(one, True) for one in paths) if found] or [0])
