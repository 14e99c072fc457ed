# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases, their users, and the administrators of the cluster."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

from collections import OrderedDict

from influxdb_sim import users
from influxdb_sim.errors import ApiError
from influxdb_sim.handlers import Part, content
from influxdb_sim.server import Request, Response  # noqa: F401 (read by type comments)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict  # noqa: F401 (read by type comments)


class Databases(Part):
    """Databases and their users."""

    def all(self, _request):
        # type: (Request) -> Response
        return Response(200, [{"name": name} for name in self._configuration.databases])

    def create(self, request):
        # type: (Request) -> Response
        name = content(request).get("name", "")
        if not name:
            raise ApiError(400, "database name cannot be blank")
        if name in self._configuration.databases:
            raise ApiError(409, "database %s exists" % name)
        self._raft.propose("create_database", name=name)
        return Response(201)

    def drop(self, _request, db):
        # type: (Request, str) -> Response
        self._need_database(db)
        self._node.coordinator.delete(db)
        self._raft.propose("drop_database", name=db)
        return Response(204)

    def users(self, _request, db):
        # type: (Request, str) -> Response
        return Response(200, [self._shown(user) for user in self._configuration.users.get(db, {}).values()])

    def create_user(self, request, db):
        # type: (Request, str) -> Response
        self._need_database(db)
        wanted = content(request)
        user = users.new(
            wanted.get("name", ""),
            wanted.get("password", ""),
            isAdmin=bool(wanted.get("isAdmin")),
            writeTo=wanted.get("writeTo") or users.EVERYTHING,
            readFrom=wanted.get("readFrom") or users.EVERYTHING,
        )
        if user["name"] in self._configuration.users.get(db, {}):
            raise ApiError(400, "User %s already exists" % user["name"])
        self._raft.propose("save_user", database=db, user=user)
        return Response(200)

    def update_user(self, request, db, name):
        # type: (Request, str, str) -> Response
        wanted, user = content(request), dict(self._user(db, name))
        if "password" in wanted:
            user["hash"] = users.hashed(wanted["password"])
        if "admin" in wanted:
            user["isAdmin"] = bool(wanted["admin"])
        self._raft.propose("save_user", database=db, user=user)
        return Response(200)

    def drop_user(self, _request, db, name):
        # type: (Request, str, str) -> Response
        self._user(db, name)
        self._raft.propose("drop_user", database=db, name=name)
        return Response(200)

    def _user(self, database, name):
        # type: (str, str) -> Dict[str, Any]
        user = self._configuration.users.get(database, {}).get(name)
        if not user:
            raise ApiError(400, "Invalid username %s" % name)
        return user

    def _shown(self, user):
        # type: (Dict[str, Any]) -> Dict[str, Any]
        rights = ("writeTo", "readFrom") if self._node.release.has_spaces else ()
        return OrderedDict((field, user[field]) for field in ("name", "isAdmin") + rights)


class ClusterAdmins(Part):
    """Those who may do everything."""

    def all(self, _request):
        # type: (Request) -> Response
        return Response(200, [{"name": name} for name in self._configuration.cluster_admins])

    def create(self, request):
        # type: (Request) -> Response
        wanted = content(request)
        user = users.new(wanted.get("name", ""), wanted.get("password", ""))
        if user["name"] in self._configuration.cluster_admins:
            raise ApiError(400, "User %s already exists" % user["name"])
        self._raft.propose("save_cluster_admin", user=user)
        return Response(200)

    def update(self, request, name):
        # type: (Request, str) -> Response
        self._need(name)
        self._raft.propose("save_cluster_admin", user=users.new(name, content(request).get("password", "")))
        return Response(200)

    def drop(self, _request, name):
        # type: (Request, str) -> Response
        self._need(name)
        self._raft.propose("drop_cluster_admin", name=name)
        return Response(200)

    def _need(self, name):
        # type: (str) -> None
        if name not in self._configuration.cluster_admins:
            raise ApiError(400, "Invalid username %s" % name)
