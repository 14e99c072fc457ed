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

from dbfleet_lab import keys, legacy, packages
from dbfleet_lab.fleet import Fleets, FleetSpec
from dbfleet_lab.influx import Influx
from dbfleet_lab.node import CONFIG, RECORDED, STORAGE, Node
from dbfleet_lab.shell import LabError

NAME = "check"
NEW = "1.4.3"
LOGINS = (legacy.RECORDED_ADMIN, ("reader", "readerpw"), ("writer", "wr it'er"), ("we ird", "x"))
RAFT_DB = f"{STORAGE}/meta/raft.db"
BACKUP = "/root/backup"
REFUSAL = f"run: create server: detected {RAFT_DB}. To proceed"


@dataclass(frozen=True)
class Host:
    """A node on recorded data, to run commands in."""

    fleets: Fleets
    node: Node

    @classmethod
    def up(cls, fleets: Fleets, version: str, auth: bool) -> Host:
        fleets.up(FleetSpec(NAME, (("debian12", 1),), version, prefix="influx", data=RECORDED, auth=auth), None)
        return cls(fleets, fleets.node(NAME, "influx1"))

    @property
    def influx(self) -> Influx:
        return self.node.influx(keys.authority(self.fleets.cache))

    def shell(self, command: str) -> tuple[int, str]:
        """Run a command; returns its exit code and all of its output."""
        done = self.fleets.podman.run("exec", self.node.container, "sh", "-c", f"{command} 2>&1", check=False)
        return done.returncode, done.stdout

    def run(self, command: str) -> str:
        code, output = self.shell(command)
        if code:
            raise LabError(f"exit code {code} from {command!r}: {output}")
        return output

    def digest(self) -> str:
        return self.run(f"sha256sum {RAFT_DB}")

    def rows(self, database: str, measurement: str) -> list[str]:
        series = self.influx.query(f'SELECT * FROM "{database}"..{measurement}')
        return _rows(series[0]) if series else []

    def upgrade(self) -> None:
        """Install the new release over the stopped old one, bring the metadata over, start."""
        podman = self.fleets.podman
        inside = "/root/new.deb"
        podman.run("cp", str(packages.release(self.fleets.cache, NEW)), f"{self.node.container}:{inside}")
        self.run(rf"sed -i -E 's/^\[(collectd|opentsdb)\]/[[\1]]/' {CONFIG}")
        self.run(f"dpkg --force-confold --install {inside} && systemctl daemon-reload")
        code, output = self.shell(f"influxd -config {CONFIG}")
        _prove(f"{NEW} refuses to start beside raft.db", code == 1 and REFUSAL in output, output)
        self.run(f"influxd restore -metadir={STORAGE}/meta {BACKUP} && chown -R influxdb: {STORAGE}")
        self.node.start(podman, keys.authority(self.fleets.cache))


def check(fleets: Fleets) -> None:
    """Print what is proved; the first thing that is not as recorded is an error, and leaves its node for a look."""
    _check_metadata(Host.up(fleets, "0.11.1", auth=True))
    _check_shards(Host.up(fleets, "0.10.3", auth=False))
    fleets.down(NAME)


def _check_metadata(host: Host) -> None:
    backup = base64.b64decode(host.run(f"influxd backup {BACKUP} >/dev/null 2>&1; base64 {BACKUP}/meta.00"))
    recorded = (legacy.FIXTURES / "metastore/meta-0.11.1.00").read_bytes()
    _prove("the backup is the recorded one, byte for byte", backup == recorded, backup)
    _check_rows(host, "0.11.1")
    for name, password in LOGINS:
        Influx(host.node.address, (name, password)).query("SHOW DATABASES")
    _prove("all users log in with their passwords", True)
    _check_raft_db(host)
    host.influx.write("late", "default", ["m v=7"])
    host.run("service influxdb stop")
    host.upgrade()
    _check_rows(host, NEW)
    # Points of three weeks: their shards get the numbers that have been given to other databases after the backup.
    host.influx.write("metrics", "default", [f"m v=1 {10**18 + week * 10**16}" for week in range(3)])
    found = host.influx.query('SELECT * FROM metrics."default".m')[0]["values"]
    _prove("a stale backup mixes databases", len(found) == 4, found)


def _check_raft_db(host: Host) -> None:
    # The server writes its own measurements sooner or later, and has no shard of today for them yet.
    host.influx.write("_internal", "monitor", ["probe v=1"])
    host.run("influxd backup /root/other")
    before = host.digest()
    host.influx.write("metrics", "forever", ["probe v=1 1459500000000000000"])
    host.run("influxd backup /root/other")
    _prove("points and backups leave raft.db as it is", host.digest() == before)
    host.influx.query("CREATE DATABASE late")
    host.run("influxd backup /root/other")
    _prove("a new database changes raft.db", host.digest() != before)


def _check_rows(host: Host, version: str) -> None:
    folder = legacy.FIXTURES / "influxdb-0.11.1"
    for database, measurement in (("metrics", "cpu"), ("app", "events")):
        wanted = _recorded(folder / f"{measurement}.json.gz")
        _prove(f"{version} has the recorded {len(wanted)} rows", host.rows(database, measurement) == wanted)


def _check_shards(host: Host) -> None:
    wanted = _recorded(legacy.FIXTURES / "influxdb-0.10.3/cpu.json.gz")
    databases = ("db_b1", "db_bz1", "db_tsm1")
    for database in databases:
        _prove(f"0.10.3 has the recorded rows of {database}", host.rows(database, "cpu") == wanted)
    host.run(f"influxd backup {BACKUP}")
    convert = f"influx_tsm -y -backup /root {STORAGE}/data"
    _prove("influx_tsm does not convert what a server has open", host.shell(convert)[0] == 1)
    host.run("service influxdb stop")
    host.shell(f"DBFLEET_LAB_TSM_DELAY=60s timeout -s KILL 1 {convert}")
    left = host.run(f"ls {STORAGE}/data/db_b1/default").split()
    _prove("influx_tsm can be killed in the middle of a shard", {"1", "1.tsm"} <= set(left), left)
    output = host.run(convert)
    _prove("influx_tsm converts all shards", "Shards converted:                    6" in output, output)
    host.upgrade()
    for database in databases:
        _prove(f"{NEW} has the recorded rows of {database}", host.rows(database, "cpu") == wanted)


def _prove(what: str, proved: bool, found: object = "") -> None:
    if not proved:
        raise LabError(f"not so: {what}. Found: {found!r}. Look into the node with: lab exec {NAME} influx1")
    print(what, flush=True)


def _recorded(file: Path) -> list[str]:
    return _rows(json.loads(gzip.decompress(file.read_bytes()))["results"][0]["series"][0])


def _rows(series: dict[str, Any]) -> list[str]:
    """Rows in an order of their own: that of rows with equal times differs between releases."""
    return sorted(json.dumps(dict(zip(series["columns"], row)), sort_keys=True) for row in series["values"])  # noqa: B905
