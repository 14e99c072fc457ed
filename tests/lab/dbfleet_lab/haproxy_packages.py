# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's packages: Debian's as the balancers' image has it, the same as a later release, and two that are traps."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from functools import cached_property, partial
from pathlib import Path

from dbfleet_lab import deb
from dbfleet_lab.cache import Cache, digest
from dbfleet_lab.deb import RECIPES, Deb, copy, write
from dbfleet_lab.images import IMAGES
from dbfleet_lab.shell import LabError

HAPROXY = RECIPES / "haproxy"
PROGRAM = "usr/sbin/haproxy"
# Where a trap keeps the program that it stands before.
BEHIND = "usr/lib/haproxy/haproxy"
INSTALLED, NEXT = "2.6.12", "2.6.13"
INFO = "var/lib/dpkg/info/haproxy."
SCRIPTS = ("conffiles", "postinst", "postrm", "preinst", "prerm")
TRAPS = ("bad", "strict")


def sources() -> str:
    """A short name for all that the packages are made of."""
    return digest([HAPROXY, Path(__file__), Path(deb.__file__)], IMAGES["cluster"].digest)


def file_name(version: str) -> str:
    """The name of a package's file, without Debian's revision."""
    return f"haproxy_{version}_amd64.deb"


def fill(cache: Cache, packages: Path) -> None:
    """Pack them all out of the image's files, so that they fit to what runs on the nodes."""
    with tarfile.open(IMAGES["cluster"].tree(cache)) as archive:
        debian = Debian(archive)
        for version, folder in ((INSTALLED, "."), (NEXT, "."), *((NEXT, trap) for trap in TRAPS)):
            contents = partial(_fill, debian, version, folder)
            text = f"Debian's HAProxy {INSTALLED} stamped {version} for the dbfleet lab"
            named = debian.version.replace(INSTALLED, version)
            Deb(Path(folder, file_name(version)), "haproxy", named, text, contents, depends=debian.depends).pack(
                packages
            )


@dataclass(frozen=True)
class Debian:
    """The package as it is installed in an image."""

    archive: tarfile.TarFile

    @cached_property
    def members(self) -> Mapping[str, tarfile.TarInfo]:
        return {member.name.removeprefix("./"): member for member in self.archive.getmembers()}

    @cached_property
    def control(self) -> Message:
        paragraphs = self.read("var/lib/dpkg/status").decode("utf-8").split("\n\n")
        return Parser().parsestr(next(text for text in paragraphs if text.startswith("Package: haproxy\n")))

    @property
    def version(self) -> str:
        if not self.control["Version"].startswith(f"{INSTALLED}-"):
            raise LabError(
                f"the image has HAProxy {self.control['Version']}, not {INSTALLED}; adapt haproxy_packages.py"
            )
        return self.control["Version"]

    @property
    def depends(self) -> str:
        return self.control["Depends"]

    def read(self, path: str) -> bytes:
        stream = self.archive.extractfile(self.members[path])
        assert stream is not None, path
        return stream.read()

    def files(self) -> dict[str, tarfile.TarInfo]:
        """Its files by their packaged paths; the image has /lib inside /usr, and no documentation."""
        found = {}
        for line in self.read(f"{INFO}list").decode("utf-8").splitlines():
            path = line.lstrip("/")
            member = self.members.get(path) or self.members.get(f"usr/{path}")
            if member is not None and member.isreg():
                found[path] = member
        return found


def _fill(debian: Debian, version: str, folder: str, tree: Path) -> None:
    for path, member in debian.files().items():
        _put(tree / path, debian.read(member.name.removeprefix("./")), member.mode)
    for script in SCRIPTS:
        _put(tree / "DEBIAN" / script, debian.read(INFO + script), 0o644 if script == "conffiles" else 0o755)
    _stamp(tree / PROGRAM, debian.version, debian.version.replace(INSTALLED, version))
    if folder in TRAPS:
        copy(tree / PROGRAM, tree / BEHIND, 0o755)
        copy(HAPROXY / f"haproxy-{folder}", tree / PROGRAM, 0o755)


def _stamp(program: Path, old: str, new: str) -> None:
    """Have the program say that it is another release; both are as long, so nothing else moves."""
    content = program.read_bytes()
    if old.encode() not in content:
        raise LabError(f"{program.name} does not name its version {old}; adapt haproxy_packages.py")
    program.write_bytes(content.replace(old.encode(), new.encode()))


def _put(target: Path, content: bytes, mode: int) -> None:
    write(target, "", mode)
    target.write_bytes(content)
