# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that balancers and CouchDB's packages behave as the real ones, and that each trap among the packages is one."""

from __future__ import annotations

from pathlib import Path

from dbfleet_lab import couch_packages, haproxy, packages
from dbfleet_lab.clustered import client
from dbfleet_lab.couch import Couch
from dbfleet_lab.couchdb import CouchDB
from dbfleet_lab.fleet import Fleets
from dbfleet_lab.node import NODATA
from dbfleet_lab.product import FleetSpec
from dbfleet_lab.proof import NAME, Host, prove
from dbfleet_lab.shell import CommandFailed, wait_until

OLD, NEW = couch_packages.RELEASES
MAINTENANCE = {"status": "maintenance_mode"}
UP = {"status": "ok", "seeds": {}}
SERVICE = "systemctl is-active couchdb"


def check(fleets: Fleets) -> None:
    """Print what is proved; the first thing that is not so is an error."""
    fleets.up(CouchDB(), FleetSpec(NAME, (("debian12", 2),), OLD, prefix="db", data=NODATA, balancers=2), None)
    host = Host(fleets, fleets.node(NAME, "db1"))
    couch = client(host.node)
    members = couch.members()
    couch.put("_node", "_local", "_config", "couchdb", "maintenance_mode", body="true")
    _check_balancers(fleets, host)
    _check_packages(host, couch)
    prove("the node is the member it was", couch.members() == members, couch.members())
    _check_identity(host, couch)


def _check_balancers(fleets: Fleets, host: Host) -> None:
    balancers = CouchDB().balancers
    first, second = (Host(fleets, fleets.node(NAME, name)) for name in ("lb1", "lb2"))
    _wait("a balancer gives a node in maintenance no requests", first, "NOLB")
    host.run("systemctl stop couchdb")
    _wait("a balancer calls a stopped node down", first, "DOWN")
    address = haproxy.virtual_address(fleets.podman, NAME)
    first.run("systemctl stop haproxy")
    wait_until("the virtual address goes to the second balancer", lambda: address in second.run("ip address"))
    prove("the second balancer serves the virtual address", "db2" in balancers.servers(address))


def _wait(what: str, balancer: Host, status: str) -> None:
    wait_until(what, lambda: CouchDB().balancers.servers(balancer.node.address)["db1"] == status)
    prove(what, True)


def _check_packages(host: Host, couch: Couch) -> None:
    good, bad, same, noconf = (Path(folder, couch_packages.file_name(NEW)) for folder in (".", "bad", "same", "noconf"))
    prove("dpkg asks which vm.args to keep", not _install(host, good))
    prove(f"{NEW} can be installed", _install(host, good, "--force-confold"))
    prove(f"{NEW} runs, in maintenance", (couch.version(), couch.up()) == (NEW, MAINTENANCE), couch.up())
    _install(host, same, "--force-confold")
    prove(f"the server of same/ goes on saying {OLD}", couch.version() == OLD, couch.version())
    prove("bad/ can be installed", _install(host, bad, "--force-confold"))
    prove("the server of bad/ does not run", host.shell(SERVICE)[1] == "failed\n", host.shell(SERVICE))
    _install(host, noconf, "--force-confold")
    prove("noconf/ takes the node out of maintenance", (couch.version(), couch.up()) == (NEW, UP), couch.up())


def _check_identity(host: Host, couch: Couch) -> None:
    """What a changed cookie and a changed name do to the node, which is one of two."""
    cookie, name = (Path(folder, couch_packages.file_name(NEW)) for folder in ("cookie", "name"))
    _install(host, cookie, "--force-confold")
    connected, configured = couch.members()
    prove("cookie/ leaves the node alone", (len(connected), len(configured)) == (1, 2), couch.members())
    prove("it is healthy all the same", couch.up() == UP, couch.up())
    _install(host, name, "--force-confold")
    prove("name/ makes it a further member", len(couch.members()[1]) == 3, couch.members())


def _install(host: Host, package: Path, *options: str) -> bool:
    try:
        host.node.install(host.fleets.podman, packages.folder(host.fleets.cache) / package, *options)
    except CommandFailed:
        return False
    return True
