# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What measurements of several ways to do the same have in common: they take turns, and their medians are compared."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dbfleet_bench.fleets import Fleet

FLOOR = "floor"
"""The name of the method that does nothing but what no method can do without."""

Changed = TypeVar("Changed")


@dataclass(frozen=True)
class Method(Generic[Changed]):
    """prepare is not measured, change is."""

    name: str
    title: str
    prepare: Callable[[Changed], object]
    change: Callable[[Changed], object]


@dataclass(frozen=True)
class Sample:
    """One change of one node, as seen from outside."""

    method: str
    seconds: float
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


def in_turn(methods: Sequence[Method[Changed]], turn: int) -> list[Method[Changed]]:
    """Return all methods, each turn beginning with another one: a drift of the machine hits all alike."""
    first = turn % len(methods)
    return [*methods[first:], *methods[:first]]


def swap_steps(fleet: Fleet, node: int = 0) -> dict[str, float]:
    """Read from a node how long each step of its swap took."""
    record = json.loads(fleet.ssh("cat /var/lib/dbfleet/swap.json", node=node))
    return {step["name"]: step["seconds"] for step in record["steps"]}


def summarize(samples: Sequence[Sample], methods: Sequence[Method[Any]]) -> list[Summary]:
    """Compare the medians of all methods with the floor's."""
    base = statistics.median(_seconds_of(samples, FLOOR))
    return [_summary(method, _seconds_of(samples, method.name), base) for method in methods]


def ratio(methods: Sequence[Summary], name: str, base: str) -> float:
    """Return the ratio of two methods' medians."""
    medians = {each.name: each.median for each in methods}
    return medians[name] / medians[base]


def typical_steps(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the median of every step, in the order of the steps."""
    taken = [sample.steps for sample in samples if sample.steps]
    names = dict.fromkeys(name for steps in taken for name in steps)
    return {name: statistics.median(steps[name] for steps in taken if name in steps) for name in names}


def _seconds_of(samples: Sequence[Sample], method: str) -> list[float]:
    return [sample.seconds for sample in samples if sample.method == method]


def _summary(method: Method[Any], seconds: list[float], base: float) -> Summary:
    median = statistics.median(seconds)
    return Summary(method.name, method.title, seconds, median, min(seconds), max(seconds), median / base)
