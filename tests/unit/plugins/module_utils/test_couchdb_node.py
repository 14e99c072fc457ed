# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_node as couchdb_node
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.couchdb_answers import (
    RECORDED,
    Transport,
    answer,
    client_of,
    recorded,
    welcome,
)

THREE = ["couchdb_a1@127.0.0.11", "couchdb_a2@127.0.0.12", "couchdb_a3@127.0.0.13"]
ALL = ["version", "up", "name", "membership", "maintenance", "replication", "databases"]
UNSET = answer({"error": "not_found", "reason": "unknown_config_value"}, 404)
CLOUDANT = {"name": "IBM Cloudant", "version": "1.1.0"}


def flag_of(name, couchdb, cloudant):
    path = "GET /_node/{0}/_config/{1}/maintenance_mode"
    return {path.format(name, "couchdb"): couchdb, path.format(name, "cloudant"): cloudant}


def test_all_of_a_recorded_node():
    answers = recorded("root", "membership", "all_dbs", "up a2")
    answers["GET /_node/_local"] = answer({"name": THREE[1]})
    answers["GET /_node/" + THREE[1] + "/_system"] = recorded("system")["GET /_node/_local/_system"]
    answers.update(flag_of(THREE[1], recorded("config get")["GET /_node/_local/_config/couchdb/maintenance_mode"], UNSET))
    assert couchdb_node.read_node(client_of(Transport(answers)), "127.0.0.12", ALL) == {
        "product": "couchdb",
        "version": "3.4.3",
        "api_version": "3.4.3",
        "vendor": "The Apache Software Foundation",
        "uuid": "0000000000000000000000000000000a",
        "features": ["quickjs", "access-ready", "partitioned", "pluggable-storage-engines", "reshard", "scheduler"],
        "up": {"status": "maintenance_mode", "code": 404},
        "name": THREE[1],
        "membership": {"all_nodes": THREE, "cluster_nodes": THREE},
        "maintenance": {"couchdb": "true", "cloudant": None},
        "internal_replication_jobs": 0,
        "database_count": 4,
    }


def test_release_and_status_need_no_credentials():
    transport = Transport(recorded("root", "up"))
    found = couchdb_node.read_node(client_of(transport), "db", ["version", "up"])
    assert found["version"] == "3.4.3" and found["up"] == {"status": "ok", "code": 200}
    assert all(anonymous for _question, _body, anonymous in transport.asked)
    assert set(found) == {"product", "version", "api_version", "vendor", "uuid", "features", "up"}


MEMBERS = ["cloudant@db1.example.com", "cloudant@db2.example.com"]
ADDRESSES = {"db1.example.com": ["10.0.0.1"], "db2.example.com": ["10.0.0.2"], "alias": ["10.0.0.2"]}


@pytest.mark.parametrize(
    ("members", "host", "expected"),
    [
        (MEMBERS, "db1.example.com", MEMBERS[0]),
        (MEMBERS, "DB1.Example.com", MEMBERS[0]),
        (MEMBERS, "10.0.0.2", MEMBERS[1]),
        (MEMBERS, "alias", MEMBERS[1]),
        (MEMBERS, "localhost", None),
        (MEMBERS[:1], "localhost", MEMBERS[0]),
        (["a@db1.example.com", "b@db1.example.com"], "db1.example.com", None),
    ],
)
def test_a_name_that_the_release_does_not_tell_is_the_only_member_at_the_host(members, host, expected):
    membership = {"GET /_membership": answer({"all_nodes": members, "cluster_nodes": members})}
    client = client_of(Transport(dict(welcome("2.0.0", vendor=CLOUDANT), **membership)))
    assert couchdb_node.own_name(client, host, lambda name: ADDRESSES.get(name, [])) == expected


def test_a_name_that_the_release_tells_is_believed_without_a_look_at_hosts():
    answers = dict(recorded("root"), **{"GET /_node/_local": answer({"name": "couchdb@elsewhere"})})
    assert couchdb_node.own_name(client_of(Transport(answers)), "db") == "couchdb@elsewhere"


@pytest.mark.parametrize(("version", "host"), [("2.0.0", "localhost"), ("1.0.0.5-local", "db1.example.com")])
def test_without_a_name_or_an_interface_nothing_is_asked_for_by_name(version, host):
    answers = dict(welcome(version), **{"GET /_membership": answer({"all_nodes": MEMBERS, "cluster_nodes": MEMBERS})})
    found = couchdb_node.read_node(client_of(Transport(answers)), host, ["maintenance", "replication"])
    assert found["maintenance"] is None and found["internal_replication_jobs"] is None
    assert found["name"] == (None if host == "localhost" else MEMBERS[0])


def test_a_name_that_is_given_serves_where_nothing_tells_it():
    answers = dict(welcome("1.0.0.5-local"), **{"GET /_membership": answer({"all_nodes": MEMBERS, "cluster_nodes": MEMBERS})})
    for host, expected in (("localhost", "cloudant@given"), ("db1.example.com", MEMBERS[0])):
        assert couchdb_node.read_node(client_of(Transport(answers)), host, ["name"], "cloudant@given")["name"] == expected


def test_refused_credentials_are_told():
    answers = dict(recorded("root"), **{"GET /_membership": recorded("no auth")["GET /_all_dbs"]})
    with pytest.raises(FleetError) as caught:
        couchdb_node.read_node(client_of(Transport(answers)), "db", ["membership"])
    assert caught.value.facts["reason"] == "credentials"
    assert RECORDED["no auth"]["code"] == caught.value.facts["http_status"]
