# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed anywhere is completed by the same command, with no step done twice and nothing lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Fleet, Run

MARKS = [
    pytest.param("Read the package", id="ask"),
    pytest.param("Look at the package, the service and the processes", id="detect"),
    pytest.param("Ask whether the way back can be had", id="preflight"),
    pytest.param("TASK [dbfleet.upgrade.fleet : Plan]", id="plan"),
    pytest.param("Unpack the new release", id="stage"),
    pytest.param("Take the fingerprint", id="backup"),
    pytest.param("Change the release", id="upgrade", marks=pytest.mark.sample),
    pytest.param("Prove that the node holds what it held", id="verify"),
    pytest.param("TASK [dbfleet.upgrade.fleet : Report]", id="report"),
]
"""What the controller's output shows when the phase is on."""


def kill_at(run: Run, words: str) -> None:
    """Kill the controller as soon as its output shows the words."""
    end = time.monotonic() + 120
    while words not in run.text:
        assert run.process.poll() is None, f"the run ended before it said {words!r}:\n{run.text}"
        assert time.monotonic() < end, f"no {words!r} in:\n{run.text}"
        time.sleep(0.01)
    run.kill()


def done_and_whole(one: Fleet, run: Run, swaps: int) -> None:
    assert run.code == 0, run.text
    assert one.version("influx1") == "1.4.3"
    assert set(run.statuses().values()) <= {"done", "nothing"}
    lines = one.sh("influx1", "cat /var/lib/dbfleet/swap.log 2>/dev/null; grep -c . /var/log/dpkg.log || true")
    assert one.sh("influx1", "grep -c ' upgrade influxdb:amd64 1.3.9-1 1.4.3-1' /var/log/dpkg.log") == str(swaps), lines
    assert not one.sh("influx1", "ls /var/lib/dbfleet/lock 2>/dev/null || true")


@pytest.mark.parametrize("words", MARKS)
def test_a_killed_controller(fleet: Callable[..., Fleet], words: str) -> None:
    one = fleet("--nodes", "1")
    with one.writer("influx1") as writer:
        kill_at(one.start(), words)
        again = one.run()
    done_and_whole(one, again, swaps=1)
    assert writer.lost() == []


def test_a_clean_second_run_touches_nothing(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    assert one.run().code == 0
    before: dict[str, Any] = {host: one.effects(host) for host in one.hosts}
    second = one.run()
    assert second.code == 0, second.text
    assert "changed=0" in second.text
    assert second.statuses() == {"influx1": "nothing"}
    assert {host: one.effects(host) for host in one.hosts} == before
