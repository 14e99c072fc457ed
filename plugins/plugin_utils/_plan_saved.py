# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare a saved plan with what is found now."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_model import (
    LATER,
    NOTHING,
    REFUSED,
    UPGRADE,
    Plan,
    PlannedNode,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._planner import names
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import same


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
    done = {name for name in both if _arrived(before[name], now[name])}
    for name in both:
        differences += _different_node(before[name], now[name], name in done)
    return differences or _different_order(saved, current, done)


def _arrived(before: PlannedNode, now: PlannedNode) -> bool:
    return now.state == NOTHING and before.state in (UPGRADE, LATER) and same(now.to_version, before.to_version)


def _different_wishes(saved: Plan, current: Plan) -> Iterable[str]:
    if saved.verdict == REFUSED:
        yield f"The saved plan was refused itself: {saved.verdict_reason}"
    wishes = {
        "direction": (saved.direction, current.direction),
        "pinned path": (saved.path or "automatic", current.path or "automatic"),
        "number of canaries": (saved.canary, current.canary),
        "limit of a wave": (saved.wave_limit, current.wave_limit),
        "wave to pause after": (saved.pause_after, current.pause_after),
    }
    for what, (before, now) in wishes.items():
        if before != now:
            yield f"The {what} was {before} and is {now}"


def _digest(node: PlannedNode) -> str:
    return node.package.sha256 if node.package and node.package.sha256 else "not known"


def _different_node(before: PlannedNode, now: PlannedNode, done: bool) -> Iterable[str]:
    if before.cluster != now.cluster:
        yield f"{now.name} was in the cluster {before.cluster} and is in {now.cluster}"
    if before.to_version != now.to_version:
        yield f"{now.name} was to go to {before.to_version}, and now to {now.to_version}"
    if done:
        return
    if _digest(before) != _digest(now):
        yield f"{now.name} was to take the package with the sha256 {_digest(before)}, and now {_digest(now)}"
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
        return [f"The waves changed for {names(before)}"] if before else []
    changed = [
        node.name
        for node in current.nodes
        if node.wave and _earlier(current, node) - done != _earlier(saved, node) - done
    ]
    return [f"The order of the nodes changed for {names(changed)}"] if changed else []


def _wave_of(plan: Plan, name: str) -> int:
    return next(node.wave for node in plan.nodes if node.name == name)


def _earlier(plan: Plan, node: PlannedNode) -> set[str]:
    """Return those nodes of the node's own cluster that it waits for."""
    own = {one.name for one in plan.nodes if one.cluster == node.cluster}
    return {name for one in plan.nodes if one.name == node.name for name in one.after if name in own}
