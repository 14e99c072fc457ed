# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache folder: where artifacts live, how they are named after their sources, and how they appear whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LAB_DIR = Path(__file__).resolve().parent.parent
PARTS = ("engines", "shelves", "packages", "images", "fleets", "locks", "secrets", "go-build", "podman.json")
STAGING = ".staging-"


@dataclass(frozen=True)
class Cache:
    """The cache folder of one user, shared by all checkouts."""

    root: Path

    @classmethod
    def of_user(cls) -> Cache:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return cls(Path(os.environ.get("DBFLEET_LAB_CACHE") or Path(base, "dbfleet-lab")).absolute())

    def part(self, name: str) -> Path:
        """A folder of the cache, made when it is missing."""
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Wait for, then hold, the lock of that name; the kernel drops it when the process dies."""
        with open(self.part("locks") / name, "w", encoding="ascii") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def sweep(self) -> None:
        """Remove what interrupted builds left; call it under the build lock."""
        for name in PARTS:
            for leftover in (self.root / name).glob(f"{STAGING}*"):
                shutil.rmtree(leftover)

    def remove(self) -> None:
        """Remove what the lab made, and the folder itself only if nothing else is in it."""
        for name in PARTS:
            target = self.root / name
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.root.rmdir()


@contextlib.contextmanager
def staged(final: Path) -> Iterator[Path]:
    """A folder to build in, which takes the name `final` when the block ends well and vanishes when it does not."""
    staging = final.parent / f"{STAGING}{os.getpid()}-{final.name}"
    staging.mkdir(parents=True)
    try:
        yield staging
        staging.rename(final)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def digest(paths: Iterable[Path], *words: str) -> str:
    """A short name for the content of files and folders (and of plain words) that make an artifact."""
    total = hashlib.sha256()
    for path in sorted(_files(paths)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{os.path.relpath(path, LAB_DIR)} {path.stat().st_mode & 0o111:o} {content}\n".encode())
    total.update("\n".join(words).encode())
    return total.hexdigest()[:12]


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from (found for found in path.rglob("*") if found.is_file()) if path.is_dir() else (path,)
