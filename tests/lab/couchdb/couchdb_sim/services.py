# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node does when a member of its cluster, itself included, asks for it.

Requests that come from clients are refused while the node is in maintenance; internal replication is served all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from couchdb_sim import backdoor, diagnostics, replication
from couchdb_sim.documents import Leaf, Update
from couchdb_sim.errors import CouchError, MaintenanceMode, NodeDown
from couchdb_sim.shardfile import Reply, ShardFile
from couchdb_sim.system import system

if TYPE_CHECKING:
    from couchdb_sim.node import Node

Json = dict[str, Any]
Revisions = dict[str, list[tuple[int, str]]]
TIMEOUT = 60


class Services:
    """Each public method but `answer` is one service, called by its name with JSON for arguments and result."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def answer(self, function: str, arguments: list[Any]) -> Any:
        return getattr(self, function)(*arguments)

    # Asked by a coordinator for a client.

    def open_shard(self, shard: str) -> Json | None:
        """The security object, None where none was ever set."""
        return self._serving(shard).security

    def db_info(self, shard: str) -> Json:
        return self._serving(shard).info()

    def document(self, shard: str, doc_id: str) -> list[Any]:
        """The leaves of a document."""
        document = self._serving(shard).document(doc_id)
        return [leaf.pack() for leaf in document.leaves] if document else []

    def local_document(self, shard: str, doc_id: str) -> Json | None:
        return self._serving(shard).local_document(doc_id)

    def edit(self, shard: str, updates: list[Any]) -> list[Reply]:
        replies = self._serving(shard).edit([Update.unpack(update) for update in updates])
        self._node.replication.updated(shard)
        return replies

    def take(self, shard: str, leaves: list[Any]) -> list[Reply]:
        """Take revisions over as a client gives them; only what is refused is answered, and nothing is."""
        self._serving(shard)
        self.merge(shard, leaves)
        return []

    def all_docs(self, shard: str, start: str, end: str) -> list[Any]:
        """The number of documents, and the winners of those in a range of ids."""
        file = self._serving(shard)
        rows = [[document.id, document.winner.pack()] for document in file.documents() if start <= document.id <= end]
        return [file.doc_count, rows]

    def changes(self, shard: str, uuid: str, since: int, limit: int) -> Json:
        """The changes after a sequence, from the start where that belongs to another copy."""
        file = self._serving(shard)
        begin = since if uuid == file.uuid else 0
        found, last, pending = file.feed(begin, limit)
        rows = [[seq, document.id, [leaf.pack() for leaf in document.leaves]] for seq, document in found]
        return {"uuid": file.uuid, "begin": begin, "rows": rows, "last": last, "pending": pending}

    # Asked for the cluster itself, in maintenance too.

    def create_shard(self, shard: str) -> None:
        self._node.files.open(shard, create=True)

    def delete_shard(self, shard: str) -> None:
        self._node.files.delete(shard)

    def write_shard_map(self, database: str, body: Json | None) -> None:
        """Write or, where there is no body, delete the map of a database."""
        maps = self._node.files.open(self._node.shards_database)
        document = maps.document(database)
        parent = document.winner.key if document and not document.deleted else None
        maps.edit([Update(database, body is None, body or {}, parent)])
        self._node.replication.updated(self._node.shards_database)

    def get_security(self, shard: str) -> Json | None:
        return self._file(shard).security

    def set_security(self, shard: str, security: Json) -> None:
        self._file(shard).set_security(security)

    def load_checkpoint(self, shard: str, source_uuid: str) -> Json:
        file = self._file(shard)
        checkpoint = replication.checkpoint_id(source_uuid, file.uuid)
        return {"id": checkpoint, "doc": file.local_document(checkpoint), "security": file.security}

    def save_checkpoint(self, shard: str, checkpoint: str, entry: Json, history: Json) -> Json:
        return replication.save_checkpoint(self._file(shard), self._node.name, checkpoint, entry, history)

    def missing_revisions(self, shard: str, wanted: Revisions) -> Revisions:
        return self._file(shard).missing(wanted)

    def merge(self, shard: str, leaves: list[Any]) -> None:
        self._file(shard).merge((doc_id, Leaf.unpack(packed)) for doc_id, *packed in leaves)
        if shard == self._node.shards_database:
            self._node.create_shards()
        self._node.replication.updated(shard)

    def push(self, shard: str, target: str) -> None:
        self._node.replication.push_now(shard, target)

    # What /_node/{node} and weatherreport ask for.

    def config(self) -> dict[str, dict[str, str]]:
        return self._node.config.everything()

    def set_config(self, section: str, key: str, value: str, persist: bool) -> str:
        """Returns the former value."""
        former = self._node.config.get(section, key)
        self._node.config.set(section, key, self._node.auth.stored(section, value), persist)
        return former

    def delete_config(self, section: str, key: str, persist: bool) -> str | None:
        former = self._node.config.find(section, key)
        if former is not None:
            self._node.config.delete(section, key, persist)
        return former

    def system(self) -> Json:
        return system(self._node)

    def backdoor(self, method: str, parts: list[str], query: dict[str, str], body: str) -> list[Any]:
        """Answer as the node-local port does: status and body."""
        return list(backdoor.respond(self._node, method, parts, query, body))

    def diagnose(self, check: str) -> list[list[str]]:
        return [list(message) for message in diagnostics.run(self._node, check)]

    def diagnose_all(self, check: str, everywhere: bool) -> dict[str, list[list[str]] | None]:
        """What a check finds on this node or on all members; nothing at all of one that cannot be asked."""
        found: dict[str, list[list[str]] | None] = {}
        for name in self._node.members() if everywhere else [self._node.name]:
            try:
                found[name] = self._node.distribution.call(name, "diagnose", check).result(TIMEOUT)
            except (NodeDown, TimeoutError):
                found[name] = None
        return found

    def erlang_version(self) -> str:
        return self._node.release.erts

    def _serving(self, shard: str) -> ShardFile:
        if self._node.maintenance == "true":
            raise MaintenanceMode(self._node.name)
        return self._file(shard)

    def _file(self, shard: str) -> ShardFile:
        """The file of a shard, which is created where this node should have it and does not."""
        try:
            return self._node.files.open(shard)
        except CouchError:
            if self._node.name not in self._node.copies_of(shard):
                raise
            return self._node.files.open(shard, create=True)
