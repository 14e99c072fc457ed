# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that Cloudant Local's stand-ins carry an upgrade as IBM's manual describes it."""

from __future__ import annotations

from dbfleet_lab import cloudant_packages, packages
from dbfleet_lab.cloudant import Cloudant
from dbfleet_lab.clustered import client
from dbfleet_lab.fleet import Fleets
from dbfleet_lab.node import NODATA
from dbfleet_lab.product import FleetSpec
from dbfleet_lab.proof import NAME, Host, prove

OLD, NEW = cloudant_packages.RELEASES
PROCESSES = "ps -u cloudant -o args="
IN, OUT = "The node is IN maintenance mode.\n", "The node is OUT of maintenance mode.\n"


def check(fleets: Fleets) -> None:
    """Print what is proved; the first thing that is not so is an error."""
    fleets.up(Cloudant(), FleetSpec(NAME, (("debian12", 2),), OLD, prefix="db", data=NODATA), None)
    host = Host(fleets, fleets.node(NAME, "db2"))
    members = host.run("cast cluster status")
    prove("CAST says that the node is in maintenance", host.run("cast node maintenance --true") == IN)
    host.run("cast cluster export /root/dbnode.yaml")
    _uninstall(host)
    left = host.run(PROCESSES)
    prove("epmd outlives the uninstallation", "epmd" in left and "--home" not in left, left)
    host.run("pkill -u cloudant")
    _install(host, "--maintenance -db -c /root/dbnode.yaml")
    found = client(host.node).get()
    prove(f"the server is {NEW}", (found["version"], found["vendor"]["version"]) == ("2.0.0", NEW), found)
    prove("it has come up in maintenance", host.run("cast node maintenance") == IN)
    prove("it is the member it was", host.run("cast cluster status") == members)
    prove("CAST says that the node is out of maintenance", host.run("cast node maintenance --false") == OUT)
    _uninstall(host)
    _install(host, "-db")
    lonely = host.run("cast cluster status")
    prove("without the cluster's file the node is alone", lonely.count("online") == 1, lonely)


def _uninstall(host: Host) -> None:
    host.run("cast system uninstall && /root/cloudant/uninstall/uninstall.bin")


def _install(host: Host, options: str) -> None:
    installer = host.node.put(host.fleets.podman, packages.folder(host.fleets.cache) / cloudant_packages.file_name(NEW))
    prove("without its consent nothing is installed", host.shell(f"{installer} </dev/null")[0] == 1)
    host.run(f"{installer} -- -s && cast system install {options}")
