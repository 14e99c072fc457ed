# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of nodes: a minimal Debian with an init system as process 1 and an SSH server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dbfleet_lab.cache import LAB_DIR, Cache, digest, staged
from dbfleet_lab.host import debian_mirror
from dbfleet_lab.podman import LABEL, Podman
from dbfleet_lab.shell import as_root, run

RECIPES = LAB_DIR / "images"
# mmdebstrap's helpers are Python programs that need the system's Python, not that of a virtual environment.
SYSTEM_PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


@dataclass(frozen=True)
class Image:
    """One kind of node; its folder below images/ lists the packages and holds the script that finishes the tree."""

    name: str
    suite: str
    python: str
    systemd: bool
    base: str = ""
    """The image whose recipe comes first, where this one only adds to it."""

    @property
    def recipes(self) -> list[Path]:
        return [RECIPES / name for name in (self.base, self.name) if name]

    @property
    def digest(self) -> str:
        return digest(self.recipes, self.suite, *self._options())

    @property
    def tag(self) -> str:
        return f"localhost/dbfleet-lab-{self.name}:{self.digest}"

    def build(self, cache: Cache, podman: Podman) -> str:
        """The image's name; the tree is bootstrapped and imported only where it is missing."""
        if podman.run("image", "exists", self.tag, check=False).returncode:
            labels = [f"--change=LABEL {LABEL}=1", f"--change=LABEL {LABEL}.image={self.name}"]
            podman.run("import", "--quiet", *labels, str(self.tree(cache)), self.tag)
        return self.tag

    def tree(self, cache: Cache) -> Path:
        """The root file system as a tar file, kept so that an image lost by a prune is back in seconds."""
        final = cache.part("images") / f"{self.name}-{self.digest}"
        with cache.lock(f"image-{self.name}"):
            if not final.exists():
                with staged(final) as folder:
                    self._bootstrap(folder / "tree.tar")
        return final / "tree.tar"

    def _bootstrap(self, output: Path) -> None:
        hooks = [f"--customize-hook={recipe / 'customize'}" for recipe in self.recipes]
        mirror = debian_mirror()
        command = ["mmdebstrap", *self._options(), *hooks, self.suite, str(output), *([mirror] if mirror else [])]
        run(as_root(command, SYSTEM_PATH), timeout=1800)

    def _options(self) -> list[str]:
        lists = [(recipe / "packages").read_text(encoding="ascii") for recipe in self.recipes]
        packages = ",".join("\n".join(lists).split())
        slim = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale", "info")]
        return ["--variant=minbase", f"--include={packages}", *slim]


IMAGES = {
    image.name: image
    for image in (
        Image("debian12", suite="bookworm", python="/usr/bin/python3", systemd=True),
        Image("cluster", suite="bookworm", python="/usr/bin/python3", systemd=True, base="debian12"),
        Image("oldhost", suite="bullseye", python="/usr/bin/python2.7", systemd=False),
    )
}
