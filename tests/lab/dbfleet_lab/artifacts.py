# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is built once and used by every fleet."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from dbfleet_lab import keys, packages
from dbfleet_lab.cache import Cache
from dbfleet_lab.images import IMAGES
from dbfleet_lab.podman import Podman


@dataclass(frozen=True)
class Artifact:
    """Something that is there now, and how long it took to make it so."""

    name: str
    place: object
    seconds: float

    def __str__(self) -> str:
        return f"{self.name}: {self.place} ({self.seconds:.1f} s)"


def build(cache: Cache, podman: Podman) -> list[Artifact]:
    """Build what is missing, side by side; quick where nothing is."""
    jobs: dict[str, Callable[[], object]] = {
        "packages": partial(packages.build, cache),
        "keys": partial(keys.make, cache),
    }
    jobs.update({f"image {name}": partial(image.build, cache, podman) for name, image in IMAGES.items()})
    with cache.lock("build"):
        cache.sweep()
        with ThreadPoolExecutor(len(jobs)) as pool:
            built = list(pool.map(_timed, jobs, jobs.values()))
        podman.settle(IMAGES["debian12"].tag)
    return built


def _timed(name: str, job: Callable[[], object]) -> Artifact:
    start = time.monotonic()
    place = job()
    return Artifact(name, place, time.monotonic() - start)
