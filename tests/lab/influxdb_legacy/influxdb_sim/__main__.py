# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a server in the foreground: python -m influxdb_sim -release 0.8.3 -config /opt/influxdb/shared/config.toml"""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import argparse
import io
import json
import os
import signal
import sys
import threading
import time

from influxdb_sim.api import Api
from influxdb_sim.compat import TEXT
from influxdb_sim.config import Config
from influxdb_sim.errors import ApiError, Panic
from influxdb_sim.node import LISTEN, Node
from influxdb_sim.release import Release
from influxdb_sim.server import Request, Response, Server  # noqa: F401 (read by type comments)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable  # noqa: F401 (read by type comments)


def serve(node):
    # type: (Node) -> None
    """Start, join the cluster, open the ports; the API's is the last, so that it tells that all is done."""
    config = node.config
    api = config.get("api", "port", 8086)
    admin = config.get("admin", "port", 8083)
    node.replay()
    _listen(node, config.raft_port, _internal(node.raft.answer))
    node.join()
    _listen(node, config.protobuf_port, _internal(node.coordinator.answer))
    node.start_sweeping()
    node.log.info(LISTEN + "134", "Starting admin interface on port %d" % admin)
    if admin:
        _listen(node, admin, _admin)
    node.log.info(LISTEN + "189", "Starting Http Api server on port %d" % api)
    _listen(node, api, _until_panic(Api(node).respond))


def _listen(node, port, respond):
    # type: (Node, int, Callable[[Request], Response]) -> None
    Server((node.config.bind_address, port), respond).start()


def _internal(answer):
    # type: (Callable[[str, Any], Any]) -> Callable[[Request], Response]
    def respond(request):
        # type: (Request) -> Response
        found = answer(request.path, json.loads(request.body.decode("ascii")))
        return Response(200, TEXT(json.dumps(found)), "application/json")

    return _until_panic(respond)


def _admin(_request):
    # type: (Request) -> Response
    return Response(200, "InfluxDB Administration\n")


def _until_panic(respond):
    # type: (Callable[[Request], Response]) -> Callable[[Request], Response]
    def guarded(request):
        # type: (Request) -> Response
        try:
            return respond(request)
        except Panic as panic:
            _die(panic)
            raise

    return guarded


def _die(panic):
    # type: (Panic) -> None
    sys.stderr.write("panic: %s\n[signal SIGSEGV: segmentation violation]\n" % panic)
    sys.stderr.flush()
    os._exit(2)


def _options():
    # type: () -> argparse.Namespace
    parser = argparse.ArgumentParser(prog="influxdb", description=__doc__)
    parser.add_argument("-config", default="config.toml", help="the configuration file")
    parser.add_argument("-pidfile", default="", help="where to write the process id")
    parser.add_argument("-release", required=True, help="the release to be")
    parser.add_argument("-v", action="store_true", dest="version", help="print the version")
    return parser.parse_args()


def main():
    # type: () -> None
    options = _options()
    release = Release(options.release)
    if options.version:
        print(release.banner)
        return
    now = time.strftime("%H:%M:%S UTC %Y/%m/%d", time.gmtime())
    print("[%s] [INFO] Loading configuration file %s" % (now, options.config))
    sys.stdout.flush()
    try:
        config = Config(options.config)
    except (EnvironmentError, ValueError) as error:
        # The real server ends like this too: two lines, and the exit code of success.
        print("Couldn't parse the configuration file %s\n%s" % (options.config, error))
        return
    _run(release, config, options.pidfile)


def _run(release, config, pidfile):
    # type: (Release, Config, str) -> None
    if pidfile:
        with io.open(pidfile, "w", encoding="ascii") as stream:
            stream.write("%d\n" % os.getpid())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_signal: stop.set())
    try:
        serve(Node(release, config))
    except Panic as panic:
        _die(panic)
    except (ApiError, EnvironmentError, ValueError) as error:
        sys.exit("influxdb: %s" % error)
    # Without a limit, a signal that another thread is given would not wake this one, which alone handles it.
    while not stop.wait(0.2):
        pass


if __name__ == "__main__":
    main()
