# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of each node that writes on, and somebody who looks for a password in all processes, as long as a file is there.

Arguments: that file, the file for what was seen, and the nodes as NAME=ADDRESS. The password is the line of standard input.
The nodes are containers of this machine, so that their processes are seen here too.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from holdings import writer

PAUSE = 0.1


def told(password: bytes) -> set[str]:
    """Return where a password can be read now: the names of processes, each with its arguments or its environment."""
    return {
        f"{place.name} of {process.name}: {read(process / 'comm').decode().strip()}"
        for process in Path("/proc").glob("[0-9]*")
        for place in (process / "cmdline", process / "environ")
        if password in read(place)
    }


def read(file: Path) -> bytes:
    """Return what is in a file of a process, which may be another user's or over by now."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def main(going_on: str, notes: str, *nodes: str) -> None:
    """Write and look until the end. The file goes with the scenario, too, so that no client outlives it."""
    password, looks, seen = sys.stdin.readline().strip().encode(), 0, set[str]()
    with ExitStack() as stack:
        clients = {name: stack.enter_context(writer(address, name)) for name, address in (n.split("=") for n in nodes)}
        while Path(going_on).exists():
            looks, seen = looks + 1, seen | told(password)
            time.sleep(PAUSE)
    written = {name: [client.acknowledged, client.refused] for name, client in clients.items()}
    Path(notes).write_text(json.dumps({"looks": looks, "told": sorted(seen), "written": written}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
