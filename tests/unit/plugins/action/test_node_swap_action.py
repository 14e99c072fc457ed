# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterable
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.dbfleet.upgrade.plugins.action.node_swap import STEPS, Follower, driven
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap import SERVING_ORDER, STOPPED_ORDER
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_back import SERVING_ORDER as BACK_ORDER

LOST = AnsibleConnectionFailure("lost")
RUNNING: dict[str, Any] = {"finished": False, "step": "install", "run": "r"}
DONE: dict[str, Any] = {"finished": True, "step": "", "outcome": "swapped", "downtime": 0.24, "changed": True}
KILLED: dict[str, Any] = {"failed": True, "module_stdout": "", "msg": "MODULE FAILURE"}
REFUSED: dict[str, Any] = {"failed": True, "msg": "the service is not running"}


class Node:
    """Gives answers in turn, each after so many seconds; an exception is raised."""

    def __init__(self, answers: Iterable[Any], seconds: float = 20.0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.time = 0.0
        self.said: list[str] = []
        self.resets = 0
        self.at_once: list[bool] = []
        self.killed_at = float("inf")

    def ask(self, at_once: bool) -> dict[str, Any]:
        self.at_once.append(at_once)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        self.time += 0.0 if at_once else self.seconds
        return dict(answer)

    def reset(self) -> None:
        self.resets += 1

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def driven(self) -> bool:
        return self.time < self.killed_at

    def follower(self, timeout: float = 3600.0, reconnect_timeout: float = 300.0) -> Follower:
        return Follower(
            self.ask,
            self.reset,
            self.said.append,
            self.driven,
            timeout,
            reconnect_timeout,
            lambda: self.time,
            self.sleep,
        )


def test_every_step_has_words() -> None:
    undo = {"undo_" + name for name in (*BACK_ORDER, "ready")}
    assert set(STEPS) == {"look", "verify", *SERVING_ORDER, *STOPPED_ORDER, *undo}


def test_a_line_only_when_the_step_changes() -> None:
    node = Node([RUNNING, RUNNING, dict(RUNNING, step="ready"), DONE])
    assert node.follower().follow() == dict(DONE, disconnected=0.0)
    assert node.said == [
        "installing the package",
        "waiting until the service answers",
        "the new release serves, it was away for 0.24 s",
    ]


@pytest.mark.parametrize("answer", [REFUSED, dict(DONE, outcome="failed", failed=True), dict(DONE, outcome="restored")])
def test_an_end_is_an_end(answer: dict[str, Any]) -> None:
    node = Node([answer])
    assert node.follower().follow() == dict(answer, disconnected=0.0)
    assert len(node.at_once) == 1


def test_a_lost_connection_is_borne() -> None:
    node = Node([RUNNING, LOST, LOST, LOST, RUNNING, DONE])
    result = node.follower().follow()
    assert result["outcome"] == "swapped" and result["disconnected"] == 7.0
    assert node.at_once == [False, False, True, True, True, False] and node.resets == 3
    assert node.said[1].startswith("the connection is lost") and node.said[2] == "the node can be reached again"


def test_a_node_that_stays_away_is_unreachable() -> None:
    node = Node([RUNNING, LOST])
    with pytest.raises(AnsibleConnectionFailure):
        node.follower(reconnect_timeout=60).follow()
    assert 80 <= node.time <= 81


def test_a_reset_that_fails_is_no_further_problem() -> None:
    node = Node([LOST, DONE])

    def reset() -> None:
        raise LOST

    node.reset = reset  # type: ignore[method-assign]
    assert node.follower().follow()["outcome"] == "swapped"


def test_it_ends_in_time_and_says_what_to_do() -> None:
    node = Node([RUNNING])
    result = node.follower(timeout=100).follow()
    assert result["failed"] and "installing the package" in result["msg"] and "call again" in result["msg"]
    assert node.time == 100


def test_answers_that_come_too_early_are_not_asked_for_in_a_loop() -> None:
    node = Node([RUNNING] * 10 + [DONE], seconds=0.0)
    node.follower().follow()
    assert node.time == 10.0


def test_a_module_that_was_killed_is_called_again() -> None:
    assert Node([KILLED, KILLED, DONE]).follower().follow()["outcome"] == "swapped"


def test_but_not_for_ever() -> None:
    node = Node([KILLED])
    assert node.follower().follow()["msg"] == "MODULE FAILURE" and len(node.at_once) == 3


@pytest.mark.parametrize(
    ("answers", "killed_at", "asked"),
    [
        pytest.param([RUNNING], 0.0, 0, id="before the first call"),
        pytest.param([RUNNING], 50.0, 3, id="while the swap is followed"),
        pytest.param([RUNNING, LOST], 30.0, 5, id="while the node is away"),
        pytest.param([KILLED], 10.0, 1, id="after a module that was killed"),
    ],
)
def test_nothing_is_asked_for_a_run_that_is_gone(answers: list[Any], killed_at: float, asked: int) -> None:
    node = Node(answers)
    node.killed_at = killed_at
    with pytest.raises(AnsibleActionFail):
        node.follower().follow()
    assert len(node.at_once) == asked


def test_a_worker_knows_whether_its_parent_lives() -> None:
    """The parent is killed; a younger worker holds open all that it held."""
    fork = multiprocessing.get_context("fork")
    seen, tell = fork.Pipe(duplex=False)

    def worker() -> None:
        while driven():
            time.sleep(0.01)
        tell.send("orphan")

    def ansible_playbook() -> None:
        for work in (worker, lambda: time.sleep(5)):
            fork.Process(target=work).start()
        tell.send("parent")
        time.sleep(5)

    assert driven()
    parent = fork.Process(target=ansible_playbook)
    parent.start()
    assert seen.poll(3) and seen.recv() == "parent"
    assert not seen.poll(0.1)
    parent.kill()
    assert seen.poll(3) and seen.recv() == "orphan"
