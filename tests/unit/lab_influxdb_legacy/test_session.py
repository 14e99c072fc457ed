# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in answers as real servers of 0.7.3, 0.8.3 and 0.8.8 did: the same requests, status codes, bodies and log lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SESSION = {phase["phase"]: phase["steps"] for phase in json.loads((HERE / "session.json").read_text(encoding="utf-8"))}
STEPS = [(phase, number) for phase, steps in SESSION.items() for number in range(len(steps))]
# The recorded server was a 0.8.3 with the packaged configuration, which has this engine.
ENGINE = 'default-engine = "rocksdb"'
TIME = 1401580800
RUNNING_COUNT = 11599


def load(server: Any) -> None:
    """The points that the real server had, as far as what was recorded shows them."""
    values = {0: 23.7965, 1: 54.4229}
    cpu = [[TIME - n * 60, f"server{n % 20:02}", n, values.get(n, n / 7)] for n in range(26000)]
    for start in range(0, len(cpu), 2000):
        server.write("test", "cpu", ["time", "host", "n", "value"], cpu[start : start + 2000], time_precision="s")
    long_term = [[TIME - n * 21600, n % 2 == 0, n / 3] for n in range(500)]
    server.write("test", "Longterm.temp", ["time", "ok", "value"], long_term, time_precision="s")
    events = [[TIME - n * 86400, f'hello "{n}" é\\', f"u{n}" if n % 5 else None] for n in range(40)]
    server.write("test", "events", ["time", "msg", "user"], events, time_precision="s")
    recent = 1795224018468125
    server.write("other", "m one", ["time", "a", "b"], [[recent, 1, "x"], [recent, 2, None]], time_precision="u")
    big = [[TIME, 1, 9223372036854775807], [TIME, 2, -1], [TIME, 3, 1.5]]
    server.write("other", "big", ["time", "sequence_number", "v"], big, time_precision="s")


class Replay:
    """Sends the steps of the phases and keeps the answers."""

    def __init__(self, servers: Any) -> None:
        self.servers = servers
        self.answers: dict[tuple[str, int], Any] = {}
        self.old = servers.new().start("0.7.3")

    def send(self, phase: str, server: Any) -> None:
        for number, step in enumerate(SESSION[phase]):
            path = step["path"]
            answer = server.request(step["method"], path, step.get("body"), step.get("auth"))
            self.answers[phase, number] = answer

    def run(self) -> None:
        self.send("0.7.3, empty", self.old)
        load(self.old)
        self.send("0.7.3, with points", self.old)
        assert self.old.stop() == 0
        self._migration()
        self._interrupted()
        for name in ("wrong order", "only long_term", "finite retention"):
            server = self.servers.new(self.old).start("0.8.3")
            self.send(f"{name}, migration", server)
            server.wait_until_migrated()
            self.send(f"{name}, migrated", server)
        self._without_data()
        self._later_release()

    def _migration(self) -> None:
        self.new = self.servers.new(self.old, storage=ENGINE).start("0.8.3")
        self.start_log = self.new.log()
        self.send("0.8.3, before the migration", self.new)
        before = len(self.new.log())
        self.send("0.8.3, migration", self.new)
        self.new.wait_until_migrated()
        self.migration_log = self.new.log()[before:]
        self.send("0.8.3, after the migration", self.new)
        self.new.stop()
        self.new.start("0.8.3")
        self.send("0.8.3, restarted", self.new)

    def _interrupted(self) -> None:
        """Killed while it pauses after the first 10,000 points of a shard."""
        server = self.servers.new(self.old).start("0.8.3")
        first, second, count, write = SESSION["interrupted, running"]
        self.answers["interrupted, running", 0] = server.request(first["method"], first["path"])
        self.answers["interrupted, running", 1] = server.request(second["method"], second["path"])
        server.wait(lambda: json.dumps(RUNNING_COUNT) in server.request("GET", count["path"]).text, "no pause")
        self.answers["interrupted, running", 2] = server.request("GET", count["path"])
        self.answers["interrupted, running", 3] = server.request("POST", write["path"], write["body"])
        server.kill()
        assert "00003" not in server.marked()
        server.start("0.8.3")
        self.send("interrupted, killed and started", server)
        server.wait_until_migrated()
        self.send("interrupted, migrated", server)

    def _without_data(self) -> None:
        server = self.servers.new(self.old, without=("raft",)).start("0.8.3")
        self.send("raft missing, migration", server)
        server.wait_until_migrated()
        self.send("raft missing, migrated", server)
        self.without_raft = server
        self.fresh = self.servers.new().start("0.8.3")
        self.send("fresh 0.8.3", self.fresh)

    def _later_release(self) -> None:
        server = self.servers.new(self.old).start("0.8.8")
        self.send("0.8.8, not migrated", server)
        server = self.servers.new(self.old).start("0.8.3")
        server.migrate(pause="0s")
        server.stop()
        server.start("0.8.8")
        self.send("0.8.8, migrated", server)


@pytest.fixture(scope="module")
def replay(shared_servers: Any) -> Iterator[Replay]:
    made = Replay(shared_servers)
    made.run()
    yield made


def comparable(text: str) -> Any:
    """An answer without what differs from one server to the next: ports, names of raft, folders, the order of maps, now."""
    text = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text)
    text = re.sub(r"[0-9a-f]{16}\"", 'NAME"', text)
    text = re.sub(r"/\S+/admin/interfaces", "FOLDER/admin/interfaces", text)
    text = re.sub(r"\[\[\d{13},10001,1\]\]", "[[NOW,10001,1]]", text)
    text = text.rstrip("\n")
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return sorted(value, key=json.dumps) if isinstance(value, list) else value


@pytest.mark.parametrize(("phase", "number"), STEPS)
def test_answers_as_recorded(replay: Replay, phase: str, number: int) -> None:
    step, answer = SESSION[phase][number], replay.answers[phase, number]
    assert (answer.status, comparable(answer.text)) == (step["status"], comparable(step["answer"]))
    if "headers" in step:
        ignored = ("Date", "Content-Length")
        found = {name: value for name, value in answer.headers.items() if name not in ignored}
        assert found == {name: value for name, value in step["headers"].items() if name not in ignored}


def test_spaces_of_a_database_are_listed_with_the_last_created_first(replay: Replay) -> None:
    spaces = replay.new.get("/cluster/shard_spaces").json
    assert [space["name"] for space in spaces if space["database"] == "test"] == ["long_term", "short_term"]


def log_lines(text: str, folder: Any = "FOLDER") -> list[str]:
    """Lines without their time, addresses and the folder."""
    text = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text.replace(str(folder), "FOLDER"))
    return [line.partition("] ")[2] for line in text.splitlines()]


def by_shard(lines: list[str]) -> list[list[str]]:
    """The lines of each old shard in an order of their own: the real one takes databases in that of a Go map."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if "migrateDir:" in line:
            groups.append([])
        groups[-1].append(line)
    return [sorted(group) for group in groups]


def test_the_start_is_logged_in_words_that_were_recorded(replay: Replay) -> None:
    recorded = log_lines((HERE / "start-0.8.3.log").read_text(encoding="utf-8"))
    lines = log_lines(replay.start_log, replay.new.folder)
    assert len(lines) > 30
    started = re.sub(r"port [1-9]\d+", "port 18386", "\n".join(lines)).split("\n")
    assert set(started) <= set(recorded)


def test_the_migration_is_logged_as_recorded(replay: Replay) -> None:
    recorded = log_lines((HERE / "migration-0.8.3.log").read_text(encoding="utf-8"))
    lines = log_lines(replay.migration_log, replay.new.folder)
    assert by_shard(lines) == by_shard(recorded)


def test_markers_and_new_shards_are_as_recorded(replay: Replay) -> None:
    server = replay.new
    assert server.shards("shard_db_v2") == [f"{number:05}" for number in range(1, 28)]
    assert (server.folder / "db/shard_db_v2/00026/type").read_text(encoding="ascii") == "rocksdb"
    assert {path.read_bytes() for path in server.folder.glob("db/shard_db/*/MIGRATED")} == {b"done.\n"}


def test_old_files_are_rewritten_by_the_migration(replay: Replay) -> None:
    before = {path.name for path in (replay.old.folder / "db/shard_db/00001").iterdir()}
    after = {path.name for path in (replay.new.folder / "db/shard_db/00001").iterdir()}
    assert before - after == {"000003.log", "MANIFEST-000002"}
    assert after - before == {"000005.ldb", "000006.log", "LOG.old", "MANIFEST-000004", "MIGRATED"}


def test_all_rows_are_equal_after_the_migration(replay: Replay) -> None:
    old = replay.servers.new(replay.old).start("0.7.3")
    for series in ("cpu", "Longterm.temp", "events", "cpu.1h"):
        statement = f"select * from {series}"
        assert replay.new.query("test", statement) == old.query("test", statement)


def test_without_the_raft_folder_every_shard_is_marked_and_nothing_is_there(replay: Replay) -> None:
    server = replay.without_raft
    assert server.marked() == server.shards()
    assert server.shards("shard_db_v2") == []
    assert "Migrating database" not in server.log()


def test_a_fresh_server_logs_that_there_is_nothing_to_migrate(replay: Replay) -> None:
    line = f"Error Migrating: %!(EXTRA *fs.PathError=open {replay.fresh.folder}/db/shard_db: no such file or directory)"
    assert f"[EROR] (github.com/influxdb/influxdb/migration.(*DataMigrator).Migrate:61) {line}\n" in replay.fresh.log()
