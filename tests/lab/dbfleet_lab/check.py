# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof that the stand-ins do what was recorded from the real programs, or what is said of them."""

from __future__ import annotations

import urllib.request

from dbfleet_lab import check_cloudant, check_couchdb, check_influxdb, check_influxdb_legacy, server
from dbfleet_lab.fleet import Fleets
from dbfleet_lab.proof import NAME, prove
from dbfleet_lab.shell import as_root, run


def check(fleets: Fleets) -> None:
    """Print what is proved; the first thing that is not so is an error, and leaves its nodes for a look."""
    _packages(fleets)
    for product in (check_influxdb, check_influxdb_legacy, check_couchdb, check_cloudant):
        product.check(fleets)
    fleets.down(NAME)


def _packages(fleets: Fleets) -> None:
    """The package server comes back where it and podman's monitor were killed, as at the end of a session."""
    server.serve(fleets.cache, fleets.podman)
    states = "{{.State.ConmonPid}} {{.State.Pid}}"
    processes = fleets.podman.run("inspect", "--format", states, server.NAME).stdout.split()
    run(as_root(["kill", "-9", *processes]))
    with urllib.request.urlopen(f"{server.serve(fleets.cache, fleets.podman)}/", timeout=10) as offer:
        prove("a killed package server is replaced", b".deb" in offer.read())
