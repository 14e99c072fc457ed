# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a metastore holds what the server shows and what lies on its disk.

A metastore of before the last change is accepted by every release, and does worse than lose that change: the next new shards get numbers
that lie on disk already, and a database answers with the points of another (observed with 1.4.3).
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re

from ansible.module_utils.common.text.converters import container_to_text, to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_metadata import INTERNAL
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import SERIES, listed, plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import shards_of

try:
    from typing import Any, Dict, Iterator, List, Set, Tuple  # noqa: F401 (read by type comments)

    Shard = Tuple[str, str, int]
    """Database, policy and number."""
    Facts = Dict[Tuple[str, ...], Dict[str, Any]]
    """What (kind and names) -> what is to be known of it."""
except ImportError:  # Python 2.7 on the node has no typing
    pass

# How Go writes a duration (time.Duration.String).
DURATION = re.compile(r"^-?(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|\xb5s|ns))+$")
DURATION_PART = re.compile(r"(\d+)(?:\.(\d+))?(h|ms|m|s|us|\xb5s|ns)")
NANOSECONDS = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, u"\xb5s": 10**3, "ns": 1}


def differences(shown, found):
    # type: (Dict[str, Any], Dict[str, Any]) -> List[str]
    """What the server shows (metadata of influxdb_info) and the metastore has not, or otherwise, or what only the metastore has."""
    try:
        server = shown_facts(container_to_text(shown))
    except (KeyError, TypeError, AttributeError) as error:
        raise FleetError(
            "The metadata to expect cannot be understood ({0!r})".format(error),
            "what the module influxdb_info returns as metadata",
            "pass it on as it is",
        )
    backup = found_facts(container_to_text(found))
    return (
        ["{0} is missing".format(_named(key)) for key in sorted(set(server) - set(backup))]
        + ["{0} is not one that the server shows".format(_named(key)) for key in sorted(set(backup) - set(server))]
        + [text for key in sorted(set(server) & set(backup)) for text in _unequal(_named(key), server[key], backup[key])]
    )


def _named(key):
    # type: (Tuple[str, ...]) -> str
    return to_native(u"{0} {1}".format(key[0], u".".join(u'"{0}"'.format(name) for name in key[1:])))


def _unequal(name, server, backup):
    # type: (str, Dict[str, Any], Dict[str, Any]) -> Iterator[str]
    """None is what the server does not show: releases before 0.12 do not show the duration of shard groups."""
    for key in sorted(server):
        if server[key] is not None and server[key] != backup[key]:
            pair = [to_native(u"{0}".format(side[key])) for side in (server, backup)]
            yield "{0} has another {1}: the server shows {2}, the backup {3}".format(name, key, *pair)


def shown_facts(metadata):
    # type: (Dict[str, Any]) -> Facts
    facts = {}  # type: Facts
    for database in metadata["databases"]:
        _add_database(facts, database)
        for policy in database["retention_policies"]:
            facts["policy", database["name"], policy["name"]] = {
                "duration": nanoseconds(policy["duration"]),
                "shard group duration": policy["shard_group_duration"] and nanoseconds(policy["shard_group_duration"]),
                "number of replicas": policy["replica_n"],
                "use as default": policy["default"],
            }
        for one in database["subscriptions"]:
            _add_subscription(facts, database["name"], one["policy"], one)
    return _add_users(facts, metadata["users"])


def found_facts(metastore):
    # type: (Dict[str, Any]) -> Facts
    facts = {}  # type: Facts
    for database in metastore["databases"]:
        _add_database(facts, database)
        for policy in database["retention_policies"]:
            facts["policy", database["name"], policy["name"]] = {
                "duration": policy["duration_ns"],
                "shard group duration": policy["shard_group_duration_ns"],
                "number of replicas": policy["replica_n"],
                "use as default": policy["name"] == database["default_policy"],
            }
            for one in policy["subscriptions"]:
                _add_subscription(facts, database["name"], policy["name"], one)
    return _add_users(facts, metastore["users"])


def _add_database(facts, database):
    # type: (Facts, Dict[str, Any]) -> None
    facts["database", database["name"]] = {}
    for one in database["continuous_queries"]:
        facts["continuous query", database["name"], one["name"]] = {"query": one["query"]}


def _add_subscription(facts, database, policy, one):
    # type: (Facts, str, str, Dict[str, Any]) -> None
    facts["subscription", database, policy, one["name"]] = {
        "mode": one["mode"],
        "list of destinations": u", ".join(sorted(one["destinations"])),
    }


def _add_users(facts, users):
    # type: (Facts, List[Dict[str, Any]]) -> Facts
    for user in users:
        facts["user", user["name"]] = {"role of administrator": user["admin"]}
        for database, privilege in user["grants"].items():
            facts["grant", user["name"], database] = {"privilege": privilege}
    return facts


def nanoseconds(text):
    # type: (str) -> int
    """168h0m0s in nanoseconds."""
    if not DURATION.match(text):
        raise FleetError("The duration {0} cannot be understood".format(to_native(text)), "a duration such as 168h0m0s")
    total = 0
    for whole, part, unit in DURATION_PART.findall(text):
        size = NANOSECONDS[unit]
        total += int(whole) * size + int(part or 0) * size // 10 ** len(part)
    return -total if text.startswith("-") else total


# What lies on disk


def shards_on_disk(folders):
    # type: (List[str]) -> Set[Shard]
    """The shards in a data folder and a WAL folder, whatever their format: DATABASE/POLICY/NUMBER."""
    return {
        (plain(database), plain(policy), int(number))
        for folder in folders
        for database in _folders(folder)
        for policy in _folders(os.path.join(folder, database))
        for number in listed(os.path.join(folder, database, policy))
        if number.isdigit() and database != INTERNAL
    }


def named_on_disk(folders):
    # type: (List[str]) -> Dict[str, List[str]]
    """Databases and policies as far as folders tell, where there is no metastore any more."""
    found = {}  # type: Dict[str, Set[str]]
    for folder in folders:
        for database in _folders(folder):
            found.setdefault(plain(database), set()).update(plain(name) for name in _folders(os.path.join(folder, database)))
    return {database: sorted(policies) for database, policies in found.items() if database != INTERNAL}


def _folders(path):
    # type: (str) -> List[str]
    return [name for name in listed(path) if name != SERIES and os.path.isdir(os.path.join(path, name))]


def unknown_on_disk(on_disk, metastore):
    # type: (Set[Shard], Dict[str, Any]) -> List[str]
    """The shards on disk that the metastore does not know. It remembers deleted ones, whose files may lie there for a while."""
    missing = on_disk - shards_of(metastore, deleted=True)
    return ["shard {0[2]} of \"{0[0]}\".\"{0[1]}\" lies on disk, and is missing".format(shard) for shard in sorted(missing)]


def unknown_to_backup(expected, metastore):
    # type: (Set[Shard], Dict[str, Any]) -> List[str]
    """The shards that the server lists and the metastore does not know."""
    missing = expected - shards_of(metastore)
    return ["shard {0[2]} of \"{0[0]}\".\"{0[1]}\" is missing".format(shard) for shard in sorted(missing)]
