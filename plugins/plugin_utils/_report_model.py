# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as data: what report.json holds, and what the page, the Markdown and the JUnit file are drawn from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_shape as shape
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_advice import advice
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts, plain, without_secrets
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_status import (
    STATUSES,
    data_verdict,
    is_dry,
    judge,
    last_phase,
    phase_status,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_verdict import is_ok, verdict

SCHEMA = 1

# What is reported of a node as it was given.
_EVIDENCE = ("outcome", "fingerprint", "backup", "rollback_package", "config", "swap", "timeline")


def build(run: Any, plan: Any, nodes: Any) -> Facts:
    """Return the report of a run: judged, sorted, and free of secrets. It never fails on what is missing."""
    given = without_secrets(plain({"run": run, "plan": plan, "nodes": nodes}))
    the_run: Facts = shape.read_run(given["run"]) or shape.read_run({"id": None})
    the_plan: Facts | None = shape.read_plan(given["plan"])
    judged = _nodes(the_run, the_plan, shape.read_nodes(given["nodes"]))
    return {
        "schema": SCHEMA,
        "ok": is_ok(the_plan, judged),
        "verdict": verdict(the_run, the_plan, judged),
        "run": {**the_run, "seconds": _between(the_run["started"], the_run["ended"])},
        "totals": _totals(judged),
        "next": advice(the_run, the_plan, judged),
        "nodes": judged,
        "plan": the_plan,
    }


def load(text: str, origin: str) -> Facts:
    """Return the report that report.json holds; origin is the file's name, for the message when it is none."""
    try:
        saved = json.loads(text)
    except ValueError as error:
        raise FleetError(
            f"{origin} is not JSON: {error}", "a report.json", "give the report.json of an earlier run"
        ) from error
    if not isinstance(saved, dict) or saved.get("schema") != SCHEMA:
        found = saved.get("schema") if isinstance(saved, dict) else type(saved).__name__
        raise FleetError(
            f"{origin} is no report of schema {SCHEMA} (found: {found})",
            "a report.json of this version of the collection",
            "render it with the version of the collection that wrote it",
        )
    return build(saved.get("run"), saved.get("plan"), saved.get("nodes"))


def _between(started: float | None, ended: float | None) -> float | None:
    return None if started is None or ended is None else max(0.0, ended - started)


def _nodes(run: Facts, plan: Facts | None, found: Sequence[Facts]) -> list[Facts]:
    """Return the nodes of the plan and those beyond it, each with its judgement, the worst first, else in the plan's order."""
    rows = {row["name"]: row for row in (plan["nodes"] if plan else [])}
    facts = {node["name"]: node for node in found if node["name"]}
    unheard = shape.read_nodes([{"name": name} for name in rows if name and name not in facts])
    facts.update({node["name"]: node for node in unheard})
    waves = {name: number for number, wave in enumerate(plan["waves"] if plan else [], 1) for name in wave}
    names = [name for name in dict.fromkeys([*rows, *facts]) if name]
    for node in facts.values():
        node["timeline"] = [{**entry, "status": phase_status(entry)} for entry in node["timeline"]]
    judged = [_node(facts[name], {**rows.get(name, {}), "wave": waves.get(name)}, run, plan) for name in names]
    return sorted(judged, key=lambda node: STATUSES.index(node["status"]))


def _node(node: Facts, row: Facts, run: Facts, plan: Facts | None) -> Facts:
    """Return one node: what is known of it, what was planned for it, and what became of it."""
    status, reason = judge(node, row, plan, is_dry(run))
    outcome, swap = node["outcome"] or {}, node["swap"] or {}
    downtime = outcome.get("downtime")
    return {
        "name": node["name"],
        "cluster": node["cluster"] or row.get("cluster"),
        "from": node["from"] or row.get("from"),
        "to": row.get("to") or node["to"],
        "path": row.get("path"),
        "product": row.get("product"),
        "wave": row["wave"],
        "planned": row.get("state"),
        "one_way": row.get("one_way", False),
        "status": status,
        "phase": outcome.get("phase") or (last_phase(node) if status in ("failed", "unknown") else None),
        "reason": reason,
        "downtime": downtime if downtime is not None else swap.get("downtime"),
        "data": data_verdict(node),
        **{key: node[key] for key in _EVIDENCE},
        "findings": _findings(node, plan),
    }


def _findings(node: Facts, plan: Facts | None) -> list[Facts]:
    """Return the findings on a node, once each; the plan's come first, as they know which were accepted."""
    of_plan = [finding for finding in (plan["findings"] if plan else []) if finding["node"] == node["name"]]
    unique = {(finding["id"], finding["message"]): finding for finding in reversed([*of_plan, *node["findings"]])}
    return [{key: entry for key, entry in finding.items() if key != "node"} for finding in reversed(unique.values())]


def _totals(nodes: Sequence[Facts]) -> Facts:
    """Return what there is to count: nodes by status, and the downtimes of those that had one."""
    by_status = Counter(node["status"] for node in nodes)
    downtimes = [node["downtime"] for node in nodes if node["downtime"] is not None]
    return {
        "nodes": len(nodes),
        "status": {name: by_status[name] for name in STATUSES if by_status[name]},
        "data": dict(sorted(Counter(node["data"] for node in nodes if node["status"] == "done").items())),
        "longest_downtime": max(downtimes, default=None),
        "total_downtime": sum(downtimes) if downtimes else None,
    }
