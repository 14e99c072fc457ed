# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the collection's gate cloudant_sync on a simulated cluster that grows: gate_cost.py REPEAT COPIES..., sizes in rising order.

Prints a JSON list with one entry for each size. Databases have one range with a copy on each of three nodes, and a few documents.
"""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any

from couchdb_sim.cluster import ADMIN, PASSWORD, Cluster
from gate import ask

HOLDERS = 3
DOCUMENTS = [{"number": number} for number in range(5)]


def gate_of(cluster: Cluster) -> dict[str, Any]:
    """Ask the gate of the last node."""
    nodes = [{"host": member.address, "port": member.port} for member in cluster.members]
    return ask(nodes, node=cluster.members[-1].name, username=ADMIN, password=PASSWORD, wait=60)


def fill(cluster: Cluster, databases: range) -> None:
    """Make databases, and wait until nothing happens any more."""
    first = cluster.members[0]
    for number in databases:
        first.put(f"/bench-{number}?q=1&n={HOLDERS}")
        first.request("POST", f"/bench-{number}/_bulk_docs", {"docs": DOCUMENTS})
    if not gate_of(cluster)["in_sync"]:
        sys.exit("error: the copies of an idle cluster did not become equal")


def measure(cluster: Cluster, repeat: int, databases: int) -> dict[str, Any]:
    """Return the medians of several questions."""
    found = [gate_of(cluster) for _turn in range(repeat)]
    return {
        "copies": databases * HOLDERS,
        "databases": databases,
        **{name: statistics.median(each[name] for each in found) for name in ("requests", "seconds", "cpu_seconds")},
    }


def main(repeat: int, copies: list[int]) -> None:
    sizes = [max(1, round(number / HOLDERS)) for number in copies]
    results = []
    with Cluster(HOLDERS) as cluster:
        for there, databases in zip([0, *sizes], sizes, strict=False):
            fill(cluster, range(there, databases))
            results.append(measure(cluster, repeat, databases))
    print(json.dumps(results))


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(word) for word in sys.argv[2:]])
