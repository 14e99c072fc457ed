# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data that every cluster of the lab holds: small, but with what a careless comparison gets wrong.

Names of databases and documents with slashes, plus signs, blanks and letters beyond ASCII; documents of several
revisions, deleted ones, one in conflict; a database of its own security object, and an empty one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dbfleet_lab.couch import Couch

ADMIN = ("admin", "lab-admin-pw")
SYSTEM_DATABASES = ("_users", "_replicator", "_global_changes")
BATCH = 250
EXISTS = 412
NOTES = ("plain", 'say "hello", twice', "back\\slash", "grün • 漢字 • emoji 🙂", "", " padded ")
# Every so many documents, one is changed, or deleted, after it was written.
CHANGED, DELETED = 5, 20


@dataclass(frozen=True)
class Database:
    """One database: how many documents are written, and who may read them, where not administrators only."""

    name: str
    count: int
    security: Mapping[str, Any] = field(default_factory=dict)


DATABASES = (
    Database("metrics/east", 600),
    Database("odd_$()+-/name", 250),
    Database(
        "accounts",
        150,
        {
            "admins": {"names": [], "roles": ["accounting-admin"]},
            "members": {"names": ["clerk"], "roles": ["accounting"]},
        },
    ),
    Database("empty", 0),
)
# Two first revisions of one document, as they arise on two sides of a net that was cut.
CONFLICT = (
    {"_id": "in conflict", "_rev": "1-967a00dff5e02add41819138abb3284d", "side": "east"},
    {"_id": "in conflict", "_rev": "1-2f1a6a2e5c3a1c3f3c6f0d1b8a9e7d54", "side": "west"},
)


def load(couch: Couch) -> int:
    """Create everything through one node; harmless where it exists. Returns the number of documents written."""
    for database in DATABASES:
        couch.put(database.name, tolerate=[EXISTS])
        if database.security:
            couch.put(database.name, "_security", body=database.security)
        documents = list(_documents(database))
        for start in range(0, len(documents), BATCH):
            _write(couch, database.name, documents[start : start + BATCH])
    couch.post(DATABASES[0].name, "_bulk_docs", body={"new_edits": False, "docs": CONFLICT})
    return sum(database.count for database in DATABASES) + 1


def _write(couch: Couch, database: str, documents: list[dict[str, Any]]) -> None:
    """Write new documents, then change and delete some of those that were really new."""
    answers = couch.post(database, "_bulk_docs", body={"docs": documents})
    revisions = {answer["id"]: answer["rev"] for answer in answers if answer.get("ok")}
    new = [dict(document, _rev=revisions[document["_id"]]) for document in documents if document["_id"] in revisions]
    changes = [
        dict(document, changed=True, **({"_deleted": True} if document["number"] % DELETED == 0 else {}))
        for document in new
        if document["number"] % CHANGED == 0
    ]
    if changes:
        couch.post(database, "_bulk_docs", body={"docs": changes})


def _documents(database: Database) -> Iterator[dict[str, Any]]:
    """The same database always gets the same documents."""
    chance = random.Random(database.name)
    for number in range(database.count):
        name = chance.choice(("reading", "a/b c", "größe+1", 'quo"ted'))
        yield {"_id": f"{name} {number:05}", "number": number, "value": chance.random(), "note": chance.choice(NOTES)}
