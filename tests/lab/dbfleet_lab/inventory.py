# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible inventory of a fleet, as YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dbfleet_lab.node import Node
from dbfleet_lab.product import Fleet, Product

SSH_OPTIONS = (
    "ControlMaster=auto",
    "ControlPersist=60s",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
)


def render(fleet: Fleet, products: Sequence[Product], key: Path) -> str:
    """The whole file; addresses change with every start of a fleet, so it belongs to that start alone."""
    common = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_args": " ".join(f"-o {option}" for option in SSH_OPTIONS),
        # A new fleet may get the addresses of an old one, whose lingering connections it must not meet.
        "ansible_control_path_dir": str(fleet.folder / "cp"),
    }
    tree = {
        product.group: {
            "hosts": {node.name: _access(node) | product.host_variables(fleet, node) for node in fleet.of(product)},
            "vars": common | product.variables(fleet),
        }
        for product in products
    }
    return "---\n" + "".join(f"{line}\n" for line in _yaml(tree))


def _access(node: Node) -> dict[str, Any]:
    return {"ansible_host": node.address, "ansible_python_interpreter": node.kind.python}


def _yaml(tree: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """All JSON is YAML, so that what is no folder of names needs no rules of its own."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _yaml(value, indent + "  ")
        else:
            yield f"{indent}{key}: {json.dumps(value)}"
