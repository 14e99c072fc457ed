# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report.html: one self-contained page, drawn from the report and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_words as words
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_page import PAGE, SCRIPT
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_shape import PHASES
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_status import BAD, GOOD, goes_back, is_whole
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_style import STYLE
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_timeline import (
    NARROW,
    WIDE,
    known_since,
    outages,
    timed,
    timeline,
)

# The symbol of a status. Color never stands alone: symbol and word say the same.
_ICONS = {
    "done": "ok",
    "nothing": "ok",
    "planned": "wait",
    "later": "wait",
    "held": "held",
    "refused": "stop",
    "rolled_back": "back",
    "unreachable": "ask",
    "unknown": "ask",
    "failed": "bad",
    "rollback_failed": "bad",
}

_SEVERITY_TONES = {"error": "bad", "blocker": "bad", "warning": "warn"}
_PHASE_TONES = {"ok": "good", "failed": "bad", "skipped": "wait", "unfinished": "bad"}
_CHIEF = ("databases", "measurements", "series", "values", "documents")
_STEP_TONES = {"ok": "good", "done": "good", "skipped": "wait", None: "good"}
_SOURCES = {
    "given": "given by the user",
    "cache": "found in the node's package cache",
    "rebuilt": "rebuilt from the files on the node",
}
_TODO = {"nothing": "verify only", "refused": "refused", "later": "later, as asked"}

# How many troubled nodes are shown unfolded; more would bury the page.
_UNFOLDED = 5


def page(report: Facts) -> str:
    """Return report.html."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(_FILTERS)
    plan = report["plan"]
    return environment.from_string(PAGE).render(
        report=report,
        style=Markup(STYLE),
        script=Markup(SCRIPT),
        banner=banner(report),
        title=words.title(plan),
        eyebrow=_eyebrow(report),
        tiles=_tiles(report),
        drawings=[timeline(report, WIDE), timeline(report, NARROW)],
        phases=[
            phase
            for phase in PHASES
            if any(entry["phase"] == phase for node in report["nodes"] for entry in node["timeline"])
        ],
        beginning=words.moment(min(_moments(report), default=None)),
        marks=_marks(report["nodes"]),
        unfolded=_unfolded(report["nodes"]),
        plan=plan,
        plan_findings=_plan_findings(report),
        accepted=_accepted(report),
        queue=_queue(report),
        config_terms=words.CONFIG_TERMS.items(),
        step_groups=_step_groups(plan),
    )


def banner(report: Facts) -> Facts:
    """Return the word, the color and the symbol that sum a report up."""
    status, run, plan = report["totals"]["status"], report["run"], report["plan"]
    if report["ok"] and (run["check"] or run["plan_only"]):
        return {"word": "Check mode" if run["check"] else "Plan only", "tone": "wait", "icon": "wait"}
    if report["ok"]:
        return {"word": "Paused, as asked" if status.get("later") else "All is well", "tone": "good", "icon": "ok"}
    if plan is not None and plan["verdict"] == "refused":
        return {"word": "Refused", "tone": "warn", "icon": "stop"}
    if not report["nodes"]:
        return {"word": "Nothing was done", "tone": "bad", "icon": "bad"}
    grave = any(words.tone(name) == "bad" for name in status)
    return {"word": "Needs attention", "tone": "bad" if grave else "warn", "icon": "bad" if grave else "held"}


def _moments(report: Facts) -> list[float]:
    return [known_since(entry) for node in report["nodes"] for entry in timed(node)]


def _eyebrow(report: Facts) -> list[str]:
    run, plan = report["run"], report["plan"]
    began = words.moment(run["started"]) if run["started"] is not None else None
    return [part for part in (words.targets(plan) or words.product(run["path"]), began, run["id"]) if part]


def _tiles(report: Facts) -> list[Facts]:
    """Return the four numbers that people ask for first."""
    run, status = report["run"], report["totals"]["status"]
    changed = status.get("done") or report["totals"]["longest_downtime"] is not None
    took = {
        "term": "The run took",
        "value": words.seconds(run["seconds"]),
        "note": f"{words.clock(run['started'])} to {words.clock(run['ended'])} UTC"
        if run["seconds"] is not None
        else "",
    }
    return [*(_tiles_of_plan(report["plan"]) if report["plan"] and not changed else _tiles_of_upgrade(report)), took]


def _tiles_of_plan(plan: Facts) -> list[Facts]:
    """Return what to know of a plan of which nothing was carried out."""
    upgraded = [node for node in plan["nodes"] if node["state"] == "upgrade"]
    largest = max(upgraded, key=lambda node: node["disk_needed"] or 0, default=None)
    grave = sum(finding["severity"] in ("error", "blocker") and not finding["accepted"] for finding in plan["findings"])
    return [
        {
            "term": "To take back" if goes_back(plan) else "To upgrade",
            "value": f"{len(upgraded)} of {len(plan['nodes'])}",
            "note": f"nodes, {words.amount(len(plan['waves']), 'wave')}",
        },
        {
            "term": "Findings",
            "value": str(len(plan["findings"])),
            "note": f"{grave} in the way" if grave else "none in the way",
        },
        {
            "term": "Disk needed",
            "value": words.size(largest["disk_needed"]) if largest else "–",
            "note": f"most, by {largest['name']}" if largest else "",
        },
    ]


def _tiles_of_upgrade(report: Facts) -> list[Facts]:
    totals, fate = report["totals"], "taken back" if goes_back(report["plan"]) else "upgraded"
    done = [node for node in report["nodes"] if node["status"] == "done"]
    down = [node for node in report["nodes"] if node["downtime"] is not None]
    longest = max(down, key=lambda node: float(node["downtime"]), default=None)
    waves = len(report["plan"]["waves"]) if report["plan"] else 0
    return [
        {
            "term": fate.capitalize(),
            "value": f"{len(done)} of {totals['nodes']}",
            "note": f"nodes, {words.amount(waves, 'wave')}" if waves else "nodes",
        },
        {
            "term": "Longest downtime",
            "value": words.seconds(totals["longest_downtime"]),
            "note": longest["name"] if longest else "no node was stopped",
        },
        {
            "term": "Data proved the same",
            "value": f"{sum(map(is_whole, done))} of {len(done)}",
            "note": _data_note(done, fate),
        },
    ]


def _data_note(done: Sequence[Facts], fate: str) -> str:
    silent = sum(node["data"] == "not_compared" for node in done)
    partly = len(done) - sum(map(is_whole, done)) - silent
    parts = [f"{words.amount(silent, 'node')} not compared"] if silent else []
    parts += [f"{words.amount(partly, 'node')} compared in part"] if partly else []
    return ", ".join(parts) or (f"nodes {fate}" if done else f"no node was {fate}")


def _marks(nodes: Sequence[Facts]) -> list[tuple[str, str]]:
    """Return what the legend of the timeline explains beside the phases: style and words of what is to be seen in it."""
    states = {entry["status"] for node in nodes for entry in node["timeline"]}
    marks = [
        ("down", "not serving", any(outages(node) for node in nodes)),
        ("failed", "failed", "failed" in states),
        ("open", "did not end", "unfinished" in states),
    ]
    return [(style, said) for style, said, seen in marks if seen]


def _unfolded(nodes: Sequence[Facts]) -> list[int]:
    """Return which nodes to show unfolded: the few that something happened to, counted from one."""
    troubled = [place for place, node in enumerate(nodes, 1) if node["status"] in BAD and node["status"] != "held"]
    return troubled[:_UNFOLDED]


def _queue(report: Facts) -> list[Facts]:
    """Return the plan's nodes in the order they have their turn, those without one at the end."""
    nodes: list[Facts] = report["plan"]["nodes"] if report["plan"] else []
    return sorted(nodes, key=lambda node: (node["wave"] is None, node["wave"] or 0))


def _plan_findings(report: Facts) -> list[Facts]:
    """Return the plan's findings that no node's details show."""
    names = [node["name"] for node in report["nodes"]]
    return [finding for finding in (report["plan"] or {"findings": []})["findings"] if finding["node"] not in names]


def _accepted(report: Facts) -> list[Facts]:
    """Return the accepted findings by id, each with the nodes it was accepted for."""
    found: dict[str, list[str]] = {}
    for node in report["nodes"]:
        for finding in node["findings"]:
            if finding["accepted"]:
                found.setdefault(finding["id"], []).append(node["name"])
    return [{"id": name, "names": words.names(nodes)} for name, nodes in found.items()]


def _step_groups(plan: Facts | None) -> list[Facts]:
    """Return the steps of the plan, said once for all the nodes that share them."""
    groups: dict[str, Facts] = {}
    for node in plan["nodes"] if plan else []:
        if node["steps"]:
            groups.setdefault(repr(node["steps"]), {"steps": node["steps"], "nodes": []})["nodes"].append(node["name"])
    return [{"steps": group["steps"], "names": words.names(group["nodes"])} for group in groups.values()]


def _release(node: Facts) -> str:
    """Return how a node's release changes, or the one that it keeps."""
    return node["to"] if node["from"] == node["to"] and node["to"] else f"{node['from'] or '?'} → {node['to'] or '?'}"


def _summary(node: Facts) -> str:
    """Return what the line of a folded node says beside its status."""
    parts = [node["cluster"], _release(node) if node["from"] or node["to"] else None]
    if node["downtime"] is not None:
        parts.append(f"{words.seconds(node['downtime'])} down")
    if node["data"] != "not_compared":
        parts.append(f"data {words.DATA_WORDS[node['data']]}")
    return " · ".join(part for part in parts if part)


def _todo(node: Facts, plan: Facts) -> str:
    """Return what a plan wants to be done with a node."""
    if node["state"] == "upgrade":
        back = "finish" if node["one_way"] else "go back"
        return back if goes_back(plan) else "upgrade"
    return _TODO.get(node["state"], node["state"] or "–")


def _breakable(name: str) -> Markup:
    """Return a host name that a narrow column may break after its dots."""
    return Markup(".<wbr>").join(name.split("."))


def _brief(node: Facts) -> str:
    """Return a node's most telling counts on one line: those that changed, else the last two that there are."""
    rows = [row for row in words.compared(node) if row[0] in _CHIEF]
    told = [row for row in rows if not row[3]] or rows[-2:]
    return ", ".join(
        f"{after} {what}" if equal else f"{before} → {after} {what}" for what, before, after, equal in told
    )


def _backup_size(backup: Facts) -> str:
    parts = [words.size(backup["bytes"]) if backup["bytes"] is not None else None]
    parts.append(f"{backup['files']:,} files" if backup["files"] is not None else None)
    return ", ".join(part for part in parts if part)


def _diff_lines(text: str) -> list[tuple[str, str]]:
    """Return the lines of a unified diff with the class of each."""
    kinds = {"+": "add", "-": "del", "@": "at"}
    return [("at" if line.startswith(("+++", "---")) else kinds.get(line[:1], ""), line) for line in text.splitlines()]


def _swap_steps(node: Facts) -> list[Facts]:
    """Return the steps of a node's swap, each with its bar on their common axis."""
    begun = [step for step in node["swap"]["steps"] if step["started"] is not None]
    start = min((step["started"] for step in begun), default=0.0)
    end = max((step["started"] + (step["seconds"] or 0) for step in begun), default=0.0)
    whole = max(end - start, 0.001)
    shades = Markup("").join(_box("window", since - start, took, whole) for since, took in outages(node))
    return [_swap_step(step, start, whole, shades) for step in node["swap"]["steps"]]


def _swap_step(step: Facts, start: float, whole: float, shades: Markup) -> Facts:
    state = _STEP_TONES.get(step["status"], "bad")
    shown = {
        "name": (step["name"] or "step").replace("_", " "),
        "status": step["status"],
        "tone": state,
        "seconds": step["seconds"],
    }
    if step["started"] is None:
        return {**shown, "at": "–", "drawing": ""}
    box = _box("bar bad" if state == "bad" else "bar", step["started"] - start, step["seconds"] or 0, whole)
    drawing = Markup('<svg class="fall" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>')
    return {**shown, "at": f"+{step['started'] - start:.2f} s", "drawing": drawing.format(shades, box)}


def _box(name: str, at: float, took: float, whole: float) -> Markup:
    """Return a rectangle in a drawing that is 100 wide, never too narrow to be seen; downtime is as high as the row."""
    width = max(100 * took / whole, 0.8)
    x = min(max(100 * at / whole, 0.0), 99.2)
    y, height = (0, 12) if name == "window" else (2, 8)
    return Markup('<rect class="{}" x="{:.2f}" y="{}" width="{:.2f}" height="{}"/>').format(
        name, x, y, min(width, 100 - x), height
    )


_FILTERS: dict[str, Any] = {
    "amount": words.amount,
    "backup_size": _backup_size,
    "breakable": _breakable,
    "brief": _brief,
    "clock": words.clock,
    "compared": words.compared,
    "data": words.data,
    "diff_lines": _diff_lines,
    "has_window": lambda node: bool(outages(node)),
    "icon": _ICONS.get,
    "moment": words.moment,
    "names": words.names,
    "packages": words.packages,
    "phase_tone": _PHASE_TONES.get,
    "release": _release,
    "seconds": words.seconds,
    "severity_tone": lambda severity: _SEVERITY_TONES.get(severity, "wait"),
    "size": words.size,
    "source": lambda source: _SOURCES.get(source, source),
    "spaced": lambda name: name.replace("_", " "),
    "status": words.STATUS_WORDS.get,
    "summary": _summary,
    "swap_steps": _swap_steps,
    "targets": words.targets,
    "todo": _todo,
    "tone": words.tone,
    "took": words.took,
    "trouble": lambda node: node["reason"] and node["status"] not in GOOD,
}
