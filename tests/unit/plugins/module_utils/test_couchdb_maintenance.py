# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_maintenance as couchdb_maintenance
from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_witness as couchdb_witness
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import Client
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_flag import CastFlag
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.couchdb_answers import (
    NODE_LOCAL,
    answer,
    fake_cluster,
)

ONE, TWO, THREE = ["couchdb@10.0.0.{0}".format(number) for number in range(1, 4)]

PARAMS = {
    "state": "enabled",
    "host": "10.0.0.1",
    "port": 5984,
    "timeout": 7,
    "node": None,
    "via": "http",
    "cast_path": "/cast",
    "section": "auto",
    "up": None,
    "observers": [],
    "balancers": [],
    "server": [],
    "wait": 60,
    "interval": 1.0,
}
UNSET = {"couchdb": None, "cloudant": None}
PEER = {"host": "10.0.0.2", "port": None}
OK = {"status": "ok", "code": 200}
OUT = {"status": "maintenance_mode", "code": 404}


class Clock(object):
    """Time passes only while somebody sleeps. later: what happens, by second."""

    def __init__(self, later=None):
        self.now = 0.0
        self.later = dict(later or {})

    def time(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        for second in sorted(moment for moment in self.later if moment <= self.now):
            self.later.pop(second)()


def run_never(_argv):
    raise AssertionError("no program is run")


def ensure(connect, clock=None, run=run_never, check_mode=False, **changes):
    clock = clock or Clock()
    params = dict(PARAMS, **changes)
    maintenance = couchdb_maintenance.prepare(params, connect, run, clock.time, clock.sleep)
    return maintenance.ensure(params["state"], check_mode)


def writes(nodes):
    return [(node.name, method, path, body) for node in nodes for method, path, body in node.asked if method != "GET"]


def key(name, section="couchdb"):
    return "/_node/{0}/_config/{1}/maintenance_mode".format(name, section)


@pytest.mark.parametrize(
    ("state", "former", "value", "after"),
    [
        ("enabled", None, "true", OUT),
        ("enabled", "false", "true", OUT),
        ("enabled", "maybe", "true", OUT),
        ("enabled", "nolb", "true", OUT),
        ("nolb", None, "nolb", {"status": "nolb", "code": 404}),
        ("disabled", "true", "false", OK),
        ("disabled", "nolb", "false", OK),
    ],
)
def test_the_flag_is_set_and_the_second_time_left_alone(state, former, value, after):
    nodes, connect = fake_cluster()
    nodes[0].flag["couchdb"] = former
    found = ensure(connect, state=state)
    assert found["changed"] and found["section"] == "couchdb" and found["seen"]["node"] == after["status"]
    assert found["before"]["flag"] == {"couchdb": former, "cloudant": None}
    assert found["after"] == dict(after, flag={"couchdb": value, "cloudant": None})
    assert found["diff"] == {"before": found["before"], "after": found["after"]}
    assert writes(nodes) == [(ONE, "PUT", key(ONE), value)]
    again = ensure(connect, state=state)
    assert not again["changed"] and again["before"] == again["after"] == found["after"]
    assert again["section"] == "couchdb" and len(writes(nodes)) == 1


@pytest.mark.parametrize("former", [None, "false", "maybe"])
def test_a_node_that_was_never_in_maintenance_is_not_touched(former):
    nodes, connect = fake_cluster()
    nodes[0].flag["couchdb"] = former
    found = ensure(connect, state="disabled", observers=[PEER])
    assert not found["changed"] and writes(nodes) == []
    assert found["section"] == ("couchdb" if former == "false" else None)


@pytest.mark.parametrize(
    ("state", "former", "predicted"),
    [
        ("enabled", None, dict(OUT, flag={"couchdb": "true", "cloudant": None})),
        ("disabled", "true", dict(OK, flag={"couchdb": "false", "cloudant": None})),
        ("enabled", "true", None),
        ("disabled", None, None),
    ],
)
def test_check_mode_predicts_and_changes_nothing(state, former, predicted):
    nodes, connect = fake_cluster()
    nodes[0].flag["couchdb"] = former
    clock = Clock()
    found = ensure(connect, clock, state=state, check_mode=True)
    assert found["changed"] is (predicted is not None)
    assert found["after"] == (predicted or found["before"])
    assert writes(nodes) == [] and clock.now == 0 and found["seen"] is None
    really = ensure(connect, state=state)
    assert (really["changed"], really["after"], really["section"]) == (found["changed"], found["after"], found["section"])


def test_the_section_in_which_the_flag_is_found_comes_first():
    nodes, connect = fake_cluster(reads="cloudant")
    nodes[0].flag["cloudant"] = "false"
    found = ensure(connect)
    assert found["section"] == "cloudant" and found["after"]["flag"] == {"couchdb": None, "cloudant": "true"}
    assert writes(nodes) == [(ONE, "PUT", key(ONE, "cloudant"), "true")]


def test_a_section_without_effect_is_put_back_and_the_other_tried():
    nodes, connect = fake_cluster()
    nodes[0].flag["cloudant"] = "false"
    clock = Clock()
    found = ensure(connect, clock)
    assert found["section"] == "couchdb"
    assert nodes[0].flag == {"couchdb": "true", "cloudant": "false"}
    assert writes(nodes) == [
        (ONE, "PUT", key(ONE, "cloudant"), "true"),
        (ONE, "PUT", key(ONE, "cloudant"), "false"),
        (ONE, "PUT", key(ONE), "true"),
    ]
    assert clock.now >= couchdb_maintenance.EFFECT_LIMIT


@pytest.mark.parametrize(
    ("changes", "former", "words"),
    [
        ({"section": "cloudant"}, UNSET, "in section cloudant"),
        ({"section": "cloudant"}, {"couchdb": None, "cloudant": "false"}, "in section cloudant"),
        ({}, UNSET, "in section couchdb and in section cloudant"),
    ],
)
def test_a_flag_without_effect_is_a_failure_and_leaves_no_trace(changes, former, words):
    nodes, connect = fake_cluster(reads="couchdb" if changes else "elsewhere")
    nodes[0].flag = dict(former, elsewhere=None)
    with pytest.raises(FleetError) as caught:
        ensure(connect, **changes)
    assert caught.value.facts["reason"] == "no-effect" and caught.value.facts["changed"] is False
    assert words in str(caught.value) and "/_up says ok" in str(caught.value)
    assert nodes[0].flag == dict(former, elsewhere=None)
    assert writes(nodes)[-1][1:] == (
        ("DELETE", key(ONE, "cloudant"), None) if former == UNSET else ("PUT", key(ONE, "cloudant"), "false")
    )


def test_a_flag_that_is_there_already_and_does_nothing_is_told_in_check_mode_too():
    nodes, connect = fake_cluster(reads="elsewhere")
    nodes[0].flag = {"couchdb": "true", "cloudant": "true", "elsewhere": None}
    for check_mode in (True, False):
        with pytest.raises(FleetError, match="is set already: cloudant true, couchdb true") as caught:
            ensure(connect, check_mode=check_mode)
        assert caught.value.facts["reason"] == "no-effect"
    assert writes(nodes) == []


def test_leaving_maintenance_does_not_take_the_flag_of_the_wrong_section_for_its_own():
    nodes, connect = fake_cluster(reads="cloudant")
    nodes[0].flag = {"couchdb": "false", "cloudant": "true"}
    found = ensure(connect, state="disabled")
    assert found["section"] == "cloudant" and nodes[0].flag == {"couchdb": "false", "cloudant": "false"}


def test_an_effect_that_comes_late_is_waited_for():
    nodes, connect = fake_cluster()
    slow = nodes[0]
    slow.reads = "elsewhere"
    slow.flag["elsewhere"] = None
    found = ensure(connect, Clock({2.0: lambda: setattr(slow, "reads", "couchdb")}))
    assert found["changed"] and found["section"] == "couchdb" and found["seconds"] == 2.0


# Through a peer.


def test_a_peer_sets_the_flag_and_the_node_itself_is_judged():
    nodes, connect = fake_cluster()
    nodes[0].flag["couchdb"] = "true"
    found = ensure(connect, state="disabled", host="10.0.0.2", node=ONE, up={"host": "10.0.0.1", "port": None})
    assert found["changed"] and found["before"]["status"] == "maintenance_mode" and found["seen"]["node"] == "ok"
    assert writes(nodes) == [(TWO, "PUT", key(ONE), "false")]
    assert nodes[0].flag["couchdb"] == "false" and nodes[1].flag == UNSET


def test_the_status_of_another_node_is_no_proof():
    nodes, connect = fake_cluster()
    for changes in ({"host": "10.0.0.2"}, {"host": "10.0.0.1", "up": {"host": "10.0.0.3", "port": None}}):
        with pytest.raises(FleetError) as caught:
            ensure(connect, node=ONE, **changes)
        assert caught.value.facts["reason"] == "name" and ONE in str(caught.value)
    assert writes(nodes) == []


def test_a_node_whose_status_cannot_be_asked_is_changed_and_not_called_done():
    nodes, connect = fake_cluster()
    nodes[0].flag["couchdb"] = "true"
    behind_a_wall = nodes[0].ask

    def refuse(method, url, body=None, anonymous=False):
        raise FleetError("no route to host", reason="unreachable")

    nodes[0].ask = refuse
    changes = {"state": "disabled", "host": "10.0.0.2", "node": ONE, "up": {"host": "10.0.0.1", "port": None}}
    clock = Clock()
    with pytest.raises(FleetError) as caught:
        ensure(connect, clock, **changes)
    facts = caught.value.facts
    assert (facts["reason"], facts["changed"], facts["before"]["status"]) == ("not-seen", True, None)
    assert facts["seen"]["node"] is None and "no route to host" in str(caught.value) and "stays set" in str(caught.value)
    assert nodes[0].flag["couchdb"] == "false" and 60 <= clock.now < 62
    nodes[0].ask = behind_a_wall
    assert ensure(connect, **changes)["changed"] is False


def test_a_node_that_is_down_cannot_be_set_through_a_peer():
    nodes, connect = fake_cluster()
    nodes[0].down = True
    with pytest.raises(FleetError) as caught:
        ensure(connect, host="10.0.0.2", node=ONE, up={"host": "10.0.0.1", "port": None})
    assert caught.value.facts["reason"] == "node-down"


def test_a_name_that_is_not_told_has_to_be_given():
    nodes, connect = fake_cluster(version="2.0.0")
    nodes[0].host = "127.0.0.1"
    with pytest.raises(FleetError) as caught:
        ensure(connect, host="127.0.0.1")
    assert caught.value.facts["reason"] == "name" and "set node" in str(caught.value)
    assert ensure(connect, host="127.0.0.1", node=ONE)["changed"]
    assert writes(nodes) == [(ONE, "PUT", key(ONE), "true")]


# What others see.

def test_a_peer_has_to_see_the_flag():
    _nodes, connect = fake_cluster()
    found = ensure(connect, observers=[PEER, {"host": "10.0.0.3", "port": 5984}])
    flag = {"couchdb": "true", "cloudant": None}
    assert found["seen"]["peers"] == [
        {"host": "10.0.0.2", "port": 5984, "flag": flag, "error": None},
        {"host": "10.0.0.3", "port": 5984, "flag": flag, "error": None},
    ]


def test_an_island_is_not_taken_out_of_service_behind_the_back_of_its_peers():
    nodes, connect = fake_cluster()
    nodes[0].cut = {TWO, THREE}
    for check_mode in (True, False):
        with pytest.raises(FleetError) as caught:
            ensure(connect, observers=[PEER], check_mode=check_mode)
        assert caught.value.facts["reason"] == "node-down"
    assert writes(nodes) == []


@pytest.mark.parametrize("state", ["enabled", "disabled"])
def test_an_island_is_not_seen_by_its_peers(state):
    nodes, connect = fake_cluster()
    nodes[0].cut = {TWO, THREE}
    nodes[0].flag["couchdb"] = "true"
    with pytest.raises(FleetError) as caught:
        ensure(connect, state=state, observers=[PEER])
    facts = caught.value.facts
    assert (facts["reason"], facts["changed"]) == ("not-seen", state == "disabled")
    assert facts["seen"]["node"] == couchdb_witness.STATUS[state]
    assert facts["seen"]["peers"][0]["flag"] is None and "is down" in facts["seen"]["peers"][0]["error"]
    assert "{0} is down".format(ONE) in str(caught.value)


def test_a_peer_that_sees_another_flag_is_not_convinced():
    nodes, connect = fake_cluster()
    nodes[0].flag["cloudant"] = "true"
    impostor = type(nodes[0])(ONE, {})
    impostor.flag["cloudant"] = "true"
    nodes[1].cluster = dict(nodes[1].cluster, **{ONE: impostor})
    with pytest.raises(FleetError, match="sees the flag not set"):
        ensure(connect, observers=[PEER])


def test_a_stale_flag_in_the_other_section_does_not_worry_peers():
    nodes, connect = fake_cluster()
    nodes[0].flag = {"couchdb": "true", "cloudant": "true"}
    found = ensure(connect, state="disabled", observers=[PEER])
    assert found["section"] == "couchdb" and found["seen"]["peers"][0]["flag"] == {"couchdb": "false", "cloudant": "true"}
    assert not ensure(connect, state="disabled", observers=[PEER])["changed"]


def row(status, check="L7OK", code=200, name="couchdb1", addr=None):
    found = {"pxname": "couchdbs", "svname": name, "type": 2, "status": status, "weight": 1, "addr": addr}
    return dict(found, check_status=check, check_code=code)


BACKEND = {"pxname": "couchdbs", "svname": "BACKEND", "type": 1, "status": "UP", "weight": 1}


def balancer(clock, *seen, **options):
    """A balancer that sees one row after the other, a second each."""

    def read(params):
        assert params["url"] == "http://lb/stats" and params["password"] == "pw"
        found = seen[min(int(clock.now), len(seen) - 1)]
        if isinstance(found, Exception):
            raise found
        return [BACKEND, row("UP", name="couchdb2"), found]

    params = {"url": "http://lb/stats", "password": "pw"}

    def choose(rows):
        return [found for found in rows if found["svname"] == "couchdb1"][0]

    return couchdb_witness.Balancer(params, options.get("backend", "couchdbs"), choose, read)


def ensure_behind(clock, found_balancer, connect, state, check_mode=False, wait=60):
    client = connect({"host": "10.0.0.1", "port": 5984})
    flag = couchdb_maintenance.HttpFlag(client, ONE, "auto")
    witnesses = [couchdb_witness.Node(client), found_balancer]
    maintenance = couchdb_maintenance.Maintenance(flag, witnesses, clock.time, clock.sleep, wait, 1.0)
    return maintenance.ensure(state, check_mode)


NOLB = row("NOLB", "L7OKC", 404)
RESTARTED = row("DOWN", "L7STS", 404)
GOING_DOWN = row("UP 1/3", "L7STS", 404)


@pytest.mark.parametrize(
    ("state", "rows", "seconds", "status"),
    [
        ("enabled", [row("UP"), row("UP"), NOLB], 2.0, "NOLB"),
        ("enabled", [RESTARTED], 0.0, "DOWN"),
        ("nolb", [row("UP"), NOLB], 1.0, "NOLB"),
        ("disabled", [NOLB, row("NOLB 1/2", "L7OK", 200), row("UP")], 2.0, "UP"),
        ("disabled", [GOING_DOWN, row("UP")], 1.0, "UP"),
        ("disabled", [RESTARTED, row("DOWN 1/2", "L7OK", 200), row("UP")], 2.0, "UP"),
        ("enabled", [row("UP"), FleetError("cut off", reason="unreachable"), GOING_DOWN, NOLB], 3.0, "NOLB"),
    ],
)
def test_a_balancer_sees_it_with_its_next_checks(state, rows, seconds, status):
    nodes, connect = fake_cluster()
    nodes[0].flag["couchdb"] = "true" if state == "disabled" else None
    clock = Clock()
    found = ensure_behind(clock, balancer(clock, *rows), connect, state)
    [seen] = found["seen"]["balancers"]
    assert (seen["server"], seen["status"], seen["error"]) == ("couchdb1", status, None)
    assert found["seconds"] == seconds


def test_a_balancer_that_goes_on_to_send_requests_is_named_with_what_it_shows():
    nodes, connect = fake_cluster()
    clock = Clock()
    with pytest.raises(FleetError) as caught:
        ensure_behind(clock, balancer(clock, row("UP", addr="10.0.0.1:5984")), connect, "enabled", wait=3)
    assert "after 3 seconds" in str(caught.value)
    assert "http://lb/stats shows couchdb1 (10.0.0.1:5984) UP L7OK/200" in str(caught.value)
    facts = caught.value.facts
    assert (facts["reason"], facts["changed"], facts["section"]) == ("not-seen", True, "couchdb")
    assert facts["seen"]["balancers"][0]["check_code"] == 200
    assert nodes[0].flag["couchdb"] == "true", "in maintenance the node is safe"
    again = ensure_behind(Clock(), balancer(Clock(), NOLB), connect, "enabled")
    assert not again["changed"], "the next run waits for the proof and sets nothing"


@pytest.mark.parametrize("reason", ["credentials", "match"])
def test_a_balancer_that_will_never_answer_keeps_no_node_waiting(reason):
    nodes, connect = fake_cluster()
    nodes[0].flag["couchdb"] = "true"
    clock = Clock()
    with pytest.raises(FleetError) as caught:
        ensure_behind(clock, balancer(clock, FleetError("no", reason=reason)), connect, "disabled")
    assert caught.value.facts["reason"] == reason and clock.now == 0 and writes(nodes) == []


@pytest.mark.parametrize(
    ("rows", "backend", "reason"),
    [
        ([row("UP")], "couchdb", "backend"),
        ([FleetError("no password", reason="credentials")], "couchdbs", "credentials"),
        ([FleetError("status 404", reason="server")], "couchdbs", "server"),
        ([FleetError("refused", reason="unreachable")], "couchdbs", "unreachable"),
    ],
)
def test_what_is_wrong_with_the_options_is_told_before_anything_is_changed(rows, backend, reason):
    nodes, connect = fake_cluster()
    for check_mode in (True, False):
        clock = Clock()
        with pytest.raises(FleetError) as caught:
            ensure_behind(clock, balancer(clock, *rows, backend=backend), connect, "enabled", check_mode)
        assert caught.value.facts["reason"] == reason
    assert writes(nodes) == []


def test_a_node_comes_back_though_a_balancer_cannot_be_asked_at_first():
    nodes, connect = fake_cluster()
    nodes[0].flag["couchdb"] = "true"
    clock = Clock()
    refused = FleetError("refused", "an answer", "start it", reason="unreachable")
    found = ensure_behind(clock, balancer(clock, refused, refused, row("UP")), connect, "disabled")
    assert found["changed"] and found["seconds"] == 2.0
    clock = Clock()
    with pytest.raises(FleetError, match=r"seconds: refused\. Expected: /_up says maintenance_mode") as caught:
        nodes[0].flag["couchdb"] = "true"
        ensure_behind(clock, balancer(clock, refused), connect, "enabled", wait=2)
    assert caught.value.facts["seen"]["balancers"][0]["error"] == str(refused)


def test_a_seeding_node_has_left_maintenance_and_is_not_up_yet():
    nodes, connect = fake_cluster()
    status = ["seeding"]
    nodes[0]._up = lambda: answer({"status": status[0]}, 200 if status[0] == "ok" else 404)
    found = ensure(connect, Clock({3.0: lambda: status.__setitem__(0, "ok")}), state="disabled")
    assert not found["changed"] and found["seconds"] == 3.0
    status[0] = "seeding"
    with pytest.raises(FleetError, match="says seeding") as caught:
        ensure(connect, state="disabled", wait=5)
    assert caught.value.facts["changed"] is False and "was not touched" in str(caught.value)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("couchdb1", ("couchdb1", None)),
        ("10.0.0.1:5984", ("10.0.0.1", 5984)),
        ("[::1]:5984", ("::1", 5984)),
        ("::1", ("::1", None)),
    ],
)
def test_a_server_is_a_name_or_an_address_with_or_without_a_port(server, expected):
    assert couchdb_maintenance._server(server) == expected


# With cast.

IN_REPLY, OUT_REPLY = "The node is IN maintenance mode.\n", "The node is OUT of maintenance mode.\n"


class Cast(object):
    """The command on a node, whose flag it sets."""

    def __init__(self, node, section="couchdb"):
        self.node = node
        self.section = section
        self.argv = []

    def __call__(self, argv):
        self.argv.append(argv)
        if argv[3:]:
            self.node.flag[self.section] = argv[3].lstrip("-")
        return Result(0, IN_REPLY if self.node.flag[self.section] == "true" else OUT_REPLY, "")


def ensure_by_cast(node, run, state, check_mode=False):
    client = Client(node, "http://localhost:5984", NODE_LOCAL)
    clock = Clock()
    witnesses = [couchdb_witness.Node(client)]
    flag = CastFlag("/cast", run)
    return couchdb_maintenance.Maintenance(flag, witnesses, clock.time, clock.sleep, 60, 1.0).ensure(state, check_mode)


@pytest.mark.parametrize(
    ("state", "former", "option", "flags"),
    [("enabled", None, "--true", ("OUT", "IN")), ("disabled", "true", "--false", ("IN", "OUT"))],
)
def test_cast_sets_the_flag_and_the_status_is_judged(state, former, option, flags):
    nodes, _connect = fake_cluster()
    nodes[0].flag["couchdb"] = former
    cast = Cast(nodes[0])
    assert ensure_by_cast(nodes[0], cast, state, check_mode=True)["after"]["flag"] == {"cast": flags[1]}
    assert cast.argv == [["/cast", "node", "maintenance"]]
    found = ensure_by_cast(nodes[0], cast, state)
    assert found["changed"] and found["section"] is None and ["/cast", "node", "maintenance", option] in cast.argv
    assert (found["before"]["flag"], found["after"]["flag"]) == ({"cast": flags[0]}, {"cast": flags[1]})
    assert not ensure_by_cast(nodes[0], cast, state)["changed"]


def test_a_cast_without_effect_is_put_back():
    nodes, _connect = fake_cluster()
    cast = Cast(nodes[0], "cloudant")
    with pytest.raises(FleetError, match="by cast") as caught:
        ensure_by_cast(nodes[0], cast, "enabled")
    assert caught.value.facts["reason"] == "no-effect"
    assert cast.argv[-1] == ["/cast", "node", "maintenance", "--false"]


@pytest.mark.parametrize(
    "result",
    [
        Result(0, "", ""),
        Result(1, IN_REPLY, "not root"),
        Result(127, "", "/cast: No such file or directory"),
        Result(0, IN_REPLY + OUT_REPLY, ""),
        Result(0, "The node may be IN maintenance mode.", ""),
    ],
)
def test_a_reply_of_cast_that_is_not_understood_is_a_failure(result):
    with pytest.raises(FleetError) as caught:
        CastFlag("/cast", lambda argv: result).read()
    assert caught.value.facts["reason"] == "cast"
    assert result.err in str(caught.value)


def test_a_reply_of_cast_is_found_between_other_lines():
    assert CastFlag("/cast", lambda argv: Result(0, "Checking...\n  " + OUT_REPLY, "")).read() == {"cast": "OUT"}


@pytest.mark.parametrize(
    ("changes", "words"), [({"state": "nolb"}, "no state nolb"), ({"observers": [PEER]}, "set node")]
)
def test_cast_cannot_do_all(changes, words):
    _nodes, connect = fake_cluster()
    with pytest.raises(FleetError, match=words):
        ensure(connect, via="cast", **changes)


@pytest.mark.parametrize(
    ("shown", "given", "name", "expected"),
    [
        ([("a", "10.0.0.1:5984"), ("b", "10.0.0.2:5984")], [], "couchdb@10.0.0.1", "a"),
        ([("a", "192.0.2.1:80"), ("b", "10.0.0.1:5984")], ["192.0.2.1:80"], "couchdb@10.0.0.1", "a"),
        ([("a", ""), ("b", "")], ["b"], "couchdb@10.0.0.1", "b"),
        ([("db1", ""), ("db2", "")], [], "couchdb@db2.example.com", "db2"),
        ([("db1.example.com", ""), ("db2.example.com", "")], [], "couchdb@db2.example.com", "db2.example.com"),
        ([("db1", ""), ("db2", "")], ["host2"], "couchdb@10.0.0.1", None),
    ],
)
def test_the_server_of_a_node_is_found_by_address_or_name(monkeypatch, shown, given, name, expected):
    rows = [dict(row("UP", addr=address), svname=server) for server, address in shown]
    monkeypatch.setattr(couchdb_maintenance._haproxy, "read", lambda page: rows)
    page = {"stats_url": "http://lb/stats", "stats_user": None, "stats_password": None, "backend": "couchdbs"}
    page.update(validate_certs=True, ca_path=None)
    params = dict(PARAMS, server=given, balancers=[page])
    [found] = couchdb_maintenance._balancers(params, {"host": "10.0.0.1", "port": 5984}, name)
    if expected is None:
        with pytest.raises(FleetError):
            found._choose(rows)
    else:
        assert found._choose(rows)["svname"] == expected
