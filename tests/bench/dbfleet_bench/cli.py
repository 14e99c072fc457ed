# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import common
import user

from dbfleet_bench import cost, couchdb, downtime, legacy, machine, page, rotation, sync
from dbfleet_bench.fleets import RELEASES, Bench, lab
from dbfleet_bench.result import Result


def bench() -> bool:
    """Measure, and keep and show the results. A missed target is told; only what could not be run fails."""
    options = parse(sys.argv[1:])
    folder: Path = options.output.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    there = Bench(user.install(options.core), Path(lab("packages")), folder)
    keep(measure(there, options), folder)
    return True


def measure(there: Bench, options: argparse.Namespace) -> Result:
    """Measure everything, and note how busy the machine was before and after."""
    before, repeat = machine.load(), options.repeat
    down = [downtime.measure(there, repeat, release) for release in options.releases]
    copying = legacy.measure(there, repeat, options.data) if options.data else None
    costs = [cost.measure(there, nodes) for nodes in options.nodes]
    out = [rotation.measure(there, repeat, release) for release in options.couchdb]
    growth = sync.measure(there, repeat, options.copies) if options.copies else None
    loads = {"load before": before, "load after": machine.load()}
    return Result(3, repeat, {**machine.facts(there.installation), **loads}, down, copying, costs, out, growth)


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
    for name, kind, default, metavar, what in (
        ("--releases", releases(RELEASES), list(RELEASES), "V,...", "releases of InfluxDB to upgrade from"),
        ("--data", counts, [1, 2048], "MIB,...", "what nodes of InfluxDB 0.7.3 hold besides the lab's data"),
        ("--nodes", counts, [1, 3, 10], "N,...", "fleets for the costs of a run"),
        (
            "--couchdb",
            releases(couchdb.RELEASES),
            list(couchdb.RELEASES),
            "V,...",
            "releases of CouchDB to upgrade from",
        ),
        ("--copies", counts, [8, 64, 512], "N,...", "copies of shards for the cost of the sync gate, about"),
    ):
        shown = ",".join(map(str, default))
        add(name, type=kind, default=default, metavar=metavar, help=f'{what} (default: {shown}; "": none)')
    add("--core", default=os.environ.get("CORE", "2.19"), help="ansible-core of the controller (default: 2.19)")
    add("--output", type=Path, default=common.CACHE / "bench", help="folder for the results (default: %(default)s)")
    return parser.parse_args(words)


def counts(text: str) -> list[int]:
    return [positive(word) for word in text.split(",") if word]


def releases(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return what reads a list of releases of a product."""

    def read(text: str) -> list[str]:
        found = [word for word in text.split(",") if word]
        if not set(found) <= set(known):
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, found {text!r}")
        return found

    return read


def positive(word: str) -> int:
    if not word.isdigit() or int(word) == 0:
        raise argparse.ArgumentTypeError(f"expected whole numbers from 1, found {word!r}")
    return int(word)
