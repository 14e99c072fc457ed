# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a node: what was done to it, one JSON object a line."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import fcntl
import io
import json
import os
import re

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Dict, List  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

NAME = "journal.jsonl"
STATES = ["started", "ok", "failed", "skipped", "note"]
ARGUMENTS = {
    "state_dir": {"type": "path", "default": "/var/lib/dbfleet"},
    "run_id": {"type": "str", "required": True},
    "phase": {"type": "str", "required": True},
    "state": {"type": "str", "choices": STATES, "required": True},
    "detail": {"type": "str", "default": ""},
    "data": {"type": "dict", "default": {}},
    "write": {"type": "bool", "default": True},
}  # type: Dict[str, Dict[str, Any]]

MASK = "***"
SECRET = re.compile(r"password|secret|token", re.IGNORECASE)


def mask_secrets(data):
    # type: (Any) -> Any
    """Return data without the values whose keys sound secret, at any depth."""
    if isinstance(data, dict):
        return {key: MASK if SECRET.search(str(key)) else mask_secrets(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [mask_secrets(value) for value in data]
    return data


def entry(run_id, phase, state, detail, data, now):
    # type: (str, str, str, str, Dict[str, Any], float) -> Dict[str, Any]
    """Return a line of the journal. Its event is started, ended or note; an ended phase has a status."""
    ended = state in ("ok", "failed", "skipped")
    return {
        "time": round(now, 3),
        "run_id": run_id,
        "event": "ended" if ended else state,
        "phase": phase,
        "status": state if ended else None,
        "detail": detail,
        "data": mask_secrets(data),
    }


def append(path, line):
    # type: (str, Dict[str, Any]) -> None
    """Append one object to the journal at path, on the disk when this returns.

    One write under a lock, so that lines of two writers never mix. A line that a crash tore is left as it is and ended.
    """
    text = (json.dumps(line, sort_keys=True) + "\n").encode("utf-8")
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        _write(descriptor, path, size, (b"\n" if _torn(descriptor, size) else b"") + text)
    finally:
        os.close(descriptor)


def read_journal(path):
    # type: (str) -> List[Dict[str, Any]]
    """Return the lines of the journal at path, oldest first; none where there is no journal. Torn lines are left out."""
    if not os.path.exists(path):
        return []
    with io.open(path, encoding="utf-8", errors="replace") as stream:
        lines = [_parse(line) for line in stream]
    return [line for line in lines if line]


def _torn(descriptor, size):
    # type: (int, int) -> bool
    if not size:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"


def _write(descriptor, path, size, text):
    # type: (int, str, int, bytes) -> None
    if os.write(descriptor, text) != len(text):
        os.ftruncate(descriptor, size)
        raise FleetError("{0} takes no more".format(path), "room for one line", "make room on its file system and run again")
    os.fsync(descriptor)


def _parse(line):
    # type: (str) -> Dict[str, Any]
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
