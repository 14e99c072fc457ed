# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""weatherreport: what it says of a cluster, and the exit code that says little."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from couchdb_sim.cluster import PACKAGES, Cluster, Member

LINE = re.compile(r"\['(?P<node>[^']+)'\] \[(?P<level>\w+)\] (?P<text>.+)")


def weatherreport(member: Member, *arguments: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "couchdb_sim.weatherreport", "--etc", str(member.home / "etc"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def levels_and_texts(lines: list[str]) -> list[tuple[str, str]]:
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), lines
    return [(match["level"], match["text"]) for match in found if match]


def test_a_healthy_cluster_has_nothing_to_report(cluster: Cluster) -> None:
    checks = ["membership", "nodes_connected", "custodian", "internal_replication", "safe_to_rebuild"]
    assert weatherreport(cluster.members[0], "-a", *checks) == (0, ["No diagnostic messages to report."])
    code, lines = weatherreport(cluster.members[0], "-d", "info", *checks)
    assert code == 1
    assert sorted(levels_and_texts(lines)) == [
        ("info", "All shards available and alive."),
        ("info", "This node can be rebuilt without causing any shards to become N=0"),
        ("info", "This node can be rebuilt without causing any shards to become N=1"),
        ("info", "Total number of pending internal replication jobs: 0"),
    ]


def test_a_notice_alone_makes_the_exit_code_1(cluster: Cluster) -> None:
    node = cluster.members[0]
    has_noatime = os.statvfs(node.home).f_flag & os.ST_NOATIME
    code, lines = weatherreport(node, "disk")
    assert code == (0 if has_noatime else 1)
    if not has_noatime:
        assert levels_and_texts(lines)[0][0] == "notice"
        assert f"{node.home}/data is not mounted with 'noatime'" in lines[0]
    assert weatherreport(node, "-d", "warning", "disk") == (0, ["No diagnostic messages to report."])


def test_a_stopped_member_is_told_by_those_that_miss_it(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    third.stop()
    assert weatherreport(first, "membership") == (0, ["No diagnostic messages to report."])
    code, lines = weatherreport(first, "nodes_connected")
    advice = "Please check whether it is down."
    assert code == 1
    assert levels_and_texts(lines) == [
        ("warning", f"Cluster member {third.name} is not connected to this node. {advice}")
    ]
    _code, lines = weatherreport(first, "custodian")
    assert levels_and_texts(lines) == [
        ("warning", f"2 {kind} shards for Db: db Range: {range_}.")
        for range_ in ("[0,2147483647]", "[2147483648,4294967295]")
        for kind in ("live", "safe")
    ]
    _code, lines = weatherreport(first, "-a", "membership")
    assert levels_and_texts(lines) == [
        ("crit", f"Could not run check weatherreport_check_membership on cluster node '{third.name}'")
    ]


def test_a_node_in_maintenance_is_safe_but_not_live(cluster: Cluster) -> None:
    first, second, third = cluster.members
    second.set_maintenance("true")
    third.set_maintenance("true")
    _code, lines = weatherreport(first, "custodian")
    assert [level for level, _text in levels_and_texts(lines)] == ["error", "error"]
    assert all("1 live shards" in line for line in lines)


def test_a_node_that_does_not_run_cannot_be_asked(cluster: Cluster) -> None:
    first = cluster.members[0]
    first.stop()
    code, lines = weatherreport(first, "membership", "custodian")
    assert code == 1
    assert levels_and_texts(lines) == [
        ("crit", "Bad rpc call executing check weatherreport_check_custodian: nodedown"),
        ("crit", "Bad rpc call executing check weatherreport_check_membership: nodedown"),
    ]


@pytest.mark.parametrize(
    ("version", "levels"), [("2.0.0", ["crit", "info"]), ("2.1.2", ["crit", "info"]), ("3.4.3", ["info", "info"])]
)
def test_safe_to_rebuild_finds_nothing_since_2_2(version: str, levels: list[str]) -> None:
    """Asked on the only live node of three."""
    with Cluster(version=version) as cluster:
        first, second, third = cluster.members
        first.put("/db?q=1&n=3")
        second.stop()
        third.stop()
        code, lines = weatherreport(first, "-d", "info", "safe_to_rebuild")
        found = levels_and_texts(lines)
        assert (code, [level for level, _text in found]) == (1, levels)
        assert ("db 00000000-ffffffff" in found[0][1]) == (levels[0] == "crit")


def test_safe_to_rebuild_warns_of_a_last_copy() -> None:
    with Cluster(version="2.0.0") as cluster:
        first, _second, third = cluster.members
        first.put("/db?q=1&n=3")
        third.stop()
        code, lines = weatherreport(first, "safe_to_rebuild")
        assert code == 1
        [(level, text)] = levels_and_texts(lines)
        assert level == "error"
        assert text.startswith("Rebuilding this node will leave the following shards with only one live copy: db ")


def test_checks_are_listed_and_unknown_ones_skipped(cluster: Cluster) -> None:
    first = cluster.members[0]
    code, lines = weatherreport(first, "-l")
    assert code == 0
    assert "  custodian            Shard safety/liveness checks" in lines
    assert weatherreport(first, "nonsense", "membership") == (
        0,
        ["Unknown check 'nonsense' specified, skipping.", "No diagnostic messages to report."],
    )


def test_without_a_configuration_it_is_a_fatal_error(cluster: Cluster) -> None:
    first = cluster.members[0]
    (first.home / "etc/vm.args").unlink()
    code, lines = weatherreport(first, "membership")
    assert code == 1
    assert lines[0].startswith("Fatal error: Could not read ")
