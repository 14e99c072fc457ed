# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets: a number of nodes under one name, with an inventory that leads to them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dbfleet_lab import inventory, keys
from dbfleet_lab.cache import Cache
from dbfleet_lab.node import BARE, Node
from dbfleet_lab.podman import Podman
from dbfleet_lab.product import Database, Fleet, FleetSpec, Product, side_by_side
from dbfleet_lab.shell import LabError

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Fleets:
    """All fleets of this machine."""

    cache: Cache
    podman: Podman

    def up(self, database: Database, spec: FleetSpec, inventory_file: Path | None) -> Path:
        """Start a fleet, in place of one of the same name; returns its inventory."""
        _check_name(spec.name)
        _check_name(spec.prefix)
        database.check(spec)
        with self.cache.lock(f"fleet-{spec.name}"):
            self._remove(spec.name)
            folder = self.cache.part("fleets") / spec.name
            folder.mkdir(exist_ok=True)
            self.podman.ensure_network()
            products = database.products(spec)
            fleet = self._boot(spec, products, folder)
            if spec.version == BARE:
                _show_bare(fleet)
            else:
                for product in products:
                    product.provision(fleet)
            text = inventory.render(fleet, products, keys.ssh_key(self.cache))
            target = inventory_file or folder / "inventory.yml"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return target

    def down(self, name: str) -> None:
        """Remove a fleet; harmless where there is none."""
        _check_name(name)
        with self.cache.lock(f"fleet-{name}"):
            self._remove(name)

    def nodes(self, **labels: str) -> list[Node]:
        """The nodes that exist, of all fleets or of those with the given labels."""
        containers = [found for found in self.podman.containers(**labels) if "dbfleet.lab.node" in found["Labels"]]
        return sorted(
            (Node.of_container(found, self.podman) for found in containers), key=lambda node: (node.fleet, node.name)
        )

    def node(self, fleet: str, name: str) -> Node:
        found = self.nodes(fleet=fleet, node=name)
        if not found or not found[0].address:
            known = ", ".join(f"{node.fleet} {node.name}" for node in self.nodes() if node.address)
            raise LabError(f"no node {name!r} of a fleet {fleet!r} is running; running: {known or 'none'}")
        return found[0]

    def _boot(self, spec: FleetSpec, products: Sequence[Product], folder: Path) -> Fleet:
        """Start the nodes of all products, which then know each other by name."""
        key = keys.ssh_key(self.cache).with_suffix(".pub")
        wanted = [node for product in products for node in product.nodes(spec)]
        nodes = side_by_side(lambda node: node.boot(self.podman, key), wanted)
        hosts = "".join(f"{node.names}\n" for node in nodes)
        side_by_side(lambda node: self.podman.write(node.container, "/etc/hosts", hosts, append=True), nodes)
        return Fleet(spec, nodes, self.cache, self.podman, folder)

    def _remove(self, name: str) -> None:
        self.podman.remove([found["Names"][0] for found in self.podman.containers(fleet=name)])
        shutil.rmtree(self.cache.root / "fleets" / name, ignore_errors=True)


def _show_bare(fleet: Fleet) -> None:
    for node in fleet.nodes:
        print(f"{node.name}: {node.image} at {node.address}, nothing installed", flush=True)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise LabError(
            f"{name!r} cannot name a fleet or its nodes: small letters, digits and dashes, at most 31, a letter first"
        )
