# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports say what happened."""

from __future__ import annotations

import json
from typing import Any

NODES = ["db1", "db2", "db3"]


def test_upgrade_is_well(upgrade_report: dict[str, Any]) -> None:
    assert upgrade_report["ok"] is True
    assert [(node["name"], node["status"]) for node in upgrade_report["nodes"]] == [(name, "done") for name in NODES]


def test_copies_were_made(upgrade_report: dict[str, Any]) -> None:
    assert all(node["backup"]["verified"] for node in upgrade_report["nodes"])


def test_no_password_is_in_it(upgrade_report: dict[str, Any]) -> None:
    text = json.dumps(upgrade_report)
    assert "lab-admin-pw" not in text
    assert "lab-stats-pw" not in text


def test_second_run_had_nothing_to_do(second_report: dict[str, Any]) -> None:
    assert second_report["ok"] is True
    assert [node["status"] for node in second_report["nodes"]] == ["nothing"] * len(NODES)
