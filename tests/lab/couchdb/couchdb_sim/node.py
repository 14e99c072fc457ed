# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node: its configuration, its files, its connections to the other members, and what it answers them."""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path

from couchdb_sim.auth import Authentication
from couchdb_sim.distribution import Distribution
from couchdb_sim.documents import Update
from couchdb_sim.errors import CouchError, not_found
from couchdb_sim.files import Files
from couchdb_sim.ini import Config, VmArgs, chain
from couchdb_sim.release import Release
from couchdb_sim.replication import InternalReplication
from couchdb_sim.services import Services
from couchdb_sim.shardmap import ShardMap, database_of


class Node:
    """Everything that the parts of a node share."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.started = time.time()
        self.release = Release.of(home)
        self.config = Config(chain(home / "etc"))
        self.vm_args = VmArgs.of(home / "etc")
        self.name = self.vm_args.name
        self.auth = Authentication(self.config, self.release)
        self._prepare()
        self.files = Files(home / self.config.get("couchdb", "database_dir", "./data"))
        self.nodes_database = self.config.get("mem3", "nodes_db", "_nodes")
        self.shards_database = self.config.get("mem3", "shards_db", "_dbs")
        self._join_members()
        # Cloudant Local's databases belong to an account, of which clients see nothing.
        self.account = self.config.get("sim", "account")
        address = self.config.get("sim", "dist_address", "0.0.0.0"), self.vm_args.dist_port
        self.services = Services(self)
        self.distribution = Distribution(self.name, self.vm_args.cookie, address, self.services.answer)
        self.replication = InternalReplication(self)

    def start(self) -> None:
        self.distribution.members = self.members
        self.distribution.node_up = self.replication.node_up
        self.distribution.node_down = self.replication.node_down
        self.replication.start()
        self.distribution.start()

    @property
    def local_databases(self) -> tuple[str, str]:
        return self.nodes_database, self.shards_database

    @property
    def maintenance(self) -> str:
        return self.config.get("couchdb", "maintenance_mode")

    @property
    def uuid(self) -> str:
        return self.config.get("couchdb", "uuid")

    @property
    def uptime(self) -> int:
        return int(time.time() - self.started)

    def members(self) -> list[str]:
        """The nodes that the cluster is configured to have."""
        return [document.id for document in self.files.open(self.nodes_database, create=True).documents()]

    def connected(self) -> list[str]:
        return sorted([self.name, *self.distribution.connected])

    def is_connected(self, node: str) -> bool:
        return node == self.name or node in self.distribution.connected

    def databases(self) -> list[str]:
        return [document.id for document in self.files.open(self.shards_database, create=True).documents()]

    def shard_map(self, database: str) -> ShardMap:
        document = self.files.open(self.shards_database, create=True).document(database)
        if document is None or document.deleted:
            raise not_found("Database does not exist.")
        return ShardMap.of_document(database, document.winner.body)

    def shard_maps(self) -> list[ShardMap]:
        return [self.shard_map(database) for database in self.databases()]

    def create_shards(self) -> None:
        """Create the files that the maps of databases give to this node and that it does not have."""
        for shard_map in self.shard_maps():
            for shard in shard_map.held_by(self.name):
                self.files.open(shard, create=True)

    def copies_of(self, shard: str) -> list[str]:
        """The nodes with a copy of a shard; nobody has one any more where its database was deleted."""
        try:
            by_range = self.shard_map(database_of(shard)).by_range
        except CouchError:
            return []
        return by_range.get(shard.split("/")[1], [])

    def log(self, message: str) -> None:
        print(f"[notice] {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {self.name} {message}", file=sys.stderr)

    def _prepare(self) -> None:
        if self.release.since(3) and not self.config.section("admins"):
            raise ValueError("No Admin Account Found, aborting startup. Please configure an admin account in local.ini")
        self.auth.prepare()
        if not self.uuid:
            self.config.set("couchdb", "uuid", uuid.uuid4().hex)

    def _join_members(self) -> None:
        """A node whose name is not among the members adds it, which is how a changed name becomes a further member."""
        self.files.open(self.shards_database, create=True)
        if self.name not in self.members():
            self.files.open(self.nodes_database).edit([Update(self.name, False, {})])
