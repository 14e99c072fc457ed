# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: who, in which order, and whether at all."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._paths import PATHS
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_model import Plan, PlannedNode, read_plan
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_saved import matches
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._planner import cut_waves, make_plan

BUILT = tuple(replace(path, built=True) for path in PATHS)
PACKAGE = {"name": "influxdb", "version": "1.4.3", "arch": "amd64", "sha256": "ab" * 32, "size": 1000}


def node(name: str, cluster: str = "", **facts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "cluster": cluster or name,
        "rank": 0,
        "product": "influxdb",
        "version": "1.3.9",
        "arch": "amd64",
        "package_manager": "dpkg",
        "disk": {"state_dir_free": 1000, "needed": 1000},
        "findings": [],
        "reachable": True,
        "reason": "",
        **facts,
    }


def found(name: str, severity: str) -> dict[str, str]:
    return {"id": name, "severity": severity, "message": f"It is {name}", "remedy": "Mend it"}


OF_NODES = {"target_version": "1.4.3", "package": None, "accept": []}
"""What is wanted of each node, unless a test says otherwise; all other wishes are of the run."""


def wanted(one: Any, wishes: dict[str, Any]) -> Any:
    return {**{key: wishes.get(key, value) for key, value in OF_NODES.items()}, **one} if isinstance(one, dict) else one


def plan(*nodes: Any, **wishes: Any) -> Plan:
    options = {key: value for key, value in wishes.items() if key not in OF_NODES}
    return make_plan([wanted(one, wishes) for one in nodes], options, BUILT)


def entry(made: Plan, name: str) -> PlannedNode:
    return next(one for one in made.nodes if one.name == name)


def ids(made: Plan) -> list[tuple[str, str, str]]:
    return [(finding.node, finding.id, finding.severity) for finding in made.findings]


THREE_CLUSTERS = [node("a1", "a"), node("a2", "a"), node("a3", "a"), node("b1", "b"), node("b2", "b"), node("c1", "c")]


# Order.


def test_clusters_side_by_side_and_nodes_of_a_cluster_one_after_the_other() -> None:
    made = plan(*THREE_CLUSTERS)
    assert made.waves == (("a1", "b1", "c1"), ("a2", "b2"), ("a3",))
    assert {one.name: one.after for one in made.nodes} == {
        "a1": (),
        "a2": ("a1",),
        "a3": ("a1", "a2"),
        "b1": (),
        "b2": ("b1",),
        "c1": (),
    }
    assert made.verdict == "go"
    assert made.verdict_reason == "6 nodes to be upgraded to 1.4.3 in 3 waves."


def test_rank_comes_before_the_order_of_the_inventory() -> None:
    made = plan(
        node("leader", "a", rank=9), node("x", "a", rank=0), node("y", "a", rank=0), node("first", "a", rank=-1)
    )
    assert made.waves == (("first",), ("x",), ("y",), ("leader",))
    assert entry(made, "leader").after == ("first", "x", "y")


def test_a_node_without_a_cluster_is_its_own() -> None:
    one = node("solo")
    del one["cluster"]
    assert entry(plan(one), "solo").cluster == "solo"


def test_canaries_go_first_and_all_others_wait_for_them() -> None:
    made = plan(*THREE_CLUSTERS, canary=2)
    assert made.waves == (("a1", "b1"), ("a2", "b2", "c1"), ("a3",))
    assert entry(made, "b1").after == ()
    assert entry(made, "c1").after == ("a1", "b1")
    assert entry(made, "a3").after == ("b1", "a1", "a2")


def test_there_are_no_more_canaries_than_clusters() -> None:
    assert plan(*THREE_CLUSTERS, canary=9).waves[0] == ("a1", "b1", "c1")


def test_a_pause_leaves_the_later_waves_for_another_run() -> None:
    made = plan(*THREE_CLUSTERS, pause_after=1)
    assert made.waves == (("a1", "b1", "c1"),)
    later = entry(made, "a3")
    assert (later.state, later.wave, later.reason) == ("later", 3, "This run pauses after wave 1; run again to go on")
    assert made.verdict_reason == "3 nodes to be upgraded to 1.4.3 in 1 wave; 3 left for another run."


@pytest.mark.parametrize(("limit", "expected"), [(0, 40), (1, 1), (10, 10), (50, 40)])
def test_a_wave_has_a_limit(limit: int, expected: int) -> None:
    made = plan(*(node(f"n{number}") for number in range(40)), wave_limit=limit)
    assert max(map(len, made.waves)) == expected
    assert sum(map(len, made.waves)) == 40


def test_a_wave_holds_ten_nodes_unless_the_user_says_otherwise() -> None:
    assert [len(wave) for wave in plan(*(node(f"n{number}") for number in range(12))).waves] == [10, 2]


@pytest.mark.parametrize(
    ("sizes", "limit", "canary"),
    list(
        itertools.product([[1], [5], [3, 3, 3], [1, 1, 1, 1, 5], [4, 1, 2, 7, 1, 1], [1] * 23], [0, 1, 2, 5], [0, 1, 3])
    ),
)
def test_waves_keep_every_promise(sizes: list[int], limit: int, canary: int) -> None:
    queues = [[f"{cluster}-{number}" for number in range(size)] for cluster, size in enumerate(sizes)]
    waves = cut_waves([[[name] for name in queue] for queue in queues], limit, canary)
    flat = [name for wave in waves for name in wave]
    assert sorted(flat) == sorted(name for queue in queues for name in queue)
    for wave in waves:
        assert wave
        assert len({name.partition("-")[0] for name in wave}) == len(wave)
        assert len(wave) <= (limit or len(sizes))
    for queue in queues:
        assert [name for name in flat if name in queue] == queue
    if canary:
        assert len(waves[0]) == min(canary, limit or canary, len(sizes))
    else:
        assert len(waves) == max(*sizes, math.ceil(sum(sizes) / (limit or len(sizes))))


def test_nothing_waits_for_a_node_of_the_same_or_a_later_wave() -> None:
    made = plan(*THREE_CLUSTERS, canary=1, wave_limit=2)
    waves = {one.name: one.wave for one in made.nodes}
    assert all(waves[earlier] < one.wave for one in made.nodes for earlier in one.after)


def legacy(name: str, cluster: str = "", **facts: Any) -> dict[str, Any]:
    return node(name, cluster, version="0.7.3", **facts)


def legacy_plan(*nodes: Any, **wishes: Any) -> Plan:
    return plan(*nodes, target_version="0.8.3", **wishes)


def test_a_cluster_that_changes_as_a_whole_has_one_wave() -> None:
    made = legacy_plan(legacy("a1", "a"), legacy("a2", "a"), legacy("a3", "a"), legacy("b1", "b"), legacy("b2", "b"))
    assert made.waves == (("a1", "a2", "a3", "b1", "b2"),)
    assert all(one.after == () for one in made.nodes)


@pytest.mark.parametrize(
    ("wishes", "waves"),
    [
        ({"wave_limit": 2}, (("a1", "a2", "a3"), ("b1", "b2"), ("c1",))),
        ({"wave_limit": 4}, (("a1", "a2", "a3", "c1"), ("b1", "b2"))),
        ({"canary": 1}, (("a1", "a2", "a3"), ("b1", "b2", "c1"))),
    ],
)
def test_a_cluster_that_changes_as_a_whole_is_never_divided(wishes: Any, waves: Any) -> None:
    names = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("b2", "b"), ("c1", "c")]
    assert legacy_plan(*(legacy(*one) for one in names), **wishes).waves == waves


def test_a_cluster_that_changes_as_a_whole_waits_for_the_canaries() -> None:
    made = legacy_plan(legacy("a1", "a"), legacy("b1", "b"), legacy("b2", "b"), canary=1)
    assert entry(made, "b2").after == ("a1",)


def test_without_one_of_its_nodes_such_a_cluster_is_refused() -> None:
    away = {"reachable": False, "reason": "no route to host", "accept": ["node-unreachable"]}
    made = legacy_plan(legacy("a1", "a"), legacy("a2", "a", **away), legacy("b1", "b"))
    assert ids(made) == [("a2", "node-unreachable", "blocker"), ("a1", "cluster-incomplete", "error")]
    assert made.verdict == "refused"
    assert "not possible without a2" in entry(made, "a1").reason


def test_its_way_back_is_one_wave_too() -> None:
    last = {"id": "influxdb_legacy-0.7.3-0.8.3", "source": "0.7.3", "target": "0.8.3"}
    nodes = [node(name, "a", version="0.8.3", role="influxdb_legacy", last=last) for name in ("a1", "a2")]
    assert plan(*nodes, direction="rollback").waves == (("a1", "a2"),)


# What is in the plan of a node.


def test_an_upgrade_is_described() -> None:
    made = plan(node("a"), package=PACKAGE)
    one = entry(made, "a")
    assert (one.product, one.from_version, one.to_version, one.path, one.role) == (
        "influxdb",
        "1.3.9",
        "1.4.3",
        "influxdb",
        "influxdb",
    )
    assert (one.state, one.reason, one.wave, one.one_way, one.disk_needed) == ("upgrade", "", 1, False, 1000)
    assert one.backup_id == "influxdb-1.3.9-1.4.3"
    assert [step.reversible for step in one.steps] == [True] * 4
    assert any("tsi1" in note for note in made.notes)


def test_a_backup_has_one_name_however_the_version_is_written() -> None:
    assert entry(plan(node("a", version="1.3.9-1"), target_version="1.4.3-1"), "a").backup_id == "influxdb-1.3.9-1.4.3"


def test_a_node_at_the_target_is_verified_and_its_cluster_waits_for_it() -> None:
    made = plan(node("a1", "a", version="1.4.3"), node("a2", "a"), node("b1", "b"))
    assert made.verify_only == ("a1",)
    assert made.waves == (("a2", "b1"),)
    done = entry(made, "a1")
    assert (done.state, done.wave, done.reason) == ("nothing", 0, "It runs 1.4.3 already")
    assert entry(made, "a2").after == ("a1",)


def test_a_fleet_at_the_target_has_nothing_to_do() -> None:
    made = plan(node("a", version="1.4.3"), node("b", version="1.4.3"))
    assert (made.verdict, made.waves, made.verify_only) == ("nothing", (), ("a", "b"))
    assert made.verdict_reason == "Every node that can be reached runs 1.4.3 already."


# What stops a run.


def test_an_empty_fleet_is_refused() -> None:
    made = plan()
    assert (made.verdict, made.verdict_reason) == (
        "refused",
        "The fleet has no nodes: fleet_hosts matches no host of the inventory.",
    )


@pytest.mark.parametrize(
    ("severity", "accept", "verdict", "accepted"),
    [
        ("error", [], "refused", False),
        ("error", ["odd"], "refused", False),
        ("blocker", [], "refused", False),
        ("blocker", ["other"], "refused", False),
        ("blocker", ["odd"], "go", True),
        ("warning", [], "go", False),
        ("warning", ["odd"], "go", False),
        ("info", [], "go", False),
    ],
)
@pytest.mark.parametrize("version", ["1.3.9", "1.4.3"], ids=["upgrade", "nothing"])
def test_one_finding_decides_for_all(
    version: str, severity: str, accept: list[str], verdict: str, accepted: bool
) -> None:
    made = plan(node("a"), node("b", version=version, findings=[found("odd", severity)]), accept=accept)
    assert made.verdict == verdict
    assert bool(made.waves) is (verdict == "go")
    assert [finding.accepted for finding in made.findings if finding.id == "odd"] == [accepted]


def test_all_findings_of_all_nodes_are_listed_together() -> None:
    made = plan(
        node("a", findings=[found("one", "blocker"), found("two", "info")]),
        node("b", version="1.12.4"),
        node("c", disk={"state_dir_free": 999, "needed": 1000}),
        node("d", reachable=False, reason="No route to host."),
    )
    assert ids(made) == [
        ("a", "one", "blocker"),
        ("a", "two", "info"),
        ("b", "version-path", "error"),
        ("c", "disk-space", "error"),
        ("d", "node-unreachable", "blocker"),
    ]
    assert made.verdict_reason == (
        "Nothing is upgraded until this is settled: disk-space, node-unreachable, one, version-path (on a, b, c, d)."
    )


def test_a_long_list_of_nodes_is_cut() -> None:
    made = plan(*(node(f"n{number}", version="2.0.0") for number in range(8)))
    assert "(on n0, n1, n2, n3, n4 and 3 more)" in made.verdict_reason


def test_a_node_that_cannot_be_reached_stops_the_run() -> None:
    made = plan(node("a"), node("b", reachable=False, reason="No route to host.", product="", version=""))
    assert made.verdict == "refused"
    assert made.waves == ()
    assert (entry(made, "b").state, entry(made, "b").reason) == ("refused", "It cannot be reached: No route to host")


def test_a_node_that_cannot_be_reached_is_left_out_if_that_is_accepted() -> None:
    made = plan(node("a1", "a"), node("a2", "a", reachable=False), node("a3", "a"), accept=["node-unreachable"])
    assert made.verdict == "go"
    assert made.waves == (("a1",), ("a3",))
    assert entry(made, "a3").after == ("a1",)
    assert [finding.accepted for finding in made.findings] == [True]


def test_a_fleet_of_which_nothing_can_be_reached_is_refused() -> None:
    made = plan(node("a", reachable=False), accept=["node-unreachable"])
    assert (made.verdict, made.verdict_reason) == ("refused", "None of the nodes can be reached.")


def test_a_version_without_a_path_is_an_error_with_its_remedy() -> None:
    made = plan(node("a", version="0.8.3"))
    [finding] = made.findings
    assert (finding.id, finding.severity) == ("version-path", "error")
    assert "0.8.9" in finding.remedy
    assert entry(made, "a").reason == finding.message


def test_a_node_that_could_not_be_looked_at_has_one_error_and_not_two() -> None:
    made = plan(node("a", product="", version="", findings=[found("detect-failed", "error")]))
    assert ids(made) == [("a", "detect-failed", "error")]
    assert entry(made, "a").reason == "It is detect-failed"


def test_a_node_of_which_nothing_is_known_is_refused_all_the_same() -> None:
    assert ids(plan(node("a", product="", version=""))) == [("a", "version-path", "error")]


def test_a_pinned_path_refuses_other_nodes() -> None:
    made = plan(node("a", product="couchdb", version="3.3.3"), path="influxdb")
    assert ids(made) == [("a", "version-path", "error")]
    assert "does not upgrade Apache CouchDB" in made.findings[0].message


def test_a_role_that_detection_found_counts() -> None:
    one = node("lb", product="cloudant", version="1.0.0.5", role="cloudant_lb")
    assert entry(plan(one, target_version="1.1.0"), "lb").path == "cloudant_lb"
    made = plan(one, target_version="1.1.0", path="cloudant_db")
    assert "one for the path cloudant_lb, and this run is pinned to cloudant_db" in made.findings[0].message


@pytest.mark.parametrize(("accept", "verdict"), [([], "refused"), (["one-way"], "go")])
def test_what_cannot_be_undone_has_to_be_accepted(accept: list[str], verdict: str) -> None:
    made = plan(node("a", product="cloudant", version="1.0.0.5"), target_version="1.1.0", accept=accept)
    assert made.verdict == verdict
    assert ids(made) == [("a", "one-way", "blocker")]
    assert entry(made, "a").one_way


def test_accepting_what_is_not_there_is_no_mistake_unless_nobody_knows_the_id() -> None:
    made = plan(node("a"), accept=["one-way", "node-unreachable", "disk-spcae"])
    assert made.verdict == "go"
    assert ids(made) == [("", "accept-unknown", "warning")]
    assert "disk-spcae" in made.findings[0].message


@pytest.mark.parametrize(
    ("package", "facts", "expected"),
    [
        (PACKAGE, {}, []),
        (None, {}, []),
        ("", {}, []),
        ({**PACKAGE, "version": "1.4.3-1"}, {}, []),
        ({**PACKAGE, "arch": "all"}, {"arch": "s390x"}, []),
        (PACKAGE, {"arch": "x86_64"}, []),
        ({"name": "influxdb", "version": None, "arch": None}, {"arch": "x86_64"}, []),
        ({**PACKAGE, "arch": "arm64"}, {"arch": "aarch64"}, []),
        ({**PACKAGE, "arch": "armhf"}, {}, ["package-arch"]),
        (PACKAGE, {"arch": "i686"}, ["package-arch"]),
        ({**PACKAGE, "version": "1.4.2"}, {}, ["package-version"]),
        ({**PACKAGE, "name": "telegraf"}, {}, ["package-product"]),
        (PACKAGE, {"package_manager": "rpm"}, ["package-manager"]),
        (PACKAGE, {"package_manager": ""}, ["package-manager"]),
        (
            {**PACKAGE, "name": "telegraf", "version": "1.5.0", "arch": "arm64"},
            {},
            ["package-product", "package-version", "package-arch"],
        ),
        ({**PACKAGE, "name": "telegraf"}, {"version": "1.4.3"}, []),
    ],
)
def test_the_package_has_to_fit_the_node(package: Any, facts: dict[str, Any], expected: list[str]) -> None:
    made = plan(node("a", **facts), package=package)
    assert [finding.id for finding in made.findings] == expected
    assert all(finding.severity == "error" for finding in made.findings)


def test_a_path_with_an_installer_needs_no_package_manager() -> None:
    database = node("a", product="cloudant", version="1.0.0.5", package_manager="rpm", arch="x86_64")
    package = {"name": "cloudant", "version": "1.1.0", "arch": "x86_64", "sha256": "", "size": 1}
    made = plan(database, target_version="1.1.0", package=package, path="cloudant_db")
    assert [(finding.id, finding.severity) for finding in made.findings] == [("one-way", "blocker")]


# Several products and packages.


MIXED = [
    node("tsdb", package=PACKAGE),
    node("arm", arch="arm64", package={**PACKAGE, "arch": "arm64"}),
    node("couch", product="couchdb", version="3.2.1", target_version="3.3.3", accept=["odd", "one-way"],
         findings=[found("odd", "blocker")]),
]  # fmt: skip


def test_each_node_has_a_target_and_a_package_of_its_own() -> None:
    made = plan(*MIXED)
    assert made.verdict_reason == "3 nodes to be upgraded to 1.4.3 or 3.3.3 in 1 wave."
    assert {one.name: (one.path, one.to_version, one.package and one.package.arch) for one in made.nodes} == {
        "tsdb": ("influxdb", "1.4.3", "amd64"),
        "arm": ("influxdb", "1.4.3", "arm64"),
        "couch": ("couchdb", "3.3.3", None),
    }


def test_a_node_accepts_for_itself_only() -> None:
    made = plan(*MIXED, node("other", findings=[found("odd", "blocker")]))
    odd = [(finding.node, finding.accepted) for finding in made.findings if finding.id == "odd"]
    assert odd == [("couch", True), ("other", False)]
    assert made.verdict == "refused"


# The way back.

LAST = {"id": "influxdb-1.3.9-1.4.3", "source": "1.3.9", "target": "1.4.3"}


def back(*nodes: dict[str, Any], direction: str = "rollback") -> Plan:
    return plan(*nodes, direction=direction, path="influxdb", target_version="")


@pytest.mark.parametrize(
    ("direction", "facts", "expected"),
    [
        ("recover", {"unfinished": LAST}, ("upgrade", "1.4.3", "1.3.9", "influxdb-1.3.9-1.4.3")),
        ("recover", {"last": LAST}, ("nothing", "1.4.3", "1.4.3", "")),
        ("recover", {}, ("nothing", "1.4.3", "1.4.3", "")),
        ("rollback", {"unfinished": LAST}, ("upgrade", "1.4.3", "1.3.9", "influxdb-1.3.9-1.4.3")),
        ("rollback", {"last": LAST}, ("upgrade", "1.4.3", "1.3.9", "influxdb-1.3.9-1.4.3")),
        ("rollback", {}, ("nothing", "1.4.3", "1.4.3", "")),
        ("recover", {"unfinished": {**LAST, "one_way": True}}, ("upgrade", "1.3.9", "1.4.3", "influxdb-1.3.9-1.4.3")),
    ],
)
def test_what_is_undone(direction: str, facts: dict[str, Any], expected: tuple[str, ...]) -> None:
    one = entry(back(node("a", version="1.4.3", **facts), direction=direction), "a")
    assert (one.state, one.from_version, one.to_version, one.backup_id) == expected
    assert one.one_way is facts.get("unfinished", {}).get("one_way", False)


def test_nodes_go_back_in_waves_too() -> None:
    made = back(*(node(name, "a", version="1.4.3", last=LAST) for name in ("a1", "a2")))
    assert (made.waves, entry(made, "a2").after) == ((("a1",), ("a2",)), ("a1",))
    assert made.verdict_reason == "2 nodes to go back to 1.3.9 in 2 waves."
    assert made.notes == ()


def test_what_speaks_against_one_node_keeps_no_other_from_its_way_back() -> None:
    made = back(
        node("lost", reachable=False, reason="No route to host."),
        node("locked", version="1.4.3", last=LAST, findings=[found("lock-held", "error")]),
        node("good", version="1.4.3", last=LAST, findings=[found("odd", "info")]),
    )
    assert (made.verdict, made.waves) == ("go", (("good",),))
    assert {one.name: one.state for one in made.nodes} == {"lost": "refused", "locked": "refused", "good": "upgrade"}
    locked = entry(made, "locked")
    assert (locked.reason, locked.from_version, locked.to_version) == ("It is lock-held", "1.4.3", "1.3.9")


@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        ({"version": "1.4.3"}, "nothing", "No change is left to be undone on a."),
        ({"reachable": False}, "refused", "None of the nodes can be reached."),
        (
            {"findings": [found("lock-held", "error")]},
            "refused",
            "None of the nodes can be taken back: It is lock-held (a).",
        ),
    ],
)
def test_no_way_back_to_go(facts: dict[str, Any], verdict: str, reason: str) -> None:
    made = back(node("a", **facts))
    assert (made.verdict, made.verdict_reason) == (verdict, reason)


# Input.


@pytest.mark.parametrize(
    ("nodes", "wishes", "expected"),
    [
        (["a"], {}, "A node is 'a'"),
        ([{}], {}, "name is None"),
        ([node("a"), node("a")], {}, "The node a is given twice"),
        ([node("a", rank="high")], {}, "Node a: rank is 'high'"),
        ([node("a", reachable="yes")], {}, "Node a: reachable is 'yes'"),
        ([node("a", version=1.3)], {}, "Node a: version is 1.3"),
        ([node("a", disk=7)], {}, "Node a: disk is 7"),
        ([node("a", disk={"state_dir_free": -1})], {}, "state_dir_free is -1"),
        ([node("a", findings="none")], {}, "Node a: findings is 'none'"),
        ([node("a", findings=[{"id": "x", "severity": "fatal"}])], {}, "severity is 'fatal'"),
        ([node("a", findings=[{"severity": "info"}])], {}, "id is None"),
        ([], {"direction": "sideways"}, "direction is 'sideways'"),
        ([], {"canary": -1}, "canary is -1"),
        ([], {"wave_limit": 1.5}, "wave_limit is 1.5"),
        ([], {"pause_after": True}, "pause_after is True"),
        ([node("a", accept="one-way")], {}, "accept is 'one-way'"),
        ([node("a", accept=[1])], {}, "accept is [1]"),
        ([node("a", package="influxdb.deb")], {}, "package is 'influxdb.deb'"),
        ([node("a", last="influxdb-1.3.9-1.4.3")], {}, "last is 'influxdb-1.3.9-1.4.3'"),
    ],
)
def test_input_that_makes_no_sense_is_an_error(nodes: list[Any], wishes: dict[str, Any], expected: str) -> None:
    with pytest.raises(FleetError) as caught:
        make_plan(nodes, wishes)
    assert expected in str(caught.value)


def test_numbers_may_be_strings() -> None:
    assert plan(*THREE_CLUSTERS, canary="1", wave_limit="2").waves[:2] == (("a1",), ("a2", "b1"))


# JSON and saved plans.

PLANS = [
    plan(*THREE_CLUSTERS, canary=1, pause_after=2, package=PACKAGE),
    plan(node("a", version="0.8.3", findings=[found("odd", "blocker")]), accept=["odd", "even"]),
    plan(node("a", product="cloudant", version="1.0.0.5"), target_version="1.1.0", accept=["one-way"]),
    plan(node("a", version="1.4.3")),
    back(node("a", version="1.4.3", last=LAST)),
    plan(*MIXED),
    plan(),
]


@pytest.mark.parametrize("made", PLANS, ids=lambda made: made.verdict_reason[:20])
def test_a_plan_survives_json(made: Plan) -> None:
    assert read_plan(json.loads(json.dumps(made.to_dict()))) == made


def test_the_shape_of_a_plan() -> None:
    data = plan(node("a"), node("b", version="1.4.3"), package=PACKAGE).to_dict()
    assert (data["schema"], data["direction"], data["nodes"][0]["package"]) == (1, "upgrade", PACKAGE)
    assert (data["waves"], data["verify_only"], data["verdict"]) == ([["a"]], ["b"], "go")
    first, second = data["nodes"]
    assert (first["from"], first["to"], first["wave"], first["after"]) == ("1.3.9", "1.4.3", 1, [])
    assert first["steps"][0] == {
        "name": "put the package and the configuration ready, and prove both",
        "reversible": True,
    }
    assert (second["state"], second["wave"]) == ("nothing", None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schema": 2}, "schema is 2"),
        ({"verdict": "perhaps"}, "verdict is 'perhaps'"),
        ({"waves": "a"}, "waves is 'a'"),
        ({"waves": [[1]]}, "strings only"),
        ({"nodes": [{}]}, "state is None"),
        ({"findings": [{"id": "x", "severity": "info"}]}, "accepted is None"),
    ],
)
def test_a_saved_plan_that_makes_no_sense_is_an_error(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(FleetError) as caught:
        read_plan({**plan(node("a")).to_dict(), **change})
    assert expected in str(caught.value)


SAVED = plan(*THREE_CLUSTERS, package=PACKAGE)


def changed(name: str, **facts: Any) -> list[dict[str, Any]]:
    return [{**one, **facts} if one["name"] == name else one for one in THREE_CLUSTERS]


def test_the_same_reality_matches() -> None:
    assert matches(SAVED, plan(*THREE_CLUSTERS, package=PACKAGE)) == []


@pytest.mark.parametrize(
    "done", [["a1"], ["a1", "b1", "c1"], ["a1", "a2", "a3"], [one["name"] for one in THREE_CLUSTERS]]
)
def test_nodes_that_reached_the_target_match(done: list[str]) -> None:
    now = [{**one, "version": "1.4.3"} if one["name"] in done else one for one in THREE_CLUSTERS]
    assert matches(SAVED, plan(*now, package=PACKAGE)) == []


def test_a_pause_that_is_over_matches() -> None:
    saved = plan(*THREE_CLUSTERS, pause_after=1)
    now = [{**one, "version": "1.4.3"} if one["name"] in ("a1", "b1", "c1") else one for one in THREE_CLUSTERS]
    current = plan(*now, pause_after=1)
    assert matches(saved, current) == []
    assert current.waves == (("a2", "b2"),)


@pytest.mark.parametrize(
    ("nodes", "wishes", "expected"),
    [
        (THREE_CLUSTERS[:-1], {}, "c1 was in the saved plan and is not in the fleet any more"),
        ([*THREE_CLUSTERS, node("d1")], {}, "d1 is in the fleet and was not in the saved plan"),
        (changed("a2", version="1.3.8"), {}, "a2 ran 1.3.9 and runs 1.3.8"),
        (changed("a2", cluster="b"), {}, "a2 was in the cluster a and is in b"),
        (changed("a2", version="1.12.4"), {}, "a2 was to take the path influxdb, and now it is no path (refused)"),
        (
            changed("a2", reachable=False, version=""),
            {"accept": ["node-unreachable"]},
            "a2 ran 1.3.9 and runs an unknown version",
        ),
        (changed("a1", rank=5), {}, "The waves changed for a1, a2, a3"),
        (THREE_CLUSTERS, {"target_version": "1.8.10"}, "a1 was to go to 1.4.3, and now to 1.8.10"),
        (changed("a2", target_version="1.8.10"), {}, "a2 was to go to 1.4.3, and now to 1.8.10"),
        (THREE_CLUSTERS, {"direction": "rollback"}, "The direction was upgrade and is rollback"),
        (
            THREE_CLUSTERS,
            {"package": {**PACKAGE, "sha256": "cd" * 32}},
            f"a1 was to take the package with the sha256 {'ab' * 32}, and now {'cd' * 32}",
        ),
        (THREE_CLUSTERS, {"package": None}, "and now not known"),
        (THREE_CLUSTERS, {"path": "influxdb"}, "The pinned path was automatic and is influxdb"),
        (THREE_CLUSTERS, {"canary": 1}, "The number of canaries was 0 and is 1"),
        (THREE_CLUSTERS, {"wave_limit": 2}, "The limit of a wave was 10 and is 2"),
        (THREE_CLUSTERS, {"pause_after": 1}, "The wave to pause after was 0 and is 1"),
    ],
)
def test_another_reality_does_not_match(nodes: list[dict[str, Any]], wishes: dict[str, Any], expected: str) -> None:
    differences = matches(SAVED, plan(*nodes, **{"package": PACKAGE, **wishes}))
    assert any(expected in difference for difference in differences), differences


def test_another_order_is_seen_where_nodes_are_done() -> None:
    now = [
        {**one, "version": "1.4.3" if one["name"] == "a1" else "1.3.9", "rank": 9 if one["name"] == "a2" else 0}
        for one in THREE_CLUSTERS
    ]
    assert matches(SAVED, plan(*now, package=PACKAGE)) == ["The order of the nodes changed for a2, a3"]


def test_a_node_that_was_done_from_the_start_does_not_excuse_another_order() -> None:
    done, a, b = node("z", version="1.4.3"), node("a"), node("b")
    assert matches(plan(done, a, b, wave_limit=1), plan(done, b, a, wave_limit=1)) == ["The waves changed for a, b"]


def test_a_saved_plan_that_was_refused_does_not_match() -> None:
    nodes = [node("a", findings=[found("odd", "blocker")])]
    [difference] = matches(plan(*nodes), plan(*nodes, accept=["odd"]))
    assert difference.startswith("The saved plan was refused itself: Nothing is upgraded until this is settled: odd")


def test_a_node_that_was_done_and_is_not_any_more_does_not_match() -> None:
    saved = plan(node("a", version="1.4.3"), node("b"))
    assert matches(saved, plan(node("a"), node("b")))
