# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of the HTTP API of InfluxDB before 0.9 as the lab needs, and the data that its nodes hold.

The data has in it what a careless upgrade or comparison gets wrong: points of ten thousand minutes and more in one shard, so
that a migration pauses; series for shards of both kinds, and more shards than `list series` of 0.7.3 can bear; values of
every type, with letters beyond ASCII; an empty database. Values depend on the node's name, so that nodes mixed up are seen.
"""

from __future__ import annotations

import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from dbfleet_lab.shell import LabError, wait_until

PORT = 8086
ADMIN = ("root", "root")
DATABASES = ("metrics", "app", "empty")
BATCH = 5000
MINUTE, DAY = 60, 86400
# The first of June 2014, when 0.7.3 was new.
END = 1401580800
CPU_POINTS = 26000
TEXTS = ("plain", 'say "hello", twice', "back\\slash", "grün • 漢字 🙂", "")


@dataclass(frozen=True)
class LegacyInflux:
    """One server, as the administrator of its cluster."""

    address: str

    def wait(self) -> None:
        """Wait until the server answers."""
        wait_until(f"influxdb on {self.address} answers", lambda: bool(self.version()))

    def version(self) -> str:
        """The release that it says it is."""
        with urllib.request.urlopen(f"http://{self.address}:{PORT}/ping", timeout=10) as answer:
            return str(answer.headers["X-Influxdb-Version"].split()[1].lstrip("v"))

    def get(self, path: str, **query: str) -> Any:
        return self._call("GET", path, query)

    def post(self, path: str, content: object = None, tolerate: int = 0, **query: str) -> Any:
        """Send something; a status that is tolerated counts as done."""
        return self._call("POST", path, query, json.dumps(content).encode() if content is not None else b"", tolerate)

    def query(self, database: str, statement: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/db/{quote(database, safe='')}/series", q=statement)
        return found

    def count(self, database: str, series: str, column: str) -> int:
        """The number of points of a series; 0 where it is not there, which 0.8 takes for an error."""
        try:
            found = self.query(database, f'select count({column}) from "{series}"')
        except LabError:
            return 0
        return int(found[0]["points"][0][1]) if found else 0

    def _call(self, method: str, path: str, query: dict[str, str], body: bytes | None = None, tolerate: int = 0) -> Any:
        user, password = ADMIN
        url = f"http://{self.address}:{PORT}{path}?{urlencode({'u': user, 'p': password, **query})}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=60) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == tolerate:
                return None
            raise LabError(
                f"influxdb on {self.address} refused {method} {path}: {error.code} {error.read().decode()}"
            ) from error
        return json.loads(content) if content else None


def load(influx: LegacyInflux, node: str) -> int:
    """Create everything on one server; harmless where it exists. Returns the number of points written."""
    for database in DATABASES:
        influx.post("/db", {"name": database}, tolerate=409)
    influx.post("/db/metrics/users", {"name": "reader", "password": "lab-reader-pw"}, tolerate=400)
    total = 0
    for database, series, columns, rows in _series(node):
        for start in range(0, len(rows), BATCH):
            batch = {
                "name": series,
                "columns": ["time", "sequence_number", *columns],
                "points": rows[start : start + BATCH],
            }
            influx.post(f"/db/{database}/series", [batch], time_precision="s")
        total += len(rows)
    return total


def _series(node: str) -> Iterator[tuple[str, str, list[str], list[list[Any]]]]:
    """Database, name, columns and rows; with sequence numbers, so that a second time adds nothing."""
    chance = random.Random(node)
    hour = int(time.time()) // 3600 * 3600

    def rows(count: int, step: int, *values: Any, end: int = END) -> list[list[Any]]:
        return [[end - n * step, n + 1, *(value(n) for value in values)] for n in range(count)]

    def number(_n: int) -> float:
        return round(chance.uniform(-5, 100), 6)

    def text(n: int) -> str | None:
        return chance.choice(TEXTS) if n % 4 else None

    yield "metrics", "cpu", ["host", "n", "value"], rows(CPU_POINTS, MINUTE, lambda _n: node, lambda n: n, number)
    yield "metrics", "disk io", ["value", "ok"], rows(500, DAY // 2, number, lambda n: n % 2 == 0)
    yield "metrics", "Longterm.temp", ["value"], rows(500, DAY // 4, number)
    yield "metrics", "recent", ["value"], rows(100, MINUTE, number, end=hour - 3600)
    yield "app", "events", ["msg", "host"], rows(40, DAY, text, lambda _n: node)
