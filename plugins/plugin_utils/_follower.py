# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the controller follows work that goes on without it: it asks again and again, and bears a lost connection meanwhile."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

Answer = dict[str, Any]

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between attempts to reach a node again; the last one from then on."""

BROKEN_LIMIT = 3
"""So many answers in succession that are not a module's (its process was killed, or has no Python) are an answer."""


class FollowingAction(ActionBase):
    """An action whose connection may be lost and made anew."""

    def _reset(self) -> None:
        """Close what is left of the connection, such as the master process of ssh, which would fail again and again."""
        if hasattr(self._connection, "reset"):
            self._connection.reset()


def driven() -> bool:
    """Return whether the process that forked this worker lives: ansible-playbook, which drives the run.

    The kernel gives an orphan another parent at once. multiprocessing's own is_alive() would not do: it asks a pipe that
    every worker forked later holds open too.
    """
    parent = multiprocessing.parent_process()
    return parent is None or os.getppid() == parent.pid


class Connected:
    """Reaches a node, however often the connection breaks. say gets a line when it is lost and when it is back.

    A worker outlives an ansible-playbook that is killed, and asks no more once driven() is false.
    """

    goes_on: ClassVar[str]
    """What becomes of the work while nobody follows it, as the beginning of a sentence in small letters."""

    def __init__(
        self,
        reset: Callable[[], None],
        say: Callable[[str], None],
        driven: Callable[[], bool],
        reconnect_timeout: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.reset = reset
        self.say = say
        self.driven = driven
        self.reconnect_timeout = reconnect_timeout
        self.clock = clock
        self.sleep = sleep
        self.disconnected = 0.0

    def _ask(self, was_lost: bool) -> Answer:
        """Ask the module. was_lost: the connection broke, and it is to answer at once."""
        raise NotImplementedError

    def _reach(self) -> Answer:
        """The module's answer, however often the connection breaks; AnsibleConnectionFailure if it stays broken too long."""
        lost_at: float | None = None
        attempt = 0
        while True:
            begun = self.clock()
            if not self.driven():
                raise AnsibleActionFail(f"ansible-playbook was ended. {self.goes_on[0].upper()}{self.goes_on[1:]}")
            try:
                answer = self._ask(lost_at is not None)
            except AnsibleConnectionFailure:
                lost_at = self.clock() if lost_at is None else lost_at
                if self.clock() - lost_at >= self.reconnect_timeout:
                    raise
                self._pause(attempt, lost_at)
                attempt += 1
                continue
            if lost_at is not None:
                self.disconnected += begun - lost_at
                self.say("the node can be reached again")
            return answer

    def _pause(self, attempt: int, lost_at: float) -> None:
        if attempt == 0:
            self.say(f"the connection is lost; {self.goes_on}; trying to reach the node again")
        left = self.reconnect_timeout - (self.clock() - lost_at)
        self.sleep(min(PAUSES[min(attempt, len(PAUSES) - 1)], max(0.0, left)))
        try:
            self.reset()
        except AnsibleConnectionFailure:
            return
