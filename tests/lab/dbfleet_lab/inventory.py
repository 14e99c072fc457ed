# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible inventory of a fleet, as YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from dbfleet_lab.node import Node

Tree = Mapping[str, Union["Tree", str, bool]]

SSH_OPTIONS = (
    "ControlMaster=auto",
    "ControlPersist=60s",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
)


def render(nodes: Sequence[Node], group: str, key: Path, control_path: Path, ca: Path) -> str:
    """The whole file; addresses change with every start of a fleet, so it belongs to that start alone."""
    common: dict[str, Any] = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_args": " ".join(f"-o {option}" for option in SSH_OPTIONS),
        # A new fleet may get the addresses of an old one, whose lingering connections it must not meet.
        "ansible_control_path_dir": str(control_path),
    }
    if any(node.auth for node in nodes):
        common["influxdb_admin_user"], common["influxdb_admin_password"] = nodes[0].admin
    if any(node.https for node in nodes):
        common["influxdb_ca_path"] = str(ca)
    tree = {group: {"hosts": {node.name: _host(node) for node in nodes}, "vars": common}}
    return "---\n" + "".join(f"{line}\n" for line in _yaml(tree))


def _host(node: Node) -> Tree:
    variables = {"ansible_host": node.address, "ansible_python_interpreter": node.kind.python}
    if node.cluster:
        variables["fleet_cluster"] = node.cluster
    return variables


def _yaml(tree: Tree, indent: str = "") -> Iterator[str]:
    """Every JSON string is a YAML string, so that scalars need no rules of their own."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _yaml(value, indent + "  ")
        else:
            yield f"{indent}{key}: {json.dumps(value)}"
