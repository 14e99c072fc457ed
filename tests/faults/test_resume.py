# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed anywhere is completed by the same command, with no step done twice and nothing lost."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import LAB, PATIENCE, Fleet, Run

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

STEPS = [
    "keep_files",
    pytest.param("install", marks=pytest.mark.sample),
    "place_files",
    "reload",
    "stop",
    "copy_keep",
    "ready",
]
"""The steps of a swap on its node; start is missing, for it is over before anybody sees it."""

FREEZE = """
import json, os, signal, sys
record = {}
while record.get("step") != sys.argv[1] and not record.get("finished"):
    try:
        record = json.load(open("/var/lib/dbfleet/swap.json"))
    except (OSError, ValueError):
        pass
if not record.get("finished"):
    os.kill(record["pid"], signal.SIGSTOP)
    print(record["pid"])
"""
"""Stops the swap's process in a step, and says which process it is."""


def kill_at(run: Run, words: str) -> None:
    """Kill the controller as soon as its output shows the words."""
    end = time.monotonic() + PATIENCE
    while words not in run.text:
        assert run.process.poll() is None, f"the run ended before it said {words!r}:\n{run.text}"
        assert time.monotonic() < end, f"no {words!r} in:\n{run.text}"
        time.sleep(0.01)
    run.kill()


def frozen_swap(one: Fleet, step: str, node: str = "influx1") -> subprocess.Popen[str]:
    """Start what stops the process of the next swap in a step; nothing of a run notices that yet."""
    command = [str(LAB), "exec", one.name, node, "--", "timeout", str(PATIENCE), "python3", "-c", FREEZE, step]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_swap(one: Fleet, frozen: subprocess.Popen[str], step: str, node: str = "influx1") -> None:
    """Kill the process that was stopped, after a look that it was in that step."""
    process = frozen.communicate()[0].strip()
    assert process and swap(one, node)["step"] == step, "the step was over too soon"
    one.sh(node, f"kill -KILL {process}")


def swap(one: Fleet, node: str = "influx1") -> dict[str, Any]:
    """Return how far the swap on the node is."""
    return json.loads(one.sh(node, "cat /var/lib/dbfleet/swap.json"))


def wait_for_workers(one: Fleet) -> None:
    """Wait until no process is left of the controllers that had this fleet's inventory."""
    end = time.monotonic() + PATIENCE
    while subprocess.run(["pgrep", "-f", f"ansible-playbook.* {one.inventory} "], check=False).returncode == 0:
        assert time.monotonic() < end, "a worker outlives its controller"
        time.sleep(0.1)


def with_much_to_copy(one: Fleet) -> list[str]:
    """Change the configuration, so that dpkg leaves the package's own beside it, and return what lies there now.

    Large files make the steps that copy them long enough to be seen.
    """
    one.sh(
        "influx1",
        "echo '# ours' >> /etc/influxdb/influxdb.conf;"
        " head -c 50M /dev/zero | tee /etc/influxdb/influxdb.conf.dpkg-old > /var/lib/influxdb/meta/large;"
        " chown influxdb: /var/lib/influxdb/meta/large",
    )
    return beside_configuration(one)


def beside_configuration(one: Fleet) -> list[str]:
    return one.sh("influx1", "cd /etc/influxdb && ls && sha256sum *.dpkg-*").splitlines()


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


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_swap_is_taken_up_by_its_own_run(fleet: Callable[..., Fleet], step: str) -> None:
    one = fleet("--nodes", "1")
    before = with_much_to_copy(one)
    frozen = frozen_swap(one, step)
    with one.writer("influx1") as writer:
        run = one.start()
        kill_swap(one, frozen, step)
        run.wait()
    done_and_whole(one, run, swaps=1)
    assert writer.lost() == []
    assert beside_configuration(one) == before


@pytest.mark.parametrize("step", ["install", pytest.param("copy_keep", marks=pytest.mark.sample), "ready"])
def test_recover_after_controller_and_swap_were_killed(fleet: Callable[..., Fleet], step: str) -> None:
    """No worker of the dead controller takes the swap up again."""
    one = fleet("--nodes", "1")
    before = with_much_to_copy(one)
    frozen = frozen_swap(one, step)
    with one.writer("influx1") as writer:
        run = one.start()
        frozen.wait()
        run.kill()
        kill_swap(one, frozen, step)
        wait_for_workers(one)
        assert swap(one)["step"] == step
        back = one.run(playbook="recover")
    assert back.code == 0, back.text
    assert back.statuses() == {"influx1": "done"}
    assert one.version("influx1") == "1.3.9"
    assert one.sh("influx1", "dpkg-query -W -f '${Status} ${Version}' influxdb") == "install ok installed 1.3.9-1"
    assert back.nodes["influx1"]["data"] == "same"
    assert writer.lost() == []
    assert beside_configuration(one) == before
    assert not one.sh("influx1", "ls /var/lib/dbfleet/lock 2>/dev/null || true")


def test_a_clean_second_run_touches_nothing(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    assert one.run().code == 0
    before: dict[str, Any] = {host: one.effects(host) for host in one.hosts}
    second = one.run()
    assert second.code == 0, second.text
    assert "changed=0" in second.text
    assert second.statuses() == {"influx1": "nothing"}
    assert {host: one.effects(host) for host in one.hosts} == before
