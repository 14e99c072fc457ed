# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports say what happened, and nobody's password."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import NOTES
from testinfra.host import Host

NODES = ["influx1", "influx2", "influx3"]


@pytest.fixture
def node(upgrade_report: dict[str, Any], name: str) -> dict[str, Any]:
    """What the report of the upgrade says of the node."""
    found: dict[str, Any] = next(node for node in upgrade_report["nodes"] if node["name"] == name)
    return found


def test_upgrade_is_well(upgrade_report: dict[str, Any]) -> None:
    assert upgrade_report["ok"] is True
    assert [(node["name"], node["status"]) for node in upgrade_report["nodes"]] == [(name, "done") for name in NODES]


def test_all_nodes_were_changed_in_one_wave(upgrade_report: dict[str, Any]) -> None:
    assert upgrade_report["plan"]["waves"] == [NODES]


def test_data_is_proved_equal(node: dict[str, Any]) -> None:
    assert node["data"] == "same"
    assert node["fingerprint"]["level"] == "points"
    assert node["fingerprint"]["differences"] == []
    assert node["fingerprint"]["before"]["rows"] >= 27140


def test_downtime_is_measured(node: dict[str, Any]) -> None:
    assert 0 < node["downtime"] < 300


@pytest.mark.parametrize("folder", ["report-upgrade", "report"])
def test_password_is_not_in_it(host: Host, folder: str) -> None:
    password = host.ansible.get_variables()["influxdb_legacy_admin_password"].encode()
    files = [file for file in (NOTES / folder).rglob("*") if file.is_file()]
    assert files
    assert [file.name for file in files if password in file.read_bytes()] == []


def test_password_was_no_argument_and_in_no_environment(clients: dict[str, Any]) -> None:
    assert clients["looks"] > 100
    assert clients["told"] == []


def test_second_run_had_nothing_to_do(second_report: dict[str, Any]) -> None:
    assert second_report["ok"] is True
    assert [node["status"] for node in second_report["nodes"]] == ["nothing"] * len(NODES)
