# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.dbfleet.upgrade.plugins.action.cloudant_sync import Follower, duration, judged, progress

LAGGING = {"database": "db", "range": "00000000-7fffffff", "source": "a", "target": "b", "at": 100, "wanted": 250}
REFUSED: dict[str, Any] = {"failed": True, "msg": "a member is down", "reason": "members"}


def answer(done: int, pending: int = 0, **more: Any) -> dict[str, Any]:
    found = {
        "in_sync": done == 8 and not pending,
        "pairs": {"done": done, "total": 8},
        "pending": pending,
        "behind": [LAGGING] * min(5, 8 - done),
        "differing_maps": [],
        "jobs": {"a": 0, "b": 0},
        "seconds": 15.0,
        "requests": 20,
        "changed": False,
    }
    return {**found, **more}


class Node:
    """Gives answers in turn, each after so many seconds."""

    def __init__(self, answers: Iterable[dict[str, Any]], seconds: float = 15.0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.time = 0.0
        self.said: list[str] = []
        self.left: list[int] = []
        self.killed_at = float("inf")

    def ask(self, left: int) -> dict[str, Any]:
        self.left.append(left)
        self.time += min(self.seconds, left)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def follow(self, limit: float = 3600.0) -> dict[str, Any]:
        def driven() -> bool:
            return self.time < self.killed_at

        return Follower(self.ask, self.said.append, driven, limit, lambda: self.time, self.sleep).follow()


def test_it_is_asked_until_all_is_in_sync_and_shows_how_far_it_is() -> None:
    node = Node([answer(2, 3000), answer(4, 1500), answer(7, 1500), answer(7, 1500), answer(8)])
    assert node.follow() == answer(8, lag=15.0, seconds=75.0, requests=100)
    assert node.said == [
        "2/8 pairs of copies, 3000 changes to come",
        "4/8 pairs of copies, 1500 changes to come, 100/s, about 15 s left",
        "7/8 pairs of copies, 1500 changes to come",
        "8/8 pairs of copies, all have caught up",
    ]
    assert node.left == [3600, 3585, 3570, 3555, 3540]


def test_more_that_is_written_than_arrives_is_no_rate() -> None:
    node = Node([answer(2, 100), answer(2, 400), answer(8)])
    node.follow()
    assert node.said[1] == "2/8 pairs of copies, 400 changes to come"


def test_it_ends_at_the_limit_with_the_last_answer() -> None:
    node = Node([answer(2, 3000), answer(6, 10)])
    assert node.follow(40) == answer(6, 10, lag=15.0, seconds=40.0, requests=60)
    assert node.left == [40, 25, 10]


def test_a_node_that_does_not_wait_is_not_asked_without_pause() -> None:
    node = Node([answer(2, 3000)], seconds=0.0)
    node.follow(5)
    assert len(node.left) == 6


def test_a_refusal_ends_it_at_once() -> None:
    node = Node([answer(2, 3000), REFUSED])
    assert node.follow() == REFUSED
    assert judged(REFUSED, 3600) == REFUSED


def test_nobody_is_asked_for_a_playbook_that_was_ended() -> None:
    node = Node([answer(2, 3000)])
    node.killed_at = 20.0
    with pytest.raises(AnsibleActionFail, match="ended"):
        node.follow()
    assert len(node.left) == 2


def test_what_is_in_sync_is_no_failure() -> None:
    assert judged(answer(8), 3600) == answer(8)


def test_the_failure_tells_what_was_seen_last() -> None:
    gone = {**LAGGING, "at": None}
    found = judged(answer(6, 160, behind=[LAGGING, gone], jobs={"a": None, "b": 12}), 300)
    assert found["failed"] and found["reason"] == "behind" and found["pairs"] == {"done": 6, "total": 8}
    for words in (
        "after 300 seconds",
        "6/8 pairs of copies, 160 changes to come, 12 changes in jobs",
        "db 00000000-7fffffff from a to b: at 100 of 250",
        "db 00000000-7fffffff from a to b: a copy is not there",
        "leave the node in maintenance",
    ):
        assert words in found["msg"]


def test_what_else_is_waited_for_is_shown() -> None:
    found = answer(8, in_sync=False, differing_maps=["new", "other"], jobs={"a": 0, "b": 7})
    assert progress(found, 5.0) == (
        "8/8 pairs of copies, 7 changes in jobs of internal replication, 2 databases that not all nodes know alike"
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (90, "2 min"), (1800, "30 min"), (5400, "1.5 h")]
)
def test_times_are_those_a_person_would_say(seconds: float, words: str) -> None:
    assert duration(seconds) == words
