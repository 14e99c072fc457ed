# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _changes
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _cloudant_lb as lb

VIRTUAL = ["10.0.0.10"]
VERSION = "HAProxy version 2.6.12-1+deb12u3 2025/10/03 - https://haproxy.org/\nStatus: long-term supported branch"
WITH = "2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\n2: eth0    inet 10.0.0.10/32 scope global eth0"
WITHOUT = "2: eth0    inet 10.0.0.100/24 scope global eth0\n2: eth0    inet6 fe80::1/64 scope link"
OK = {"status": 200}
SERVERS = ["couchdbs/db1", "couchdbs/db2"]
SETTINGS: dict[str, Any] = {
    "cloudant_lb_url": "http://lb1:5984/_up",
    "cloudant_lb_stats_url": "http://lb1:5984/_haproxy_stats",
    "cloudant_lb_virtual_url": "http://10.0.0.10:5984/_up",
    "cloudant_lb_config": "/etc/haproxy/haproxy.cfg",
    "offer": {},
}
WAY_BACK = {"source": "given", "version": "2.6.12"}
CHANGE = {"id": "cloudant_lb-1.0.0.5-1.1.0", "source": "1.0.0.5", "target": "1.1.0", "installer": "/x.bin"}
PACKAGED = {**CHANGE, "installer": ""}
SWAP: dict[str, Any] = {"outcome": "swapped", "steps": [1], "notes": ["a"], "downtime": 1.0, "error": ""}


def statistics(**up: bool) -> dict[str, Any]:
    return {"backends": [{"name": "couchdbs", "servers": [{"name": name, "up": is_up} for name, is_up in up.items()]}]}


def balancer(name: str = "lb1", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "error": "",
        "servers": SERVERS,
        "up": SERVERS,
        "holds": name == "lb1",
        "takes": True,
        **changes,
    }


def look(**changes: Any) -> dict[str, Any]:
    return {
        "package": {"installed": True, "upstream": "2.6.12", "version": "2.6.12-1", "arch": "amd64", "manager": "dpkg"},
        "service": {"exists": True, "active": True},
        "machine": {"arch": "amd64"},
        "disk": {"state_dir": {"free": 10**9}},
        "state": {"swap": None, "backups": [], "lock": None},
        **changes,
    }


def node(**changes: Any) -> dict[str, Any]:
    keepalived = {"service": {"exists": True, "active": True}}
    found = lb.detected(look(), keepalived, {}, "2.6.12", {"rc": 0}, {})
    return {**found, **changes}


def ids(findings: list[dict[str, str]]) -> list[str]:
    return [one["id"] for one in findings]


def checked(
    seen: Any = None, answers: Any = None, target: str = "2.6.13", settings: Any = (), **changes: Any
) -> list[str]:
    return ids(
        lb.preflight(
            node(**changes),
            target,
            {**SETTINGS, **dict(settings)},
            seen or [balancer(), balancer("lb2")],
            answers or {"own": OK, "virtual": OK},
        )
    )


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (VERSION, "2.6.12"),
        ("HA-Proxy version 1.8.19-1+deb10u4 2021/08/25", "1.8.19"),
        ("HAProxy version 2.4.24-0ubuntu0.22.04.1 2023/10/31", "2.4.24"),
        ("sh: haproxy: not found", ""),
        ("", ""),
    ],
)
def test_the_version_that_a_program_says(text: str, version: str) -> None:
    assert lb.haproxy_release({"stdout": text}) == version


def test_a_node_is_what_runs_and_not_what_is_installed() -> None:
    newer = look(package={"installed": True, "upstream": "2.6.13", "version": "2.6.13-1"})
    found = lb.detected(newer, {"service": {}}, {}, "2.6.12", {"rc": 1, "stderr": "a\n[ALERT] b\nc"}, {})
    assert (found["version"], found["config_error"]) == ("2.6.12", "[ALERT] b")


def test_an_interrupted_swap_is_seen() -> None:
    swap = {"id": "haproxy-2.6.12-2.6.13", "finished": False, "outcome": ""}
    interrupted = look(state={"swap": swap, "backups": ["haproxy-2.6.11-2.6.12"], "lock": {}})
    found = lb.detected(interrupted, {"service": {}}, {}, "", {"rc": 0}, {})
    assert found["version"] == "2.6.12"
    kept = lb.kept(found)
    assert kept["unfinished"] == {"id": swap["id"], "source": "2.6.12", "target": "2.6.13"}
    assert kept["last"] == {"id": "haproxy-2.6.11-2.6.12", "source": "2.6.11", "target": "2.6.12"}
    assert kept["locked"]
    assert (
        _changes.unfinished(look(state={"swap": {**swap, "finished": True, "outcome": "restored"}}), lb.SWAP_ID) is None
    )


def test_a_mark_is_read() -> None:
    content = base64.b64encode(json.dumps({"held": True}).encode())
    found = lb.detected(look(), {"service": {}}, {"content": content}, "", {"rc": 0}, {})
    assert (found["mark"], found["resume"]) == ({"held": True}, None)
    assert node()["mark"] == {}


def test_a_change_with_an_installer_goes_on_from_the_mark() -> None:
    mark = lb.mark(balancer(), False, CHANGE)
    content = base64.b64encode(json.dumps(mark).encode())
    found = lb.detected(look(), {"service": {}}, {"content": content}, "1.1.0", {"rc": 0}, {})
    assert (found["resume"], found["version"], found["running"]) == ({**CHANGE, "one_way": False}, "1.0.0.5", "1.1.0")
    assert lb.kept(found)["unfinished"] == found["resume"]
    noted = json.dumps({"id": CHANGE["id"], "steps": {"uninstall": "began"}}).encode()
    begun = {"content": base64.b64encode(noted).decode()}
    assert lb.detected(look(), {"service": {}}, {"content": content}, "", {"rc": 0}, begun)["resume"]["one_way"]
    assert "change" not in lb.mark(balancer(), False, PACKAGED)


def test_the_release_of_cloudant_local_is_the_one_that_was_installed() -> None:
    assert lb.cloudant_release({"content": base64.b64encode(b"1.1.0\n").decode()}) == "1.1.0"
    assert lb.cloudant_release({"msg": "no such file"}) == ""


def test_the_others_of_a_cluster() -> None:
    url = {"cloudant_lb_stats_url": "http://x/"}
    hosts: dict[str, dict[str, Any]] = {
        "lb1": {**url, "fleet_cluster": "east"},
        "lb2": {**url, "fleet_cluster": "east"},
        "lb3": {**url, "fleet_cluster": "west"},
        "db1": {"fleet_cluster": "east"},
        "alone": dict(url),
    }
    assert lb.others(hosts, "lb1", "east") == ["lb2"]
    assert lb.others(hosts, "alone", "alone") == []


def test_the_addresses_of_a_url() -> None:
    def resolve(host: str, *_rest: Any) -> list[Any]:
        if host == "nobody":
            raise OSError("unknown")
        return [(2, 1, 6, "", ("10.0.0.10", 0)), (10, 1, 6, "", ("2001:DB8:0::1", 0, 0, 0))]

    assert lb.addresses_of("https://vip:5984/_up", resolve) == ["10.0.0.10", "2001:db8::1"]
    assert lb.addresses_of("http://nobody/", resolve) == []
    assert lb.addresses_of("", resolve) == []


def test_who_holds_an_address_is_not_judged_by_its_beginning() -> None:
    assert lb.holds({"stdout": WITH}, VIRTUAL)
    assert not lb.holds({"stdout": WITHOUT}, VIRTUAL)
    assert not lb.holds({}, VIRTUAL)


def test_balancers_as_they_were_seen() -> None:
    refused = {"msg": "http://lb2 does not answer."}
    seen = lb.balancers(
        ["lb1", "lb2", "lb3"],
        [statistics(db1=True, db2=False), refused, statistics(db1=True)],
        [{"rc": 0, "stdout": WITH}, {"rc": 0, "stdout": WITHOUT}, {"unreachable": True, "msg": "no route"}],
        [{"rc": 0}, {"rc": 1}, {"unreachable": True}],
        VIRTUAL,
    )
    assert [one["takes"] for one in seen] == [True, False, False]
    assert seen[0] == balancer(up=SERVERS[:1])
    assert (seen[1]["error"], seen[1]["holds"]) == ("http://lb2 does not answer", False)
    assert "no route" in seen[2]["error"]
    assert lb.serving(seen) == ["lb1"]
    assert lb.holders(seen) == ["lb1"]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (balancer(), []),
        (balancer(up=SERVERS[:1]), ["couchdbs/db2 is not up"]),
        (balancer(servers=SERVERS[:1], up=SERVERS[:1]), ["couchdbs/db2 is missing"]),
        (balancer(servers=[*SERVERS, "couchdbs/db3"]), ["couchdbs/db3 is new"]),
    ],
)
def test_what_is_lost_behind_a_balancer(now: dict[str, Any], expected: list[str]) -> None:
    assert lb.lost(lb.mark(balancer(), False, PACKAGED), now) == expected
    assert lb.compared(balancer(), now)["differences"] == expected


def test_a_server_that_was_down_before_may_stay_so() -> None:
    assert lb.lost(balancer(up=SERVERS[:1]), balancer(up=SERVERS[:1])) == []


def test_statistics_that_cannot_be_read_prove_nothing() -> None:
    assert lb.lost(balancer(), balancer(error="no answer"))[0] == "no answer"


def test_two_balancers_that_are_well_have_no_findings() -> None:
    assert checked() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seen": [balancer()]}, ["last-balancer"]),
        ({"seen": [balancer(), balancer("lb2", error="down")]}, ["last-balancer"]),
        ({"seen": [balancer(), balancer("lb2", up=[])]}, ["last-balancer"]),
        ({"seen": [balancer(), balancer("lb2", takes=False)]}, ["last-balancer"]),
        ({"seen": [balancer(), balancer("lb2"), balancer("lb3", error="down")]}, ["balancer-down"]),
        ({"seen": [balancer(), balancer("lb2", holds=True)]}, ["virtual-address"]),
        ({"seen": [balancer(holds=False), balancer("lb2")]}, ["virtual-address"]),
        ({"seen": [balancer(up=SERVERS[:1]), balancer("lb2")]}, ["servers-down"]),
        ({"seen": [balancer(error="401"), balancer("lb2")]}, ["statistics"]),
        ({"answers": {"own": {"status": 503}, "virtual": OK}}, ["url"]),
        ({"answers": {"own": OK, "virtual": {"status": -1, "msg": "timed out"}}}, ["virtual-url"]),
        ({"service": {"exists": False, "active": False}}, ["service-unknown"]),
        ({"service": {"exists": True, "active": False}}, ["service-not-running"]),
        ({"keepalived": {"exists": True, "active": False}}, ["keepalived-not-running"]),
        ({"package": {"installed": False}}, ["package-none"]),
        ({"running": "2.6.11"}, ["package-mismatch"]),
        ({"config_error": "unknown keyword"}, ["config"]),
        ({"settings": {"cloudant_lb_virtual_url": ""}}, ["settings"]),
        ({"settings": {"cloudant_lb_virtual_url": ""}, "seen": [balancer()]}, ["last-balancer"]),
    ],
)
def test_findings(changes: dict[str, Any], expected: list[str]) -> None:
    assert checked(**changes) == expected


@pytest.mark.parametrize(
    ("offer", "way_back", "expected"),
    [
        ({}, WAY_BACK, []),
        ({}, {"msg": "not in the cache"}, [("rollback-none", "blocker")]),
        ({}, {**WAY_BACK, "version": "2.6.11"}, [("rollback-none", "blocker")]),
        ({"why": "not offered"}, WAY_BACK, [("package-repository", "error")]),
    ],
)
def test_packages_that_cannot_be_had(
    offer: dict[str, Any], way_back: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert [(one["id"], one["severity"]) for one in lb.of_packages(node(), offer, way_back)] == expected


def test_only_the_last_balancer_and_what_may_be_done_without_can_be_accepted() -> None:
    seen = [balancer(up=SERVERS[:1]), balancer("lb2", error="down")]
    found = lb.preflight(node(), "2.6.13", SETTINGS, seen, {"own": {}, "virtual": OK})
    assert {one["id"] for one in found if one["severity"] == "blocker"} == {
        "servers-down",
        "last-balancer",
    }
    assert {one["id"] for one in found if one["severity"] == "error"} == {"url"}


def test_a_node_at_the_target_is_only_asked_whether_it_is_well() -> None:
    seen = [balancer(), balancer("lb2", error="down")]
    assert checked(target="2.6.12", seen=seen, config_error="no") == []
    assert checked(target="2.6.12", service={"exists": True, "active": False}) == ["service-not-running"]


def test_another_revision_of_the_same_release_is_told_of() -> None:
    assert checked(target="2.6.12", settings={"offer": {"package_version": "2.6.12-1"}}) == []
    assert checked(target="2.6.12", settings={"offer": {"package_version": "2.6.12-2"}}) == ["package-revision"]


def test_a_balancer_that_a_dead_run_took_out_is_only_asked_for_others() -> None:
    out = {"mark": {"held": True}, "service": {"exists": True, "active": False}}
    alone = [balancer(holds=False, error="down"), balancer("lb2", error="down")]
    assert checked(**out) == []
    assert checked(**out, seen=alone) == ["last-balancer"]
    assert checked(**out, seen=alone, target="2.6.12") == []


def test_an_interrupted_change_goes_on_to_its_own_target_only() -> None:
    resume = {"id": "haproxy-2.6.12-2.6.13", "source": "2.6.12", "target": "2.6.13"}
    assert checked(resume=resume, service={"exists": True, "active": False}) == []
    assert checked(resume=resume, target="2.8.0") == ["swap-unfinished"]


def test_a_balancer_that_this_run_ends_the_change_of_does_not_keep_the_others_from_theirs() -> None:
    hosts: dict[str, Any] = {
        "lb1": {"cloudant_lb_node": node()},
        "lb2": {"cloudant_lb_node": node(resume=CHANGE)},
        "lb3": {"cloudant_lb_node": node(mark={"held": True})},
        "lb4": {},
    }
    assert lb.going_on(list(hosts), hosts) == ["lb2", "lb3"]
    seen = [balancer(), balancer("lb2", error="down")]
    answers = {"own": OK, "virtual": OK}
    assert ids(lb.preflight(node(), "2.6.13", SETTINGS, seen, answers, ["lb2"])) == ["balancer-down"]
    assert ids(lb.preflight(node(), "2.6.13", SETTINGS, seen, answers, ["lb3"])) == ["last-balancer"]
    assert [lb.summary(node(**one), {}, "x", 4, "haproxy")["rank"] for one in ({}, {"resume": CHANGE})] == [4, -1]


@pytest.mark.parametrize(
    ("outages", "words"),
    [
        ([], "it always answered, within 0.03 s"),
        ([{"seconds": 0.5}], "it did not answer for 1.50 s (1 time)"),
        ([{"seconds": 0.5}, {"seconds": 1.0}], "it did not answer for 1.50 s (2 times)"),
        ([{"seconds": None}], "at its end it did not answer"),
    ],
)
def test_what_a_watch_saw(outages: list[Any], words: str) -> None:
    seen = {"requests": 9, "slowest": 0.03, "away": 1.5, "outages": outages, "finished": True}
    assert words in lb.watched(SWAP, seen)["notes"][-1]
    assert "ended early" in lb.absence({**seen, "finished": False})
    assert lb.watched(SWAP, {"skipped": True}) == SWAP
    assert lb.watched(SWAP, {"msg": "no watch"})["notes"][-1] == "The virtual address was not measured: no watch"


def test_an_upgrade_and_its_way_back_are_one_change() -> None:
    failed = {**SWAP, "error": "it did not start"}
    back = {**SWAP, "outcome": "restored", "steps": [2], "notes": ["b"]}
    both = lb.swaps(failed, back)
    assert (both["outcome"], both["steps"], both["notes"], both["downtime"]) == ("restored", [1, 2], ["a", "b"], 2.0)
    assert both["error"] == "it did not start"
    assert lb.swaps(failed, {**back, "outcome": "unchanged"})["steps"] == [1]
    assert lb.swaps({}, back) == back
    assert lb.swaps({**failed, "downtime": None}, back)["downtime"] is None
    assert [_changes.downtime(failed), _changes.downtime({"downtime": None})] == ["1.00 s", "an unknown time"]


def test_the_summary_for_the_planner() -> None:
    package = {"name": "haproxy", "version": "2.6.13", "arch": "amd64", "sha256": "0", "size": 10, "installed_size": 20}
    found = lb.summary(node(), package, "balancers", 1, "haproxy")
    assert (found["product"], found["version"], found["disk_needed"], found["cluster"]) == (
        "haproxy",
        "2.6.12",
        60,
        "balancers",
    )
    assert lb.summary(node(), {}, "balancers", 1, "cloudant")["package"] is None
