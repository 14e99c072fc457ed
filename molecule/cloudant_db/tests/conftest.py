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
sys.path.insert(0, str(SCENARIO.parent / "shared"))

from holdings import ADMIN, Couch  # noqa: E402  (the path above is needed first)

NOTES = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def printed(host: Host, script: Path) -> list[str]:
    """Return what a script prints on the node."""
    return host.check_output(script.read_text(encoding="utf-8")).splitlines()


@pytest.fixture(scope="module")
def name(host: Host) -> str:
    """The node's name in the inventory."""
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def couch(host: Host) -> Couch:
    """The node's server, asked from the controller."""
    return Couch(host.ansible.get_variables()["ansible_host"], ADMIN)


@pytest.fixture
def holdings_before(name: str) -> dict[str, Any]:
    """What the node held before anything was done."""
    found: dict[str, Any] = json.loads((NOTES / f"holdings-{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def configuration_before(name: str) -> list[str]:
    """The node's configuration before anything was done."""
    return (NOTES / f"configuration-{name}.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def configuration(host: Host) -> list[str]:
    """The node's configuration now."""
    return printed(host, SCENARIO / "configuration.sh")


@pytest.fixture
def effects_before(name: str) -> list[str]:
    """What the node looked like between the upgrade and the second run."""
    return (NOTES / f"effects-{name}.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def effects(host: Host) -> list[str]:
    """What the node looks like now."""
    return printed(host, SCENARIO.parent / "shared" / "effects.sh")


def report(folder: str) -> dict[str, Any]:
    """Return a report that the scenario kept."""
    found: dict[str, Any] = json.loads((NOTES / folder / "report.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def upgrade_report() -> dict[str, Any]:
    """The report of the upgrade."""
    return report("report-upgrade")


@pytest.fixture
def second_report() -> dict[str, Any]:
    """The report of the run after the upgrade."""
    return report("report")
