# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets: a number of nodes under one name, with an inventory that leads to them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dbfleet_lab import inventory, keys, legacy, packages
from dbfleet_lab.cache import Cache
from dbfleet_lab.node import BARE, RECORDED, SMALL, Node
from dbfleet_lab.podman import Podman
from dbfleet_lab.shell import LabError

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
GROUP = "influxdb"

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

    def nodes(self) -> list[Node]:
        """The nodes in order; the last cluster's name serves the nodes that are left over."""
        images = [image for image, number in self.mix for _each in range(number)]
        names = [
            self.clusters[min(index, len(self.clusters) - 1)] if self.clusters else "" for index in range(len(images))
        ]
        return [
            Node(self.name, f"{self.prefix}{index}", image, self.version, cluster, self.auth, self.https, self.data)
            for index, (image, cluster) in enumerate(zip(images, names), start=1)  # noqa: B905 (Python 3.9 has no strict)
        ]


@dataclass(frozen=True)
class Fleets:
    """All fleets of this machine."""

    cache: Cache
    podman: Podman

    def up(self, spec: FleetSpec, inventory_file: Path | None) -> Path:
        """Start a fleet, in place of one of the same name; returns its inventory."""
        _check_name(spec.name)
        _check_name(spec.prefix)
        _check_data(spec)
        with self.cache.lock(f"fleet-{spec.name}"):
            self._remove(spec.name)
            folder = self.cache.part("fleets") / spec.name
            folder.mkdir(exist_ok=True)
            self.podman.ensure_network()
            nodes = self._start(spec, folder)
            text = inventory.render(nodes, GROUP, keys.ssh_key(self.cache), folder / "cp", keys.authority(self.cache))
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
        containers = [found for found in self.podman.containers(**labels) if "dbfleet.lab.fleet" in found["Labels"]]
        return sorted(
            (Node.of_container(found, self.podman) for found in containers), key=lambda node: (node.fleet, node.name)
        )

    def node(self, fleet: str, name: str) -> Node:
        found = self.nodes(fleet=fleet, node=name)
        if not found or not found[0].address:
            known = ", ".join(f"{node.fleet} {node.name}" for node in self.nodes() if node.address)
            raise LabError(f"no node {name!r} of a fleet {fleet!r} is running; running: {known or 'none'}")
        return found[0]

    def _start(self, spec: FleetSpec, folder: Path) -> list[Node]:
        key = keys.ssh_key(self.cache).with_suffix(".pub")
        nodes = _side_by_side(lambda node: node.boot(self.podman, key), spec.nodes())
        hosts = "".join(f"{node.address} {node.name}\n" for node in nodes)
        _side_by_side(lambda node: self._provision(node, spec, folder, hosts), nodes)
        return nodes

    def _provision(self, node: Node, spec: FleetSpec, folder: Path, hosts: str) -> None:
        self.podman.write(node.container, "/etc/hosts", hosts, append=True)
        if spec.version == BARE:
            print(f"{node.name}: {node.image} at {node.address}, nothing installed", flush=True)
            return
        ca = keys.authority(self.cache)
        node.install(self.podman, packages.release(self.cache, spec.version))
        node.configure(
            self.podman, keys.certificate(self.cache, folder, node.name, node.address) if spec.https else None
        )
        if spec.data == RECORDED:
            node.unpack(self.podman)
        version = node.start(self.podman, ca)
        data = f"{node.load(ca)} points" if spec.data == SMALL else f"data: {spec.data}"
        print(f"{node.name}: {node.image} at {node.address}, influxdb {version}, {data}", flush=True)

    def _remove(self, name: str) -> None:
        self.podman.remove([found["Names"][0] for found in self.podman.containers(fleet=name)])
        shutil.rmtree(self.cache.root / "fleets" / name, ignore_errors=True)


def _side_by_side(work: Callable[[Node], Result], nodes: Iterable[Node]) -> list[Result]:
    """Do the same to all nodes at once; the first error is raised when all have ended."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        return list(pool.map(work, nodes))


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise LabError(
            f"{name!r} cannot name a fleet or its nodes: small letters, digits and dashes, at most 31, a letter first"
        )


def _check_data(spec: FleetSpec) -> None:
    if spec.data == RECORDED and spec.version not in legacy.RECORDED:
        raise LabError(f"nothing is recorded of {spec.version}, only of {', '.join(legacy.RECORDED)}")
    if spec.data == RECORDED and spec.version == "0.10.3" and spec.auth:
        raise LabError("the recorded 0.10.3 has no users, so that nobody could log in")
    if spec.https and legacy.is_old(spec.version):
        raise LabError(f"the lab has no HTTPS for {spec.version}, whose settings for it are others")
