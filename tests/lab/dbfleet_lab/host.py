# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine that runs the lab must have."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from dbfleet_lab.shell import LabError, as_root, run

DEBIAN_SUITES = ("bullseye", "bookworm", "trixie", "forky")


@dataclass(frozen=True)
class Need:
    """A package, and the program or file that shows that its work can be done already."""

    package: str
    evidence: str

    @property
    def met(self) -> bool:
        return os.path.exists(self.evidence) if self.evidence.startswith("/") else _program(self.evidence)


NEEDS = (
    Need("podman", "podman"),
    Need("runc", "runc"),
    Need("iptables", "iptables"),
    Need("mmdebstrap", "mmdebstrap"),
    Need("gpg", "gpg"),
    Need("debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg"),
    Need("golang-go", "go"),
    Need("golang-github-influxdb-influxdb-dev", "/usr/share/gocode/src/github.com/influxdata/influxdb"),
    Need("openssh-client", "ssh-keygen"),
    Need("openssl", "openssl"),
)


def setup() -> None:
    """Install what is missing; no call of apt where nothing is."""
    missing = [need.package for need in NEEDS if not need.met]
    if not missing:
        print("setup: nothing is missing")
        return
    print(f"setup: installing {' '.join(missing)}", flush=True)
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", *missing, *_podman_network(missing))


def debian_mirror() -> str | None:
    """The Debian mirror this machine's apt uses, or None (mmdebstrap then takes its default) where it uses none."""
    if chosen := os.environ.get("DBFLEET_LAB_MIRROR"):
        return chosen
    if mirror := _configured_mirror():
        return mirror
    if "ID=debian" in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        # The origin of a mirror is known only from downloaded lists, which slim images remove.
        _apt("update")
        return _configured_mirror()
    return None


def _configured_mirror() -> str | None:
    fields = "$(ORIGIN)|$(LABEL)|$(CODENAME)|$(REPO_URI)"
    listed = run(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"]).stdout
    for line in listed.splitlines():
        origin, label, codename, uri = line.split("|")
        if (origin, label) == ("Debian", "Debian") and codename in DEBIAN_SUITES:
            return uri
    return None


def _podman_network(missing: list[str]) -> list[str]:
    """podman only recommends its network programs; their name depends on the release."""
    if "podman" not in missing:
        return []
    known = run(["apt-cache", "pkgnames", "netavark"]).stdout.split()
    return ["netavark"] if "netavark" in known else ["containernetworking-plugins"]


def _apt(*arguments: str) -> None:
    try:
        run(as_root(["apt-get", "-q", *arguments], {"DEBIAN_FRONTEND": "noninteractive"}), timeout=1800)
    except LabError as error:
        raise LabError(
            f"apt-get could not {arguments[0]} (the lab needs Debian or Ubuntu, and root or sudo): {error}"
        ) from error


def _program(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None
