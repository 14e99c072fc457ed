# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of the wait for internal replication: call the module until the end, and show how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_sync import ARGUMENTS
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._follower import driven

MODULE = "dbfleet.upgrade.cloudant_sync"

Answer = dict[str, Any]


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Answer:
        result: Answer = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)

        def ask(left: int) -> Answer:
            asked = dict(arguments, limit=left)
            answer: Answer = self._execute_module(module_name=MODULE, module_args=asked, task_vars=task_vars)
            return answer

        name = (task_vars or {}).get("inventory_hostname", "")
        follower = Follower(
            ask=ask,
            say=lambda text: Display().display(f"{name}  sync: {text}"),
            driven=driven,
            limit=0 if self._task.check_mode else arguments["limit"],
        )
        answer = follower.follow()
        result.update(answer if self._task.check_mode else judged(answer, arguments["limit"]))
        return result


class Follower:
    """Asks until all is in sync or the limit is over; ask is told how many seconds are left, say gets a line for each change.

    A worker outlives an ansible-playbook that is killed, and asks no more once driven() is false.
    """

    def __init__(
        self,
        ask: Callable[[int], Answer],
        say: Callable[[str], None],
        driven: Callable[[], bool],
        limit: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.ask = ask
        self.say = say
        self.driven = driven
        self.limit = limit
        self.clock = clock
        self.sleep = sleep
        self.shown = ""

    def follow(self) -> Answer:
        """Return the module's last answer, with the seconds and requests of all calls.

        Each call proves that what was written before it began has arrived, so the seconds of the last one are the lag.
        """
        begun = self.clock()
        before: tuple[float, Answer] | None = None
        requests = 0
        while True:
            if not self.driven():
                raise AnsibleActionFail("ansible-playbook was ended. Nothing was changed by waiting")
            asked = self.clock()
            answer = self.ask(max(0, int(begun + self.limit - asked)))
            if "in_sync" not in answer:
                return answer
            now = self.clock()
            requests += answer["requests"]
            self._show(progress(answer, rate(before, now, answer)))
            if answer["in_sync"] or now - begun >= self.limit:
                return dict(answer, lag=answer["seconds"], seconds=round(now - begun, 1), requests=requests)
            before = now, answer
            # A module that does not wait is not asked more than once a second.
            self.sleep(max(0.0, 1.0 - (now - asked)))

    def _show(self, text: str) -> None:
        if text != self.shown:
            self.shown = text
            self.say(text)


def rate(before: tuple[float, Answer] | None, now: float, answer: Answer) -> float:
    """Return how many changes arrived in a second since an earlier answer, less those that were written meanwhile."""
    if before is None or now <= before[0]:
        return 0.0
    arrived: int = before[1]["pending"] - answer["pending"]
    return max(0.0, arrived / (now - before[0]))


def progress(answer: Answer, per_second: float) -> str:
    """Return what people see: pairs, changes to come, rate, time left, and what else is waited for."""
    parts = [f"{answer['pairs']['done']}/{answer['pairs']['total']} pairs of copies"]
    if answer["in_sync"]:
        return parts[0] + ", all have caught up"
    if answer["pending"]:
        parts.append(f"{answer['pending']} changes to come")
    if answer["pending"] and per_second:
        parts += [f"{per_second:.0f}/s", f"about {duration(answer['pending'] / per_second)} left"]
    return ", ".join(parts + waiting(answer))


def waiting(answer: Answer) -> list[str]:
    """Return what is waited for besides the copies."""
    jobs = sum(count or 0 for count in answer["jobs"].values())
    unknown = len(answer["differing_maps"])
    return ([f"{jobs} changes in jobs of internal replication"] if jobs else []) + (
        [f"{unknown} databases that not all nodes know alike"] if unknown else []
    )


def duration(seconds: float) -> str:
    """Return seconds as a person would say them."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def judged(answer: Answer, limit: int) -> Answer:
    """Return the answer as a failure, with all that was seen last, if it is not in sync."""
    if answer.get("in_sync", True):
        return answer
    seen = "; ".join([progress(answer, 0.0), *(described(pair) for pair in answer["behind"])])
    error = FleetError(
        f"The copies of the shards have not caught up after {limit} seconds: {seen}",
        "every copy to have what was written before, and no jobs of internal replication",
        "leave the node in maintenance, where it harms nobody; look for mem3_sync in the logs of the nodes; then wait again",
    )
    return dict(answer, failed=True, msg=str(error), reason="behind")


def described(pair: Answer) -> str:
    """Return one pair that is behind, for people."""
    place = f"{pair['database']} {pair['range']} from {pair['source']} to {pair['target']}"
    if pair["at"] is None:
        return f"{place}: a copy is not there"
    return f"{place}: at {pair['at']} of {pair['wanted']}"
