# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one sentence that a person reads first. It claims what was proved, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_status as status
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_words as words
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts

Nodes = Sequence[Facts]

# Said of one node, and of several.
_BAD_NEWS = {
    "rollback_failed": ("failed and could not be rolled back", "failed and could not be rolled back"),
    "failed": ("failed", "failed"),
    "unreachable": ("could not be reached", "could not be reached"),
    "unknown": ("is in a state that is not known", "are in a state that is not known"),
    "rolled_back": ("was rolled back and serves", "were rolled back and serve"),
    "refused": ("was refused", "were refused"),
    "held": ("was held back", "were held back"),
}

# What a fingerprint of a lower level proves, said of several nodes.
_LOWER_LEVELS = {
    "metadata": "the metadata is what it was before (points were not compared)",
    "series": "metadata and series are what they were before (points were not compared)",
}


def is_ok(plan: Facts | None, nodes: Nodes) -> bool:
    """Say whether the run did, for every node, what it set out to do, on positive evidence alone."""
    if not nodes or plan is None or plan["verdict"] not in ("go", "nothing"):
        return False
    return all(node["status"] in (*status.GOOD, *status.WAITING) for node in nodes)


def verdict(run: Facts, plan: Facts | None, nodes: Nodes) -> str:
    """Return the verdict on a run as one sentence, or a few short ones."""
    untouched = not any(node["status"] == "done" or status.was_changed(node) for node in nodes)
    if plan is None and untouched:
        return "No plan could be made, so nothing was changed" + _because(_worst_reason(nodes))
    if plan is not None and plan["verdict"] == "refused" and untouched:
        return "The plan was refused, so nothing was changed" + _because(plan["verdict_reason"] or _worst_reason(nodes))
    if not nodes:
        return "There was no node: nothing was upgraded and nothing was proved."
    if not is_ok(plan, nodes):
        return _bad(nodes)
    dry = status.is_dry(run) and not _with(nodes, "done")
    return _dry(run, plan, nodes) if dry else _good(run, plan, nodes)


def _because(reason: str | None) -> str:
    return f": {words.sentence(reason)}." if reason else "."


def _worst_reason(nodes: Nodes) -> str | None:
    """Return the reason of the first node that stopped the run; what is held only waits for others."""
    stopped = [node for node in nodes if node["status"] in status.BAD and node["status"] != "held" and node["reason"]]
    return f"{stopped[0]['name']}: {stopped[0]['reason']}" if stopped else None


def _with(nodes: Nodes, *wanted: str) -> list[Facts]:
    return [node for node in nodes if node["status"] in wanted]


def _release(run: Facts, plan: Facts | None, nodes: Nodes) -> str:
    """Return the name of what the nodes run now, such as "InfluxDB 1.4.3"."""
    versions = {node["to"] for node in nodes if node["to"]}
    package = (plan or {}).get("package") or {}
    labels = {words.product(node["path"], node["product"], package.get("name")) for node in nodes}
    if len(versions) != 1 or len(labels) != 1:
        return "the release planned for them" if len(nodes) > 1 else "the release planned for it"
    return " ".join(part for part in (labels.pop(), versions.pop()) if part)


def _good(run: Facts, plan: Facts | None, nodes: Nodes) -> str:
    reached, waiting = _with(nodes, *status.GOOD), _with(nodes, *status.WAITING)
    later = (
        f" {words.amount(len(waiting), 'node')} {_verb(waiting, 'is', 'are')} left for later, as asked."
        if waiting
        else ""
    )
    if not reached:
        return f"Nothing was changed.{later}"
    release, one = _release(run, plan, reached), len(nodes) == 1
    who = nodes[0]["name"] if one else f"{len(reached)} of {len(nodes)} nodes"
    if not _with(nodes, "done"):
        return f"{who} ran {release} already and {_verb(reached, 'works', 'work')}; nothing was changed.{later}"
    return f"{who} {'runs' if one else 'run'} {release}{_proof(_with(nodes, 'done'), one)}.{later}"


def _verb(nodes: Nodes, singular: str, plural: str) -> str:
    return singular if len(nodes) == 1 else plural


def _proof(done: Nodes, one: bool) -> str:
    """Return what the fingerprints of the upgraded nodes prove together: no more than the weakest of them does."""
    silent = [node for node in done if node["data"] == "not_compared"]
    if silent:
        return (
            "; the data was not compared"
            if len(silent) == len(done)
            else f"; the data of {len(silent)} of them was not compared"
        )
    levels = {node["fingerprint"]["level"] for node in done}
    for level, said in _LOWER_LEVELS.items():
        if level in levels:
            return f"; {said}"
    if any(node["data"] == "partly" for node in done):
        return "; what was compared of the data is what it was before"
    return " and holds everything it held before" if one else " and hold everything they held before"


def _dry(run: Facts, plan: Facts | None, nodes: Nodes) -> str:
    planned, there, later = _with(nodes, "planned"), _with(nodes, "nothing"), _with(nodes, "later")
    waves = len({node["wave"] for node in planned})
    parts = []
    if planned:
        parts.append(
            f"{len(planned)} of {words.amount(len(nodes), 'node')} would be upgraded to {_release(run, plan, planned)}"
            f" in {words.amount(waves, 'wave')}"
        )
    if there:
        parts.append(f"{words.amount(len(there), 'node')} {_verb(there, 'runs', 'run')} it already")
    if later:
        parts.append(f"{words.amount(len(later), 'node')} {_verb(later, 'is', 'are')} left for later, as asked")
    kind = "Check mode" if run["check"] else "Plan only"
    return f"{kind}, nothing was changed: {', '.join(parts)}."


def _bad(nodes: Nodes) -> str:
    done, there, later = _with(nodes, "done"), _with(nodes, "nothing"), _with(nodes, "later")
    start = f"{len(done)} of {words.amount(len(nodes), 'node')} upgraded"
    if there:
        start += f", {len(there)} {_verb(there, 'was', 'were')} there already"
    if later:
        start += f", {len(later)} left for later, as asked"
    groups = [group for group in (_with(nodes, name) for name in status.BAD) if group]
    if not groups:
        return f"{start}, but no plan that allowed it is known."
    # With one culprit the sentence has room for its reason; with more, the reasons are below.
    culprits = [node for group in groups for node in group if node["status"] != "held"] or groups[0]
    if len(culprits) > 1:
        return "; ".join([start, *map(_news, groups)]) + "."
    held = _with(nodes, "held") if culprits[0]["status"] != "held" else []
    start = f"{start}; {_news(culprits)}{_because(culprits[0]['reason'])}"
    return f"{start} {_news(held)}." if held else start


def _news(group: Nodes) -> str:
    """Return what happened to the nodes of one bad status."""
    said = _verb(group, *_BAD_NEWS[group[0]["status"]])
    node = group[0]
    if len(group) == 1 and node["status"] == "rolled_back" and node["from"]:
        said = f"was rolled back to {node['from']} and serves"
    if len(group) == 1 and node["status"] == "failed" and node["phase"]:
        said = f"failed in the phase {node['phase']}"
    return f"{words.names([node['name'] for node in group])} {said}"
