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

from holdings import Influx  # noqa: E402  (the path above is needed first)

NOTES = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture
def name(host: Host) -> str:
    """The node's name in the inventory."""
    return host.backend.get_hostname()


@pytest.fixture
def influx(host: Host) -> Influx:
    """The node's server, asked from the controller."""
    return Influx(host.ansible.get_variables()["ansible_host"])


@pytest.fixture(scope="module")
def state(host: Host) -> dict[str, str]:
    """Owner, group, mode and size of everything in the state folder, whose own path is the empty one."""
    lines = host.check_output("find /var/lib/dbfleet -printf '%P\t%u %g %m %s\n'").splitlines()
    return dict(line.split("\t") for line in lines)


@pytest.fixture
def holdings_before(name: str) -> dict[str, Any]:
    """What the node held before anything was done."""
    return json.loads((NOTES / f"holdings-{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def effects_before(name: str) -> list[str]:
    """What the node looked like between the upgrade and the second run."""
    return (NOTES / f"effects-{name}.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def effects(host: Host) -> list[str]:
    """What the node looks like now."""
    script = SCENARIO.parent / "shared" / "effects.sh"
    return host.check_output(script.read_text(encoding="utf-8")).splitlines()


@pytest.fixture
def upgrade_report() -> dict[str, Any]:
    """The report of the upgrade."""
    return json.loads((NOTES / "report-upgrade" / "report.json").read_text(encoding="utf-8"))


@pytest.fixture
def second_report() -> dict[str, Any]:
    """The report of the run after the upgrade."""
    return json.loads((NOTES / "report" / "report.json").read_text(encoding="utf-8"))
