# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points, in and out."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import time
from collections import OrderedDict

from influxdb_sim import durations
from influxdb_sim import query as language
from influxdb_sim.errors import ApiError
from influxdb_sim.handlers import Part, content
from influxdb_sim.server import Request, Response  # noqa: F401 (read by type comments)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List  # noqa: F401 (read by type comments)

PRECISIONS = {"s": durations.SECOND, "m": 1000, "ms": 1000, "u": 1}
LISTED = "list_series_result"


class Series(Part):
    """Points, in and out."""

    def write(self, request, db):
        # type: (Request, str) -> Response
        self._need_database(db)
        precision, now = _precision(request), int(time.time() * durations.SECOND)
        for series in content(request):
            points = [_point(series["columns"], row, precision, now) for row in series["points"]]
            self._node.coordinator.write(db, series["name"], points)
        return Response(200)

    def drop(self, _request, db, name):
        # type: (Request, str, str) -> Response
        self._node.coordinator.delete(db, name)
        return Response(204)

    def continuous_queries(self, _request, db):
        # type: (Request, str) -> Response
        return Response(200, self._configuration.queries.get(db, []))

    def query(self, request, db):
        # type: (Request, str) -> Response
        text = request.query.get("q", "")
        name = request.query.get("u", "")
        place = "coordinator.(*CoordinatorImpl).RunQuery:81"
        self._node.log.info(place, "Start Query: db: %s, u: %s, q: %s" % (db, name, text))
        try:
            query = language.parse(text, time.time())
        except ValueError as error:
            raise ApiError(400, "%s" % error)
        answers = {"select": self._select, "list": self._list, "delete": self._delete, "drop": self._delete}
        return Response(200, answers[query.kind](db, text, query, _precision(request)))

    def _select(self, database, text, query, precision):
        # type: (str, str, language.Query, int) -> List[Dict[str, Any]]
        names = [name for name in self._node.coordinator.names(database) if query.wants(name)]
        if not names and not query.is_regex and self._node.release.has_spaces:
            raise ApiError(400, self._node.release.unknown_series(query.series))
        points = self._node.coordinator.points
        tables = [(name,) + query.table(points(database, name, names, query.start, query.end)) for name in names]
        if query.into:
            self._go_on(database, text, query, tables)
            return []
        return [
            _result(name, columns, [[row[0] // precision] + row[1:] for row in rows])
            for name, columns, rows in tables
            if rows
        ]

    def _go_on(self, database, text, query, tables):
        # type: (str, str, language.Query, List[Any]) -> None
        """Make a query a continuous one: what it finds now is written now, and what comes later never."""
        self._raft.propose("create_query", database=database, query=text)
        for _name, columns, rows in tables if query.interval else []:
            points = [(row[0], 1, dict(zip(columns[1:], row[1:]))) for row in rows]
            self._node.coordinator.write(database, query.into, points)

    def _list(self, database, _text, query, _precision):
        # type: (str, str, language.Query, int) -> List[Dict[str, Any]]
        coordinator = self._node.coordinator
        if not self._node.release.has_spaces:
            return [_result(name, language.KEYS, []) for name in _limited(coordinator.listed_names(database), query)]
        names = _limited(sorted(coordinator.names(database)), query)
        columns = ("time", "name") if names else ("time", "sequence_number", "name")
        return [_result(LISTED, columns, [[0, name] for name in names])]

    def _delete(self, database, _text, query, _precision):
        # type: (str, str, language.Query, int) -> List[Dict[str, Any]]
        for name in self._node.coordinator.names(database):
            if query.wants(name):
                self._node.coordinator.delete(database, name, query.start, query.end)
        return []


def _precision(request):
    # type: (Request) -> int
    name = request.query.get("time_precision", "ms")
    if name not in PRECISIONS:
        raise ApiError(400, "Unknown time precision %s" % name)
    return PRECISIONS[name]


def _point(columns, row, precision, now):
    # type: (List[str], List[Any], int, int) -> Any
    """Time in microseconds, sequence number (0 where there is none yet), values without those that are null."""
    values = {name: value for name, value in zip(columns, row) if value is not None}
    moment = values.pop("time", None)
    number = int(values.pop("sequence_number", 0))
    return now if moment is None else int(moment * precision), number, values


def _limited(names, query):
    # type: (List[str], language.Query) -> List[str]
    wanted = [name for name in names if query.wants(name)]
    return wanted[: query.limit] if query.limit else wanted


def _result(name, columns, rows):
    # type: (str, Any, List[Any]) -> Dict[str, Any]
    return OrderedDict([("name", name), ("columns", list(columns)), ("points", rows)])
