# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.dbfleet.upgrade.plugins.action.influxdb_migrate_data import WAIT, Follower, words

MIB = 1 << 20
LOST = AnsibleConnectionFailure("lost")
KILLED: dict[str, Any] = {"failed": True, "module_stdout": "", "msg": "MODULE FAILURE"}
REFUSED: dict[str, Any] = {"failed": True, "reason": "release", "msg": "The server is InfluxDB 0.8.8", "changed": False}


def progress(done: int, before: int = 0, **more: Any) -> dict[str, Any]:
    """So many of four shards of 2 MiB, as one call of the module counts it."""
    found = {
        "shards_total": 4,
        "shards_done": done,
        "bytes_total": 8 * MIB,
        "bytes_before": before * 2 * MIB,
        "bytes_done": done * 2 * MIB,
        "bytes_per_second": 7,
        "seconds_left": 7,
        "shard": None if done == 4 else f"0000{4 - done}",
    }
    return {**found, **more}


def late(done: int, before: int = 0, **more: Any) -> dict[str, Any]:
    """What a call ends with whose time is over."""
    found = {
        "failed": True,
        "reason": "limit",
        "msg": "After 20 seconds",
        "exception": "After 20 seconds",
        "changed": True,
        "started": False,
        "seconds": WAIT,
        "progress": progress(done, before),
    }
    return {**found, **more}


def over(before: int, changed: bool = True) -> dict[str, Any]:
    started = False if changed else None
    return {"changed": changed, "started": started, "seconds": 5.0, "progress": progress(4, before)}


class Node:
    """Gives answers in turn, each after so many seconds; an exception is raised at once."""

    def __init__(self, answers: Iterable[Any], seconds: float = WAIT) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.time = 0.0
        self.said: list[str] = []
        self.resets = 0
        self.asked: list[tuple[float, bool]] = []
        self.killed_at = float("inf")

    def ask(self, limit: float, start: bool) -> dict[str, Any]:
        self.asked.append((limit, start))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        self.time += min(self.seconds, limit)
        return dict(answer)

    def reset(self) -> None:
        self.resets += 1

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def driven(self) -> bool:
        return self.time < self.killed_at

    def follow(self, limit: float = 3600.0, reconnect_timeout: float = 300.0, start: bool = True) -> dict[str, Any]:
        return Follower(
            self.ask,
            self.reset,
            self.said.append,
            self.driven,
            start,
            limit,
            reconnect_timeout,
            lambda: self.time,
            self.sleep,
        ).follow()


def test_it_is_asked_until_the_end_and_told_as_one() -> None:
    node = Node([late(1, started=True), late(1, 1), late(2, 1), over(2)])
    assert node.follow() == {
        "changed": True,
        "started": True,
        "seconds": 80.0,
        "progress": progress(4, 0, bytes_per_second=8 * MIB // 80, seconds_left=0),
    }
    assert node.asked == [(20.0, True), (20.0, False), (20.0, False), (20.0, False)]


def test_a_line_for_every_shard_that_is_done() -> None:
    node = Node([late(0, started=True), late(1), late(1, 1), late(3, 1), over(3)])
    node.follow()
    assert node.said == [
        "0/4 shards, 0.0 of 8.0 MiB",
        "1/4 shards, 2.0 of 8.0 MiB, 51 KiB/s, about 2 min left",
        "3/4 shards, 6.0 of 8.0 MiB, 77 KiB/s, about 26 s left",
        "4/4 shards, 8.0 of 8.0 MiB",
    ]


def test_what_was_marked_before_is_no_speed() -> None:
    node = Node([late(2, 2), late(3, 2), over(3)])
    result = node.follow()
    assert node.said[0] == "2/4 shards, 4.0 of 8.0 MiB"
    assert (result["progress"]["bytes_before"], result["progress"]["bytes_per_second"]) == (4 * MIB, 4 * MIB // 60)


def test_an_end_between_two_calls_is_a_change_all_the_same() -> None:
    result = Node([late(3, started=True), over(4, changed=False)]).follow()
    assert (result["changed"], result["started"]) == (True, True)


def test_what_is_proved_is_left_alone() -> None:
    node = Node([over(4, changed=False)])
    result = node.follow()
    assert (result["changed"], result["started"], len(node.asked)) == (False, None, 1)


def test_nothing_is_shown_where_there_are_no_shards() -> None:
    none = progress(0, shards_total=0, bytes_total=0)
    node = Node([{"changed": False, "started": None, "seconds": 0.1, "progress": none}])
    assert node.follow()["progress"]["seconds_left"] == 0 and node.said == []


def test_the_limit_is_that_of_the_whole() -> None:
    node = Node([late(1, started=True), late(2, 1)])
    result = node.follow(limit=50)
    assert [limit for limit, _start in node.asked] == [20.0, 20.0, 10.0] and node.time == 50.0
    assert result["failed"] and result["reason"] == "limit" and (result["started"], result["seconds"]) == (True, 50.0)
    assert result["msg"].startswith("After 50 seconds 2 of 4 shards are migrated") and "run again" in result["msg"]
    assert "exception" not in result


def test_a_limit_of_nothing_is_one_call() -> None:
    node = Node([late(0, started=True)])
    assert node.follow(limit=0)["reason"] == "limit" and node.asked == [(0.0, True)]


def test_answers_that_come_too_early_are_not_asked_for_in_a_loop() -> None:
    node = Node([late(0)] * 10 + [over(0)], seconds=0.0)
    node.follow()
    assert node.time == 10.0


@pytest.mark.parametrize("reason", ["interrupted", "unmarked", "log-errors", "server"])
def test_other_failures_are_the_end_and_tell_of_the_whole(reason: str) -> None:
    node = Node([late(1, started=True), late(2, 1, reason=reason, msg="as it is", lines=["line"])])
    result = node.follow()
    assert (result["reason"], result["msg"], result["lines"]) == (reason, "as it is", ["line"])
    assert (result["failed"], result["started"], result["seconds"], len(node.asked)) == (True, True, 40.0, 2)


def test_a_refusal_is_returned_as_it_is() -> None:
    assert Node([REFUSED]).follow() == REFUSED


def test_nothing_is_started_where_the_user_says_so() -> None:
    node = Node([late(1), over(1)])
    node.follow(start=False)
    assert node.asked == [(20.0, False), (20.0, False)]


def test_a_lost_connection_is_borne() -> None:
    node = Node([late(1, started=True), LOST, LOST, LOST, over(1)])
    result = node.follow()
    assert (result["started"], result["seconds"]) == (True, 20 + 1 + 2 + 4 + 20.0) and node.resets == 3
    assert node.said[1].startswith("the connection is lost") and node.said[2] == "the node can be reached again"
    assert [start for _limit, start in node.asked] == [True, False, False, False, False]


def test_a_connection_that_is_lost_before_the_first_answer_may_have_started_nothing() -> None:
    node = Node([LOST, late(0, started=True), over(0)])
    node.follow()
    assert [start for _limit, start in node.asked] == [True, True, False]


def test_a_node_that_stays_away_is_unreachable() -> None:
    node = Node([late(1), LOST])
    with pytest.raises(AnsibleConnectionFailure):
        node.follow(reconnect_timeout=60)
    assert node.time == 80.0


def test_a_node_that_comes_back_after_the_limit_is_asked_without_waiting() -> None:
    node = Node([late(1), LOST, LOST, LOST, late(2)])
    assert node.follow(limit=22)["msg"].startswith("After 22 seconds 2 of 4")
    assert node.asked[-1] == (0.0, False)


def test_a_reset_that_fails_is_no_further_problem() -> None:
    node = Node([LOST, over(0)])

    def reset() -> None:
        raise LOST

    node.reset = reset  # type: ignore[method-assign]
    assert node.follow()["progress"]["shards_done"] == 4


def test_a_module_that_was_killed_is_called_again_but_not_for_ever() -> None:
    assert Node([KILLED, KILLED, over(0)]).follow()["changed"] is True
    node = Node([KILLED])
    assert node.follow() == KILLED and len(node.asked) == 3


@pytest.mark.parametrize(
    ("answers", "killed_at", "asked"),
    [
        pytest.param([late(0)], 0.0, 0, id="before the first call"),
        pytest.param([late(0)], 50.0, 3, id="while it is followed"),
        pytest.param([late(0), LOST], 30.0, 5, id="while the node is away"),
    ],
)
def test_nothing_is_asked_for_a_playbook_that_was_ended(answers: list[Any], killed_at: float, asked: int) -> None:
    node = Node(answers)
    node.killed_at = killed_at
    with pytest.raises(AnsibleActionFail, match="ended"):
        node.follow()
    assert len(node.asked) == asked


@pytest.mark.parametrize(
    ("total", "done", "rate", "expected"),
    [
        (8 * MIB, 4 * MIB, 65536, "2/4 shards, 4.0 of 8.0 MiB, 64 KiB/s, about 64 s left"),
        (900, 300, 3, "2/4 shards, 300 of 900 B, 3 B/s, about 3 min left"),
        (3 << 40, 0, 0, "2/4 shards, 0.0 of 3.0 TiB"),
        (5 << 30, 512 * MIB, 20 * MIB, "2/4 shards, 0.5 of 5.0 GiB, 20 MiB/s, about 4 min left"),
    ],
)
def test_sizes_are_in_the_unit_of_the_whole(total: int, done: int, rate: int, expected: str) -> None:
    left = (total - done) // rate if rate else None
    assert words(progress(2, bytes_total=total, bytes_done=done, bytes_per_second=rate, seconds_left=left)) == expected
