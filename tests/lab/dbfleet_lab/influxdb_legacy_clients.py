# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of InfluxDB before 0.9: one writes while the server is upgraded and remembers, one reads all there is."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from dbfleet_lab.influxdb_legacy_fixture import LegacyInflux
from dbfleet_lab.shell import LabError

DATABASE = "metrics"
FAILED = (LabError, OSError, http.client.HTTPException)


@dataclass
class LegacyWriter:
    """Write one point after the other, each again and again until it is acknowledged, until the block is left."""

    influx: LegacyInflux
    series: str
    interval: float = 0.07
    acknowledged: int = 0
    """Points 1 to this one were acknowledged. The number of a point is its sequence number and its value."""
    refused: int = 0
    """Attempts that failed."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> LegacyWriter:
        self._thread = threading.Thread(target=self._write_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(timeout=150)
        assert not self._thread.is_alive(), "the writer never got an answer"

    def lost(self) -> list[int]:
        """Return the acknowledged points that the server does not have.

        Raises LabError or OSError where it cannot be asked: no answer is no proof.
        """
        held = {
            dict(zip(table["columns"], row, strict=True))["n"]
            for table in self.influx.query(DATABASE, f'select n from "{self.series}"')
            for row in table["points"]
        }
        return sorted(set(range(1, self.acknowledged + 1)) - held)

    def _write_on(self) -> None:
        while not self._stop.is_set():
            number, moment = self.acknowledged + 1, time.time_ns() // 1_000_000
            while self.acknowledged < number and not self._stop.wait(self.interval):
                if self._is_taken([moment, number, number]):
                    self.acknowledged = number
                else:
                    self.refused += 1

    def _is_taken(self, point: list[int]) -> bool:
        content = {"name": self.series, "columns": ["time", "sequence_number", "n"], "points": [point]}
        try:
            self.influx.post(f"/db/{DATABASE}/series", [content], time_precision="ms")
        except FAILED:
            return False
        return True


def holdings(influx: LegacyInflux) -> dict[str, list[Any]]:
    """Return of each series the number of its points and a digest of them, whatever their order."""
    return {
        f"{database['name']} {table['name']}": _summary(table)
        for database in influx.get("/db")
        for table in influx.query(database["name"], "select * from /.*/")
    }


def _summary(table: dict[str, Any]) -> list[Any]:
    """A value that is not there is as good as none: which columns a row shows differs between the releases."""
    rows = (dict(zip(table["columns"], row, strict=True)) for row in table["points"])
    points = sorted(json.dumps({key: row[key] for key in sorted(row) if row[key] is not None}) for row in rows)
    return [len(points), hashlib.sha256("\n".join(points).encode()).hexdigest()]
