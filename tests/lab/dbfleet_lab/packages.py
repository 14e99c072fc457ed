# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages folder: what is installed on nodes, of all products."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dbfleet_lab import cloudant_packages, couch_packages, haproxy_packages, influx_packages, influxdb_legacy_packages
from dbfleet_lab.cache import Cache, digest, staged
from dbfleet_lab.deb import write


@dataclass(frozen=True)
class Shelf:
    """The packages of one product, which are built anew only when something of that product has changed."""

    product: str
    sources: Callable[[], str]
    fill: Callable[[Cache, Path], None]

    @property
    def name(self) -> str:
        return f"{self.product}-{self.sources()}"

    def build(self, cache: Cache) -> Path:
        """The folder with these packages; filled only where it is missing."""
        final = cache.part("shelves") / self.name
        if not final.exists():
            with staged(final) as packages:
                self.fill(cache, packages)
        return final


SHELVES = (
    Shelf("influxdb", influx_packages.sources, influx_packages.fill),
    Shelf("influxdb_legacy", influxdb_legacy_packages.sources, influxdb_legacy_packages.fill),
    Shelf("couchdb", couch_packages.sources, couch_packages.fill),
    Shelf("cloudant", cloudant_packages.sources, cloudant_packages.fill),
    Shelf("haproxy", haproxy_packages.sources, haproxy_packages.fill),
)


def build(cache: Cache) -> Path:
    """The folder with all packages; made only where it is missing."""
    final = folder(cache)
    if not final.exists():
        with staged(final) as packages:
            for shelf in SHELVES:
                shutil.copytree(shelf.build(cache), packages, copy_function=os.link, dirs_exist_ok=True)
            write(packages / "SHA256SUMS", _checksums(packages))
    return final


def folder(cache: Cache) -> Path:
    """Where the packages of these recipes lie, built or not."""
    return cache.part("packages") / digest([Path(__file__)], *(shelf.name for shelf in SHELVES))


def _checksums(packages: Path) -> str:
    found = sorted(path for path in packages.rglob("*") if path.is_file())
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(packages)}\n" for file in found)
