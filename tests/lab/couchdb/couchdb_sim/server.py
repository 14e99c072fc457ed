# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 with connections that are kept: a request in, what a handler makes of it out."""

from __future__ import annotations

import json
import secrets
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from couchdb_sim.auth import COOKIE, User
from couchdb_sim.errors import CouchError, bad_request


@dataclass(frozen=True)
class Request:
    """What a client sent: the parts of the path decoded, so that one may hold a slash, names of headers in lower case."""

    method: str
    parts: list[str]
    query: dict[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User = field(default_factory=User)

    def json(self) -> Any:
        if not self.body:
            raise bad_request("Missing request body")
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise bad_request("invalid UTF-8 JSON") from error

    def json_object(self) -> dict[str, Any]:
        content = self.json()
        if not isinstance(content, dict):
            raise bad_request("Request body must be a JSON object")
        return content

    def number(self, name: str) -> int | None:
        value = self.query.get(name)
        if value is None:
            return None
        if not value.isdigit():
            raise CouchError(400, "query_parse_error", f"Invalid value for integer: {json.dumps(value)}")
        return int(value)

    def flag(self, name: str) -> bool:
        return self.query.get(name) == "true"

    @property
    def cookie(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return found.value if found else ""


@dataclass(frozen=True)
class Response:
    """What is answered: a value that becomes JSON, or text that is sent as it is."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_text: bool = False

    def content(self) -> bytes:
        return (self.body if self.is_text else to_json(self.body) + "\n").encode("utf-8")


Respond = Callable[[Request], Response]


def to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def respond_or_refuse(respond: Respond, request: Request) -> Response:
    """The answer, or the error as an answer."""
    try:
        return respond(request)
    except CouchError as error:
        allowed = {"Allow": error.reason.split()[1]} if error.status == 405 else {}
        return Response(error.body, error.status, allowed)
    except Exception as error:
        traceback.print_exc()
        return Response(CouchError(500, "unknown_error", type(error).__name__, with_reference=True).body, 500)


class Server(ThreadingHTTPServer):
    """One port of a node."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], server_header: str, respond: Respond) -> None:
        self.server_header, self.respond = server_header, respond
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is not worth a word."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 300

    def handle_any(self) -> None:
        path, _mark, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            # HEAD is GET without the body of the answer.
            "GET" if self.command == "HEAD" else self.command,
            [unquote(part) for part in path.strip("/").split("/")],
            dict(parse_qsl(query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(length),
        )
        self._send(respond_or_refuse(self.server.respond, request))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_COPY = do_OPTIONS = handle_any

    def _chunks(self) -> bytes:
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _send(self, response: Response) -> None:
        content = response.content()
        self.send_response_only(response.status)
        headers = {
            "Cache-Control": "must-revalidate",
            "Content-Length": str(len(content)),
            "Content-Type": "application/json",
            "Date": self.date_time_string(),
            "Server": self.server.server_header,
            "X-Couch-Request-ID": secrets.token_hex(5),
            "X-CouchDB-Body-Time": "0",
            **response.headers,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: they may hold what nobody should read."""
