# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of the migration: call the module until the end, show how far it is, and bear a lost connection meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible.utils.display import Display

from ansible_collections.dbfleet.upgrade.plugins.action.cloudant_sync import duration
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_migration import OPTIONS, speed, too_late
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._follower import (
    BROKEN_LIMIT,
    PAUSES,
    Answer,
    Connected,
    FollowingAction,
    driven,
)

MODULE = "dbfleet.upgrade.influxdb_migrate_data"
WAIT = 20.0
"""Seconds that one call waits on the node, at most."""

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class ActionModule(FollowingAction):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Answer:
        result: Answer = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=OPTIONS)

        def ask(limit: float, start: bool) -> Answer:
            # What the user wrote, and not options: the paths in these are the controller's.
            asked = dict(self._task.args, limit=limit, start=start)
            answer: Answer = self._execute_module(module_name=MODULE, module_args=asked, task_vars=task_vars)
            return answer

        name = (task_vars or {}).get("inventory_hostname", "")
        follower = Follower(
            ask=ask,
            reset=self._reset,
            say=lambda text: Display().display(f"{name}  migrate: {text}"),
            driven=driven,
            start=options["start"],
            limit=options["limit"],
            reconnect_timeout=options["reconnect_timeout"],
        )
        result.update(follower.follow())
        return result


class Follower(Connected):
    """Asks until the migration is over or the limit is; ask is told how long to wait, and whether to start it where none runs.

    It is started by the first call alone: one that ended early, or with the server, is not begun again behind the user's back.
    A worker outlives an ansible-playbook that is killed, and asks no more once driven() is false.
    """

    goes_on = "a migration that has begun goes on in the server"

    def __init__(
        self,
        ask: Callable[[float, bool], Answer],
        reset: Callable[[], None],
        say: Callable[[str], None],
        driven: Callable[[], bool],
        start: bool,
        limit: float,
        reconnect_timeout: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(reset, say, driven, reconnect_timeout, clock, sleep)
        self.ask = ask
        self.start = start
        self.limit = limit
        self.begun = clock()
        self.first: Answer | None = None
        self.shown = -1

    def follow(self) -> Answer:
        """Return the module's last answer, with times, speed and change of the whole."""
        broken = 0
        while True:
            asked = self.clock()
            answer = self._reach()
            broken = broken + 1 if "module_stdout" in answer else 0
            if "progress" in answer:
                answer = self._whole(answer)
                self._show(answer["progress"])
            goes_on = answer.get("reason") == "limit" or 0 < broken < BROKEN_LIMIT
            if not goes_on or self._left() <= 0:
                return answer
            # An answer before its time means that something is wrong; it is not asked for without pause.
            self.sleep(max(0.0, PAUSES[0] - (self.clock() - asked)))

    def _left(self) -> float:
        return self.begun + self.limit - self.clock()

    def _whole(self, answer: Answer) -> Answer:
        """The answer as if one call had waited all the time."""
        self.first = first = self.first or answer
        seconds = self.clock() - self.begun
        progress = overall(first["progress"], answer["progress"], seconds)
        whole = dict(
            answer, changed=first["changed"], started=first["started"], seconds=round(seconds, 3), progress=progress
        )
        if answer.get("reason") == "limit":
            whole["msg"] = str(too_late(self.limit, progress["shards_done"], progress["shards_total"]))
            # ansible-core 2.19 shows this instead of msg.
            whole.pop("exception", None)
        return whole

    def _show(self, progress: Answer) -> None:
        if progress["shards_total"] and progress["shards_done"] != self.shown:
            self.shown = progress["shards_done"]
            self.say(words(progress))

    def _ask(self, _was_lost: bool) -> Answer:
        return self.ask(max(0.0, min(WAIT, self._left())), self.start and self.first is None)


def overall(first: Answer, last: Answer, seconds: float) -> Answer:
    """Return the last progress with the speed since the beginning of the first, so many seconds ago."""
    before = first["bytes_before"]
    return dict(last, bytes_before=before, **speed(before, last["bytes_done"], last["bytes_total"], seconds))


def words(progress: Answer) -> str:
    """Return what people see: shards, bytes, speed and time left."""
    unit = scale(progress["bytes_total"])
    done, total = (amount(progress[name], unit) for name in ("bytes_done", "bytes_total"))
    parts = [f"{progress['shards_done']}/{progress['shards_total']} shards", f"{done} of {total} {UNITS[unit]}"]
    rate = progress["bytes_per_second"]
    if rate and progress["seconds_left"]:
        parts += [
            f"{rate / 1024 ** scale(rate):.0f} {UNITS[scale(rate)]}/s",
            f"about {duration(progress['seconds_left'])} left",
        ]
    return ", ".join(parts)


def scale(size: int) -> int:
    """Return the place in UNITS of the unit in which a size is a small number of at least 1."""
    return max(power for power in range(len(UNITS)) if power == 0 or size >= 1024**power)


def amount(size: int, unit: int) -> str:
    """Return a size as a number of a unit: 4.0, and 400 of bytes, which are whole."""
    return f"{size / 1024**unit:.1f}" if unit else str(size)
