# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One shard on the disk: files named and replaced as LevelDB does it, which hold JSON lines instead."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import fcntl
import io
import json
import os
import re
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Tuple  # noqa: F401 (read by type comments)

    # A point: its time in microseconds, its sequence number, and its values.
    Point = Tuple[int, int, Dict[str, Any]]
    # A series: its database and its name.
    Series = Tuple[str, str]

TABLE = re.compile(r"([0-9]{6})\.ldb$")
LOG = re.compile(r"([0-9]{6})\.log$")
# What follows the server's id in the sequence numbers that it gives.
STRIDE = 10000


class Shard:
    """A folder, opened: reading it replaces its files, as LevelDB's recovery does, and keeps others from opening it."""

    def __init__(self, folder):
        # type: (str) -> None
        self._folder = folder
        self._mutex = threading.Lock()
        self._last = 0
        self._points = {}  # type: Dict[Series, Dict[Tuple[int, int], Dict[str, Any]]]
        if not os.path.isdir(folder):
            os.makedirs(folder, 0o755)
        self._lock = os.open(self._path("LOCK"), os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._log = self._recover()
        except (IOError, OSError):
            os.close(self._lock)
            raise

    def close(self):
        # type: () -> None
        self._log.close()
        os.close(self._lock)

    def write(self, series, points, server):
        # type: (Series, List[Point], int) -> None
        """Add points; one without a sequence number gets this server's next."""
        with self._mutex:
            numbered = [(time, number or self._next_number(server), values) for time, number, values in points]
            self._record({"series": series, "points": numbered})

    def delete(self, database, name, start, end):
        # type: (str, Optional[str], int, int) -> None
        """Remove points between two times, of one series or of all of a database."""
        with self._mutex:
            for series in list(self._points):
                if series[0] == database and name in (None, series[1]):
                    self._record({"series": series, "delete": [start, end]})

    def names(self, database):
        # type: (str) -> List[str]
        """The series of a database that have points here."""
        with self._mutex:
            return sorted(name for of, name in self._points if of == database)

    def points(self, series):
        # type: (Series) -> List[Point]
        """The points of a series, the latest first."""
        with self._mutex:
            found = self._points.get(series, {})
            return [(key[0], key[1], found[key]) for key in sorted(found, reverse=True)]

    def _next_number(self, server):
        # type: (int) -> int
        self._last += 1
        return self._last * STRIDE + server

    def _record(self, record):
        # type: (Dict[str, Any]) -> None
        self._log.write(json.dumps(record).encode("ascii") + b"\n")
        self._apply(record)

    def _apply(self, record):
        # type: (Dict[str, Any]) -> None
        database, name = record["series"]
        series = (database, name)
        if "delete" in record:
            start, end = record["delete"]
            kept = {key: values for key, values in self._points.get(series, {}).items() if not start <= key[0] <= end}
            self._points[series] = kept
            if not kept:
                del self._points[series]
            return
        known = self._points.setdefault(series, {})
        for time, number, values in record["points"]:
            known.setdefault((time, number), {}).update(values)
            self._last = max(self._last, number // STRIDE)

    def _recover(self):
        # type: () -> Any
        """Read the folder, and replace its log by a table and an empty log."""
        names = sorted(os.listdir(self._folder))
        if "CURRENT" in names:
            self._require_manifest()
        for pattern in (TABLE, LOG):
            for name in filter(pattern.match, names):
                for record in self._records(name):
                    self._apply(record)
        return self._rotate([name for name in names if LOG.match(name)], names)

    def _require_manifest(self):
        # type: () -> None
        with io.open(os.path.join(self._folder, "CURRENT"), encoding="ascii") as stream:
            manifest = os.path.join(self._folder, stream.read().strip())
        if not os.path.isfile(manifest):
            raise IOError("IO error: %s: No such file or directory" % manifest)

    def _records(self, name):
        # type: (str) -> Iterator[Dict[str, Any]]
        """What a file holds; a line that a kill cut off, or that is damaged, is passed over without a word."""
        with io.open(os.path.join(self._folder, name), "rb") as stream:
            for line in stream:
                try:
                    yield json.loads(line.decode("ascii"))
                except ValueError:
                    continue

    def _rotate(self, logs, names):
        # type: (List[str], List[str]) -> Any
        numbers = [int(found) for name in names for found in re.findall("^(?:MANIFEST-)?([0-9]{6})", name)]
        number = max(numbers) if numbers else 1
        self._write("MANIFEST-%06d" % (number + 1), "")
        self._write("CURRENT", "MANIFEST-%06d\n" % (number + 1))
        self._roll_own_log(names)
        for name in names:
            if name.startswith("MANIFEST-"):
                os.remove(self._path(name))
        for offset, log in enumerate(logs):
            if os.path.getsize(self._path(log)):
                number += offset
                os.rename(self._path(log), self._path("%06d.ldb" % (number + 2)))
            else:
                os.remove(self._path(log))
        following = number + 3 if logs else number + 2
        return io.open(self._path("%06d.log" % following), "ab", buffering=0)

    def _roll_own_log(self, names):
        # type: (List[str]) -> None
        if "LOG" in names:
            os.rename(self._path("LOG"), self._path("LOG.old"))
        self._write("LOG", "Recovering log\n" if names else "")

    def _path(self, name):
        # type: (str) -> str
        return os.path.join(self._folder, name)

    def _write(self, name, text):
        # type: (str, str) -> None
        with io.open(self._path(name), "w", encoding="ascii") as stream:
            stream.write(text)
