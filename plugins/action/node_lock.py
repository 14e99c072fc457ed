# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says which process drives this run, and judges whether the run that holds a node's lock is alive."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._lock import ARGUMENTS, holder

PROC = Path("/proc")
PLACE = ("host", "boot_id", "namespace")


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(argument_spec=ARGUMENTS)
        args.update(controller=identity(), user=user(), takeover_from=None)
        answer = self._ask(dict(args, break_lock=False), task_vars)
        if answer.get("reason") == "lock-held":
            try:
                judge(answer["held_by"], answer["age"], args, start_of)
            except FleetError as error:
                answer["msg"] = str(error)
            else:
                answer = self._ask(dict(args, takeover_from=answer["held_by"]["run_id"]), task_vars)
        result.update(answer)
        return result

    def _ask(self, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name="dbfleet.upgrade.node_lock", module_args=args, task_vars=task_vars
        )
        return answer


def judge(lock: dict[str, Any], age: float, args: dict[str, Any], start: Callable[[int], str | None]) -> None:
    """Return where the holder of lock is dead, or may be pushed aside; raise FleetError where it has to be left alone.

    start(pid) returns when a process of this controller started, or None where there is none.
    """
    theirs, ours = lock.get("controller") or {}, args["controller"]
    expected = "no other run on this node"
    if theirs and all(theirs.get(key) == ours[key] for key in PLACE):
        if theirs["pid_started"] == start(theirs["pid"]):
            raise FleetError(
                f"The node is locked by {holder(lock)}, which is running on this controller",
                expected,
                f"wait until it ends, or end process {theirs['pid']} and run again",
            )
        return
    if args["break_lock"]:
        return
    if lock.get("unreadable") or age < args["ttl"]:
        raise FleetError(
            f"The node is locked by {holder(lock)}, which gave a sign of life {age:.0f} s ago",
            f"{expected}, or none for {args['ttl']} s from a run of another controller",
            "wait for that run to end; if you know that it is dead, run the playbook dbfleet.upgrade.recover or set fleet_break_lock=true",
        )


def identity() -> dict[str, Any]:
    """Return the process that drives this run: ansible-playbook itself, which forks a worker for every task."""
    parent = multiprocessing.parent_process()
    pid = int(parent.pid) if parent and parent.pid else os.getpid()
    return {
        "host": platform.node(),
        "boot_id": _boot(),
        "namespace": _namespace(),
        "pid": pid,
        "pid_started": start_of(pid),
    }


def start_of(pid: int, proc: Path = PROC) -> str | None:
    """Return when a process started, in a form that only serves to compare; None where it is dead or a zombie."""
    if not (proc / "self").exists():
        shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return shown.stdout.strip() or None
    try:
        fields = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def user() -> str:
    """Return who runs this; the number where it has no name, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _boot() -> str:
    """Return what differs after every start of this machine, or an empty text on a system that does not tell."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _namespace() -> str:
    """Return the process namespace: the same number is another process inside and outside of a container."""
    try:
        return os.readlink(PROC / "self/ns/pid")
    except OSError:
        return ""
