# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of the lab's stand-in for InfluxDB 0.7 and 0.8, each a process with a folder of its own."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

LAB = Path(__file__).resolve().parents[2] / "lab/influxdb_legacy"
sys.path.insert(0, str(LAB))

CONFIG = """\
bind-address = "127.0.0.1"
hostname = "127.0.0.1"

[logging]
file = "{folder}/influxdb.log"

[admin]
port = 0
assets = "{folder}/admin"

[api]
port = {api}

[raft]
port = {raft}
dir = "{folder}/raft"

[storage]
dir = "{folder}/db"
{storage}

[cluster]
seed-servers = [{seeds}]
protobuf_port = {protobuf}

[wal]
dir = "{folder}/wal"
"""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Server:
    """One server; what it stores survives its end, and another release can be started on it."""

    lab = str(LAB)

    def __init__(
        self, folder: Path, seed: Server | None = None, storage: str = "", python: str = sys.executable
    ) -> None:
        self.folder, self.python = folder, python
        folder.mkdir(exist_ok=True)
        self.api, self.raft, self.protobuf = _free_ports(3)
        seeds = f'"127.0.0.1:{seed.raft}"' if seed else ""
        ports = {"api": self.api, "raft": self.raft, "protobuf": self.protobuf}
        self.config = folder / "config.toml"
        self.config.write_text(CONFIG.format(folder=folder, seeds=seeds, storage=storage, **ports), encoding="ascii")
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, release: str, *options: str) -> list[str]:
        return [self.python, "-m", "influxdb_sim", "-release", release, "-config", str(self.config), *options]

    def start(self, release: str) -> Server:
        environment = {**os.environ, "PYTHONPATH": str(LAB), "PYTHONDONTWRITEBYTECODE": "1"}
        with (self.folder / "stderr.log").open("ab") as stderr:
            self.process = subprocess.Popen(
                self.command(release), env=environment, stdout=subprocess.DEVNULL, stderr=stderr
            )
        self.wait(self.answers, "the server does not answer")
        return self

    def answers(self) -> bool:
        assert self.process and self.process.poll() is None, (self.folder / "stderr.log").read_text(encoding="utf-8")
        try:
            return self.get("/ping").status == 200
        except OSError:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; returns the exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(10)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def request(self, method: str, path: str, body: str | None = None, auth: str | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=30)
        headers = {"Authorization": "Basic " + base64.b64encode(auth.encode()).decode()} if auth else {}
        try:
            connection.request(method, path, body.encode() if body is not None else None, headers)
            found = connection.getresponse()
            return Answer(found.status, found.read().decode(), dict(found.getheaders()))
        finally:
            connection.close()

    def get(self, path: str, **query: str) -> Answer:
        return self.request("GET", f"{path}?{urlencode({'u': 'root', 'p': 'root', **query})}")

    def post(self, path: str, content: Any = None, **query: str) -> Answer:
        body = None if content is None else json.dumps(content)
        return self.request("POST", f"{path}?{urlencode({'u': 'root', 'p': 'root', **query})}", body)

    def delete(self, path: str) -> Answer:
        return self.request("DELETE", f"{path}?u=root&p=root")

    def write(self, database: str, series: str, columns: list[str], points: list[list[Any]], **query: str) -> None:
        answer = self.post(f"/db/{database}/series", [{"name": series, "columns": columns, "points": points}], **query)
        assert answer.status == 200, answer

    def query(self, database: str, text: str) -> Any:
        answer = self.get(f"/db/{database}/series", q=text)
        assert answer.status == 200, answer
        return answer.json

    def points(self, database: str, text: str) -> list[list[Any]]:
        """The rows of the one series that a query is for."""
        found = self.query(database, text)
        return found[0]["points"] if found else []

    def shards(self, kind: str = "shard_db") -> list[str]:
        return sorted(path.name for path in (self.folder / "db" / kind).iterdir())

    def marked(self) -> list[str]:
        return sorted(path.parent.name for path in self.folder.glob("db/shard_db/*/MIGRATED"))

    def log(self) -> str:
        return (self.folder / "influxdb.log").read_text(encoding="utf-8")

    def migrate(self, **query: str) -> None:
        """Start a migration and wait for its end, which nothing tells but the markers."""
        assert self.post("/cluster/migrate_data", **query).status == 202
        self.wait_until_migrated()

    def wait_until_migrated(self) -> None:
        self.wait(lambda: self.marked() == self.shards(), "the migration does not end")

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, what
            time.sleep(0.02)


def _free_ports(number: int) -> list[int]:
    """Ports that nobody has; all are held until the last is found, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _each in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Servers:
    """Makes servers below one folder, and ends those that still run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._all: list[Server] = []

    def new(self, data: Server | None = None, without: tuple[str, ...] = (), **options: Any) -> Server:
        """A server, on a copy of another one's folder."""
        folder = self.folder / str(len(self._all))
        if data:
            shutil.copytree(data.folder, folder, ignore=shutil.ignore_patterns("influxdb.log", *without))
        server = Server(folder, **options)
        self._all.append(server)
        return server

    def end(self) -> None:
        for server in self._all:
            if server.process and server.process.poll() is None:
                server.kill()


@pytest.fixture(scope="session")
def shared_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """For what a whole session needs."""
    servers = Servers(tmp_path_factory.mktemp("shared"))
    yield servers
    servers.end()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    made = Servers(tmp_path)
    yield made
    made.end()


@pytest.fixture
def fresh(servers: Servers) -> Server:
    """A 0.8.3 without old data, with the database `d`."""
    server = servers.new().start("0.8.3")
    assert server.post("/db", {"name": "d"}).status == 201
    return server


@pytest.fixture(scope="session")
def old(shared_servers: Servers) -> Server:
    """A stopped 0.7.3 with two databases and three shards, to be copied."""
    server = shared_servers.new().start("0.7.3")
    for database in ("test", "other"):
        assert server.post("/db", {"name": database}).status == 201
    week = 604800
    for database, series in (("test", "cpu"), ("test", "Longterm"), ("other", "disk")):
        rows = [[1400112000 + number * week // 50, number] for number in range(100)]
        server.write(database, series, ["time", "v"], rows, time_precision="s")
    assert server.stop() == 0
    return server
