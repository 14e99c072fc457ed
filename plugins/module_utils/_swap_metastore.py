# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a swap from InfluxDB 0.10 or 0.11 has to do beside the change of the program: the metastore goes into the new release's form.

0.10 and 0.11 keep it in raft.db, later releases in meta.db, and neither understands the other's: a later one does not start where there is
a raft.db, and 0.11 starts empty where there is none.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import local, move_aside
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import load, shards_of
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore_backup import RAFT
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore_proof import shards_on_disk
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore_restore import META_DB, refuse_stale, restore

try:
    from typing import Any, Callable, Dict, List  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

RESTORE_LIMIT = 300
"""Seconds that the new program may take to read the backup; it takes far less than one."""


class Metastore(object):
    """The metastore of one node. params: the option metastore of node_swap; folder: where its former state is kept."""

    def __init__(self, params, folder, run_command, clock):
        # type: (Dict[str, Any], str, Callable[..., Any], Callable[[], float]) -> None
        self.params = params
        self.folder = folder
        self.run_command = run_command
        self.clock = clock
        self.meta = os.path.realpath(local(params["meta_dir"]))

    def is_new(self):
        # type: () -> bool
        """Is there the new release's form? 0.10 and 0.11 never make it."""
        return os.path.exists(os.path.join(self.meta, META_DB))

    def refuse_stale(self):
        # type: () -> None
        """Refuse while nothing is changed yet what the restore would refuse when the service is down."""
        if not self.is_new():
            refuse_stale(os.path.join(self.meta, RAFT), self.params["raft_sha256"])

    def restore(self):
        # type: () -> bool
        keep = os.path.join(self.folder, "metastore")
        params = dict(self.params, keep=keep, timeout=RESTORE_LIMIT)
        return restore(params, self.run_command, self.clock)["changed"]

    def set_aside(self):
        # type: () -> List[str]
        """Move away the shards that the former metastore does not know, and return their new places.

        The old release would give their numbers to shards of its own, and answer with what lies in them.
        """
        folders = [local(self.params[name]) for name in ("data_dir", "wal_dir")]
        unknown = shards_on_disk(folders) - shards_of(load(local(self.params["backup"])), deleted=True)
        moved = []
        for folder in folders:
            for database, policy, number in sorted(unknown):
                shard = os.path.join(folder, local(database), local(policy), str(number))
                if os.path.lexists(shard):
                    moved.append(move_aside(shard, folder))
        return moved
