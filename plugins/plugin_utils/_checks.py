# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a preflight check is, whatever the product: it looks, and what it could not see is an error, never a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_keys import release
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import Release

Facts = Mapping[str, Any]
Finding = dict[str, str]

REASON_ABOVE = "see why in the earlier messages of this run, mend that and run again"


def finding(id_: str, severity: str, message: str, remedy: str) -> Finding:
    """Return a finding: severity error stops the run, blocker stops it unless accepted, warning and info are told."""
    return {"id": id_, "severity": severity, "message": message, "remedy": remedy}


@dataclass(frozen=True)
class Target:
    """What the node is to become."""

    version: str

    @property
    def release(self) -> Release:
        """The numbers of the version."""
        return release(self.version)


def _always(node: Facts, target: Target) -> bool:
    return True


@dataclass(frozen=True)
class Check:
    """One question about a node. look returns what is wrong, or None; needs names the facts without which it cannot look."""

    id: str
    severity: str
    description: str
    needs: tuple[str, ...]
    look: Callable[[Facts, Target], str | None] = field(repr=False)
    remedy: str | Callable[[Facts, Target], str] = field(repr=False)
    applies: Callable[[Facts, Target], bool] = field(default=_always, repr=False)

    def run(self, node: Facts, target: Target) -> Finding | None:
        """Return the finding, None where all is well or the check does not apply."""
        if "version" in self.needs and fact(node, "version") is None:
            return self._unseen("version")
        if not self.applies(node, target):
            return None
        for need in self.needs:
            if fact(node, need) is None:
                return self._unseen(need)
        message = self.look(node, target)
        remedy = self.remedy if isinstance(self.remedy, str) else self.remedy(node, target)
        return finding(self.id, self.severity, message, remedy) if message else None

    def _unseen(self, need: str) -> Finding:
        return finding(
            self.id + "-unchecked",
            "error",
            f"It could not be checked whether {self.description}: the fact {need} is missing",
            REASON_ABOVE,
        )


def fact(node: Facts, path: str) -> Any:
    """Return the fact at a path of keys joined by dots, None where it is missing."""
    value: Any = node
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def numbered(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def some(paths: Iterable[Any]) -> str:
    """Return the first of many, and how many more there are."""
    listed = [str(path) for path in paths]
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more


def speaking_against(findings: Sequence[Facts], accept: Sequence[str]) -> list[str]:
    """Return the findings that stop a change, as sentences."""
    stopping = [
        one
        for one in findings
        if one["severity"] == "error" or (one["severity"] == "blocker" and one["id"] not in accept)
    ]
    return [f"{one['id']}: {one['message']}. What to do: {one['remedy']}" for one in stopping]


def of_way_back(way_back: Facts) -> list[Finding]:
    """Return the finding where the old release cannot be had; way_back is the result of node_package or fleet_package for it."""
    if "source" in way_back:
        return []
    why = str(way_back.get("msg") or "No source for the package of the running release is known").partition(
        ". Expected: "
    )[0]
    return [
        finding(
            "rollback-none",
            "blocker",
            why,
            "give the package of the running release as fleet_rollback_package; without it, a release that does not start stays",
        )
    ]
