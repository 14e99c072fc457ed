# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _changes, _checks, _cloudant_db

ETC = "/opt/couchdb/etc"
LOOK: dict[str, Any] = {
    "package": {"manager": "dpkg", "version": "3.3.3~bookworm", "upstream": "3.3.3", "arch": "amd64"},
    "service": {"name": "couchdb", "exists": True, "active": True},
    "state": {"swap": None, "lock": None, "backups": []},
    "disk": {"state_dir": {"free": 10**9}},
}
ANSWER: dict[str, Any] = {"version": "3.3.3", "name": "couchdb@10.0.0.1", "up": {"status": "ok", "code": 200}}
NOTE = {"id": "couchdb-3.3.3-3.4.3", "from": "3.3.3", "to": "3.4.3", "node": "couchdb@10.0.0.1"}
NODES = [{"host": f"10.0.0.{number}", "port": 5984} for number in (1, 2, 3)]
HOSTS = ["db1", "db2", "db3"]
HEALTHY: dict[str, Any] = {
    "problems": [],
    "names": ["couchdb@10.0.0.1", "couchdb@10.0.0.2"],
    "nodes": [{"host": one["host"], "reached": True, "name": f"couchdb@{one['host']}"} for one in NODES],
    "databases": [
        {"name": "a", "security": {"admins": {"names": ["x"]}}, "disk_format": 8},
        {"name": "b", "security": {}, "disk_format": 8},
    ],
}


def node(answer: dict[str, Any] | None = None, note: dict[str, Any] | None = None, **look: Any) -> dict[str, Any]:
    answered = ANSWER if answer is None else answer
    return _cloudant_db.looked_at({**LOOK, **look}, answered, note or {}, HOSTS, NODES, "couchdb")


def slurped(text: str) -> dict[str, Any]:
    return {"content": base64.b64encode(text.encode()).decode()}


def ids(findings: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(one["id"], one["severity"]) for one in findings]


def found(one: dict[str, Any], cluster: dict[str, Any] | None = None, **changes: Any) -> list[tuple[str, str]]:
    values = {"target": "3.4.3", "excused": [], "balancers": [{"backends": []}], **changes}
    return ids(_cloudant_db.preflight(one, cluster=HEALTHY if cluster is None else cluster, **values))


def test_members_are_the_hosts_with_the_same_cluster_and_the_host_itself_is_first() -> None:
    hostvars = {"db1": {"fleet_cluster": "a"}, "db2": {"fleet_cluster": "a"}, "db3": {"fleet_cluster": "b"}, "db4": {}}
    assert _cloudant_db.members("db2", hostvars, list(hostvars)) == ["db2", "db1"]
    assert _cloudant_db.members("db4", hostvars, list(hostvars)) == ["db4"]


def test_each_member_answers_where_its_own_variables_say() -> None:
    hostvars = {
        "db1": {"ansible_host": "10.0.0.1"},
        "db2": {"ansible_host": "10.0.0.2", "cloudant_db_host": "db2.lan", "cloudant_db_port": "6984"},
        "db3": {},
    }
    assert _cloudant_db.addresses(["db1", "db2", "db3"], hostvars, 5984) == [
        {"host": "10.0.0.1", "port": 5984},
        {"host": "db2.lan", "port": 6984},
        {"host": "db3", "port": 5984},
    ]


def test_a_member_has_the_erlang_name_that_was_read_of_it() -> None:
    hostvars: dict[str, Any] = {"db1": {}, "db2": {}}
    found = _cloudant_db.addresses(["db1", "db2"], hostvars, 5984, ["cloudant@db1.lan", ""])
    assert found == [{"host": "db1", "port": 5984, "name": "cloudant@db1.lan"}, {"host": "db2", "port": 5984}]


def test_a_node_whose_change_began_may_be_without_its_service() -> None:
    assert found(node(answer={"msg": "no"}, note=NOTE, service={**LOOK["service"], "exists": False})) == []


@pytest.mark.parametrize(
    ("way_back", "expected"),
    [
        ({"source": "file", "version": "3.3.3~bookworm"}, []),
        ({"msg": "no source has it"}, [("rollback-none", "blocker")]),
    ],
)
def test_a_way_back_that_cannot_be_had_is_found(way_back: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert ids(_checks.of_way_back(way_back)) == expected


def test_settings_in_the_files_of_the_release_are_missed_beforehand() -> None:
    said = """??5?????? c /opt/couchdb/etc/local.ini
missing     /opt/couchdb/etc/default.d/README
??5??????   /opt/couchdb/etc/default.ini
"""
    found = _cloudant_db.of_defaults({"stdout": said}, ETC)
    assert (
        ids(found) == [("default-changed", "warning")] and "/opt/couchdb/etc/default.ini is not" in found[0]["message"]
    )
    assert _cloudant_db.of_defaults({"stdout": said.replace("default.ini", "x.ini")}, ETC) == []
    assert _cloudant_db.of_defaults({"msg": "no dpkg"}, ETC) == []


REPORT = """['couchdb@10.0.0.1'] [crit] Bad rpc call executing check weatherreport_check_disk: nodedown
['couchdb@10.0.0.1'] [error] Rebuilding this node will leave the following shards with only one live copy: metrics
['couchdb@10.0.0.1'] [warning] 2 live shards for Db metrics.
['couchdb@10.0.0.2'] [notice] Data directory is not mounted with 'noatime'.
"""


def test_weatherreport_is_judged_by_its_lines() -> None:
    found = _cloudant_db.of_weather({"rc": 1, "stdout": REPORT})
    assert ids(found) == [("weatherreport", "blocker"), ("weatherreport", "warning")]
    assert "[error] of couchdb@10.0.0.1: Rebuilding this node" in found[0]["message"]
    assert "Bad rpc call" in found[1]["message"]
    assert found[1]["message"].endswith("[warning] of couchdb@10.0.0.1: 2 live shards for Db metrics")


def test_a_long_list_of_weatherreport_is_cut() -> None:
    lines = "".join(f"['a@b'] [warning] {number} {'x' * 500}\n" for number in range(9))
    [found] = _cloudant_db.of_weather({"stdout": lines})
    assert len(found["message"]) < 700 and found["message"].endswith("and 6 more")


@pytest.mark.parametrize(
    "result",
    [
        {"rc": 0, "stdout": "No diagnostic messages to report."},
        {"rc": 1, "stdout": "['couchdb@10.0.0.2'] [notice] Data directory is not mounted with 'noatime'."},
        {"msg": "[Errno 2] No such file or directory: b'weatherreport'"},
    ],
)
def test_what_weatherreport_has_no_complaint_about_is_no_finding(result: dict[str, Any]) -> None:
    assert _cloudant_db.of_weather(result) == []


def test_a_node_is_what_it_says() -> None:
    one = node()
    assert (one["version"], one["name"], one["resume"]) == ("3.3.3", "couchdb@10.0.0.1", {})
    assert _cloudant_db.summary(one, {}, "east", 3)["rank"] == 3
    assert node(answer={"reason": "unreachable", "msg": "x"})["version"] == "3.3.3"


@pytest.mark.parametrize("running", ["3.3.3", "3.4.3"])
def test_a_change_under_way_goes_on_from_where_it_began_and_comes_first(running: str) -> None:
    one = node(answer={**ANSWER, "version": running}, note=NOTE)
    assert (one["version"], one["running"]) == ("3.3.3", running)
    assert _cloudant_db.summary(one, {}, "east", 3)["rank"] == -1
    change = {"id": NOTE["id"], "source": "3.3.3", "target": "3.4.3"}
    assert _cloudant_db.kept(one)["unfinished"] == {**change, "one_way": False}
    assert _cloudant_db.kept(node(note={**NOTE, "one_way": True}))["unfinished"]["one_way"]
    assert _cloudant_db.own_name(one) == ["couchdb@10.0.0.1"]


@pytest.mark.parametrize(
    ("swap", "under_way"),
    [
        (None, False),
        ({"id": "couchdb-3.3.3-3.4.3", "finished": False}, True),
        ({"id": "couchdb-3.3.3-3.4.3", "finished": True, "outcome": "failed"}, True),
        ({"id": "couchdb-3.3.3-3.4.3", "finished": True, "outcome": "swapped"}, False),
        ({"id": "influxdb-1.3.9-1.4.3", "finished": False}, False),
    ],
)
def test_a_swap_that_did_not_end_is_a_change_under_way(swap: dict[str, Any] | None, under_way: bool) -> None:
    one = node(state={**LOOK["state"], "swap": swap})
    assert bool(one["resume"]) is under_way


def test_the_last_change_is_the_one_that_brought_the_release() -> None:
    backups = ["couchdb-3.2.1-3.3.3", "couchdb-3.3.3-3.4.3", "influxdb-1.3.9-1.4.3"]
    one = node(state={**LOOK["state"], "backups": backups})
    assert _cloudant_db.kept(one)["last"] == {"id": "couchdb-3.2.1-3.3.3", "source": "3.2.1", "target": "3.3.3"}
    assert _cloudant_db.kept(node())["last"] is None


def test_a_sound_node_of_a_whole_cluster_has_no_findings() -> None:
    assert found(node()) == []


def problem(id_: str, *nodes: str) -> dict[str, Any]:
    return {**HEALTHY, "problems": [{"id": id_, "message": "m. What to do: w.", "nodes": list(nodes), "databases": []}]}


@pytest.mark.parametrize(
    ("one", "changes", "expected"),
    [
        (node(service={**LOOK["service"], "exists": False}), {}, ("service-unknown", "error")),
        (node(service={**LOOK["service"], "active": False}), {}, ("service-not-running", "error")),
        (node(answer={"reason": "credentials", "msg": "no"}), {}, ("api-credentials", "error")),
        (node(answer={"msg": "no"}), {}, ("api-unreachable", "error")),
        (node(), {"cluster": {"msg": "nobody answers"}}, ("cluster-unchecked", "error")),
        (node(), {"cluster": problem("member-down", "couchdb@10.0.0.3")}, ("member-down", "error")),
        (node(), {"cluster": problem("in-maintenance", "couchdb@10.0.0.1")}, ("in-maintenance", "error")),
        (node(), {"cluster": problem("shard-copy-single")}, ("shard-copy-single", "blocker")),
        (node(answer={**ANSWER, "product": "cloudant"}), {}, ("product-differs", "error")),
        (node(), {"balancers": []}, ("balancer-none", "warning")),
        (node(), {"balancers": [{"msg": "401"}]}, ("balancer-unreachable", "error")),
        (node(note={**NOTE, "to": "3.4.2"}), {}, ("swap-unfinished", "error")),
    ],
)
def test_what_speaks_against_the_upgrade_is_found(
    one: dict[str, Any], changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert found(one, **changes) == [expected]


def test_the_absence_of_a_node_whose_change_this_run_ends_is_excused_and_no_other() -> None:
    excused = ["couchdb@10.0.0.1"]
    for id_ in ("in-maintenance", "member-down", "shard-copies-missing"):
        assert found(node(), problem(id_, "couchdb@10.0.0.1"), excused=excused) == []
        assert found(node(), problem(id_, "couchdb@10.0.0.1", "couchdb@10.0.0.2"), excused=excused) == [(id_, "error")]
    assert found(node(), problem("membership-differs", "couchdb@10.0.0.1"), excused=excused) != []


def test_a_node_that_is_silent_is_known_by_its_address() -> None:
    silent = problem("member-unreached", "10.0.0.1")
    silent["nodes"] = [{"host": "10.0.0.1", "reached": False}, *HEALTHY["nodes"][1:]]
    assert found(node(), silent, excused=["couchdb@10.0.0.1"]) == []
    two = problem("member-unreached", "10.0.0.1", "10.0.0.2")
    two["nodes"] = [{"host": f"10.0.0.{number}", "reached": False} for number in (1, 2)] + HEALTHY["nodes"][2:]
    assert found(node(), two, excused=["couchdb@10.0.0.1"]) == [("member-unreached", "error")]


def test_who_is_excused_is_known_from_all_hosts_of_the_cluster() -> None:
    hostvars = {"db1": {"cloudant_db_node": node(note=NOTE)}, "db2": {"cloudant_db_node": node()}, "db3": {}}
    assert _cloudant_db.excused(node(), hostvars) == ["couchdb@10.0.0.1"]


def test_security_that_changed_is_named_and_new_databases_are_nobodys_loss() -> None:
    before = json.loads(json.dumps(_cloudant_db.record(HEALTHY)))
    after = {**HEALTHY, "databases": [{"name": name, "security": {}, "disk_format": 8} for name in "ac"]}
    assert _cloudant_db.changed_security(before, HEALTHY) == []
    assert _cloudant_db.changed_security(before, after) == ["a"]


def test_what_a_user_set_is_carried_over_and_what_the_release_brings_is_not() -> None:
    paths = [f"{ETC}/{name}" for name in ("vm.args", "local.ini", "local.d/10-a.ini", "default.ini", "default.d/x.ini")]
    paths += [f"{ETC}/local.ini.dpkg-dist", f"{ETC}/vm.args.dpkg-old"]
    assert _cloudant_db.placed(paths, f"{ETC}/", "/stage") == [
        {"src": "/stage/local.d/10-a.ini", "dest": f"{ETC}/local.d/10-a.ini"},
        {"src": "/stage/local.ini", "dest": f"{ETC}/local.ini"},
        {"src": "/stage/vm.args", "dest": f"{ETC}/vm.args"},
    ]


def test_settings_are_read_as_couchdb_reads_them() -> None:
    paths = [
        f"{ETC}/{name}"
        for name in ("local.d/b.ini", "local.d/a.ini", "local.ini", "vm.args", "default.d/z.ini", "default.ini")
    ]
    assert [path[len(ETC) + 1 :] for path in _cloudant_db.chain(paths, ETC)] == [
        "default.ini", "default.d/z.ini", "local.ini", "local.d/a.ini", "local.d/b.ini",
    ]  # fmt: skip
    files = [
        slurped("; a comment\n[couchdb]\nmaintenance_mode = true\n[chttpd]\nbind_address = any\n"),
        slurped("[couchdb]\nuuid = x = y\n"),
        slurped("[couchdb]\nmaintenance_mode = false\n"),
    ]
    assert _cloudant_db.setting(files, "couchdb", "maintenance_mode") == "false"
    assert _cloudant_db.setting(files[:2], "couchdb", "maintenance_mode") == "true"
    assert _cloudant_db.setting(files, "couchdb", "uuid") == "x = y"
    assert _cloudant_db.setting(files, "couchdb", "nothing") is None


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        (None, "http://127.0.0.1:5984/"),
        ("0.0.0.0", "http://127.0.0.1:5984/"),
        ("any", "http://127.0.0.1:5984/"),
        ("10.0.0.1", "http://10.0.0.1:5984/"),
        ("fd00::1", "http://[fd00::1]:5984/"),
    ],
)
def test_the_node_itself_is_asked_where_it_listens(bind: str | None, url: str) -> None:
    probe = _cloudant_db.ready(bind, 5984, "3.4.3", 600)
    assert probe == {"url": url, "field": "version", "version": "3.4.3", "timeout": 600}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({**ANSWER, "up": {"status": "maintenance_mode"}, "version": "3.4.3"}, ""),
        ({**ANSWER, "up": {"status": "maintenance_mode"}}, "The node runs 3.3.3 after the change"),
        ({**ANSWER, "version": "3.4.3"}, "/_up of the node says ok"),
        ({"msg": "refused"}, "does not answer: refused"),
    ],
)
def test_a_node_comes_back_only_as_what_it_should_be(answer: dict[str, Any], words: str) -> None:
    told = _cloudant_db.not_as_wanted(answer, "3.4.3")
    assert words in told
    assert bool(words) == bool(told)


@pytest.mark.parametrize(
    ("answer", "serves"),
    [
        ({**ANSWER, "version": "3.4.3"}, True),
        (ANSWER, False),
        ({**ANSWER, "version": "3.4.3", "up": {"status": "nolb"}}, False),
        ({"msg": "refused"}, False),
    ],
)
def test_a_node_serves_when_everybody_is_sent_to_it(answer: dict[str, Any], serves: bool) -> None:
    assert (_cloudant_db.not_serving(answer, "3.4.3") == "") is serves


def test_a_note_that_is_not_there_is_none() -> None:
    assert _changes.read_note({"msg": "not found"}) == {}
    assert _changes.read_note(slurped(json.dumps(NOTE))) == NOTE


@pytest.mark.parametrize(
    ("noted", "now", "refused"),
    [
        ({"a": 8, "b": 8}, {"a": 8, "b": 8}, ""),
        ({"a": 8, "b": 7}, {"a": 8, "b": 8}, "b has files of format 8"),
        ({"a": 8}, {"a": 8, "new": 8}, ""),
        ({"a": 8}, {"a": 8, "new": 9}, "new has files of format 9"),
        ({}, {"a": 8}, "was not noted"),
        ({"a": None}, {"a": 8}, "was not noted"),
    ],
)
def test_an_older_release_is_given_no_format_that_it_need_not_know(
    noted: dict[str, Any], now: dict[str, int], refused: str
) -> None:
    cluster = {
        **HEALTHY,
        "databases": [{"name": name, "security": {}, "disk_format": value} for name, value in now.items()],
    }
    told = _cloudant_db.of_format({"formats": noted}, cluster)
    assert [one["id"] for one in told] == (["data-format"] if refused else [])
    assert refused in "".join(one["message"] for one in told)


@pytest.mark.parametrize(
    ("answer", "reached", "name"),
    [
        ({**ANSWER, "up": {"status": "maintenance_mode"}}, [1, 2], "couchdb@10.0.0.1"),
        (ANSWER, [1, 2], ""),
        ({"msg": "refused"}, [2], "couchdb@10.0.0.1"),
        ({"msg": "refused"}, [], ""),
    ],
)
def test_a_node_that_nobody_reaches_is_known_by_its_answer_or_by_being_left_over(
    answer: dict[str, Any], reached: list[int], name: str
) -> None:
    nodes = [{"host": f"10.0.0.{one}", "reached": one in reached, "name": f"couchdb@10.0.0.{one}"} for one in (1, 2)]
    assert _cloudant_db.stranded({**HEALTHY, "nodes": nodes}, answer) == name


def test_a_format_that_cannot_be_looked_at_is_none_that_is_known() -> None:
    assert ids(_cloudant_db.of_format({"formats": {"a": 8}}, {"msg": "nobody answers"})) == [
        ("cluster-unchecked", "error")
    ]
