# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show a plan to people: plain text that fits a terminal of 110 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_model import (
    FORWARD,
    SEVERITIES,
    UPGRADE,
    Finding,
    Plan,
    PlannedNode,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._planner import releases

WIDTH = 110
BACK = "go back"
_GAP = "  "
_HEADER = ("node", "cluster", "from", "to", "path", "wave", "state")
_SHRINKABLE = (0, 1)  # host and cluster names have no limit of their own
_LEAST = 12
_NODES_SHOWN = 8

_SEVERITY_TITLES = {
    "error": "Errors: each stops the run",
    "blocker": "Blockers: each stops the run unless its id is in fleet_accept",
    "warning": "Warnings",
    "info": "For your information",
}


def table(plan: Plan) -> str:
    """Return the plan as text: a row for each node, then the findings by severity, the notes and the verdict."""
    lines = [_title(plan), "", *_nodes(plan.nodes, "upgrade" if plan.direction == FORWARD else BACK)]
    for severity in SEVERITIES:
        lines += _findings(severity, [finding for finding in plan.findings if finding.severity == severity])
    if plan.notes:
        lines += ["", "Good to know"]
        lines += [line for note in plan.notes for line in _wrapped(note, "  - ", "    ")]
    lines += ["", *_wrapped(f"Verdict: {plan.verdict}. {plan.verdict_reason}", "", "  ")]
    return "\n".join(lines)


def _title(plan: Plan) -> str:
    back = "recovery" if any(node.one_way for node in plan.nodes) else "way back"
    what = "upgrade" if plan.direction == FORWARD else back
    target = f" to {releases(plan.nodes)}" if plan.nodes else ""
    found = [node.package for node in plan.nodes if node.package]
    packages = dict.fromkeys(f"{one.name} {one.version}".rstrip() for one in found)
    given = f", package {' and '.join(packages)}" if packages else ""
    return textwrap.shorten(f"Plan: {what}{target}{given}", WIDTH)


def _nodes(nodes: Sequence[PlannedNode], change: str) -> list[str]:
    rows = [_HEADER, *(_row(node, change) for node in nodes)]
    widths = _widths(rows)
    lines = [_line(_HEADER, widths), _line(["-" * width for width in widths], widths)]
    for node, row in zip(nodes, rows[1:], strict=True):
        lines.append(_line(row, widths))
        if node.reason:
            lines += _wrapped(node.reason, "    ", "    ")
    if any(node.one_way for node in nodes):
        lines.append("* has a step that cannot be undone")
    return lines


def _row(node: PlannedNode, change: str) -> tuple[str, ...]:
    return (
        node.name,
        "-" if node.cluster == node.name else node.cluster,
        node.from_version or "?",
        node.to_version,
        node.path or "-",
        str(node.wave) if node.wave else "-",
        _todo(node, change) + ("*" if node.one_way else ""),
    )


def _todo(node: PlannedNode, change: str) -> str:
    if node.state != UPGRADE:
        return node.state
    return "finish" if change == BACK and node.one_way else change


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Give each column what it needs; where that is too much, the longest names are cut."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > WIDTH:
        widest = max(_SHRINKABLE, key=lambda column: widths[column])
        if widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(_fit(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _fit(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else cell[: width - 1] + "~"


def _findings(severity: str, findings: Sequence[Finding]) -> list[str]:
    """Show each different finding once, with the nodes that have it."""
    lines = ["", _SEVERITY_TITLES[severity]] if findings else []
    alike: dict[tuple[str, str, str, bool], list[str]] = {}
    for finding in findings:
        alike.setdefault((finding.id, finding.message, finding.remedy, finding.accepted), []).append(finding.node)
    for (name, message, remedy, accepted), nodes in alike.items():
        where = f" ({_names(nodes)})" if any(nodes) else ""
        lines += _wrapped(f"{name}{where}: {message}{' - accepted' if accepted else ''}", "  ", "    ")
        if remedy and not accepted:
            lines += _wrapped(f"What to do: {remedy}", "    ", "    ")
    return lines


def _names(nodes: Iterable[str]) -> str:
    names = list(dict.fromkeys(nodes))
    more = f" and {len(names) - _NODES_SHOWN} more" if len(names) > _NODES_SHOWN else ""
    return ", ".join(names[:_NODES_SHOWN]) + more


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
