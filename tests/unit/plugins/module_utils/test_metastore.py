# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _metastore as reader
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import metastore_files as files

HOUR = 3600 * 10**9


def test_a_recorded_backup_is_read():
    found = reader.load(files.META)
    names = {database["name"]: database["default_policy"] for database in found["databases"]}
    assert names == {"_internal": "monitor", "app": "default", "metrics": "forever", "odd name-db": "default"}
    assert reader.counts(found) == {
        "databases": 4,
        "retention_policies": 7,
        "continuous_queries": 1,
        "subscriptions": 1,
        "shards": 21,
        "users": 4,
    }
    assert (found["max_shard_id"], found["max_shard_group_id"], found["node"]) == (21, 21, {"ID": 1})
    assert [node["tcp_host"] for node in found["data_nodes"] + found["meta_nodes"]] == ["127.0.0.1:18088"] * 2


def test_a_recorded_policy_is_read():
    metrics = [database for database in reader.load(files.META)["databases"] if database["name"] == "metrics"][0]
    forever, one_week = metrics["retention_policies"][1:]
    assert (forever["name"], forever["duration_ns"], forever["replica_n"]) == ("forever", 0, 1)
    assert (one_week["duration_ns"], one_week["shard_group_duration_ns"]) == (168 * HOUR, 24 * HOUR)
    assert forever["subscriptions"] == [{"name": "sub0", "mode": "ALL", "destinations": ["udp://127.0.0.1:19999"]}]
    assert forever["shard_groups"][0] == {
        "id": 2,
        "start_ns": 1459123200 * 10**9,
        "end_ns": 1459728000 * 10**9,
        "deleted_ns": None,
        "truncated_ns": None,
        "shards": [2],
    }
    assert metrics["continuous_queries"][0]["name"] == "cq_cpu"
    assert metrics["continuous_queries"][0]["query"].startswith("CREATE CONTINUOUS QUERY cq_cpu ON metrics BEGIN")


def test_recorded_users_are_read_without_their_passwords():
    found = reader.load(files.META)
    assert found["users"] == [
        {"name": "admin", "admin": True, "has_password": True, "grants": {}},
        {"name": "reader", "admin": False, "has_password": True, "grants": {"metrics": "READ"}},
        {"name": "we ird", "admin": False, "has_password": True, "grants": {}},
        {"name": "writer", "admin": False, "has_password": True, "grants": {"metrics": "WRITE", "app": "ALL PRIVILEGES"}},
    ]
    assert b"$2a$" in files.meta_00()
    assert "$2a$" not in json.dumps(found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("empty", "does not begin"),
        ("flip", "not UTF-8"),
        ("len", "cut off"),
        ("magic", "does not begin"),
        ("notail", "cut off"),
        ("textual", "does not begin"),
        ("trunc4", "does not begin"),
        ("trunc800", "cut off"),
    ],
)
def test_damaged_backups_are_refused(name, expected):
    with pytest.raises(FleetError) as caught:
        reader.load(os.path.join(files.DAMAGED, name + ".meta.00"))
    assert expected in str(caught.value)
    assert name + ".meta.00" in str(caught.value)


def test_a_changed_byte_in_a_name_is_no_damage_that_a_reader_can_see():
    """The comparison with what the server shows finds it: see test_metastore_proof."""
    assert reader.load(os.path.join(files.DAMAGED, "onebyte.meta.00")) != reader.load(files.META)


def test_every_cut_of_the_recorded_backup_is_refused():
    content = files.meta_00()
    for length in range(len(content)):
        with pytest.raises(FleetError):
            reader.parse(content[:length])
    with pytest.raises(FleetError):
        reader.parse(content + b"\0")


def test_cuts_of_the_bare_metastore_are_refused():
    """But for those between the nodes at its very end: what may be missing is not missed. In a backup, the lengths tell."""
    bare = reader.metastore_in(files.meta_00())
    nodes = b"".join(files.field(number, value) for number, _kind, value in reader.fields(bare) if number in (10, 11))
    assert bare.endswith(nodes)
    for length in range(len(bare) - len(nodes)):
        with pytest.raises(FleetError):
            reader.parse_metastore(bare[:length])


def test_a_meta_db_is_read(tmp_path):
    files.unpack("folders-stale.tar.gz", tmp_path)
    found = reader.load(str(tmp_path / "meta" / "meta.db"))
    assert reader.shards_of(found) == {("early", "default", 1)}
    assert (found["max_shard_id"], found["node"]) == (1, None)


@pytest.mark.parametrize("node", [b"null\n", b"{}", b' {"ID": 7, "MetaServers": ["a:1"]} '])
def test_the_node_is_an_object_or_null(node):
    assert reader.parse(files.backup(files.metastore(), node))["node"] == json.loads(node.decode())


@pytest.mark.parametrize("node", [b"", b"{", b"[]", b"1", b"false", b'{"ID":1}}', b"\xff"])
def test_the_node_is_nothing_else(node):
    with pytest.raises(FleetError) as caught:
        reader.parse(files.backup(files.metastore(), node))
    assert "node.json" in str(caught.value)


def test_order_and_unknown_fields_do_not_matter():
    bare = reader.metastore_in(files.meta_00())
    pairs = [(number, value) for number, _kind, value in reader.fields(bare)]
    turned = files.message((77, b"\xff\xff"), (78, 9), *pairs[::-1]) + b"\x99\x06" + b"12345678" + b"\x9d\x06" + b"1234"
    assert reader.parse_metastore(turned) == reader.parse_metastore(bare)


def test_times_before_1970_and_deleted_groups():
    policy = files.policy(b"p", files.group(1, [1], start=-5), files.group(2, [2, 3], deleted=9))
    found = reader.parse_metastore(files.metastore((5, files.database(b"d", policy))))
    groups = found["databases"][0]["retention_policies"][0]["shard_groups"]
    assert [(one["start_ns"], one["deleted_ns"]) for one in groups] == [(-5, None), (-1, 9)]
    assert reader.shards_of(found) == {("d", "p", 1)}
    assert reader.shards_of(found, deleted=True) == {("d", "p", 1), ("d", "p", 2), ("d", "p", 3)}
    assert reader.counts(found)["shards"] == 1


def user(name, privileges=(), password=b"secret"):
    return files.message((1, name), (2, password), (3, 0), *[(4, one) for one in privileges])


def test_a_user_without_a_password_is_told():
    found = reader.parse_metastore(files.metastore((6, user(b"u", password=b""))))
    assert found["users"] == [{"name": "u", "admin": False, "has_password": False, "grants": {}}]


def test_passwords_are_compared_and_not_shown():
    first, other = [files.metastore((6, user(b"u", password=text))) for text in (b"x", b"y")]
    assert reader.same_passwords(first, first)
    assert not reader.same_passwords(first, other)


POLICY = files.policy(b"p", files.group(1, [1]))
BAD = [
    ("two databases 'd'", files.metastore((5, files.database(b"d")), (5, files.database(b"d")))),
    ("two policies 'p'", files.metastore((5, files.database(b"d", POLICY, files.policy(b"p"))))),
    ("two users 'u'", files.metastore((6, user(b"u")), (6, user(b"u")))),
    ("two grants 'd'", files.metastore((6, user(b"u", [files.message((1, b"d"), (2, 1))] * 2)))),
    ("two shards of the same", files.metastore((5, files.database(b"d", files.policy(b"p", files.group(1, [1, 1])))))),
    ("two shard groups of", files.metastore((5, files.database(b"d", files.policy(b"p", *[files.group(1, [])] * 2))))),
    ("shards up to 101", files.metastore((5, files.database(b"d", files.policy(b"p", files.group(1, [101])))))),
    ("groups up to 101", files.metastore((5, files.database(b"d", files.policy(b"p", files.group(101, [])))))),
    ("unknown number 4", files.metastore((6, user(b"u", [files.message((1, b"d"), (2, 4))])))),
    ("not UTF-8", files.metastore((5, files.database(b"\xc3")))),
    ("has 0 default_policy", files.metastore((5, files.message((1, b"d"))))),
    ("has 2 name", files.metastore((5, files.message((1, b"d"), (1, b"d"), (2, b""))))),
    ("is of the kind 0", files.metastore((5, 1))),
    ("is of the kind 2", files.message((1, 1), (2, b"x"))),
    ("has 0 max_shard_id", files.message((1, 1), (2, 2), (3, 3), (7, 1), (8, 1))),
    ("number 0", files.metastore() + b"\x00\x01"),
    ("kind 7", files.metastore() + b"garbage\n"),
    ("cut off", files.metastore() + b"\xff" * 10),
]


@pytest.mark.parametrize(("expected", "bare"), BAD, ids=[row[0] for row in BAD])
def test_what_a_metastore_cannot_be(expected, bare):
    with pytest.raises(FleetError) as caught:
        reader.parse(files.backup(bare), "meta.00")
    assert expected in str(caught.value)
    assert str(caught.value).startswith("meta.00 is no good metastore")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(FleetError) as caught:
        reader.load(str(tmp_path / "meta.00"))
    assert "cannot be read" in str(caught.value)
