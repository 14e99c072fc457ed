# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""epmd: started by the first node, and still there when the server is not."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from couchdb_sim import epmd
from couchdb_sim.cluster import Cluster, wait_for


def daemons(port: int) -> list[int]:
    """The processes with the name and the port."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "comm").read_text(encoding="ascii").strip()
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if name == "epmd" and str(port).encode() in command:
            found.append(int(process.name))
    return found


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free: int = probe.getsockname()[1]
    yield free
    for process in daemons(free):
        os.kill(process, signal.SIGTERM)


def test_it_knows_the_nodes_that_live_and_stays_without_any(port: int) -> None:
    with Cluster(2, settings={"sim": {"epmd_port": str(port)}}) as cluster:
        first, second = cluster.members
        assert epmd.names(port) == {"couchdb1": first.dist_port, "couchdb2": second.dist_port}
        [process] = daemons(port)
        assert os.getsid(process) == process
        first.kill()
        wait_for(lambda: list(epmd.names(port)) == ["couchdb2"], "the node that was killed is still known")
        second.stop()
        wait_for(lambda: not epmd.names(port), "the node that was stopped is still known")
    assert daemons(port) == [process]
