# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the plan of a run out of what was detected and what is wanted. Nothing here looks at a host, a file or a clock.

The order of the upgrades: nodes of a cluster one after the other, clusters side by side. So a wave holds at most one node of
each cluster, and `after` names the nodes that have to prove themselves done before a node may start. One bad node stops the
rest of its own cluster and, unless it is a canary, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._paths import PATHS, Nothing, Path, Refusal, resolve
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_model import (
    GO,
    LATER,
    NOTHING,
    REFUSED,
    UPGRADE,
    Finding,
    Node,
    Options,
    Plan,
    PlannedNode,
    PlannedStep,
    read_node,
    read_options,
    settle,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import canonical, same

# What this module itself can find; naming one of these in fleet_accept is never a mistake.
_OWN_BLOCKERS = ("node-unreachable", "one-way")
# How uname names what dpkg names otherwise.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "i386", "i686": "i386", "armv7l": "armhf"}
_NAMES_SHOWN = 5


def make_plan(nodes: Sequence[Any], options: Any, paths: Sequence[Path] = PATHS) -> Plan:
    """Plan the run. nodes and options are dictionaries as the documentation of fleet_plan describes them."""
    wanted = read_options(options)
    found = [read_node(node, wanted.accept) for node in nodes]
    _check_names(found)
    judged = [_judge(node, wanted, paths) for node in found]
    findings = [finding for judgement in judged for finding in judgement[1]]
    planned = _queue([judgement[0] for judgement in judged], found, wanted)
    findings += _unknown_accepts(wanted, findings)
    verdict, reason = _verdict(planned, findings, wanted)
    return Plan(
        path=wanted.path,
        target=wanted.target_version,
        package=wanted.package,
        canary=wanted.canary,
        wave_limit=wanted.wave_limit,
        pause_after=wanted.pause_after,
        nodes=tuple(planned),
        waves=_waves_now(planned) if verdict == GO else (),
        verify_only=tuple(node.name for node in planned if node.state == NOTHING),
        findings=tuple(findings),
        notes=_notes(planned, paths),
        verdict=verdict,
        verdict_reason=reason,
    )


def _check_names(nodes: Iterable[Node]) -> None:
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            raise FleetError(
                f"The node {node.name} is given twice", "each node once", "Look at how the list of nodes is made"
            )
        seen.add(node.name)


# One node: its path and what speaks against it.


def _judge(node: Node, options: Options, paths: Sequence[Path]) -> tuple[PlannedNode, list[Finding]]:
    if not node.reachable:
        return _unreachable(node, options)
    answer = _resolve(node, options, paths)
    if isinstance(answer, Refusal):
        return _refused(node, options, answer)
    if isinstance(answer, Nothing):
        reason = f"It runs {options.target_version} already"
        return _planned(node, options, NOTHING, reason), list(node.findings)
    return _upgraded(node, options, answer)


def _resolve(node: Node, options: Options, paths: Sequence[Path]) -> Path | Nothing | Refusal:
    if node.role and options.path and node.role != options.path:
        return Refusal(
            f"The node is one for the path {node.role}, and this run is pinned to {options.path}",
            "Take the node out of this playbook's hosts, or run the playbook fleet.yml, which chooses the path of each node",
        )
    return resolve(node.product, node.version, options.target_version, node.role or options.path, paths)


def _planned(node: Node, options: Options, state: str, reason: str = "") -> PlannedNode:
    return PlannedNode(
        name=node.name,
        cluster=node.cluster,
        product=node.product,
        from_version=node.version,
        to_version=options.target_version,
        path="",
        role=node.role or options.path,
        state=state,
        reason=reason,
    )


def _unreachable(node: Node, options: Options) -> tuple[PlannedNode, list[Finding]]:
    why = node.reason.rstrip(".") or "no reason was given"
    finding = Finding(
        node.name,
        "node-unreachable",
        "blocker",
        f"The node cannot be reached: {why}",
        "Make it reachable, take it out of the fleet, or put node-unreachable into fleet_accept to go on without it",
    )
    planned = _planned(node, options, REFUSED, f"It cannot be reached: {why}")
    return planned, [*node.findings, settle(finding, options.accept)]


def _refused(node: Node, options: Options, refusal: Refusal) -> tuple[PlannedNode, list[Finding]]:
    errors = [finding for finding in node.findings if finding.severity == "error"]
    if errors and not node.version:  # the check that could not look at the node has said why already
        return _planned(node, options, REFUSED, errors[0].message), list(node.findings)
    finding = Finding(node.name, "version-path", "error", refusal.reason, refusal.remedy)
    return _planned(node, options, REFUSED, refusal.reason), [*node.findings, finding]


def _upgraded(node: Node, options: Options, path: Path) -> tuple[PlannedNode, list[Finding]]:
    planned = replace(
        _planned(node, options, UPGRADE),
        path=path.id,
        role=path.role,
        steps=tuple(PlannedStep(step.name, step.reversible) for step in path.steps),
        one_way=bool(path.one_way),
        disk_needed=node.disk_needed,
        backup_id=f"{path.id}-{canonical(node.version)}-{canonical(options.target_version)}",
    )
    found = [*_against_path(node, path), *_against_node(node), *_against_package(node, options, path)]
    return planned, [*node.findings, *(settle(finding, options.accept) for finding in found)]


def _against_path(node: Node, path: Path) -> Iterable[Finding]:
    if path.one_way:
        yield Finding(
            node.name,
            "one-way",
            "blocker",
            f"There is no way back: {path.one_way}",
            "If that is acceptable, put one-way into fleet_accept",
        )


def _against_node(node: Node) -> Iterable[Finding]:
    if node.package_manager != "dpkg":
        yield Finding(
            node.name,
            "package-manager",
            "error",
            f"The node's package manager is {node.package_manager or 'unknown'}; only dpkg is supported so far",
            "Take the node out of the fleet",
        )
    if node.disk_needed > node.disk_free:
        yield Finding(
            node.name,
            "disk-space",
            "error",
            f"The backup and the staged package need {node.disk_needed:,} bytes, and {node.disk_free:,} are free in the state folder",
            "Make room, or set fleet_state_dir to a folder on a larger file system",
        )


def _against_package(node: Node, options: Options, path: Path) -> Iterable[Finding]:
    package = options.package
    if package is None:
        return
    if package.name and path.packages and package.name not in path.packages:
        expected = " or ".join(path.packages)
        yield _package_error(node, "package-product", f"The package is one of {package.name}, not of {expected}")
    if package.version and not same(package.version, options.target_version):
        message = f"The package holds version {package.version}, and the target is {options.target_version}"
        yield _package_error(node, "package-version", message)
    if package.arch and node.arch and _dpkg_arch(package.arch) not in ("all", _dpkg_arch(node.arch)):
        message = f"The package is made for {package.arch}, and the node is {node.arch}"
        yield _package_error(node, "package-arch", message)


def _package_error(node: Node, name: str, message: str) -> Finding:
    return Finding(node.name, name, "error", message, "Give the package that fits with fleet_package")


def _dpkg_arch(name: str) -> str:
    return _ARCHITECTURES.get(name, name)


# All nodes: order, waves, verdict.


def _queue(planned: Sequence[PlannedNode], found: Sequence[Node], options: Options) -> list[PlannedNode]:
    """Give every node to be upgraded its wave and the nodes it waits for."""
    clusters = _clusters(planned, found)
    todo = {node.name for node in planned if node.state == UPGRADE}
    queues = [[name for name in names if name in todo] for names in clusters.values()]
    waves = cut_waves([queue for queue in queues if queue], options.wave_limit, options.canary)
    numbers = {name: number for number, wave in enumerate(waves, 1) for name in wave}
    canaries = waves[0] if options.canary and waves else []
    return [_placed(node, numbers, clusters[node.cluster], canaries, options.pause_after) for node in planned]


def _clusters(planned: Sequence[PlannedNode], found: Sequence[Node]) -> dict[str, list[str]]:
    """Return the names of each cluster's nodes that can prove themselves, in the order of their upgrade."""
    ranks = {node.name: node.rank for node in found}
    clusters: dict[str, list[str]] = {node.cluster: [] for node in planned}
    for node in sorted(planned, key=lambda one: ranks[one.name]):  # stable: equal ranks keep the inventory's order
        if node.state != REFUSED:
            clusters[node.cluster].append(node.name)
    return clusters


def cut_waves(queues: Sequence[Sequence[str]], limit: int, canary: int) -> list[list[str]]:
    """Cut the clusters' queues into waves, each with at most one node of a cluster and at most `limit` nodes (0: any number).

    The first wave holds at most `canary` nodes if that is not 0. Where not every cluster fits into a wave, those with most
    nodes left go first, as they decide how many waves there have to be; the canaries are the first of the inventory.
    """
    rest = [list(queue) for queue in queues]
    waves: list[list[str]] = []
    while any(rest):
        waiting = [queue for queue in rest if queue]
        size = limit or len(waiting)
        if canary and not waves:
            chosen = waiting[: min(canary, size)]
        else:
            longest = sorted(range(len(waiting)), key=lambda number: -len(waiting[number]))[:size]
            chosen = [waiting[number] for number in sorted(longest)]
        waves.append([queue.pop(0) for queue in chosen])
    return waves


def _placed(
    node: PlannedNode, numbers: dict[str, int], cluster: Sequence[str], canaries: Sequence[str], pause_after: int
) -> PlannedNode:
    if node.name not in numbers:
        return node
    earlier = cluster[: cluster.index(node.name)]
    others = [] if node.name in canaries else [name for name in canaries if name not in earlier]
    placed = replace(node, wave=numbers[node.name], after=(*others, *earlier))
    if pause_after and placed.wave > pause_after:
        return replace(placed, state=LATER, reason=f"This run pauses after wave {pause_after}; run again to go on")
    return placed


def _waves_now(planned: Sequence[PlannedNode]) -> tuple[tuple[str, ...], ...]:
    numbers = sorted({node.wave for node in planned if node.state == UPGRADE})
    return tuple(tuple(node.name for node in planned if node.wave == number) for number in numbers)


def _unknown_accepts(options: Options, findings: Sequence[Finding]) -> list[Finding]:
    known = {finding.id for finding in findings}.union(_OWN_BLOCKERS)
    return [
        Finding(
            "",
            "accept-unknown",
            "warning",
            f"fleet_accept names {name}, and nothing that was found has this id",
            "Check the spelling, or take it out of fleet_accept",
        )
        for name in options.accept
        if name not in known
    ]


def _verdict(planned: Sequence[PlannedNode], findings: Sequence[Finding], options: Options) -> tuple[str, str]:
    if not planned:
        return REFUSED, "The fleet has no nodes: fleet_hosts matches no host of the inventory."
    stops = [finding for finding in findings if finding.stops]
    if stops:
        ids = ", ".join(sorted({finding.id for finding in stops}))
        return (
            REFUSED,
            f"Nothing is upgraded until this is settled: {ids} (on {_names(finding.node for finding in stops)}).",
        )
    if all(node.state == REFUSED for node in planned):
        return REFUSED, "None of the nodes can be reached."
    upgrades = [node for node in planned if node.state == UPGRADE]
    if not upgrades:
        return NOTHING, f"Every node that can be reached runs {options.target_version} already."
    last = max(node.wave for node in upgrades)
    left = sum(node.state in (LATER, REFUSED) for node in planned)
    rest = f"; {left} left for another run" if left else ""
    return (
        GO,
        f"{_count(len(upgrades), 'node')} to be upgraded to {options.target_version} in {_count(last, 'wave')}{rest}.",
    )


def _names(names: Iterable[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - _NAMES_SHOWN} more" if len(unique) > _NAMES_SHOWN else ""
    return ", ".join(unique[:_NAMES_SHOWN]) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _notes(planned: Sequence[PlannedNode], paths: Sequence[Path]) -> tuple[str, ...]:
    rows = {path.id: path for path in paths}
    notes = (
        note for node in planned if node.path for note in rows[node.path].notes_for(node.from_version, node.to_version)
    )
    return tuple(dict.fromkeys(notes))


# A saved plan against reality.


def matches(saved: Plan, current: Plan) -> list[str]:
    """List how the current plan differs from the saved one; a node that meanwhile reached the saved plan's target does not."""
    differences = [*_different_wishes(saved, current)]
    before = {node.name: node for node in saved.nodes}
    now = {node.name: node for node in current.nodes}
    differences += [
        f"{name} was in the saved plan and is not in the fleet any more" for name in before if name not in now
    ]
    differences += [f"{name} is in the fleet and was not in the saved plan" for name in now if name not in before]
    both = [name for name in before if name in now]
    done = {name for name in both if _arrived(before[name], now[name], saved.target)}
    for name in both:
        differences += _different_node(before[name], now[name], name in done)
    return differences or _different_order(saved, current, done)


def _arrived(before: PlannedNode, now: PlannedNode, target: str) -> bool:
    return now.state == NOTHING and before.state in (UPGRADE, LATER) and same(now.to_version, target)


def _different_wishes(saved: Plan, current: Plan) -> Iterable[str]:
    if saved.verdict == REFUSED:
        yield f"The saved plan was refused itself: {saved.verdict_reason}"
    wishes = {
        "target": (saved.target, current.target),
        "pinned path": (saved.path or "automatic", current.path or "automatic"),
        "package's sha256": (_digest(saved), _digest(current)),
        "number of canaries": (saved.canary, current.canary),
        "limit of a wave": (saved.wave_limit, current.wave_limit),
        "wave to pause after": (saved.pause_after, current.pause_after),
    }
    for what, (before, now) in wishes.items():
        if before != now:
            yield f"The {what} was {before} and is {now}"


def _digest(plan: Plan) -> str:
    return plan.package.sha256 if plan.package and plan.package.sha256 else "not known"


def _different_node(before: PlannedNode, now: PlannedNode, done: bool) -> Iterable[str]:
    if before.cluster != now.cluster:
        yield f"{now.name} was in the cluster {before.cluster} and is in {now.cluster}"
    if done:
        return
    if before.from_version != now.from_version:
        yield f"{now.name} ran {before.from_version or 'an unknown version'} and runs {now.from_version or 'an unknown version'}"
    if _intent(before) != _intent(now):
        yield f"{now.name} was to take {_intent(before)}, and now it is {_intent(now)}"


def _intent(node: PlannedNode) -> str:
    return f"the path {node.path}" if node.state in (UPGRADE, LATER) else f"no path ({node.state})"


def _different_order(saved: Plan, current: Plan, done: set[str]) -> list[str]:
    """Compare the order. Where nodes are done, the others may be in an earlier wave, but never before a node of their cluster."""
    if not done:
        before = [node.name for node in saved.nodes if _wave_of(current, node.name) != node.wave]
        return [f"The waves changed for {_names(before)}"] if before else []
    changed = [
        node.name
        for node in current.nodes
        if node.wave and _earlier(current, node) - done != _earlier(saved, node) - done
    ]
    return [f"The order of the nodes changed for {_names(changed)}"] if changed else []


def _wave_of(plan: Plan, name: str) -> int:
    return next(node.wave for node in plan.nodes if node.name == name)


def _earlier(plan: Plan, node: PlannedNode) -> set[str]:
    """Return those nodes of the node's own cluster that it waits for."""
    own = {one.name for one in plan.nodes if one.cluster == node.cluster}
    return {name for one in plan.nodes if one.name == node.name for name in one.after if name in own}
