# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs: argument lists only, and errors that say what was run and what it answered."""

from __future__ import annotations

import http.client
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence


class LabError(Exception):
    """Anything the lab cannot do; the message says what was found and what to do."""


class CommandFailed(LabError):
    """A program ended with an exit code that is not 0."""

    def __init__(self, argv: Sequence[str], returncode: int, output: str) -> None:
        tail = "\n".join(output.strip().splitlines()[-15:])
        super().__init__(f"exit code {returncode} from: {shlex.join(argv)}\n{tail}")
        self.output = output


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    timeout: float | None = 900,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it printed; `env` is added to the lab's own environment."""
    try:
        done = subprocess.run(
            list(argv),
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            timeout=timeout,
        )
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed; run: lab setup") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no answer within {timeout:.0f} s from: {shlex.join(argv)}") from error
    if check and done.returncode:
        raise CommandFailed(argv, done.returncode, done.stderr + done.stdout)
    return done


def as_root(argv: Sequence[str], env: Mapping[str, str] | None = None) -> list[str]:
    """The same command with root's rights; `env` is carried through sudo, which drops the caller's."""
    assigned = ["env", *(f"{name}={value}" for name, value in env.items())] if env else []
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    return [*sudo, *assigned, *argv]


def wait_until(what: str, reached: Callable[[], bool], limit: float = 60) -> None:
    """Wait until something holds; a server that cannot be asked is asked again."""
    deadline = time.monotonic() + limit
    last = ""
    while time.monotonic() < deadline:
        try:
            if reached():
                return
            last = ""
        except (OSError, http.client.HTTPException, LabError) as error:
            last = f": {error}"
        time.sleep(0.2)
    raise LabError(f"not so after {limit:.0f} s: {what}{last}")
