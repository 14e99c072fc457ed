# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an InfluxDB 0.7 or 0.8 server tells of itself, and what lies in its folders."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import (
    HAS_SPACES,
    release,
    require_legacy,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_log import MigrationLog, WholeLog
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_storage import Storage
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_space import ordered

try:
    from typing import Any, Callable, Dict, List  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

TERMS = (("shortTerm", "short_term"), ("longTerm", "long_term"))
"""0.7's names of its two fixed spaces, and those that the vendor's page gives to the spaces that take their place."""


def read_legacy(client, params):
    # type: (Any, Dict[str, Any]) -> Dict[str, Any]
    """The release, and those parts that params["gather"] names."""
    version = client.version()
    require_legacy(version)
    parts = {
        "metadata": lambda: _metadata(client, version),
        "shards": lambda: shards_of(client.shards()),
        "storage": lambda: _storage(params["data_dir"], params["log_file"]),
    }  # type: Dict[str, Callable[[], Any]]
    found = {part: parts[part]() for part in params["gather"]}
    return dict(found, changed=False, version=version, version_tuple=list(release(version)))


def _metadata(client, version):
    # type: (Any, str) -> Dict[str, Any]
    databases = client.databases()
    return {
        "databases": databases,
        "users": {database: client.users(database) for database in databases},
        "cluster_admins": client.cluster_admins(),
        "servers": len(client.servers()),
        "shard_spaces": ordered(client.spaces()) if release(version) >= HAS_SPACES else None,
    }


def shards_of(found):
    # type: (Any) -> List[Dict[str, Any]]
    """The shards of either release, by number."""
    if isinstance(found, dict):
        flat = [dict(shard, database=None, spaceName=name) for term, name in TERMS for shard in found.get(term) or []]
    else:
        flat = found
    return [
        {
            "id": shard["id"],
            "database": shard["database"],
            "space": shard["spaceName"],
            "start": shard["startTime"],
            "end": shard["endTime"],
            "servers": shard["serverIds"],
        }
        for shard in sorted(flat, key=lambda shard: shard["id"])
    ]


def _storage(data_dir, log_file):
    # type: (str, str) -> Dict[str, Any]
    """The log is read before the markers, as they follow its lines; that of former days only where a migration may run."""
    storage = Storage(data_dir)
    log = MigrationLog(log_file) if all(storage.marks().values()) else WholeLog(log_file, data_dir)
    log.update()
    return {
        "raft": storage.has_raft(),
        "old_shards": storage.old_shards(),
        "new_shards": storage.new_shards(),
        "migrating": log.is_at_work(storage.marks()),
    }
