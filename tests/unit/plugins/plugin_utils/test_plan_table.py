# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan as people see it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._paths import PATHS
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_table import table
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._planner import make_plan

BUILT = tuple(replace(path, built=True) for path in PATHS)


def node(name: str, cluster: str = "", **facts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "cluster": cluster,
        "product": "influxdb",
        "version": "1.4.2",
        "arch": "amd64",
        "package_manager": "dpkg",
        "reachable": True,
        **facts,
    }


def shown(*nodes: dict[str, Any], **wishes: Any) -> str:
    of_nodes = {"target_version": "1.4.3", "package": None, "accept": []}
    wanted = {key: wishes.pop(key, value) for key, value in of_nodes.items()}
    return table(make_plan([{**wanted, **one} for one in nodes], wishes, BUILT))


def test_the_whole_table() -> None:
    findings = [{"id": "backup-port", "severity": "blocker", "message": "Port 8088 is closed", "remedy": "Open it"}]
    nodes = [
        node("influx1", "metrics", findings=findings),
        node("influx2", "metrics", findings=findings),
        node("solo", version="1.4.3"),
        node("away", reachable=False, reason="No route to host."),
    ]
    package = {"name": "influxdb", "version": "1.4.3", "arch": "amd64"}
    expected = """\
Plan: upgrade to 1.4.3, package influxdb 1.4.3

node     cluster  from   to     path      wave  state
-------  -------  -----  -----  --------  ----  -------
influx1  metrics  1.4.2  1.4.3  influxdb  1     upgrade
influx2  metrics  1.4.2  1.4.3  influxdb  2     upgrade
solo     -        1.4.3  1.4.3  -         -     nothing
    It runs 1.4.3 already
away     -        ?      1.4.3  -         -     refused
    It cannot be reached: No route to host

Blockers: each stops the run unless its id is in fleet_accept
  backup-port (influx1, influx2): Port 8088 is closed
    What to do: Open it
  node-unreachable (away): The node cannot be reached: No route to host - accepted

Warnings
  accept-unknown: fleet_accept names odd, and nothing that was found has this id
    What to do: Check the spelling, or take it out of fleet_accept

Verdict: refused. Nothing is upgraded until this is settled: backup-port (on influx1, influx2)."""
    away = {**nodes[3], "version": ""}
    assert shown(*nodes[:3], away, package=package, accept=["node-unreachable", "odd"]) == expected


def test_the_title_of_a_mixed_fleet_names_every_release_and_package() -> None:
    package = {"name": "influxdb", "version": "1.4.3", "arch": "amd64"}
    text = shown(node("a", package=package), node("b", product="couchdb", version="3.2.1", target_version="3.3.3"))
    assert text.splitlines()[0] == "Plan: upgrade to 1.4.3 or 3.3.3, package influxdb 1.4.3"


def test_the_way_back_is_called_so() -> None:
    last = {"id": "influxdb-1.4.2-1.4.3", "source": "1.4.2", "target": "1.4.3"}
    text = shown(node("a", version="1.4.3", last=last), direction="rollback")
    assert text.splitlines()[0] == "Plan: way back to 1.4.2"
    assert text.splitlines()[4].endswith("go back")
    assert text.splitlines()[-1] == "Verdict: go. 1 node to go back to 1.4.2 in 1 wave."


def test_what_can_only_be_finished_is_called_so() -> None:
    cut = {"id": "cloudant_db-1.0.0.5-1.1.0", "source": "1.0.0.5", "target": "1.1.0", "one_way": True}
    text = shown(node("a", product="cloudant", version="1.0.0.5", unfinished=cut), direction="recover")
    assert text.splitlines()[0] == "Plan: recovery to 1.1.0"
    assert text.splitlines()[4].endswith("finish*")
    assert text.splitlines()[-1] == "Verdict: go. 1 node to be recovered to 1.1.0 in 1 wave."


def test_steps_that_cannot_be_undone_are_marked() -> None:
    text = shown(node("db1", product="cloudant", version="1.0.0.5"), target_version="1.1.0")
    assert "upgrade*" in text
    assert "* has a step that cannot be undone" in text
    assert "There is no way back: Cloudant Local cannot go back" in text


def test_a_pause_and_the_notes_are_shown() -> None:
    text = shown(node("a", "x", version="1.3.9"), node("b", "x", version="1.3.9"), pause_after=1)
    assert "2     later" in text
    assert "This run pauses after wave 1" in text
    assert "Good to know\n  - 1.4 opens port 8082" in text


def test_it_fits_a_terminal() -> None:
    long = "very-long-name." * 8
    word = "w" * 150
    findings = [{"id": "odd", "severity": "error", "message": f"{word} {'much text ' * 40}", "remedy": "do this " * 40}]
    nodes = [
        node(long + str(number), long * 2, findings=findings, product="cloudant", version="1.0.0.5")
        for number in range(30)
    ]
    text = shown(*nodes, target_version="1.1.0")
    assert max(map(len, text.splitlines())) <= 110
    assert "very-long-name.very-long-name." in text
    assert "and 22 more" in text


def test_columns_are_aligned() -> None:
    lines = shown(*(node("n" * length, "c" * length) for length in range(1, 12))).splitlines()
    start = lines[2].index("from")
    assert all(line[start : start + 5] == "1.4.2" for line in lines[4:15])


def test_a_short_table_stays_small() -> None:
    assert max(map(len, shown(node("a")).splitlines()[:5])) < 60


def test_an_empty_fleet_has_a_table_too() -> None:
    assert "Verdict: refused. The fleet has no nodes" in shown()
