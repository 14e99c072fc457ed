# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clustered HTTP API of databases and documents."""

from __future__ import annotations

import json
import uuid
from typing import Any

from couchdb_sim import fabric, sequences
from couchdb_sim.documents import Document, Leaf, Update, checked_id, parse_rev
from couchdb_sim.errors import CouchError, bad_request, not_allowed, not_found, unauthorized
from couchdb_sim.fabric import Change, Database
from couchdb_sim.node import Node
from couchdb_sim.sequences import Position
from couchdb_sim.server import Request, Response, to_json
from couchdb_sim.shardmap import is_database_name

# Who may read a database nobody set the security of: from 3.0 on administrators only.
ADMINS_ONLY = {"members": {"roles": ["_admin"]}, "admins": {"roles": ["_admin"]}}
LAST_ID = "\U0010ffff"
NO_LIMIT = 2**31
ACCESS = "You are not authorized to access this db."


class DatabaseRequests:
    """Answers what is asked of databases."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def respond(self, request: Request) -> Response:
        name, rest = request.parts[0], request.parts[1:]
        if not rest and request.method == "PUT":
            return self._create(request, name)
        if not rest and request.method == "DELETE":
            return self._delete(request, name)
        database = Database(self._node, self._node.account + name)
        security = database.security() or self._default_security()
        self._authorize(request, security)
        return _Requests(self._node, database, security).respond(request, name, rest)

    def infos(self, request: Request) -> Response:
        """Several databases at once, by POST."""
        if request.method != "POST":
            raise not_allowed("POST")
        names = request.json_object().get("keys")
        if not isinstance(names, list):
            raise bad_request("`keys` member must exist.")
        if len(names) > int(self._node.config.get("chttpd", "max_db_number_for_dbs_info_req", "100")):
            raise bad_request("too_many_keys")
        return Response([self._info(name) for name in names])

    def _info(self, name: str) -> dict[str, Any]:
        try:
            return {"key": name, "info": database_info(Database(self._node, self._node.account + name), name)}
        except CouchError as error:
            return {"key": name, "error": error.error}

    def _default_security(self) -> dict[str, Any]:
        return ADMINS_ONLY if self._node.release.since(3) else {}

    def _authorize(self, request: Request, security: dict[str, Any]) -> None:
        """Only server administrators are known, so that everybody else needs a database that is open to all."""
        members = security.get("members", {})
        if not request.user.is_admin and (members.get("names") or members.get("roles")):
            raise unauthorized(ACCESS)

    def _create(self, request: Request, name: str) -> Response:
        if not request.user.is_admin:
            raise unauthorized()
        if not is_database_name(name):
            allowed = "Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and /"
            reason = f"Name: '{name}'. {allowed} are allowed. Must begin with a letter."
            raise CouchError(400, "illegal_database_name", reason)
        internal = self._node.account + name
        if internal in self._node.databases():
            reason = "The database could not be created, the file already exists."
            raise CouchError(412, "file_exists", reason)
        q = request.number("q") or int(self._node.config.get("cluster", "q", self._node.release.default_shards))
        n = request.number("n") or int(self._node.config.get("cluster", "n", "3"))
        known = fabric.create(self._node, internal, q, n)
        return Response({"ok": True}, 201 if known else 202)

    def _delete(self, request: Request, name: str) -> Response:
        if not request.user.is_admin:
            raise unauthorized()
        known = fabric.delete(self._node, self._node.account + name)
        return Response({"ok": True}, 200 if known else 202)


class _Requests:
    """Answers what is asked of one database that exists and that the client may read."""

    def __init__(self, node: Node, database: Database, security: dict[str, Any]) -> None:
        self._node, self._database, self._security = node, database, security

    def respond(self, request: Request, name: str, rest: list[str]) -> Response:
        handlers = {
            "_security": self._security_request,
            "_shards": self._shards,
            "_bulk_docs": self._bulk_docs,
            "_all_docs": self._all_docs,
            "_changes": self._changes,
        }
        if self._node.release.since(2, 3, 1):
            handlers["_sync_shards"] = self._sync_shards
        if not rest:
            return self._database_request(request, name)
        if rest[0] in handlers:
            return handlers[rest[0]](request)
        doc_id = "/".join(rest)
        return self._document_request(request, doc_id if request.method == "GET" else checked_id(doc_id))

    def _database_request(self, request: Request, name: str) -> Response:
        if request.method == "GET":
            return Response(database_info(self._database, name))
        if request.method != "POST":
            raise not_allowed("DELETE,GET,HEAD,POST")
        content = request.json_object()
        return self._edit(request, Update.of_json(content, content.get("_id") or uuid.uuid4().hex))

    def _security_request(self, request: Request) -> Response:
        if request.method == "GET":
            return Response(self._security)
        if request.method != "PUT":
            raise not_allowed("PUT,GET")
        if not request.user.is_admin:
            raise unauthorized("You are not a db or server admin.")
        self._database.set_security(request.json_object())
        return Response({"ok": True})

    def _shards(self, request: Request) -> Response:
        if request.method != "GET":
            raise not_allowed("GET")
        by_range = self._database.map.by_range
        if len(request.parts) == 2:
            return Response({"shards": dict(sorted(by_range.items()))})
        range_ = self._database.map.range_of("/".join(request.parts[2:]))
        return Response({"range": range_, "nodes": by_range[range_]})

    def _sync_shards(self, request: Request) -> Response:
        if request.method != "POST":
            raise not_allowed("POST")
        if not request.user.is_admin:
            raise unauthorized()
        self._database.sync_shards()
        return Response({"ok": True}, 202)

    def _bulk_docs(self, request: Request) -> Response:
        if request.method != "POST":
            raise not_allowed("POST")
        content = request.json_object()
        docs = content.get("docs")
        if not isinstance(docs, list):
            raise bad_request("POST body must include `docs` parameter.")
        if content.get("new_edits") is False:
            outcome = self._database.take([self._replicated(doc) for doc in docs], request.number("w"))
            return Response([], 202 if outcome.accepted else 201)
        updates = [Update.of_json(doc, doc.get("_id") or uuid.uuid4().hex) for doc in docs]
        outcome = self._database.edit(updates, request.number("w"))
        rows = [_bulk_row(updates[index].id, verdict) for index, verdict in enumerate(outcome.verdicts)]
        return Response(rows, 202 if outcome.accepted else 201)

    def _replicated(self, doc: Any) -> Update:
        update = Update.of_json(doc)
        if not update.path[1]:
            raise bad_request("Document rev is missing, and new_edits is false")
        return update

    def _all_docs(self, request: Request) -> Response:
        keys = self._keys(request)
        if keys is not None:
            rows = [self._key_row(key, request.flag("include_docs")) for key in keys]
            return _rows(sum(info["doc_count"] for _holder, info in self._database.info().values()), None, rows)
        backwards = request.flag("descending")
        first, last = _bound(request, "start", "startkey"), _bound(request, "end", "endkey")
        if request.query.get("key"):
            first = last = _json_text(request.query["key"])
        if backwards:
            first, last = last, first
        total, found = self._database.all_docs(first or "", last or LAST_ID)
        if backwards:
            found.reverse()
        skip, limit = request.number("skip") or 0, request.number("limit")
        shown = found[skip : None if limit is None else skip + limit]
        return _rows(total, min(skip, total), [_row(doc_id, leaf, request) for doc_id, leaf in shown])

    def _keys(self, request: Request) -> list[Any] | None:
        if request.method == "POST":
            keys = request.json_object().get("keys")
        elif request.method == "GET":
            keys = json.loads(request.query.get("keys", "null"))
        else:
            raise not_allowed("GET,HEAD,POST")
        if keys is not None and not isinstance(keys, list):
            raise bad_request("`keys` body member must be an array.")
        return keys

    def _key_row(self, key: Any, include_docs: bool) -> dict[str, Any]:
        document = self._database.document(str(key))
        if document is None:
            return {"key": key, "error": "not_found"}
        leaf = document.winner
        if leaf.deleted:
            return {"id": key, "key": key, "value": {"rev": leaf.rev, "deleted": True}, "doc": None}
        row = {"id": key, "key": key, "value": {"rev": leaf.rev}}
        return {**row, "doc": leaf.to_json(document.id)} if include_docs else row

    def _changes(self, request: Request) -> Response:
        if request.method not in ("GET", "POST"):
            raise not_allowed("GET,HEAD,POST")
        if request.query.get("feed", "normal") != "normal" or request.flag("descending"):
            raise CouchError(501, "not_implemented", "the stand-in knows the normal feed only, and only forwards")
        limit = request.number("limit")
        since = request.query.get("since", "0")
        feed = self._database.changes(self._position(since), NO_LIMIT if limit is None else limit)
        at = dict(feed.begin)
        rows = []
        for change in feed.changes:
            at[change.range] = change.position
            rows.append(to_json(_change_row(sequences.pack(at), change, request)))
        tail = f'"last_seq":{to_json(sequences.pack(feed.end))},"pending":{feed.pending}}}\n'
        return Response('{"results":[\n' + ",\n".join(rows) + "\n],\n" + tail, is_text=True)

    def _position(self, since: str) -> dict[str, Position]:
        if since != "now":
            return sequences.unpack(since)
        return _positions(self._database)

    def _document_request(self, request: Request, doc_id: str) -> Response:
        if request.method == "GET":
            return self._local(doc_id) if doc_id.startswith("_local/") else self._document(request, doc_id)
        if request.method == "PUT":
            return self._edit(request, Update.of_json(self._with_rev(request, request.json_object()), doc_id))
        if request.method == "DELETE":
            return self._edit(request, Update.of_json(self._with_rev(request, {"_deleted": True}), doc_id))
        raise not_allowed("DELETE,GET,HEAD,POST,PUT,COPY")

    def _with_rev(self, request: Request, content: dict[str, Any]) -> dict[str, Any]:
        rev = request.query.get("rev") or request.headers.get("if-match", "").strip('"')
        return {**content, "_rev": rev} if rev else content

    def _local(self, doc_id: str) -> Response:
        doc = self._database.local_document(doc_id)
        if doc is None:
            raise not_found()
        return Response(doc)

    def _document(self, request: Request, doc_id: str) -> Response:
        document = self._database.document(doc_id, request.number("r"))
        if "open_revs" in request.query:
            return Response(_open_revs(document, request.query["open_revs"]))
        if document is None:
            raise not_found()
        if "rev" in request.query:
            leaf = document.leaf(parse_rev(request.query["rev"]))
            if leaf is None:
                raise not_found()
        else:
            leaf = document.winner
            if leaf.deleted:
                raise not_found("deleted")
        return Response(_doc_json(document, leaf, request), headers={"ETag": f'"{leaf.rev}"'})

    def _edit(self, request: Request, update: Update) -> Response:
        if update.id.startswith("_design/") and not request.user.is_admin:
            raise unauthorized("You are not a db or server admin.")
        if request.query.get("new_edits") == "false":
            outcome = self._database.take([self._replicated_edit(update)], request.number("w"))
            outcome = fabric.Outcome([(verdict[0], update.leaf().rev, *verdict[2:]) for verdict in outcome.verdicts])
        else:
            outcome = self._database.edit([update], request.number("w"))
        [[kind, *told]] = outcome.verdicts
        if kind == "error":
            raise CouchError(*told)
        status = 202 if outcome.accepted else 200 if request.method == "DELETE" else 201
        return Response({"ok": True, "id": update.id, "rev": told[0]}, status, {"ETag": f'"{told[0]}"'})

    def _replicated_edit(self, update: Update) -> Update:
        if not update.path[1]:
            raise bad_request("Document rev is missing, and new_edits is false")
        return update


def database_info(database: Database, name: str) -> dict[str, Any]:
    """What all ranges together are, as one copy of each tells it."""
    parts = database.info()
    infos = [info for _holder, info in parts.values()]
    positions = {range_: Position(holder, info["uuid"], info["update_seq"]) for range_, (holder, info) in parts.items()}
    start = {range_: Position(at.node, at.uuid, 0) for range_, at in positions.items()}
    shard_map = database.map
    return {
        "instance_start_time": shard_map.suffix[1:],
        "db_name": name,
        "purge_seq": sequences.pack(start),
        "update_seq": sequences.pack(positions),
        "sizes": {kind: sum(info["sizes"][kind] for info in infos) for kind in ("file", "external", "active")},
        "props": {},
        "doc_del_count": sum(info["doc_del_count"] for info in infos),
        "doc_count": sum(info["doc_count"] for info in infos),
        "disk_format_version": 8,
        "compact_running": False,
        "cluster": {"q": shard_map.q, "n": shard_map.n, "w": shard_map.quorum, "r": shard_map.quorum},
    }


def _positions(database: Database) -> dict[str, Position]:
    return {
        range_: Position(holder, info["uuid"], info["update_seq"]) for range_, (holder, info) in database.info().items()
    }


def _bulk_row(doc_id: str, verdict: tuple[Any, ...]) -> dict[str, Any]:
    if verdict[0] == "error":
        return {"id": doc_id, "error": verdict[2], "reason": verdict[3]}
    accepted = {"accepted": True} if verdict[0] == "accepted" else {}
    return {"ok": True, "id": doc_id, "rev": verdict[1], **accepted}


def _row(doc_id: str, leaf: Leaf, request: Request) -> dict[str, Any]:
    row = {"id": doc_id, "key": doc_id, "value": {"rev": leaf.rev}}
    return {**row, "doc": leaf.to_json(doc_id)} if request.flag("include_docs") else row


def _rows(total: int, offset: int | None, rows: list[dict[str, Any]]) -> Response:
    head = f'{{"total_rows":{total},"offset":{to_json(offset)},"rows":[\r\n'
    return Response(head + ",\r\n".join(map(to_json, rows)) + "\r\n]}\n", is_text=True)


def _change_row(seq: str, change: Change, request: Request) -> dict[str, Any]:
    document = change.document
    leaves = document.leaves if request.query.get("style") == "all_docs" else document.leaves[:1]
    row: dict[str, Any] = {"seq": seq, "id": document.id, "changes": [{"rev": leaf.rev} for leaf in leaves]}
    if document.deleted:
        row["deleted"] = True
    return {**row, "doc": document.winner.to_json(document.id)} if request.flag("include_docs") else row


def _doc_json(document: Document, leaf: Leaf, request: Request) -> dict[str, Any]:
    doc = leaf.to_json(document.id)
    others = [other.rev for other in document.leaves if other is not leaf and not other.deleted]
    if request.flag("conflicts") and others:
        doc["_conflicts"] = others
    if request.flag("revs"):
        doc["_revisions"] = {"start": leaf.generation, "ids": list(leaf.path)}
    return doc


def _open_revs(document: Document | None, wanted: str) -> list[dict[str, Any]]:
    if wanted == "all":
        return [{"ok": leaf.to_json(document.id)} for leaf in document.leaves] if document else []
    found = [(rev, document.leaf(parse_rev(rev)) if document else None) for rev in json.loads(wanted)]
    return [{"ok": leaf.to_json(document.id)} if document and leaf else {"missing": rev} for rev, leaf in found]


def _bound(request: Request, short: str, name: str) -> str | None:
    value = request.query.get(name, request.query.get(f"{short}_key"))
    return _json_text(value) if value else None


def _json_text(value: str) -> str:
    try:
        return str(json.loads(value))
    except ValueError as error:
        raise CouchError(400, "query_parse_error", "Invalid value for a key, which must be JSON") from error
