# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import multiprocessing
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.action import node_lock
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

HERE = {"host": "ctl", "boot_id": "b1", "namespace": "n1", "pid": 100, "pid_started": "11"}
THEIRS = {**HERE, "pid": 50, "pid_started": "7"}


def lock(**controller: Any) -> dict[str, Any]:
    return {"run_id": "r1", "target": "1.4.3", "user": "alice", "acquired": 0, "controller": {**THEIRS, **controller}}


@pytest.mark.parametrize(
    ("held", "start", "age", "break_lock", "refusal"),
    [
        (lock(), "7", 9999.0, False, "running on this controller"),
        (lock(), "7", 9999.0, True, "running on this controller"),
        (lock(), None, 0.0, False, None),
        (lock(), "8", 0.0, False, None),  # the number went to another process
        (lock(boot_id="b0"), "7", 899.0, False, "sign of life 899 s ago"),
        (lock(boot_id="b0"), "7", 900.0, False, None),
        (lock(boot_id="b0"), "7", 0.0, True, None),
        (lock(host="ctl2"), None, 10.0, False, "fleet_break_lock=true"),
        (lock(namespace="n2"), None, 10.0, False, "dbfleet.upgrade.recover"),
        ({"run_id": "", "unreadable": True}, None, 9999.0, False, "cannot be read as a lock"),
        ({"run_id": "", "unreadable": True}, None, 9999.0, True, None),
    ],
)
def test_judge(held: dict[str, Any], start: str | None, age: float, break_lock: bool, refusal: str | None) -> None:
    args = {"controller": HERE, "ttl": 900, "break_lock": break_lock}
    if refusal is None:
        node_lock.judge(held, age, args, lambda pid: start)
        return
    with pytest.raises(FleetError, match=refusal):
        node_lock.judge(held, age, args, lambda pid: start)


def test_start_of_a_process_that_lives_is_a_zombie_or_is_gone() -> None:
    process = subprocess.Popen(["sleep", "60"])
    first = node_lock.start_of(process.pid)
    assert first is not None
    assert first == node_lock.start_of(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert node_lock.start_of(process.pid) is None
    process.wait()
    assert node_lock.start_of(process.pid) is None


def test_start_survives_names_with_brackets(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "stat").write_text("9 (a) b) S " + " ".join(str(number) for number in range(4, 53)))
    assert node_lock.start_of(9, tmp_path) == "22"


def test_start_where_there_is_no_proc(tmp_path: Path) -> None:
    assert node_lock.start_of(os.getpid(), tmp_path / "none")


def test_a_forked_worker_names_the_process_that_forked_it() -> None:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=lambda: sender.send(node_lock.identity()))
    worker.start()
    told = receiver.recv()
    worker.join()
    assert told == node_lock.identity()
    assert told["pid"] == os.getpid()
    assert told["pid_started"] == node_lock.start_of(os.getpid())
