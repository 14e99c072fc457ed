# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has an InfluxDB 0.8 server migrate the shards of 0.7, and believes that it did on proof only.

The server answers 202, and works in the background. It marks every shard that it came through, even if it could not read or write
series of it, and even if it knows no database at all, because its raft folder is missing. So a marker counts only together with the log.
Whether a migration runs is told by nothing but the attempt to start another, which with all shards marked passes over them at once.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible.module_utils.common.text.converters import to_native, to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import ARGUMENTS
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_log import WholeLog
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_storage import STORAGE_ARGUMENTS, Storage

try:
    from typing import Any, Callable, Dict, List, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

OPTIONS = dict(
    dict(ARGUMENTS, **STORAGE_ARGUMENTS),
    pause={"type": "str", "default": "100ms"},
    start={"type": "bool", "default": True},
    limit={"type": "float", "default": 3600},
    interval={"type": "float", "default": 1.0},
    databases={"type": "list", "elements": "str", "default": []},
    reconnect_timeout={"type": "int", "default": 300},
)

RELEASES = ("0.8.0", "0.8.1", "0.8.2", "0.8.3")
START_LIMIT = 10.0
"""Seconds until the log has to show the beginning of a migration that the server has accepted."""
SHOWN = 5

MICRO = re.compile(u"(?:u|\u00b5|\u03bc)(?:s|(?![a-z]))")
PAUSE = re.compile(u"^(?:0|(?:[0-9]+(?:\\.[0-9]*)?(?:ns|us|ms|s|m|h))+)$")

REMEDIES = {
    "unmarked": "correct what the errors name, then run again: what is marked is passed over, and the rest is migrated from its beginning",
    "log-errors": (
        "correct what they name, remove the file MIGRATED of these shards, and run again: they are migrated anew, which does no harm"
    ),
    "raft-missing": (
        "stop the server, put the folder raft of 0.7 back from the backup, remove every file MIGRATED, start the server and run again"
    ),
    "log-missing": (
        "set log_file to a log that has all of it, written with level info in [logging]; if there is none, remove the files MIGRATED "
        "of these shards and run again, which does no harm"
    ),
    "not-started": "check that log_file and data_dir are those of this server, then run again",
    "interrupted": "see why the server was started again, then run again: what is marked is passed over",
    "limit": "run again, which joins the migration that runs; or raise limit, or lower pause",
}


def go_duration(text):
    # type: (str) -> str
    """A duration as Go reads it. The vendor's page says u, which the server does not take: us is meant."""
    found = MICRO.sub(u"us", to_text(text))
    if not PAUSE.match(found):
        raise FleetError(
            "pause is {0!r}".format(to_native(text)),
            "a duration of Go: numbers with the units ns, us, ms, s, m and h, such as 0s, 100ms or 1m30s",
            "correct pause",
            reason="pause",
        )
    return to_native(found)


def speed(before, done, total, seconds):
    # type: (int, int, int, float) -> Dict[str, Optional[int]]
    """What was migrated in each second, and the seconds that are left; sizes in bytes. before: those that were done at the beginning."""
    rate = max(0, done - before) / seconds if seconds > 0 else 0.0
    left = total - done
    return {"bytes_per_second": int(rate), "seconds_left": 0 if not left else int(left / rate) if rate else None}


def too_late(limit, done, total):
    # type: (float, int, int) -> FleetError
    """The failure of a migration that is not over after limit seconds, with the shards that are done, and all of them."""
    found = "After {0:.0f} seconds {1} of {2} shards are migrated".format(limit, done, total)
    return _failure("limit", found, "all of them by then")


class Migration(object):
    """The migration of one node, by its API, its folders and its log. Every node of a cluster has to migrate its own shards."""

    def __init__(self, client, params, clock, sleep):
        # type: (Any, Dict[str, Any], Callable[[], float], Callable[[float], Any]) -> None
        self._client = client
        self._pause = go_duration(params["pause"])
        self._may_start = params["start"]
        self._databases = params["databases"]
        self._interval = params["interval"]
        self._storage = Storage(params["data_dir"])
        self._data_dir = params["data_dir"]
        self._clock = clock
        self._sleep = sleep
        self._began = clock()
        self._started = None  # type: Optional[bool]
        self._awaited = 0
        self._marks = self._storage.marks()
        self._marked_before = self._marked()
        self._bytes = {shard["id"]: shard["bytes"] for shard in self._storage.old_shards()}
        self._log = WholeLog(params["log_file"], params["data_dir"])

    def ensure(self, limit, check_mode):
        # type: (float, bool) -> Dict[str, Any]
        """Bring every shard of 0.7 to where it is migrated, and prove it. limit: seconds. A failure tells how far it came, too."""
        try:
            return self._ensure(limit, check_mode)
        except FleetError as error:
            error.facts = dict(self._result(self._started is not None), **error.facts)
            raise

    def _ensure(self, limit, check_mode):
        # type: (float, bool) -> Dict[str, Any]
        self._refuse_release()
        self._refuse_raft()
        self._log.update()
        due = bool(self._unmarked())
        if self._may_start or not due:
            self._prove()
        if due:
            self._refuse_log()
        if due and not check_mode:
            self.start()
            self.wait(limit)
            self._prove()
        return self._result(due)

    def start(self):
        # type: () -> None
        """Start the migration, or join the one that runs. Where it must not be started, the log tells whether one runs."""
        self._began = self._clock()
        if not self._may_start:
            self._started = False
            return
        begun, joined = self._log.begun, self._log.run is not None
        self._started = self._client.migrate(self._pause)
        self._awaited = begun if joined and not self._started else begun + 1

    def wait(self, limit):
        # type: (float) -> None
        """Until all shards are marked and the server is idle."""
        deadline = self._clock() + limit
        while not self._is_over():
            left = deadline - self._clock()
            if left <= 0:
                raise too_late(limit, len(self._marked()), len(self._marks))
            self._sleep(min(self._interval, left))

    def progress(self):
        # type: () -> Dict[str, Any]
        """Sizes are those at the beginning: the shards shrink a little while the server reads them."""
        marked = self._marked()
        done, before = (sum(self._bytes.get(name, 0) for name in names) for names in (marked, self._marked_before))
        total = sum(self._bytes.values())
        counted = {
            "shards_total": len(self._marks),
            "shards_done": len(marked),
            "bytes_total": total,
            "bytes_before": before,
            "bytes_done": done,
            "shard": self._log.run.last if self._log.run and self._unmarked() else None,
        }
        return dict(counted, **speed(before, done, total, self._clock() - self._began))

    # How far it is

    def _is_over(self):
        # type: () -> bool
        """The log is read before the markers, so that what it shows as passed is marked by then, if it ever will be."""
        self._client.version()
        self._log.update()
        self._marks = self._storage.marks()
        if not self._unmarked():
            return self._is_idle()
        self._refuse_lost()
        return False

    def _is_idle(self):
        # type: () -> bool
        idle = self._client.migrate(self._pause)  # type: bool
        self._log.update()
        return idle

    def _unmarked(self):
        # type: () -> List[str]
        return sorted(name for name, marked in self._marks.items() if not marked)

    def _marked(self):
        # type: () -> List[str]
        return sorted(name for name, marked in self._marks.items() if marked)

    def _counted(self):
        # type: () -> str
        return "{0} of {1} shards are migrated".format(len(self._marked()), len(self._marks))

    def _result(self, changed):
        # type: (bool) -> Dict[str, Any]
        return {
            "changed": changed,
            "started": self._started,
            "progress": self.progress(),
            "seconds": round(self._clock() - self._began, 3),
        }

    # Refusals

    def _refuse_release(self):
        # type: () -> None
        version = self._client.version()
        if version not in RELEASES:
            raise FleetError(
                "The server is InfluxDB {0}, which does not migrate".format(version),
                "0.8.0 to 0.8.3: the migration came with 0.8.0 and was taken out of 0.8.4",
                "install 0.8.3, migrate, and go on to a later release after that",
                reason="release",
                version=version,
            )

    def _refuse_raft(self):
        # type: () -> None
        """A server that finds no raft folder makes an empty one: then it knows no database."""
        found = ""
        if not self._storage.has_raft():
            found = "There is nothing in {0}/raft".format(self._data_dir)
        else:
            known = self._client.databases()
            missing = sorted(set(self._databases) - set(known))
            if self._marks and not known:
                found = "The server knows no database, and there are {0} shards of 0.7".format(len(self._marks))
            elif missing:
                found = "The server does not know {0}".format(_some(missing))
        if found:
            raise _failure("raft-missing", found, "the databases of 0.7: others are not migrated, and marked all the same")

    def _refuse_log(self):
        # type: () -> None
        """Before the start: without a log there would be no proof in the end."""
        if not self._log.tells:
            found = "{0} has no line of level INFO" if self._log.exists else "There is no log {0}"
            raise _failure("log-missing", found.format(self._log.path), "the log of the server, which alone tells of errors")

    def _refuse_lost(self):
        # type: () -> None
        """Nobody is at work on what is not marked."""
        if self._log.begun < self._awaited:
            if self._clock() - self._began > START_LIMIT:
                raise _failure(
                    "not-started",
                    "The server took the request, and {0} shows no migration".format(self._log.path),
                    "a line Starting Migration within {0:.0f} seconds".format(START_LIMIT),
                )
        elif self._log.run is None:
            raise _failure(
                "interrupted",
                "{0} shows no migration since the server was started, and {1}".format(self._log.path, self._counted()),
                "a server that runs on",
            )
        elif self._log.has_ended(self._marks):
            raise self._left_out(self._unmarked(), self._log.run.errors)

    def _left_out(self, unmarked, errors):
        # type: (List[str], List[str]) -> FleetError
        """The run came to the last shard and left some without a marker, or could not begin with any."""
        lines = errors + self._errors(unmarked)
        return _failure(
            "unmarked",
            "The migration ended without {0}{1}".format(_some(unmarked), _lines(lines)),
            "a file MIGRATED with the line done. in each of them; one that holds anything else has to be removed",
            unmarked=unmarked,
            lines=lines,
        )

    def _prove(self):
        # type: () -> None
        """Of every shard that is marked: the log has its migration, which came through some database, and without an error."""
        marked = self._marked()
        unlogged = [name for name in marked if name not in self._log.attempts]
        if unlogged:
            raise _failure(
                "log-missing",
                "{0} says nothing of the migration of {1}, which are marked".format(self._log.path, _some(unlogged)),
                "the log since the migration began: a marker alone proves nothing",
            )
        empty = [name for name in marked if not self._log.attempts[name].databases]
        if empty:
            raise _failure(
                "raft-missing",
                "The server marked {0} without migrating anything, as it knew no database then".format(_some(empty)),
                "a line Done migrating for each database",
            )
        failed = [name for name in marked if self._log.attempts[name].errors]
        if failed:
            lines = self._errors(failed)
            raise _failure(
                "log-errors",
                "The log has {0} errors of the migration of {1}{2}".format(len(lines), _some(failed), _lines(lines)),
                "none: the server marks a shard all the same",
                lines=lines,
            )

    def _errors(self, names):
        # type: (List[str]) -> List[str]
        return [line for name in names if name in self._log.attempts for line in self._log.attempts[name].errors]


def _failure(reason, found, expected, **facts):
    # type: (str, str, str, Any) -> FleetError
    return FleetError(found, expected, REMEDIES[reason], reason=reason, **facts)


def _some(names):
    # type: (List[str]) -> str
    return ", ".join(names[:SHOWN]) + (" and {0} more".format(len(names) - SHOWN) if len(names) > SHOWN else "")


def _lines(lines):
    # type: (List[str]) -> str
    return ": " + "; ".join(to_native(line) for line in lines[:SHOWN]) if lines else ""
