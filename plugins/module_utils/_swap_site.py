# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node as one swap sees it: what is there, whether that is what is wanted, and starting the service until it answers."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _swap_files as tools
from ansible_collections.dbfleet.upgrade.plugins.module_utils._dpkg import Installed
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import wait_ready
from ansible_collections.dbfleet.upgrade.plugins.module_utils._service import failure
from ansible_collections.dbfleet.upgrade.plugins.module_utils._shard_conversion import Conversion
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_metastore import Metastore
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import Look, wanted_properties
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import native

try:
    from typing import Any, Callable, List  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import Probe  # noqa: F401
    from ansible_collections.dbfleet.upgrade.plugins.module_utils._service import State  # noqa: F401
    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_copies import Copies  # noqa: F401
    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import FileSpec, Node, Request  # noqa: F401
except ImportError:  # Python 2.7 on the node has no typing
    pass

CLOCK_SLACK = 0.05
"""Seconds: a process's start is known by the clock tick, a file's change by the kernel's timer."""

WATCH_PAUSE = 0.4
EXIT_LIMIT = 60.0


class Site(object):
    """What both directions need of the node and of the copies."""

    def __init__(self, request, node, copies):
        # type: (Request, Node, Copies) -> None
        self.request = request
        self.node = node
        self.copies = copies
        self.metastore = Metastore(request.metastore, copies.folder, node.run_command, node.now) if request.metastore else None
        self.shards = Conversion(request.shards, node.run_command) if request.shards else None

    def package_name(self):
        # type: () -> str
        known = [package.name for package in (self.request.package, self.request.rollback_package) if package]
        return known[0] if known else self.copies.before().get("package", {}).get("name", "")

    def old_version(self):
        # type: () -> str
        """The package version of the old release, "" where nobody knows it."""
        kept = self.copies.before().get("package", {}).get("version", "")
        return kept or (self.request.rollback_package.version if self.request.rollback_package else "")

    def installed(self):
        # type: () -> Installed
        return self.node.packages.installed(self.package_name())

    def look(self):
        # type: () -> Look
        state = self.node.service.state()
        placed = all(self.is_placed(spec) for spec in self.request.files)
        return Look(self.installed(), placed, state, self.process(state), self.node.probe.ask(), self.node.old_probe.ask())

    def process(self, state):
        # type: (State) -> Any
        """The process that listens; while none does (shards are loaded first), the main one of the service."""
        listening = self.node.processes.serving(self.node.probe.port)
        return listening or (self.node.processes.process(state.pid) if state.pid else None)

    def is_placed(self, spec):
        # type: (FileSpec) -> bool
        if not os.path.isfile(spec.dest) or not os.path.isfile(spec.src):
            return False
        now = tools.properties(spec.dest)
        former = self.copies.former(spec.dest) if self.copies.before() else now
        return now == dict(wanted_properties(spec, former), sha256=tools.digest_of(spec.src))

    def is_swapped(self, look, trusted):
        # type: (Look, bool) -> bool
        """Is all as wanted? trusted: a finished swap said so, and only needs to be looked at again."""
        there = look.installed == Installed(self.request.package.version, True) and look.placed
        serves = look.state.running and self.node.probe.passes(look.answer) and not self.has_unproved_shards()
        return there and serves and (trusted or self.runs_new(look))

    def runs_new(self, look):
        # type: (Look) -> bool
        """Was the process started from the program on disk, after the last change to package and files?"""
        other = look.answer.version and not self.node.probe.passes(look.answer)
        return not other and look.process is not None and not look.process.replaced and self._started_last(look)

    def is_restored(self, look, trusted):
        # type: (Look, bool) -> bool
        there = look.installed == Installed(self.old_version(), True) and self.copies.files_as_before() and not self._is_as_new()
        serves = look.state.running and self.node.old_probe.passes(look.old_answer) and not self.copies.kept_is_broken()
        return there and serves and (trusted or self.is_untouched(look) or self._started_last(look))

    def has_new_metastore(self):
        # type: () -> bool
        """Is the metastore in a form that the old release does not know?"""
        return self.metastore is not None and self.metastore.is_new()

    def has_unproved_shards(self):
        # type: () -> bool
        """Was the conversion of shards begun, and is not known to be whole?"""
        return self.shards is not None and self.shards.is_unproved()

    def _is_as_new(self):
        # type: () -> bool
        """Is there still data in a form that a way back has to undo?"""
        return self.has_new_metastore() or (self.shards is not None and bool(self.shards.undoable()))

    def is_untouched(self, look):
        # type: (Look) -> bool
        """Does the process from before any change still serve?"""
        taken = self.copies.before().get("taken")
        older = look.process is not None and (taken is None or look.process.started < taken)
        return older and self.node.old_probe.passes(look.old_answer)

    def _started_last(self, look):
        # type: (Look) -> bool
        return look.process is not None and look.process.started + CLOCK_SLACK >= self._changed_at()

    def _changed_at(self):
        # type: () -> float
        """The time of the latest change to the package or a file; a rename counts, hence ctime."""
        dests = {spec.dest for spec in self.request.files} | {entry["dest"] for entry in self.copies.before().get("files", [])}
        changes = [os.stat(dest).st_ctime for dest in dests if os.path.exists(dest)]
        return max(changes + [self.node.packages.changed_at(self.package_name())])

    def stop(self):
        # type: () -> None
        """Stop the service, and do not believe it: what goes on to serve would meet the new release's files."""
        before = self.process(self.node.service.state())
        self.node.service.stop()
        if before is None or not self.node.processes.alive(before):
            return
        self.node.service.stop_by_script()
        if self.node.processes.alive(before):
            raise FleetError(
                "the service {0} was stopped, and its process {1} is still there".format(self.node.service.name, before.pid),
                "no process of the old release",
                "end it by hand, for it was not started by this service; then call again",
            )

    def start(self):
        # type: () -> Starting
        return Starting(self.node, self.node.service.start())


class Starting(object):
    """A service between its start and its first answer. job: the launched start, None where the service ran already."""

    def __init__(self, node, job):
        # type: (Node, Any) -> None
        self._node = node
        self._job = job
        self._since = node.now()
        self._position = node.log.position()
        self._next = node.clock() + WATCH_PAUSE
        self._states = []  # type: List[State]

    def wait(self, probe, answered):
        # type: (Probe, Callable[[], None]) -> None
        """Until probe passes; calls answered() at that moment."""
        try:
            wait_ready(probe, self._node.clock, self._node.sleep, self._failing)
        except FleetError as error:
            raise FleetError(str(error).rstrip("."), log_tail=self._last_lines())
        answered()
        if self._job is not None:
            self._node.finish(self._job, EXIT_LIMIT)

    def _failing(self):
        # type: () -> str
        """Asked every 10 ms; programs that answer it are started more rarely, to leave the processor to the service."""
        if self._node.clock() < self._next:
            return ""
        self._next = self._node.clock() + WATCH_PAUSE
        code = 0 if self._job is None else self._job.poll()
        if code:
            return "starting the service failed (exit code {0})".format(code)
        state = self._node.service.state()
        self._states.append(state if code == 0 or state.failed else state._replace(running=True))
        return failure(self._states)

    def _last_lines(self):
        # type: () -> List[str]
        return native(self._node.service.last_lines(self._since)) or self._node.log.tail(self._position)
