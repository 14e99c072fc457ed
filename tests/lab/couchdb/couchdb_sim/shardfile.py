# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One shard file: a log to which every change is appended, read back into the memory when it is opened.

A line is written by one system call and not synced: it survives the end of the process, not that of the machine.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from couchdb_sim.documents import Document, Leaf, Update
from couchdb_sim.errors import CouchError, conflict

# What a clustered update answers for one document: the new revision, or the error.
Reply = list[Any]
LAST_ID = "\U0010ffff"


class ShardFile:
    """A database of one node: documents with a sequence of changes, local documents and a security object."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self.uuid, self.created = uuid.uuid4().hex, int(time.time())
        self.update_seq = 0
        self.security: dict[str, Any] | None = None
        self._lock = threading.RLock()
        self._documents: dict[str, tuple[int, Document]] = {}
        self._local: dict[str, dict[str, Any]] = {}
        # Pairs of sequence and id; those of a document that changed later are left in and passed over.
        self._changes: list[tuple[int, str]] = []
        self._deleted = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        self._log = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        if new:
            self._append({"uuid": self.uuid, "created": self.created})
        else:
            self._replay()

    def close(self) -> None:
        os.close(self._log)

    @property
    def doc_count(self) -> int:
        return len(self._documents) - self._deleted

    def info(self) -> dict[str, Any]:
        with self._lock:
            size = os.fstat(self._log).st_size
            return {
                "db_name": self.name,
                "engine": "couch_bt_engine",
                "doc_count": self.doc_count,
                "doc_del_count": self._deleted,
                "update_seq": self.update_seq,
                "purge_seq": 0,
                "compact_running": False,
                "sizes": {"active": size, "external": size, "file": size},
                "instance_start_time": str(self.created),
                "disk_format_version": 8,
                "committed_update_seq": self.update_seq,
                "compacted_seq": 0,
                "props": {},
                "uuid": self.uuid,
            }

    def document(self, doc_id: str) -> Document | None:
        with self._lock:
            found = self._documents.get(doc_id)
            return found[1] if found else None

    def documents(self) -> list[Document]:
        """All documents that are not deleted, by id."""
        with self._lock:
            return sorted(
                (document for _seq, document in self._documents.values() if not document.deleted),
                key=lambda doc: doc.id,
            )

    def edit(self, updates: list[Update]) -> list[Reply]:
        """Do what clients want, each on its own."""
        return [self._edit(update) for update in updates]

    def merge(self, leaves: Iterable[tuple[str, Leaf]]) -> None:
        """Take leaves over from another copy; those that are known change nothing."""
        with self._lock:
            for doc_id, leaf in leaves:
                old = self.document(doc_id)
                new = old.merge(leaf) if old else Document(doc_id, (leaf,))
                if new is not old:
                    self._store(new)

    def changes(self, since: int, limit: int | None = None) -> list[tuple[int, Document]]:
        """The documents that changed after a sequence, oldest change first."""
        with self._lock:
            return [(seq, self._documents[doc_id][1]) for seq, doc_id in islice(self._live(since), limit)]

    def feed(self, since: int, limit: int) -> tuple[list[tuple[int, Document]], int, int]:
        """Changes after a sequence, the sequence up to which they tell all, and how many more there are."""
        with self._lock:
            found = self.changes(since, limit)
            pending = self.count_changes(since) - len(found)
            last = found[-1][0] if found else since
            return found, last if pending else self.update_seq, pending

    def count_changes(self, since: int) -> int:
        with self._lock:
            return sum(1 for _change in self._live(since))

    def _live(self, since: int) -> Iterator[tuple[int, str]]:
        start = bisect_right(self._changes, (since, LAST_ID))
        return (
            (seq, doc_id) for seq, doc_id in islice(self._changes, start, None) if self._documents[doc_id][0] == seq
        )

    def missing(self, wanted: Mapping[str, Iterable[tuple[int, str]]]) -> dict[str, list[tuple[int, str]]]:
        """Those of the revisions that this copy does not know."""
        found = {}
        for doc_id, revisions in wanted.items():
            document = self.document(doc_id)
            unknown = [revision for revision in revisions if document is None or not document.knows(revision)]
            if unknown:
                found[doc_id] = unknown
        return found

    def local_document(self, doc_id: str) -> dict[str, Any] | None:
        with self._lock:
            return self._local.get(doc_id)

    def local_documents(self) -> list[dict[str, Any]]:
        with self._lock:
            return [self._local[doc_id] for doc_id in sorted(self._local)]

    def put_local(self, doc_id: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """Write a local document, or remove it; it has a counter for a revision, and no other is kept."""
        with self._lock:
            generation = int(self._local.get(doc_id, {}).get("_rev", "0-0").split("-")[1]) + 1
            doc = {"_id": doc_id, "_rev": f"0-{generation}", **(body or {})}
            self._append({"local": doc_id, "doc": doc if body is not None else None})
            self._set_local(doc_id, doc if body is not None else None)
            return doc

    def edit_local(self, update: Update) -> Reply:
        with self._lock:
            current = self._local.get(update.id)
            given = f"{update.parent[0]}-{update.parent[1]}" if update.parent else None
            if (current or {}).get("_rev") != given:
                return _refusal(conflict())
            doc = self.put_local(update.id, None if update.deleted else update.body)
            return ["ok", "0-0" if update.deleted else doc["_rev"]]

    def set_security(self, security: dict[str, Any]) -> None:
        with self._lock:
            self._append({"security": security})
            self._set_security(security)

    def _edit(self, update: Update) -> Reply:
        if update.id.startswith("_local/"):
            return self.edit_local(update)
        with self._lock:
            try:
                old = self.document(update.id)
                new = update.edit(old)
            except CouchError as error:
                return _refusal(error)
            self._store(new)
            known = {leaf.key for leaf in old.leaves} if old else set()
            return ["ok", next(leaf.rev for leaf in new.leaves if leaf.key not in known)]

    def _store(self, document: Document) -> None:
        seq = self.update_seq + 1
        self._append({"seq": seq, "id": document.id, "leaves": [leaf.pack() for leaf in document.leaves]})
        self._set_document(seq, document)

    def _set_document(self, seq: int, document: Document) -> None:
        before = self._documents.get(document.id)
        self._deleted += document.deleted - (before[1].deleted if before else 0)
        self._documents[document.id] = (seq, document)
        self._changes.append((seq, document.id))
        self.update_seq = seq

    def _set_security(self, security: dict[str, Any]) -> None:
        """The sequence counts it too, but no feed shows it, and so no checkpoint of internal replication reaches it."""
        self.security = security
        self.update_seq += 1

    def _set_local(self, doc_id: str, doc: dict[str, Any] | None) -> None:
        if doc is None:
            self._local.pop(doc_id, None)
        else:
            self._local[doc_id] = doc

    def _append(self, entry: dict[str, Any]) -> None:
        os.write(self._log, json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def _replay(self) -> None:
        """Read the log; a last line that was cut off while it was written is dropped."""
        content = self.path.read_bytes()
        complete = content.rfind(b"\n") + 1
        os.ftruncate(self._log, complete)
        for line in content[:complete].splitlines():
            entry = json.loads(line)
            if "seq" in entry:
                self._set_document(entry["seq"], Document(entry["id"], tuple(map(Leaf.unpack, entry["leaves"]))))
            elif "local" in entry:
                self._set_local(entry["local"], entry["doc"])
            elif "security" in entry:
                self._set_security(entry["security"])
            else:
                self.uuid, self.created = entry["uuid"], entry["created"]


def _refusal(error: CouchError) -> Reply:
    return ["error", error.status, error.error, error.reason]
