# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for weatherreport: its options, its lines, and its exit code, which is 1 as soon as any line is printed."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from couchdb_sim.diagnostics import CHECKS
from couchdb_sim.distribution import ask_hidden
from couchdb_sim.errors import NodeDown
from couchdb_sim.ini import VmArgs

# A level that is not known here counts as an error, which is what becomes of critical.
LEVELS = {"debug": 7, "info": 6, "notice": 5, "warning": 4, "warn": 4, "error": 3, "err": 3, "crit": 2, "alert": 1}
UNKNOWN_LEVEL = 3

# The node, the level and the text.
Line = tuple[str, str, str]


def report(etc: Path, checks: list[str], everywhere: bool, timeout: float) -> list[Line]:
    """What the checks find, asked of the server as a hidden node of its cluster."""
    server = VmArgs.of(etc)
    here = f"{server.name.split('@')[0]}_diag{os.getpid()}@{server.name.split('@')[1]}"
    lines: list[Line] = []
    for check in reversed(checks):
        try:
            answer: Future[Any] = ask_hidden(
                server.name, server.cookie, server.dist_port, "diagnose_all", check, everywhere
            )
            found = answer.result(timeout)
        except (NodeDown, TimeoutError) as error:
            reason = "nodedown" if isinstance(error, NodeDown) else "timeout"
            lines.append((here, "crit", f"Bad rpc call executing check weatherreport_check_{check}: {reason}"))
            continue
        for node, messages in found.items():
            if messages is None:
                text = f"Could not run check weatherreport_check_{check} on cluster node '{node}'"
                lines.append((here, "crit", text))
            lines += [(node, level, text) for level, text in messages or []]
    return lines


def show(lines: list[Line], level: str) -> int:
    """Print the lines up to a level, the most critical first; returns the exit code."""
    shown = [line for line in lines if _rank(line[1]) <= _rank(level)]
    for node, kind, text in sorted(shown, key=lambda line: _rank(line[1])):
        print(f"['{node}'] [{kind}] {text}")
    if not shown:
        print("No diagnostic messages to report.")
    return 1 if shown else 0


def _rank(level: str) -> int:
    return LEVELS.get(level, UNKNOWN_LEVEL)


def _chosen(names: list[str]) -> list[str]:
    for name in names:
        if name not in CHECKS:
            print(f"Unknown check '{name}' specified, skipping.")
    return [name for name in names if name in CHECKS] if names else list(CHECKS)


def _list_checks() -> None:
    print("Available diagnostic checks:\n")
    for name, (description, _check) in CHECKS.items():
        print(f"  {name:<20} {description}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="weatherreport")
    parser.add_argument("-c", "--etc", type=Path, default=Path("etc"), help="Path to the configuration directory")
    parser.add_argument("-d", "--level", default="notice", help="Minimum message severity level (default: notice)")
    parser.add_argument("-e", "--expert", action="store_true", help="Perform more detailed diagnostics")
    parser.add_argument("-l", "--list", action="store_true", help="Describe available diagnostic tasks")
    parser.add_argument("-a", "--all-nodes", action="store_true", help="Run weatherreport on all cluster nodes")
    parser.add_argument("-t", "--timeout", type=int, default=10000, help="Timeout value (in ms) for each check")
    parser.add_argument("checks", nargs="*", metavar="check_name", help="A specific check to run")
    options = parser.parse_args()
    if options.list:
        _list_checks()
        return
    try:
        lines = report(options.etc.resolve(), _chosen(options.checks), options.all_nodes, options.timeout / 1000)
    except OSError as error:
        sys.exit(f"Fatal error: Could not read {error.filename}, received error {error.strerror}!")
    sys.exit(show(lines, options.level))


if __name__ == "__main__":
    main()
