# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock of a node: one run at a time. Whether the run that holds it still lives is for the controller to judge."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import fcntl
import io
import json
import os
import stat
import time

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _journal
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

NAME = "lock"
GUARD_SECONDS = 10
ARGUMENTS = {
    "state_dir": {"type": "path", "default": "/var/lib/dbfleet"},
    "state": {"type": "str", "choices": ["held", "free"], "default": "held"},
    "run_id": {"type": "str", "required": True},
    "target": {"type": "str"},
    "path": {"type": "str"},
    "ttl": {"type": "int", "default": 900},
    "break_lock": {"type": "bool", "default": False},
    "takeover_from": {"type": "str"},
    "controller": {"type": "dict"},
    "user": {"type": "str"},
}  # type: Dict[str, Dict[str, Any]]


def private_dir(path):
    # type: (str) -> None
    """Make a folder, and those above it, that only their owner can read, or see to it that an existing one is."""
    if not os.path.isdir(path):
        umask = os.umask(0o077)  # the mode that makedirs takes is for the last folder only, from Python 3.7
        try:
            os.makedirs(path)
        finally:
            os.umask(umask)
    found = os.stat(path)
    if found.st_uid != os.geteuid():
        raise FleetError(
            "{0} belongs to the user with the number {1}".format(path, found.st_uid),
            "the user who runs the upgrade, {0}".format(os.geteuid()),
            "run with become, or give the folder to root after a look at what is in it",
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        os.chmod(path, 0o700)


def read(state_dir):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return the lock, or None where there is none. What cannot be read as a lock is one: of a run without a name."""
    path = os.path.join(state_dir, NAME)
    if not os.path.exists(path):
        return None
    try:
        with io.open(path, encoding="utf-8") as stream:
            lock = json.load(stream)
    except ValueError:
        lock = None
    return lock if isinstance(lock, dict) and "run_id" in lock else {"run_id": "", "unreadable": True}


def last_sign(state_dir, lock):
    # type: (str, Dict[str, Any]) -> float
    """Return when the holder was last heard of, by the node's clock: it renewed the lock or wrote into the journal."""
    journal = os.path.join(state_dir, _journal.NAME)
    written = os.path.getmtime(journal) if os.path.exists(journal) else 0.0
    return max(float(lock.get("renewed") or 0.0), written)


def is_ours(lock, claim):
    # type: (Dict[str, Any], Dict[str, Any]) -> bool
    """Return whether the lock belongs to the claim's run and the process that drives it; a run may be named alike twice."""
    return lock.get("run_id") == claim["run_id"] and lock.get("controller") == claim["controller"]


def hold(state_dir, claim, now, takeover_from=None, break_lock=False, check_mode=False):
    # type: (str, Dict[str, Any], float, Optional[str], bool, bool) -> Dict[str, Any]
    """Take or renew the lock for claim (run_id, target, path, controller, user).

    takeover_from names the run that the lock is taken from, and nothing happens unless it still holds it. Raises FleetError
    with the facts reason (lock-held, lock-target), held_by and age where the lock stays with its holder.
    """
    if check_mode:
        return _held(read(state_dir), state_dir, claim, now, takeover_from, break_lock)
    private_dir(state_dir)
    guard = _guard(state_dir)
    try:
        result = _held(read(state_dir), state_dir, claim, now, takeover_from, break_lock)
        _replace(state_dir, result["lock"])
    finally:
        os.close(guard)
    return result


def free(state_dir, claim, check_mode=False):
    # type: (str, Dict[str, Any], bool) -> Dict[str, Any]
    """Give the lock back if the claim's run holds it; leave everybody else's."""
    if not os.path.isdir(state_dir):
        return {"changed": False, "lock": None, "resumed": False, "former": None}
    guard = _guard(state_dir)
    try:
        lock = read(state_dir)
        ours = lock is not None and is_ours(lock, claim)
        if ours and not check_mode:
            os.unlink(os.path.join(state_dir, NAME))
    finally:
        os.close(guard)
    return {"changed": ours, "lock": None if ours else lock, "resumed": False, "former": lock if ours else None}


def _held(lock, state_dir, claim, now, takeover_from, break_lock):
    # type: (Optional[Dict[str, Any]], str, Dict[str, Any], float, Optional[str], bool) -> Dict[str, Any]
    """Return the result of holding the lock; raise FleetError where it is another's."""
    wanted = dict(claim, acquired=round(now, 3), renewed=round(now, 3))
    if lock is None:
        return {"changed": True, "lock": wanted, "resumed": False, "former": None}
    if is_ours(lock, claim):
        wanted["acquired"] = lock["acquired"]
        return {"changed": False, "lock": wanted, "resumed": False, "former": None}
    if takeover_from is None or lock["run_id"] != takeover_from:
        raise _refusal(lock, max(0.0, now - last_sign(state_dir, lock)))
    same = claim.get("target") in (None, lock.get("target"))
    if not same and not break_lock:
        raise _other_target(lock, claim)
    if claim.get("target") is None:
        wanted.update(target=lock.get("target"), path=claim.get("path") or lock.get("path"))
    return {"changed": True, "lock": wanted, "resumed": same, "former": lock}


def _refusal(lock, age):
    # type: (Dict[str, Any], float) -> FleetError
    return FleetError(
        "The node is locked by {0}".format(holder(lock)),
        "no other run on this node",
        "wait for that run to end",
        reason="lock-held",
        held_by=lock,
        age=round(age, 1),
    )


def _other_target(lock, claim):
    # type: (Dict[str, Any], Dict[str, Any]) -> FleetError
    return FleetError(
        "The node was left unfinished by {0}, which no longer runs, and this run goes to {1}".format(
            holder(lock), claim["target"]
        ),
        "the same target, {0}: only that run can be resumed".format(lock.get("target")),
        "finish with the former target, or run the playbook dbfleet.upgrade.recover, or set fleet_break_lock=true once you have seen to "
        "the node yourself",
        reason="lock-target",
        held_by=lock,
    )


def holder(lock):
    # type: (Dict[str, Any]) -> str
    """Return for people who holds a lock, from where, to which target and since when."""
    if lock.get("unreadable"):
        return "a file that cannot be read as a lock"
    controller = lock.get("controller") or {}
    return "run {0} (user {1}, process {2} on {3}, target {4}, since {5})".format(
        lock["run_id"],
        lock.get("user"),
        controller.get("pid"),
        controller.get("host"),
        lock.get("target"),
        time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(lock.get("acquired") or 0)),
    )


def _guard(state_dir, clock=time.time, sleep=time.sleep):
    # type: (str, Callable[[], float], Callable[[float], None]) -> int
    """Return a descriptor that keeps other readers and writers of the lock out until it is closed."""
    descriptor = os.open(state_dir, os.O_RDONLY)
    end = clock() + GUARD_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except (IOError, OSError):
            if clock() > end:
                os.close(descriptor)
                raise FleetError(
                    "{0} is busy for more than {1} s".format(state_dir, GUARD_SECONDS),
                    "a moment without another run",
                    "look for a stuck process with: fuser {0}".format(state_dir),
                )
        sleep(0.05)


def _replace(state_dir, lock):
    # type: (str, Dict[str, Any]) -> None
    """Write the lock so that a reader, or a crash, finds the former or the new one and never half of it."""
    path = os.path.join(state_dir, NAME)
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(json.dumps(lock, sort_keys=True).encode("utf-8"))
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(path + ".new", path)
