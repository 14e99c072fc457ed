# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report.md: the report for a merge request or a ticket, where GitHub and GitLab show Markdown with a little HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_words as words
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_status import GOOD

# What Markdown or its HTML would take for markup. The backslash escapes work in tables too, and < and & become entities.
_MARKUP = re.compile(r"([\\`*_\[\]|~#])")


def markdown(report: Facts) -> str:
    """Return report.md."""
    parts = [
        _head(report),
        _next(report["next"]),
        _nodes(report["nodes"]),
        _details(report["nodes"]),
        _plan(report),
        _run(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: object) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    line = " ".join(str(text).split())
    return _MARKUP.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def code(text: object) -> str:
    """Return a text as code, in a fence of backticks longer than any in it; a table's separators stay escaped."""
    line = " ".join(str(text).split()).replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(text: str, language: str) -> str:
    """Return a text as a block of code, in a fence longer than any in it."""
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _head(report: Facts) -> str:
    mark = "✅" if report["ok"] else "❌"
    return f"# {words.title(report['plan'])}\n\n{mark} **{escaped(report['verdict'])}**"


def _next(entries: Sequence[Facts]) -> str:
    if not entries:
        return ""
    lines = ["## What to do next", ""]
    for entry in entries:
        who = (
            f"**{escaped(words.names(entry['nodes'], 10))}** ({words.STATUS_WORDS[entry['status']]}): "
            if entry["nodes"]
            else ""
        )
        lines.append(f"- {who}{escaped(' '.join(entry['steps']))}")
    return "\n".join(lines)


def _nodes(nodes: Sequence[Facts]) -> str:
    if not nodes:
        return ""
    head = ["Node", "Cluster", "Wave", "From", "To", "Status", "Downtime", "Data"]
    return "## Nodes\n\n" + table(head, [_row(node) for node in nodes])


def _row(node: Facts) -> list[str]:
    reason = f": {words.sentence(node['reason'])}" if node["reason"] and node["status"] not in GOOD else ""
    cells = [
        node["name"],
        node["cluster"],
        node["wave"],
        node["from"],
        node["to"],
        f"{words.STATUS_WORDS[node['status']]}{reason}",
        words.seconds(node["downtime"]),
        words.data(node),
    ]
    return ["–" if cell is None else escaped(cell) for cell in cells]


def _details(nodes: Sequence[Facts]) -> str:
    """Return the details of each node, folded: a merge request is read from above."""
    folded = []
    for node in nodes:
        parts = list(_evidence(node))
        if parts:
            title = escaped(f"{node['name']}: {words.STATUS_WORDS[node['status']]}")
            folded.append(f"<details><summary>{title}</summary>\n\n" + "\n\n".join(parts) + "\n\n</details>")
    return "\n\n".join(["## Node by node", *folded]) if folded else ""


def _evidence(node: Facts) -> Iterator[str]:
    """Yield what is known of a node, part by part."""
    if words.compared(node):
        rows = [
            [escaped(what), escaped(before), escaped(after)] for what, before, after, _equal in words.compared(node)
        ]
        yield table(["Data", "Before", "After"], rows)
        yield _list("Differences", node["fingerprint"]["differences"])
    if node["timeline"]:
        phases = [
            (entry["phase"] or "phase", entry["status"], words.took(entry), entry["detail"] or "")
            for entry in node["timeline"]
        ]
        yield table(["Phase", "Status", "Took", "Detail"], [[escaped(cell) for cell in phase] for phase in phases])
    yield from filter(None, (_swap(node), _backup(node), _config(node), _list("Findings", _findings(node["findings"]))))


def _list(title: str, entries: Sequence[str]) -> str:
    return "\n".join([f"{title}:", "", *(f"- {escaped(entry)}" for entry in entries)]) if entries else ""


def _findings(findings: Sequence[Facts]) -> list[str]:
    return [words.finding(entry) for entry in findings]


def _swap(node: Facts) -> str:
    swap = node["swap"]
    if not swap or not swap["steps"]:
        return ""
    steps = [
        f"{step['name']} {words.seconds(step['seconds'])}"
        + ("" if step["status"] in ("ok", None) else f" ({step['status']})")
        for step in swap["steps"]
    ]
    said = f"Swap, {words.seconds(swap['downtime'])} without service: {', '.join(steps)}."
    told = escaped(f"{said} {swap['error']}" if swap["error"] else said)
    return "\n\n".join(filter(None, [told, _list("To be known", swap["notes"])]))


def _backup(node: Facts) -> str:
    """Return where the way back is."""
    backup, package = node["backup"], node["rollback_package"]
    parts = []
    if backup:
        proof = "; ".join(backup["verified"]) or "NOT verified"
        parts.append(f"Backup: {code(backup['path'] or '?')}, {words.size(backup['bytes'])}, {escaped(proof)}.")
    if package:
        parts.append(f"Old package: {code(package['path'] or '?')}.")
    if node["one_way"]:
        parts.append("The upgrade is one-way.")
    return " ".join(parts)


def _config(node: Facts) -> str:
    config = node["config"]
    if not config:
        return ""
    parts = [_list(f"Configuration: {label.lower()}", config[term]) for term, label in words.CONFIG_TERMS.items()]
    parts.append(block(config["diff"], "diff") if config["diff"] else "")
    return "\n\n".join(part for part in parts if part)


def _plan(report: Facts) -> str:
    plan = report["plan"]
    if not plan:
        return ""
    lines = [f"{number}. {escaped(', '.join(wave))}" for number, wave in enumerate(plan["waves"], 1)]
    said = f"Verdict: {escaped(plan['verdict'] or 'none')}" + (
        f" ({escaped(words.sentence(plan['verdict_reason']))})" if plan["verdict_reason"] else ""
    )
    general = [finding for finding in plan["findings"] if not finding["node"]]
    parts = [
        "## The plan",
        said + ".",
        _target(plan),
        "Waves:\n\n" + "\n".join(lines) if lines else "",
        _list("To be known", plan["notes"]),
    ]
    return "\n\n".join(part for part in [*parts, _list("Findings", _findings(general))] if part)


def _target(plan: Facts) -> str:
    """Return what the plan leads to, and the packages that bring it there."""
    facts = [f"Target: {escaped(words.targets(plan))}"] if words.targets(plan) else []
    for package in words.packages(plan):
        facts.append(f"Package: {escaped(package['said'])} for {escaped(words.names(package['nodes']))}")
    return "\n".join(f"- {fact}" for fact in facts)


def _run(report: Facts) -> str:
    run = report["run"]
    facts = [
        ("Run", run["id"]),
        ("Began", words.moment(run["started"])),
        ("Took", words.seconds(run["seconds"])),
        ("Controller", run["controller"]),
        ("User", run["user"]),
        ("Collection", run["collection_version"]),
    ]
    return "## The run\n\n" + "\n".join(f"- {name}: {escaped(value)}" for name, value in facts if value)
