# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP API at port 8086."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

from influxdb_sim import users
from influxdb_sim.errors import ApiError
from influxdb_sim.handlers_cluster import Cluster, ShardSpaces
from influxdb_sim.handlers_series import Series
from influxdb_sim.handlers_users import ClusterAdmins, Databases
from influxdb_sim.server import Request, Response  # noqa: F401 (read by type comments)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple  # noqa: F401 (read by type comments)

    from influxdb_sim.node import Node  # noqa: F401 (read by type comments)

ANYBODY, CLUSTER_ADMIN, DATABASE_USER = "anybody", "cluster admin", "database user"
HEADERS = {
    "Access-Control-Allow-Headers": "Origin, X-Requested-With, Content-Type, Accept",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Max-Age": "2592000",
}


class Api:
    """Finds the handler of a request, and asks who sends it."""

    def __init__(self, node):
        # type: (Node) -> None
        self._node = node
        self._routes = [
            (method, path.strip("/").split("/"), handler, who) for method, path, handler, who in self._table()
        ]

    def _table(self):
        # type: () -> List[Tuple[str, str, Callable[..., Response], str]]
        node = self._node
        databases, series, admins, cluster = Databases(node), Series(node), ClusterAdmins(node), Cluster(node)
        table = [
            ("GET", "/ping", lambda _request: Response(200, '{"status":"ok"}'), ANYBODY),
            ("GET", "/interfaces", cluster.interfaces, ANYBODY),
            ("GET", "/db", databases.all, CLUSTER_ADMIN),
            ("POST", "/db", databases.create, CLUSTER_ADMIN),
            ("DELETE", "/db/:db", databases.drop, CLUSTER_ADMIN),
            ("GET", "/db/:db/authenticate", lambda _request, db: Response(200), DATABASE_USER),
            ("GET", "/db/:db/series", series.query, DATABASE_USER),
            ("POST", "/db/:db/series", series.write, DATABASE_USER),
            ("DELETE", "/db/:db/series/:name", series.drop, DATABASE_USER),
            ("GET", "/db/:db/continuous_queries", series.continuous_queries, DATABASE_USER),
            ("GET", "/db/:db/users", databases.users, CLUSTER_ADMIN),
            ("POST", "/db/:db/users", databases.create_user, CLUSTER_ADMIN),
            ("POST", "/db/:db/users/:name", databases.update_user, CLUSTER_ADMIN),
            ("DELETE", "/db/:db/users/:name", databases.drop_user, CLUSTER_ADMIN),
            ("GET", "/cluster_admins", admins.all, CLUSTER_ADMIN),
            ("POST", "/cluster_admins", admins.create, CLUSTER_ADMIN),
            ("GET", "/cluster_admins/authenticate", lambda _request: Response(200), CLUSTER_ADMIN),
            ("POST", "/cluster_admins/:name", admins.update, CLUSTER_ADMIN),
            ("DELETE", "/cluster_admins/:name", admins.drop, CLUSTER_ADMIN),
            ("GET", "/cluster/servers", cluster.servers, CLUSTER_ADMIN),
            ("GET", "/cluster/shards", cluster.shards, CLUSTER_ADMIN),
        ]  # type: List[Tuple[str, str, Callable[..., Response], str]]
        if node.release.has_spaces:
            spaces = ShardSpaces(node)
            table += [
                ("GET", "/cluster/shard_spaces", spaces.all, CLUSTER_ADMIN),
                ("POST", "/cluster/shard_spaces/:db", spaces.create, CLUSTER_ADMIN),
                ("POST", "/cluster/shard_spaces/:db/:name", spaces.update, CLUSTER_ADMIN),
                ("DELETE", "/cluster/shard_spaces/:db/:name", spaces.remove, CLUSTER_ADMIN),
            ]
        if node.release.migrates:
            table.append(("POST", "/cluster/migrate_data", cluster.migrate, CLUSTER_ADMIN))
        return table

    def respond(self, request):
        # type: (Request) -> Response
        try:
            response = self._respond(request)
        except ApiError as error:
            headers = {"Www-Authenticate": 'Basic realm="influxdb"'} if error.status == 401 else {}
            response = Response(error.status, error.text, headers=headers)
        response.headers.update(HEADERS)
        response.headers["X-Influxdb-Version"] = self._node.release.banner
        return response

    def _respond(self, request):
        # type: (Request) -> Response
        found = [route for route in self._routes if _matches(route[1], request.parts)]
        if not found:
            raise ApiError(404, "404 page not found\n")
        # A name in the path is taken for one only where no route has that word.
        found.sort(key=lambda route: sum(part.startswith(":") for part in route[1]))
        for method, path, handler, who in found:
            if method == request.method:
                names = {key[1:]: value for key, value in zip(path, request.parts) if key.startswith(":")}
                self._authorize(request, who, names.get("db", ""))
                return handler(request, **names)
        raise ApiError(405, "Method Not Allowed\n")

    def _authorize(self, request, who, database):
        # type: (Request, str, str) -> None
        if who == ANYBODY:
            return
        name, password = users.credentials(request.query, request.headers.get("authorization", ""))
        configuration = self._node.configuration
        known = [configuration.cluster_admins.get(name)]
        if who == DATABASE_USER:
            known.append(configuration.users.get(database, {}).get(name))
        if not any(users.matches(user, password) for user in known):
            raise ApiError(401, users.WRONG)


def _matches(path, parts):
    # type: (List[str], List[str]) -> bool
    return len(path) == len(parts) and all(
        key == part or (key.startswith(":") and part) for key, part in zip(path, parts)
    )
