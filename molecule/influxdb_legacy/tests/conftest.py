# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the earlier steps of the scenario wrote down, and a node as it is now."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

SCENARIO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SCENARIO))

from holdings import LegacyInflux  # noqa: E402  (the path above is needed first)

NOTES = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def note(file: str) -> Any:
    """Return what a file of JSON holds that an earlier step wrote."""
    return json.loads((NOTES / file).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def name(host: Host) -> str:
    """The node's name in the inventory."""
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def influx(host: Host) -> LegacyInflux:
    """The node's server, asked from the controller."""
    return LegacyInflux(host.ansible.get_variables()["ansible_host"])


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    """What was seen during the upgrade: "looks" for the password, where it was "told", and what was "written"."""
    found: dict[str, Any] = note("clients.json")
    return found


@pytest.fixture
def upgrade_report() -> dict[str, Any]:
    """The report of the upgrade."""
    found: dict[str, Any] = note("report-upgrade/report.json")
    return found


@pytest.fixture
def second_report() -> dict[str, Any]:
    """The report of the run after the upgrade."""
    found: dict[str, Any] = note("report/report.json")
    return found
