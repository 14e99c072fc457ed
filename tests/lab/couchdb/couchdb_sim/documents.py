# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents with as much of a revision tree as a copy needs: its leaves, each with the revisions that led to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from couchdb_sim import terms
from couchdb_sim.errors import CouchError, bad_request, conflict

REVISION = re.compile(r"(\d+)-(.+)")
# Fields that say something of the update and are no part of the body.
CONTROL = ("_id", "_rev", "_revisions", "_deleted", "_conflicts", "_deleted_conflicts", "_revs_info", "_local_seq")


@dataclass(frozen=True)
class Leaf:
    """One leaf revision: its generation, the revisions from it back to the first known, and what it holds."""

    generation: int
    path: tuple[str, ...]
    deleted: bool = False
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, str]:
        return self.generation, self.path[0]

    @property
    def rev(self) -> str:
        return f"{self.generation}-{self.path[0]}"

    @property
    def rank(self) -> tuple[bool, int, str]:
        """What decides which leaf wins."""
        return not self.deleted, self.generation, self.path[0]

    def descends_from(self, revision: tuple[int, str]) -> bool:
        """Whether a revision is this leaf or one of its ancestors."""
        distance = self.generation - revision[0]
        return 0 <= distance < len(self.path) and self.path[distance] == revision[1]

    def child(self, deleted: bool, body: dict[str, Any]) -> Leaf:
        return Leaf(self.generation + 1, (terms.revision(self.key, deleted, body), *self.path), deleted, body)

    def to_json(self, doc_id: str) -> dict[str, Any]:
        deleted = {"_deleted": True} if self.deleted else {}
        return {"_id": doc_id, "_rev": self.rev, **deleted, **self.body}

    def pack(self) -> list[Any]:
        return [self.generation, list(self.path), self.deleted, self.body]

    @classmethod
    def unpack(cls, packed: list[Any]) -> Leaf:
        return cls(packed[0], tuple(packed[1]), packed[2], packed[3])


@dataclass(frozen=True)
class Document:
    """All leaves of a document, the winner first."""

    id: str
    leaves: tuple[Leaf, ...]

    @classmethod
    def of(cls, doc_id: str, leaves: list[Leaf]) -> Document:
        return cls(doc_id, tuple(sorted(leaves, key=lambda leaf: leaf.rank, reverse=True)))

    @property
    def winner(self) -> Leaf:
        return self.leaves[0]

    @property
    def deleted(self) -> bool:
        return self.winner.deleted

    @property
    def state(self) -> tuple[tuple[str, bool], ...]:
        """What two copies of a document have to agree on."""
        return tuple((leaf.rev, leaf.deleted) for leaf in self.leaves)

    def leaf(self, revision: tuple[int, str]) -> Leaf | None:
        return next((leaf for leaf in self.leaves if leaf.key == revision), None)

    def knows(self, revision: tuple[int, str]) -> bool:
        return any(leaf.descends_from(revision) for leaf in self.leaves)

    def merge(self, leaf: Leaf) -> Document:
        """The document with one more leaf, which takes the place of the leaves that it descends from."""
        if self.knows(leaf.key):
            return self
        return Document.of(self.id, [*(old for old in self.leaves if not leaf.descends_from(old.key)), leaf])


@dataclass(frozen=True)
class Update:
    """What a client wants: an edit of the revision `parent`, or, as replicated, the leaf at the end of `path`."""

    id: str
    deleted: bool
    body: dict[str, Any]
    parent: tuple[int, str] | None = None
    path: tuple[int, tuple[str, ...]] = (0, ())

    @classmethod
    def of_json(cls, doc: Any, doc_id: str = "") -> Update:
        if not isinstance(doc, dict):
            raise bad_request("Document must be a JSON object")
        for name in doc:
            if name.startswith("_") and name not in (*CONTROL, "_attachments"):
                raise CouchError(400, "doc_validation", f"Bad special document member: {name}")
        if doc.get("_attachments"):
            raise CouchError(501, "not_implemented", "the stand-in keeps no attachments")
        parent = parse_rev(doc["_rev"]) if doc.get("_rev") else None
        body = {name: value for name, value in doc.items() if not name.startswith("_")}
        return cls(
            checked_id(doc_id or doc.get("_id", "")), bool(doc.get("_deleted")), body, parent, _path(doc, parent)
        )

    def leaf(self) -> Leaf:
        return Leaf(self.path[0], self.path[1], self.deleted, self.body)

    def edit(self, document: Document | None) -> Document:
        """The document after this edit; a conflict where it does not follow a leaf."""
        base = self._base(document)
        if base:
            leaf = base.child(self.deleted, self.body)
        else:
            leaf = Leaf(1, (terms.revision(None, self.deleted, self.body),), self.deleted, self.body)
        return document.merge(leaf) if document else Document(self.id, (leaf,))

    def _base(self, document: Document | None) -> Leaf | None:
        """The leaf to follow: the one named, or that of a deleted document, which a new one follows."""
        if self.parent:
            leaf = document.leaf(self.parent) if document else None
        elif document is None:
            return None
        else:
            leaf = document.winner if document.deleted else None
        if leaf is None:
            raise conflict()
        return leaf

    def pack(self) -> list[Any]:
        return [self.id, self.deleted, self.body, list(self.parent) if self.parent else None, self.path]

    @classmethod
    def unpack(cls, packed: list[Any]) -> Update:
        doc_id, deleted, body, parent, (start, path) = packed
        return cls(doc_id, deleted, body, (parent[0], parent[1]) if parent else None, (start, tuple(path)))


def parse_rev(text: Any) -> tuple[int, str]:
    match = REVISION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise bad_request("Invalid rev format")
    return int(match.group(1)), match.group(2)


def checked_id(doc_id: Any) -> str:
    if not isinstance(doc_id, str):
        raise CouchError(400, "illegal_docid", "Document id must be a string")
    if not doc_id:
        raise CouchError(400, "illegal_docid", "Document id must not be empty")
    if doc_id.startswith("_") and not doc_id.startswith(("_design/", "_local/")):
        raise CouchError(400, "illegal_docid", "Only reserved document ids may start with underscore.")
    return doc_id


def _path(doc: dict[str, Any], revision: tuple[int, str] | None) -> tuple[int, tuple[str, ...]]:
    if "_revisions" in doc:
        return doc["_revisions"]["start"], tuple(doc["_revisions"]["ids"])
    return (revision[0], (revision[1],)) if revision else (0, ())
