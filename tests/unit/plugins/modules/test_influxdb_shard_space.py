# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_connection import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_space import read_spaces
from ansible_collections.dbfleet.upgrade.plugins.modules import influxdb_shard_space, influxdb_shard_space_info
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
        found.node.spaces = [SHORT_TERM]
        yield found


def change(running, check_mode=False, **changes):
    options = {
        "state": "present",
        "database": ["test"],
        "name": "long_term",
        "regex": None,
        "retention_policy": None,
        "shard_duration": None,
        "replication_factor": None,
        "split": None,
        "force": False,
    }
    return influxdb_shard_space.change(running.params(**dict(options, **changes)), check_mode)


def failure(running, **changes):
    with pytest.raises(FleetError) as caught:
        change(running, **changes)
    return caught.value


def test_a_new_space_comes_first_and_has_the_servers_defaults(running):
    result = change(running, regex="/^[A-Z].*/", shard_duration="30d")
    assert running.node.spaces == [LONG_TERM, SHORT_TERM]
    [space] = result["spaces"]
    assert (result["changed"], result["before"]) == (True, [])
    assert result["diff"] == {"before": {}, "after": {"test": space}}
    assert space["shard_duration"] == "30d" and space["retention_policy"] == "inf"
    assert running.node.changes() == [("POST", "/cluster/shard_spaces/test")]


def test_check_mode_predicts_what_comes_and_sends_nothing(running):
    predicted = change(running, check_mode=True, regex="/^[A-Z].*/", shard_duration="30d")
    assert running.node.changes() == []
    assert predicted == change(running, regex="/^[A-Z].*/", shard_duration="30d")


@pytest.mark.parametrize(
    "changes", [{}, {"shard_duration": "168h"}, {"regex": ".*", "retention_policy": "inf"}, {"split": 1, "replication_factor": 1}]
)
def test_what_means_the_same_is_left_alone(running, changes):
    result = change(running, name="short_term", **changes)
    assert result["changed"] is False and result["spaces"][0]["shard_duration"] == "7d"
    assert running.node.changes() == []


def test_a_change_keeps_what_is_not_given_and_sends_the_whole_space(running):
    result = change(running, name="short_term", retention_policy="30d")
    assert result["changed"] is True
    assert running.node.spaces == [dict(SHORT_TERM, retentionPolicy="30d")]
    assert running.node.changes() == [("POST", "/cluster/shard_spaces/test/short_term")]
    assert result["before"][0]["retention_policy"] == "inf" and result["spaces"][0]["retention_policy"] == "30d"


@pytest.mark.parametrize("version", ["0.8.0", "0.8.1"])
def test_a_release_that_cannot_change_a_space_is_told(running, version):
    running.node.release = version
    error = failure(running, name="short_term", retention_policy="30d")
    assert error.facts["reason"] == "release" and "0.8.2" in str(error)
    assert change(running, regex="/^a/")["changed"] is True


def test_0_7_has_no_spaces(running):
    running.node.release = "0.7.3"
    assert failure(running, regex="/.*/").facts == {"reason": "release", "version": "0.7.3"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "regex"),
        ({"regex": ""}, "regex"),
        ({"regex": "/[/"}, "regex"),
        ({"regex": "/a/", "shard_duration": "7"}, "duration"),
        ({"regex": "/a/", "shard_duration": "inf"}, "duration"),
        ({"regex": "/a/", "retention_policy": "x"}, "duration"),
        ({"regex": "/a/", "replication_factor": 2}, "replication-factor"),
        ({"regex": "/a/", "replication_factor": 0}, "replication-factor"),
        ({"regex": "/a/", "split": 0}, "split"),
        ({"regex": "/a/", "database": ["nosuchdb"]}, "database"),
        ({"regex": "/a/", "database": ["test", "nosuchdb"]}, "database"),
        ({"regex": "/a/", "database": ["a/b"]}, "name"),
        ({"regex": "/a/", "name": ""}, "name"),
    ],
)
def test_what_the_server_would_do_otherwise_is_refused(running, changes, reason):
    for check_mode in (True, False):
        assert failure(running, check_mode=check_mode, **changes).facts["reason"] == reason
    assert running.node.changes() == []


def test_as_many_copies_as_servers_are_taken(running):
    running.node.servers = json.dumps([{"id": 1}, {"id": 2}])
    assert change(running, regex="/a/", replication_factor=2)["changed"] is True
    assert failure(running, name="other", regex="/a/", replication_factor=3).facts["reason"] == "replication-factor"


def test_a_change_that_has_no_effect_is_told(running):
    running.node.answers["POST", "/cluster/shard_spaces/test"] = (200, "")
    assert failure(running, regex="/a/").facts["reason"] == "no-effect"
    running.node.answers["DELETE", "/cluster/shard_spaces/test/short_term"] = (200, "")
    assert failure(running, state="absent", name="short_term").facts["reason"] == "no-effect"


def test_a_space_is_removed(running):
    predicted = change(running, check_mode=True, state="absent", name="short_term")
    assert running.node.changes() == []
    assert predicted == change(running, state="absent", name="short_term")
    assert (predicted["changed"], len(predicted["before"]), predicted["spaces"]) == (True, 1, [])
    assert running.node.spaces == []


@pytest.mark.parametrize("changes", [{}, {"name": "short_term", "database": ["other"]}, {"database": ["nosuchdb"]}])
def test_no_removal_is_sent_for_a_space_that_is_not_there(running, changes):
    assert change(running, state="absent", force=True, **changes)["changed"] is False
    assert running.node.changes() == []


BOTH = ["test", "other"]


def test_many_databases_get_the_same_space_and_those_that_have_it_are_left_alone(running):
    predicted = change(running, check_mode=True, name="short_term", database=BOTH, regex="/.*/")
    assert running.node.changes() == []
    assert predicted == change(running, name="short_term", database=BOTH + ["other"], regex="/.*/")
    assert [(space["database"], space["name"]) for space in predicted["spaces"]] == [("other", "short_term"), ("test", "short_term")]
    assert [space["database"] for space in predicted["before"]] == ["test"]
    assert running.node.changes() == [("POST", "/cluster/shard_spaces/other")]
    assert change(running, name="short_term", database=BOTH)["changed"] is False


def test_the_server_is_asked_as_often_for_many_databases_as_for_one(running):
    asked = []
    for databases in (["test"], BOTH):
        already = len(running.node.asked)
        change(running, check_mode=True, database=databases, regex="/^[A-Z].*/")
        asked.append(len(running.node.asked) - already)
    assert asked[0] == asked[1]


def test_a_space_of_many_databases_is_removed_where_it_is(running):
    running.node.shards = [dict(SHARD, spaceName="short_term")]
    error = failure(running, state="absent", name="short_term", database=BOTH)
    assert "short_term of test holds 1 shard" in str(error) and running.node.changes() == []
    assert change(running, state="absent", name="short_term", database=BOTH, force=True)["changed"] is True
    assert running.node.changes() == [("DELETE", "/cluster/shard_spaces/test/short_term")]


def test_data_is_destroyed_by_request_only(running):
    running.node.shards = [dict(SHARD, spaceName="short_term"), dict(SHARD, database="other", spaceName="short_term")]
    error = failure(running, state="absent", name="short_term")
    assert error.facts == {"reason": "data", "shards": 1} and running.node.changes() == []
    assert change(running, state="absent", name="short_term", force=True)["changed"] is True


def test_the_options_have_the_servers_names_too():
    options = influxdb_shard_space.OPTIONS
    aliases = {name: options[name]["aliases"] for name in options if "aliases" in options[name]}
    assert aliases == {
        "retention_policy": ["retentionPolicy"],
        "shard_duration": ["shardDuration"],
        "replication_factor": ["replicationFactor"],
    }
    assert influxdb_shard_space_info.OPTIONS["password"]["no_log"] is True


def test_spaces_and_findings_are_shown(running):
    running.node.spaces = [SHORT_TERM, LONG_TERM]
    result = read_spaces(connect(running.params()), None, None)
    assert [space["name"] for space in result["spaces"]] == ["short_term", "long_term"]
    assert [(one["kind"], one["database"]) for one in result["findings"]] == [("no-catch-all", "other"), ("unreachable", "test")]
    assert result["changed"] is False and PASSWORD not in json.dumps(result)
    only = read_spaces(connect(running.params()), "other", None)
    assert (only["spaces"], len(only["findings"])) == ([], 1)


@pytest.mark.parametrize(("database", "data_age", "reason"), [("nosuchdb", None, "database"), ("test", "old", "duration")])
def test_bad_questions_are_told(running, database, data_age, reason):
    with pytest.raises(FleetError) as caught:
        read_spaces(connect(running.params()), database, data_age)
    assert caught.value.facts["reason"] == reason
