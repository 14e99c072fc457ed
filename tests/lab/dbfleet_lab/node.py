# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node: a container with an init system and an SSH server, whatever is installed in it."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dbfleet_lab.images import IMAGES, Image
from dbfleet_lab.podman import LABEL, NETWORK, Podman
from dbfleet_lab.shell import LabError

BARE = "none"
# Kinds of data; NODATA is none.
SMALL, RECORDED, NODATA = "small", "recorded", "none"


@dataclass(frozen=True)
class Node:
    """What the lab must know of a node; all of it is kept in the container's labels."""

    fleet: str
    name: str
    image: str
    version: str
    cluster: str = ""
    auth: bool = False
    https: bool = False
    data: str = SMALL
    product: str = "influxdb"
    domain: str = ""
    capabilities: tuple[str, ...] = ()
    address: str = ""
    state: str = ""

    @classmethod
    def of_container(cls, container: Mapping[str, Any], podman: Podman) -> Node:
        labels = {
            key[len(LABEL) + 1 :]: value for key, value in container["Labels"].items() if key.startswith(f"{LABEL}.")
        }
        state = container["State"]
        return cls(
            fleet=labels["fleet"],
            name=labels["node"],
            image=labels["image"],
            version=labels["version"],
            cluster=labels["cluster"],
            auth=labels["auth"] == "True",
            https=labels["https"] == "True",
            data=labels.get("data", SMALL),
            product=labels.get("product", "influxdb"),
            domain=labels.get("domain", ""),
            address=podman.address(container["Names"][0]) if state == "running" else "",
            state=state,
        )

    @property
    def container(self) -> str:
        return f"dbfleet-{self.fleet}-{self.name}"

    @property
    def hostname(self) -> str:
        """The name the node has for itself and for the others; a full one where the product needs that."""
        return f"{self.name}.{self.domain}" if self.domain else self.name

    @property
    def names(self) -> str:
        """Its line in the others' /etc/hosts."""
        return f"{self.address} {self.hostname} {self.name}" if self.domain else f"{self.address} {self.name}"

    @property
    def kind(self) -> Image:
        return IMAGES[self.image]

    def boot(self, podman: Podman, public_key: Path) -> Node:
        """Start the container and wait for its SSH server; returns the node with its address."""
        labels = {"fleet": self.fleet, "node": self.name, "image": self.image, "version": self.version}
        labels.update(cluster=self.cluster, auth=str(self.auth), https=str(self.https), data=self.data)
        labels.update(product=self.product, domain=self.domain)
        podman.run(
            *["run", "--detach", "--name", self.container, "--hostname", self.hostname, "--network", NETWORK],
            *["--label", f"{LABEL}=1", *(f"--label={LABEL}.{key}={value}" for key, value in labels.items())],
            *(f"--cap-add={capability}" for capability in self.capabilities),
            *[f"--systemd={'always' if self.kind.systemd else 'false'}", self.kind.tag, "/sbin/init"],
        )
        podman.write(self.container, "/root/.ssh/authorized_keys", public_key.read_text(encoding="ascii"))
        booted = replace(self, address=podman.address(self.container))
        _wait_for_ssh(booted.address)
        return booted

    def run(self, podman: Podman, *command: str) -> str:
        """Run a command in the node; returns what it printed."""
        return podman.run("exec", self.container, *command).stdout

    def put(self, podman: Podman, file: Path) -> str:
        """Copy a file into root's home; returns its place there."""
        inside = f"/root/{file.name}"
        podman.run("cp", str(file), f"{self.container}:{inside}")
        return inside

    def install(self, podman: Podman, package: Path, *options: str) -> None:
        """Install a package with dpkg."""
        inside = self.put(podman, package)
        self.run(podman, "dpkg", *options, "--install", inside)
        self.run(podman, "rm", inside)


def _wait_for_ssh(address: str, limit: float = 60) -> None:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, 22), timeout=2) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise LabError(f"no SSH server answers at {address}:22 after {limit:.0f} s; look into the node with: lab exec")
