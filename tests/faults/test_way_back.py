# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back, asked for: nodes serve the release before with everything they hold, and the report says so."""

from __future__ import annotations

from collections.abc import Callable

from conftest import BAD, Fleet


def test_a_manual_rollback_leaves_the_node_and_says_so(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    run = one.run(fleet_rollback="manual", **BAD)
    assert run.statuses() == {"influx1": "failed"}
    back = one.run(playbook="rollback", fleet_hosts="influxdb")
    assert back.code == 0, back.text
    assert one.version("influx1") == "1.3.9"


def test_the_way_back_after_a_good_upgrade_keeps_what_was_written(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    assert one.run().code == 0
    with one.writer("influx1") as writer:
        back = one.run(playbook="rollback", fleet_hosts="influxdb")
    assert back.code == 0, back.text
    assert one.version("influx1") == "1.3.9"
    assert len(writer.acknowledged) > 100
    assert writer.lost() == []
    assert back.statuses() == {"influx1": "done"}
    assert "back on InfluxDB 1.3.9" in back.report["verdict"]
    node = back.nodes["influx1"]
    assert (node["from"], node["to"], node["data"]) == ("1.4.3", "1.3.9", "same")


def test_a_rehearsal_of_the_way_back_changes_nothing(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    assert one.run().code == 0
    before = one.effects("influx1")
    rehearsal = one.run("--check", playbook="rollback", fleet_hosts="influxdb")
    assert rehearsal.code == 0, rehearsal.text
    assert "1 node to go back to 1.3.9 in 1 wave" in rehearsal.text
    assert one.effects("influx1") == before
    assert not rehearsal.reports.exists()


def test_nobody_goes_back_who_was_not_named(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    run = one.run(playbook="rollback")
    assert run.code != 0
    assert "fleet_hosts=PATTERN" in run.text


def test_nodes_of_a_cluster_go_back_one_after_the_other_past_one_that_is_lost(fleet: Callable[..., Fleet]) -> None:
    three = fleet("--nodes", "3", "--cluster", "east")
    assert three.run().code == 0
    three.sh("influx2", "systemctl stop ssh; pkill -x sshd")
    back = three.run(playbook="rollback", fleet_hosts="influxdb")
    assert back.code != 0
    assert {name: node["status"] for name, node in back.nodes.items()} == {
        "influx1": "done", "influx2": "refused", "influx3": "done",
    }  # fmt: skip
    assert {host: three.version(host) for host in three.hosts} == {
        "influx1": "1.3.9", "influx2": "1.4.3", "influx3": "1.3.9",
    }  # fmt: skip
    assert "Wave 2 of 2: influx3" in back.text


def test_there_is_nothing_to_recover_on_nodes_that_are_well(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    assert one.run().code == 0
    before = one.effects("influx1")
    run = one.run(playbook="recover")
    assert run.code == 0, run.text
    assert run.statuses() == {"influx1": "nothing"}
    assert one.effects("influx1") == before
