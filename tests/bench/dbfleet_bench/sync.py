# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate cloudant_sync costs the controller on clusters of several sizes in which nothing happens."""

from __future__ import annotations

import itertools
import json
import subprocess
from dataclasses import dataclass

from common import ToolError

from dbfleet_bench.fleets import PATIENCE, Bench
from dbfleet_bench.gate import command, environment

TARGET = 1.25
"""A copy of a shard may cost so many times what it costs in a smaller cluster."""

JUDGED = ("requests", "cpu_seconds")
"""The module's own costs."""


@dataclass(frozen=True)
class Look:
    """What one question costs, as median: all copies are in sync, so that it is one look at each."""

    copies: int
    """Of shards, on all nodes together."""
    databases: int
    requests: float
    seconds: float
    """The simulated nodes share the machine: most of it is theirs."""
    cpu_seconds: float
    """User and system time of the module's code; Ansible's own is not in it."""


@dataclass(frozen=True)
class Growth:
    """ratio: the most that a copy costs in any cluster, in requests or in processor time, to its cost in a smaller one."""

    target: float
    ratio: float
    met: bool
    looks: list[Look]


def measure(bench: Bench, repeat: int, copies: list[int]) -> Growth:
    """Ask about one cluster that grows, from one process."""
    program = command(bench.installation, "gate_cost.py", *map(str, [repeat, *sorted(copies)]))
    result = subprocess.run(
        program, env=environment(bench.installation), stdout=subprocess.PIPE, text=True, check=False, timeout=PATIENCE
    )
    if result.returncode != 0:
        raise ToolError(f"exit code {result.returncode} from gate_cost.py")
    return judge([Look(**found) for found in json.loads(result.stdout)])


def judge(looks: list[Look]) -> Growth:
    """Compare every size with every smaller one: what a question costs at all hides in the smallest how much a copy does."""
    pairs = itertools.combinations(looks, 2)
    found = max((relative(larger, smaller, cost) for smaller, larger in pairs for cost in JUDGED), default=1.0)
    return Growth(TARGET, found, found <= TARGET, looks)


def relative(look: Look, base: Look, cost: str) -> float:
    """Return what a copy costs, to what it costs on another cluster; cost is the name of a field."""
    return float(getattr(look, cost) / look.copies / (getattr(base, cost) / base.copies))
