# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a client gets no answer, for each way to upgrade a node."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass

from common import ToolError

from dbfleet_bench.fleets import NEW, Bench, Fleet, fleet
from dbfleet_bench.methods import COLLECTION, FLOOR, METHODS, Method, age
from dbfleet_lab.clients import Prober
from dbfleet_lab.influx import Influx

TARGET = 1.25
"""The collection may be down for so many times the floor."""

PAUSE = 1.0
"""Seconds the node is left alone before and after the change, for the client to see it serve."""


@dataclass(frozen=True)
class Sample:
    """One change of one node, as a client saw it."""

    method: str
    seconds: float
    outages: int
    steps: dict[str, float]
    """Seconds of each step of the collection's swap, as the node noted them; of no other method are they known."""


@dataclass(frozen=True)
class Summary:
    """All changes by one method, in seconds; ratio is that of the medians, to the floor's."""

    name: str
    title: str
    seconds: list[float]
    median: float
    min: float
    max: float
    ratio: float


@dataclass(frozen=True)
class Downtime:
    """What was measured, and whether the collection is as near to the floor as it is to be."""

    target: float
    ratio: float
    met: bool
    methods: list[Summary]
    steps: dict[str, float]
    """Median seconds of each step of the swap."""


def measure(bench: Bench, repeat: int) -> Downtime:
    """Take turns: a drift of the machine hits all methods alike."""
    samples = []
    for turn in range(repeat):
        first = turn % len(METHODS)
        for method in METHODS[first:] + METHODS[:first]:
            samples.append(measure_once(bench, method, turn + 1))
            print(f"{method.name} {turn + 1}/{repeat}: down for {samples[-1].seconds:.3f} s", flush=True)
    return judge(samples)


def measure_once(bench: Bench, method: Method, turn: int) -> Sample:
    """Change one fresh node while a client asks it every 10 ms."""
    with fleet(bench, 1, f"{method.name}-{turn}") as one:
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
        return Sample(method.name, prober.downtime, len(prober.outages), steps(one) if method is COLLECTION else {})


def steps(one: Fleet) -> dict[str, float]:
    """Read from the node how long each step of its swap took."""
    record = json.loads(one.ssh("cat /var/lib/dbfleet/swap.json"))
    return {step["name"]: step["seconds"] for step in record["steps"]}


def judge(samples: list[Sample]) -> Downtime:
    """Compare the medians of all methods with the floor's."""
    base = statistics.median(seconds_of(samples, FLOOR))
    methods = [summarize(method, seconds_of(samples, method), base) for method in METHODS]
    ratio = next(summary.ratio for summary in methods if summary.name == COLLECTION.name)
    return Downtime(TARGET, ratio, ratio <= TARGET, methods, typical_steps(samples))


def seconds_of(samples: list[Sample], method: Method) -> list[float]:
    return [sample.seconds for sample in samples if sample.method == method.name]


def summarize(method: Method, seconds: list[float], base: float) -> Summary:
    median = statistics.median(seconds)
    return Summary(method.name, method.title, seconds, median, min(seconds), max(seconds), median / base)


def typical_steps(samples: list[Sample]) -> dict[str, float]:
    """Return the median of every step, in the order of the steps."""
    taken = [sample.steps for sample in samples if sample.steps]
    names = dict.fromkeys(name for steps in taken for name in steps)
    return {name: statistics.median(steps[name] for steps in taken if name in steps) for name in names}
