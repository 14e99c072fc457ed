# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate "internal replication has caught up", over HTTP, in front of every trap that it is there for."""

from __future__ import annotations

import shutil
import threading
import time
from typing import Any

import pytest
from couchdb_sim.cluster import ADMIN, CLOUDANT, PASSWORD, Cluster, Member

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_sync import compare
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.lab_couchdb.clusters import away, write

pytest.importorskip("requests")


def gate(cluster: Cluster, node: Member | None, wait: float = 20, check_mode: bool = False, **more: Any) -> Any:
    params = {
        "nodes": [{"host": member.address, "port": member.port, "name": None} for member in cluster.members],
        "node": node.name if node else None,
        "port": None,
        "node_local_port": cluster.members[0].backdoor_port,
        "ssl": False,
        "validate_certs": True,
        "ca_path": None,
        "username": ADMIN,
        "password": PASSWORD,
        "auth": "basic",
        "timeout": 20,
        "retries": 0,
        "all_pairs": False,
        "databases": None,
        "limit": 3600,
        "wait": wait,
        "interval": 0.1,
        **more,
    }
    return compare(params, connect, check_mode, time.monotonic, time.sleep)


def test_no_jobs_and_yet_stale(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    with away(slow_cluster, third):
        write(first, 300)
    found = gate(slow_cluster, third, check_mode=True)
    assert set(found["jobs"].values()) == {0}
    assert not found["in_sync"] and found["pairs"] == {"done": 4, "total": 8} and found["pending"] == 600
    assert gate(slow_cluster, third)["in_sync"], "the databases that lag are told to sync"
    assert sum(third.get(f"/_node/{third.name}/{shard}")["doc_count"] for shard in third.shards("db").values()) == 300


def test_updates_that_no_count_shows(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    first.put("/db/doc", {"version": 1})
    assert gate(slow_cluster, None)["in_sync"]
    with away(slow_cluster, third):
        first.put("/db/doc", {"version": 2, "_rev": first.get("/db/doc")["_rev"]})
    assert gate(slow_cluster, third, wait=0)["pending"] == 2


def test_a_change_of_security_that_no_checkpoint_ever_reaches(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    write(first, 10)
    assert gate(cluster, third)["in_sync"]
    security = {"admins": {"names": [], "roles": ["boss"]}, "members": {"names": [], "roles": []}}
    assert first.request("PUT", "/db/_security", security).status == 200
    found = gate(cluster, third, wait=0)
    assert found["in_sync"] and found["pairs"] == {"done": 8, "total": 8}
    with away(cluster, third):
        write(first, 10)
    assert gate(cluster, third)["in_sync"]


def test_a_node_that_lost_its_files(cluster: Cluster) -> None:
    """Its peers still keep how far they had come with the files that are gone."""
    first, _second, third = cluster.members
    write(first, 30)
    assert gate(cluster, third)["in_sync"]
    with away(cluster, third):
        shutil.rmtree(third.home / "data/shards")
    assert gate(cluster, third, wait=0)["pairs"]["done"] == 0
    assert gate(cluster, third)["in_sync"]


def test_a_node_that_came_back_from_a_backup(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    write(first, 30)
    assert gate(slow_cluster, third)["in_sync"]
    with away(slow_cluster, third):
        shutil.copytree(third.home / "data", third.home / "backup")
    write(first, 20)
    assert gate(slow_cluster, third)["in_sync"]
    with away(slow_cluster, third):
        shutil.rmtree(third.home / "data")
        (third.home / "backup").rename(third.home / "data")
    assert gate(slow_cluster, third, wait=0)["pending"] > 0
    assert gate(slow_cluster, third)["in_sync"]


def test_a_database_that_was_made_meanwhile(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    with away(cluster, third):
        first.put("/new?q=4&n=3")
        write(first, 10, "new")
    found = gate(cluster, third)
    assert found["in_sync"] and found["pairs"]["total"] == 8 + 16 and not found["differing_maps"]


def test_a_node_that_follows_under_load_passes(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    stop = threading.Event()

    def load() -> None:
        while not stop.wait(0.02):
            write(first, 3)

    writer = threading.Thread(target=load)
    writer.start()
    try:
        with away(cluster, third):
            stop.wait(0.5)
        found = gate(cluster, third)
    finally:
        stop.set()
        writer.join()
    assert found["in_sync"]


@pytest.mark.parametrize(
    ("version", "settings", "name"),
    [("2.0.0", CLOUDANT, "cloudant"), ("2.3.1", {}, "couchdb"), ("3.3.3", {}, "couchdb")],
)
def test_other_releases(version: str, settings: Any, name: str) -> None:
    with Cluster(version=version, settings=settings, name=name) as cluster:
        first, _second, third = cluster.members
        first.put("/db%2Feast?q=2&n=3")
        write(first, 20, "db%2Feast")
        assert gate(cluster, third, databases=["db/east"])["pairs"] == {"done": 8, "total": 8}
        with away(cluster, third):
            write(first, 20, "db%2Feast")
        assert gate(cluster, third, wait=0)["pending"] == 40
        assert gate(cluster, third)["in_sync"]


def test_a_second_node_that_is_out(cluster: Cluster) -> None:
    _first, second, third = cluster.members
    second.set_maintenance("true")
    with pytest.raises(FleetError) as caught:
        gate(cluster, third)
    assert caught.value.facts["reason"] == "members" and second.name in str(caught.value)
    second.stop()
    with pytest.raises(FleetError) as caught:
        gate(cluster, third)
    assert caught.value.facts["reason"] == "unreachable"


@pytest.mark.parametrize("change", ["name", "cookie"])
def test_a_node_that_is_no_longer_one_of_them(cluster: Cluster, change: str) -> None:
    third = cluster.members[2]
    third.stop()
    if change == "name":
        third.set_name("renamed@127.0.0.13")
    else:
        third.set_cookie("changed")
    third.start()
    with pytest.raises(FleetError) as caught:
        gate(cluster, third)
    assert caught.value.facts["reason"] == "members"
