# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that the old releases' stand-ins do what was recorded from the real programs, up to the upgrade to 1.4.3."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbfleet_lab import influxdb, legacy
from dbfleet_lab.fleet import Fleets
from dbfleet_lab.influx import Influx
from dbfleet_lab.influxdb import CONFIG, STORAGE, InfluxDB
from dbfleet_lab.node import RECORDED
from dbfleet_lab.product import FleetSpec
from dbfleet_lab.proof import NAME, Host, prove

NEW = "1.4.3"
LOGINS = (legacy.RECORDED_ADMIN, ("reader", "readerpw"), ("writer", "wr it'er"), ("we ird", "x"))
RAFT_DB = f"{STORAGE}/meta/raft.db"
BACKUP = "/root/backup"
REFUSAL = f"run: create server: detected {RAFT_DB}. To proceed"


@dataclass(frozen=True)
class InfluxHost(Host):
    """A node on recorded data."""

    @classmethod
    def up(cls, fleets: Fleets, version: str, auth: bool) -> InfluxHost:
        spec = FleetSpec(NAME, (("debian12", 1),), version, prefix="influx", data=RECORDED, auth=auth)
        fleets.up(InfluxDB(), spec, None)
        return cls(fleets, fleets.node(NAME, "influx1"))

    @property
    def influx(self) -> Influx:
        return influxdb.client(self.node, self.fleets.cache)

    def digest(self) -> str:
        return self.run(f"sha256sum {RAFT_DB}")

    def rows(self, database: str, measurement: str) -> list[str]:
        series = self.influx.query(f'SELECT * FROM "{database}"..{measurement}')
        return _rows(series[0]) if series else []

    def upgrade(self) -> None:
        """Install the new release over the stopped old one, bring the metadata over, start."""
        podman, cache = self.fleets.podman, self.fleets.cache
        self.run(rf"sed -i -E 's/^\[(collectd|opentsdb)\]/[[\1]]/' {CONFIG}")
        self.node.install(podman, influxdb.package(cache, NEW), "--force-confold")
        self.run("systemctl daemon-reload")
        code, output = self.shell(f"influxd -config {CONFIG}")
        prove(f"{NEW} refuses to start beside raft.db", code == 1 and REFUSAL in output, output)
        self.run(f"influxd restore -metadir={STORAGE}/meta {BACKUP} && chown -R influxdb: {STORAGE}")
        influxdb.start(self.node, podman, cache)


def check(fleets: Fleets) -> None:
    """Print what is proved; the first thing that is not as recorded is an error."""
    _check_metadata(InfluxHost.up(fleets, "0.11.1", auth=True))
    _check_shards(InfluxHost.up(fleets, "0.10.3", auth=False))


def _check_metadata(host: InfluxHost) -> None:
    backup = base64.b64decode(host.run(f"influxd backup {BACKUP} >/dev/null 2>&1; base64 {BACKUP}/meta.00"))
    recorded = (legacy.FIXTURES / "metastore/meta-0.11.1.00").read_bytes()
    prove("the backup is the recorded one, byte for byte", backup == recorded, backup)
    _check_rows(host, "0.11.1")
    for name, password in LOGINS:
        Influx(host.node.address, (name, password)).query("SHOW DATABASES")
    prove("all users log in with their passwords", True)
    _check_raft_db(host)
    host.influx.write("late", "default", ["m v=7"])
    host.run("service influxdb stop")
    host.upgrade()
    _check_rows(host, NEW)
    # Points of three weeks: their shards get the numbers that have been given to other databases after the backup.
    host.influx.write("metrics", "default", [f"m v=1 {10**18 + week * 10**16}" for week in range(3)])
    found = host.influx.query('SELECT * FROM metrics."default".m')[0]["values"]
    prove("a stale backup mixes databases", len(found) == 4, found)


def _check_raft_db(host: InfluxHost) -> None:
    # The server writes its own measurements sooner or later, and has no shard of today for them yet.
    host.influx.write("_internal", "monitor", ["probe v=1"])
    host.run("influxd backup /root/other")
    before = host.digest()
    host.influx.write("metrics", "forever", ["probe v=1 1459500000000000000"])
    host.run("influxd backup /root/other")
    prove("points and backups leave raft.db as it is", host.digest() == before)
    host.influx.query("CREATE DATABASE late")
    host.run("influxd backup /root/other")
    prove("a new database changes raft.db", host.digest() != before)


def _check_rows(host: InfluxHost, version: str) -> None:
    folder = legacy.FIXTURES / "influxdb-0.11.1"
    for database, measurement in (("metrics", "cpu"), ("app", "events")):
        wanted = _recorded(folder / f"{measurement}.json.gz")
        prove(f"{version} has the recorded {len(wanted)} rows", host.rows(database, measurement) == wanted)


def _check_shards(host: InfluxHost) -> None:
    wanted = _recorded(legacy.FIXTURES / "influxdb-0.10.3/cpu.json.gz")
    databases = ("db_b1", "db_bz1", "db_tsm1")
    for database in databases:
        prove(f"0.10.3 has the recorded rows of {database}", host.rows(database, "cpu") == wanted)
    host.run(f"influxd backup {BACKUP}")
    convert = f"influx_tsm -y -backup /root {STORAGE}/data"
    prove("influx_tsm does not convert what a server has open", host.shell(convert)[0] == 1)
    host.run("service influxdb stop")
    host.shell(f"DBFLEET_LAB_TSM_DELAY=60s timeout -s KILL 1 {convert}")
    left = host.run(f"ls {STORAGE}/data/db_b1/default").split()
    prove("influx_tsm can be killed in the middle of a shard", {"1", "1.tsm"} <= set(left), left)
    output = host.run(convert)
    prove("influx_tsm converts all shards", "Shards converted:                    6" in output, output)
    host.upgrade()
    for database in databases:
        prove(f"{NEW} has the recorded rows of {database}", host.rows(database, "cpu") == wanted)


def _recorded(file: Path) -> list[str]:
    return _rows(json.loads(gzip.decompress(file.read_bytes()))["results"][0]["series"][0])


def _rows(series: dict[str, Any]) -> list[str]:
    """Rows in an order of their own: that of rows with equal times differs between releases."""
    return sorted(json.dumps(dict(zip(series["columns"], row)), sort_keys=True) for row in series["values"])  # noqa: B905
