# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a node's release, as the state folder tells of them, whatever the product."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]

PACKAGE = ("name", "version", "arch", "sha256", "size")
"""What the planner and the report have to know of a package."""


def read_note(result: Facts) -> dict[str, Any]:
    """Return a note out of a file as slurp gave it, {} where there is none."""
    if "content" not in result:
        return {}
    found: dict[str, Any] = json.loads(base64.b64decode(result["content"]))
    return found


def swap_id(*paths: str) -> re.Pattern[str]:
    """Return how the swaps of these paths are named: PATH-FROM-TO."""
    return re.compile(rf"^(?:{'|'.join(paths)})-(?P<source>[^-]+)-(?P<target>[^-]+)$")


def unfinished(look: Facts, pattern: re.Pattern[str]) -> dict[str, str] | None:
    """Return {id, source, target} of a swap that began on this node and did not end, or failed both ways, else None."""
    swap = look["state"].get("swap") or {}
    match = pattern.match(swap.get("id") or "")
    if not match or (swap.get("finished") and swap.get("outcome") != "failed"):
        return None
    return {"id": swap["id"], **match.groupdict()}


def recovery(node: Facts, pattern: re.Pattern[str]) -> dict[str, Any]:
    """Return what the engine's recovery has to know: the change that began and did not end, and the last one that did."""
    ids = [
        name
        for name in node["state"]["backups"]
        if (match := pattern.match(name)) and match["target"] == node["version"]
    ]
    last = pattern.match(ids[-1]) if ids else None
    return {
        "unfinished": node["resume"],
        "last": {"id": last[0], **last.groupdict()} if last else None,
        "locked": node["state"]["lock"] is not None,
    }


def package_facts(package: Facts) -> dict[str, Any] | None:
    """Return what the planner has to know of a package, the result of fleet_package; None where there is none."""
    return {key: package[key] for key in PACKAGE} if package.get("version") else None


def downtime(swap: Facts) -> str:
    """Return how long the service was away; a swap whose process was killed meanwhile cannot tell."""
    return "an unknown time" if swap["downtime"] is None else f"{swap['downtime']:.2f} s"


def swaps(first: Facts, second: Facts) -> dict[str, Any]:
    """Return two changes of a node as one: the upgrade, and the way back or the next attempt that followed it."""
    if not first or second.get("outcome") == "unchanged":
        return dict(first or second)
    times = [first["downtime"], second["downtime"]]
    return {
        **second,
        "steps": [*first["steps"], *second["steps"]],
        "notes": [*first["notes"], *second["notes"]],
        "downtime": None if None in times else sum(times),
        "error": "" if second["outcome"] == "swapped" else first["error"] or second["error"],
    }
