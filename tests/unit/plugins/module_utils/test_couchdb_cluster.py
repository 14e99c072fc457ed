# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_cluster as couchdb_cluster
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.couchdb_answers import answer, fake_cluster

ONE, TWO, THREE, FOUR = ["couchdb@10.0.0.{0}".format(number) for number in range(1, 5)]
LOW, HIGH = "00000000-7fffffff", "80000000-ffffffff"
SECURITY = {"members": {"roles": ["_admin"]}, "admins": {"roles": ["_admin"]}}


def database(low, high=None):
    return {"_shards": {LOW: low, HIGH: high or low}, "_security": SECURITY}


def three():
    """A healthy cluster with a database of a user and one of the system."""
    nodes, connect = fake_cluster()
    for node in nodes:
        node.databases = {"metrics/east": database([ONE, TWO, THREE]), "_users": database([THREE, ONE, TWO])}
    return nodes, connect


def look(nodes, connect, **changes):
    params = {"nodes": [{"host": node.host, "port": None} for node in nodes], "port": 5984, "members": None, "databases": True}
    return couchdb_cluster.read_cluster(dict(params, **changes), connect)


def ids(found):
    return [problem["id"] for problem in found["problems"]]


def problem(found, name):
    [one] = [problem for problem in found["problems"] if problem["id"] == name]
    return one


def test_a_healthy_cluster_has_no_problems():
    found = look(*three())
    assert found["problems"] == []
    assert found["names"] == [ONE, TWO, THREE]
    assert found["versions"] == {"3.4.3": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]}
    assert found["databases"][1] == {
        "name": "metrics/east",
        "n": 3,
        "shards": {LOW: [ONE, TWO, THREE], HIGH: [ONE, TWO, THREE]},
        "security": SECURITY,
        "disk_format": 8,
    }
    first = found["nodes"][0]
    assert (first["reached"], first["error"], first["reason"]) == (True, None, None)
    assert first["all_nodes"] == first["cluster_nodes"] == [ONE, TWO, THREE]
    assert first["name"] == ONE and first["up"] == {"status": "ok", "code": 200}
    assert first["maintenance"] == {"couchdb": None, "cloudant": None} and first["internal_replication_jobs"] == 0


def test_each_database_takes_three_requests_and_none_where_they_are_not_wanted():
    nodes, connect = three()
    look(nodes, connect, databases=True)
    of_databases = [path for node in nodes for _method, path, _body in node.asked if "metrics" in path or "_users" in path]
    assert len(of_databases) == 6
    assert "databases" not in look(nodes, connect, databases=False)


def test_a_member_that_is_down_at_the_start():
    nodes, connect = three()
    nodes[2].down = True
    found = look(nodes, connect)
    assert ids(found) == ["member-unreached", "member-down", "shard-copies-missing"]
    assert problem(found, "member-unreached")["nodes"] == ["10.0.0.3"]
    assert problem(found, "member-down")["nodes"] == [THREE]
    missing = problem(found, "shard-copies-missing")
    assert missing["nodes"] == [THREE] and missing["databases"] == ["_users", "metrics/east"]
    assert "copies can be used: 4" in missing["message"] and "2 of 3" in missing["message"]
    assert found["nodes"][2]["reason"] == "unreachable" and "refused" in found["nodes"][2]["error"]
    assert found["names"] == [ONE, TWO, THREE]


@pytest.mark.parametrize("value", ["true", "nolb"])
def test_a_second_node_that_is_in_maintenance_at_the_start(value):
    nodes, connect = three()
    nodes[1].flag["couchdb"] = value
    found = look(nodes, connect)
    assert ids(found) == ["in-maintenance", "shard-copies-missing"]
    assert problem(found, "in-maintenance")["nodes"] == [TWO]
    assert problem(found, "shard-copies-missing")["nodes"] == [TWO]


@pytest.mark.parametrize(("section", "value"), [("cloudant", "true"), ("couchdb", "maybe"), ("couchdb", "false")])
def test_a_flag_without_an_effect_is_no_maintenance(section, value):
    nodes, connect = three()
    nodes[1].flag[section] = value
    found = look(nodes, connect)
    assert found["problems"] == [] and found["nodes"][1]["maintenance"][section] == value


def test_every_problem_says_what_to_do_in_whole_sentences():
    nodes, connect = three()
    nodes[0].cut = {TWO, THREE}
    nodes[1].flag["couchdb"] = "true"
    nodes[2].down = True
    found = look(nodes, connect, members=[ONE, FOUR])
    assert len(found["problems"]) > 4
    for one in found["problems"]:
        assert ". What to do: " in one["message"] or one["id"] == "member-unreached"
        assert one["message"].endswith(".") and not one["message"].endswith("..")


def test_an_island_is_seen_though_every_node_is_up():
    nodes, connect = three()
    nodes[0].cut = {TWO, THREE}
    found = look(nodes, connect)
    assert [node["up"]["status"] for node in found["nodes"]] == ["ok", "ok", "ok"]
    assert ids(found) == ["membership-differs", "shard-copies-missing"]
    message = problem(found, "membership-differs")["message"]
    assert "seen from {0}, connected: {0}, members: {0}, {1}, {2}".format(ONE, TWO, THREE) in message
    assert "seen from {0}, {1}, connected: {0}, {1}, members".format(TWO, THREE) in message
    assert problem(found, "shard-copies-missing")["nodes"] == [ONE], "the island is not the one that is believed"


def test_a_node_with_a_new_name_is_a_fourth_member():
    nodes, connect = fake_cluster(4)
    for node in nodes:
        node.databases = {"metrics/east": database([ONE, TWO, FOUR])}
    nodes[3].down = True
    found = look(nodes[:3], connect, members=[ONE, TWO, FOUR])
    assert ids(found) == ["member-down", "member-count-differs", "members-changed", "shard-copies-missing"]
    assert problem(found, "member-down")["nodes"] == [FOUR]
    assert problem(found, "member-count-differs")["nodes"] == [FOUR]
    assert problem(found, "members-changed")["nodes"] == [THREE]
    assert problem(found, "shard-copies-missing")["nodes"] == [FOUR]


def test_members_that_are_those_expected_are_no_problem_in_any_order():
    nodes, connect = three()
    assert look(nodes, connect, members=[TWO, THREE, ONE])["problems"] == []
    changed = problem(look(nodes, connect, members=[ONE, TWO, FOUR]), "members-changed")
    assert changed["nodes"] == [THREE, FOUR]
    assert "lost {0}, new {1}".format(FOUR, THREE) in changed["message"]


def test_a_connected_node_that_is_no_member():
    nodes, connect = three()
    for node in nodes:
        node.members = [ONE, TWO]
        node.databases = {}
    found = look(nodes, connect)
    assert ids(found) == ["member-unknown", "member-count-differs"]
    assert problem(found, "member-unknown")["nodes"] == [THREE]


def test_one_node_behind_two_addresses():
    _nodes, connect = three()
    addresses = [{"host": "10.0.0.1", "port": None}, {"host": "10.0.0.1", "port": 5985}, {"host": "10.0.0.3", "port": None}]
    params = {"nodes": addresses, "port": 5984, "members": None, "databases": False}
    found = problem(couchdb_cluster.read_cluster(params, connect), "name-repeated")
    assert found["nodes"] == [ONE] and "10.0.0.1:5984, 10.0.0.1:5985" in found["message"]


def test_a_name_that_is_not_told_is_a_problem_where_no_member_lives_at_the_address():
    nodes, connect = fake_cluster(2, version="2.1.0")
    found = look(nodes, connect)
    assert found["problems"] == [] and [node["name"] for node in found["nodes"]] == [ONE, TWO]
    nodes[0].host = "127.0.0.1"
    assert problem(look(nodes, connect), "name-unknown")["nodes"] == ["127.0.0.1"]


def test_a_seeding_node_is_not_ready():
    node = {"host": "a", "port": 5984, "name": ONE, "reached": True, "up": {"status": "seeding", "code": 404}}
    node.update(all_nodes=[ONE], cluster_nodes=[ONE])
    [found] = couchdb_cluster.member_problems([node], None)
    assert found["id"] == "member-not-ready" and found["nodes"] == [ONE]


def test_a_range_with_fewer_copies_in_the_map_than_another():
    nodes, connect = three()
    for node in nodes:
        node.databases = {"metrics/east": database([ONE, TWO, THREE], [ONE, TWO])}
    found = look(nodes, connect)
    assert ids(found) == ["shard-copies-uneven"]
    assert problem(found, "shard-copies-uneven")["databases"] == ["metrics/east"]


def test_a_single_copy_is_a_problem_only_where_there_are_more_members():
    nodes, connect = three()
    for node in nodes:
        node.databases = {"cache": database([ONE])}
    assert problem(look(nodes, connect), "shard-copy-single")["databases"] == ["cache"]
    nodes, connect = fake_cluster(1)
    nodes[0].databases = {"cache": database([ONE])}
    assert look(nodes, connect)["problems"] == []


def test_a_message_names_some_of_many():
    nodes, connect = three()
    for node in nodes:
        node.databases = {"db{0:02d}".format(number): database([ONE]) for number in range(12)}
    found = problem(look(nodes, connect), "shard-copy-single")
    assert "db09 and 2 more" in found["message"] and len(found["databases"]) == 12


def test_a_database_that_cannot_be_read_is_a_problem_and_one_that_was_deleted_is_none():
    nodes, connect = three()
    no_majority = answer({"error": "error", "reason": "no_majority"}, 500)
    deleted = answer({"error": "not_found", "reason": "Database does not exist."}, 404)
    for node in nodes:
        node.databases["bad"] = dict(database([ONE, TWO, THREE]), _security=no_majority)
        node.databases["gone"] = {"_shards": deleted}
    found = look(nodes, connect)
    assert ids(found) == ["database-unreadable"]
    assert problem(found, "database-unreadable")["databases"] == ["bad"]
    assert "no_majority" in problem(found, "database-unreadable")["message"]
    assert [entry["name"] for entry in found["databases"]] == ["_users", "metrics/east"]


def test_databases_that_cannot_even_be_listed():
    nodes, connect = three()
    for node in nodes:
        node._all_dbs = lambda: answer({"error": "nodedown", "reason": "progress not possible"}, 412)
        node.flag["couchdb"] = "true"
    found = look(nodes, connect)
    assert ids(found) == ["in-maintenance"] * 3 + ["database-unreadable"]
    assert found["databases"] == []


def test_without_any_node_there_is_no_answer():
    nodes, connect = three()
    for node in nodes:
        node.down = True
    with pytest.raises(FleetError) as caught:
        look(nodes, connect)
    assert caught.value.facts["reason"] == "unreachable"
    assert [node["reached"] for node in caught.value.facts["nodes"]] == [False, False, False]
