# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

import common
import user

from dbfleet_bench import cost, downtime, machine, page
from dbfleet_bench.fleets import Bench, lab
from dbfleet_bench.result import Result


def bench() -> bool:
    """Measure, and keep and show the results. A missed target is told; only what could not be run fails."""
    options = parse(sys.argv[1:])
    folder: Path = options.output.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    there = Bench(user.install(options.core), Path(lab("packages")), folder)
    keep(measure(there, options.repeat, options.nodes), folder)
    return True


def measure(there: Bench, repeat: int, sizes: list[int]) -> Result:
    """Measure everything, and note how busy the machine was before and after."""
    before = machine.load()
    down = downtime.measure(there, repeat)
    costs = [cost.measure(there, nodes) for nodes in sizes]
    loads = {"load before": before, "load after": machine.load()}
    return Result(1, repeat, {**machine.facts(there.installation), **loads}, down, costs)


def keep(result: Result, folder: Path) -> None:
    """Write bench.json and bench.md, and print the latter."""
    text = page.render(result)
    (folder / "bench.json").write_text(json.dumps(dataclasses.asdict(result), indent=2) + "\n", encoding="utf-8")
    (folder / "bench.md").write_text(text, encoding="utf-8")
    print(f"\n{text}\nbench.json and bench.md are in {folder}", flush=True)


def parse(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tests/bench/run", description="How long upgrades take, and what they cost.")
    add = parser.add_argument
    add("--repeat", type=positive, default=5, metavar="N", help="changes by each method (default: 5)")
    add(
        "--nodes",
        type=counts,
        default=[1, 3, 10],
        metavar="N,...",
        help='fleets for the costs (default: 1,3,10; "": none)',
    )
    add("--core", default=os.environ.get("CORE", "2.19"), help="ansible-core of the controller (default: 2.19)")
    add("--output", type=Path, default=common.CACHE / "bench", help="folder for the results (default: %(default)s)")
    return parser.parse_args(words)


def counts(text: str) -> list[int]:
    return [positive(word) for word in text.split(",") if word]


def positive(word: str) -> int:
    if not word.isdigit() or int(word) == 0:
        raise argparse.ArgumentTypeError(f"expected whole numbers from 1, found {word!r}")
    return int(word)
