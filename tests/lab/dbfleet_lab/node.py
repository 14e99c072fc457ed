# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node: a container that is started, gets the product as a user would install it, and is filled with data."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dbfleet_lab import fixture, legacy
from dbfleet_lab.images import IMAGES, Image
from dbfleet_lab.influx import Influx
from dbfleet_lab.keys import Certificate
from dbfleet_lab.podman import LABEL, NETWORK, Podman
from dbfleet_lab.shell import LabError

CONFIG = "/etc/influxdb/influxdb.conf"
STORAGE = "/var/lib/influxdb"
TLS_FOLDER = "/etc/influxdb/tls"
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
            address=podman.address(container["Names"][0]) if state == "running" else "",
            state=state,
        )

    @property
    def container(self) -> str:
        return f"dbfleet-{self.fleet}-{self.name}"

    @property
    def kind(self) -> Image:
        return IMAGES[self.image]

    def boot(self, podman: Podman, public_key: Path) -> Node:
        """Start the container and wait for its SSH server; returns the node with its address."""
        labels = {"fleet": self.fleet, "node": self.name, "image": self.image, "version": self.version}
        labels.update(cluster=self.cluster, auth=str(self.auth), https=str(self.https), data=self.data)
        podman.run(
            *["run", "--detach", "--name", self.container, "--hostname", self.name, "--network", NETWORK],
            *["--label", f"{LABEL}=1", *(f"--label={LABEL}.{key}={value}" for key, value in labels.items())],
            *[f"--systemd={'always' if self.kind.systemd else 'false'}", self.kind.tag, "/sbin/init"],
        )
        podman.write(self.container, "/root/.ssh/authorized_keys", public_key.read_text(encoding="ascii"))
        booted = replace(self, address=podman.address(self.container))
        _wait_for_ssh(booted.address)
        return booted

    @property
    def admin(self) -> tuple[str, str]:
        return legacy.RECORDED_ADMIN if self.data == RECORDED else fixture.ADMIN

    def install(self, podman: Podman, package: Path) -> None:
        """Install a package with dpkg, without starting anything."""
        inside = f"/root/{package.name}"
        podman.run("cp", str(package), f"{self.container}:{inside}")
        podman.run("exec", self.container, "dpkg", "--install", inside)
        podman.run("exec", self.container, "rm", inside)

    def unpack(self, podman: Podman) -> None:
        """Put the folder of a real server of the release into the place of the packaged one, which is empty."""
        inside = "/root/recorded.tar.gz"
        podman.run("cp", str(legacy.RECORDED[self.version]), f"{self.container}:{inside}")
        podman.run("exec", self.container, "tar", "-xzf", inside, "-C", STORAGE)
        podman.run("exec", self.container, "chown", "-R", "influxdb:influxdb", STORAGE)
        podman.run("exec", self.container, "rm", inside)

    def configure(self, podman: Podman, server: Certificate | None) -> None:
        """Edit the packaged configuration where the fleet asks for authentication or TLS, or has recorded data."""
        http = {"auth-enabled": "true"} if self.auth else {}
        # What was recorded grows older every day, and may not expire under a test.
        retention = {"enabled": "false"} if self.data == RECORDED else {}
        if server:
            http.update(_tls_settings())
            podman.run(
                "exec", self.container, "install", "-d", "-o", "root", "-g", "influxdb", "-m", "0750", TLS_FOLDER
            )
            podman.write(self.container, f"{TLS_FOLDER}/server.pem", server.certificate)
            podman.write(self.container, f"{TLS_FOLDER}/server.key", server.key)
            podman.run("exec", self.container, "chown", "influxdb:influxdb", f"{TLS_FOLDER}/server.key")
            podman.run("exec", self.container, "chmod", "0400", f"{TLS_FOLDER}/server.key")
        if http or retention:
            packaged = podman.run("exec", self.container, "cat", CONFIG).stdout
            edited = _with_settings(_with_settings(packaged, "http", http), "retention", retention)
            podman.write(self.container, CONFIG, edited)

    def start(self, podman: Podman, ca: Path) -> str:
        """Start the service and wait until it answers; returns the version it gives."""
        podman.run("exec", self.container, "service", "influxdb", "start")
        return self.influx(ca).wait()

    def influx(self, ca: Path) -> Influx:
        return Influx(self.address, self.admin if self.auth else None, ca if self.https else None)

    def load(self, ca: Path) -> int:
        """Write the fixture data; returns the number of points."""
        return fixture.load(self.influx(ca), self.name, datetime.now(timezone.utc), legacy.is_old(self.version))


def _tls_settings() -> dict[str, str]:
    return {
        "https-enabled": "true",
        "https-certificate": f'"{TLS_FOLDER}/server.pem"',
        "https-private-key": f'"{TLS_FOLDER}/server.key"',
    }


def _with_settings(packaged: str, section: str, settings: Mapping[str, str]) -> str:
    """Change the samples of one section, commented or not, into settings, as a person with an editor does."""
    before, header, rest = packaged.partition(f"[{section}]\n")
    body, separator, after = rest.partition("\n[")
    for key, value in settings.items():
        body, found = re.subn(f"^  (# )?{key} = .*$", f"  {key} = {value}", body, count=1, flags=re.MULTILINE)
        if not found:
            raise LabError(f"the packaged configuration has no sample of {key!r} in its [{section}] section")
    return before + header + body + separator + after


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
