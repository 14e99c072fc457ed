# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that the packages of InfluxDB before 0.9 carry the simulator from 0.7.3 to 0.8.3, on both images, in one cluster."""

from __future__ import annotations

from dataclasses import dataclass

from dbfleet_lab import influxdb_legacy
from dbfleet_lab.fleet import Fleets
from dbfleet_lab.influxdb_legacy import CONFIG, SHARED, InfluxDBLegacy
from dbfleet_lab.influxdb_legacy_fixture import CPU_POINTS, LegacyInflux
from dbfleet_lab.product import FleetSpec
from dbfleet_lab.proof import NAME, Host, prove
from dbfleet_lab.shell import wait_until

OLD, NEW = "0.7.3", "0.8.3"
SPACE = {"name": "all", "regex": "/.*/", "retentionPolicy": "inf", "shardDuration": "7d"}
DATABASES = ["metrics", "app", "empty"]
UNMARKED = f"for shard in {SHARED}/data/db/shard_db/*; do [ -e $shard/MIGRATED ] || echo $shard; done"


@dataclass(frozen=True)
class LegacyHost(Host):
    """A node of the cluster."""

    @property
    def influx(self) -> LegacyInflux:
        return influxdb_legacy.client(self.node)

    def install(self, version: str) -> None:
        self.node.install(self.fleets.podman, influxdb_legacy.package(self.fleets.cache, version))

    def cpu(self) -> int:
        return self.influx.count("metrics", "cpu", "value")

    def kill(self) -> None:
        """As at a loss of power, and start again."""
        self.run(f"kill -9 $(cat {SHARED}/influxdb.pid)")
        self.run("/etc/init.d/influxdb start")
        self.influx.wait()

    def migrate(self) -> None:
        self.influx.post("/cluster/migrate_data", pause="0s")
        wait_until("every old shard is marked", lambda: not self.run(UNMARKED))


def check(fleets: Fleets) -> None:
    """Print what is proved; the first thing that is not so is an error."""
    spec = FleetSpec(NAME, (("debian12", 1), ("oldhost", 1)), OLD, prefix="influx", clusters=("c",))
    fleets.up(InfluxDBLegacy(), spec, None)
    hosts = [LegacyHost(fleets, fleets.node(NAME, name)) for name in ("influx1", "influx2")]
    for host in hosts:
        prove(f"{OLD} has all points on {host.node.image}", host.cpu() == CPU_POINTS, host.cpu())
    _check_installation(hosts)
    _check_migration(hosts)


def _check_installation(hosts: list[LegacyHost]) -> None:
    """The package restarts a server that runs, and leaves one alone that does not."""
    first, second = hosts
    config = first.run(f"cat {CONFIG}")
    second.run("service influxdb stop")
    second.install(NEW)
    prove("the package does not start a server", second.shell("/etc/init.d/influxdb status")[0] == 3)
    first.install(NEW)
    first.influx.wait()
    prove("the package restarts a server as the new release", first.influx.version() == NEW, first.influx.version())
    prove("the configuration stays", first.run(f"cat {CONFIG}") == config)
    second.run("service influxdb start")
    second.influx.wait()
    for host in hosts:
        names = [found["name"] for found in host.influx.get("/db")]
        prove(f"{NEW} knows the databases on {host.node.image}", names == DATABASES, names)
        prove("it has no points yet", host.cpu() == 0, host.cpu())


def _check_migration(hosts: list[LegacyHost]) -> None:
    first, second = hosts
    second.influx.post("/cluster/shard_spaces/metrics", SPACE)
    spaces = [[space["name"] for space in host.influx.get("/cluster/shard_spaces")] for host in hosts]
    prove("a shard space is one of the cluster", spaces == [["all"], ["all"]], spaces)
    first.influx.post("/cluster/migrate_data", pause="60s")
    wait_until("the migration pauses", lambda: first.cpu() > 0)
    first.kill()
    prove("a migration that was killed leaves shards without a mark", bool(first.run(UNMARKED)))
    first.migrate()
    prove("a server migrates its own shards only", 0 < first.cpu() < CPU_POINTS, first.cpu())
    second.migrate()
    for host in hosts:
        prove(f"{NEW} has all points on {host.node.image}", host.cpu() == CPU_POINTS, host.cpu())
