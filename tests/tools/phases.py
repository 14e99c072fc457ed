# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run phases, each a target of the Makefile, and end with a table of their times.

phases.py NAME[:PREREQUISITE][+NAME[:PREREQUISITE]]... runs them in this order, and side by side those that a "+" joins. A
failure stops nothing but the phases that name it as their prerequisite; those count as failed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import common


@dataclass(frozen=True)
class Phase:
    """A target, and the one that must have passed before it."""

    name: str
    prerequisite: str


@dataclass(frozen=True)
class Row:
    """How a phase went. seconds: how long it took."""

    name: str
    result: str
    seconds: float


def parse(words: list[str]) -> list[list[Phase]]:
    """Return the phases, those together that go side by side. A prerequisite comes before: one that never ran cannot have passed."""
    earlier: set[str] = set()
    groups = []
    for word in words:
        pairs = [phase.partition(":") for phase in word.split("+")]
        groups.append([Phase(name, prerequisite) for name, _colon, prerequisite in pairs])
        for phase in groups[-1]:
            if phase.prerequisite and phase.prerequisite not in earlier:
                raise common.ToolError(
                    f"{phase.name}:{phase.prerequisite} needs a phase {phase.prerequisite} that comes before it"
                )
        earlier.update(phase.name for phase in groups[-1])
    return groups


def run_phases(groups: list[list[Phase]]) -> list[Row]:
    """Run all phases and return a row for each."""
    rows: dict[str, Row] = {}
    for group in groups:
        missing = {phase for phase in group if phase.prerequisite and rows[phase.prerequisite].result != "passed"}
        for phase in missing:
            rows[phase.name] = Row(phase.name, f"failed: not run, {phase.prerequisite} did not pass", 0.0)
        names = [phase.name for phase in group if phase not in missing]
        with ThreadPoolExecutor(max_workers=len(group)) as pool:
            mark = len(names) > 1
            rows.update((row.name, row) for row in pool.map(lambda name, mark=mark: run_phase(name, mark), names))
    return [rows[phase.name] for group in groups for phase in group]


def run_phase(name: str, mark: bool) -> Row:
    """Run one target. mark: begin each line of its output with its name, for others write as well."""
    started = time.monotonic()
    passed = common.attempt(name, lambda: make(name, f"{name:<8} | " if mark else ""))
    return Row(name, "passed" if passed else "failed", time.monotonic() - started)


def make(target: str, mark: str) -> None:
    """Make a target, and show each line of its output as it comes."""
    command = ["make", "--no-print-directory", target]
    if not mark:
        common.run(*command, cwd=common.REPOSITORY)
        return
    with subprocess.Popen(
        command,
        cwd=common.REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(mark + line)
            sys.stdout.flush()
    if process.returncode != 0:
        raise common.ToolError(f"exit code {process.returncode} from: {' '.join(command)}")


def summary(rows: list[Row], seconds: float) -> str:
    """Return the table of all phases, all of which took so many seconds, and, alone on the last line, the counts."""
    lines = [f"{row.name:<12}{row.seconds:>9.1f}  {row.result}" for row in rows]
    passed = sum(row.result == "passed" for row in rows)
    head = f"{'phase':<12}{'seconds':>9}  result"
    return "\n".join(
        ["", head, *lines, f"{'total':<12}{seconds:>9.1f}", "", f"{passed} passed, {len(rows) - passed} failed"]
    )


def all_phases() -> bool:
    """Run what the command line names."""
    started = time.monotonic()
    rows = run_phases(parse(sys.argv[1:]))
    print(summary(rows, time.monotonic() - started), flush=True)
    return all(row.result == "passed" for row in rows)


if __name__ == "__main__":
    common.main(all_phases)
