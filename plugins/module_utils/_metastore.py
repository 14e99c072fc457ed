# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the metastore of InfluxDB 0.10-1.x: a backup of it (meta.NN), or the file meta.db of 0.12 and later.

What is read is read whole: unknown fields and any order are fine, everything else that is not as it has to be is an error. The restore of
influxd is content with less; it takes a backup whose last part is cut off, and exits with 0 (observed with 1.4.3).
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import io
import json
import os
import struct

from ansible.module_utils.common.text.converters import to_bytes, to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

MAGIC = 0x59590101  # services/snapshotter/service.go, BackupMagicHeader
LENGTH = struct.Struct(">Q")
VARINT, BYTES = 0, 2
FIXED = {1: 8, 5: 4}
"""Size of the kinds of protobuf fields that have one."""
PRIVILEGES = ("NO PRIVILEGES", "READ", "WRITE", "ALL PRIVILEGES")
"""By their numbers, as SHOW GRANTS writes them (influxql/ast.go, Privilege.String)."""

Field = collections.namedtuple("Field", ["number", "name", "kind", "read", "count"])
ONE, MAYBE, MANY = "required", "optional", "repeated"


def parse(content, name="The file"):
    # type: (bytes, str) -> Dict[str, Any]
    """What a backup of the metastore (meta.NN) holds. name: of the file, for the message."""
    return _told(name, lambda: _parse(content))


def parse_metastore(message, name="The metastore"):
    # type: (bytes, str) -> Dict[str, Any]
    """What the bare metastore holds: a meta.db, or the one in a backup. node is None, for it is not in there."""
    return _told(name, lambda: _shape(_decoded(message), None))


def load(path):
    # type: (str) -> Dict[str, Any]
    """What the file holds: a meta.db if its name begins like that, a backup otherwise."""
    is_bare = os.path.basename(path).startswith("meta.db")
    return (parse_metastore if is_bare else parse)(content_of(path), to_native(to_bytes(path)))


def content_of(path):
    # type: (str) -> bytes
    try:
        with io.open(path, "rb") as stream:
            return stream.read()
    except EnvironmentError as error:
        raise FleetError(
            "{0} cannot be read: {1}".format(to_native(to_bytes(path)), error.strerror),
            "a backup of the metastore, or a meta.db",
            "see that the path is right, and run as root",
        )


def metastore_in(content):
    # type: (bytes) -> bytes
    """The bare metastore in a backup; to be called after parse has accepted it."""
    return _split(content)[0]


def same_passwords(first, second):
    # type: (bytes, bytes) -> bool
    """Do two bare metastores hold the same users with the same password hashes? The hashes leave this file in no other way."""
    hashes = [{user["name"]: user["hash"] for user in _decoded(message)["users"]} for message in (first, second)]
    return hashes[0] == hashes[1]


def shards_of(metastore, deleted=False):
    # type: (Dict[str, Any], bool) -> Set[Tuple[str, str, int]]
    """Database, policy and number of the shards, with or without those of deleted groups: the folders of these may lie on disk still."""
    return {
        (database["name"], policy["name"], shard)
        for database in metastore["databases"]
        for policy in database["retention_policies"]
        for group in policy["shard_groups"]
        for shard in group["shards"]
        if deleted or group["deleted_ns"] is None
    }


def counts(metastore):
    # type: (Dict[str, Any]) -> Dict[str, int]
    """How much of everything there is."""
    databases = metastore["databases"]
    policies = [policy for database in databases for policy in database["retention_policies"]]
    return {
        "databases": len(databases),
        "retention_policies": len(policies),
        "continuous_queries": sum(len(database["continuous_queries"]) for database in databases),
        "subscriptions": sum(len(policy["subscriptions"]) for policy in policies),
        "shards": len(shards_of(metastore)),
        "users": len(metastore["users"]),
    }


def _told(name, read):
    # type: (str, Callable[[], Dict[str, Any]]) -> Dict[str, Any]
    try:
        return read()
    except ValueError as error:
        raise FleetError(
            "{0} is no good metastore: {1}".format(name, error),
            "a metastore that is whole to its last byte",
            "take a new backup while the server still runs, and upgrade only when it has been proved",
        )


def _parse(content):
    # type: (bytes) -> Dict[str, Any]
    """The server writes null for a node.json that it has not, which is so from 0.12 (observed with 1.3.9)."""
    message, node = _split(content)
    try:
        found = json.loads(node.decode("utf-8"))
    except ValueError:
        found = False
    if found is not None and not isinstance(found, dict):
        raise ValueError("its last part, node.json, is no JSON object")
    return _shape(_decoded(message), found)


def _split(content):
    # type: (bytes) -> Tuple[bytes, bytes]
    """Metastore and node.json: magic, length, metastore, length, node.json (services/snapshotter/service.go, 0.10 to 1.8)."""
    if len(content) < 24 or LENGTH.unpack_from(content)[0] != MAGIC:
        raise ValueError("it does not begin as a metastore backup")
    length = LENGTH.unpack_from(content, 8)[0]
    if 24 + length > len(content):
        raise ValueError("it is cut off")
    if 24 + length + LENGTH.unpack_from(content, 16 + length)[0] != len(content):
        raise ValueError("its lengths do not add up to its size")
    return content[16 : 16 + length], content[24 + length :]


# The decoded messages as they are returned


def _shape(data, node):
    # type: (Dict[str, Any], Optional[Dict[str, Any]]) -> Dict[str, Any]
    shaped = {
        "databases": [_database(database) for database in _unique(data["databases"], "databases")],
        "users": [_user(user) for user in _unique(data["users"], "users")],
        "node": node,
    }  # type: Dict[str, Any]
    shaped.update((name, data[name]) for name in ("cluster_id", "index", "max_shard_id", "max_shard_group_id", "data_nodes", "meta_nodes"))
    groups = [group for database in data["databases"] for policy in database["policies"] for group in policy["groups"]]
    _check_numbers("shard groups", [group["id"] for group in groups], data["max_shard_group_id"])
    _check_numbers("shards", [shard["id"] for group in groups for shard in group["shards"]], data["max_shard_id"])
    return shaped


def _database(database):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {
        "name": database["name"],
        "default_policy": database["default_policy"],
        "retention_policies": [_policy(policy) for policy in _unique(database["policies"], "policies")],
        "continuous_queries": _unique(database["continuous_queries"], "continuous queries"),
    }


def _policy(policy):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {
        "name": policy["name"],
        "duration_ns": policy["duration_ns"],
        "shard_group_duration_ns": policy["shard_group_duration_ns"],
        "replica_n": policy["replica_n"],
        "shard_groups": sorted((_group(group) for group in policy["groups"]), key=lambda group: group["id"]),
        "subscriptions": [
            dict(subscription, destinations=sorted(subscription["destinations"]))
            for subscription in _unique(policy["subscriptions"], "subscriptions")
        ],
    }


def _group(group):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """No time is written as 0 (services/meta/data.go, MarshalTime)."""
    return dict(
        group,
        deleted_ns=group["deleted_ns"] or None,
        truncated_ns=group["truncated_ns"] or None,
        shards=sorted(shard["id"] for shard in group["shards"]),
    )


def _user(user):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    grants = _unique(user["grants"], "grants")
    return {
        "name": user["name"],
        "admin": user["admin"],
        "has_password": bool(user["hash"]),
        "grants": {grant["name"]: grant["privilege"] for grant in grants},
    }


def _unique(items, what):
    # type: (List[Dict[str, Any]], str) -> List[Dict[str, Any]]
    """The items by name."""
    names = sorted(item["name"] for item in items)
    for name, following in zip(names, names[1:]):
        if name == following:
            raise ValueError("it has two {0} {1!r}".format(what, name))
    return sorted(items, key=lambda item: item["name"])


def _check_numbers(what, numbers, highest):
    # type: (str, List[int], int) -> None
    """Each number is given once, and the next one is the highest so far plus one (services/meta/data.go, CreateShardGroup)."""
    if len(set(numbers)) != len(numbers):
        raise ValueError("it has two {0} of the same number".format(what))
    if numbers and max(numbers) > highest:
        raise ValueError("it has {0} up to {1}, and says that there are none above {2}".format(what, max(numbers), highest))


# Protobuf


def _message(name, *rows):
    # type: (str, *Tuple[Any, ...]) -> Tuple[int, Callable[[bytes], Dict[str, Any]]]
    """The kind of a field that is a message of these fields."""
    schema = [Field(number, key, kind[0], kind[1], count) for number, key, kind, count in rows]
    return BYTES, lambda message: _decode(message, name, schema)


def _decode(message, name, schema):
    # type: (bytes, str, List[Field]) -> Dict[str, Any]
    known = {field.number: field for field in schema}
    found = {field.name: [] for field in schema}  # type: Dict[str, List[Any]]
    for number, kind, value in fields(message):
        field = known.get(number)
        if field and field.kind != kind:
            raise ValueError("it is damaged ({0} in a {1} is of the kind {2})".format(field.name, name, kind))
        if field:
            found[field.name].append(field.read(value))
    return {field.name: _counted(found[field.name], field, name) for field in schema}


def _counted(values, field, name):
    # type: (List[Any], Field, str) -> Any
    if field.count == MANY:
        return values
    if len(values) > 1 or (field.count == ONE and not values):
        raise ValueError("it is damaged (a {0} has {1} {2})".format(name, len(values), field.name))
    return values[0] if values else None


def fields(message):
    # type: (bytes) -> Iterator[Tuple[int, int, Any]]
    """Numbers, kinds and values of a protobuf message: integers, or bytes."""
    at, value = 0, None  # type: int, Any
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
        else:
            length, at = (FIXED[kind], at) if kind in FIXED else _length(message, at, kind)
            value, at = message[at : at + length], at + length
        if at > len(message):
            raise ValueError("it is cut off")
        if key < 8:
            raise ValueError("it is damaged (field of number 0)")
        yield key >> 3, kind, value


def _length(message, at, kind):
    # type: (bytes, int, int) -> Tuple[int, int]
    if kind != BYTES:
        raise ValueError("it is damaged (field of kind {0})".format(kind))
    return _varint(message, at)


def _varint(message, at):
    # type: (bytes, int) -> Tuple[int, int]
    value, shift = 0, 0
    for byte in bytearray(message[at : at + 10]):
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128 and value < 1 << 64:
            return value, at
        shift += 7
    raise ValueError("it is cut off")


def _signed(value):
    # type: (int) -> int
    """An int64, in which times before 1970 are negative."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(value):
    # type: (bytes) -> str
    try:
        return to_native(value.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("it is damaged (a name or query in it is not UTF-8)")


def _privilege(value):
    # type: (int) -> str
    if value >= len(PRIVILEGES):
        raise ValueError("it has a privilege of the unknown number {0}".format(value))
    return PRIVILEGES[value]


# services/meta/internal/meta.proto, 0.10 to 1.8. Times and durations are in nanoseconds.
NUMBER, SIGNED, FLAG = (VARINT, int), (VARINT, _signed), (VARINT, bool)
TEXT, PRIVILEGE = (BYTES, _text), (VARINT, _privilege)

NODE = _message("NodeInfo", (1, "id", NUMBER, ONE), (2, "host", TEXT, ONE), (3, "tcp_host", TEXT, MAYBE))
SHARD = _message("ShardInfo", (1, "id", NUMBER, ONE))
GROUP = _message(
    "ShardGroupInfo",
    (1, "id", NUMBER, ONE),
    (2, "start_ns", SIGNED, ONE),
    (3, "end_ns", SIGNED, ONE),
    (4, "deleted_ns", SIGNED, ONE),
    (5, "shards", SHARD, MANY),
    (6, "truncated_ns", SIGNED, MAYBE),
)
SUBSCRIPTION = _message("SubscriptionInfo", (1, "name", TEXT, ONE), (2, "mode", TEXT, ONE), (3, "destinations", TEXT, MANY))
POLICY = _message(
    "RetentionPolicyInfo",
    (1, "name", TEXT, ONE),
    (2, "duration_ns", SIGNED, ONE),
    (3, "shard_group_duration_ns", SIGNED, ONE),
    (4, "replica_n", NUMBER, ONE),
    (5, "groups", GROUP, MANY),
    (6, "subscriptions", SUBSCRIPTION, MANY),
)
QUERY = _message("ContinuousQueryInfo", (1, "name", TEXT, ONE), (2, "query", TEXT, ONE))
DATABASE = _message(
    "DatabaseInfo",
    (1, "name", TEXT, ONE),
    (2, "default_policy", TEXT, ONE),
    (3, "policies", POLICY, MANY),
    (4, "continuous_queries", QUERY, MANY),
)
GRANT = _message("UserPrivilege", (1, "name", TEXT, ONE), (2, "privilege", PRIVILEGE, ONE))
USER = _message(
    "UserInfo", (1, "name", TEXT, ONE), (2, "hash", TEXT, ONE), (3, "admin", FLAG, ONE), (4, "grants", GRANT, MANY)
)
_KIND, _decoded = _message(
    "Data",
    (2, "index", NUMBER, ONE),
    (3, "cluster_id", NUMBER, ONE),
    (5, "databases", DATABASE, MANY),
    (6, "users", USER, MANY),
    (8, "max_shard_group_id", NUMBER, ONE),
    (9, "max_shard_id", NUMBER, ONE),
    (10, "data_nodes", NODE, MANY),
    (11, "meta_nodes", NODE, MANY),
)
