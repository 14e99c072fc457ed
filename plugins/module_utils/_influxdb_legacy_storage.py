# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies in the folders of an InfluxDB 0.7 or 0.8 server.

    DATA/raft                          databases, users, shards; without it the server knows none of them
    DATA/db/shard_db/00001             a shard of 0.7 (LevelDB)
    DATA/db/shard_db/00001/MIGRATED    "done.", once 0.8 has migrated it, or believes so
    DATA/db/shard_db_v2/00014          a shard of 0.8
    DATA/db/shard_db_v2/00014/type     its engine; leveldb where this file is missing
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import os

from ansible.module_utils.common.text.converters import to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import (
    listed,
    local,
    plain,
    status,
    unreadable,
)

try:
    from typing import Any, Dict, List, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

STORAGE_ARGUMENTS = {
    "data_dir": {"type": "path", "default": "/opt/influxdb/shared/data"},
    "log_file": {"type": "path", "default": "/opt/influxdb/shared/log.txt"},
}

OLD, NEW = "shard_db", "shard_db_v2"
MARKER = "MIGRATED"
DONE = b"done.\n"


class Storage(object):
    """The folders below data_dir."""

    def __init__(self, data_dir):
        # type: (str) -> None
        self._data = local(data_dir)

    def has_raft(self):
        # type: () -> bool
        """Is there anything in the raft folder?"""
        return bool(listed(os.path.join(self._data, "raft")))

    def old_shards(self):
        # type: () -> List[Dict[str, Any]]
        """The shards of 0.7 in order of their numbers. marked: the marker is there, with what the server writes to it."""
        return [dict(_shard(path), marked=_is_marked(path)) for path in self._shards(OLD)]

    def marks(self):
        # type: () -> Dict[str, bool]
        """Which of the shards of 0.7 are marked."""
        return {plain(os.path.basename(path)): _is_marked(path) for path in self._shards(OLD)}

    def new_shards(self):
        # type: () -> List[Dict[str, Any]]
        return [dict(_shard(path), engine=_engine(path)) for path in self._shards(NEW)]

    def _shards(self, name):
        # type: (str) -> List[str]
        folder = os.path.join(self._data, "db", name)
        return [os.path.join(folder, one) for one in listed(folder) if os.path.isdir(os.path.join(folder, one))]


def _shard(path):
    # type: (str) -> Dict[str, Any]
    return {"id": plain(os.path.basename(path)), "path": plain(path), "bytes": _folder_bytes(path)}


def _is_marked(path):
    # type: (str) -> bool
    return _content(os.path.join(path, MARKER)) == DONE


def _engine(path):
    # type: (str) -> str
    return to_native(_content(os.path.join(path, "type")) or b"leveldb", errors="surrogate_or_replace").strip()


def _folder_bytes(folder):
    # type: (str) -> int
    """The size of all files. A running server removes files at any time."""
    total = 0
    for where, _folders, names in os.walk(folder):
        for name in names:
            found = status(os.path.join(where, name), False)
            total += found.st_size if found else 0
    return total


def _content(path):
    # type: (str) -> Optional[bytes]
    """What a small file holds, None where there is none."""
    if status(path, True) is None:
        return None
    try:
        with io.open(path, "rb") as stream:
            return stream.read(100)
    except EnvironmentError as error:
        raise unreadable(path, error)
