# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two servers that are one cluster: what they share, and what each has for itself."""

from __future__ import annotations

from typing import Any

import pytest

WEEK = 7 * 86400
ROWS = [[1400112000 + number * WEEK, number] for number in range(6)]
SHARED = ("/db", "/cluster/shards", "/cluster_admins", "/cluster/servers", "/db/test/users")


@pytest.fixture
def pair(servers: Any) -> list[Any]:
    """Two of 0.7.3, with six shards."""
    first = servers.new().start("0.7.3")
    second = servers.new(seed=first).start("0.7.3")
    assert second.post("/db", {"name": "test"}).status == 201
    second.post("/db/test/users", {"name": "joe", "password": "secret"})
    first.write("test", "cpu", ["time", "v"], ROWS, time_precision="s")
    return [first, second]


@pytest.fixture
def upgraded(pair: list[Any]) -> list[Any]:
    for server in pair:
        server.stop()
    for server in pair:
        server.start("0.8.3")
    return pair


def count(server: Any) -> int:
    found = server.get("/db/test/series", q="select count(v) from cpu")
    return found.json[0]["points"][0][1] if found.status == 200 else 0


def test_both_know_the_same_and_each_has_half_of_the_shards(pair: list[Any]) -> None:
    first, second = pair
    for path in SHARED:
        assert first.get(path).json == second.get(path).json
    assert first.shards() == ["00001", "00003", "00005"]
    assert second.shards() == ["00002", "00004", "00006"]
    assert [count(server) for server in pair] == [6, 6]


def test_a_migration_moves_what_its_own_server_has(upgraded: list[Any]) -> None:
    first, second = upgraded
    first.migrate()
    assert second.marked() == []
    assert [count(server) for server in upgraded] == [3, 3]
    second.migrate()
    assert [count(server) for server in upgraded] == [6, 6]


def test_spaces_are_those_of_the_cluster(upgraded: list[Any]) -> None:
    space = {"name": "mine", "regex": "/.*/", "retentionPolicy": "inf", "shardDuration": "7d"}
    first, second = upgraded
    assert second.post("/cluster/shard_spaces/test", space).status == 200
    assert [found["name"] for found in first.get("/cluster/shard_spaces").json] == ["mine"]
    first.migrate()
    second.migrate()
    assert {shard["spaceName"] for shard in second.get("/cluster/shards").json} == {"mine"}


def test_a_server_hears_of_what_it_missed(pair: list[Any]) -> None:
    first, second = pair
    second.stop()
    assert first.post("/db", {"name": "later"}).status == 201
    second.start("0.7.3")
    assert {"name": "later"} in second.get("/db").json
    assert first.post("/db", {"name": "still later"}).status == 201
    assert {"name": "still later"} in second.get("/db").json


def test_what_cannot_be_asked_is_an_error(pair: list[Any]) -> None:
    first, second = pair
    second.stop()
    assert first.get("/db/test/series", q="select count(v) from cpu").status == 500


def test_a_second_server_without_the_first_changes_nothing(pair: list[Any]) -> None:
    first, second = pair
    first.stop()
    assert second.post("/db", {"name": "later"}).status == 500
    assert second.get("/db").json == [{"name": "test"}]


def test_a_server_that_was_alone_hears_of_what_it_missed_with_the_next_change(pair: list[Any]) -> None:
    first, second = pair
    second.stop()
    assert first.post("/db", {"name": "later"}).status == 201
    first.stop()
    second.start("0.7.3")
    first.start("0.7.3")
    assert {"name": "later"} not in second.get("/db").json
    assert first.post("/db", {"name": "still later"}).status == 201
    assert second.get("/db").json == first.get("/db").json
