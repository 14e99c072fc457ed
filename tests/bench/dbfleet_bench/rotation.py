# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a node of CouchDB is out of rotation, for each way to upgrade it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from common import ToolError

from dbfleet_bench.comparison import Method, Sample, Summary, in_turn, ratio, summarize, swap_steps, typical_steps
from dbfleet_bench.couchdb import BY_HAND, COLLECTION, METHODS, Cluster, Member
from dbfleet_bench.fleets import Bench, fleet
from dbfleet_bench.gate import Gate
from dbfleet_lab.clients import Prober
from dbfleet_lab.couch import PORT

TARGET = 3.0
"""The collection may keep a node out of rotation for so many times as long as it takes by hand."""

INTERVAL = 0.05
"""Seconds between two questions to /_up: short to a change of many seconds, and no load to the node."""

PAUSE = 1.0
"""Seconds the node is left alone before and after the change, to be seen in service."""


@dataclass(frozen=True)
class Rotation:
    """What was measured. ratio: of the collection's median to that by hand; met: whether it is as small as it is to be."""

    release: str
    target: float
    ratio: float
    met: bool
    methods: list[Summary]
    steps: dict[str, float]
    """Median seconds of each step of the swap."""


def measure(bench: Bench, repeat: int, release: str) -> Rotation:
    """Start a cluster for each turn, with a node for each method; each turn, other nodes are upgraded first."""
    samples = []
    with Gate(bench.installation) as gate:
        for turn in range(repeat):
            with fleet(bench, Cluster, len(METHODS), f"{release}-{turn + 1}", release) as cluster:
                for index, method in enumerate(in_turn(METHODS, turn)):
                    samples.append(measure_once(Member(cluster, gate, index), method))
                    took = f"out for {samples[-1].seconds:.2f} s"
                    print(f"{release} {method.name} {turn + 1}/{repeat}: {took}", flush=True)
    return judge(samples, release)


def measure_once(member: Member, method: Method[Member]) -> Sample:
    """Change one node of a cluster that is whole, and is to be whole again afterwards."""
    method.prepare(member)
    member.wait_until_whole()
    with Prober(member.address, port=PORT, path="/_up", status=200, interval=INTERVAL) as prober:
        time.sleep(PAUSE)
        method.change(member)
        member.wait_until_whole()
        time.sleep(PAUSE)
    version = member.couch.version()
    if version != member.cluster.new or not prober.outages:
        raise ToolError(
            f"{method.name}: {version} serves, {len(prober.outages)} times out; expected {member.cluster.new}, once out"
        )
    steps = swap_steps(member.cluster, member.index) if method is COLLECTION else {}
    return Sample(method.name, prober.downtime, steps)


def judge(samples: list[Sample], release: str) -> Rotation:
    """Compare the medians of all methods."""
    methods = summarize(samples, METHODS)
    found = ratio(methods, COLLECTION.name, BY_HAND)
    return Rotation(release, TARGET, found, found <= TARGET, methods, typical_steps(samples))
