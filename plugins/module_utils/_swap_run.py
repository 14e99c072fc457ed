# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of a swap: refuse, join the running one, start a process of its own for it, or find that all is as wanted."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import signal
import time
import traceback

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _swap_check as check
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap import Swap
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_copies import Copies
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_journal import Journal, new_record, result_of
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_site import Site
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import make_folder

try:
    from typing import Any, Callable, Dict, Optional  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import Look, Node, Request  # noqa: F401
    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Store  # noqa: F401
except ImportError:  # Python 2.7 on the node has no typing
    pass

FOLLOW_PAUSE = 0.05
EXIT_PAUSE = 5.0
LOCK_ATTEMPTS = 3


class Call(object):
    """spawn(action, log) runs action in a process that outlives this one and inherits its lock."""

    def __init__(self, request, node, store, spawn):
        # type: (Request, Node, Store, Callable[[Callable[[], None], str], None]) -> None
        self.request = request
        self.node = node
        self.store = store
        self.spawn = spawn
        self.site = Site(request, node, Copies(store.kept))

    def predict(self):
        # type: () -> Dict[str, Any]
        """What would change, by looking only; nothing is written."""
        record = self.store.read()
        look = self.site.look()
        check.request_fits(self.site, look, check.is_underway(record, self.request), staged=False)
        done = self._is_done(look, record)
        return dict(self._result("unchanged" if done else self.request.state), changed=not done)

    def perform(self, wait):
        # type: (float) -> Dict[str, Any]
        """Wait at most so many seconds for the end; the result says whether it was reached."""
        make_folder(self.store.folder)
        holder = {"id": self.request.id, "state": self.request.state, "run": self.request.run, "pid": os.getpid()}
        if not self._take_lock(holder):
            return self._join(wait)
        try:
            found = self._find_done() or self._start()
        finally:
            self.store.lock.release()
        return found if found["finished"] else self._follow(self.request.run, wait)

    def _take_lock(self, holder):
        # type: (Dict[str, Any]) -> bool
        """Whoever looks whether the lock is free holds it for that moment: only what holds it for longer is a swap."""
        for _attempt in range(LOCK_ATTEMPTS):
            if self.store.lock.take(holder):
                return True
            self.node.sleep(FOLLOW_PAUSE)
        return False

    def _join(self, wait):
        # type: (float) -> Dict[str, Any]
        holder = self._holder()
        if (holder.get("id"), holder.get("state")) != (self.request.id, self.request.state):
            raise FleetError(
                "another swap is running on this node: {0}, state {1}, process {2}".format(
                    *[holder.get(key) for key in ("id", "state", "pid")]
                ),
                "no swap, or {0} with state {1}".format(self.request.id, self.request.state),
                "wait for its end and call again",
            )
        return self._follow(holder["run"], wait)

    def _holder(self):
        # type: () -> Dict[str, Any]
        """Who holds the lock; written right after it was taken, so perhaps not yet."""
        for _attempt in range(20):
            holder = self.store.lock.holder()
            if holder:
                return holder
            self.node.sleep(FOLLOW_PAUSE)
        return {}

    def _find_done(self):
        # type: () -> Optional[Dict[str, Any]]
        """The result of this very run, if a former call of it did not wait for the end."""
        record = self.store.read()
        if record.get("finished") and record["run"] == self.request.run:
            return result_of(record)
        check.no_other_is_unfinished(record, self.request)
        return None

    def _start(self):
        # type: () -> Dict[str, Any]
        former = self.store.read()
        record = new_record(self.request.id, self.request.state, self.request.run)
        journal = Journal(record, self.node.now, self.node.clock, lambda _record: None)
        looks = []
        journal.step("look", lambda: looks.append(self.site.look()))
        underway = check.is_underway(former, self.request)
        if self._is_done(looks[0], former):
            return self._finish_done(former, underway)
        journal.step("verify", lambda: check.request_fits(self.site, looks[0], underway, staged=True))
        self._take_over(record, former, looks[0], underway)
        journal = Journal(record, self.node.now, self.node.clock, self.store.write)
        journal.save()
        self.spawn(self._worker(journal, looks[0]), self.store.log.path)
        return result_of(record)

    def _worker(self, journal, look):
        # type: (Journal, Look) -> Callable[[], None]
        def work():
            # type: () -> None
            journal.record["pid"] = os.getpid()
            self.node.service.adopt(os.getpid())
            Swap(self.site, journal, look).run()

        return work

    def _take_over(self, record, former, look, underway):
        # type: (Dict[str, Any], Dict[str, Any], Look, bool) -> None
        """Continue what a dead run left."""
        if not underway:
            return
        record["resumed"] = True
        record["notes"].append(_ended_in(former))
        if not look.state.running:
            record["stopped_at"] = former.get("stopped_at")

    def _is_done(self, look, record):
        # type: (Look, Dict[str, Any]) -> bool
        outcome = {"swapped": "swapped", "restored": "restored"}[self.request.state]
        trusted = bool(record.get("id") == self.request.id and record.get("finished") and record.get("outcome") == outcome)
        if self.request.state == "restored":
            return self.site.is_restored(look, trusted)
        return self.site.is_swapped(look, trusted)

    def _finish_done(self, former, underway):
        # type: (Dict[str, Any], bool) -> Dict[str, Any]
        """All is as wanted. If a dead run got that far without saying so, it is said now."""
        if not underway:
            return self._result("unchanged")
        self.site.copies.tidy()
        former["notes"].append(_ended_in(former))
        if self.request.state == "swapped":
            self.site.copies.mark_served()
        former.update(finished=True, outcome=self.request.state, state=self.request.state, run=self.request.run, changed=True, step="")
        unknown = former["stopped_at"] is not None and not former["downtime"]
        former.update(error="", downtime=None if unknown else former["downtime"], served_by_new=self.site.copies.served())
        former["steps"] = [dict(step, status="ok") if step["status"] == "running" else step for step in former["steps"]]
        self.store.write(former)
        return result_of(former)

    def _result(self, outcome):
        # type: (str) -> Dict[str, Any]
        record = new_record(self.request.id, self.request.state, self.request.run)
        record.update(finished=True, outcome=outcome, served_by_new=self.site.copies.served())
        record["kept"] = {"dir": self.site.copies.folder, "files": self.site.copies.listing()}
        return result_of(record)

    def _follow(self, run, wait):
        # type: (str, float) -> Dict[str, Any]
        """Until the run is finished, its process is gone, or the time is over."""
        deadline = self.node.clock() + wait
        while True:
            over = self.store.lock.is_free() or self.node.clock() >= deadline
            record = self.store.read()  # after the look at the lock: a process that is gone has written its last
            ours = record.get("run") == run
            if ours and record["finished"]:
                return self._ended(record)
            if over:
                return dict(result_of(record) if ours else self._result(""), finished=False, run=run)
            self.node.sleep(FOLLOW_PAUSE)

    def _ended(self, record):
        # type: (Dict[str, Any]) -> Dict[str, Any]
        """The process ends right after its last record; wait for it, so that the next call finds the lock free."""
        deadline = self.node.clock() + EXIT_PAUSE
        while not self.store.lock.is_free() and self.node.clock() < deadline:
            self.node.sleep(FOLLOW_PAUSE)
        return result_of(record)


def _ended_in(former):
    # type: (Dict[str, Any]) -> str
    return "taken up again after a run that ended in step {0}".format(former.get("step") or "(none)")


def detach(action, log):
    # type: (Callable[[], None], str) -> None
    """Run action in a process without parent, terminal or open files of the caller; what it prints goes to log."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if not os.fork():
            _settle(log)
            action()
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(0)


def _settle(log):
    # type: (str) -> None
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.chdir("/")
    os.umask(0o022)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.write(output, "{0} process {1}\n".format(time.strftime("%Y-%m-%d %H:%M:%S"), os.getpid()).encode("ascii"))
