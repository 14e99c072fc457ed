# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traps of a rolling upgrade: each was seen on a real cluster, and the stand-in must walk into it too."""

from __future__ import annotations

import shutil

import pytest
from couchdb_sim.cluster import Cluster, Member, wait_for

SHARDS_LOST = {"error": "internal_server_error", "reason": "No DB shards could be opened."}


def jobs(cluster: Cluster) -> list[int]:
    return [
        member.get(f"/_node/{member.name}/_system")["internal_replication_jobs"]
        for member in cluster.members
        if member.running
    ]


def write(member: Member, first: int, last: int, database: str = "db") -> None:
    docs = [{"_id": f"doc{number:04}", "number": number} for number in range(first, last)]
    assert member.request("POST", f"/{database}/_bulk_docs", {"docs": docs}).status == 201


def total_rows(member: Member) -> int:
    rows: int = member.get("/db/_all_docs?limit=0")["total_rows"]
    return rows


def counts(member: Member) -> list[tuple[int, int]]:
    """The number of documents and the sequence of each of this node's copies."""
    infos = [member.get(f"/_node/{member.name}/{shard}") for shard in member.shards("db").values()]
    return [(info["doc_count"], info["update_seq"]) for info in infos]


def test_a_node_with_another_cookie_is_an_island(cluster: Cluster) -> None:
    first, second, third = cluster.members
    write(first, 0, 10)
    cluster.wait_until_synced("db")
    third.stop()
    third.set_cookie("changed")
    third.start()
    write(first, 10, 20)

    assert third.request("GET", "/_up").status == 200
    view = third.get("/_membership")
    assert view["all_nodes"] == [third.name]
    assert view["cluster_nodes"] == [first.name, second.name, third.name]
    assert first.get("/_membership")["all_nodes"] == [first.name, second.name]
    assert first.request("GET", f"/_node/{third.name}/_system").status == 412
    assert third.request("GET", "/db/doc0015").status == 404
    assert total_rows(third) == 10
    assert third.put("/db/only-here", {}).status == 202
    assert first.request("GET", "/db/only-here").status == 404
    assert first.put("/db/not-there", {}).status == 201


def test_a_node_with_another_name_becomes_a_further_member(cluster: Cluster) -> None:
    third = cluster.members[2]
    before, after = third.name, "renamed@127.0.0.13"
    third.stop()
    third.set_name(after)
    third.start()
    cluster.wait_until_joined()

    assert third.request("GET", "/_up").status == 200
    for member in cluster.members:
        view = member.get("/_membership")
        assert before in view["cluster_nodes"] and before not in view["all_nodes"]
        assert len(view["cluster_nodes"]) == 4
    assert before in third.get("/db/_shards")["shards"]["00000000-7fffffff"]
    assert not (third.home / "data/shards/ffffffff").exists()


def test_no_shard_can_be_opened_when_all_nodes_have_other_names(cluster: Cluster) -> None:
    for number, member in enumerate(cluster.members):
        member.stop()
        member.set_name(f"renamed{number}@{member.address}")
    for member in cluster.members:
        member.start()
    answer = cluster.members[0].request("GET", "/db")
    assert answer.status == 500
    assert {key: answer.body[key] for key in SHARDS_LOST} == SHARDS_LOST


def test_no_job_is_counted_though_a_node_is_stale(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    third.kill()
    write(first, 0, 300)
    assert jobs(slow_cluster) == [0, 0]
    third.start()
    slow_cluster.wait_until_joined()

    assert jobs(slow_cluster) == [0, 0, 0]
    assert first.get("/db")["doc_count"] == 300
    assert third.get("/db")["doc_count"] == 0
    assert total_rows(third) == 0
    assert slow_cluster.behind("db")


def test_sync_shards_starts_at_once_what_nobody_noticed(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    third.kill()
    write(first, 0, 300)
    third.start()
    slow_cluster.wait_until_joined()
    assert third.request("POST", "/db/_sync_shards").status == 202
    slow_cluster.wait_until_synced("db")
    assert total_rows(third) == 300


def test_jobs_are_counted_while_they_run() -> None:
    with Cluster(settings={"sim": {"sync_rate": "200"}}) as cluster:
        first, _second, third = cluster.members
        first.put("/db?q=1&n=3")
        third.kill()
        write(first, 0, 400)
        third.start()
        wait_for(lambda: max(jobs(cluster)) > 0, "no job was counted")
        assert cluster.behind("db")
        assert 0 < total_rows(third) < 400
        cluster.wait_until_synced("db")
        assert jobs(cluster) == [0, 0, 0]
        assert total_rows(third) == 400


def test_equal_counts_hide_updates_that_are_missing(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    write(first, 0, 10)
    slow_cluster.members[1].request("POST", "/db/_sync_shards")
    slow_cluster.wait_until_synced("db")
    third.kill()
    rev = first.get("/db/doc0005")["_rev"]
    assert first.put("/db/doc0005", {"_rev": rev, "changed": True}).status == 201
    third.start()
    slow_cluster.wait_until_joined()

    [fresh, stale] = [counts(member) for member in (first, third)]
    assert [count for count, _seq in fresh] == [count for count, _seq in stale]
    assert [seq for _count, seq in fresh] != [seq for _count, seq in stale]
    row = 'key="doc0005"'
    assert [member.get(f"/db/_all_docs?{row}")["rows"][0]["value"]["rev"][0] for member in (first, third)] == ["2", "1"]


def test_a_read_of_a_document_asks_for_a_majority_and_repairs_the_rest(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    third.kill()
    write(first, 0, 10)
    third.start()
    slow_cluster.wait_until_joined()
    assert total_rows(third) == 0
    # A copy is found to lag only where it answers before the majority is there.
    wait_for(
        lambda: third.get("/db/doc0003")["number"] == 3 and total_rows(third) == 1,
        "the document that was read was not repaired",
    )


def test_a_node_that_leaves_maintenance_early_serves_stale_data(slow_cluster: Cluster) -> None:
    first, _second, third = slow_cluster.members
    third.set_maintenance("true")
    third.kill()
    write(first, 0, 50)
    third.start()
    slow_cluster.wait_until_joined()
    assert third.request("GET", "/_up").body == {"status": "maintenance_mode"}
    assert total_rows(third) == 50
    third.set_maintenance("false")
    assert third.request("GET", "/_up").status == 200
    assert total_rows(third) == 0


def test_internal_replication_goes_on_in_maintenance(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    third.set_maintenance("true")
    write(first, 0, 50)
    assert sum(count for count, _seq in counts(third)) == 0
    cluster.wait_until_synced("db")
    assert sum(count for count, _seq in counts(third)) == 50


def test_maintenance_survives_a_restart_but_not_another_local_ini(cluster: Cluster) -> None:
    third = cluster.members[2]
    packaged = (third.home / "etc/local.ini").read_text(encoding="utf-8")
    third.set_maintenance("true")
    assert "maintenance_mode = true" in (third.home / "etc/local.ini").read_text(encoding="utf-8")
    third.restart()
    assert third.request("GET", "/_up").body == {"status": "maintenance_mode"}
    third.stop()
    (third.home / "etc/local.ini").write_text(packaged, encoding="utf-8")
    third.start()
    assert third.request("GET", "/_up").status == 200


def test_what_is_set_in_memory_only_is_lost(cluster: Cluster) -> None:
    third = cluster.members[2]
    path = "/_node/_local/_config/couchdb/maintenance_mode"
    third.request("PUT", path, "true", headers={"X-Couch-Persist": "false"})
    assert third.request("GET", "/_up").status == 404
    third.restart()
    assert third.request("GET", "/_up").status == 200


@pytest.mark.parametrize(("in_maintenance", "written"), [(1, 201), (2, 202)])
def test_nodes_in_maintenance_take_no_part_in_writes(cluster: Cluster, in_maintenance: int, written: int) -> None:
    for member in cluster.members[:in_maintenance]:
        member.set_maintenance("true")
    for member in cluster.members:
        assert member.put(f"/db/{member.name}", {}).status == written
        assert member.get(f"/db/{member.name}")["_id"] == member.name
    bulk = cluster.members[0].request("POST", "/db/_bulk_docs", {"docs": [{"_id": "a"}]})
    assert bulk.status == written


def test_nothing_is_served_with_all_nodes_in_maintenance(cluster: Cluster) -> None:
    for member in cluster.members:
        member.set_maintenance("true")
    for method, path in (("GET", "/db"), ("GET", "/db/doc"), ("PUT", "/db/doc"), ("GET", "/db/_all_docs")):
        answer = cluster.members[0].request(method, path, {} if method == "PUT" else None)
        assert answer.status == 500
        assert {key: answer.body[key] for key in SHARDS_LOST} == SHARDS_LOST
    answer = cluster.members[0].request("GET", "/_all_dbs")
    assert (answer.status, answer.body["error"]) == (412, "nodedown")


def test_the_list_of_databases_is_not_served_by_a_node_in_maintenance(cluster: Cluster) -> None:
    first, second, _third = cluster.members
    first.set_maintenance("true")
    assert first.request("GET", "/_all_dbs").body == {"error": "nodedown", "reason": first.name}
    assert second.get("/_all_dbs") == ["db"]


def test_nolb_hides_a_node_from_balancers_only(cluster: Cluster) -> None:
    first, second, _third = cluster.members
    for member in cluster.members:
        member.set_maintenance("nolb")
    assert first.request("GET", "/_up", auth=None).body == {"status": "nolb"}
    assert first.put("/db/doc", {}).status == 201
    assert second.get("/_all_dbs") == ["db"]


def test_a_value_that_is_no_mode_changes_nothing(cluster: Cluster) -> None:
    first = cluster.members[0]
    first.set_maintenance("maybe")
    assert first.request("GET", "/_up").status == 200


def test_a_stopped_member_is_down_and_an_unknown_one_is_not_found(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    third.stop()
    assert first.request("GET", f"/_node/{third.name}/_config").body == {
        "error": "nodedown",
        "reason": f"{third.name} is down",
    }
    assert first.request("GET", "/_node/couchdb9@127.0.0.19/_system").status == 404
    view = first.get("/_membership")
    assert third.name in view["cluster_nodes"] and third.name not in view["all_nodes"]


def test_acknowledged_writes_survive_a_kill(cluster: Cluster) -> None:
    first = cluster.members[0]
    write(first, 0, 100)
    for member in cluster.members:
        member.kill()
    for member in cluster.members:
        member.start()
    cluster.wait_until_joined()
    cluster.wait_until_synced("db")
    assert [total_rows(member) for member in cluster.members] == [100, 100, 100]


def test_a_node_that_lost_its_data_gets_all_of_it_back(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    write(first, 0, 250)
    third.stop()
    shutil.rmtree(third.home / "data")
    third.start()
    cluster.wait_until_joined()
    wait_for(lambda: third.request("GET", "/db").status == 200, "the map of the database did not arrive")
    cluster.wait_until_synced("db")
    assert total_rows(third) == 250
    assert len(third.get("/_membership")["cluster_nodes"]) == 3


def test_a_checkpoint_that_one_side_lost_is_taken_up_again(cluster: Cluster) -> None:
    first, second, _third = cluster.members
    write(first, 0, 250)
    cluster.wait_until_synced("db")
    for shard in second.shards("db").values():
        for row in second.get(f"/_node/{second.name}/{shard}/_local_docs")["rows"]:
            path = f"/_node/{second.name}/{shard}/{row['id']}?rev={row['value']['rev']}"
            assert second.request("DELETE", path).status == 200
    assert cluster.behind("db")
    first.request("POST", "/db/_sync_shards")
    cluster.wait_until_synced("db")


def test_a_database_made_without_a_member_reaches_it_when_it_is_back(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    third.stop()
    assert first.put("/later?q=2&n=3").status == 201
    write(first, 0, 10, "later")
    third.start()
    cluster.wait_until_joined()
    wait_for(lambda: "later" in third.get("/_all_dbs"), "the map of the database did not arrive")
    cluster.wait_until_synced("later")
    assert third.get("/later")["doc_count"] == 10


def test_a_security_object_that_a_node_missed_is_given_to_it(cluster: Cluster) -> None:
    first, _second, third = cluster.members
    third.stop()
    security = {"admins": {"names": ["joe"], "roles": []}, "members": {"names": ["joe"], "roles": []}}
    assert first.put("/db/_security", security).status == 200
    write(first, 0, 10)
    third.start()
    cluster.wait_until_joined()
    wait_for(lambda: third.get("/db/_security") == security, "the security object did not arrive")


def test_a_cookie_is_good_on_every_node_that_has_the_same_secret_and_salt(cluster: Cluster) -> None:
    first, second, third = cluster.members
    third.stop()
    third.write_ini("local.ini", {"admins": {"admin": "secret"}, "chttpd_auth": {"secret": "of the tests"}})
    third.start()
    login = first.request("POST", "/_session", {"name": "admin", "password": "secret"}, auth=None)
    cookie = {"Cookie": login.headers["Set-Cookie"].split(";")[0]}
    statuses = [member.request("GET", "/_all_dbs", auth=None, headers=cookie).status for member in cluster.members]
    assert statuses == [200, 200, 401]
    assert second.request("GET", "/_session", auth=None, headers=cookie).body["userCtx"]["name"] == "admin"
