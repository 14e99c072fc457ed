# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of CAST."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from types import ModuleType

from cast import dbnode, lbnode
from cast.host import CastError


def main(argv: list[str]) -> int:
    """Run one command; an error is one message and exit code 1."""
    options = _parser().parse_args(argv)
    if os.geteuid():
        print("cast must be run as root.", file=sys.stderr)
        return 1
    try:
        options.command(options)
    except (CastError, OSError) as error:
        print(f"cast: {error}", file=sys.stderr)
        return 1
    return 0


def _install(options: argparse.Namespace) -> None:
    if not (options.dbnode or options.lbnode):
        raise CastError("what to install is not said: -db, -lb or both")
    if options.dbnode:
        dbnode.install(options.config, options.password, options.maintenance)
    if options.lbnode:
        lbnode.install(None if options.dbnode else options.config)


def _uninstall(_options: argparse.Namespace) -> None:
    for kind in _installed():
        kind.uninstall()


def _start(_options: argparse.Namespace) -> None:
    for kind in _installed():
        kind.start()


def _stop(_options: argparse.Namespace) -> None:
    for kind in _installed():
        kind.stop()


def _restart(_options: argparse.Namespace) -> None:
    for kind in _installed():
        kind.restart()


def _configure(options: argparse.Namespace) -> None:
    for kind in _installed():
        kind.configure(options.file)


def _maintenance(options: argparse.Namespace) -> None:
    if options.on is not None:
        _database().set_maintenance(options.on)
    print(f"The node is {'IN' if _database().in_maintenance() else 'OUT of'} maintenance mode.")


def _status(_options: argparse.Namespace) -> None:
    for name, online in _database().members():
        print(f"{name} {'online' if online else 'offline'}")


def _export(options: argparse.Namespace) -> None:
    _database().export(options.file)


def _add(options: argparse.Namespace) -> None:
    _database().add(options.hosts)


def _remove(options: argparse.Namespace) -> None:
    _database().remove(options.hosts)


def _database() -> ModuleType:
    if not dbnode.installed():
        raise CastError("no database node is installed here")
    return dbnode


def _installed() -> list[ModuleType]:
    found = [kind for kind in (dbnode, lbnode) if kind.installed()]
    if not found:
        raise CastError("neither a database node nor a load balancer node is installed")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cast", description="Cluster Admin and Support Tool (stand-in)")
    groups = parser.add_subparsers(required=True, metavar="GROUP")
    _add_system(groups.add_parser("system", help="install and uninstall this node").add_subparsers(required=True))
    _add_node(groups.add_parser("node", help="manage this node").add_subparsers(required=True))
    _add_cluster(groups.add_parser("cluster", help="manage the cluster").add_subparsers(required=True))
    return parser


def _add_system(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    install = commands.add_parser("install", help="install a database node, a load balancer node, or both")
    install.set_defaults(command=_install)
    install.add_argument("-db", "--dbnode", action="store_true", help="install a database node")
    install.add_argument("-lb", "--lbnode", action="store_true", help="install a load balancer node")
    install.add_argument("-p", "--password", help="password of the database administrator (default: pass)")
    install.add_argument("-c", "--config", type=Path, metavar="FILE.yaml", help="configuration file")
    install.add_argument("--maintenance", action="store_true", help="start in maintenance mode")
    commands.add_parser("uninstall", help="stop and remove this node").set_defaults(command=_uninstall)


def _add_node(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, function in (("start", _start), ("stop", _stop), ("restart", _restart)):
        commands.add_parser(name, help=f"{name} the services").set_defaults(command=function)
    maintenance = commands.add_parser("maintenance", help="show or change the maintenance mode")
    maintenance.set_defaults(command=_maintenance, on=None)
    maintenance.add_argument("--true", dest="on", action="store_true", default=None)
    maintenance.add_argument("--false", dest="on", action="store_false", default=None)
    configure = commands.add_parser("config", help="configure this node from a file")
    configure.set_defaults(command=_configure)
    configure.add_argument("file", type=Path, metavar="FILE.yaml")


def _add_cluster(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    commands.add_parser("status", help="list the nodes of the cluster").set_defaults(command=_status)
    export = commands.add_parser("export", help="write the configuration for further nodes")
    export.set_defaults(command=_export)
    export.add_argument("file", type=Path, metavar="FILE.yaml")
    for name, function in (("add", _add), ("remove", _remove)):
        change = commands.add_parser(name, help=f"{name} nodes")
        change.set_defaults(command=function)
        change.add_argument("hosts", nargs="+", metavar="FQDN")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
