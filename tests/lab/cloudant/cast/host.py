# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CAST does to the host: programs, packages, and what the installer has left in root's home."""

from __future__ import annotations

import subprocess
from pathlib import Path

EXTRACTED = Path("/root/cloudant")


class CastError(Exception):
    """Anything that CAST cannot do."""


def run(*command: str) -> str:
    """Run a program to its end; returns what it printed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CastError(f"{' '.join(command)}: {(done.stderr + done.stdout).strip()}")
    return done.stdout


def version() -> str:
    """The release that the installer brought."""
    return (EXTRACTED / "version.txt").read_text(encoding="ascii").strip()


def has(package: str) -> bool:
    asked = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout == "installed"


def install(package: str) -> None:
    """Install a package of the installer's; it is refused where it is installed already."""
    if has(package):
        raise CastError(f"{package} is installed already; run cast system uninstall first")
    found = sorted((EXTRACTED / "repo").glob(f"{package}_*.deb"))
    if not found:
        raise CastError(f"there is no {package} in {EXTRACTED}/repo")
    run("dpkg", "--install", str(found[0]))


def remove(package: str) -> None:
    run("dpkg", "--purge", package)
