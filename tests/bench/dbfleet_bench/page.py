# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results as text for people: Markdown that reads well on a terminal too."""

from __future__ import annotations

from collections.abc import Sequence

from dbfleet_bench.cost import Cost, Size
from dbfleet_bench.downtime import Downtime
from dbfleet_bench.fleets import NEW, OLD
from dbfleet_bench.result import Result


def render(result: Result) -> str:
    """Return the whole page."""
    parts = [f"# Upgrades from {OLD} to {NEW}", *downtime(result.downtime, result.repeat)]
    if result.sizes:
        parts += costs(result.sizes)
    parts += ["## Machine", table(["what", "which"], list(result.machine.items()))]
    return "\n\n".join(parts) + "\n"


def downtime(found: Downtime, repeat: int) -> list[str]:
    """Return the comparison of the methods, the verdict and where the collection's time went."""
    head = ["method", "median s", "min s", "max s", "× floor"]
    rows = [
        [each.title, *(f"{value:.3f}" for value in (each.median, each.min, each.max)), f"{each.ratio:.2f}"]
        for each in found.methods
    ]
    steps = [[name, f"{seconds * 1000:.1f}"] for name, seconds in found.steps.items()]
    return [
        "## Without an answer",
        f"One node, seen by a client that asks every 10 ms; {repeat} changes by each method, in turns.",
        table(head, rows),
        verdict(found),
        "The steps of the collection's swap, as the node noted them (the service is down from stop to ready):",
        table(["step", "median ms"], steps),
    ]


def verdict(found: Downtime) -> str:
    word = "met" if found.met else "missed"
    return f"Target {word}: the collection is down for {found.ratio:.2f} times the floor (at most {found.target})."


def costs(sizes: Sequence[Size]) -> list[str]:
    """Return what whole runs cost, in all and for each node."""
    head = ["nodes", "run", "wall s", "cpu s", "memory MiB", "largest MiB", "wall s/node", "cpu s/node", "MiB/node"]
    rows = []
    for size in sizes:
        rows.append([str(size.nodes), "upgrade", *numbers(size.upgrade, size.nodes)])
        rows.append([str(size.nodes), "again, idle", *numbers(size.again, size.nodes)])
    return [
        "## What a run costs the controller",
        "memory: the largest sum over all processes of the run (PSS); largest: the largest single process (RSS).",
        table(head, rows),
    ]


def numbers(cost: Cost, nodes: int) -> list[str]:
    whole = [cost.seconds, cost.cpu_seconds, cost.peak_mib, cost.largest_mib]
    each = [cost.seconds / nodes, cost.cpu_seconds / nodes, cost.peak_mib / nodes]
    return [f"{value:.1f}" for value in whole + each]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)
