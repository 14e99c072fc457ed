# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes when a URL does not answer, in a process of its own, until it is told to end."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import io
import json
import os

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import describe

try:
    from typing import Any, Callable, Dict  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import Answer, Probe  # noqa: F401

    Record = Dict[str, Any]
except ImportError:  # Python 2.7 on the node has no typing
    pass

ARGUMENTS = {
    "state": {"type": "str", "choices": ["started", "stopped"], "required": True},
    "path": {"type": "path", "required": True},
    "url": {"type": "str"},
    "ca_path": {"type": "path"},
    "interval": {"type": "float", "default": 0.1},
    "timeout": {"type": "float", "default": 1.0},
    "limit": {"type": "float", "default": 7200.0},
    "driver": {"type": "int"},
}
END_PAUSE = 0.05
END_SLACK = 5.0


class Notes(object):
    """The file in which a watch writes what it saw, and beside it the word that it is to end."""

    def __init__(self, path):
        # type: (str) -> None
        self.path = path
        self._word = path + ".end"

    def begin(self, url):
        # type: (str) -> Record
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            os.makedirs(folder, 0o700)
        record = {"url": url, "requests": 0, "failures": 0, "slowest": 0.0, "outages": [], "finished": False}  # type: Record
        self.save(record)
        return record

    def save(self, record):
        # type: (Record) -> None
        """A watch must not end because a disk is full."""
        try:
            with io.open(self.path + ".new", "w", encoding="utf-8") as stream:
                stream.write(to_text(json.dumps(record)))
            os.rename(self.path + ".new", self.path)
        except EnvironmentError:
            return

    def read(self):
        # type: () -> Record
        try:
            with io.open(self.path, encoding="utf-8") as stream:
                return dict(json.load(stream))
        except (EnvironmentError, ValueError):
            return {}

    def end(self):
        # type: () -> None
        io.open(self._word, "w").close()

    def is_ended(self):
        # type: () -> bool
        return os.path.exists(self._word)

    def remove(self):
        # type: () -> None
        for path in (self.path, self.path + ".new", self._word):
            if os.path.exists(path):
                os.remove(path)


def watch(record, probe, limit, notes, is_over, now, sleep, interval):
    # type: (Record, Probe, float, Notes, Callable[[], bool], Callable[[], float], Callable[[float], Any], float) -> None
    """Ask once in each interval until it is over; limit: seconds for one answer."""
    while not is_over():
        begun = now()
        answer = probe.ask(limit)
        if _noted(record, probe.passes(answer), answer, begun, now()):
            notes.save(record)
        sleep(max(0.0, interval - (now() - begun)))
    notes.save(dict(record, finished=True))


def _noted(record, passes, answer, begun, ended):
    # type: (Record, bool, Answer, float, float) -> bool
    """Count one answer; say whether an outage began or ended with it."""
    outages = record["outages"]
    away = bool(outages) and outages[-1]["seconds"] is None
    record["requests"] += 1
    record["failures"] += 0 if passes else 1
    record["slowest"] = max(record["slowest"], round(ended - begun, 3) if passes else 0.0)
    if passes and away:
        outages[-1]["seconds"] = round(ended - outages[-1]["started"], 3)
    elif not passes and not away:
        outages.append({"started": round(begun, 3), "seconds": None, "error": describe(answer)})
    return passes == away


def stopped(notes, patience, now, sleep):
    # type: (Notes, float, Callable[[], float], Callable[[float], Any]) -> Record
    """End the watch and return what it saw; finished is false where its process was killed before."""
    record = notes.read()
    if not record:
        raise FleetError(
            "There is no watch at {0}".format(notes.path), "one that was begun with state=started", "look at path"
        )
    notes.end()
    deadline = now() + patience
    while not record["finished"] and now() < deadline:
        sleep(END_PAUSE)
        record = notes.read() or record
    notes.remove()
    return dict(record, away=round(sum(outage["seconds"] or 0.0 for outage in record["outages"]), 3))


def is_alive(pid):
    # type: (int) -> bool
    """Whether there is such a process, whoever's it is."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True
