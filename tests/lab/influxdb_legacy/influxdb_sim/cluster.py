# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How servers speak to each other: JSON over HTTP, on the ports of raft and of protobuf."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import io
import json
import os
import random
import threading

from influxdb_sim.compat import HTTPConnection, HTTPException
from influxdb_sim.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple  # noqa: F401 (read by type comments)

    from influxdb_sim.configuration import Configuration  # noqa: F401 (read by type comments)

TIMEOUT = 10


def call(address, path, content):
    # type: (str, str, Any) -> Any
    """Ask another server; ApiError where it cannot be reached or refuses."""
    host, _colon, port = address.split("//")[-1].partition(":")
    connection = HTTPConnection(host, int(port), timeout=TIMEOUT)
    try:
        connection.request("POST", path, json.dumps(content).encode("ascii"))
        answer = connection.getresponse()
        body = answer.read().decode("utf-8")
    except (EnvironmentError, HTTPException) as error:
        raise ApiError(500, "cannot reach %s: %s" % (address, error))
    finally:
        connection.close()
    if answer.status != 200:
        raise ApiError(answer.status, body)
    return json.loads(body)


class Raft:
    """A log of commands that all servers apply in the same order. There is no election: the first server leads."""

    def __init__(self, folder, configuration, applied):
        # type: (str, Configuration, Callable[[], None]) -> None
        self._configuration, self._applied = configuration, applied
        self._mutex = threading.RLock()
        self._acknowledged = {}  # type: Dict[str, int]
        if not os.path.isdir(folder):
            os.makedirs(folder, 0o755)
        if not os.path.isdir(os.path.join(folder, "snapshot")):
            os.mkdir(os.path.join(folder, "snapshot"), 0o700)
        self.name = self._own_name(os.path.join(folder, "name"))
        self._path = os.path.join(folder, "log")
        self._entries = self._read()

    def replay(self):
        # type: () -> None
        """Apply what the log holds. A command that panicked does so again."""
        for name, arguments in self._entries:
            getattr(self._configuration, name)(**arguments)

    def knows(self, names):
        # type: (Tuple[str, ...]) -> bool
        """Whether one of these commands is in the log."""
        return any(entry[0] in names for entry in self._entries)

    def propose(self, command, **arguments):
        # type: (str, Any) -> None
        """Have all servers apply a command."""
        if self.is_leader:
            with self._mutex:
                self._append([[command, arguments]], to_peers=True)
        else:
            known = len(self._entries)
            entries = call(self._leader, "/propose", {"command": command, "arguments": arguments, "known": known})
            self.receive(known, entries)

    def join(self, seeds, raft, protobuf):
        # type: (List[str], str, str) -> None
        """Become a server of the cluster that a seed belongs to."""
        arguments = {"name": self.name, "raft": raft, "protobuf": protobuf}
        content = {"command": "add_server", "arguments": arguments, "known": 0}
        for seed in seeds:
            try:
                self.receive(0, call(seed, "/propose", content))
                return
            except ApiError:
                continue
        raise ApiError(500, "none of the seed servers answers: %s" % ", ".join(seeds))

    def catch_up(self):
        # type: () -> None
        """Ask the leader for what was said while this server was down."""
        if not self.is_leader:
            known = len(self._entries)
            self.receive(known, call(self._leader, "/entries", {"known": known}))

    def answer(self, path, content):
        # type: (str, Any) -> Any
        """What another server asks or tells."""
        if path == "/append":
            return self.receive(content["known"], content["entries"])
        if path == "/propose":
            self.propose(content["command"], **content["arguments"])
        return self._entries[content["known"] :]

    def receive(self, known, entries):
        # type: (int, List[Any]) -> int
        """Take over what is new; returns how many entries this server has, which shows the leader a gap."""
        with self._mutex:
            if known <= len(self._entries):
                self._append(entries[len(self._entries) - known :], to_peers=False)
            return len(self._entries)

    def wait_until_applied(self):
        # type: () -> None
        """Let a command end whose effect is known already, while the shards that it makes are not open yet."""
        with self._mutex:
            return

    @property
    def is_leader(self):
        # type: () -> bool
        servers = self._configuration.servers
        return not servers or servers[0]["name"] == self.name

    @property
    def leader(self):
        # type: () -> Dict[str, Any]
        return self._configuration.servers[0]

    @property
    def _leader(self):
        # type: () -> str
        return self.leader["raft"]

    def _append(self, entries, to_peers):
        # type: (List[Any], bool) -> None
        for entry in entries:
            with io.open(self._path, "ab") as stream:
                stream.write(json.dumps(entry).encode("ascii") + b"\n")
                os.fsync(stream.fileno())
            self._entries.append(entry)
            if to_peers:
                self._tell_peers()
            getattr(self._configuration, entry[0])(**entry[1])
            self._applied()

    def _tell_peers(self):
        # type: () -> None
        for server in self._configuration.servers[1:]:
            total = len(self._entries)
            known = self._acknowledged.get(server["name"], total - 1)
            try:
                found = self._tell(server, known)
                if found < total:
                    found = self._tell(server, found)
                self._acknowledged[server["name"]] = found
            except ApiError:
                # It asks for the rest when it is back.
                continue

    def _tell(self, server, known):
        # type: (Dict[str, Any], int) -> int
        return call(server["raft"], "/append", {"known": known, "entries": self._entries[known:]})

    def _read(self):
        # type: () -> List[Any]
        if not os.path.exists(self._path):
            return []
        with io.open(self._path, encoding="ascii") as stream:
            return [json.loads(line) for line in stream if line.endswith("\n")]

    def _own_name(self, path):
        # type: (str) -> str
        if not os.path.exists(path):
            with io.open(path, "w", encoding="ascii") as stream:
                stream.write("%016x" % random.SystemRandom().getrandbits(64))
        with io.open(path, encoding="ascii") as stream:
            return stream.read()
