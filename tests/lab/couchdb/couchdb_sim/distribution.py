# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How nodes talk to each other: TCP instead of Erlang's distribution, with its rule that the cookies must be equal.

Each node dials the others and asks over its own connections; it is connected to a node while that one answers.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import itertools
import json
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from couchdb_sim.errors import MaintenanceMode, NodeDown

DIAL_TIMEOUT = 3
CALL_TIMEOUT = 60
RECONNECT_SECONDS = 1.0
LENGTH = struct.Struct(">I")

# The function, its arguments.
Handler = Callable[[str, list[Any]], Any]


class Distribution:
    """The connections of one node."""

    def __init__(self, name: str, cookie: str, address: tuple[str, int], handler: Handler) -> None:
        self.name, self._cookie, self._handler = name, cookie, handler
        self._port = address[1]
        self._listener = socket.create_server(address)
        self._links: dict[str, _Link] = {}
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self.seen = {name}
        self.events: dict[str, list[list[str]]] = {}
        self.members: Callable[[], Iterable[str]] = list
        self.node_up: Callable[[str], None] = lambda node: None
        self.node_down: Callable[[str], None] = lambda node: None

    def start(self) -> None:
        for job in (self._accept, self._connect):
            threading.Thread(target=job, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._listener.close()
        with self._lock:
            links = list(self._links.values())
        for link in links:
            link.close()

    @property
    def connected(self) -> list[str]:
        """The other nodes that this one is connected to."""
        with self._lock:
            return sorted(self._links)

    def dial(self, nodes: Iterable[str]) -> None:
        """Connect to those of the nodes that answer; the others are tried again later."""
        for node in nodes:
            self.seen.add(node)
            if node != self.name and node not in self._links:
                self._dial(node)

    def call(self, node: str, function: str, *arguments: Any) -> Future[Any]:
        """Ask a node; the answer comes when it comes, NodeDown where there is no connection or it breaks."""
        if node == self.name:
            return _done(self._handler, function, list(arguments))
        with self._lock:
            link = self._links.get(node)
        if link is None:
            failed: Future[Any] = Future()
            failed.set_exception(NodeDown(node))
            return failed
        return link.ask(function, list(arguments))

    def _dial(self, node: str) -> None:
        try:
            connection = socket.create_connection((node.split("@")[1], self._port), timeout=DIAL_TIMEOUT)
        except OSError:
            return
        if not _introduce(connection, self.name, node, self._cookie):
            connection.close()
            return
        link = _Link(node, connection, self._lost)
        with self._lock:
            if node in self._links or self._stopped.is_set():
                connection.close()
                return
            self._links[node] = link
        self._note(node, "nodeup")
        link.start()
        self.node_up(node)

    def _lost(self, link: _Link) -> None:
        with self._lock:
            if self._links.get(link.node) is not link:
                return
            del self._links[link.node]
        self._note(link.node, "nodedown")
        if not self._stopped.is_set():
            self.node_down(link.node)

    def _note(self, node: str, event: str) -> None:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.events[node] = [[moment, event], *self.events.get(node, [])][:10]

    def _connect(self) -> None:
        """Look for the members that are not there, again and again: one that cannot be reached may take its time."""
        while not self._stopped.is_set():
            self.dial(self.members())
            self._stopped.wait(RECONNECT_SECONDS)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer a node that dialed, for as long as the connection lasts."""
        with connection, contextlib.suppress(OSError, ValueError):
            connection.settimeout(DIAL_TIMEOUT)
            node = self._admit(connection)
            if node is None:
                return
            _keep_alive(connection)
            if node:
                threading.Thread(target=self.dial, args=([node],), daemon=True).start()
            while True:
                identity, function, arguments = _receive(connection)
                if self._stopped.is_set():
                    return
                _send(connection, [identity, *self._answer(function, arguments)])

    def _answer(self, function: str, arguments: list[Any]) -> list[Any]:
        try:
            return ["ok", self._handler(function, arguments)]
        except MaintenanceMode as error:
            return ["maintenance_mode", str(error)]
        except Exception as error:
            return ["error", f"{type(error).__name__}: {error}"]

    def _admit(self, connection: socket.socket) -> str | None:
        """Let a node in that knows this one's name and cookie; a hidden one has no name here."""
        challenge = secrets.token_hex(16)
        _send(connection, challenge)
        node, wanted, proof, asked = _receive(connection)
        if wanted != self.name or not hmac.compare_digest(proof, _proof(self._cookie, challenge)):
            return None
        _send(connection, _proof(self._cookie, asked))
        return str(node)


class _Link:
    """A connection to another node, over which many questions may be open at once."""

    def __init__(self, node: str, connection: socket.socket, lost: Callable[[_Link], None]) -> None:
        self.node, self._connection, self._lost = node, connection, lost
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._open: dict[int, Future[Any]] = {}

    def start(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def ask(self, function: str, arguments: list[Any]) -> Future[Any]:
        future: Future[Any] = Future()
        number = next(self._numbers)
        try:
            with self._lock:
                self._open[number] = future
                _send(self._connection, [number, function, arguments])
        except OSError:
            if self._open.pop(number, None):
                future.set_exception(NodeDown(self.node))
        return future

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                number, kind, value = _receive(self._connection)
                self._resolve(self._open.pop(number), kind, value)
        self._lost(self)
        with self._lock:
            self._connection.close()
            broken, self._open = self._open, {}
        for future in broken.values():
            future.set_exception(NodeDown(self.node))

    def _resolve(self, future: Future[Any], kind: str, value: Any) -> None:
        if kind == "ok":
            future.set_result(value)
        elif kind == "maintenance_mode":
            future.set_exception(MaintenanceMode(value))
        else:
            future.set_exception(RuntimeError(f"{self.node}: {value}"))


def ask_hidden(node: str, cookie: str, port: int, function: str, *arguments: Any) -> Future[Any]:
    """Ask a node one thing without becoming known to its cluster."""
    failed: Future[Any] = Future()
    failed.set_exception(NodeDown(node))
    try:
        connection = socket.create_connection((node.split("@")[1], port), timeout=DIAL_TIMEOUT)
    except OSError:
        return failed
    if not _introduce(connection, "", node, cookie):
        connection.close()
        return failed
    link = _Link(node, connection, lambda link: None)
    link.start()
    return link.ask(function, list(arguments))


# The handshake of Erlang in short: each side proves that it has the cookie, and the cookie itself never travels.


def _introduce(connection: socket.socket, name: str, node: str, cookie: str) -> bool:
    """Say who this is; returns whether the node that was dialed is the right one and has the cookie."""
    challenge = secrets.token_hex(16)
    try:
        asked = _receive(connection)
        _send(connection, [name, node, _proof(cookie, asked), challenge])
        accepted = hmac.compare_digest(str(_receive(connection)), _proof(cookie, challenge))
    except (OSError, ValueError):
        return False
    _keep_alive(connection)
    return accepted


def _proof(cookie: str, challenge: str) -> str:
    return hmac.new(cookie.encode(), str(challenge).encode(), hashlib.sha256).hexdigest()


def _done(handler: Handler, function: str, arguments: list[Any]) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(handler(function, arguments))
    except Exception as error:
        future.set_exception(error)
    return future


def _keep_alive(connection: socket.socket) -> None:
    """Have the system notice a node that is gone without a word, as Erlang's ticks do."""
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 20_000)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _send(connection: socket.socket, message: Any) -> None:
    content = json.dumps(message, separators=(",", ":")).encode()
    connection.sendall(LENGTH.pack(len(content)) + content)


def _receive(connection: socket.socket) -> Any:
    (length,) = LENGTH.unpack(_exactly(connection, LENGTH.size))
    return json.loads(_exactly(connection, length))


def _exactly(connection: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        part = connection.recv(min(length - len(content), 1 << 20))
        if not part:
            raise OSError("the connection was closed")
        content += part
    return bytes(content)
