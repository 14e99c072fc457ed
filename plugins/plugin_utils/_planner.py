# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the plan of a run out of what was detected and what is wanted. Nothing here looks at a host, a file or a clock.

The order of the upgrades: nodes of a cluster one after the other, clusters side by side. So a wave holds at most one node of
each cluster, and `after` names the nodes that have to prove themselves done before a node may start. One bad node stops the
rest of its own cluster and, unless it is a canary, nothing else. Where a path changes a cluster as a whole, the wave holds all of
its nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._paths import PATHS, Nothing, Path, Refusal, resolve
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_model import (
    FORWARD,
    GO,
    LATER,
    NOTHING,
    REFUSED,
    ROLLBACK,
    UPGRADE,
    Change,
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
    found = [read_node(node) for node in nodes]
    _check_names(found)
    judged = [_judge(node, wanted, paths) for node in found]
    whole = {path.role for path in paths if path.whole_cluster}
    findings = [finding for judgement in judged for finding in judgement[1]]
    complete, missing = _with_whole_clusters([judgement[0] for judgement in judged], whole)
    findings += missing
    planned = _queue(complete, found, wanted, whole)
    findings += _unknown_accepts(found, findings)
    verdict, reason = _verdict(planned, findings, wanted)
    return Plan(
        direction=wanted.direction,
        path=wanted.path,
        canary=wanted.canary,
        wave_limit=wanted.wave_limit,
        pause_after=wanted.pause_after,
        nodes=tuple(planned),
        waves=_waves_now(planned) if verdict == GO else (),
        verify_only=tuple(node.name for node in planned if node.state == NOTHING),
        findings=tuple(findings),
        notes=_notes(planned, paths) if wanted.direction == FORWARD else (),
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
    if options.direction != FORWARD:
        return _back(node, options), list(node.findings)
    answer = _resolve(node, options, paths)
    if isinstance(answer, Refusal):
        return _refused(node, options, answer)
    if isinstance(answer, Nothing):
        reason = f"It runs {node.target_version} already"
        return _planned(node, options, NOTHING, reason), list(node.findings)
    return _upgraded(node, options, answer)


def _resolve(node: Node, options: Options, paths: Sequence[Path]) -> Path | Nothing | Refusal:
    if node.role and options.path and node.role != options.path:
        return Refusal(
            f"The node is one for the path {node.role}, and this run is pinned to {options.path}",
            "Take the node out of this playbook's hosts, or run the playbook fleet.yml, which chooses the path of each node",
        )
    return resolve(node.product, node.version, node.target_version, node.role or options.path, paths)


def _planned(node: Node, options: Options, state: str, reason: str = "") -> PlannedNode:
    return PlannedNode(
        name=node.name,
        cluster=node.cluster,
        product=node.product,
        from_version=node.version,
        to_version=node.target_version if options.direction == FORWARD else node.version,
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
    return planned, [*node.findings, settle(finding, node.accept)]


def _back(node: Node, options: Options) -> PlannedNode:
    """Plan the way back of a node. What speaks against it keeps only the node itself from it: others may need it badly."""
    change = node.unfinished or (node.last if options.direction == ROLLBACK else None)
    stops = [finding for finding in node.findings if finding.stops]
    if stops:
        planned = _planned(node, options, REFUSED, stops[0].message)
    elif change:
        planned = _planned(node, options, UPGRADE)
    else:
        planned = _planned(node, options, NOTHING, "No change is left to be undone")
    return _undone(planned, change) if change else planned


def _undone(planned: PlannedNode, change: Change) -> PlannedNode:
    if change.one_way:
        return replace(
            planned,
            from_version=change.source,
            to_version=change.target,
            path=planned.role,
            backup_id=change.id,
            one_way=True,
            steps=(PlannedStep("finish the change", False), PlannedStep("compare the data", True)),
        )
    return replace(
        planned,
        from_version=change.target,
        to_version=change.source,
        path=planned.role,
        backup_id=change.id,
        steps=(PlannedStep("put the old release back and start it", True), PlannedStep("compare the data", True)),
    )


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
        backup_id=f"{path.id}-{canonical(node.version)}-{canonical(node.target_version)}",
        package=node.package,
    )
    found = [*_against_path(node, path), *_against_node(node, path), *_against_package(node, path)]
    return planned, [*node.findings, *(settle(finding, node.accept) for finding in found)]


def _against_path(node: Node, path: Path) -> Iterable[Finding]:
    if path.one_way:
        yield Finding(
            node.name,
            "one-way",
            "blocker",
            f"There is no way back: {path.one_way}",
            "If that is acceptable, put one-way into fleet_accept",
        )


def _against_node(node: Node, path: Path) -> Iterable[Finding]:
    if path.packages and node.package_manager != "dpkg":
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


def _against_package(node: Node, path: Path) -> Iterable[Finding]:
    package = node.package
    if package is None:
        return
    if package.name and path.packages and package.name not in path.packages:
        expected = " or ".join(path.packages)
        yield _package_error(node, "package-product", f"The package is one of {package.name}, not of {expected}")
    if package.version and not same(package.version, node.target_version):
        message = f"The package holds version {package.version}, and the target is {node.target_version}"
        yield _package_error(node, "package-version", message)
    if package.arch and node.arch and _dpkg_arch(package.arch) not in ("all", _dpkg_arch(node.arch)):
        message = f"The package is made for {package.arch}, and the node is {node.arch}"
        yield _package_error(node, "package-arch", message)


def _package_error(node: Node, name: str, message: str) -> Finding:
    return Finding(node.name, name, "error", message, "Give the package that fits with fleet_package")


def _dpkg_arch(name: str) -> str:
    return _ARCHITECTURES.get(name, name)


# All nodes: order, waves, verdict.


def _with_whole_clusters(
    planned: Sequence[PlannedNode], whole: Collection[str]
) -> tuple[list[PlannedNode], list[Finding]]:
    """Refuse the nodes of a cluster that is changed as a whole, where one of them cannot take part."""
    members: dict[str, list[PlannedNode]] = {}
    for node in planned:
        members.setdefault(node.cluster, []).append(node)
    away = {
        cluster: names(node.name for node in nodes if node.state == REFUSED)
        for cluster, nodes in members.items()
        if any(node.state == UPGRADE and node.role in whole for node in nodes)
    }
    found = [
        Finding(
            node.name,
            "cluster-incomplete",
            "error",
            f"All nodes of its cluster change at once, and this is not possible without {away[node.cluster]}",
            "See to those nodes first",
        )
        for node in planned
        if node.state == UPGRADE and away.get(node.cluster)
    ]
    reasons = {finding.node: finding.message for finding in found}
    return [
        replace(node, state=REFUSED, reason=reasons[node.name]) if node.name in reasons else node for node in planned
    ], found


def _queue(
    planned: Sequence[PlannedNode], found: Sequence[Node], options: Options, whole: Collection[str]
) -> list[PlannedNode]:
    """Give every node to be upgraded its wave and the nodes it waits for."""
    clusters = _clusters(planned, found)
    todo = {node.name: node for node in planned if node.state == UPGRADE}
    queues = [_turns([todo[name] for name in names if name in todo], whole) for names in clusters.values()]
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


def _turns(nodes: Sequence[PlannedNode], whole: Collection[str]) -> list[list[str]]:
    """Return the nodes of a cluster in their order, those together that change at once."""
    together = [node.name for node in nodes if node.role in whole]
    return [together] if together else [[node.name] for node in nodes]


def cut_waves(queues: Sequence[Sequence[Sequence[str]]], limit: int, canary: int) -> list[list[str]]:
    """Cut the clusters' queues of turns into waves, each with at most one turn of a cluster and at most `limit` nodes (0: any number).

    A turn is a node, or all nodes of a cluster that change at once; one of more nodes than the limit has a wave of its own. The first
    wave holds at most `canary` nodes if that is not 0. Where not every cluster fits into a wave, those with most turns left go first, as
    they decide how many waves there have to be; the canaries are the first of the inventory.
    """
    rest = [list(queue) for queue in queues]
    waves: list[list[str]] = []
    while any(rest):
        waiting = [queue for queue in rest if queue]
        is_first = bool(canary) and not waves
        size = min(canary, limit or canary) if is_first else limit
        order = waiting if is_first else sorted(waiting, key=lambda queue: -len(queue))
        chosen = _fitting([queue[0] for queue in order], size)
        waves.append([name for queue in waiting if queue[0] in chosen for name in queue.pop(0)])
    return waves


def _fitting(turns: Sequence[Sequence[str]], size: int) -> list[Sequence[str]]:
    """Return as many turns as there is room for, one at least. size 0: all."""
    chosen: list[Sequence[str]] = []
    for turn in turns:
        if not chosen or not size or sum(map(len, chosen)) + len(turn) <= size:
            chosen.append(turn)
    return chosen


def _placed(
    node: PlannedNode, numbers: dict[str, int], cluster: Sequence[str], canaries: Sequence[str], pause_after: int
) -> PlannedNode:
    if node.name not in numbers:
        return node
    earlier = [name for name in cluster[: cluster.index(node.name)] if numbers.get(name) != numbers[node.name]]
    others = [] if node.name in canaries else [name for name in canaries if name not in earlier]
    placed = replace(node, wave=numbers[node.name], after=(*others, *earlier))
    if pause_after and placed.wave > pause_after:
        return replace(placed, state=LATER, reason=f"This run pauses after wave {pause_after}; run again to go on")
    return placed


def _waves_now(planned: Sequence[PlannedNode]) -> tuple[tuple[str, ...], ...]:
    numbers = sorted({node.wave for node in planned if node.state == UPGRADE})
    return tuple(tuple(node.name for node in planned if node.wave == number) for number in numbers)


def _unknown_accepts(found: Sequence[Node], findings: Sequence[Finding]) -> list[Finding]:
    known = {finding.id for finding in findings}.union(_OWN_BLOCKERS)
    accepted = dict.fromkeys(name for node in found for name in node.accept)
    return [
        Finding(
            "",
            "accept-unknown",
            "warning",
            f"fleet_accept names {name}, and nothing that was found has this id",
            "Check the spelling, or take it out of fleet_accept",
        )
        for name in accepted
        if name not in known
    ]


def _verdict(planned: Sequence[PlannedNode], findings: Sequence[Finding], options: Options) -> tuple[str, str]:
    if not planned:
        return REFUSED, "The fleet has no nodes: fleet_hosts matches no host of the inventory."
    stops = [finding for finding in findings if finding.stops]
    if stops and options.direction == FORWARD:
        ids = ", ".join(sorted({finding.id for finding in stops}))
        return (
            REFUSED,
            f"Nothing is upgraded until this is settled: {ids} (on {names(finding.node for finding in stops)}).",
        )
    if all(node.state == REFUSED for node in planned):
        return REFUSED, _nobody(planned, stops)
    upgrades = [node for node in planned if node.state == UPGRADE]
    if not upgrades:
        return NOTHING, _nothing(planned, options)
    last = max(node.wave for node in upgrades)
    left = sum(node.state in (LATER, REFUSED) for node in planned)
    rest = f"; {left} left for another run" if left else ""
    return GO, f"{_count(len(upgrades), 'node')} {_fate(upgrades, options)} in {_count(last, 'wave')}{rest}."


def _nobody(planned: Sequence[PlannedNode], stops: Sequence[Finding]) -> str:
    if all(finding.id == "node-unreachable" for finding in stops):
        return "None of the nodes can be reached."
    return f"None of the nodes can be taken back: {planned[0].reason.rstrip('.')} ({planned[0].name})."


def _nothing(planned: Sequence[PlannedNode], options: Options) -> str:
    there = [node for node in planned if node.state == NOTHING]
    if options.direction == FORWARD:
        return f"Every node that can be reached runs {releases(there)} already."
    return f"No change is left to be undone on {names(node.name for node in there)}."


def _fate(upgrades: Sequence[PlannedNode], options: Options) -> str:
    back = "be recovered" if any(node.one_way for node in upgrades) else "go back"
    return f"to {'be upgraded' if options.direction == FORWARD else back} to {releases(upgrades)}"


def releases(nodes: Iterable[PlannedNode]) -> str:
    """Return the releases that nodes go to, once each, in the nodes' order: "1.4.3", "1.4.3 or 3.3.3"."""
    return " or ".join(dict.fromkeys(node.to_version or "?" for node in nodes))


def names(found: Iterable[str]) -> str:
    """Return the names once each; beyond a few only how many more."""
    unique = list(dict.fromkeys(found))
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
