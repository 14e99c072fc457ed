# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node as it is now, and what the earlier steps of the scenario wrote down of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from testinfra.host import Host

SHARED = Path(__file__).resolve().parents[2] / "shared"
sys.path.insert(0, str(SHARED))

NOTES = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture(scope="module")
def name(host: Host) -> str:
    """The node's name in the inventory."""
    return str(host.backend.get_hostname())


@pytest.fixture
def effects(host: Host) -> list[str]:
    """What the node looks like now."""
    return host.check_output((SHARED / "effects.sh").read_text(encoding="utf-8")).splitlines()


@pytest.fixture
def effects_before(name: str) -> list[str]:
    """What the node looked like between the upgrade and the second run."""
    return (NOTES / f"effects-{name}.txt").read_text(encoding="utf-8").splitlines()
