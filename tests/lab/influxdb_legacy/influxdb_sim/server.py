# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 as the real server's: a request in, what a handler makes of it out."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import gzip
import io
import socket
import sys
import threading
import time

from influxdb_sim import gojson
from influxdb_sim.compat import TEXT, BaseHTTPRequestHandler, HTTPServer, ThreadingMixIn, parse_qsl, unquote
from influxdb_sim.errors import ApiError, HandlerPanic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple  # noqa: F401 (read by type comments)

REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    500: "Internal Server Error",
}
SNIFFED = "text/plain; charset=utf-8"


class Request:
    """What a client sent: the parts of the path decoded."""

    def __init__(self, method, target, headers, body):
        # type: (str, str, Dict[str, str], bytes) -> None
        path, _mark, query = target.partition("?")
        self.method, self.headers, self.body = method, headers, body
        self.path = path
        self.parts = [unquote(part) for part in path.strip("/").split("/")]
        self.query = dict(parse_qsl(query, True))


class Response:
    """A status, and a body: nothing, text, or a value that becomes JSON."""

    def __init__(self, status, body=None, kind="", headers=None):
        # type: (int, Any, str, Any) -> None
        self.status, self.headers = status, dict(headers or {})
        is_text = body is None or isinstance(body, TEXT)
        self.content = ((body or "") if is_text else gojson.dumps(body)).encode("utf-8")
        usual = SNIFFED if body else "text/plain"
        self.headers["Content-Type"] = kind or (usual if is_text else "application/json")


class Server(ThreadingMixIn, HTTPServer):
    """One port."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address, respond):
        # type: (Tuple[str, int], Callable[[Request], Response]) -> None
        self.respond = respond
        HTTPServer.__init__(self, address, Handler)

    def server_bind(self):
        # type: () -> None
        """Without the look-up of a name that HTTPServer does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)

    def handle_error(self, request, client_address):
        # type: (Any, Any) -> None
        """A client that went away is not worth a word."""
        if not isinstance(sys.exc_info()[1], EnvironmentError):
            HTTPServer.handle_error(self, request, client_address)

    def start(self):
        # type: () -> None
        thread = threading.Thread(target=self.serve_forever)
        thread.daemon = True
        thread.start()


class Handler(BaseHTTPRequestHandler):
    """Gives each request to the server's function, and sends what that returns."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 300
    server = None  # type: Server  # type: ignore[assignment]

    def handle_any(self):
        # type: () -> None
        headers = {TEXT(name).lower(): TEXT(value) for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        request = Request(TEXT(self.command), TEXT(self.path), headers, body)
        try:
            response = self.server.respond(request)
        except ApiError as error:
            response = Response(error.status, error.text)
        except HandlerPanic:
            self.close_connection = True
            return
        self._send(request, response)

    do_GET = do_POST = do_DELETE = do_PUT = handle_any

    def _send(self, request, response):
        # type: (Request, Response) -> None
        headers, content = dict(response.headers), response.content
        encodings = request.headers.get("accept-encoding", "").split(",")
        if request.method == "GET" and "gzip" in encodings:
            headers["Content-Encoding"] = "gzip"
            content = _zipped(content)
        headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
        headers["Content-Length"] = TEXT(len(content))
        lines = ["HTTP/1.1 %d %s" % (response.status, REASONS[response.status])]
        lines += ["%s: %s" % pair for pair in sorted(headers.items())]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + content)

    def log_message(self, *_arguments):
        # type: (Any) -> None
        """The real server has no log of requests either."""


def _zipped(content):
    # type: (bytes) -> bytes
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb") as stream:
        stream.write(content)
    return target.getvalue()
