# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of CouchDB, and the ways to upgrade one of their nodes. Whatever can be done in service is done before the clock starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from dbfleet_bench.comparison import FLOOR, Method
from dbfleet_bench.fleets import Fleet
from dbfleet_bench.gate import PROGRAMS, Gate
from dbfleet_lab.couch import Couch
from dbfleet_lab.couch_fixture import ADMIN

RELEASES: Mapping[str, Sequence[str]] = {"3.3.3": ("--balancers", "1")}
STAGED_PACKAGE, CREDENTIALS = "/root/couchdb.deb", "/root/couchdb.curl"
INSTALL = f"dpkg -i --force-confold {STAGED_PACKAGE}"


@dataclass(frozen=True)
class Cluster(Fleet):
    """Nodes that are one cluster, behind a balancer."""

    product: ClassVar[str] = "couchdb"
    playbook_name: ClassVar[str] = "cloudant_db"
    package_name: ClassVar[str] = "couchdb"
    new: ClassVar[str] = "3.4.3"
    releases: ClassVar[Mapping[str, Sequence[str]]] = RELEASES


@dataclass(frozen=True)
class Member:
    """The node of a cluster that is to be upgraded, the others being in service."""

    cluster: Cluster
    gate: Gate
    index: int

    @property
    def address(self) -> str:
        return self.cluster.addresses[self.index]

    @property
    def couch(self) -> Couch:
        return Couch(self.address, ADMIN)

    def ssh(self, script: str, given: bytes = b"") -> str:
        return self.cluster.ssh(script, given, self.index)

    def set_maintenance(self, value: str) -> None:
        self.couch.put("_node", "_local", "_config", "couchdb", "maintenance_mode", body=value)

    def wait_until_whole(self) -> None:
        """Wait until all nodes are in service, know each other and hold the same."""
        self._wait(None)

    def wait_until_synced(self, name: str) -> None:
        """Wait until the node, in maintenance under its Erlang name, holds what the others do, and they what it does."""
        self._wait(name)

    def _wait(self, name: str | None) -> None:
        user, password = ADMIN
        nodes = [{"host": address} for address in self.cluster.addresses]
        self.gate.wait(nodes=nodes, port=self.couch.port, node=name, username=user, password=password)


def stage(member: Member) -> None:
    """Copy the package to the node."""
    member.ssh(f"cat > {STAGED_PACKAGE}", member.cluster.package(member.cluster.new).read_bytes())


def prepare_by_hand(member: Member) -> None:
    stage(member)
    member.ssh(f"umask 077; cat > {CREDENTIALS}", f'user = "{":".join(ADMIN)}"\n'.encode())


def by_hand(member: Member) -> None:
    member.ssh((PROGRAMS / "couchdb_by_hand.sh").read_text(encoding="utf-8"))


def floor(member: Member) -> None:
    """Do nothing but what no upgrade can do without, with a proof as exact as the collection's."""
    name = member.couch.get("_node", "_local")["name"]
    member.set_maintenance("true")
    member.ssh(f"systemctl stop couchdb && {INSTALL} && systemctl start couchdb")
    member.wait_until_synced(name)
    member.set_maintenance("false")


def nothing(_member: Member) -> None:
    """The collection stages what it needs by itself, while the node serves."""


def collection(member: Member) -> None:
    """Upgrade this node alone; the way back is given, for without one the collection refuses."""
    cluster = member.cluster
    way_back = {"file": str(cluster.package(cluster.release))}
    cluster.run(cluster.upgrade(fleet_hosts=f"db{member.index + 1}", fleet_rollback_package=way_back))


BY_HAND = "by_hand"
COLLECTION = Method("collection", "dbfleet.upgrade.cloudant_db", nothing, collection)
METHODS = [
    Method(BY_HAND, "by hand: flag, stop, install, start, wait for members and jobs, flag", prepare_by_hand, by_hand),
    Method(FLOOR, "flag, stop, install, start, exact proof, flag (the floor)", stage, floor),
    COLLECTION,
]
