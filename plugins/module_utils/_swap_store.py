# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a swap writes how far it is (for people and for the next call, never as proof) and the lock that makes it the only one."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import fcntl
import io
import json
import os

from ansible.module_utils.common.text.converters import to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_process import close_on_exec

try:
    from typing import Any, Dict, List, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def make_folder(path):
    # type: (str) -> None
    if not os.path.isdir(path):
        os.makedirs(path, 0o700)


def native(value):
    # type: (Any) -> Any
    """Text as this Python's own str, in lists and dictionaries too: Python 2.7 cannot put other text beyond ASCII into a message."""
    if isinstance(value, dict):
        return {native(key): native(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [native(entry) for entry in value]
    return to_native(value, nonstring="passthru")


def read_json(path):
    # type: (str) -> Dict[str, Any]
    """What the file holds; {} where there is none, or none that can be read (a power cut may leave it empty)."""
    try:
        with io.open(path, encoding="utf-8") as source:
            found = native(json.load(source))
    except (IOError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path, value, durable=False):
    # type: (str, Dict[str, Any], bool) -> None
    """Replace the file in one step; durable waits until it is on disk."""
    with open(path + ".new", "wb") as target:
        close_on_exec(target.fileno())
        os.fchmod(target.fileno(), 0o600)
        target.write(json.dumps(value, sort_keys=True).encode("utf-8"))
        if durable:
            target.flush()
            os.fsync(target.fileno())
    os.rename(path + ".new", path)


class Lock(object):
    """Held by the running swap, until its process ends in whatever way."""

    def __init__(self, path):
        # type: (str) -> None
        self.path = path
        self._descriptor = None  # type: Optional[int]

    def take(self, holder):
        # type: (Dict[str, Any]) -> bool
        """Become the only one and say who: holder can be read by those who come too late."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        close_on_exec(descriptor)
        if not _locked(descriptor):
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(holder).encode("utf-8"))
        self._descriptor = descriptor
        return True

    def holder(self):
        # type: () -> Dict[str, Any]
        return read_json(self.path)

    def is_free(self):
        # type: () -> bool
        """Has the swap ended? A look that is over at once."""
        with open(self.path, "rb") as source:
            return _locked(source.fileno())

    def release(self):
        # type: () -> None
        """Let go of it here; a child process that inherited it still holds it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _locked(descriptor):
    # type: (int) -> bool
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (IOError, OSError) as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return False
    return True


class Log(object):
    """The file that gets what the programs of a swap print."""

    def __init__(self, path):
        # type: (str) -> None
        self.path = path

    def position(self):
        # type: () -> int
        return os.path.getsize(self.path) if os.path.exists(self.path) else 0

    def text(self, position):
        # type: (int) -> str
        """What was printed since."""
        with open(self.path, "rb") as source:
            source.seek(position)
            return native(source.read().decode("utf-8", "replace"))

    def tail(self, position, count=10):
        # type: (int, int) -> List[str]
        if not os.path.exists(self.path):
            return []
        return [line for line in self.text(position).splitlines() if line.strip()][-count:]


class Store(object):
    """The files of the state folder that belong to swaps."""

    def __init__(self, folder, swap_id):
        # type: (str, str) -> None
        self.folder = folder
        self.kept = os.path.join(folder, "backup", swap_id, "swap")
        self.log = Log(os.path.join(folder, "swap.log"))
        self.lock = Lock(os.path.join(folder, "swap.lock"))
        self._record = os.path.join(folder, "swap.json")

    def read(self):
        # type: () -> Dict[str, Any]
        """How far the latest swap is, {} where there was none."""
        return read_json(self._record)

    def write(self, record):
        # type: (Dict[str, Any]) -> None
        write_json(self._record, record)
