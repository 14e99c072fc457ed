# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the planner reads and makes, and how each part is written as JSON and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

SCHEMA = 1
SEVERITIES = ("error", "blocker", "warning", "info")

UPGRADE = "upgrade"
NOTHING = "nothing"
REFUSED = "refused"
LATER = "later"
STATES = (UPGRADE, NOTHING, REFUSED, LATER)

GO = "go"
VERDICTS = (GO, REFUSED, NOTHING)

FORWARD = "upgrade"
RECOVER = "recover"
ROLLBACK = "rollback"
DIRECTIONS = (FORWARD, RECOVER, ROLLBACK)


class Reader:
    """One mapping out of a playbook or a file, read key by key; anything unexpected is a FleetError that names the place."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, Mapping):
            raise FleetError(f"{where} is {data!r:.80}", "a dictionary", "Look at the task or the file it comes from")
        self._data: Mapping[Any, Any] = data
        self.where = where

    def text(self, key: str) -> str:
        """Read a string; what is missing is empty."""
        value = self._data.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(key, "a string; put it in quotes")
        return value

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        """Read a string that has to be one of the choices."""
        value = self.text(key)
        if value not in choices:
            raise self.wrong(key, "one of " + ", ".join(choices))
        return value

    def number(self, key: str) -> int:
        """Read a number that is not negative, also out of a string; what is missing is 0."""
        value = self._data.get(key)
        if value is None:
            return 0
        if isinstance(value, str) and value.isdecimal():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.wrong(key, "a whole number, 0 or more")
        return value

    def integer(self, key: str) -> int:
        """Read a number that may be negative; what is missing is 0."""
        value = self._data.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return self.number(key)

    def flag(self, key: str, missing: bool | None = None) -> bool:
        """Read true or false; unless it is said what counts where it is missing, it has to be there."""
        value = self._data.get(key, missing)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def items(self, key: str) -> list[Any]:
        """Read a list; what is missing is empty."""
        value = self._data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return value

    def texts(self, key: str) -> list[str]:
        """Read a list of strings."""
        return self._texts(key, self.items(key))

    def lists_of_texts(self, key: str) -> list[list[str]]:
        """Read a list of lists of strings."""
        return [self._texts(key, entry if isinstance(entry, list) else [entry]) for entry in self.items(key)]

    def part(self, key: str) -> Reader | None:
        """Read a dictionary; None if it is missing or empty (an empty template gives an empty string)."""
        value = self._data.get(key)
        return Reader(value, f"{self.where}: {key}") if value else None

    def parts(self, key: str) -> list[Reader]:
        """Read a list of dictionaries."""
        return [
            Reader(entry, f"{self.where}: {key}, entry {number}") for number, entry in enumerate(self.items(key), 1)
        ]

    def wrong(self, key: str, expected: str) -> FleetError:
        """Say that a value is not what it should be."""
        return FleetError(
            f"{self.where}: {key} is {self._data.get(key)!r:.80}",
            expected,
            "Look at the task or the file it comes from",
        )

    def _texts(self, key: str, entries: list[Any]) -> list[str]:
        if not all(isinstance(entry, str) for entry in entries):
            raise self.wrong(key, "strings only")
        return entries


@dataclass(frozen=True)
class Finding:
    """What a check found on a node; a node of "" means the run as a whole."""

    node: str
    id: str
    severity: str
    message: str
    remedy: str
    accepted: bool = False

    @property
    def stops(self) -> bool:
        """Say whether the run must not go on."""
        return self.severity == "error" or (self.severity == "blocker" and not self.accepted)


def read_finding(data: Reader, node: str, accepted: bool) -> Finding:
    """Read a finding that a check or a saved plan holds."""
    if not data.text("id"):
        raise data.wrong("id", "the name of the check")
    severity = data.one_of("severity", SEVERITIES)
    return Finding(node, data.text("id"), severity, data.text("message"), data.text("remedy"), accepted)


def settle(finding: Finding, accept: tuple[str, ...]) -> Finding:
    """Mark a blocker that the user accepts; nothing else can be accepted."""
    return replace(finding, accepted=finding.severity == "blocker" and finding.id in accept)


@dataclass(frozen=True)
class Package:
    """The package to install, as far as it is known."""

    name: str
    version: str
    arch: str
    sha256: str
    size: int


def read_package_facts(data: Reader | None) -> Package | None:
    """Read what is known of a package."""
    if data is None:
        return None
    return Package(data.text("name"), data.text("version"), data.text("arch"), data.text("sha256"), data.number("size"))


@dataclass(frozen=True)
class Change:
    """A change of a node's release that was made, or begun. One that is one_way cannot be undone: it is finished instead."""

    id: str
    source: str
    target: str
    one_way: bool = False


def read_change(data: Reader | None) -> Change | None:
    """Read a change that was found on a node."""
    if data is None:
        return None
    return Change(data.text("id"), data.text("source"), data.text("target"), data.flag("one_way", False))


@dataclass(frozen=True)
class Node:
    """A node as it was detected, and what is wanted of it.

    unfinished is a change that began and did not end, last the last one that ended.
    """

    name: str
    cluster: str
    rank: int
    product: str
    version: str
    target_version: str
    package: Package | None
    accept: tuple[str, ...]
    arch: str
    package_manager: str
    role: str
    disk_free: int
    disk_needed: int
    findings: tuple[Finding, ...]
    unfinished: Change | None
    last: Change | None
    reachable: bool
    reason: str


def read_node(entry: Any) -> Node:
    """Read a node. A cluster that is not named is the node itself."""
    data = Reader(entry, "A node")
    name = data.text("name")
    if not name:
        raise data.wrong("name", "the name of the host")
    data.where = f"Node {name}"
    disk = data.part("disk")
    accept = tuple(data.texts("accept"))
    return Node(
        name=name,
        cluster=data.text("cluster") or name,
        rank=data.integer("rank"),
        target_version=data.text("target_version"),
        package=read_package_facts(data.part("package")),
        accept=accept,
        unfinished=read_change(data.part("unfinished")),
        last=read_change(data.part("last")),
        product=data.text("product"),
        version=data.text("version"),
        arch=data.text("arch"),
        package_manager=data.text("package_manager"),
        role=data.text("role"),
        disk_free=disk.number("state_dir_free") if disk else 0,
        disk_needed=disk.number("needed") if disk else 0,
        findings=tuple(settle(read_finding(finding, name, False), accept) for finding in data.parts("findings")),
        reachable=data.flag("reachable"),
        reason=data.text("reason"),
    )


@dataclass(frozen=True)
class Options:
    """What the user wants of the run as a whole.

    direction: upgrade, recover (undo what was left unfinished) or rollback (undo the last change too).
    path: the role (or the path) that the playbook pins; empty: each node's own.
    """

    direction: str = FORWARD
    path: str = ""
    canary: int = 0
    wave_limit: int = 10
    pause_after: int = 0


def read_options(entry: Any) -> Options:
    """Read the options; what is missing has its default."""
    data = Reader(entry, "The plan's options")
    return Options(
        direction=data.one_of("direction", DIRECTIONS) if "direction" in entry else FORWARD,
        path=data.text("path"),
        canary=data.number("canary"),
        wave_limit=data.number("wave_limit") if "wave_limit" in entry else Options.wave_limit,
        pause_after=data.number("pause_after"),
    )


@dataclass(frozen=True)
class PlannedStep:
    """One step of a node's path."""

    name: str
    reversible: bool


@dataclass(frozen=True)
class PlannedNode:
    """What the run does with one node. wave is 0 where there is none; after names those that must prove themselves first."""

    name: str
    cluster: str
    product: str
    from_version: str
    to_version: str
    path: str
    role: str
    state: str
    reason: str = ""
    wave: int = 0
    after: tuple[str, ...] = ()
    steps: tuple[PlannedStep, ...] = ()
    one_way: bool = False
    disk_needed: int = 0
    backup_id: str = ""
    package: Package | None = None

    def to_dict(self) -> dict[str, Any]:
        """Write the node for JSON."""
        data = asdict(self)
        for name in ("from", "to"):
            data[name] = data.pop(f"{name}_version")
        return {
            **data,
            "wave": self.wave or None,
            "after": list(self.after),
            "steps": [asdict(step) for step in self.steps],
        }


def _read_planned_node(data: Reader) -> PlannedNode:
    return PlannedNode(
        name=data.text("name"),
        cluster=data.text("cluster"),
        product=data.text("product"),
        from_version=data.text("from"),
        to_version=data.text("to"),
        path=data.text("path"),
        role=data.text("role"),
        state=data.one_of("state", STATES),
        reason=data.text("reason"),
        wave=data.number("wave"),
        after=tuple(data.texts("after")),
        steps=tuple(PlannedStep(step.text("name"), step.flag("reversible")) for step in data.parts("steps")),
        one_way=data.flag("one_way"),
        disk_needed=data.number("disk_needed"),
        backup_id=data.text("backup_id"),
        package=read_package_facts(data.part("package")),
    )


@dataclass(frozen=True)
class Plan:
    """The plan of a run. `waves` holds what this run upgrades: it is empty unless the verdict is go."""

    direction: str
    path: str
    canary: int
    wave_limit: int
    pause_after: int
    nodes: tuple[PlannedNode, ...]
    waves: tuple[tuple[str, ...], ...]
    verify_only: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    verdict: str
    verdict_reason: str

    def to_dict(self) -> dict[str, Any]:
        """Write the plan for JSON."""
        return {
            **asdict(self),
            "schema": SCHEMA,
            "nodes": [node.to_dict() for node in self.nodes],
            "waves": [list(wave) for wave in self.waves],
            "verify_only": list(self.verify_only),
            "findings": [asdict(finding) for finding in self.findings],
            "notes": list(self.notes),
        }


def read_plan(entry: Any) -> Plan:
    """Read a plan that was written by to_dict."""
    data = Reader(entry, "The saved plan")
    if data.number("schema") != SCHEMA:
        raise data.wrong("schema", f"{SCHEMA}, which this release of the collection writes")
    return Plan(
        direction=data.one_of("direction", DIRECTIONS),
        path=data.text("path"),
        canary=data.number("canary"),
        wave_limit=data.number("wave_limit"),
        pause_after=data.number("pause_after"),
        nodes=tuple(_read_planned_node(node) for node in data.parts("nodes")),
        waves=tuple(tuple(wave) for wave in data.lists_of_texts("waves")),
        verify_only=tuple(data.texts("verify_only")),
        findings=tuple(read_finding(each, each.text("node"), each.flag("accepted")) for each in data.parts("findings")),
        notes=tuple(data.texts("notes")),
        verdict=data.one_of("verdict", VERDICTS),
        verdict_reason=data.text("verdict_reason"),
    )
