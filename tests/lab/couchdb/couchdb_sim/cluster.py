# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters for tests: nodes on 127.0.0.11, .12, ..., each a process with a home of its own."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

PACKAGES = Path(__file__).resolve().parent.parent
ADMIN, PASSWORD = "admin", "secret"
# PASSWORD as every release understands it.
HASH = "-pbkdf2-bc7a18aea838c71cf5edda50ae04040c1badbc80,5f1c2b6d0a7e4b3c9d8e7f6a5b4c3d2e,10"
COOKIE = "monster"
PATIENCE = 20.0
POLL = 0.05

Settings = Mapping[str, Mapping[str, str]]
CLOUDANT: Settings = {
    "vendor": {"name": "IBM Cloudant", "version": "1.1.0", "variant": "local"},
    "mem3": {"shards_db": "dbs", "nodes_db": "nodes"},
    "sim": {"account": "default/"},
}


class ClusterError(Exception):
    """A cluster did not come to do what was waited for."""


@dataclass(frozen=True)
class Answer:
    """What a node answered; the body is None where there is no JSON."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Member:
    """One node of a cluster, running or not. Files of its home may be changed while it is stopped."""

    name: str
    home: Path
    port: int
    backdoor_port: int
    dist_port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return self.name.split("@")[1]

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        return (self.home / "couchdb.log").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start the node and wait until it answers."""
        self.launch()
        self.wait_until_up()

    def launch(self) -> None:
        """Start the process, and do not wait."""
        environment = {**os.environ, "PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"}
        with (self.home / "couchdb.log").open("ab") as log:
            command = [sys.executable, "-m", "couchdb_sim", "--home", str(self.home)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def wait_until_up(self) -> None:
        wait_for(self._is_up, f"{self.name} does not answer", lambda: self.log)

    def stop(self) -> None:
        """Stop the node as its service manager does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the node without a chance to do anything."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def set_version(self, version: str) -> None:
        """Install another release, to be seen after a restart."""
        (self.home / "releases/start_erl.data").write_text(f"13.2 {version}\n", encoding="ascii")

    def set_cookie(self, cookie: str) -> None:
        self._write_vm_args(self.name, cookie)

    def set_name(self, name: str) -> None:
        """Give the node another name; the host in it should stay the same."""
        self._write_vm_args(name, COOKIE)
        self.name = name

    def write_ini(self, file: str, settings: Settings) -> None:
        """Replace one file of etc, for example local.ini."""
        lines = []
        for section, values in settings.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items()), ""]
        (self.home / "etc" / file).write_text("\n".join(lines), encoding="utf-8")

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: tuple[str, str] | None = (ADMIN, PASSWORD),
        headers: Mapping[str, str] | None = None,
        backdoor: bool = False,
    ) -> Answer:
        """Ask over HTTP; a body is sent as JSON, unless it is bytes."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if auth and not backdoor:
            sent["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(
            self.address, self.backdoor_port if backdoor else self.port, timeout=PATIENCE
        )
        with contextlib.closing(connection):
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            text = response.read()
        return Answer(response.status, json.loads(text) if text else None, dict(response.headers))

    def get(self, path: str) -> Any:
        """The body of an answer that must be 200."""
        answer = self.request("GET", path)
        if answer.status != 200:
            raise ClusterError(f"GET {path} on {self.name} answered {answer.status}: {answer.body}")
        return answer.body

    def put(self, path: str, body: Any = None) -> Answer:
        return self.request("PUT", path, body)

    def set_maintenance(self, mode: str) -> None:
        self.put(f"/_node/{self.name}/_config/couchdb/maintenance_mode", mode)

    def shards(self, database: str) -> dict[str, str]:
        """The name of the shard of each range of a database, quoted as one part of a path."""
        shard_map = self.get(f"/_node/{self.name}/_dbs/{quote(database, safe='')}")
        suffix = "".join(map(chr, shard_map["shard_suffix"]))
        ranges = shard_map["by_range"]
        return {range_: quote(f"shards/{range_}/{database}{suffix}", safe="") for range_ in ranges}

    def _is_up(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise ClusterError(f"{self.name} ended with exit code {self.process.returncode}:\n{self.log}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.request("GET", "/_up", auth=None).status in (200, 404)
        return False

    def _end(self, number: signal.Signals) -> None:
        if self.process:
            self.process.send_signal(number)
            self.process.wait(PATIENCE)

    def _write_vm_args(self, name: str, cookie: str) -> None:
        lines = f"-name {name}", f"-setcookie {cookie}", f"-kernel inet_dist_listen_min {self.dist_port}", ""
        (self.home / "etc/vm.args").write_text("\n".join(lines), encoding="utf-8")


class Cluster:
    """A cluster that is started on entry and removed on exit:

        with Cluster() as cluster:
            first, second, third = cluster.members
            first.put("/db?q=2&n=3")
            third.kill()
            first.put("/db/doc", {"v": 1})
            third.set_version("3.5.0")
            third.start()
            cluster.wait_until_joined()

    Names are NAME1@127.0.0.11 and so on, the administrator is ADMIN with PASSWORD. `settings` are added to
    default.ini of every node; what `cluster.CLOUDANT` holds makes one of version 2.0.0 a Cloudant Local 1.1.0. Ports are
    free ones. Internal replication waits for `sync_delay` seconds, both after a change and after a node came back, where
    a real one takes about five. Everything is on Member: the state of a node, its files and its HTTP API.
    """

    def __init__(
        self,
        size: int = 3,
        version: str = "3.4.3",
        settings: Settings | None = None,
        sync_delay: float = 0.2,
        first_address: int = 11,
        name: str = "couchdb",
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="couchdb-sim-"))
        addresses = [f"127.0.0.{first_address + index}" for index in range(size)]
        port, backdoor_port, dist_port = _free_ports(addresses, 3)
        self.members = [
            Member(f"{name}{index + 1}@{address}", self._folder / f"node{index + 1}", port, backdoor_port, dist_port)
            for index, address in enumerate(addresses)
        ]
        for member in self.members:
            _lay_out(member, version, _merged(_defaults(member, sync_delay), settings or {}))

    def __enter__(self) -> Cluster:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def start(self) -> None:
        """Start all nodes and make them one cluster."""
        for member in self.members:
            member.launch()
        for member in self.members:
            member.wait_until_up()
        first, *others = self.members
        nodes = "_nodes" if "nodes_db" not in first.get(f"/_node/{first.name}/_config").get("mem3", {}) else "nodes"
        for member in others:
            first.put(f"/_node/{first.name}/{nodes}/{member.name}", {})
        self.wait_until_joined()

    def remove(self) -> None:
        """Kill what runs, and remove all files."""
        for member in self.members:
            if member.running:
                member.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def wait_until_joined(self) -> None:
        """Wait until every running node is connected to all, and they are the members."""
        running = [member for member in self.members if member.running]
        names = sorted(member.name for member in running)

        def joined() -> bool:
            found = [member.get("/_membership") for member in running]
            return all(view["all_nodes"] == names and set(names) <= set(view["cluster_nodes"]) for view in found)

        wait_for(joined, f"{', '.join(names)} did not join")

    def wait_until_synced(self, database: str) -> None:
        """Wait until every copy of every range was pushed to every other."""
        wait_for(lambda: not self.behind(database), f"the copies of {database} did not become equal")

    def behind(self, database: str) -> list[tuple[str, str, str]]:
        """The pairs of copies of which the second may lack something of the first, as range, source and target."""
        running = [member for member in self.members if member.running]
        found = []
        for source in running:
            for range_, shard in source.shards(database).items():
                reached = _reached(source, shard)
                found += [
                    (range_, source.name, target.name)
                    for target in running
                    if target is not source and reached.get(target.name, 0) != reached[source.name]
                ]
        return found


def wait_for(condition: Callable[[], bool], complaint: str, detail: Callable[[], str] = str) -> None:
    """Wait until something is so, for a while."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"{complaint} after {PATIENCE:.0f} s {detail()}")
        time.sleep(POLL)


def _reached(source: Member, shard: str) -> dict[str, int]:
    """How far a copy was pushed to each node, and under its own node's name where its last change is."""
    info = source.get(f"/_node/{source.name}/{shard}")
    documents = source.get(f"/_node/{source.name}/{shard}/_local_docs?include_docs=true")["rows"]
    reached: dict[str, int] = {}
    for row in documents:
        for entry in row["doc"].get("history", {}).get(source.name, []):
            if entry["source_uuid"] == info["uuid"]:
                reached[entry["target_node"]] = max(entry["source_seq"], reached.get(entry["target_node"], 0))
    changes = source.get(f"/_node/{source.name}/{shard}/_changes?descending=true&limit=1")["results"]
    reached[source.name] = changes[0]["seq"] if changes else 0
    return reached


def _free_ports(addresses: Sequence[str], count: int) -> list[int]:
    """Ports that are free on all addresses."""
    found: list[int] = []
    while len(found) < count:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            port = 0
            for address in addresses:
                port = stack.enter_context(socket.create_server((address, port))).getsockname()[1]
            if port not in found:
                found.append(port)
    return found


def _defaults(member: Member, sync_delay: float) -> Settings:
    return {
        "couchdb": {"database_dir": "./data"},
        "chttpd": {"port": str(member.port), "bind_address": member.address},
        "httpd": {"port": str(member.backdoor_port), "bind_address": member.address},
        "mem3": {"sync_delay": str(int(sync_delay * 1000))},
        "sim": {
            "epmd_port": "0",
            "dist_address": member.address,
            "sync_delay": str(sync_delay),
        },
    }


def _merged(base: Settings, more: Settings) -> Settings:
    sections = [*base, *(section for section in more if section not in base)]
    return {section: {**base.get(section, {}), **more.get(section, {})} for section in sections}


def _lay_out(member: Member, version: str, defaults: Settings) -> None:
    for folder in ("etc/default.d", "etc/local.d", "releases", "data"):
        (member.home / folder).mkdir(parents=True)
    member.set_version(version)
    member.set_cookie(COOKIE)
    member.write_ini("default.ini", defaults)
    secret = {"secret": "of the tests"}
    member.write_ini("local.ini", {"admins": {ADMIN: HASH}, "chttpd_auth": secret, "couch_httpd_auth": secret})
