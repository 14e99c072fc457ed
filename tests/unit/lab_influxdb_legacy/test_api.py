# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API does with points, users and databases, beyond what was recorded."""

from __future__ import annotations

import gzip
import http.client
import subprocess
from typing import Any

import pytest


def test_series_are_deleted_in_part_and_dropped_whole(fresh: Any) -> None:
    fresh.write("d", "cpu", ["time", "v"], [[second, second] for second in range(10)], time_precision="s")
    fresh.write("d", "disk", ["v"], [[1]])
    assert fresh.query("d", "delete from cpu where time < 5s") == []
    assert fresh.points("d", "select count(v) from cpu") == [[0, 5]]
    assert fresh.query("d", "drop series cpu") == []
    assert fresh.query("d", "list series")[0]["points"] == [[0, "disk"]]
    assert fresh.delete("/db/d/series/disk").status == 204
    assert fresh.query("d", "list series")[0]["points"] == []
    fresh.stop()
    fresh.start("0.8.3")
    assert fresh.query("d", "list series")[0]["points"] == []


@pytest.mark.parametrize(("precision", "moment"), [("s", 1), ("ms", 1000), ("m", 1000), ("u", 1000000)])
def test_times_are_in_the_precision_that_is_asked_for(fresh: Any, precision: str, moment: int) -> None:
    fresh.write("d", "cpu", ["time", "v"], [[moment, 1]], time_precision=precision)
    assert fresh.points("d", "select v from cpu") == [[1000, 10001, 1]]
    found = fresh.get("/db/d/series", q="select v from cpu", time_precision=precision)
    assert found.json[0]["points"] == [[moment, 10001, 1]]


@pytest.mark.parametrize("release", ["0.7.3", "0.8.3"])
def test_a_dropped_database_is_empty_when_it_is_made_again(servers: Any, release: str) -> None:
    server = servers.new().start(release)
    for database in ("d", "e"):
        server.post("/db", {"name": database})
        server.write(database, "cpu", ["v"], [[1]])
    assert server.delete("/db/d").status == 204
    assert server.delete("/db/d").status == 400
    server.post("/db", {"name": "d"})
    assert [server.query(database, "select * from /.*/") != [] for database in ("d", "e")] == [False, True]


def test_users_of_a_database_see_it_and_no_other(fresh: Any) -> None:
    fresh.post("/db", {"name": "e"})
    fresh.post("/db/d/users", {"name": "joe", "password": "secret"})
    assert fresh.request("GET", "/db/d/authenticate", auth="joe:secret").status == 200
    assert fresh.request("GET", "/db/d/series?q=list+series", auth="joe:secret").status == 200
    assert fresh.request("GET", "/db/e/series?q=list+series", auth="joe:secret").status == 401
    assert fresh.request("GET", "/db", auth="joe:secret").status == 401
    assert fresh.delete("/db/d/users/joe").status == 200
    assert fresh.request("GET", "/db/d/authenticate", auth="joe:secret").status == 401


def test_an_administrator_gets_another_password(fresh: Any) -> None:
    assert fresh.post("/cluster_admins/root", {"password": "other"}).status == 200
    assert fresh.get("/db").status == 401
    assert fresh.request("GET", "/cluster_admins/authenticate", auth="root:other").status == 200


def test_an_answer_is_compressed_where_that_is_asked_for(fresh: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", fresh.api)
    connection.request("GET", "/ping", headers={"Accept-Encoding": "deflate,gzip"})
    answer = connection.getresponse()
    assert answer.getheader("Content-Encoding") == "gzip"
    assert gzip.decompress(answer.read()) == b'{"status":"ok"}'
    connection.close()


def test_a_new_folder_gets_what_a_real_server_makes(fresh: Any) -> None:
    found = sorted(str(path.relative_to(fresh.folder)) for path in fresh.folder.rglob("*"))
    assert {"raft/log", "raft/name", "raft/snapshot", "wal/log.1", "wal/index.1", "db/shard_db_v2"} <= set(found)


@pytest.mark.parametrize(("text", "words"), [("[api\n", "cannot read"), (None, "No such file")])
def test_a_bad_configuration_is_two_lines_and_no_failure(servers: Any, text: str | None, words: str) -> None:
    server = servers.new()
    if text is None:
        server.config.unlink()
    else:
        server.config.write_text(text, encoding="ascii")
    done = subprocess.run(
        server.command("0.8.3"), env={"PYTHONPATH": server.lab}, capture_output=True, text=True, check=True
    )
    assert words in done.stdout
    assert done.stdout.count("\n") == 3


def test_the_program_says_its_version(servers: Any) -> None:
    server = servers.new()
    done = subprocess.run(
        server.command("0.7.3", "-v"), env={"PYTHONPATH": server.lab}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "InfluxDB v0.7.3 (git: 216a3eb21d) (leveldb: 1.15)\n"
