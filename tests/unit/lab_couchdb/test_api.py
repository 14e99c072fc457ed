# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases and documents over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from couchdb_sim.cluster import Cluster, Member


@pytest.fixture(scope="module")
def node() -> Iterator[Member]:
    """A node of a cluster that all tests here share; each makes a database of its own."""
    with Cluster() as cluster:
        yield cluster.members[0]


@pytest.fixture
def database(node: Member, request: pytest.FixtureRequest) -> str:
    name = f"/{request.node.originalname}"
    assert node.put(f"{name}?q=4&n=3").status == 201
    return name


def bulk(node: Member, database: str, *docs: dict[str, Any], **options: Any) -> Any:
    return node.request("POST", f"{database}/_bulk_docs", {"docs": list(docs), **options}).body


def test_an_edit_needs_the_revision(node: Member, database: str) -> None:
    first = node.put(f"{database}/a", {"v": 1})
    assert (first.status, first.headers["ETag"]) == (201, '"1-7a7e4b29f3af401e69b6f86e4c26b727"')
    assert node.put(f"{database}/a", {"v": 2}).body == {"error": "conflict", "reason": "Document update conflict."}
    second = node.put(f"{database}/a?rev={first.body['rev']}", {"v": 2})
    assert second.body["rev"].startswith("2-")
    assert node.request("DELETE", f"{database}/a").status == 409
    assert node.request("DELETE", f"{database}/a?rev={second.body['rev']}").status == 200
    assert node.request("GET", f"{database}/a").body == {"error": "not_found", "reason": "deleted"}
    assert node.request("GET", f"{database}/b").body == {"error": "not_found", "reason": "missing"}
    assert node.put(f"{database}/a", {"v": 3}).body["rev"].startswith("4-")
    info = node.get(database)
    assert (info["doc_count"], info["doc_del_count"]) == (1, 0)


def test_bulk_tells_each_document_what_became_of_it(node: Member, database: str) -> None:
    bulk(node, database, {"_id": "a"})
    rows = bulk(node, database, {"_id": "a"}, {"_id": "b"})
    assert rows[0] == {"id": "a", "error": "conflict", "reason": "Document update conflict."}
    assert rows[1] == {"ok": True, "id": "b", "rev": "1-967a00dff5e02add41819138abb3284d"}


def test_conflicts_come_from_replication(node: Member, database: str) -> None:
    docs = [
        {"_id": "a", "_rev": "2-bb", "_revisions": {"start": 2, "ids": ["bb", "aa"]}, "v": "b"},
        {"_id": "a", "_rev": "2-cc", "_revisions": {"start": 2, "ids": ["cc", "aa"]}, "v": "c"},
        {"_id": "a", "_rev": "2-dd", "_revisions": {"start": 2, "ids": ["dd", "aa"]}, "_deleted": True},
    ]
    assert bulk(node, database, *docs, new_edits=False) == []
    found = node.get(f"{database}/a?conflicts=true&revs=true")
    assert (found["_rev"], found["v"], found["_conflicts"]) == ("2-cc", "c", ["2-bb"])
    assert found["_revisions"] == {"start": 2, "ids": ["cc", "aa"]}
    assert node.get(f"{database}/a?rev=2-bb")["v"] == "b"
    assert [row["ok"]["_rev"] for row in node.get(f"{database}/a?open_revs=all")] == ["2-cc", "2-bb", "2-dd"]
    [row] = node.get(f"{database}/_changes?style=all_docs")["results"]
    assert [change["rev"] for change in row["changes"]] == ["2-cc", "2-bb", "2-dd"]
    [row] = node.get(f"{database}/_changes")["results"]
    assert [change["rev"] for change in row["changes"]] == ["2-cc"]


def test_a_single_document_can_be_replicated(node: Member, database: str) -> None:
    answer = node.put(f"{database}/a?new_edits=false", {"_rev": "5-aa"})
    assert (answer.status, answer.body["rev"]) == (201, "5-aa")
    assert node.put(f"{database}/b?new_edits=false", {}).status == 400


def test_changes_go_on_where_they_ended(node: Member, database: str) -> None:
    bulk(node, database, *({"_id": f"{number:02}"} for number in range(20)))
    seen, since = [], "0"
    for pending in (13, 6, 0):
        page = node.get(f"{database}/_changes?limit=7&since={since}&include_docs=true")
        seen += [row["doc"]["_id"] for row in page["results"]]
        since = page["last_seq"]
        assert page["pending"] == pending
    assert sorted(seen) == [f"{number:02}" for number in range(20)]
    assert node.get(f"{database}/_changes?since={since}")["results"] == []
    node.put(f"{database}/03?rev=1-967a00dff5e02add41819138abb3284d", {"v": 1})
    assert [row["id"] for row in node.get(f"{database}/_changes?since={since}")["results"]] == ["03"]
    assert node.get(f"{database}/_changes?since=now")["results"] == []
    assert node.request("GET", f"{database}/_changes?since=nonsense").status == 400


def test_deletions_are_changes_too(node: Member, database: str) -> None:
    [row] = bulk(node, database, {"_id": "a"})
    node.request("DELETE", f"{database}/a?rev={row['rev']}")
    [change] = node.get(f"{database}/_changes")["results"]
    assert (change["id"], change["deleted"]) == ("a", True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abcdef"),
        ("?limit=2", "ab"),
        ("?skip=4", "ef"),
        ("?skip=1&limit=2", "bc"),
        ('?startkey="c"', "cdef"),
        ('?startkey="b"&endkey="d"', "bcd"),
        ('?start_key="e"', "ef"),
        ("?descending=true", "fedcba"),
        ('?descending=true&startkey="d"', "dcba"),
        ('?key="c"', "c"),
        ('?keys=["f","a"]', "fa"),
    ],
)
def test_all_docs_can_be_narrowed(node: Member, query: str, expected: str) -> None:
    if node.put("/letters").status == 201:
        bulk(node, "/letters", *({"_id": letter} for letter in "abcdef"))
    found = node.get(f"/letters/_all_docs{query}".replace('"', "%22"))
    assert "".join(row["id"] for row in found["rows"]) == expected
    assert found["total_rows"] == 6


def test_all_docs_by_keys_tells_what_is_not_there(node: Member, database: str) -> None:
    [row] = bulk(node, database, {"_id": "gone"})
    bulk(node, database, {"_id": "gone", "_rev": row["rev"], "_deleted": True}, {"_id": "here", "v": 1})
    keys = {"keys": ["here", "gone", "never"]}
    rows = node.request("POST", f"{database}/_all_docs?include_docs=true", keys).body["rows"]
    assert rows[0]["doc"]["v"] == 1
    assert (rows[1]["value"]["deleted"], rows[1]["doc"]) == (True, None)
    assert rows[2] == {"key": "never", "error": "not_found"}


def test_local_documents_are_not_counted(node: Member, database: str) -> None:
    assert node.put(f"{database}/_local/x", {"v": 1}).body["rev"] == "0-1"
    assert node.put(f"{database}/_local/x", {"v": 2}).status == 409
    assert node.put(f"{database}/_local/x", {"_rev": "0-1", "v": 2}).body["rev"] == "0-2"
    assert node.get(f"{database}/_local/x") == {"_id": "_local/x", "_rev": "0-2", "v": 2}
    assert node.get(database)["doc_count"] == 0
    assert node.request("DELETE", f"{database}/_local/x?rev=0-2").status == 200
    assert node.request("GET", f"{database}/_local/x").status == 404


def test_design_documents_have_a_slash_in_their_names(node: Member, database: str) -> None:
    assert node.put(f"{database}/_design/app", {"views": {}}).status == 201
    assert node.get(f"{database}/_design/app")["views"] == {}
    assert node.get(f"{database}/_design%2Fapp")["_id"] == "_design/app"


def test_documents_are_found_in_their_range(node: Member, database: str) -> None:
    node.put(f"{database}/a", {})
    place = node.get(f"{database}/_shards/a")
    assert place["range"] in node.get(f"{database}/_shards")["shards"]
    assert len(place["nodes"]) == 3
    shard = node.shards(database.strip("/"))[place["range"]]
    assert node.get(f"/_node/{node.name}/{shard}/a")["_id"] == "a"


def test_a_deleted_database_is_gone_with_its_files(node: Member, database: str) -> None:
    shards = node.shards(database.strip("/")).values()
    assert node.request("DELETE", database).status == 200
    missing = {"error": "not_found", "reason": "Database does not exist."}
    assert node.request("GET", database).body == missing
    assert node.request("PUT", f"{database}/a", {}).body == missing
    assert [node.request("GET", f"/_node/{node.name}/{shard}").status for shard in shards] == [404] * 4
    assert node.put(database).status == 201


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/_up", 200),
        ("GET", "/_session", 200),
        ("GET", "/_all_dbs", 401),
        ("GET", "/_membership", 401),
        ("GET", "/_active_tasks", 401),
        ("GET", "/_node/_local/_config", 401),
        ("PUT", "/_node/_local/_config/couchdb/maintenance_mode", 401),
        ("PUT", "/fresh", 401),
        ("GET", "/shut", 401),
        ("GET", "/shut/doc", 401),
        ("GET", "/open/doc", 404),
        ("PUT", "/open/doc2", 201),
        ("PUT", "/open/_design/x", 401),
        ("PUT", "/open/_security", 401),
    ],
)
def test_nobody_may_do_only_what_is_open(node: Member, method: str, path: str, status: int) -> None:
    node.put("/shut")
    if node.put("/open").status == 201:
        node.put("/open/_security", {"admins": {}, "members": {}})
    answer = node.request(method, path, {} if method == "PUT" else None, auth=None)
    assert answer.status == status


@pytest.mark.parametrize(("path", "status"), [("/_up", 200), ("/", 200), ("/no-such-database", 404)])
def test_head_is_get_without_the_body(node: Member, path: str, status: int) -> None:
    answer = node.request("HEAD", path)
    assert (answer.status, answer.body) == (status, None)
    assert int(answer.headers["Content-Length"]) > 10


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/_up", "GET,HEAD"), ("GET", "/letters/_sync_shards", "POST"), ("POST", "/_membership", "GET,HEAD")],
)
def test_other_methods_are_not_allowed(node: Member, method: str, path: str, allowed: str) -> None:
    node.put("/letters")
    answer = node.request(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert answer.body["reason"] == f"Only {allowed} allowed"


def test_a_configuration_is_read_by_section_and_key(node: Member) -> None:
    everything = node.get("/_node/_local/_config")
    assert everything["chttpd"]["bind_address"] == node.address
    assert node.get("/_node/_local/_config/chttpd") == everything["chttpd"]
    assert node.get("/_node/_local/_config/nothing") == {}
    assert everything["admins"]["admin"].startswith("-pbkdf2")


def test_a_new_administrator_is_kept_as_a_hash(node: Member) -> None:
    assert node.put("/_node/_local/_config/admins/second", "word").body == ""
    assert node.request("GET", "/_all_dbs", auth=("second", "word")).status == 200
    assert "word" not in (node.home / "etc/local.ini").read_text(encoding="utf-8").split()
    assert node.request("DELETE", "/_node/_local/_config/admins/second").status == 200
    assert node.request("GET", "/_all_dbs", auth=("second", "word")).status == 401


def test_a_copy_has_a_sequence_and_an_identity_of_its_own(node: Member, database: str) -> None:
    bulk(node, database, *({"_id": f"{number}"} for number in range(8)))
    infos = [node.get(f"/_node/{node.name}/{shard}") for shard in node.shards(database.strip("/")).values()]
    assert sum(info["doc_count"] for info in infos) == 8
    assert all(info["update_seq"] == info["doc_count"] for info in infos)
    assert len({info["uuid"] for info in infos}) == 4


def test_members_come_and_go_by_documents(node: Member) -> None:
    other = "couchdb9@127.0.0.19"
    added = node.put(f"/_node/_local/_nodes/{other}", {})
    assert other in node.get("/_membership")["cluster_nodes"]
    assert other in [row["id"] for row in node.get("/_node/_local/_nodes/_all_docs")["rows"]]
    assert node.request("GET", f"/_node/{other}/_system").status == 412
    node.request("DELETE", f"/_node/_local/_nodes/{other}?rev={added.body['rev']}")
    assert other not in node.get("/_membership")["cluster_nodes"]


def test_the_alias_of_this_node_tells_its_name(node: Member) -> None:
    assert node.get("/_node/_local") == {"name": node.name}
    assert node.get("/_node/_local/_versions")["erlang"]["version"] == "13.2"
