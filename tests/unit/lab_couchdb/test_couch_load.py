# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients that upgrades are tested with see what is lost or stale, and nothing where all is well."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from couchdb_sim.cluster import ADMIN, PASSWORD, Cluster, Member

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab"))

from dbfleet_lab import couch_load
from dbfleet_lab.couch import Couch
from dbfleet_lab.couch_load import Load
from dbfleet_lab.shell import wait_until


def client(member: Member) -> Couch:
    return Couch(member.address, (ADMIN, PASSWORD), member.port)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these clusters have written is in all copies at once."""
    monkeypatch.setattr(couch_load, "SETTLING", 0.3)


def until(load: Load, condition: Callable[[], bool]) -> None:
    wait_until("the clients saw it", condition)
    assert load.writes > 0


def test_nothing_is_lost_on_a_cluster_that_is_well(cluster: Cluster) -> None:
    with Load(client(cluster.members[0])) as load:
        until(load, lambda: load.writes > 60 and load.reads > 60)
    assert (load.retried, load.failures, load.stale) == ([], [], [])
    assert len(load.acknowledged) < load.writes
    assert load.lost([client(member) for member in cluster.members]) == []


def test_a_node_that_is_back_too_soon_serves_what_is_stale(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    with Load(client(first)) as load:
        until(load, lambda: load.writes > 20)
        third.kill()
        until(load, lambda: load.writes > 60)
        third.start()
        load.balancer = client(third)
        until(load, lambda: bool(load.stale))
    assert load.failures == []
    assert any("instead of" in one for one in load.lost([client(third)], limit=0))
    assert load.lost([client(first)]) == []


def test_what_a_retry_does_not_cure_is_a_failure(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    with Load(client(first)) as load:
        until(load, lambda: load.writes > 20)
        third.kill()
        load.balancer = client(third)
        until(load, lambda: bool(load.failures))
        load.balancer = client(first)
        until(load, lambda: load.writes > 40)
    assert len(load.retried) >= len(load.failures) > 0
    assert load.lost([client(first)]) == []


def test_a_write_whose_answer_was_lost_counts_as_what_it_made(cluster: Cluster) -> None:
    """The second attempt is a conflict with the first."""
    [first, *_others] = cluster.members
    load = Load(client(first), "db")
    document = {"turn": 7}
    made = client(first).put("db", "lost answer", body=document)["rev"]
    assert load.put_again("lost answer", document) == made
    with pytest.raises(couch_load.LabError, match="conflict"):
        load.put_again("lost answer", {"turn": 8})


def test_only_a_later_generation_makes_a_revision_stale() -> None:
    write = couch_load.Write("10-a", time.monotonic())
    assert [write.is_newer_than(held) for held in ("9-b", "10-a", "11-c")] == [True, False, False]
