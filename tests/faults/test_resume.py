# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed anywhere is completed by the same command, with no step done twice and nothing lost."""

from __future__ import annotations

import json
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


def kill_at(run: Run, words: str, seconds: float = 0) -> None:
    """Kill the controller so many seconds after its output shows the words."""
    end = time.monotonic() + 120
    while words not in run.text:
        assert run.process.poll() is None, f"the run ended before it said {words!r}:\n{run.text}"
        assert time.monotonic() < end, f"no {words!r} in:\n{run.text}"
        time.sleep(0.01)
    time.sleep(seconds)
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


# The steps that last long enough to be hit from outside; the unit tests end the worker after every step.
@pytest.mark.parametrize(
    ("step", "then"),
    [
        ("install", "again"),
        pytest.param("install", "recover", marks=pytest.mark.sample),
        ("stop", "again"),
        ("stop", "recover"),
        ("ready", "again"),
        ("ready", "recover"),
    ],
)
def test_a_killed_swap(fleet: Callable[..., Fleet], step: str, then: str) -> None:
    """The controller and the node's own worker die in this step."""
    one = fleet("--nodes", "1")
    one.sh("influx1", STOPPER % step)
    run = one.start()
    wait_for_stop(one)
    run.kill()
    one.sh("influx1", "kill -9 $(cat /root/stopped)")
    if then == "again":
        done = one.run()
        assert done.code == 0, done.text
        assert one.version("influx1") == "1.4.3"
    else:
        done = one.run(playbook="recover", fleet_hosts="influxdb")
        assert done.code == 0, done.text
        assert one.version("influx1") == "1.3.9"
    counts = one.sh("influx1", "curl -sG localhost:8086/query --data-urlencode 'q=SHOW DATABASES'")
    assert "datenbank" in json.dumps(json.loads(counts), ensure_ascii=False)


STOPPER = """
cat > /root/stopper.sh <<'END'
#!/bin/sh
# Stops the worker as soon as its progress names the step.
while :; do
  if grep -q '"step": "%s"' /var/lib/dbfleet/swap.json 2>/dev/null; then
    pid=$(sed -n 's/.*"pid": \\([0-9]*\\).*/\\1/p' /var/lib/dbfleet/swap.json | head -n 1)
    kill -STOP "$pid" && echo "$pid" > /root/stopped && exit 0
  fi
done
END
chmod +x /root/stopper.sh
nohup /root/stopper.sh >/dev/null 2>&1 &
"""


def wait_for_stop(one: Fleet) -> None:
    end = time.monotonic() + 120
    while not one.sh("influx1", "cat /root/stopped 2>/dev/null || true"):
        assert time.monotonic() < end, "the worker did not come to this step"
        time.sleep(0.1)


def test_a_clean_second_run_touches_nothing(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    assert one.run().code == 0
    before: dict[str, Any] = {host: one.effects(host) for host in one.hosts}
    second = one.run()
    assert second.code == 0, second.text
    assert "changed=0" in second.text
    assert second.statuses() == {"influx1": "nothing"}
    assert {host: one.effects(host) for host in one.hosts} == before
