# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traps of an upgrade from 0.7 to 0.8: what was seen on real servers or read in their sources happens here too."""

from __future__ import annotations

import fcntl
import http.client
import shutil
import time
from typing import Any

import pytest

LONG_TERM = {"name": "long_term", "regex": "/^[A-Z].*/", "retentionPolicy": "inf", "shardDuration": "30d"}
SHORT_TERM = {"name": "short_term", "regex": "/.*/", "retentionPolicy": "inf", "shardDuration": "7d"}
DAY = 86400


def names(server: Any) -> list[str]:
    return [space["name"] for space in server.get("/cluster/shard_spaces").json]


def spaces_of(server: Any, series: str, moment: int) -> set[str]:
    """The spaces of the shards that a point goes to."""
    server.write("d", series, ["time", "v"], [[moment, 1]], time_precision="s")
    return {shard["spaceName"] for shard in server.get("/cluster/shards").json}


def create(server: Any, database: str, *spaces: dict[str, Any]) -> None:
    for space in spaces:
        assert server.post(f"/cluster/shard_spaces/{database}", space).status == 200


@pytest.mark.parametrize(
    ("spaces", "taken"),
    [
        ((SHORT_TERM, LONG_TERM), "long_term"),
        ((LONG_TERM, SHORT_TERM), "short_term"),
        ((LONG_TERM,), "long_term"),
        ((), "default"),
    ],
)
def test_the_space_that_was_created_last_is_asked_first(fresh: Any, spaces: Any, taken: str) -> None:
    create(fresh, "d", *spaces)
    assert spaces_of(fresh, "Longterm", 1400000000) == {taken}


def test_a_default_space_hides_the_ones_before_it(fresh: Any) -> None:
    create(fresh, "d", LONG_TERM)
    spaces_of(fresh, "cpu", 1400000000)
    assert names(fresh) == ["default", "long_term"]
    assert spaces_of(fresh, "Longterm", 1300000000) == {"default"}


def test_removing_a_space_that_is_not_there_ends_the_server_for_good(fresh: Any) -> None:
    create(fresh, "d", SHORT_TERM)
    with pytest.raises((OSError, http.client.HTTPException)):
        fresh.delete("/cluster/shard_spaces/d/missing")
    assert fresh.process.wait(10) == 2
    assert "panic: runtime error" in (fresh.folder / "stderr.log").read_text(encoding="utf-8")
    with pytest.raises(AssertionError, match="panic: runtime error"):
        fresh.start("0.8.3")


def test_removing_a_space_removes_its_data(fresh: Any) -> None:
    create(fresh, "d", SHORT_TERM)
    fresh.write("d", "cpu", ["v"], [[1]])
    assert fresh.shards("shard_db_v2") == ["00001"]
    assert fresh.delete("/cluster/shard_spaces/d/short_term").status == 200
    assert fresh.shards("shard_db_v2") == []
    assert fresh.get("/db/d/series", q="select * from cpu").status == 400


def test_a_duration_of_one_character_gets_no_answer(fresh: Any) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        fresh.post("/cluster/shard_spaces/d", dict(SHORT_TERM, shardDuration="7"))
    assert fresh.get("/ping").status == 200
    assert names(fresh) == []


def test_an_update_replaces_all_fields_and_needs_the_space(fresh: Any) -> None:
    create(fresh, "d", SHORT_TERM)
    assert fresh.post("/cluster/shard_spaces/d/short_term", {"regex": "/x/"}).status == 200
    [space] = fresh.get("/cluster/shard_spaces").json
    assert (space["regex"], space["shardDuration"], space["split"]) == ("/x/", "", 1)
    assert fresh.post("/cluster/shard_spaces/d/other", SHORT_TERM).status == 406


def test_what_was_written_before_there_was_a_space_is_hidden_by_it(fresh: Any) -> None:
    fresh.post("/db", {"name": "d"})
    fresh.write("d", "cpu", ["v"], [[1]])
    assert names(fresh) == ["default"]
    create(fresh, "d", SHORT_TERM)
    fresh.write("d", "cpu", ["v"], [[2]])
    assert [row[2] for row in fresh.points("d", "select v from cpu")] == [2]


def test_a_finite_retention_expires_what_was_migrated(servers: Any, old: Any) -> None:
    server = servers.new(old, storage='retention-sweep-period = "400ms"').start("0.8.3")
    create(server, "test", dict(SHORT_TERM, retentionPolicy="30d"))
    server.migrate()
    server.wait(lambda: "test" not in {shard["database"] for shard in server.get("/cluster/shards").json}, "kept")
    assert server.points("other", "select count(v) from disk") == [[0, 100]]


def test_recent_points_do_not_expire(servers: Any) -> None:
    server = servers.new(storage='retention-sweep-period = "100ms"').start("0.8.3")
    server.post("/db", {"name": "d"})
    create(server, "d", dict(SHORT_TERM, retentionPolicy="1h"))
    server.write("d", "cpu", ["time", "v"], [[time.time() - 30 * DAY, 1]], time_precision="s")
    server.write("d", "cpu", ["v"], [[2]])
    server.wait(lambda: len(server.get("/cluster/shards").json) == 1, "nothing expires")
    assert server.points("d", "select v from cpu")[0][2] == 2


@pytest.mark.parametrize(
    ("pause", "status"), [("1u", 400), ("", 202), ("0", 202), ("1.5ms", 202), ("3us", 202), ("1h", 202), ("-1s", 202)]
)
def test_a_pause_is_a_duration_of_go(servers: Any, old: Any, pause: str, status: int) -> None:
    server = servers.new(old).start("0.8.3")
    assert server.post("/cluster/migrate_data", pause=pause).status == status
    if status == 202:
        server.wait_until_migrated()
    else:
        assert server.marked() == []


def test_a_shard_that_cannot_be_opened_is_passed_over(servers: Any, old: Any) -> None:
    server = servers.new(old)
    [last] = sorted(server.folder.glob("db/shard_db/*"))[-1:]
    server.start("0.8.3")
    with (last / "LOCK").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert server.post("/cluster/migrate_data").status == 202
        server.wait(lambda: len(server.marked()) == len(server.shards()) - 1, "the others are not migrated")
    assert not (last / "MIGRATED").exists()
    assert "Migration error getting shard: " in server.log()
    server.migrate()


def test_a_database_that_is_not_known_is_left_behind_in_shards_that_are_marked(servers: Any, old: Any) -> None:
    server = servers.new(old).start("0.8.3")
    assert server.delete("/db/other").status == 204
    server.migrate()
    assert server.marked() == server.shards()
    assert server.post("/db", {"name": "other"}).status == 201
    assert server.query("other", "select * from /.*/") == []


def test_damaged_lines_are_lost_without_a_word(servers: Any, old: Any) -> None:
    server = servers.new(old)
    for log in server.folder.glob("db/shard_db/*/*.log"):
        log.write_bytes(log.read_bytes().replace(b'"cpu"', b'"cpu', 1))
    server.start("0.8.3")
    server.migrate()
    assert "EROR" not in server.log()
    assert server.get("/db/test/series", q="select * from cpu").status == 400


def test_markers_that_are_removed_have_shards_migrated_again_without_duplicates(servers: Any, old: Any) -> None:
    server = servers.new(old).start("0.8.3")
    server.migrate()
    for marker in server.folder.glob("db/shard_db/*/MIGRATED"):
        marker.unlink()
    server.migrate()
    assert server.points("test", "select count(v) from cpu") == [[0, 100]]


def test_points_written_while_nothing_is_migrated_yet_stay(servers: Any, old: Any) -> None:
    server = servers.new(old).start("0.8.3")
    server.write("test", "cpu", ["time", "v"], [[1500000000, 7]], time_precision="s")
    assert server.points("test", "select count(v) from cpu") == [[0, 1]]
    server.migrate()
    assert server.points("test", "select count(v) from cpu") == [[0, 101]]


def test_lists_of_0_7_3_lack_a_database_beside_many_shards(servers: Any) -> None:
    server = servers.new().start("0.7.3")
    for database in ("wide", "one"):
        server.post("/db", {"name": database})
    server.write("wide", "cpu", ["time", "v"], [[1400000000 + 7 * DAY * n, n] for n in range(19)], time_precision="s")
    server.write("one", "disk", ["time", "v"], [[1400000000, 1]], time_precision="s")
    assert server.query("one", "list series") == []
    assert [found["name"] for found in server.query("one", "select * from /.*/ limit 1")] == ["disk"]


def test_0_7_does_not_start_on_what_0_8_added_to_the_raft_log(servers: Any, old: Any) -> None:
    server = servers.new(old).start("0.8.3")
    server.migrate()
    server.stop()
    with pytest.raises(AssertionError, match="command not registered"):
        server.start("0.7.3")


def test_0_7_serves_its_data_again_after_its_raft_folder_is_put_back(servers: Any, old: Any) -> None:
    server = servers.new(old)
    shutil.copytree(server.folder / "raft", server.folder / "kept")
    server.start("0.8.3")
    server.migrate()
    server.stop()
    shutil.rmtree(server.folder / "raft")
    (server.folder / "kept").rename(server.folder / "raft")
    server.start("0.7.3")
    assert server.points("test", "select count(v) from cpu") == [[0, 100]]


def test_acknowledged_points_survive_a_kill(servers: Any) -> None:
    server = servers.new().start("0.7.3")
    server.post("/db", {"name": "d"})
    server.write("d", "cpu", ["v"], [[1], [2]])
    server.kill()
    server.start("0.7.3")
    server.write("d", "cpu", ["v"], [[3]])
    numbers = [row[1] for row in server.points("d", "select v from cpu")]
    assert sorted(numbers) == [10001, 20001, 30001]
