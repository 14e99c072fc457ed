# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same gate from what each node of a Cloudant Local recorded of itself, beside what cloudant_sync sees over HTTP."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from couchdb_sim.cluster import ADMIN, CLOUDANT, PASSWORD, Cluster, Member, wait_for

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_client, _couchdb_copies
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_sync import compare
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._cloudant_copies import compared
from ansible_collections.dbfleet.upgrade.tests.unit.lab_couchdb.clusters import away, write

pytest.importorskip("requests")

CONNECTION = {
    "ssl": False,
    "validate_certs": True,
    "ca_path": None,
    "username": ADMIN,
    "password": PASSWORD,
    "auth": "basic",
    "timeout": 20,
    "retries": 0,
}
# A backlog that nobody notices as long as a test runs.
SLOW = {**CLOUDANT, "sim": {**CLOUDANT["sim"], "sync_delay": "600"}}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A Cloudant Local 1.1.0 with a database of two ranges, whose nodes replicate soon after a change."""
    with Cluster(version="2.0.0", settings=CLOUDANT, name="cloudant") as started:
        started.members[0].put("/db?q=2&n=3")
        yield started


@pytest.fixture
def slow_cluster() -> Iterator[Cluster]:
    """The same, but a node that comes back is not noticed to be behind."""
    with Cluster(version="2.0.0", settings=SLOW, name="cloudant") as started:
        started.members[0].put("/db?q=2&n=3")
        yield started


def recorded(member: Member, **changes: Any) -> dict[str, Any]:
    """What the module returns on one node, as it comes back from there."""
    params = {
        **CONNECTION,
        "host": member.address,
        "port": member.port,
        "name": None,
        "node_local_host": member.address,
        "node_local_port": member.backdoor_port,
        **changes,
    }
    try:
        result = {"changed": False, "copies": _couchdb_copies.record(_couchdb_copies.connect(params), params)}
    except FleetError as error:
        result = {"failed": True, "msg": str(error), **error.facts}
    found: dict[str, Any] = json.loads(json.dumps(result))
    return found


def record(cluster: Cluster) -> list[dict[str, Any]]:
    return [recorded(member) for member in cluster.members]


def over_http(cluster: Cluster, subject: str | None) -> dict[str, Any]:
    params = {
        **CONNECTION,
        "nodes": [{"host": member.address, "port": member.port, "name": None} for member in cluster.members],
        "node": subject,
        "port": None,
        "node_local_port": cluster.members[0].backdoor_port,
        "all_pairs": False,
        "databases": None,
        "limit": 0,
        "wait": 0,
        "interval": 0.1,
    }
    try:
        return compare(params, _couchdb_client.connect, True, time.monotonic, time.sleep)
    except FleetError as error:
        return {"msg": str(error), **error.facts}


def both(cluster: Cluster, node: Member | None) -> dict[str, Any]:
    """What the recordings tell, which has to be what cloudant_sync tells of the same state."""
    subject = node.name if node else None
    found = record(cluster)
    answer = compared(found, found, subject)
    seen = over_http(cluster, subject)
    of_the_call = ("changed", "seconds", "requests")
    assert answer == {key: value for key, value in seen.items() if key not in of_the_call}
    return answer


def wait_until_synced(cluster: Cluster) -> None:
    wait_for(lambda: over_http(cluster, None)["in_sync"], "the copies did not become equal")


def test_in_sync(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    write(first, 20)
    wait_until_synced(slow_cluster)
    assert both(slow_cluster, None)["pairs"] == {"done": 12, "total": 12}
    found = both(slow_cluster, third)
    assert found["in_sync"] and found["pairs"] == {"done": 8, "total": 8}
    assert set(found["jobs"]) == {member.name for member in slow_cluster.members}


def test_no_jobs_and_yet_stale(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    with away(slow_cluster, third):
        write(first, 300)
    found = both(slow_cluster, third)
    assert set(found["jobs"].values()) == {0} and third.request("GET", "/_up").status == 404
    assert not found["in_sync"] and found["pairs"] == {"done": 4, "total": 8} and found["pending"] == 600
    assert {pair["database"] for pair in found["behind"]} == {"db"}, "without default/"


def test_updates_that_no_count_shows(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    first.put("/db/doc", {"version": 1})
    wait_until_synced(slow_cluster)
    with away(slow_cluster, third):
        first.put("/db/doc", {"version": 2, "_rev": first.get("/db/doc")["_rev"]})
    assert both(slow_cluster, third)["pending"] == 2


def test_copies_that_were_made_anew(slow_cluster: Cluster) -> None:
    """Their peers still keep how far they had come with the files that are gone."""
    first, _second, third = slow_cluster.members
    write(first, 30)
    wait_until_synced(slow_cluster)
    with away(slow_cluster, third):
        shutil.rmtree(third.home / "data/shards")
    found = both(slow_cluster, third)
    assert found["pairs"]["done"] == 0 and {pair["at"] for pair in found["behind"]} == {None}
    write(first, 1)
    assert not both(slow_cluster, third)["in_sync"]


def test_a_change_of_security_that_no_checkpoint_ever_reaches(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    write(first, 10)
    wait_until_synced(cluster)
    security = {"admins": {"names": [], "roles": ["boss"]}, "members": {"names": [], "roles": []}}
    assert first.request("PUT", "/db/_security", security).status == 200
    assert both(cluster, third)["in_sync"]


def test_a_database_that_only_some_nodes_know(cluster: Cluster) -> None:
    first, second, third = cluster.members
    unaware = recorded(third)
    first.put("/new?q=1&n=3")
    found = [recorded(first), recorded(second), unaware]
    answer = compared(found, found, third.name)
    assert answer["differing_maps"] == ["new"] and not answer["in_sync"]
    assert {(pair["database"], pair["at"]) for pair in answer["behind"]} == {("new", None)}
    wait_until_synced(cluster)
    assert both(cluster, third)["in_sync"]


def test_what_was_written_after_the_earlier_recordings_does_not_count(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    write(first, 20)
    wait_until_synced(slow_cluster)
    earlier = record(slow_cluster)
    with away(slow_cluster, third):
        write(first, 50)
    later = record(slow_cluster)
    assert compared(later, earlier, third.name)["in_sync"]
    assert compared(later, later, third.name)["pending"] == compared(earlier, later, third.name)["pending"] == 100


def test_a_second_node_that_is_out(cluster: Cluster) -> None:
    _first, second, third = cluster.members
    second.set_maintenance("true")
    found = both(cluster, third)
    assert found["reason"] == "members" and second.name in found["msg"]


def test_a_node_that_does_not_answer(cluster: Cluster) -> None:
    _first, second, third = cluster.members
    second.stop()
    found = record(cluster)
    assert found[1]["failed"] and "copies" not in found[1]
    answer = compared(found, found, third.name)
    assert answer["reason"] == over_http(cluster, third.name)["reason"] == "unreachable"
    assert "Result 2 of 3" in answer["msg"] and second.url in answer["msg"]
    whole = [found[0], found[2]]
    answer = compared(whole, whole, third.name)
    assert answer["reason"] == "members" and "member-count-differs" in {problem["id"] for problem in answer["problems"]}


@pytest.mark.parametrize("change", ["name", "cookie"])
def test_a_node_that_is_no_longer_one_of_them(cluster: Cluster, change: str) -> None:
    third = cluster.members[2]
    earlier = record(cluster)
    third.stop()
    if change == "name":
        third.set_name("renamed@127.0.0.13")
    else:
        third.set_cookie("changed")
    third.start()
    assert both(cluster, third)["reason"] == "members"
    assert compared(record(cluster), earlier, third.name)["reason"] == "members"


def test_a_port_that_is_closed_is_named(cluster: Cluster) -> None:
    first = cluster.members[0]
    found = recorded(first, node_local_port=1)
    assert found["reason"] == "unreachable" and f"{first.address}:1 " in found["msg"]


def test_a_name_that_the_node_does_not_tell(cluster: Cluster) -> None:
    """As on the node itself, where it is asked at an address that belongs to no member."""
    first = cluster.members[0]
    elsewhere = {"host": "localhost.invalid", "name": None}
    params = {**CONNECTION, **elsewhere, "port": first.port, "node_local_host": first.address}
    params["node_local_port"] = first.backdoor_port
    client = _couchdb_copies.connect({**params, "host": first.address})
    with pytest.raises(FleetError) as caught:
        _couchdb_copies.record(client, params)
    assert caught.value.facts["reason"] == "name" and "set name" in str(caught.value)
    found = _couchdb_copies.record(client, {**params, "name": first.name})
    assert found["name"] == first.name and found["internal_replication_jobs"] == 0 and len(found["shards"]) == 2


def test_no_secrets_and_no_histories(cluster: Cluster) -> None:
    first = cluster.members[0]
    for _time in range(3):
        write(first, 10)
        wait_until_synced(cluster)
    found = record(cluster)
    text = json.dumps(found)
    assert PASSWORD not in text and "password" not in text
    # Two peers, to each and from each.
    assert {len(copy["checkpoints"]) for result in found for copy in result["copies"]["shards"].values()} == {4}


@pytest.mark.parametrize(("version", "name"), [("2.3.1", "couchdb"), ("3.4.3", "couchdb")])
def test_other_releases(version: str, name: str) -> None:
    with Cluster(version=version, name=name) as cluster:
        first, _second, third = cluster.members
        first.put("/db?q=2&n=3")
        write(first, 20)
        wait_until_synced(cluster)
        assert both(cluster, third)["pairs"] == {"done": 8, "total": 8}
