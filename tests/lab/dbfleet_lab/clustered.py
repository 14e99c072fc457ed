# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CouchDB and Cloudant Local have in common: clusters of nodes that share their data, and balancers before them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from dbfleet_lab import couch_fixture
from dbfleet_lab.cache import Cache
from dbfleet_lab.couch import PORT, Couch
from dbfleet_lab.haproxy import HAProxy
from dbfleet_lab.node import BARE, RECORDED, SMALL, Node
from dbfleet_lab.product import Database, Fleet, FleetSpec, Product, side_by_side
from dbfleet_lab.shell import LabError, wait_until


class Clustered(Database):
    """A database whose nodes are Erlang nodes, and speak CouchDB's API."""

    group = "cloudant_db"
    prefix = "db"
    image: ClassVar[str] = "debian12"
    erlang_user: ClassVar[str]
    """What stands before the @ in the names of its Erlang nodes."""

    @property
    @abstractmethod
    def balancers(self) -> HAProxy:
        """What balances its load."""

    @abstractmethod
    def make(self, fleet: Fleet, nodes: Sequence[Node]) -> None:
        """Install the product on nodes and tell the first of them of the others."""

    def check(self, spec: FleetSpec) -> None:
        super().check(spec)
        if spec.auth or spec.https or spec.data == RECORDED or {image for image, _number in spec.mix} != {"debian12"}:
            raise LabError(f"{self.name} has no --auth, --https or --data {RECORDED} here, and its image is not chosen")
        if spec.balancers and spec.version == BARE:
            raise LabError("balancers have nothing to balance before bare nodes")

    def products(self, spec: FleetSpec) -> list[Product]:
        return [self, self.balancers] if spec.balancers else [self]

    def nodes(self, spec: FleetSpec) -> list[Node]:
        return [
            Node(
                fleet=spec.name,
                name=f"{spec.prefix}{index + 1}",
                image=self.image,
                version=spec.version,
                cluster=spec.cluster(index) or spec.name,
                data=spec.data,
                product=self.name,
                domain=f"{spec.name}.test",
            )
            for index in range(len(spec.images))
        ]

    def provision(self, fleet: Fleet) -> None:
        side_by_side(partial(self._provision, fleet), fleet.clusters(self).values())

    def host_variables(self, fleet: Fleet, node: Node) -> dict[str, Any]:
        variables = super().host_variables(fleet, node)
        if fleet.spec.balancers:
            variables["cloudant_db_balancers"] = self.balancers.watched_by(fleet, node.cluster)
        return variables

    def variables(self, _fleet: Fleet) -> dict[str, Any]:
        user, password = couch_fixture.ADMIN
        return {
            "cloudant_db_flavour": self.name,
            "cloudant_db_port": PORT,
            "cloudant_db_admin_user": user,
            "cloudant_db_admin_password": password,
        }

    def load(self, node: Node, _cache: Cache) -> str:
        return f"{couch_fixture.load(client(node))} documents"

    def erlang_name(self, node: Node) -> str:
        return f"{self.erlang_user}@{node.hostname}"

    def _provision(self, fleet: Fleet, nodes: Sequence[Node]) -> None:
        """Make one cluster."""
        self.make(fleet, nodes)
        names = sorted(self.erlang_name(node) for node in nodes)
        for node in nodes:
            wait_until(f"{node.name} is connected to {names}", partial(_sees, node, names))
        for database in couch_fixture.SYSTEM_DATABASES:
            client(nodes[0]).put(database, tolerate=[couch_fixture.EXISTS])
        data = self.load(nodes[0], fleet.cache) if fleet.spec.data == SMALL else f"data: {fleet.spec.data}"
        for node in nodes:
            installed = f"{self.name} {client(node).version()}, {self.erlang_name(node)}"
            print(f"{node.name}: {node.image} at {node.address}, {installed}", flush=True)
        print(f"{nodes[0].cluster}: {len(nodes)} nodes, {data}", flush=True)


def client(node: Node) -> Couch:
    """The server of a node."""
    return Couch(node.address, couch_fixture.ADMIN)


def _sees(node: Node, names: list[str]) -> bool:
    return client(node).members() == (names, names)
