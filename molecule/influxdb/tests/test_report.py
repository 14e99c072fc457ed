# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports say what happened."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def node(upgrade_report: dict[str, Any], name: str) -> dict[str, Any]:
    """What the report of the upgrade says of the node."""
    return next(node for node in upgrade_report["nodes"] if node["name"] == name)


def test_upgrade_is_well(upgrade_report: dict[str, Any]) -> None:
    assert upgrade_report["ok"] is True
    assert [(node["name"], node["status"]) for node in upgrade_report["nodes"]] == [
        ("influx1", "done"),
        ("influx2", "done"),
        ("influx3", "done"),
    ]


def test_data_is_proved_equal(node: dict[str, Any]) -> None:
    assert node["data"] == "same"
    assert node["fingerprint"]["level"] == "points"
    assert node["fingerprint"]["differences"] == []
    assert node["fingerprint"]["before"] == node["fingerprint"]["after"]
    assert node["fingerprint"]["before"]["values"] == 120000


def test_backup_is_proved(node: dict[str, Any]) -> None:
    assert node["backup"]["verified"]


def test_downtime_is_measured(node: dict[str, Any]) -> None:
    assert 0 < node["downtime"] < 30


def test_second_run_had_nothing_to_do(second_report: dict[str, Any]) -> None:
    assert second_report["ok"] is True
    assert [node["status"] for node in second_report["nodes"]] == ["nothing"] * 3
