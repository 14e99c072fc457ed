# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services of a node: systemd, and sysv or upstart through the program service."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import os

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, List, Optional  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

State = collections.namedtuple("State", ["running", "failed", "restarting", "pid"])
"""running: wanted and there; failed: given up by the service manager; restarting: waiting for the next try after a crash;
pid: main process, 0 where there is none or where it is not known."""

# systemd ends a stop by itself (TimeoutStopSec, 90 s by default); influxd's init script kills after 30 s.
STOP_LIMIT = 600.0
TAIL = 10


def failure(states):
    # type: (List[State]) -> str
    """Why the states seen since the start mean that the service will not come up; "" as long as it may."""
    last = states[-1]
    if last.failed:
        return "the service failed"
    if not last.running and not last.restarting:
        return "the service ended"
    pids = [state.pid for state in states if state.pid]
    changes = sum(1 for before, after in zip(pids, pids[1:]) if before != after)
    if changes + sum(1 for state in states if state.restarting) >= 2:
        return "the service crashes and is restarted again and again"
    return ""


class Systemd(object):
    """launch(argv) starts a program, finish(process, limit) waits for it; both are parameters for tests."""

    def __init__(self, name, launch, finish, run=run_command):
        # type: (str, Callable[[List[str]], Any], Callable[[Any, float], Optional[int]], Callable[..., Result]) -> None
        self.name = name
        self._launch = launch
        self._finish = finish
        self._run = run

    def state(self):
        # type: () -> State
        shown = self._run(["systemctl", "show", "-p", "ActiveState", "-p", "SubState", "-p", "MainPID", self.name])
        return systemd_state(dict(line.partition("=")[::2] for line in shown.out.splitlines()))

    def enabled(self):
        # type: () -> Optional[bool]
        """None for what is neither, such as a static unit."""
        return {"enabled": True, "disabled": False}.get(self._run(["systemctl", "is-enabled", self.name]).out.strip())

    def disable(self):
        # type: () -> None
        self._run(["systemctl", "disable", self.name])

    def reload(self):
        # type: () -> None
        """Read unit files again, and forget crashes: systemd refuses to start what crashed five times in ten seconds."""
        result = self._run(["systemctl", "daemon-reload"])
        if result.rc != 0:
            raise FleetError("systemctl daemon-reload failed: {0}".format(result.err.strip()))
        self._run(["systemctl", "reset-failed", self.name])

    def hold(self):
        # type: () -> None
        """Let nobody start it, such as the scripts of a package: release() ends that, or the next boot."""
        self._run(["systemctl", "mask", "--runtime", self.name])

    def release(self):
        # type: () -> None
        self._run(["systemctl", "unmask", "--runtime", self.name])

    def stop(self):
        # type: () -> None
        _stopped(self.name, self._finish(self._launch(["systemctl", "stop", self.name]), STOP_LIMIT))

    def stop_by_script(self):
        # type: () -> None
        """What an init script started by itself, as a package's own scripts do, is unknown to the unit that systemd made of it."""
        shown = self._run(["systemctl", "show", "-p", "SourcePath", self.name]).out.strip()
        script = shown.partition("=")[2]
        if script.startswith("/etc/init.d/"):
            self._finish(self._launch([script, "stop"]), STOP_LIMIT)

    def start(self):
        # type: () -> Any
        return self._launch(["systemctl", "start", self.name])

    def last_lines(self, since):
        # type: (float) -> List[str]
        """What the service itself printed, without what systemd says about it."""
        unit = self.name if "." in self.name else self.name + ".service"
        argv = ["journalctl", "--no-pager", "-o", "cat", "--since", "@{0}".format(int(since)), "_SYSTEMD_UNIT=" + unit]
        lines = [line for line in self._run(argv).out.splitlines() if line.strip() and not line.startswith("-- ")]
        return lines[-TAIL:]  # with --since, -n would be the first ones

    def adopt(self, pid):
        # type: (int) -> None
        """Move a process of ours out of the login session, which a logout may kill (KillUserProcesses).

        Best effort: busctl came with systemd 221, and logind spares processes by default.
        """
        unit = "dbfleet-swap-{0}.scope".format(pid)
        self._run(
            ["busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"]
            + ["StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", "1", "PIDs", "au", "1", str(pid), "0"]
        )


def systemd_state(shown):
    # type: (Dict[str, str]) -> State
    active, sub = shown.get("ActiveState", ""), shown.get("SubState", "")
    restarting = sub.startswith("auto-restart")
    running = active in ("active", "activating", "reloading") and not restarting
    return State(running, active == "failed", restarting, int(shown.get("MainPID") or 0))


class Sysv(object):
    """The script of /etc/init.d, or an upstart job, through the program service."""

    def __init__(self, name, launch, finish, run=run_command):
        # type: (str, Callable[[List[str]], Any], Callable[[Any, float], Optional[int]], Callable[..., Result]) -> None
        self.name = name
        self._launch = launch
        self._finish = finish
        self._run = run

    def state(self):
        # type: () -> State
        return sysv_state(self._run(["service", self.name, "status"]))

    def enabled(self):
        # type: () -> Optional[bool]
        """Not asked: packages register their script again only where it is missing, so there is nothing to undo."""
        return None  # noqa: RET501 (mypy wants the value)

    def disable(self):
        # type: () -> None
        """Never needed, see enabled."""

    def reload(self):
        # type: () -> None
        """Scripts are read anew each time."""

    def hold(self):
        # type: () -> None
        """Scripts cannot be kept from starting it; whoever asks has to look afterwards."""

    def release(self):
        # type: () -> None
        """Nothing was held."""

    def stop(self):
        # type: () -> None
        code = self._finish(self._launch(["service", self.name, "stop"]), STOP_LIMIT)
        _stopped(self.name, 0 if code is not None and not self.state().running else code)

    def stop_by_script(self):
        # type: () -> None
        """That was the script already."""

    def start(self):
        # type: () -> Any
        return self._launch(["service", self.name, "start"])

    def last_lines(self, since):
        # type: (float) -> List[str]
        """Nothing: where a script sends the log of its program is its own affair."""
        return []

    def adopt(self, pid):
        # type: (int) -> None
        """Without systemd, a process of its own session outlives the login."""


def sysv_state(status):
    # type: (Result) -> State
    """Exit code 0 is running, except for upstart, which answers 0 with "stop/waiting" (influxd's own script: 1 or 3)."""
    return State(status.rc == 0 and "stop/waiting" not in status.out, False, False, 0)


def _stopped(name, code):
    # type: (str, Optional[int]) -> None
    if code is None:
        raise FleetError("the service {0} did not stop within {1:.0f} seconds".format(name, STOP_LIMIT))
    if code != 0:
        raise FleetError("stopping the service {0} failed (exit code {1})".format(name, code))


def manager(name, launch, finish, run=run_command, systemd="/run/systemd/system"):
    # type: (str, Callable[[List[str]], Any], Callable[[Any, float], Optional[int]], Callable[..., Result], str) -> Any
    """The service manager that runs this node."""
    kind = Systemd if os.path.isdir(systemd) else Sysv
    return kind(name, launch, finish, run)
