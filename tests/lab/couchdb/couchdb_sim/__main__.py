# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a node in the foreground: python3 -m couchdb_sim --home /opt/couchdb"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from couchdb_sim import backdoor, epmd
from couchdb_sim.chttpd import Chttpd
from couchdb_sim.node import Node
from couchdb_sim.server import Request, Response, Server


def run(home: Path) -> None:
    """Serve until a signal says to stop."""
    node = Node(home)
    epmd_port = int(node.config.get("sim", "epmd_port", "4369"))
    if epmd_port:
        epmd.ensure_running(epmd_port)
        epmd.register(epmd_port, node.name, node.vm_args.dist_port)
    node.start()
    servers = [_clustered(node)]
    if not node.release.since(3):
        servers.append(_node_local(node))
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True).start()
    node.log("Apache CouchDB has started (a stand-in of the lab). Time to relax.")
    _wait_for_signal()
    for server in servers:
        server.server_close()
    node.distribution.stop()


def _clustered(node: Node) -> Server:
    return Server(_address(node, "chttpd", "5984"), node.release.server_header, Chttpd(node).respond)


def _node_local(node: Node) -> Server:
    """Port 5986 of 2.x, where everybody who reaches it may do everything."""

    def respond(request: Request) -> Response:
        status, body = backdoor.respond(node, request.method, request.parts, request.query, request.body.decode())
        return Response(body, status)

    return Server(_address(node, "httpd", "5986"), node.release.server_header, respond)


def _address(node: Node, section: str, port: str) -> tuple[str, int]:
    address = node.config.get(section, "bind_address", "127.0.0.1")
    return "0.0.0.0" if address == "any" else address, int(node.config.get(section, "port", port))


def _wait_for_signal() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # Without a limit, a signal that another thread is given would not wake this one, which alone handles it.
    while not stop.wait(0.2):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(prog="couchdb_sim", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder with etc, data and releases")
    try:
        run(parser.parse_args().home.resolve())
    except (OSError, ValueError) as error:
        sys.exit(f"couchdb: {error}")


if __name__ == "__main__":
    main()
