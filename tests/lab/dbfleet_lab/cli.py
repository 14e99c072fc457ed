# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of `lab`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dbfleet_lab import artifacts, check, host, packages, server
from dbfleet_lab.cache import Cache
from dbfleet_lab.fleet import Fleets
from dbfleet_lab.images import IMAGES
from dbfleet_lab.node import BARE, NODATA, RECORDED, SMALL
from dbfleet_lab.podman import LABEL, Podman
from dbfleet_lab.product import FleetSpec
from dbfleet_lab.products import DATABASES
from dbfleet_lab.shell import LabError

CACHE = Cache.of_user()
PODMAN = Podman(CACHE)
FLEETS = Fleets(CACHE, PODMAN)


def main(argv: Sequence[str]) -> int:
    """Run one command; an error is one message and exit code 1."""
    os.umask(0o022)
    options = _parser().parse_args(argv)
    try:
        options.command(options)
    except (LabError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; the same command starts over", file=sys.stderr)
        return 130
    return 0


def _setup(_options: argparse.Namespace) -> None:
    host.setup()


def _build(_options: argparse.Namespace) -> None:
    for artifact in artifacts.build(CACHE, PODMAN):
        print(artifact)


def _packages(_options: argparse.Namespace) -> None:
    artifacts.build(CACHE, PODMAN)
    print(packages.folder(CACHE))


def _serve(_options: argparse.Namespace) -> None:
    artifacts.build(CACHE, PODMAN)
    print(server.serve(CACHE, PODMAN))


def _up(options: argparse.Namespace) -> None:
    start = time.monotonic()
    artifacts.build(CACHE, PODMAN)
    database = DATABASES[options.product]
    spec = FleetSpec(
        name=options.name,
        mix=options.mix or ((options.image, options.nodes),),
        version=options.version or database.default,
        prefix=options.prefix or database.prefix,
        clusters=tuple(options.cluster.split(",")) if options.cluster else (),
        data=options.data,
        auth=options.auth,
        https=options.https,
        balancers=options.balancers,
    )
    inventory = FLEETS.up(database, spec, options.inventory)
    print(f"up in {time.monotonic() - start:.1f} s, inventory:", file=sys.stderr)
    print(inventory)


def _down(options: argparse.Namespace) -> None:
    FLEETS.down(options.name)


def _list(_options: argparse.Namespace) -> None:
    for node in FLEETS.nodes():
        installed = f"{node.product} {node.version}"
        print(f"{node.fleet:16} {node.name:12} {node.image:10} {installed:17} {node.address or '-':15} {node.state}")


def _exec(options: argparse.Namespace) -> None:
    node = FLEETS.node(options.name, options.node)
    terminal = ["-t"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    # Releases of argparse differ in whether they hand on the dashes that end the options.
    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    command = PODMAN.argv("exec", "-i", *terminal, node.container, *(words or ["bash"]))
    os.execvp(command[0], command)


def _data(options: argparse.Namespace) -> None:
    node = FLEETS.node(options.name, options.node)
    if node.product not in DATABASES:
        raise LabError(f"{node.name} has {node.product}, which holds no data")
    print(f"{node.name}: {DATABASES[node.product].load(node, CACHE)}")


def _check(_options: argparse.Namespace) -> None:
    artifacts.build(CACHE, PODMAN)
    check.check(FLEETS)


def _clean(_options: argparse.Namespace) -> None:
    PODMAN.remove([found["Names"][0] for found in PODMAN.containers()])
    mine = f"--filter=label={LABEL}=1"
    if networks := PODMAN.run("network", "ls", "--quiet", mine).stdout.split():
        PODMAN.run("network", "rm", *networks)
    if images := PODMAN.run("images", "--quiet", mine).stdout.split():
        PODMAN.run("rmi", "--force", *images)
    CACHE.remove()


def _mix(text: str) -> tuple[tuple[str, int], ...]:
    pairs = [part.partition("=") for part in text.split(",")]
    for image, _equals, number in pairs:
        if image not in IMAGES or not number.isdigit():
            raise argparse.ArgumentTypeError(
                f"expected IMAGE=N,... with an image of {', '.join(IMAGES)}, found {text!r}"
            )
    return tuple((image, int(number)) for image, _equals, number in pairs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Packages, images and fleets of containers to test on.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=function)
        return sub

    command("setup", _setup, "install what this machine lacks (apt, root or sudo)")
    command("build", _build, "build the packages and images that are missing in the cache")
    command("packages", _packages, "print the folder with the packages")
    command("serve", _serve, "start the package server and print its base URL")
    command("list", _list, "list all nodes")
    command(
        "check", _check, "prove that the stand-ins do what was recorded from the real ones, or what is said of them"
    )
    command("clean", _clean, "remove all that the lab made: containers, network, images, cache")
    up = command("up", _up, "start a fleet, in place of one of the same name, and print its inventory")
    up.add_argument("name", metavar="NAME")
    up.add_argument(
        "--product", choices=DATABASES, default="influxdb", help="what to install on the nodes (default: influxdb)"
    )
    up.add_argument("--nodes", type=int, default=1, metavar="N", help="number of nodes (default: 1)")
    up.add_argument("--image", choices=IMAGES, default="debian12", help="their image (default: debian12)")
    up.add_argument(
        "--mix", type=_mix, metavar="IMAGE=N,...", help="nodes of several images, instead of --nodes and --image"
    )
    releases = "; ".join(f"{name}: {', '.join(product.versions)}" for name, product in DATABASES.items())
    up.add_argument(
        "--version", metavar="V", help=f"what to install of the product ({releases}), or {BARE!r} for bare nodes"
    )
    up.add_argument(
        "--balancers", type=int, default=0, metavar="N", help="nodes with HAProxy before the clusters (default: 0)"
    )
    up.add_argument(
        "--cluster", metavar="NAME,...", help="cluster of the nodes in order; the last name serves all others"
    )
    up.add_argument(
        "--data",
        choices=[SMALL, RECORDED, NODATA],
        default=SMALL,
        help="fixture data to load, or the folder of a real server of the version (default: small)",
    )
    up.add_argument("--auth", action="store_true", help="switch authentication on (influxdb)")
    up.add_argument(
        "--https", action="store_true", help="serve HTTPS with a certificate of the lab's own authority (influxdb)"
    )
    up.add_argument("--prefix", metavar="PREFIX", help="node names are PREFIX1, PREFIX2, ... (influx, db)")
    up.add_argument(
        "--inventory", type=Path, metavar="FILE", help="where to write the inventory (default: in the cache)"
    )
    down = command("down", _down, "remove a fleet")
    down.add_argument("name", metavar="NAME")
    inside = command("exec", _exec, "run a command in a node (default: a shell)")
    inside.add_argument("name", metavar="NAME")
    inside.add_argument("node", metavar="NODE")
    inside.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    data = command("data", _data, "load the fixture data into a node")
    data.add_argument("name", metavar="NAME")
    data.add_argument("node", metavar="NODE")
    return parser
