# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""InfluxDB before 0.9 on the nodes of a fleet: each a server of its own, or several one cluster."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dbfleet_lab import influxdb_legacy_fixture, influxdb_legacy_packages, packages
from dbfleet_lab.cache import Cache
from dbfleet_lab.influxdb_legacy_fixture import LegacyInflux
from dbfleet_lab.node import RECORDED, SMALL, Node
from dbfleet_lab.product import Database, Fleet, FleetSpec, side_by_side
from dbfleet_lab.shell import LabError

SHARED = "/opt/influxdb/shared"
CONFIG = f"{SHARED}/config.toml"
RAFT_PORT = 8090


class InfluxDBLegacy(Database):
    """Servers of the simulator; nodes with one cluster's name are one cluster, and the first of them leads it."""

    name = group = "influxdb_legacy"
    prefix = "influx"
    versions = tuple(influxdb_legacy_packages.RELEASES)
    default = "0.7.3"

    def check(self, spec: FleetSpec) -> None:
        super().check(spec)
        if spec.auth or spec.https or spec.balancers or spec.data == RECORDED:
            raise LabError(f"{self.name} has no --auth, --https, --balancers or --data {RECORDED} here")

    def nodes(self, spec: FleetSpec) -> list[Node]:
        return [
            Node(
                fleet=spec.name,
                name=f"{spec.prefix}{index + 1}",
                image=image,
                version=spec.version,
                cluster=spec.cluster(index),
                data=spec.data,
                product=self.name,
            )
            for index, image in enumerate(spec.images)
        ]

    def provision(self, fleet: Fleet) -> None:
        clusters = fleet.clusters(self)
        alone = [[node] for node in clusters.pop("", [])]
        side_by_side(partial(self._provision, fleet), [*alone, *clusters.values()])

    def variables(self, _fleet: Fleet) -> dict[str, Any]:
        user, password = influxdb_legacy_fixture.ADMIN
        return {"influxdb_legacy_admin_user": user, "influxdb_legacy_admin_password": password}

    def load(self, node: Node, _cache: Cache) -> str:
        return f"{influxdb_legacy_fixture.load(client(node), node.name)} points"

    def _provision(self, fleet: Fleet, nodes: Sequence[Node]) -> None:
        """Make one cluster: a server joins by one that runs already."""
        for node in nodes:
            node.install(fleet.podman, package(fleet.cache, node.version))
            packaged = node.run(fleet.podman, "cat", CONFIG)
            fleet.podman.write(node.container, CONFIG, configured(packaged, node.name, nodes[0].name))
            node.run(fleet.podman, "service", "influxdb", "start")
            client(node).wait()
        data = self.load(nodes[0], fleet.cache) if fleet.spec.data == SMALL else f"data: {fleet.spec.data}"
        for node in nodes:
            print(f"{node.name}: {node.image} at {node.address}, influxdb {client(node).version()}, {data}", flush=True)


def client(node: Node) -> LegacyInflux:
    """The server of a node."""
    return LegacyInflux(node.address)


def package(cache: Cache, version: str) -> Path:
    """The package of a release."""
    return packages.folder(cache) / influxdb_legacy_packages.file_name(version)


def configured(packaged: str, name: str, first: str) -> str:
    """The packaged configuration with the node's own name, and the server by which it joins, unless it is that one."""
    seeds = f'seed-servers = ["{first}:{RAFT_PORT}"]' if name != first else "seed-servers = []"
    named, names = re.subn("^# hostname = .*$", f'hostname = "{name}"', packaged, flags=re.MULTILINE)
    seeded, seedings = re.subn("^# seed-servers = .*$", seeds, named, flags=re.MULTILINE)
    if (names, seedings) != (1, 1):
        raise LabError("the packaged configuration lacks the samples of 'hostname' and 'seed-servers'")
    return seeded
