# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node-local API, as /_node/{node} passes it on and as port 5986 of 2.x serves it: files as this node has them.

It knows nothing of the cluster, and maintenance mode does not concern it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from couchdb_sim.documents import Update
from couchdb_sim.errors import CouchError, bad_request, not_allowed, not_found
from couchdb_sim.shardfile import ShardFile

if TYPE_CHECKING:
    from couchdb_sim.node import Node


def respond(node: Node, method: str, parts: list[str], query: Mapping[str, str], body: str) -> tuple[int, Any]:
    """The status and the body of an answer."""
    try:
        return _Backdoor(node, method, query, body).answer(parts)
    except CouchError as error:
        return error.status, error.body


class _Backdoor:
    def __init__(self, node: Node, method: str, query: Mapping[str, str], body: str) -> None:
        self._node, self._method, self._query, self._body = node, method, query, body

    def answer(self, parts: list[str]) -> tuple[int, Any]:
        name, rest = parts[0], parts[1:]
        if not name:
            return 200, {"couchdb": "Welcome", "uuid": self._node.uuid, "version": self._node.release.version}
        file = self._node.files.open(name)
        if not rest:
            self._only("GET")
            return 200, file.info()
        if rest == ["_all_docs"]:
            self._only("GET")
            rows = [self._row(document.id, document.winner.to_json(document.id)) for document in file.documents()]
            return 200, {"total_rows": file.doc_count, "offset": 0, "rows": rows}
        if rest == ["_local_docs"]:
            self._only("GET")
            rows = [self._row(doc["_id"], doc) for doc in file.local_documents()]
            return 200, {"total_rows": None, "offset": None, "rows": rows}
        if rest == ["_changes"]:
            self._only("GET")
            return 200, self._changes(file)
        return self._document(file, "/".join(rest))

    def _only(self, method: str) -> None:
        if self._method != method:
            raise not_allowed(method)

    def _row(self, doc_id: str, doc: dict[str, Any]) -> dict[str, Any]:
        row = {"id": doc_id, "key": doc_id, "value": {"rev": doc["_rev"]}}
        return {**row, "doc": doc} if self._query.get("include_docs") == "true" else row

    def _changes(self, file: ShardFile) -> dict[str, Any]:
        """The feed, oldest change first or with the newest first. Its sequences are the plain numbers of this copy."""
        descending = self._query.get("descending") == "true"
        found = file.changes(0 if descending else int(self._query.get("since", "0")))
        chosen = (found[::-1] if descending else found)[: int(self._query.get("limit", len(found)))]
        rows = [
            {"seq": seq, "id": document.id, "changes": [{"rev": document.winner.rev}]}
            | ({"deleted": True} if document.deleted else {})
            for seq, document in chosen
        ]
        return {"results": rows, "last_seq": rows[-1]["seq"] if rows else file.update_seq, "pending": 0}

    def _document(self, file: ShardFile, doc_id: str) -> tuple[int, Any]:
        if self._method == "GET":
            return 200, _found(file, doc_id)
        if self._method not in ("PUT", "DELETE"):
            raise not_allowed("DELETE,GET,HEAD,PUT")
        content: dict[str, Any] = _json(self._body) if self._method == "PUT" else {"_deleted": True}
        if "rev" in self._query:
            content["_rev"] = self._query["rev"]
        [[kind, *reply]] = file.edit([Update.of_json(content, doc_id)])
        if kind == "error":
            raise CouchError(*reply)
        self._node.replication.updated(file.name)
        return 201 if self._method == "PUT" else 200, {"ok": True, "id": doc_id, "rev": reply[0]}


def _json(body: str) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError as error:
        raise bad_request("invalid UTF-8 JSON") from error
    if not isinstance(content, dict):
        raise bad_request("Document must be a JSON object")
    return content


def _found(file: ShardFile, doc_id: str) -> dict[str, Any]:
    local = file.local_document(doc_id)
    if local:
        return local
    document = file.document(doc_id)
    if document is None or document.deleted:
        raise not_found("deleted" if document else "missing")
    return document.winner.to_json(doc_id)
