# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server: what it knows, what it stores, and how it starts."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import os
import random
import threading
import time

from influxdb_sim import datastore, users
from influxdb_sim.cluster import Raft
from influxdb_sim.configuration import SPACE_COMMANDS, Configuration, go_date
from influxdb_sim.coordinator import Coordinator
from influxdb_sim.datastore import Datastore
from influxdb_sim.errors import ApiError
from influxdb_sim.log import Log
from influxdb_sim.migration import Migrator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Set  # noqa: F401 (read by type comments)

    from influxdb_sim.config import Config  # noqa: F401 (read by type comments)
    from influxdb_sim.release import Release  # noqa: F401 (read by type comments)

LISTEN = "server.(*Server).ListenAndServe:"
SHARED = "/opt/influxdb/shared"


class Node:
    """The parts of a server, which find each other here."""

    def __init__(self, release, config):
        # type: (Release, Config) -> None
        self.release, self.config = release, config
        self.log = Log(config.get("logging", "file", "%s/log.txt" % SHARED))
        self.storage = config.get("storage", "dir", "%s/data/db" % SHARED)
        self._wal = config.get("wal", "dir", "%s/data/wal" % SHARED)
        self.configuration = Configuration(self.log)
        self.raft = Raft(config.get("raft", "dir", "%s/data/raft" % SHARED), self.configuration, self._applied)
        engine = config.get("storage", "default-engine", "leveldb") if release.has_spaces else None
        folder = os.path.join(self.storage, datastore.NEW if release.has_spaces else datastore.OLD)
        self.datastore = Datastore(folder, engine, self.log)
        self.coordinator = Coordinator(self)
        self.migrator = Migrator(self)
        self._seen = {}  # type: Dict[int, bool]

    @property
    def id(self):
        # type: () -> int
        """This server's number in the cluster."""
        server = self.configuration.server(self.raft.name)
        return server["id"] if server else 0

    def replay(self):
        # type: () -> None
        """Become what the files say."""
        self.log.info(
            "main.main:128",
            "Starting Influx Server %s bound to %s..." % (self.release.version, self.config.bind_address),
        )
        self.log.info("server.NewServer:40", "Opening database at %s" % self.storage)
        self.log.info("wal.NewWAL:40", "Opening wal in %s" % self._wal)
        self._open_wal()
        if not self.release.has_spaces and self.raft.knows(SPACE_COMMANDS):
            raise ValueError("the raft log is of a later release: command not registered")
        self.raft.replay()
        self.log.info("coordinator.(*RaftServer).startRaft:404", "Recovered from log")
        self._applied()

    def join(self):
        # type: () -> None
        """Take the place in the cluster, while its port of raft is open already."""
        raft, protobuf = self.config.connect_strings
        server = self.configuration.server(self.raft.name)
        seeds = [seed for seed in self.config.seeds if "http://%s" % seed != raft]
        if server:
            self._rejoin(server, raft, protobuf)
        elif seeds:
            self.raft.join(seeds, raft, protobuf)
        else:
            self.raft.propose("add_server", name=self.raft.name, raft=raft, protobuf=protobuf)
            root = users.new("root", os.environ.get("INFLUXDB_INIT_PWD", "root"))
            self.raft.propose("save_cluster_admin", user=root)
        self.log.info(LISTEN + "128", "recovered")

    def sweep(self):
        # type: () -> None
        """Remove expired shards again and again: those of one database at a time, and not of a chosen one."""
        while True:
            time.sleep(self.config.retention_sweep_period)
            databases = list(self.configuration.spaces)
            if databases and self.raft.is_leader:
                expired = self.configuration.expired(random.choice(databases), time.time())
                if expired:
                    self.raft.propose("drop_shards", ids=expired)

    def start_sweeping(self):
        # type: () -> None
        if self.release.has_spaces:
            thread = threading.Thread(target=self.sweep)
            thread.daemon = True
            thread.start()

    def _open_wal(self):
        # type: () -> None
        """Files that hold nothing: what is acknowledged is in the shards."""
        if not os.path.isdir(self._wal):
            os.makedirs(self._wal, 0o755)
        for name in ("log.1", "index.1"):
            open(os.path.join(self._wal, name), "ab").close()

    def _rejoin(self, server, raft, protobuf):
        # type: (Dict[str, Any], str, str) -> None
        """Hear of what happened meanwhile, and tell of a changed address."""
        try:
            self.raft.catch_up()
            if (server["raft"], server["protobuf"]) != (raft, protobuf):
                change = "(%s,%s) (%s,%s)" % (server["protobuf"], protobuf, server["raft"], raft)
                self.log.info(LISTEN + "102", "Sending change connection string command %s" % change)
                self.raft.propose("change_connection_string", name=self.raft.name, raft=raft, protobuf=protobuf)
                self.log.info(LISTEN + "118", "Connection string changed successfully")
        except ApiError as error:
            self.log.error(LISTEN + "120", "%s" % error)

    def _applied(self):
        # type: () -> None
        """Have the shards that the configuration says this server has."""
        shards = self.configuration.shards
        for number in sorted(set(shards) - set(self._seen)):
            self._add(shards[number])
        for number in set(self._seen) - set(shards):
            if self._seen.pop(number):
                self.datastore.remove(number)

    def _add(self, shard):
        # type: (Dict[str, Any]) -> None
        is_local = self.id in shard["servers"]
        if is_local:
            self.datastore.open(shard["id"])
        self._seen[shard["id"]] = is_local
        start, end = ("%s (%d)" % (go_date(shard[side]), shard[side]) for side in ("start", "end"))
        space = shard["space"] if shard["database"] else ""
        text = "Adding shard to %s: %d - start: %s. end: %s. isLocal: %s. servers: [%s]" % (
            space,
            shard["id"],
            start,
            end,
            "true" if is_local else "false",
            " ".join(str(server) for server in shard["servers"]),
        )
        self.log.info("cluster.(*ClusterConfiguration).AddShards:1040", text)
