# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole run costs the controller: time, processor and memory."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from dbfleet_bench.fleets import Bench, Fleet, fleet

PROC = Path("/proc")
PAUSE = 0.25
"""Seconds between two looks at the processes: looking costs processor time of the same machine."""


@dataclass(frozen=True)
class Cost:
    """One run of the playbook."""

    seconds: float
    cpu_seconds: float
    """Of ansible-playbook and every child that was waited for; SSH masters, which outlive the run, are not in it."""
    peak_mib: float
    """The largest sum over all processes of the run at one time; what they share is counted once (PSS)."""
    largest_mib: float
    """Resident memory of the largest single process."""


@dataclass(frozen=True)
class Size:
    """A fleet of so many nodes: its upgrade, and the same command again with nothing left to do."""

    nodes: int
    upgrade: Cost
    again: Cost


def measure(bench: Bench, nodes: int) -> Size:
    """Upgrade a fresh fleet, twice."""
    with fleet(bench, Fleet, nodes, f"cost-{nodes}", "1.3.9") as many:
        size = Size(nodes, measure_run(many, "upgrade"), measure_run(many, "again"))
    print(f"{nodes} nodes: {size.upgrade.seconds:.1f} s, again {size.again.seconds:.1f} s", flush=True)
    return size


def measure_run(many: Fleet, name: str) -> Cost:
    """Run the collection's playbook once."""
    started = time.monotonic()
    with Sampler(os.getpid()) as sampler:
        finished = many.run(many.upgrade(), name)
    return Cost(time.monotonic() - started, finished.cpu_seconds, sampler.peak_mib, finished.largest_mib)


class Sampler:
    """Looks at all descendants of a process, again and again, and remembers the most memory they had together."""

    def __init__(self, parent: int) -> None:
        self.peak_mib = 0.0
        self._parent = parent
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        while not self._stop.wait(PAUSE):
            self.peak_mib = max(self.peak_mib, sum(map(proportional_mib, descendants(self._parent))))


def descendants(parent: int) -> set[int]:
    """Return the children of a process, their children and so on. Ansible's workers leave its session and its group."""
    parents = {int(entry.name): parent_of(entry) for entry in PROC.iterdir() if entry.name.isdigit()}
    found: set[int] = set()
    generation = {parent}
    while generation:
        generation = {pid for pid, above in parents.items() if above in generation} - found
        found |= generation
    return found


def parent_of(process: Path) -> int:
    """Return the parent's number; 0 for a process that is gone. The name, in brackets, may hold anything."""
    try:
        return int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def proportional_mib(pid: int) -> float:
    """Return a process's memory, with what it shares divided among those who share it; 0 for one that is gone."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
