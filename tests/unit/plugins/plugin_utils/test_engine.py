# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _engine

PLAN: dict[str, Any] = {
    "nodes": [
        {"name": "a1", "cluster": "a", "wave": 1, "from": "1.3.9", "to": "1.4.3", "state": "upgrade", "after": []},
        {"name": "a2", "cluster": "a", "wave": 2, "from": "1.3.9", "to": "1.4.3", "state": "upgrade", "after": ["a1"]},
        {"name": "b1", "cluster": "b", "wave": 1, "from": "1.3.9", "to": "1.4.3", "state": "upgrade", "after": []},
        {"name": "c1", "cluster": "c", "from": "1.4.3", "to": "1.4.3", "state": "nothing", "after": []},
        {"name": "d1", "cluster": "d", "from": "1.3.9", "to": "1.4.3", "state": "later", "after": []},
    ],
    "waves": [["a1", "b1"], ["a2"]],
}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"msg": "No space left"}, "No space left."),
        ({"msg": "Is it on?"}, "Is it on?"),
        (
            {
                "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error",
                "module_stderr": "Traceback\nOSError: full\n",
            },
            "OSError: full.",
        ),
        ({"msg": "All items completed", "results": [{"failed": False}, {"failed": True, "msg": "second"}]}, "second."),
        ({"rc": 1, "stderr": "first\nlast"}, "last."),
        ({}, "no reason was given."),
        ({"msg": "Task failed: Action failed: The disk is full."}, "The disk is full."),
        (
            {"msg": "Task failed: Error while resolving: The filter plugin 'a.b.c' failed: /x is not TOML"},
            "/x is not TOML.",
        ),
    ],
)
def test_reason_is_the_sentence_that_matters(result: dict[str, Any], expected: str) -> None:
    assert _engine.reason(result) == expected


def wish(run: dict[str, Any] | None = None, **of_node: Any) -> dict[str, Any]:
    """Return the facts of a host of which something is wanted."""
    defaults = {"target_version": "1.4.3", "package": {"file": "x.deb"}, "rollback_package": {}, "accept": []}
    return {"fleet_wish": {**defaults, **of_node, "run": {"canary": 0, "report_dir": "/r", **(run or {})}}}


def test_the_hosts_say_what_is_wanted_of_the_run() -> None:
    hostvars = {"a": wish({"canary": 1}), "b": wish({"canary": 1})}
    assert _engine.settings(["a", "b"], hostvars) == {"canary": 1, "report_dir": "/r"}


@pytest.mark.parametrize(
    ("hostvars", "expected"),
    [
        ({}, "fleet_hosts matches no host"),
        ({"a": wish(), "b": {}}, "What is wanted of b cannot be read"),
        ({"a": wish({"canary": 1}), "b": wish({"canary": 2})}, "fleet_canary is 1 for a; 2 for b"),
        (
            {**{f"n{number}": wish() for number in range(5)}, "x": wish({"canary": 1})},
            "fleet_canary is 0 for n0, n1, n2 and 2 more; 1 for x",
        ),
    ],
)
def test_hosts_that_want_different_runs_are_refused(hostvars: dict[str, dict[str, Any]], expected: str) -> None:
    with pytest.raises(FleetError) as caught:
        _engine.settings(list(hostvars), hostvars)
    assert expected in str(caught.value)


def test_packages_are_read_once_each() -> None:
    one = wish()
    other = wish(package={"file": "y.deb"}, target_version="1.8.10", rollback_package={"file": "old.deb"})
    assert _engine.packages(["a", "b", "c"], {"a": one, "b": one, "c": other}) == [
        {"package": {"file": "x.deb"}, "version": "1.4.3"},
        {"package": {"file": "y.deb"}, "version": "1.8.10"},
        {"package": {"file": "old.deb"}, "version": ""},
    ]


@pytest.mark.parametrize("missing", ["package", "target_version"])
def test_a_host_that_does_not_say_what_it_wants_is_named(missing: str) -> None:
    with pytest.raises(FleetError, match=f"fleet_{missing} is not set for a1"):
        _engine.packages(["a1"], {"a1": wish(**{missing: ""})})


def test_a_host_without_facts_counts_as_unreachable() -> None:
    hostvars: dict[str, dict[str, Any]] = {
        "seen": {**wish(), "fleet_node": {"product": "influxdb", "version": "1.3.9", "cluster": "x"}},
        "refused": {**wish(), "fleet_unreachable": "Connection refused."},
        "lost": wish(),
        "broken": {**wish(), "fleet_findings": [{"id": "detect-failed"}]},
    }
    nodes = {node["name"]: node for node in _engine.plan_nodes(list(hostvars), hostvars)}
    assert {name: node["reachable"] for name, node in nodes.items()} == {
        "seen": True, "refused": False, "lost": False, "broken": True,
    }  # fmt: skip
    assert nodes["refused"]["reason"] == "Connection refused."
    assert "lost while" in nodes["lost"]["reason"]
    assert (nodes["seen"]["cluster"], nodes["lost"]["cluster"]) == ("x", "lost")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [([], []), ("", []), (["one-way"], ["one-way"]), ("one-way, shards-b1", ["one-way", "shards-b1"])],
)
def test_what_a_node_accepts_may_come_from_the_command_line(accept: Any, expected: list[str]) -> None:
    assert _engine.plan_nodes(["a"], {"a": wish(accept=accept)})[0]["accept"] == expected


def test_the_planner_gets_what_is_wanted_of_a_node_and_what_can_be_undone() -> None:
    last = {"id": "influxdb-1.3.9-1.4.3", "source": "1.3.9", "target": "1.4.3"}
    facts = {
        **wish(target_version=1.4),
        "fleet_role": "influxdb",
        "fleet_node": {"product": "influxdb", "package": {"name": "influxdb"}},
        "fleet_kept": {"unfinished": None, "last": last, "locked": False},
    }
    node = _engine.plan_nodes(["a"], {"a": facts})[0]
    assert (node["target_version"], node["package"], node["role"]) == ("1.4", {"name": "influxdb"}, "influxdb")
    assert (node["unfinished"], node["last"]) == (None, last)


def test_the_way_back_is_the_upgrade_turned_round() -> None:
    back = {"name": "a", "from": "1.4.3", "to": "1.3.9", "backup_id": "influxdb-1.3.9-1.4.3", "one_way": False}
    assert _engine.to_undo(back) == {**back, "from": "1.3.9", "to": "1.4.3"}


def test_a_change_that_is_finished_is_not_turned_round() -> None:
    forth = {"name": "a", "from": "1.0.0.5", "to": "1.1.0", "backup_id": "x", "one_way": True}
    assert _engine.to_undo(forth) == forth


def test_the_queue_holds_a_place_before_each_wave() -> None:
    assert _engine.queue(PLAN) == ["wave-1", "a1", "b1", "wave-2", "a2"]
    assert _engine.batch_sizes(PLAN) == [3, 2]
    assert _engine.wave_places(PLAN)[0]["announcement"] == "Wave 1 of 2: a1, b1"


def test_nodes_of_this_run_are_those_to_upgrade_or_verify() -> None:
    assert _engine.planned(PLAN) == ["a1", "a2", "b1", "c1"]
    assert _engine.plan_node(PLAN, "a2")["after"] == ["a1"]


@pytest.mark.parametrize(
    ("status", "holds"),
    [("done", False), ("nothing", False), ("failed", True), ("rolled_back", True), ("held", True), (None, True)],
)
def test_only_positive_evidence_lets_the_next_node_start(status: str | None, holds: bool) -> None:
    facts = {"fleet_outcome": {"status": status}} if status else {}
    assert _engine.unproved(["a1"], {"a1": facts}) == (["a1"] if holds else [])


def test_hosts_without_a_fact_are_told() -> None:
    assert _engine.without(["a", "b", "c"], {"a": {"ready": True}, "b": {"ready": False}, "c": {}}, "ready") == [
        "b",
        "c",
    ]


def test_a_node_whose_upgrade_began_and_has_no_outcome_was_lost() -> None:
    facts = {"fleet_entered": True, "fleet_phase_entered": "upgrade", "fleet_outcome": {}}
    outcome = _engine.report_nodes(["a1"], {"a1": facts}, PLAN)[0]["outcome"]
    assert (outcome["status"], outcome["phase"]) == ("unreachable", "upgrade")


def test_the_report_gets_what_is_known_and_nothing_else() -> None:
    hostvars: dict[str, dict[str, Any]] = {
        "a1": {
            "fleet_outcome": {"status": "done"},
            "ansible_facts": {"fleet_timeline": [{"phase": "stage"}]},
            "ansible_password": "geheim",
        },
        "a2": {},
    }
    nodes = _engine.report_nodes(["a1", "a2"], hostvars, PLAN)
    assert nodes == [
        {
            "name": "a1",
            "cluster": "a",
            "wave": 1,
            "from": "1.3.9",
            "to": "1.4.3",
            "outcome": {"status": "done"},
            "timeline": [{"phase": "stage"}],
        },
        {"name": "a2", "cluster": "a", "wave": 2, "from": "1.3.9", "to": "1.4.3", "timeline": []},
    ]


def test_detection_is_told_in_a_line() -> None:
    node = {"product": "influxdb", "version": "1.3.9"}
    assert _engine.detected(node, []) == "influxdb 1.3.9"
    grave = [{"id": "shards-b1", "severity": "error"}, {"id": "config-ifql", "severity": "info"}]
    assert _engine.detected(node, grave) == "influxdb 1.3.9: shards-b1"


def identified(*installed: str, lock: dict[str, Any] | None = None, **left: Any) -> list[dict[str, Any]]:
    roles = ("cloudant_db", "cloudant_lb")
    state = {"lock": lock, **left}
    return [
        {"item": {"role": role}, "node": {"package": {"installed": role in installed}, "state": state}}
        for role in roles
    ]


@pytest.mark.parametrize(
    ("version", "role"),
    [("0.7.3", "influxdb_legacy"), ("0.8.8", "influxdb_legacy"), ("0.10.3", "influxdb"), ("?", "influxdb")],
)
def test_the_role_of_a_node_goes_by_its_release(version: str, role: str) -> None:
    package = {"installed": True, "upstream": version}
    node = {"state": {"lock": None}, "package": package}
    rows = [{"role": "influxdb_legacy", "before": "0.9.0"}, {"role": "influxdb"}]
    assert _engine.role_of([{"item": row, "node": node} for row in rows]) == role


def test_the_role_of_a_node_is_that_of_the_run_that_died_there_or_of_what_is_installed() -> None:
    assert _engine.role_of(identified("cloudant_lb")) == "cloudant_lb"
    assert _engine.role_of(identified("cloudant_db", "cloudant_lb")) == "cloudant_db"
    assert _engine.role_of(identified(lock={"path": "cloudant_db"})) == "cloudant_db"
    assert _engine.role_of(identified("cloudant_lb", lock={"path": None})) == "cloudant_lb"
    assert _engine.role_of(identified()) == ""


@pytest.mark.parametrize("kind", ["swap", "installation"])
@pytest.mark.parametrize(("finished", "role"), [(False, "cloudant_db"), (True, "cloudant_lb")])
def test_the_role_of_a_node_is_that_of_the_change_that_was_cut_off_there(kind: str, finished: bool, role: str) -> None:
    change = {"id": "cloudant_db-1.0.0.5-1.1.0", "finished": finished}
    assert _engine.role_of(identified("cloudant_lb", **{kind: change})) == role
