# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a client gets no answer, for each way to upgrade a node."""

from __future__ import annotations

import time
from dataclasses import dataclass

from common import ToolError

from dbfleet_bench.comparison import (
    FLOOR,
    Method,
    Sample,
    Summary,
    in_turn,
    ratio,
    summarize,
    swap_steps,
    typical_steps,
)
from dbfleet_bench.fleets import NEW, Bench, Fleet, fleet
from dbfleet_bench.methods import COLLECTION, METHODS, age
from dbfleet_lab.clients import Prober
from dbfleet_lab.influx import Influx

TARGET = 1.25
"""The collection may be down for so many times the floor."""

PAUSE = 1.0
"""Seconds the node is left alone before and after the change, for the client to see it serve."""


@dataclass(frozen=True)
class Downtime:
    """What was measured, and whether the collection is as near to the floor as it is to be."""

    release: str
    target: float
    ratio: float
    met: bool
    methods: list[Summary]
    steps: dict[str, float]
    """Median seconds of each step of the swap."""


def measure(bench: Bench, repeat: int, release: str) -> Downtime:
    """Take turns: a drift of the machine hits all methods alike."""
    samples = []
    for turn in range(repeat):
        for method in in_turn(METHODS[release], turn):
            samples.append(measure_once(bench, method, turn + 1, release))
            print(f"{release} {method.name} {turn + 1}/{repeat}: down for {samples[-1].seconds:.3f} s", flush=True)
    return judge(samples, release)


def measure_once(bench: Bench, method: Method[Fleet], turn: int, release: str) -> Sample:
    """Change one fresh node while a client asks it every 10 ms."""
    with fleet(bench, Fleet, 1, f"{release}-{method.name}-{turn}", release) as one:
        age(one)
        method.prepare(one)
        with Prober(one.addresses[0]) as prober:
            time.sleep(PAUSE)
            method.change(one)
            version = Influx(one.addresses[0]).wait()
            time.sleep(PAUSE)
        if version != NEW or not prober.outages:
            raise ToolError(
                f"{method.name}: {version} serves after {len(prober.outages)} outages, expected {NEW} after one"
            )
        return Sample(method.name, prober.downtime, swap_steps(one) if method is COLLECTION else {})


def judge(samples: list[Sample], release: str) -> Downtime:
    """Compare the medians of all methods with the floor's."""
    methods = summarize(samples, METHODS[release])
    found = ratio(methods, COLLECTION.name, FLOOR)
    return Downtime(release, TARGET, found, found <= TARGET, methods, typical_steps(samples))
