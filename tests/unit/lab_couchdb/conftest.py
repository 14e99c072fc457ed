# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of the lab's stand-in for CouchDB."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab/couchdb"))

from couchdb_sim.cluster import Cluster

# A backlog that nobody notices as long as a test runs.
NEVER = {"sim": {"sync_delay": "600"}}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three nodes that replicate soon after a change, with a database of two ranges."""
    with Cluster() as started:
        started.members[0].put("/db?q=2&n=3")
        yield started


@pytest.fixture
def slow_cluster() -> Iterator[Cluster]:
    """The same, but a node that comes back is not noticed to be behind."""
    with Cluster(settings=NEVER) as started:
        started.members[0].put("/db?q=2&n=3")
        yield started
