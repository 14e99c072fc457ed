# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_connection import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_info import read_legacy
from ansible_collections.dbfleet.upgrade.plugins.modules import influxdb_legacy_info
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import influxdb_legacy_folders as real
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_legacy_server import (
    LONG_TERM,
    PASSWORD,
    SHARD,
    SHORT_TERM,
    Node,
    Running,
)


@pytest.fixture
def running():
    with Running(Node()) as found:
        found.node.spaces = [LONG_TERM, SHORT_TERM]
        found.node.shards = [dict(SHARD, id=23, spaceName="short_term"), SHARD]
        yield found


@pytest.fixture
def folders(tmp_path):
    return real.Folders(tmp_path)


def info(running, folders, gather, **changes):
    params = running.params(gather=gather, data_dir=folders.path, log_file=folders.log_file, **changes)
    return read_legacy(connect(params), params)


def test_0_8_tells_its_spaces_in_their_order(running, folders):
    result = info(running, folders, ["metadata", "shards"])
    assert (result["changed"], result["version"], result["version_tuple"]) == (False, "0.8.3", [0, 8, 3])
    spaces = result["metadata"].pop("shard_spaces")
    assert [(space["name"], space["shard_duration"]) for space in spaces] == [("long_term", "30d"), ("short_term", "7d")]
    assert result["metadata"] == {
        "databases": ["other", "test"],
        "users": {"other": [], "test": ["paul", "reader"]},
        "cluster_admins": ["ca", "root"],
        "servers": 1,
    }
    assert [(shard["id"], shard["database"], shard["space"]) for shard in result["shards"]] == [
        (21, "test", "long_term"),
        (23, "test", "short_term"),
    ]
    assert PASSWORD not in json.dumps(result) and running.node.changes() == []


def test_0_7_has_two_kinds_of_shards_and_no_spaces(running, folders):
    running.node.release = "0.7.3"
    result = info(running, folders, ["metadata", "shards"])
    assert (result["metadata"]["shard_spaces"], result["metadata"]["servers"]) == (None, 1)
    assert result["shards"][0] == {
        "id": 1,
        "database": None,
        "space": "short_term",
        "start": 1401321600,
        "end": 1401926400,
        "servers": [1],
    }
    assert [(shard["id"], shard["space"]) for shard in result["shards"]] == [(1, "short_term"), (5, "long_term"), (13, "short_term")]
    assert ("GET", "/cluster/shard_spaces") not in running.node.asked


def test_the_release_alone_needs_no_credentials(running, folders):
    assert set(info(running, folders, [], username=None, password=None)) == {"changed", "version", "version_tuple"}


def test_the_folders_are_read_without_credentials(running, folders):
    folders.mark("00003")
    folders.mark("00002", content=b"")
    folders.write("db/shard_db_v2/00014/type", b"rocksdb")
    folders.write("db/shard_db_v2/00001/000003.log", b"")
    folders.write("db/shard_db/notes.txt", b"no shard")
    folders.log([real.BEGUN, real.migrating("00002")])
    storage = info(running, folders, ["storage"], username=None, password=None)["storage"]
    assert [(shard["id"], shard["bytes"], shard["marked"]) for shard in storage["old_shards"]] == [
        ("00001", 100, False),
        ("00002", 100, False),
        ("00003", 106, True),
    ]
    assert storage["old_shards"][0]["path"] == os.path.join(folders.path, "db", "shard_db", "00001")
    assert [(shard["id"], shard["bytes"], shard["engine"]) for shard in storage["new_shards"]] == [
        ("00001", 0, "leveldb"),
        ("00014", 7, "rocksdb"),
    ]
    assert (storage["raft"], storage["migrating"]) == (True, True)


def test_a_migration_that_began_yesterday_runs(running, folders):
    folders.log([real.BEGUN, real.migrating("00002")])
    os.rename(folders.log_file, folders.log_file + ".001")
    folders.log([real.done("test")])
    assert info(running, folders, ["storage"])["storage"]["migrating"] is True
    folders.mark("00001", "00002", "00003")
    assert info(running, folders, ["storage"])["storage"]["migrating"] is False


def test_folders_that_are_not_there_are_empty(running, folders, tmp_path):
    folders.path, folders.log_file = str(tmp_path / "none"), str(tmp_path / "none.txt")
    assert info(running, folders, ["storage"])["storage"] == {"raft": False, "old_shards": [], "new_shards": [], "migrating": None}


def test_a_server_of_another_time_is_told(running, folders):
    running.node.release = "1.4.3"
    with pytest.raises(FleetError) as caught:
        info(running, folders, ["metadata"])
    assert caught.value.facts["reason"] == "release" and "influxdb_info" in str(caught.value)


def test_everything_is_gathered_by_default():
    options = influxdb_legacy_info.OPTIONS
    assert options["gather"]["default"] == ["metadata", "shards", "storage"] and options["password"]["no_log"] is True
