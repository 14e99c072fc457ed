# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that asks the collection's gate cloudant_sync, ready before a clock starts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import common
import user
from common import ToolError

PROGRAMS = Path(__file__).resolve().parents[1]
SIMULATOR = common.REPOSITORY / "tests" / "lab" / "couchdb"
PATIENCE = 120.0
PAUSE = 0.1


def command(installation: user.Installation, program: str, *arguments: str) -> list[str]:
    """Return the command line of a program that needs the installed collection."""
    return [str(installation.tools / "python"), "-B", str(PROGRAMS / program), *arguments]


def environment(installation: user.Installation) -> dict[str, str]:
    """Return the environment in which such a program finds the collection, and the simulator."""
    return {**os.environ, "PYTHONPATH": f"{installation.folder}{os.pathsep}{SIMULATOR}"}


class Gate:
    """Answers as long as the block is not left."""

    def __init__(self, installation: user.Installation) -> None:
        self._installation = installation

    def __enter__(self) -> Gate:
        self._process = subprocess.Popen(
            command(self._installation, "gate.py"),
            env=environment(self._installation),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=PATIENCE)

    def wait(self, **question: Any) -> None:
        """Return as soon as all copies are in sync. Nodes that do not yet know each other are asked again."""
        end = time.monotonic() + PATIENCE
        while not (answer := self._ask(question))["in_sync"]:
            if time.monotonic() > end:
                raise ToolError(f"not in sync after {PATIENCE:.0f} s: {answer}")
            time.sleep(PAUSE)

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(question), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise ToolError("gate.py ended; what it said stands above")
        return dict(json.loads(line))
