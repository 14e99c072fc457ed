# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package server: a container that offers the packages folder over HTTP, as a vendor's download site does."""

from __future__ import annotations

import socket
import time

from dbfleet_lab import packages
from dbfleet_lab.cache import Cache
from dbfleet_lab.images import IMAGES
from dbfleet_lab.podman import LABEL, NETWORK, Podman
from dbfleet_lab.shell import LabError

NAME = "dbfleet-lab-packages"
PORT = 8000


def serve(cache: Cache, podman: Podman) -> str:
    """Start the server unless it runs with today's packages already; returns its base URL.

    What podman calls running need not be: it keeps that state for ever when the container and its monitor are killed
    together, so only an answer counts.
    """
    folder = packages.folder(cache)
    with cache.lock("server"):
        running = [found for found in podman.containers(packages=folder.name) if found["State"] == "running"]
        if not (running and _answers(podman.address(NAME), limit=2)):
            podman.remove([NAME])
            podman.ensure_network()
            podman.run(
                *["run", "--detach", "--name", NAME, "--network", NETWORK, "--volume", f"{folder}:/srv/packages:ro"],
                *["--label", f"{LABEL}=1", "--label", f"{LABEL}.packages={folder.name}", IMAGES["debian12"].tag],
                *["python3", "-m", "http.server", str(PORT), "--directory", "/srv/packages"],
            )
        address = podman.address(NAME)
        if not _answers(address, limit=30):
            raise LabError(f"the package server does not answer at {address}:{PORT} after 30 s")
    return f"http://{address}:{PORT}"


def _answers(address: str, limit: float) -> bool:
    """Whether the server takes a connection within this many seconds."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            socket.create_connection((address, PORT), timeout=limit).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False
