# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A .deb file, made from a folder, and what fills such folders."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dbfleet_lab.cache import LAB_DIR
from dbfleet_lab.shell import run

RECIPES = LAB_DIR / "packages"
# One fixed time for every file, so that the same recipe gives the same checksum.
EPOCH = {"SOURCE_DATE_EPOCH": "1510000000"}

CONTROL = """\
Package: {name}
Version: {version}
Section: database
Priority: optional
Architecture: {architecture}
Maintainer: dbfleet contributors <lab@localhost>
{depends}Installed-Size: {size}
Description: {description}
"""


@dataclass(frozen=True)
class Deb:
    """One package: where it lies below the packages folder, and the function that fills the folder of its content."""

    file: Path
    name: str
    version: str
    description: str
    fill: Callable[[Path], None]
    architecture: str = "amd64"
    depends: str = ""

    def pack(self, packages: Path) -> None:
        with tempfile.TemporaryDirectory(dir=packages) as scratch:
            tree = Path(scratch, "tree")
            self.fill(tree)
            self._write_control(tree)
            target = packages / self.file
            target.parent.mkdir(exist_ok=True)
            run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(tree), str(target)], env=EPOCH)

    def _write_control(self, tree: Path) -> None:
        size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024 + 1
        text = CONTROL.format(
            name=self.name,
            version=self.version,
            architecture=self.architecture,
            depends=f"Depends: {self.depends}\n" if self.depends else "",
            size=size,
            description=self.description,
        )
        write(tree / "DEBIAN/control", text)


def copy(source: Path, target: Path, mode: int = 0o644) -> None:
    """Copy one file, making the folders above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def write(target: Path, text: str, mode: int = 0o644) -> None:
    """Write one file, making the folders above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)
