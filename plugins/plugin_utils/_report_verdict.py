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

# The levels of a fingerprint that prove a part of the data as a whole.
_LOWER = ("series", "metadata")

# What can be proved of nodes, the most first: said of one node and of several, or about their data.
_PROVED = {
    "whole": ("holds everything it held before", "hold everything they held before"),
    "answers": ("answers", "answer"),
}
_PROVED_OF_DATA = {
    "part": "what was compared of the data is what it was before",
    "series": "metadata and series are what they were before (points were not compared)",
    "metadata": "the metadata is what it was before (points were not compared)",
    "silent": "the data was not compared",
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
        return "There was no node: nothing was changed and nothing was proved."
    back = status.goes_back(plan)
    start = _dry(run, nodes, back) if status.is_dry(run) and not _with(nodes, "done") else None
    if is_ok(plan, nodes):
        return f"{start}." if start else _good(nodes, back)
    return _bad(nodes, back, start or _so_far(nodes, back))


def _because(reason: str | None) -> str:
    return f": {words.sentence(reason)}." if reason else "."


def _worst_reason(nodes: Nodes) -> str | None:
    """Return the reason of the first node that stopped the run; what is held only waits for others."""
    stopped = [node for node in nodes if node["status"] in status.BAD and node["status"] != "held" and node["reason"]]
    return f"{stopped[0]['name']}: {stopped[0]['reason']}" if stopped else None


def _with(nodes: Nodes, *wanted: str) -> list[Facts]:
    return [node for node in nodes if node["status"] in wanted]


def _verb(nodes: Nodes, singular: str, plural: str) -> str:
    return singular if len(nodes) == 1 else plural


def _some(nodes: Nodes) -> str:
    """Name a few nodes, or count them."""
    found = [node["name"] for node in nodes]
    return words.names(found) if len(found) <= words.FEW else words.amount(len(found), "node")


def _share(some: Nodes, nodes: Nodes) -> str:
    return str(nodes[0]["name"]) if len(nodes) == 1 else f"{len(some)} of {words.amount(len(nodes), 'node')}"


def _release(nodes: Nodes) -> str:
    """Return what nodes are to run, such as "InfluxDB 1.4.3"."""
    found = words.releases(nodes)
    if len({words.release(node) for node in nodes}) == 1 and found:
        return found
    return f"the release planned for {_verb(nodes, 'it', 'them')}{f' ({found})' if found else ''}"


def _good(nodes: Nodes, back: bool) -> str:
    done, there, waiting = _with(nodes, "done"), _with(nodes, "nothing"), _with(nodes, *status.WAITING)
    parts = [_done(done, nodes, back)] if done else []
    if there:
        parts.append(_also_there(there, done, back) if done else _only_there(there, nodes, back))
    verb = _verb(waiting, "is", "are")
    later = f" {words.amount(len(waiting), 'node')} {verb} left for later, as asked." if waiting else ""
    return f"{'; '.join(parts) or 'Nothing was changed'}.{later}"


def _done(done: Nodes, nodes: Nodes, back: bool) -> str:
    # What could not be undone was finished.
    undone = back and not any(node["one_way"] for node in done)
    verb = _verb(done, "is back on", "are back on") if undone else _verb(done, "runs", "run")
    return f"{_share(done, nodes)} {verb} {_release(done)}{_proof(done)}"


def _only_there(there: Nodes, nodes: Nodes, back: bool) -> str:
    if back:
        return (
            f"There was nothing to undo: {_some(there)} {_verb(there, 'runs', 'run')} {_release(there)}{_proof(there)}"
        )
    return f"{_share(there, nodes)} ran {_release(there)} already{_proof(there)}; nothing was changed"


def _also_there(there: Nodes, done: Nodes, back: bool) -> str:
    release = "it" if _release(there) == _release(done) else _release(there)
    return f"{_some(there)} {'had nothing to undo' if back else f'ran {release} already'}{_proof(there)}"


def _proof(nodes: Nodes) -> str:
    """Return what was proved of nodes, to end a sentence about them: for each what its own evidence proves, and no more."""
    groups: dict[str, list[Facts]] = {claim: [] for claim in (*_PROVED, *_PROVED_OF_DATA)}
    for node in nodes:
        groups[_claim(node)].append(node)
    clauses = [_clause(claim, group) for claim, group in groups.items() if group]
    if len(clauses) > 1:
        return f": {'; '.join(clauses)}"
    claim = _claim(nodes[0])
    return f" and {_verb(nodes, *_PROVED[claim])}" if claim in _PROVED else f"; {_PROVED_OF_DATA[claim]}"


def _clause(claim: str, group: Nodes) -> str:
    if claim in _PROVED:
        return f"{_some(group)} {_verb(group, *_PROVED[claim])}"
    return f"on {_some(group)} {_PROVED_OF_DATA[claim]}"


def _claim(node: Facts) -> str:
    """Return what a node's evidence proves, as a key of the sentences above."""
    if node["data"] == "not_compared":
        return "answers" if node["status"] == "nothing" else "silent"
    if status.is_whole(node):
        return "whole"
    level = str(node["fingerprint"]["level"])
    return level if node["data"] == "same" and level in _LOWER else "part"


def _dry(run: Facts, nodes: Nodes, back: bool) -> str:
    planned, there, later = _with(nodes, "planned"), _with(nodes, "nothing"), _with(nodes, "later")
    parts = []
    if planned:
        waves = words.amount(len({node["wave"] for node in planned}), "wave")
        fate = "go back" if back else "be upgraded"
        parts.append(f"{_share(planned, nodes)} would {fate} to {_release(planned)} in {waves}")
    if there:
        parts.append(_would_stay(there, planned, back))
    if later:
        parts.append(f"{words.amount(len(later), 'node')} {_verb(later, 'is', 'are')} left for later, as asked")
    kind = "Check mode" if run["check"] else "Plan only"
    return f"{kind}, nothing was changed" + (f": {', '.join(parts)}" if parts else "")


def _would_stay(there: Nodes, planned: Nodes, back: bool) -> str:
    if back:
        return f"there is nothing to undo on {_some(there)}"
    release = "it" if planned and _release(there) == _release(planned) else _release(there)
    return f"{_some(there)} {_verb(there, 'runs', 'run')} {release} already"


def _so_far(nodes: Nodes, back: bool) -> str:
    """Return how many nodes are where they should be, to begin a sentence about those that are not."""
    done, there, later = _with(nodes, "done"), _with(nodes, "nothing"), _with(nodes, "later")
    parts = [f"{len(done)} of {words.amount(len(nodes), 'node')} {'taken back' if back else 'upgraded'}"]
    if there:
        was = _verb(there, "was there already", "were there already")
        parts.append(f"{len(there)} {'had nothing to undo' if back else was}")
    if later:
        parts.append(f"{len(later)} left for later, as asked")
    return ", ".join(parts)


def _bad(nodes: Nodes, back: bool, start: str) -> str:
    groups = [group for group in (_with(nodes, name) for name in status.BAD) if group]
    if not groups:
        return f"{start}, but no plan that allowed it is known."
    # With one culprit the sentence has room for its reason; with more, the reasons are below.
    culprits = [node for group in groups for node in group if node["status"] != "held"] or groups[0]
    if len(culprits) > 1:
        return "; ".join([start, *(_news(group, back) for group in groups)]) + "."
    held = _with(nodes, "held") if culprits[0]["status"] != "held" else []
    start = f"{start}; {_news(culprits, back)}{_because(culprits[0]['reason'])}"
    return f"{start} {_news(held, back)}." if held else start


def _news(group: Nodes, back: bool) -> str:
    """Return what happened to the nodes of one bad status."""
    node = group[0]
    said = _verb(group, *_BAD_NEWS[node["status"]])
    if back and node["status"] == "rollback_failed":
        said = "could not be recovered" if any(node["one_way"] for node in group) else "could not be taken back"
    if len(group) == 1 and node["status"] == "rolled_back" and node["from"]:
        said = f"was rolled back to {node['from']} and serves"
    if len(group) == 1 and node["status"] == "failed" and node["phase"]:
        said = f"failed in the phase {node['phase']}"
    return f"{words.names([node['name'] for node in group])} {said}"
