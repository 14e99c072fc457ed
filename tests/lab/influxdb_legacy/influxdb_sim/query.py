# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language, as far as it is needed to look at data, to compare it and to remove it."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import calendar
import re
import time

from influxdb_sim import durations
from influxdb_sim.configuration import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)

    from influxdb_sim.leveldb import Point  # noqa: F401 (read by type comments)

TOKEN = re.compile(
    r"""\s*(?:
    (?P<regex>/(?:[^/\\]|\\.)*/i?) | "(?P<quoted>(?:[^"\\]|\\.)*)" | '(?P<string>[^']*)'
    | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:ms|[usmhdwy])?\b) | (?P<word>[A-Za-z_][\w.-]*)
    | (?P<sign><>|!=|>=|<=|[=<>(),*;-])
    )""",
    re.VERBOSE | re.UNICODE,
)
FOREVER = 2**62
KEYS = ("time", "sequence_number")
AGGREGATES = {
    "count": lambda values: float(len(values)),
    "sum": sum,
    "mean": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "first": lambda values: values[-1],
    "last": lambda values: values[0],
}  # type: Dict[str, Callable[[List[Any]], Any]]
COMPARISONS = {
    "=": lambda found, wanted: found == wanted,
    "<>": lambda found, wanted: found != wanted,
    "!=": lambda found, wanted: found != wanted,
    ">": lambda found, wanted: found > wanted,
    "<": lambda found, wanted: found < wanted,
    ">=": lambda found, wanted: found >= wanted,
    "<=": lambda found, wanted: found <= wanted,
}  # type: Dict[str, Callable[[Any, Any], bool]]


class Query:
    """One statement: `kind` is select, list, delete or drop."""

    def __init__(self, kind):
        # type: (str) -> None
        self.kind = kind
        self.series = "/.*/"
        self.columns = []  # type: List[str]
        self.aggregate = ""
        self.start, self.end = -FOREVER, FOREVER
        self.conditions = []  # type: List[Tuple[str, str, Any]]
        self.interval = 0
        self.limit = 0
        self.ascending = False
        self.into = ""

    @property
    def is_regex(self):
        # type: () -> bool
        return self.series.startswith("/")

    def wants(self, series):
        # type: (str) -> bool
        return bool(regex(self.series).search(series)) if self.is_regex else series == self.series

    def table(self, points):
        # type: (List[Point]) -> Tuple[List[str], List[List[Any]]]
        """Names of columns, and rows with times in microseconds; the points come with the latest first."""
        points = [point for point in points if self._keeps(point)]
        if self.ascending:
            points.reverse()
        columns, rows = self._aggregated(points) if self.aggregate else self._plain(points)
        return columns, rows[: self.limit] if self.limit else rows

    def _keeps(self, point):
        # type: (Point) -> bool
        moment, number, values = point
        known = dict(values, sequence_number=number)
        return self.start <= moment <= self.end and all(
            known.get(column) is not None and COMPARISONS[sign](known[column], wanted)
            for column, sign, wanted in self.conditions
        )

    def _plain(self, points):
        # type: (List[Point]) -> Tuple[List[str], List[List[Any]]]
        names = [name for name in self.columns if name not in KEYS]
        if not names:
            names = sorted({name for _time, _number, values in points for name in values})
        rows = [[moment, number] + [values.get(name) for name in names] for moment, number, values in points]
        return list(KEYS) + names, [row for row in rows if row[2:].count(None) < len(names)]

    def _aggregated(self, points):
        # type: (List[Point]) -> Tuple[List[str], List[List[Any]]]
        [column] = self.columns
        buckets = []  # type: List[Tuple[int, List[Any]]]
        for moment, _number, values in points:
            start = moment // self.interval * self.interval if self.interval else 0
            if values.get(column) is None:
                continue
            if not buckets or buckets[-1][0] != start:
                buckets.append((start, []))
            buckets[-1][1].append(values[column])
        return ["time", self.aggregate], [[start, AGGREGATES[self.aggregate](found)] for start, found in buckets]


def parse(text, now):
    # type: (str, float) -> Query
    """A statement as a query; ValueError where it is not understood."""
    return _Parser(text, now).query()


class _Parser:
    def __init__(self, text, now):
        # type: (str, float) -> None
        self._text, self._now = text.strip().rstrip(";"), now
        self._place = 0
        self.kind, self.token = "", ""
        self._next()

    def query(self):
        # type: () -> Query
        verbs = {"select": self._select, "list": self._list, "delete": self._delete, "drop": self._drop}
        verb = self._word()
        if verb not in verbs:
            raise self._error()
        query = Query(verb)
        verbs[verb](query)
        if self.kind:
            raise self._error()
        return query

    def _select(self, query):
        # type: (Query) -> None
        self._read_columns(query)
        self._expect("from")
        query.series = self._name(with_regex=True)
        clauses = {"where": self._where, "group": self._group, "limit": self._limit, "order": self._order}
        clauses["into"] = self._into
        while self.token.lower() in clauses and self.kind == "word":
            clauses[self._word()](query)

    def _list(self, query):
        # type: (Query) -> None
        self._expect("series")
        if self.kind == "regex":
            query.series = self._name(with_regex=True)
        if self.token.lower() == "limit":
            self._next()
            self._limit(query)

    def _delete(self, query):
        # type: (Query) -> None
        self._expect("from")
        query.series = self._name(with_regex=True)
        if self.token.lower() == "where":
            self._next()
            self._where(query)
        if query.conditions:
            raise ValueError("Delete queries can't have where clause that don't reference time")

    def _drop(self, query):
        # type: (Query) -> None
        self._expect("series")
        query.series = self._name(with_regex=False)

    def _read_columns(self, query):
        # type: (Query) -> None
        if self.token == "*":
            self._next()
            return
        query.columns.append(self._name(with_regex=False))
        if self.token == "(" and query.columns[0].lower() in AGGREGATES:
            self._next()
            query.aggregate = query.columns.pop().lower()
            query.columns.append(self._name(with_regex=False))
            self._expect(")")
            return
        while self.token == ",":
            self._next()
            query.columns.append(self._name(with_regex=False))

    def _where(self, query):
        # type: (Query) -> None
        self._condition(query)
        while self.token.lower() == "and":
            self._next()
            self._condition(query)

    def _condition(self, query):
        # type: (Query) -> None
        column = self._name(with_regex=False)
        sign = self.token
        if sign not in COMPARISONS:
            raise self._error()
        self._next()
        if column != "time":
            query.conditions.append((column, sign, self._value()))
            return
        moment = self._moment()
        if sign[0] in ">=":
            query.start = max(query.start, moment + (sign == ">"))
        if sign[0] in "<=":
            query.end = min(query.end, moment - (sign == "<"))

    def _value(self):
        # type: () -> Any
        kind, token = self.kind, self.token
        self._next()
        if kind == "number":
            return float(token)
        if kind == "word" and token.lower() in ("true", "false"):
            return token.lower() == "true"
        if kind != "string":
            raise self._error()
        return token

    def _moment(self):
        # type: () -> int
        """A time in microseconds: a number, a date, or now() and a span."""
        kind, token = self.kind, self.token
        self._next()
        if kind == "string":
            date, _dot, fraction = token.partition(".")
            form = "%Y-%m-%d %H:%M:%S" if " " in date else "%Y-%m-%d"
            whole = calendar.timegm(time.strptime(date, form))
            return whole * durations.SECOND + int(fraction.ljust(6, "0")[:6] or 0)
        if kind == "number":
            return int(token) if token.lstrip("-").isdigit() else durations.microseconds(token)
        if token.lower() != "now":
            raise self._error()
        self._expect("(")
        self._expect(")")
        moment = int(self._now * durations.SECOND)
        if self.token == "-":
            self._next()
            moment -= durations.microseconds(self._pop("number"))
        return moment

    def _group(self, query):
        # type: (Query) -> None
        for word in ("by", "time", "("):
            self._expect(word)
        query.interval = durations.microseconds(self._pop("number"))
        self._expect(")")

    def _limit(self, query):
        # type: (Query) -> None
        query.limit = int(self._pop("number"))

    def _order(self, query):
        # type: (Query) -> None
        query.ascending = self._word() == "asc"

    def _into(self, query):
        # type: (Query) -> None
        query.into = self._name(with_regex=False)

    def _name(self, with_regex):
        # type: (bool) -> str
        kinds = ("word", "quoted", "regex") if with_regex else ("word", "quoted")
        if self.kind not in kinds:
            raise self._error()
        return self._pop(self.kind)

    def _word(self):
        # type: () -> str
        return self._pop("word").lower()

    def _pop(self, kind):
        # type: (str) -> str
        if self.kind != kind:
            raise self._error()
        token = self.token
        self._next()
        return token

    def _expect(self, word):
        # type: (str) -> None
        if self.token.lower() != word:
            raise self._error()
        self._next()

    def _next(self):
        # type: () -> None
        rest = self._text[self._place :]
        found = TOKEN.match(rest)
        if not found:
            self.kind, self.token = ("unknown", rest) if rest.strip() else ("", "")
            return
        self._place += found.end()
        self.kind = found.lastgroup or ""
        self.token = found.group(self.kind)
        if self.kind == "quoted":
            self.token = re.sub(r"\\(.)", r"\1", self.token)

    def _error(self):
        # type: () -> ValueError
        return ValueError("Error at 1:%d. syntax error near '%s'" % (self._place, self.token))
