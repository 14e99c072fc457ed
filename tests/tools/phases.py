# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run phases, each a target of the Makefile, and end with a table of their times.

phases.py NAME[:PREREQUISITE]... runs them in this order. A failure stops nothing but the phases that name it as their
prerequisite; those count as failed.
"""

from __future__ import annotations

import sys
import time

import common


def run_phase(name: str) -> tuple[str, float]:
    """Run one target and return its result and seconds."""
    started = time.monotonic()
    passed = common.attempt(name, lambda: common.run("make", "--no-print-directory", name, cwd=common.REPOSITORY))
    return "passed" if passed else "failed", time.monotonic() - started


def parse(phases: list[str]) -> list[tuple[str, str]]:
    """Return each phase with its prerequisite, which must come before it: one that never ran cannot have passed."""
    pairs = [(name, prerequisite) for name, _colon, prerequisite in (phase.partition(":") for phase in phases)]
    for place, (name, prerequisite) in enumerate(pairs):
        earlier = [before for before, _prerequisite in pairs[:place]]
        if prerequisite and prerequisite not in earlier:
            raise common.ToolError(f"{name}:{prerequisite} needs a phase {prerequisite} that comes before it")
    return pairs


def run_phases(phases: list[tuple[str, str]]) -> list[tuple[str, str, float]]:
    """Run all phases and return a row for each."""
    results: dict[str, tuple[str, float]] = {}
    for name, prerequisite in phases:
        if prerequisite and results[prerequisite][0] != "passed":
            results[name] = (f"failed: not run, {prerequisite} did not pass", 0.0)
        else:
            results[name] = run_phase(name)
    return [(name, result, seconds) for name, (result, seconds) in results.items()]


def summary(rows: list[tuple[str, str, float]]) -> str:
    """Return the table of all phases and, alone on the last line, the counts."""
    total = sum(seconds for _name, _result, seconds in rows)
    lines = [f"{name:<12}{seconds:>9.1f}  {result}" for name, result, seconds in rows]
    passed = sum(result == "passed" for _name, result, _seconds in rows)
    head = f"{'phase':<12}{'seconds':>9}  result"
    return "\n".join(
        ["", head, *lines, f"{'total':<12}{total:>9.1f}", "", f"{passed} passed, {len(rows) - passed} failed"]
    )


def all_phases() -> bool:
    """Run what the command line names."""
    rows = run_phases(parse(sys.argv[1:]))
    print(summary(rows), flush=True)
    return all(result == "passed" for _name, result, _seconds in rows)


if __name__ == "__main__":
    common.main(all_phases)
