# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloudant Local on the nodes of a fleet, installed by CAST as IBM's manual says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from dbfleet_lab import cloudant_packages, couch_fixture, packages
from dbfleet_lab.clustered import Clustered
from dbfleet_lab.haproxy import STATISTICS, Balancing, HAProxy
from dbfleet_lab.node import Node
from dbfleet_lab.product import Fleet, FleetSpec, side_by_side
from dbfleet_lab.shell import LabError

BALANCING = Balancing(port=80, stats_uri="/_haproxy", backend="dbfarm")
DBNODE, LBNODE = "/root/cluster_dbnode.yaml", "/root/lbnode.yaml"


class Cloudant(Clustered):
    """Clusters of the simulator under the names and layout of Cloudant Local, with stand-ins of its tools."""

    name = erlang_user = "cloudant"
    versions = tuple(cloudant_packages.RELEASES)
    default = "1.0.0.5"
    image = "cluster"

    def check(self, spec: FleetSpec) -> None:
        super().check(spec)
        if spec.balancers and len(set(spec.clusters)) > 1:
            raise LabError("a load balancer of Cloudant Local serves one cluster; bring up a fleet for each")

    @property
    def balancers(self) -> HAProxy:
        return CloudantBalancer(self, BALANCING)

    def make(self, fleet: Fleet, nodes: Sequence[Node]) -> None:
        podman, first, others = fleet.podman, nodes[0], nodes[1:]
        side_by_side(partial(_run_installer, fleet), nodes)
        first.run(podman, "cast", "system", "install", "-p", couch_fixture.ADMIN[1], "-db")
        first.run(podman, "cast", "cluster", "export", DBNODE)
        exported = first.run(podman, "cat", DBNODE)
        side_by_side(partial(_install_further, fleet, exported), others)
        if others:
            first.run(podman, "cast", "cluster", "add", *(node.hostname for node in others))


class CloudantBalancer(HAProxy):
    """Balancers that CAST configures."""

    def configure(self, fleet: Fleet, node: Node) -> None:
        user, password = STATISTICS
        nodes = [{"hostname": found.hostname, "ipaddress": found.address} for found in fleet.of(self.database)]
        _run_installer(fleet, node)
        # JSON is YAML.
        settings = {"lbnode": {"users": {user: password}, "nodes": nodes}}
        fleet.podman.write(node.container, LBNODE, json.dumps(settings))
        node.run(fleet.podman, "cast", "system", "install", "-lb", "-c", LBNODE)


def _install_further(fleet: Fleet, exported: str, node: Node) -> None:
    fleet.podman.write(node.container, DBNODE, exported)
    node.run(fleet.podman, "cast", "system", "install", "-c", DBNODE, "-db")


def _run_installer(fleet: Fleet, node: Node) -> None:
    installer = node.put(fleet.podman, packages.folder(fleet.cache) / cloudant_packages.file_name(fleet.spec.version))
    node.run(fleet.podman, installer, "--", "-s")
    node.run(fleet.podman, "rm", installer)
