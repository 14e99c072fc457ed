# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clustered HTTP API but for what belongs to a database."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from couchdb_sim.chttpd_db import DatabaseRequests
from couchdb_sim.errors import (
    CouchError,
    MaintenanceMode,
    NodeDown,
    bad_request,
    in_maintenance,
    not_allowed,
    not_found,
    unauthorized,
)
from couchdb_sim.node import Node
from couchdb_sim.release import APACHE, COMMITS
from couchdb_sim.server import Request, Response

TIMEOUT = 60
OPEN = ("", "_up", "_session", "_uuids")


class Chttpd:
    """Answers requests on the clustered port of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._databases = DatabaseRequests(node)
        self._handlers: dict[str, Callable[[Request], Response]] = {
            "": self._welcome,
            "_up": self._up,
            "_session": self._session,
            "_uuids": self._uuids,
            "_all_dbs": self._all_dbs,
            "_membership": self._membership,
            "_active_tasks": self._active_tasks,
            "_node": self._node_request,
        }
        if node.release.since(2, 2):
            self._handlers["_dbs_info"] = self._databases.infos

    def respond(self, request: Request) -> Response:
        name = request.parts[0]
        if name != "_session" or request.method == "GET":
            user = self._node.auth.user(request.headers.get("authorization", ""), request.cookie)
            request = dataclasses.replace(request, user=user)
        self._authorize(request)
        handler = self._handlers.get(name, self._databases.respond)
        try:
            return handler(request)
        except MaintenanceMode as error:
            raise in_maintenance(str(error)) from error

    def _authorize(self, request: Request) -> None:
        name = request.parts[0]
        if request.user.is_admin:
            return
        if self._requires_user(name):
            raise unauthorized("Authentication required.")
        if name in self._handlers and name not in OPEN and (self._node.release.since(3) or name == "_node"):
            raise unauthorized()

    def _requires_user(self, name: str) -> bool:
        settings = {**self._node.config.section(self._node.auth.section), **self._node.config.section("chttpd")}
        up_is_open = settings.get("require_valid_user_except_for_up") == "true"
        return settings.get("require_valid_user") == "true" and name not in ("_session", "_up" if up_is_open else "")

    def _welcome(self, request: Request) -> Response:
        _only(request, "GET")
        release = self._node.release
        vendor = self._node.config.section("vendor") or {"name": APACHE}
        answer: dict[str, Any] = {"couchdb": "Welcome", "version": release.version}
        if vendor["name"] != APACHE:
            return Response({**answer, "vendor": vendor, "features": ["geo"]})
        if release.since(2, 2):
            answer["git_sha"] = COMMITS.get(release.version, "0000000")
        if release.since(2, 3):
            answer["uuid"] = self._node.uuid
        if release.features:
            answer["features"] = release.features
        return Response({**answer, "vendor": vendor})

    def _up(self, request: Request) -> Response:
        _only(request, "GET")
        status = {"true": "maintenance_mode", "nolb": "nolb"}.get(self._node.maintenance)
        if status:
            return Response({"status": status}, 404)
        return Response({"status": "ok", "seeds": {}} if self._node.release.since(2, 3) else {"status": "ok"})

    def _session(self, request: Request) -> Response:
        if request.method == "POST":
            return self._login(request)
        if request.method == "DELETE":
            return Response({"ok": True}, headers={"Set-Cookie": "AuthSession=; Version=1; Path=/; HttpOnly"})
        _only(request, "GET", "GET,HEAD,POST,DELETE")
        user = request.user
        info: dict[str, Any] = {"authentication_handlers": ["cookie", "default"]}
        if user.handler:
            info["authenticated"] = user.handler
        return Response({"ok": True, "userCtx": {"name": user.name, "roles": list(user.roles)}, "info": info})

    def _login(self, request: Request) -> Response:
        if request.headers.get("content-type", "").startswith("application/json"):
            form = request.json_object()
        else:
            form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
        name = str(form.get("name", form.get("username", "")))
        user = self._node.auth.login(name, str(form.get("password", "")), "cookie")
        answer = {"ok": True, "name": user.name, "roles": list(user.roles)}
        return Response(answer, headers={"Set-Cookie": self._node.auth.cookie(name)})

    def _uuids(self, request: Request) -> Response:
        _only(request, "GET")
        return Response({"uuids": [uuid.uuid4().hex for _number in range(request.number("count") or 1)]})

    def _all_dbs(self, request: Request) -> Response:
        """The list is a database of this node alone, which in maintenance does not serve it."""
        _only(request, "GET")
        if self._node.maintenance == "true":
            raise in_maintenance(self._node.name)
        account = self._node.account
        return Response([name[len(account) :] for name in self._node.databases() if name.startswith(account)])

    def _membership(self, request: Request) -> Response:
        _only(request, "GET")
        return Response({"all_nodes": self._node.connected(), "cluster_nodes": sorted(self._node.members())})

    def _active_tasks(self, request: Request) -> Response:
        """Internal replication is no task, and the stand-in has no others."""
        _only(request, "GET")
        return Response([])

    def _node_request(self, request: Request) -> Response:
        if len(request.parts) == 1:
            raise bad_request("Incomplete path to _node request")
        name, rest = request.parts[1], request.parts[2:]
        if name == "_local" and self._node.release.since(2, 2):
            if not rest:
                return Response({"name": self._node.name})
            name = self._node.name
        if not rest or rest[0] not in ("_config", "_system", "_versions"):
            status, body = self._call(name, "backdoor", request.method, rest or [""], request.query, _text(request))
            return Response(body, status)
        if rest[0] == "_config":
            return self._config(request, name, rest[1:])
        _only(request, "GET")
        if rest[0] == "_system":
            return Response(self._call(name, "system"))
        return Response(
            {"erlang": {"version": self._call(name, "erlang_version")}, "javascript_engine": {"name": "none"}}
        )

    def _call(self, name: str, function: str, *arguments: Any) -> Any:
        """Ask one node, which may be this one."""
        if name not in self._node.distribution.seen:
            raise not_found(f"no such node: {name}")
        try:
            return self._node.distribution.call(name, function, *arguments).result(TIMEOUT)
        except NodeDown as error:
            raise CouchError(412, "nodedown", f"{name} is down") from error

    def _config(self, request: Request, name: str, path: list[str]) -> Response:
        if len(path) > 2:
            raise not_found()
        if len(path) == 2:
            return self._setting(request, name, *path)
        _only(request, "GET")
        settings = self._call(name, "config")
        return Response(settings.get(path[0], {}) if path else settings)

    def _setting(self, request: Request, name: str, section: str, key: str) -> Response:
        persist = request.headers.get("x-couch-persist") != "false"
        if request.method == "PUT":
            return Response(self._call(name, "set_config", section, key, self._new_value(request), persist))
        if request.method == "DELETE":
            former = self._call(name, "delete_config", section, key, persist)
        else:
            _only(request, "GET", "GET,PUT,DELETE")
            former = self._call(name, "config").get(section, {}).get(key)
        if former is None:
            raise not_found("unknown_config_value")
        return Response(former)

    def _new_value(self, request: Request) -> str:
        value = request.json()
        if isinstance(value, str):
            return value.strip()
        if self._node.release.since(3, 4):
            raise bad_request("a JSON string expected")
        raise CouchError(500, "unknown_error", "function_clause", with_reference=True)


def _only(request: Request, method: str, methods: str = "") -> None:
    if request.method != method:
        raise not_allowed(methods or ("GET,HEAD" if method == "GET" else method))


def _text(request: Request) -> str:
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_request("invalid UTF-8 JSON") from error
