# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients can tell the releases apart by, Cloudant Local among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from couchdb_sim.cluster import CLOUDANT, Cluster, ClusterError, wait_for
from couchdb_sim.release import Release

APACHE = {"name": "The Apache Software Foundation"}


@pytest.fixture(scope="module")
def cloudant() -> Iterator[Cluster]:
    with Cluster(version="2.0.0", settings=CLOUDANT) as cluster:
        cluster.members[0].put("/db?q=2&n=3")
        yield cluster


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("2.0.0", ["couchdb", "version", "vendor"]),
        ("2.1.0", ["couchdb", "version", "features", "vendor"]),
        ("2.2.0", ["couchdb", "version", "git_sha", "features", "vendor"]),
        ("2.3.1", ["couchdb", "version", "git_sha", "uuid", "features", "vendor"]),
        ("3.3.3", ["couchdb", "version", "git_sha", "uuid", "features", "vendor"]),
    ],
)
def test_each_release_welcomes_in_its_way(version: str, keys: list[str]) -> None:
    with Cluster(1, version) as cluster:
        [node] = cluster.members
        answer = node.request("GET", "/", auth=None)
        assert (list(answer.body), answer.body["version"], answer.body["vendor"]) == (keys, version, APACHE)
        assert version in answer.headers["Server"]
        new = Release(version).since(2, 3)
        assert ("seeds" in node.get("/_up")) == new
        assert (node.request("GET", "/_node/_local/_system").status == 200) == Release(version).since(2, 2)
        assert (node.request("POST", "/_dbs_info", {"keys": []}).status == 200) == Release(version).since(2, 2)
        assert (node.request("GET", "/_all_dbs", auth=None).status == 401) == Release(version).since(3)
        node.put("/db")
        shards = node.get("/db/_shards")["shards"]
        assert len(shards) == (2 if Release(version).since(3) else 8)
        assert (node.get("/db/_security") == {}) == (not Release(version).since(3))


@pytest.mark.parametrize(("version", "status"), [("3.3.3", 500), ("3.4.3", 400)])
def test_a_setting_that_is_no_string_is_refused(version: str, status: int) -> None:
    with Cluster(1, version) as cluster:
        answer = cluster.members[0].request("PUT", "/_node/_local/_config/couchdb/maintenance_mode", b"true")
        assert answer.status == status


def test_3_0_does_not_start_without_an_administrator() -> None:
    with Cluster(1, "2.3.1") as cluster:
        [node] = cluster.members
        node.stop()
        node.write_ini("local.ini", {})
        node.start()
        assert node.request("GET", "/_node/_local/_config", auth=None).status == 200
        node.stop()
        node.set_version("3.3.3")
        with pytest.raises(ClusterError, match="No Admin Account Found"):
            node.start()


def test_a_member_of_another_release_is_a_member() -> None:
    with Cluster(version="3.3.3") as cluster:
        first, second, third = cluster.members
        first.put("/db?q=1&n=3")
        third.stop()
        third.set_version("3.4.3")
        third.start()
        cluster.wait_until_joined()
        assert [member.get("/")["version"] for member in cluster.members] == ["3.3.3", "3.3.3", "3.4.3"]
        assert second.put("/db/doc", {}).status == 201
        cluster.wait_until_synced("db")


def test_cloudant_says_its_own_release(cloudant: Cluster) -> None:
    welcome = cloudant.members[0].get("/")
    assert welcome["version"] == "2.0.0"
    assert welcome["vendor"] == {"name": "IBM Cloudant", "version": "1.1.0", "variant": "local"}
    assert welcome["features"] == ["geo"]


def test_cloudant_1_0_has_the_api_of_2_0() -> None:
    assert Release("1.0.0.5-local").api == Release("2.0.0").api


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/_node/_local/_system", 404), ("POST", "/db/_sync_shards", 400), ("POST", "/_dbs_info", 404)],
)
def test_cloudant_lacks_what_came_later(cloudant: Cluster, method: str, path: str, status: int) -> None:
    assert cloudant.members[0].request(method, path, {}).status == status


def test_cloudant_keeps_the_account_to_itself(cloudant: Cluster) -> None:
    node = cloudant.members[1]
    assert node.get("/_all_dbs") == ["db"]
    assert node.get("/db")["db_name"] == "db"
    shard_map = node.request("GET", "/dbs/default%2Fdb", backdoor=True).body
    assert shard_map["_id"] == "default/db"
    assert sorted(shard_map["by_node"]) == [member.name for member in cloudant.members]
    [low, _high] = sorted((node.home / "data/shards").iterdir())
    assert [file.name.split(".")[0] for file in (low / "default").iterdir()] == ["db"]


def test_the_node_local_port_tells_how_far_copies_are(cloudant: Cluster) -> None:
    first, second, _third = cloudant.members
    docs = [{"_id": f"{number}"} for number in range(10)]
    assert first.request("POST", "/db/_bulk_docs", {"docs": docs}).status == 201

    def reached() -> bool:
        return all(_reached(first, shard, second.name) for shard in _shards(first))

    wait_for(reached, "the checkpoints did not come up with the copies")
    assert sum(first.request("GET", f"/{shard}", backdoor=True).body["doc_count"] for shard in _shards(first)) == 10


def _shards(node: Any) -> list[str]:
    shard_map = node.request("GET", "/dbs/default%2Fdb", backdoor=True).body
    suffix = "".join(map(chr, shard_map["shard_suffix"]))
    return [f"shards%2F{range_}%2Fdefault%2Fdb{suffix}" for range_ in shard_map["by_range"]]


def _reached(source: Any, shard: str, target: str) -> bool:
    seq = source.request("GET", f"/{shard}", backdoor=True).body["update_seq"]
    rows = source.request("GET", f"/{shard}/_local_docs?include_docs=true", backdoor=True).body["rows"]
    entries = [entry for row in rows for entry in row["doc"]["history"].get(source.name, [])]
    return max((entry["source_seq"] for entry in entries if entry["target_node"] == target), default=0) == seq


def test_the_node_local_port_is_gone_in_3_0(cluster: Cluster) -> None:
    with pytest.raises(ConnectionRefusedError):
        cluster.members[0].request("GET", "/", backdoor=True)
