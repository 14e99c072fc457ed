# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do next, for every kind of node that is not where it should be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_status as status
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_words as words
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts

AGAIN = "Run the same playbook again: it looks at every node afresh and goes on where this run stopped."

# For an upgrade, and for a way back.
_NOTHING_LEFT = (
    "Nothing. Keep the backups until you are sure that you need no way back.",
    "Nothing. The copies stay on the nodes, and the same upgrade can be run again.",
)

# What stops a cluster, as opposed to nodes that only wait behind it.
_CULPRITS = tuple(name for name in status.BAD if name != "held")


@dataclasses.dataclass(frozen=True)
class _Scene:
    """What the advice for one node has to know beside it: all nodes, and whether the run takes them back."""

    nodes: Sequence[Facts]
    back: bool


def advice(run: Facts, plan: Facts | None, nodes: Sequence[Facts]) -> list[Facts]:
    """Return the next steps as {nodes, status, steps}, the most urgent first; nodes with the same steps share an entry."""
    scene = _Scene(nodes, status.goes_back(plan))
    entries: dict[tuple[str, ...], Facts] = {}
    for node in nodes:
        steps = [] if _is_told(node, run, plan) else _STEPS.get(node["status"], _nothing)(node, scene)
        if steps:
            entry = entries.setdefault(
                (node["status"], *steps), {"nodes": [], "status": node["status"], "steps": steps}
            )
            entry["nodes"].append(node["name"])
    return [*_whole(run, plan, nodes), *entries.values()]


def _is_told(node: Facts, run: Facts, plan: Facts | None) -> bool:
    """Say whether the steps for the whole run tell all that there is to do about a node."""
    if plan is None or plan["verdict"] == "refused":
        return node["status"] in ("held", "later") or bool(node["status"] == "refused" and _settle(node["findings"]))
    return status.is_dry(run) and node["status"] == "later"


def _nothing(node: Facts, scene: _Scene) -> list[str]:
    return []


def _whole(run: Facts, plan: Facts | None, nodes: Sequence[Facts]) -> list[Facts]:
    """Return the next steps that belong to no single node."""
    if not nodes and plan is not None and plan["verdict"] != "refused":
        return [_general("Look at the inventory and at fleet_hosts: no host was selected.")]
    if plan is None:
        return [
            _general("Mend what kept the plan from being made, which is said below or in the playbook's output.", AGAIN)
        ]
    if plan["verdict"] == "refused":
        return [_general("Settle what the plan was refused for.", *_settle(plan["findings"]), AGAIN)]
    if status.is_dry(run) and any(node["status"] == "planned" for node in nodes):
        return [
            _general(
                "Read the plan below. To carry it out, run the playbook without --check and without fleet_plan_only."
            )
        ]
    if all(node["status"] in status.GOOD for node in nodes):
        return [_general(_NOTHING_LEFT[status.goes_back(plan)])]
    return []


def _general(*steps: str) -> Facts:
    return {"nodes": [], "status": None, "steps": list(steps)}


def _settle(findings: Sequence[Facts]) -> list[str]:
    """Return a step for each finding that stops a run."""
    steps = []
    for finding in findings:
        if status.stops(finding):
            where = f"{finding['node']}, " if finding.get("node") else ""
            remedy = words.sentence(finding["remedy"] or finding["message"])
            may_accept = finding["severity"] == "blocker" and "fleet_accept" not in remedy
            accept = f" Or accept it: add {finding['id']} to fleet_accept." if may_accept else ""
            steps.append(f"{where}{finding['id']}: {remedy}.{accept}")
    return steps


def _command(playbook: str, nodes: Sequence[Facts]) -> str:
    """Return how people call a playbook for all of these nodes that have a way back."""
    names = ",".join(node["name"] for node in nodes if not node["one_way"])
    return f"ansible-playbook dbfleet.upgrade.{playbook} -e fleet_hosts={names}"


def _kept(node: Facts, scene: _Scene) -> str:
    """Say what was kept of a node's former state, and where."""
    kept = []
    backup, package = node["backup"] or {}, node["rollback_package"] or {}
    if backup.get("path"):
        kept.append(f"the backup in {backup['path']}" + ("" if backup["verified"] else " (not verified)"))
    if package.get("path"):
        kept.append(f"the package of {package['version'] or 'the old release'} in {package['path']}")
    if kept:
        return f"Kept on the node: {' and '.join(kept)}."
    if scene.back:
        return "The copies that the upgrade kept are below backup in the state folder on the node, the old package below stage."
    return "No backup of this run is known: none had been taken by then."


def _failed(node: Facts, scene: _Scene) -> list[str]:
    if not status.was_changed(node):
        return ["It was not changed: it runs what it ran before. Mend the cause.", AGAIN]
    return [_not_rolled_back(node, scene), _kept(node, scene), f"Mend the cause. {AGAIN}"]


def _not_rolled_back(node: Facts, scene: _Scene) -> str:
    if node["one_way"]:
        return "It was not rolled back, because the change is one-way."
    look = "Find out what it runs and whether it serves before anything else."
    if scene.back:
        return look
    changed = [one for one in scene.nodes if one["status"] == "failed" and status.was_changed(one)]
    return f"It was not rolled back. {look} To have the old release back: {_command('rollback', changed)}"


def _rolled_back(node: Facts, scene: _Scene) -> list[str]:
    return [f"It serves {node['from'] or 'its old release'} again, so there is no hurry. Mend the cause.", AGAIN]


def _rollback_failed(node: Facts, scene: _Scene) -> list[str]:
    return [
        "See to this node first: assume that it does not serve. The swap's own record is swap.log in the state folder on the node.",
        _kept(node, scene),
        "Change nothing in these copies; they are the way back. Put back by hand what is missing and start the service.",
        f"When the node serves again, {AGAIN[0].lower()}{AGAIN[1:]}",
    ]


def _lost(node: Facts, scene: _Scene) -> list[str]:
    lost = [one for one in scene.nodes if one["status"] in ("unreachable", "unknown")]
    kept = [_kept(node, scene)] if status.was_changed(node) else []
    steps = ["See to it that the node can be reached.", *kept, AGAIN]
    if scene.back or node["one_way"]:
        return steps
    return [*steps, f"If you want the old release back instead: {_command('recover', lost)}"]


def _held(node: Facts, scene: _Scene) -> list[str]:
    everyone = [other for other in scene.nodes if other["status"] in _CULPRITS]
    own = [other for other in everyone if node["cluster"] and other["cluster"] == node["cluster"]]
    said = words.names(
        [f"{other['name']} ({words.STATUS_WORDS[other['status']]})" for other in own or everyone] or ["-"]
    )
    if own:
        return [f"It was not touched: {said} stopped the cluster {node['cluster']}. Settle that first.", AGAIN]
    return [f"It was not touched. Settle {said} first." if everyone else "It was not touched.", AGAIN]


def _refused(node: Facts, scene: _Scene) -> list[str]:
    return [*(_settle(node["findings"]) or ["It was not touched. Settle the reason it was refused for."]), AGAIN]


def _later(node: Facts, scene: _Scene) -> list[str]:
    return ["The run was paused before it, as asked. Run the same playbook again to go on."]


_STEPS: dict[str, Callable[[Facts, _Scene], list[str]]] = {
    "rollback_failed": _rollback_failed,
    "failed": _failed,
    "unreachable": _lost,
    "unknown": _lost,
    "rolled_back": _rolled_back,
    "refused": _refused,
    "held": _held,
    "later": _later,
}
