# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the statistics of an HAProxy as CSV, from its page or its socket, and says which servers take requests."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import csv
import re
import socket

from ansible.module_utils.common.text.converters import to_bytes, to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http_session
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, Iterable, List, Optional, Set  # noqa: F401 (read by type comments)

    Row = Dict[str, Any]
except ImportError:  # Python 2.7 on the node has no typing
    pass

ARGUMENTS = {
    "url": {"type": "str"},
    "socket": {"type": "path"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 10},
}

FIRST_COLUMNS = "# pxname,svname,"
# The type column.
FRONTEND, BACKEND, SERVER = 0, 1, 2
# A server may be called 1; these columns are never numbers.
TEXTS = (
    "pxname",
    "svname",
    "status",
    "check_status",
    "last_chk",
    "check_desc",
    "agent_status",
    "last_agt",
    "agent_desc",
    "addr",
    "cookie",
    "mode",
    "algo",
)
# "MAINT (via backend/server)" and "DOWN 1/2" (checks pass again, not often enough yet) begin like MAINT and DOWN.
OUT = ("NOLB", "MAINT", "DRAIN", "DOWN")


def read(params):
    # type: (Dict[str, Any]) -> List[Row]
    """The rows of the page at url or behind the socket."""
    if params["socket"]:
        return parse(_ask_socket(params["socket"], params["timeout"]), params["socket"])
    return parse(_ask_page(params), params["url"])


def parse(text, source="HAProxy"):
    # type: (str, str) -> List[Row]
    """The rows by column name: numbers as numbers, empty as None. Columns that a release does not have are missing."""
    text = to_native(text)
    if not text.startswith(FIRST_COLUMNS):
        raise FleetError(
            "{0} answers with {1!r}".format(source, text[:40]),
            "the statistics of HAProxy as CSV, which begin with {0!r}".format(FIRST_COLUMNS),
            "check that the URL is the one of 'stats uri' in haproxy.cfg, or the path the one of 'stats socket'",
            reason="server",
        )
    lines = [line for line in csv.reader(text.lstrip("# ").splitlines()) if line]
    columns = lines[0]
    if any(len(line) != len(columns) for line in lines):
        raise FleetError(
            "The statistics of {0} are cut off".format(source),
            "{0} columns in each line".format(len(columns)),
            "read them again",
            reason="server",
        )
    return [{name: _value(name, cell) for name, cell in zip(columns, line) if name} for line in lines[1:]]


def _value(column, cell):
    # type: (str, str) -> Any
    if cell and column not in TEXTS and re.match(r"-?\d+$", cell):
        return int(cell)
    return cell or None


def frontends(rows):
    # type: (List[Row]) -> List[Row]
    return [row for row in rows if row["type"] == FRONTEND]


def backends(rows):
    # type: (List[Row]) -> List[Row]
    return [row for row in rows if row["type"] == BACKEND]


def servers(rows, backend):
    # type: (List[Row], str) -> List[Row]
    """The rows of the servers of a backend, which has to exist."""
    known = sorted(row["pxname"] for row in backends(rows))
    if backend not in known:
        raise FleetError(
            "HAProxy shows no backend {0}".format(backend),
            "one of: {0}".format(", ".join(known)) if known else "at least one backend",
            "correct the name of the backend, or the 'stats scope' of the page",
            reason="backend",
        )
    return [row for row in rows if row["type"] == SERVER and row["pxname"] == backend]


def is_out(row):
    # type: (Row) -> bool
    """Whether the server is given no new request. With a weight of 0 it is not either, though its status stays UP."""
    return row["status"].startswith(OUT) or row["weight"] == 0


def is_up(row):
    # type: (Row) -> bool
    """Whether the server is given requests and no check of it fails; "UP 1/3" is on its way down, and neither out nor up."""
    return row["status"] in ("UP", "no check") and not is_out(row)


def describe(row):
    # type: (Row) -> str
    """What a person sees of a server: "couchdb1 (10.0.0.1:5984) DOWN L7STS/404"."""
    address = " ({0})".format(row["addr"]) if row.get("addr") else ""
    check = "/".join(str(row[name]) for name in ("check_status", "check_code") if row.get(name) is not None)
    weight = "weight 0" if row["weight"] == 0 else ""
    return " ".join(part for part in (row["svname"] + address, row["status"], check, weight) if part)


def resolve(host):
    # type: (str) -> List[str]
    """The addresses of a name; none where it has none."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)]
    except socket.error:
        return []


def match(rows, host, port=None, names=(), resolve=resolve):
    # type: (List[Row], str, Optional[int], Iterable[str], Callable[[str], List[str]]) -> Row
    """The one of these servers that is the node: by its address, else by a name (host, its first label, or one of names).

    HAProxy shows addresses since 1.7, on a page with "stats show-legends" and by a socket of level operator or admin.
    """
    addressed = _at(rows, set([host.lower()] + resolve(host)), port)
    called = set(names) | set([host] if re.match(r"\d+\.", host) else [host, host.split(".")[0]])
    found = addressed if len(addressed) == 1 else [row for row in addressed or rows if row["svname"] in called]
    if len(found) == 1:
        return found[0]
    raise FleetError(
        "{0} of the servers of HAProxy is {1}".format(
            "More than one" if addressed or found else "None", host if port is None else "{0}:{1}".format(host, port)
        ),
        "one of: {0}".format(", ".join(describe(row) for row in rows)) if rows else "at least one server",
        "name the server in haproxy.cfg like the node, or let HAProxy show addresses, with 'stats show-legends' for the page",
        reason="match",
    )


def _at(rows, hosts, port):
    # type: (List[Row], Set[str], Optional[int]) -> List[Row]
    found = []
    for row in rows:
        host, _colon, shown = (row.get("addr") or "").rpartition(":")
        if host.strip("[]").lower() in hosts and (port is None or shown == str(port)):
            found.append(row)
    return found


def overview(rows, backend=None):
    # type: (List[Row], Optional[str]) -> Dict[str, Any]
    """What haproxy_info returns."""
    names = [backend] if backend else [row["pxname"] for row in backends(rows)]
    return {
        "backends": [_pool(rows, name) for name in names],
        "frontends": [_totals(row) for row in frontends(rows)],
    }


def _pool(rows, name):
    # type: (List[Row], str) -> Dict[str, Any]
    members = [_server(row) for row in servers(rows, name)]
    return dict(_totals(next(row for row in backends(rows) if row["pxname"] == name)), servers=members)


def _totals(row):
    # type: (Row) -> Dict[str, Any]
    return {"name": row["pxname"], "status": row["status"], "sessions": row["scur"], "requests": _requests(row)}


def _requests(row):
    # type: (Row) -> Any
    """Before 2.0 only frontends count requests; a session of a server or backend in HTTP mode is one request."""
    return row["stot"] if row.get("req_tot") is None else row["req_tot"]


def _server(row):
    # type: (Row) -> Dict[str, Any]
    return {
        "name": row["svname"],
        "address": row.get("addr"),
        "status": row["status"],
        "out": is_out(row),
        "up": is_up(row),
        "check_status": row.get("check_status"),
        "check_code": row.get("check_code"),
        "check_description": ": ".join(row[name] for name in ("check_desc", "last_chk") if row.get(name)) or None,
        "weight": row["weight"],
        "active": row["act"] == 1,
        "backup": row["bck"] == 1,
        "sessions": row["scur"],
        "requests": _requests(row),
        "downtime": row["downtime"],
        "last_change": row["lastchg"],
    }


def _ask_socket(path, timeout):
    # type: (str, int) -> str
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(path)
        connection.sendall(b"show stat\n")
        return to_native(b"".join(iter(lambda: connection.recv(65536), b"")), errors="surrogate_or_replace")
    except EnvironmentError as error:
        raise FleetError(
            "The socket {0} does not answer: {1}".format(path, error),
            "a 'stats socket' of HAProxy",
            "check the path, that HAProxy runs, and that the user of the task may use the socket",
            reason="unreachable",
        )
    finally:
        connection.close()


def _ask_page(params):
    # type: (Dict[str, Any]) -> str
    """The page is named in messages as it was given; a user or password can be no part of it."""
    url = params["url"]
    if not re.match(r"https?://[^/@]+(/|$)", url):
        raise FleetError(
            "The url is not that of a page, or holds a user",
            "http://HOST:PORT/PATH or https://HOST:PORT/PATH",
            "correct url; user and password have options of their own",
            reason="server",
        )
    with contextlib.closing(_http_session.new_session()) as session, _http_session.explained(url, "the statistics page of HAProxy"):
        if params["username"]:  # as bytes, for requests would send text as Latin-1
            session.auth = (to_bytes(params["username"]), to_bytes(params["password"] or ""))
        response = session.get(
            url if url.endswith(";csv") else url + ";csv",
            timeout=params["timeout"],
            verify=_http_session.verification(dict(params, ssl=url.startswith("https:"))),
            allow_redirects=False,
        )
    if response.status_code != 200:
        raise _rejected(url, response.status_code, bool(params["username"]))
    return to_native(response.content, errors="surrogate_or_replace")


def _rejected(url, status, with_user):
    # type: (str, int, bool) -> FleetError
    if status in (401, 403):
        return FleetError(
            "{0} {1}".format(url, "refuses the user or password" if with_user else "asks for a user and password"),
            "those of 'stats auth' in haproxy.cfg",
            "set username and password",
            reason="credentials",
        )
    return FleetError(
        "{0} answers with status {1}".format(url, status),
        "the statistics page of HAProxy",
        "check that the URL is the one of 'stats uri' in haproxy.cfg",
        reason="server",
    )
