# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results as text for people: Markdown that reads well on a terminal too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dbfleet_bench.comparison import Summary
from dbfleet_bench.cost import Cost, Size
from dbfleet_bench.couchdb import BY_HAND, Cluster
from dbfleet_bench.downtime import Downtime
from dbfleet_bench.fleets import Fleet
from dbfleet_bench.legacy import Copying, Server
from dbfleet_bench.result import Result
from dbfleet_bench.rotation import Rotation
from dbfleet_bench.sync import Growth, relative


def render(result: Result) -> str:
    """Return the whole page."""
    parts = ["# Upgrades"]
    parts += [part for each in result.downtime for part in downtime(each, result.repeat)]
    if result.copying:
        parts += copying(result.copying, result.repeat)
    if result.sizes:
        parts += costs(result.sizes)
    parts += [part for each in result.rotation for part in rotation(each, result.repeat)]
    if result.sync:
        parts += growth(result.sync)
    parts += ["## Machine", table(["what", "which"], list(result.machine.items()))]
    return "\n\n".join(parts) + "\n"


def downtime(found: Downtime, repeat: int) -> list[str]:
    """Return the comparison of the methods, the verdict and where the collection's time went."""
    head = ["method", "median s", "min s", "max s", "× floor"]
    rows = [[each.title, *times(each), f"{each.ratio:.2f}"] for each in found.methods]
    return [
        f"## InfluxDB without an answer, from {found.release} to {Fleet.new}",
        f"One node, seen by a client that asks every 10 ms; {repeat} changes by each method, in turns.",
        table(head, rows),
        f"Target {met(found.met)}: the collection is down for {found.ratio:.2f} times the floor (at most {found.target}).",
        "The steps of the collection's swap, as the node noted them (the service is down from stop to ready):",
        steps(found.steps),
    ]


def copying(found: Copying, repeat: int) -> list[str]:
    """Return how long servers are down that hold little and much, by each method."""
    head = ["MiB to copy", "method", "median s", "min s", "max s", "× least to copy"]
    rows = [
        [
            str(each.mebibytes),
            each.title,
            *[f"{value:.2f}" for value in (each.median, min(each.seconds), max(each.seconds))],
            f"{each.ratio:.2f}",
        ]
        for each in found.outages
    ]
    return [
        f"## InfluxDB without an answer, from {found.release} to {Server.new}",
        f"One server, until it answers with its shard spaces in place, before the migration; {repeat} changes by each method, in turns.",
        table(head, rows),
        f"Target {met(found.met)}: with the most to copy, the collection is down for {found.ratio:.2f} times as long as with the"
        f" least (at most {found.target}).",
    ]


def rotation(found: Rotation, repeat: int) -> list[str]:
    """Return the same for a node that balancers are kept from."""
    head = ["method", "median s", "min s", "max s", "× floor", "× by hand"]
    by_hand = next(each.ratio for each in found.methods if each.name == BY_HAND)
    rows = [[each.title, *times(each), f"{each.ratio:.2f}", f"{each.ratio / by_hand:.2f}"] for each in found.methods]
    return [
        f"## CouchDB out of rotation, from {found.release} to {Cluster.new}",
        f"One node of three, from the last /_up with ok to the next; {repeat} changes by each method, in turns."
        " Nothing is written meanwhile.",
        table(head, rows),
        f"Target {met(found.met)}: the collection keeps a node out for {found.ratio:.2f} times as long as it takes by hand"
        f" (at most {found.target}).",
        "The steps of the collection's swap, as the node noted them (they are a part of that time):",
        steps(found.steps),
    ]


def met(is_met: bool) -> str:
    return "met" if is_met else "missed"


def times(found: Summary) -> list[str]:
    return [f"{value:.3f}" for value in (found.median, found.min, found.max)]


def steps(found: Mapping[str, float]) -> str:
    return table(["step", "median ms"], [[name, f"{seconds * 1000:.1f}"] for name, seconds in found.items()])


def growth(found: Growth) -> list[str]:
    """Return what the sync gate costs, in all and for each copy of a shard, and how that grows."""
    head = ["copies", "databases", "requests", "seconds", "cpu s", "requests/copy", "ms/copy", "cpu ms/copy"]
    ratios = ["× requests", "× seconds", "× cpu"]
    costs = ("requests", "seconds", "cpu_seconds")
    rows = [
        [
            *[
                f"{look.copies}",
                f"{look.databases}",
                f"{look.requests:.0f}",
                f"{look.seconds:.3f}",
                f"{look.cpu_seconds:.3f}",
            ],
            f"{look.requests / look.copies:.2f}",
            *[f"{seconds * 1000 / look.copies:.2f}" for seconds in (look.seconds, look.cpu_seconds)],
            *[f"{relative(look, found.looks[0], cost):.2f}" for cost in costs],
        ]
        for look in found.looks
    ]
    return [
        "## The cost of the gate cloudant_sync",
        "One question about a simulated cluster of three nodes where all is in sync;"
        " the ratios are those of a copy to one in the first row.",
        table([*head, *ratios], rows),
        f"Target {met(found.met)}: a copy costs at most {found.ratio:.2f} times what it costs in a smaller cluster, in requests and in"
        f" processor time (at most {found.target}).",
    ]


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
