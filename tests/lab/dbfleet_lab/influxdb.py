# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""InfluxDB on the nodes of a fleet: each a server of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from dbfleet_lab import fixture, influx_packages, keys, legacy, packages
from dbfleet_lab.cache import Cache
from dbfleet_lab.influx import Influx
from dbfleet_lab.keys import Certificate
from dbfleet_lab.node import RECORDED, SMALL, Node
from dbfleet_lab.podman import Podman
from dbfleet_lab.product import Database, Fleet, FleetSpec, side_by_side
from dbfleet_lab.shell import LabError

CONFIG = "/etc/influxdb/influxdb.conf"
STORAGE = "/var/lib/influxdb"
TLS_FOLDER = "/etc/influxdb/tls"


class InfluxDB(Database):
    """The fleets that the lab had first."""

    name = group = "influxdb"
    prefix = "influx"
    versions = tuple(influx_packages.RELEASES)
    default = "1.3.9"

    def check(self, spec: FleetSpec) -> None:
        super().check(spec)
        if spec.balancers:
            raise LabError("the lab has load balancers only before clusters, which influxdb has none of")
        if spec.data == RECORDED and spec.version not in legacy.RECORDED:
            raise LabError(f"nothing is recorded of {spec.version}, only of {', '.join(legacy.RECORDED)}")
        if spec.data == RECORDED and spec.version == "0.10.3" and spec.auth:
            raise LabError("the recorded 0.10.3 has no users, so that nobody could log in")
        if spec.https and legacy.is_old(spec.version):
            raise LabError(f"the lab has no HTTPS for {spec.version}, whose settings for it are others")

    def nodes(self, spec: FleetSpec) -> list[Node]:
        return [
            Node(
                fleet=spec.name,
                name=f"{spec.prefix}{index + 1}",
                image=image,
                version=spec.version,
                cluster=spec.cluster(index),
                auth=spec.auth,
                https=spec.https,
                data=spec.data,
            )
            for index, image in enumerate(spec.images)
        ]

    def provision(self, fleet: Fleet) -> None:
        side_by_side(partial(_provision, fleet), fleet.of(self))

    def variables(self, fleet: Fleet) -> dict[str, Any]:
        variables = {}
        if fleet.spec.auth:
            variables["influxdb_admin_user"], variables["influxdb_admin_password"] = _admin(fleet.spec.data)
        if fleet.spec.https:
            variables["influxdb_ca_path"] = str(keys.authority(fleet.cache))
        return variables

    def load(self, node: Node, cache: Cache) -> str:
        points = fixture.load(client(node, cache), node.name, datetime.now(timezone.utc), legacy.is_old(node.version))
        return f"{points} points"


def client(node: Node, cache: Cache) -> Influx:
    """The server of a node, as its administrator."""
    return Influx(node.address, _admin(node.data) if node.auth else None, keys.authority(cache) if node.https else None)


def start(node: Node, podman: Podman, cache: Cache) -> str:
    """Start the service and wait until it answers; returns the version it gives."""
    node.run(podman, "service", "influxdb", "start")
    return client(node, cache).wait()


def package(cache: Cache, version: str) -> Path:
    """The package of a release."""
    return packages.folder(cache) / influx_packages.file_name(version)


def _provision(fleet: Fleet, node: Node) -> None:
    node.install(fleet.podman, package(fleet.cache, node.version))
    _configure(
        node, fleet.podman, keys.certificate(fleet.cache, fleet.folder, node.name, node.address) if node.https else None
    )
    if node.data == RECORDED:
        _unpack(node, fleet.podman)
    version = start(node, fleet.podman, fleet.cache)
    data = InfluxDB().load(node, fleet.cache) if node.data == SMALL else f"data: {node.data}"
    print(f"{node.name}: {node.image} at {node.address}, influxdb {version}, {data}", flush=True)


def _configure(node: Node, podman: Podman, server: Certificate | None) -> None:
    """Edit the packaged configuration where the fleet asks for authentication or TLS, or has recorded data."""
    http = {"auth-enabled": "true"} if node.auth else {}
    # What was recorded grows older every day, and may not expire under a test.
    retention = {"enabled": "false"} if node.data == RECORDED else {}
    if server:
        http.update(_tls_settings())
        _install_certificate(node, podman, server)
    if http or retention:
        packaged = node.run(podman, "cat", CONFIG)
        edited = _with_settings(_with_settings(packaged, "http", http), "retention", retention)
        podman.write(node.container, CONFIG, edited)


def _install_certificate(node: Node, podman: Podman, server: Certificate) -> None:
    node.run(podman, "install", "-d", "-o", "root", "-g", "influxdb", "-m", "0750", TLS_FOLDER)
    podman.write(node.container, f"{TLS_FOLDER}/server.pem", server.certificate)
    podman.write(node.container, f"{TLS_FOLDER}/server.key", server.key)
    node.run(podman, "chown", "influxdb:influxdb", f"{TLS_FOLDER}/server.key")
    node.run(podman, "chmod", "0400", f"{TLS_FOLDER}/server.key")


def _unpack(node: Node, podman: Podman) -> None:
    """Put the folder of a real server of the release into the place of the packaged one, which is empty."""
    inside = node.put(podman, legacy.RECORDED[node.version])
    node.run(podman, "tar", "-xzf", inside, "-C", STORAGE)
    node.run(podman, "chown", "-R", "influxdb:influxdb", STORAGE)
    node.run(podman, "rm", inside)


def _admin(data: str) -> tuple[str, str]:
    return legacy.RECORDED_ADMIN if data == RECORDED else fixture.ADMIN


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
