# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet is, and what the lab must know of a product to put it on the nodes of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from dbfleet_lab.cache import Cache
from dbfleet_lab.node import BARE, SMALL, Node
from dbfleet_lab.podman import Podman
from dbfleet_lab.shell import LabError

Work = TypeVar("Work")
Result = TypeVar("Result")


@dataclass(frozen=True)
class FleetSpec:
    """What is wanted: images with their numbers of nodes, and what all nodes have in common."""

    name: str
    mix: tuple[tuple[str, int], ...]
    version: str
    prefix: str
    clusters: tuple[str, ...] = ()
    data: str = SMALL
    auth: bool = False
    https: bool = False
    balancers: int = 0

    @property
    def images(self) -> list[str]:
        """The image of each node, in order."""
        return [image for image, number in self.mix for _each in range(number)]

    def cluster(self, index: int) -> str:
        """The cluster of the node at this place; the last name serves the nodes that are left over."""
        return self.clusters[min(index, len(self.clusters) - 1)] if self.clusters else ""


@dataclass(frozen=True)
class Fleet:
    """A fleet whose nodes run, and where the lab keeps what belongs to it."""

    spec: FleetSpec
    nodes: Sequence[Node]
    cache: Cache
    podman: Podman
    folder: Path

    def of(self, product: Product) -> list[Node]:
        return [node for node in self.nodes if node.product == product.name]

    def clusters(self, product: Product) -> dict[str, list[Node]]:
        """The nodes of a product by the name of their cluster."""
        found: dict[str, list[Node]] = {}
        for node in self.of(product):
            found.setdefault(node.cluster, []).append(node)
        return found


class Product(ABC):
    """One product: which nodes it needs, how they get it, and what the inventory says of them."""

    name: ClassVar[str]
    group: ClassVar[str]
    """Its group in the inventory."""
    prefix: ClassVar[str]
    """What its nodes are called, before their number."""

    @abstractmethod
    def nodes(self, spec: FleetSpec) -> list[Node]:
        """The nodes that such a fleet has of this product, in order."""

    @abstractmethod
    def provision(self, fleet: Fleet) -> None:
        """Install, configure and start the product on its nodes, and print one line for each."""

    def host_variables(self, _fleet: Fleet, node: Node) -> dict[str, Any]:
        """What the inventory says of one node."""
        return {"fleet_cluster": node.cluster} if node.cluster else {}

    @abstractmethod
    def variables(self, fleet: Fleet) -> dict[str, Any]:
        """What the inventory says of all nodes of this product."""


class Database(Product):
    """A product that holds data, after which a fleet is named."""

    versions: ClassVar[tuple[str, ...]]
    default: ClassVar[str]
    """The version that is installed unless another is asked for."""

    def check(self, spec: FleetSpec) -> None:
        """Refuse what there cannot be."""
        if spec.version not in (*self.versions, BARE):
            raise LabError(f"there is no {self.name} {spec.version}, only {', '.join(self.versions)} and {BARE!r}")

    def products(self, _spec: FleetSpec) -> list[Product]:
        """What such a fleet consists of, in the order in which it is set up."""
        return [self]

    @abstractmethod
    def load(self, node: Node, cache: Cache) -> str:
        """Write the fixture data through one node; harmless where it is there. Returns how much it is."""


def side_by_side(work: Callable[[Work], Result], things: Iterable[Work]) -> list[Result]:
    """Do the same to all things at once; the first error is raised when all have ended."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        return list(pool.map(work, things))
