# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for epmd, Erlang's name server: the first node starts it, and it stays when the server stops.

It speaks so much of epmd's protocol that `epmd -names` works: nodes register, and the names of those that live are told.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import socket
import socketserver
import struct
import subprocess
import sys
import time
from pathlib import Path

REGISTER, REGISTERED, NAMES = 120, 121, 110
SET_NAME = 15


class _Registry(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        self.names: dict[str, int] = {}
        super().__init__(address, _Connection)


class _Connection(socketserver.StreamRequestHandler):
    server: _Registry

    def handle(self) -> None:
        request = self.rfile.read(int.from_bytes(self.rfile.read(2), "big"))
        if request[:1] == bytes([NAMES]):
            lines = "".join(f"name {name} at port {port}\n" for name, port in self.server.names.items())
            self.wfile.write(struct.pack(">I", self.server.server_address[1]) + lines.encode())
        elif request[:1] == bytes([REGISTER]):
            self._register(request)

    def _register(self, request: bytes) -> None:
        """Know a node for as long as it keeps the connection."""
        port, length = struct.unpack(">H6xH", request[1:11])
        name = request[11 : 11 + length].decode()
        self.server.names[name] = port
        self.wfile.write(bytes([REGISTERED, 0, 0, 1]))
        self.rfile.read()
        self.server.names.pop(name, None)


def ensure_running(port: int) -> None:
    """Start the daemon, in a session of its own, unless something serves the port."""
    if _answers(port):
        return
    subprocess.Popen(
        [sys.executable, "-m", "couchdb_sim.epmd", "-port", str(port)],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 5
    while not _answers(port) and time.monotonic() < deadline:
        time.sleep(0.1)


def register(port: int, node: str, dist_port: int) -> None:
    """Tell the daemon of a node, which is known until its process ends."""
    name = node.split("@")[0].encode()
    request = struct.pack(">BHBBHHH", REGISTER, dist_port, 77, 0, 6, 5, len(name)) + name + b"\0\0"
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(struct.pack(">H", len(request)) + request)
    connection.recv(4)
    _registrations.append(connection)


_registrations: list[socket.socket] = []


def names(port: int) -> dict[str, int]:
    """The names that the daemon knows, and their ports."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(struct.pack(">HB", 1, NAMES))
        content = connection.makefile("rb").read()
    lines = content[4:].decode().splitlines()
    return {line.split()[1]: int(line.split()[4]) for line in lines}


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def main() -> None:
    """Be the daemon, under its name."""
    parser = argparse.ArgumentParser(prog="epmd")
    parser.add_argument("-port", type=int, default=4369)
    address = "0.0.0.0", parser.parse_args().port
    ctypes.CDLL(None).prctl(SET_NAME, b"epmd", 0, 0, 0)
    # Two nodes that start at once start two; the one that gets the port stays.
    with contextlib.suppress(OSError), _Registry(address) as registry:
        registry.serve_forever()


if __name__ == "__main__":
    main()
