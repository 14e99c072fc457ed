# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the name of Cloudant Local's installer, a program whose archive only itself can open.

IBM names it cloudant-RELEASE-BUILD-SYSTEM-ARCHITECTURE.bin, for example cloudant-1.1.0-984-el6-x86_64.bin.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

SUFFIX = ".bin"
PROGRAMS = (b"#!", b"\x7fELF")
_NAME = re.compile(
    r"cloudant-(?P<version>\d+(?:\.\d+)+)-(?P<build>\d+)-(?P<system>[a-z]+[\d.]*)-(?P<arch>[a-z]\w+)\.bin"
)


class Installer(NamedTuple):
    """What the name of an installer says; system is that of IBM's name, such as el6."""

    version: str
    build: str
    system: str
    arch: str


def read_installer(path: str, head: bytes) -> Installer:
    """Return what the name says of a file that begins with head. Raises FleetError where one of the two is no installer's."""
    if not head.startswith(PROGRAMS):
        raise FleetError(
            f"{path} is not a program",
            "the installer as IBM offered it",
            "Check where it came from and fetch it again",
        )
    match = _NAME.fullmatch(os.path.basename(path))
    if not match:
        raise FleetError(
            f"The name of {path} does not say which release it holds, nor for which system",
            "for example cloudant-1.1.0-984-el6-x86_64.bin",
            "Give it the name that IBM gave it",
        )
    return Installer(**match.groupdict())
