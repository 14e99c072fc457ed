# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an InfluxDB 0.10-1.x server says of its databases, users and shards. Columns are read by name: releases differ in them."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_client import quote

try:
    from typing import Any, Dict, List  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

INTERNAL = "_internal"
"""The database in which the server records itself: it changes all the time and is nobody's data."""


def read_info(client, gather, has_user):
    # type: (Any, List[str], bool) -> Dict[str, Any]
    """What influxdb_info returns for the parts named in gather."""
    info = client.ping()  # type: Dict[str, Any]
    info["version_tuple"] = version_tuple(info["version"])
    info["auth_enabled"] = client.asks_for_password()
    info["authenticated"] = (has_user and _accepted(client)) if info["auth_enabled"] else None
    if "metadata" in gather:
        info["metadata"] = read_metadata(client)
    if "shards" in gather:
        info["shards"] = read_shards(client)
    return info


def _accepted(client):
    # type: (Any) -> bool
    try:
        client.query(u"SHOW USERS")
    except FleetError as error:
        if error.facts.get("reason") != "credentials":
            raise
        return False
    return True


def version_tuple(version):
    # type: (str) -> List[int]
    """1.3.9, 1.8.10-c1.8.10 and 1.4.3~rc1 as [1, 3, 9] and so on; [] for what does not begin with a version."""
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    return [int(number or 0) for number in found.groups()] if found else []


def read_metadata(client):
    # type: (Any) -> Dict[str, Any]
    """Databases and users, each list sorted by name.

    SHOW USERS comes first: it needs an administrator, whereas SHOW DATABASES hides from others what is not theirs.
    """
    users = client.query(u"SHOW USERS")
    continuous_queries = client.query(u"SHOW CONTINUOUS QUERIES")
    subscriptions = client.query(u"SHOW SUBSCRIPTIONS")
    names = sorted(row["name"] for row in client.query(u"SHOW DATABASES"))
    return {
        "databases": [_database(client, name, continuous_queries, subscriptions) for name in names],
        "users": sorted((_user(client, row) for row in users), key=_name),
    }


def _name(item):
    # type: (Dict[str, Any]) -> str
    return item["name"]


def _database(client, name, continuous_queries, subscriptions):
    # type: (Any, str, List[Dict[str, Any]], List[Dict[str, Any]]) -> Dict[str, Any]
    policies = client.query(u"SHOW RETENTION POLICIES ON {0}".format(quote(name)), database=name)
    return {
        "name": name,
        "retention_policies": sorted((_policy(row) for row in policies), key=_name),
        "continuous_queries": sorted(
            ({"name": row["name"], "query": row["query"]} for row in continuous_queries if row["_name"] == name),
            key=_name,
        ),
        "subscriptions": sorted(
            (_subscription(row) for row in subscriptions if row["_name"] == name),
            key=lambda item: (item["policy"], item["name"]),
        ),
    }


def _policy(row):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {
        "name": row["name"],
        "duration": row["duration"],
        # not shown before 0.12
        "shard_group_duration": row.get("shardGroupDuration"),
        "replica_n": row["replicaN"],
        "default": row["default"],
    }


def _subscription(row):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {
        "policy": row["retention_policy"],
        "name": row["name"],
        "mode": row["mode"],
        "destinations": sorted(row["destinations"]),
    }


def _user(client, row):
    # type: (Any, Dict[str, Any]) -> Dict[str, Any]
    grants = client.query(u"SHOW GRANTS FOR {0}".format(quote(row["user"])))
    return {
        "name": row["user"],
        "admin": row["admin"],
        "grants": {grant["database"]: grant["privilege"] for grant in grants},
    }


def read_shards(client):
    # type: (Any) -> List[Dict[str, Any]]
    """The shards by id. expiry is None where the retention policy keeps its data for ever."""
    client.query(u"SHOW USERS")  # needs an administrator, as in read_metadata
    return sorted((_shard(row) for row in client.query(u"SHOW SHARDS")), key=lambda shard: shard["id"])


def _shard(row):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """An infinite policy is shown as an expiry equal to the end, as its duration is 0 (coordinator/statement_executor.go)."""
    expiry = row["expiry_time"]
    return {
        "id": int(row["id"]),
        "database": row["database"],
        "policy": row["retention_policy"],
        "group": int(row["shard_group"]),
        "start": row["start_time"],
        "end": row["end_time"],
        "expiry": None if expiry in ("", None, row["end_time"]) else expiry,
        "owners": row["owners"],
    }
