# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a swap while they happen: timed, written down after each change, and the time the service was away."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

try:
    from typing import Any, Callable, Dict, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

LOOKING = ("look", "verify", "fresh")
"""Steps that change nothing."""

RESULT = (
    ("changed", "finished", "outcome", "step", "steps", "downtime", "error", "reason", "notes")
    + ("served_by_new", "kept", "log_tail", "run")
)
"""What of the record a caller gets."""


def new_record(swap_id, state, run):
    # type: (str, str, str) -> Dict[str, Any]
    record = {"id": swap_id, "state": state, "run": run, "pid": os.getpid(), "kept": {"dir": "", "files": []}}  # type: Dict[str, Any]
    record.update(finished=False, outcome="", changed=False, step="", steps=[], notes=[], log_tail=[], error="", reason="")
    record.update(downtime=0.0, stopped_at=None, served_by_new=False, resumed=False)
    return record


def result_of(record):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {name: record[name] for name in RESULT}


class Journal(object):
    """now() is the time of day (epoch), clock() measures; write(record) keeps the record."""

    def __init__(self, record, now, clock, write):
        # type: (Dict[str, Any], Callable[[], float], Callable[[], float], Callable[[Dict[str, Any]], None]) -> None
        self.record = record
        self._now = now
        self._clock = clock
        self._write = write
        self._down_at = None  # type: Optional[float]

    def step(self, name, action):
        # type: (str, Callable[[], Optional[bool]]) -> None
        """Do one step; an action that returns False had nothing to do."""
        entry = {"name": name, "started": self._now(), "seconds": 0.0, "status": "running"}
        begun = self._clock()
        self.record["steps"].append(entry)
        self.record["step"] = name
        self.save()
        try:
            entry["status"] = "skipped" if action() is False else "ok"
        except Exception:
            entry["status"] = "failed"
            raise
        finally:
            entry["seconds"] = round(self._clock() - begun, 4)
        self.record["changed"] = self.record["changed"] or (entry["status"] == "ok" and name not in LOOKING)

    def save(self):
        # type: () -> None
        """A full disk must not stop a swap half-way: the next call reads the node anyway."""
        try:
            self._write(self.record)
        except EnvironmentError:
            pass

    def attempt(self, action):
        # type: (Callable[[], None]) -> None
        """Do what completes the copies; a full disk, once the service was touched, makes it a note and no reason to give up."""
        try:
            action()
        except EnvironmentError as error:
            self.note("the copies could not be completed: {0}".format(error))

    def note(self, text):
        # type: (str) -> None
        self.record["notes"].append(text)

    def went_down(self):
        # type: () -> None
        """The service is about to stop; only the first time counts."""
        if self.record["stopped_at"] is None:
            self.record["stopped_at"] = self._now()
            self.save()
            self._down_at = self._clock()

    def was_down_since(self, moment):
        # type: (float) -> None
        """The service went away by itself, after that moment (epoch)."""
        if self.record["stopped_at"] is None:
            self.record["stopped_at"] = moment

    def came_up(self):
        # type: () -> None
        """The service answers. What went down before this process began is measured by the time of day."""
        if self._down_at is not None:
            self.record["downtime"] = round(self._clock() - self._down_at, 4)
        elif self.record["stopped_at"] is not None:
            self.record["downtime"] = round(max(0.0, self._now() - self.record["stopped_at"]), 4)

    def finish(self, outcome, error=""):
        # type: (str, str) -> None
        self.record.update(finished=True, outcome=outcome, error=error, step="")
        self.save()
