# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of a swap: call its module until the end, and bear a lost connection meanwhile."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from ansible.utils.display import Display

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._follower import (
    BROKEN_LIMIT,
    PAUSES,
    Answer,
    Connected,
    FollowingAction,
    driven,
)

MODULE = "dbfleet.upgrade.node_swap"
TIMEOUT = 3600
RECONNECT_TIMEOUT = 300

STEPS = {
    "look": "looking at the node",
    "verify": "verifying the staged package",
    "fresh": "comparing the metastore with its backup",
    "keep_files": "keeping copies",
    "install": "installing the package",
    "place_files": "putting files in place",
    "reload": "reloading the service manager",
    "stop": "stopping the service",
    "copy_ahead": "copying what does not change any more",
    "copy_keep": "copying what the service must not have changed",
    "shards": "converting shards",
    "metastore": "restoring the metastore",
    "start": "starting the service",
    "ready": "waiting until the service answers",
    "undo_stop": "going back: stopping the service",
    "undo_files": "going back: putting files back",
    "undo_shards": "going back: putting the former files of shards back",
    "undo_keep": "going back: putting copies back",
    "undo_install": "going back: installing the old package",
    "undo_reload": "going back: reloading the service manager",
    "undo_start": "going back: starting the service",
    "undo_ready": "going back: waiting until the service answers",
}
ENDS = {
    "swapped": "the new release serves",
    "restored": "the old release serves again",
    "unchanged": "nothing to do",
    "failed": "failed",
}


class ActionModule(FollowingAction):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Answer:
        result: Answer = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        arguments.setdefault("run", uuid.uuid4().hex)

        def ask(at_once: bool) -> Answer:
            asked = dict(arguments, wait=0) if at_once else arguments
            answer: Answer = self._execute_module(module_name=MODULE, module_args=asked, task_vars=task_vars)
            arguments["run"] = answer.get("run", arguments["run"])
            return answer

        name = (task_vars or {}).get("inventory_hostname", "")
        follower = Follower(
            ask=ask,
            reset=self._reset,
            say=lambda text: Display().display(f"{name}  swap: {text}"),
            driven=driven,
            timeout=float(self._number("timeout", TIMEOUT)),
            reconnect_timeout=float(self._number("reconnect_timeout", RECONNECT_TIMEOUT)),
        )
        result.update(follower.follow())
        return result

    def _number(self, option: str, default: int) -> int:
        return int(self._task.args.get(option, default))


class Follower(Connected):
    """Asks until the swap is finished; ask(True) is not to wait for that. say gets a line for each change of the step.

    A worker outlives an ansible-playbook that is killed. Asking on, it would take up a swap that died on the node, while a
    person recovers it. So nothing is asked any more once driven() is false.
    """

    goes_on = "a swap that has begun goes on by itself"

    def __init__(
        self,
        ask: Callable[[bool], Answer],
        reset: Callable[[], None],
        say: Callable[[str], None],
        driven: Callable[[], bool],
        timeout: float,
        reconnect_timeout: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(reset, say, driven, reconnect_timeout, clock, sleep)
        self.ask = ask
        self.timeout = timeout
        self.shown = ""

    def follow(self) -> Answer:
        deadline = self.clock() + self.timeout
        broken = 0
        while True:
            begun = self.clock()
            answer = self._reach()
            broken = broken + 1 if "module_stdout" in answer else 0
            if answer.get("finished", not 0 < broken < BROKEN_LIMIT):
                return self._end(answer)
            self._show(answer.get("step", ""))
            if self.clock() >= deadline:
                return self._late(answer)
            # An answer long before its time means that a process was killed on the node; do not race with the killer.
            self.sleep(max(0.0, PAUSES[0] - (self.clock() - begun)))

    def _show(self, step: str) -> None:
        if step and step != self.shown:
            self.shown = step
            self.say(STEPS.get(step, step))

    def _end(self, answer: Answer) -> Answer:
        outcome = answer.get("outcome", "")
        if outcome in ENDS:
            downtime = answer.get("downtime")
            self.say(ENDS[outcome] + (f", it was away for {downtime:.2f} s" if downtime else ""))
        return dict(answer, disconnected=round(self.disconnected, 1))

    def _late(self, answer: Answer) -> Answer:
        step = STEPS.get(answer.get("step", ""), "an unknown step")
        message = (
            f"The swap has not ended after {self.timeout:.0f} seconds; it is at: {step}. It goes on, on the node. "
            "What to do: call again with the same id and state to wait for its end."
        )
        return dict(answer, failed=True, msg=message, disconnected=round(self.disconnected, 1))

    def _ask(self, was_lost: bool) -> Answer:
        return self.ask(was_lost)
