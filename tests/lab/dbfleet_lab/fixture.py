# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data every test node holds: small, but with everything in it that a careless upgrade or comparison gets wrong.

Names and values with spaces, quotes, commas and letters beyond ASCII; fields of every type; an empty database; retention
policies beside autogen; about thirty shard groups, from 2015 to today; users, grants, a continuous query and a
subscription. Every series carries the node's name, and the values depend on it, so that nodes mixed up are seen.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from dbfleet_lab.influx import Influx

ADMIN = ("admin", "lab-admin-pw")
BATCH = 5000
# The policy that comes with a database; before 1.0, its name was OLD_AUTO.
AUTO, OLD_AUTO = "autogen", "default"

SCHEMA = (
    'CREATE DATABASE "metrics"',
    'CREATE DATABASE "odd name-db"',
    'CREATE DATABASE "datenbank-ü"',
    'CREATE DATABASE "empty"',
    'CREATE RETENTION POLICY "one_week" ON "metrics" DURATION 7d REPLICATION 1 SHARD DURATION 1d',
    'CREATE RETENTION POLICY "forever" ON "metrics" DURATION INF REPLICATION 1 SHARD DURATION 30d',
)
USERS = (
    "CREATE USER \"reader\" WITH PASSWORD 'lab-reader-pw'",
    "CREATE USER \"writer\" WITH PASSWORD 'lab-writer-pw'",
    "CREATE USER \"we ird\" WITH PASSWORD 'lab-weird-pw'",
    'GRANT READ ON "metrics" TO "reader"',
    'GRANT WRITE ON "metrics" TO "writer"',
)
# The last points lie hours in the past, so that this query finds nothing to add while a test runs.
# Nobody listens where the subscription sends: it is made last, to keep the log quiet while data is loaded.
EXTRAS = (
    'CREATE CONTINUOUS QUERY "cq mean usage" ON "metrics" BEGIN SELECT mean("usage") AS "usage" '
    'INTO "metrics"."forever"."cpu_1h" FROM "metrics"."autogen"."cpu" GROUP BY time(1h), * END',
    'CREATE SUBSCRIPTION "nobody" ON "metrics"."autogen" DESTINATIONS ALL \'http://127.0.0.1:9999\'',
)
NOTES = ("plain", 'say "hello", twice', "a, b and c = d", "back\\slash", "grün • 漢字 • emoji 🙂", "", " padded ")


@dataclass(frozen=True)
class Stretch:
    """Points of one measurement over one span of time."""

    database: str
    policy: str
    measurement: str
    start: datetime
    span: timedelta
    count: int


def load(influx: Influx, node: str, now: datetime, old: bool = False) -> int:
    """Create everything on one server; harmless where it exists. Returns the number of points written.

    An old server, of a release before 0.12, chooses the durations of shards itself.
    """
    auto = OLD_AUTO if old else AUTO
    name, password = ADMIN
    # With authentication on, a server without users accepts exactly this statement, and only as its first.
    influx.query(f"CREATE USER \"{name}\" WITH PASSWORD '{password}' WITH ALL PRIVILEGES", tolerate="already exists")
    for statement in (*SCHEMA, *USERS):
        influx.query(re.sub(" SHARD DURATION .*", "", statement) if old else statement, tolerate="already exists")
    total = 0
    for stretch in _stretches(now):
        lines = list(_lines(stretch, node))
        for start in range(0, len(lines), BATCH):
            policy = auto if stretch.policy == AUTO else stretch.policy
            influx.write(stretch.database, policy, lines[start : start + BATCH])
        total += len(lines)
    for statement in EXTRAS:
        influx.query(statement.replace(f'"{AUTO}"', f'"{auto}"'), tolerate="already exists")
    return total


def _stretches(now: datetime) -> Iterator[Stretch]:
    week, day = timedelta(days=7), timedelta(days=1)
    recent = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    old = [datetime(year, month, 11, tzinfo=timezone.utc) for year in (2015, 2016, 2017) for month in (2, 6, 10)]
    for start in (*old, recent - 9 * week, recent - 3 * week, recent - week):
        yield Stretch("metrics", AUTO, "cpu", start, day, 1500)
    yield Stretch("metrics", AUTO, "disk io", recent - week, week, 2000)
    yield Stretch("metrics", AUTO, "wetter,außen=°C", datetime(2016, 2, 29, tzinfo=timezone.utc), week, 1000)
    yield Stretch("metrics", "one_week", "cpu", recent - 5 * day, 5 * day, 3000)
    yield Stretch("metrics", "forever", "cpu_1h", recent - 12 * week, 12 * week, 2000)
    yield Stretch("odd name-db", AUTO, 'quo"ted, measurement', datetime(2017, 12, 30, tzinfo=timezone.utc), week, 2000)
    yield Stretch("datenbank-ü", AUTO, "温度", recent - 2 * week, 2 * week, 2000)


def _lines(stretch: Stretch, node: str) -> Iterator[str]:
    """Line protocol; the same node and stretch always give the same values."""
    chance = random.Random(f"{node} {stretch.database} {stretch.policy} {stretch.measurement}")
    series = list(_series(stretch.measurement, node))
    first, step = int(stretch.start.timestamp()) * 10**9, int(stretch.span.total_seconds()) * 10**9 // stretch.count
    for number in range(stretch.count):
        usage, count, up = chance.uniform(-5, 100), chance.randrange(-(2**40), 2**40), chance.random() > 0.1
        note = re.sub(r'(["\\])', r"\\\1", chance.choice(NOTES))
        fields = f'usage={usage:.6f},count={count}i,is\\ up={"true" if up else "false"},note="{note}"'
        yield f"{series[number % len(series)]} {fields} {first + number * step}"


def _series(measurement: str, node: str) -> Iterator[str]:
    for core, place in enumerate(("Zürich, West", "a=b", 'quo"te', "plain")):
        tags = (("data center", place), ("host", node), ("core", f"cpu {core}"), ("größe", "µ"))
        pairs = [f"{_escape(key, ', =')}={_escape(value, ', =')}" for key, value in tags]
        yield ",".join([_escape(measurement, ", "), *pairs])


def _escape(text: str, special: str) -> str:
    return "".join(f"\\{letter}" if letter in special else letter for letter in text)
