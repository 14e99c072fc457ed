# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the terminal shows at the end of a run: the verdict, a small table, and where the rest is."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_words as words
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_status import GOOD

_HEAD = ("node", "from", "to", "status", "downtime", "data")

# More rows than this are not read in a terminal. What went wrong is always shown.
_MOST = 30


def summary(report: Facts, page: str | None) -> str:
    """Return the summary; page is the path of report.html, None where it was not written."""
    nodes = report["nodes"]
    bad = [node for node in nodes if node["status"] not in GOOD]
    shown = nodes[: max(_MOST, len(bad))]
    lines = ["", report["verdict"]]
    if shown:
        lines += ["", *_table([_HEAD, *(_row(node) for node in shown)])]
    if len(nodes) > len(shown):
        lines.append(f"and {words.amount(len(nodes) - len(shown), 'node')} more, done or with nothing to do")
    return "\n".join([*lines, "", f"Report: {page}" if page else "No report was written (check mode)."])


def _row(node: Facts) -> Sequence[str]:
    status = words.STATUS_WORDS[node["status"]]
    return (
        node["name"],
        node["from"] or "–",
        node["to"] or "–",
        status,
        words.seconds(node["downtime"]),
        words.data(node),
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
