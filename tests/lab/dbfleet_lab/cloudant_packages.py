# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloudant Local's installers: self-extracting archives that bring CAST and the packages of nodes."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template

from dbfleet_lab import deb
from dbfleet_lab.cache import LAB_DIR, Cache, digest
from dbfleet_lab.couch_packages import SIMULATOR, simulator
from dbfleet_lab.deb import Deb, copy, write

CLOUDANT = LAB_DIR / "cloudant"
HOME = "opt/cloudant"
ERTS = "5.10"
# Where the installer's own text ends; its last command before that is an exit.
MARK = b"ARCHIVE FOLLOWS\n"


@dataclass(frozen=True)
class Release:
    """What a release says of itself."""

    version: str
    build: str
    vendor: str
    api: str

    @property
    def package_version(self) -> str:
        return f"{self.version}-{self.build}"


RELEASES = {
    release.version: release
    for release in (
        Release("1.0.0.5", "512", "Cloudant, an IBM Company", "1.0.0.5-local"),
        Release("1.1.0", "984", "IBM Cloudant", "2.0.0"),
    )
}


def sources() -> str:
    """A short name for all that the installers are made of."""
    recipes = [path for path in CLOUDANT.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return digest([*recipes, *simulator(), Path(__file__), Path(deb.__file__)])


def file_name(version: str) -> str:
    return f"cloudant-{RELEASES[version].package_version}-debian12-x86_64.bin"


def fill(_cache: Cache, packages: Path) -> None:
    """Make the installers of all releases."""
    for release in RELEASES.values():
        with tempfile.TemporaryDirectory(dir=packages) as scratch:
            _fill_archive(release, Path(scratch))
            installer = packages / file_name(release.version)
            installer.write_bytes((CLOUDANT / "installer/self-extract").read_bytes() + MARK + _archive(Path(scratch)))
            installer.chmod(0o755)


def _fill_archive(release: Release, folder: Path) -> None:
    for program in ("install", "uninstall.bin"):
        copy(CLOUDANT / "installer" / program, folder / program, 0o755)
    write(folder / "version.txt", f"{release.version}\n")
    (folder / "repo").mkdir()
    for package in _debs(release):
        package.pack(folder / "repo")


def _debs(release: Release) -> list[Deb]:
    contents: dict[str, Callable[[Path], None]] = {
        "cast": _fill_cast,
        "dbnode": partial(_fill_dbnode, release),
        "lbnode": _fill_lbnode,
    }
    depends = {
        "cast": "python3, python3-yaml",
        "dbnode": "adduser, cloudant-cast, runit",
        "lbnode": "cloudant-cast, haproxy",
    }
    version = release.package_version
    return [
        Deb(
            Path(f"cloudant-{name}_{version}_amd64.deb"),
            f"cloudant-{name}",
            version,
            f"Stand-in of the dbfleet lab for cloudant-{name} of Cloudant Local {release.version}",
            fill,
            depends=depends[name],
        )
        for name, fill in contents.items()
    ]


def _fill_cast(tree: Path) -> None:
    """CAST, and the simulator, by whose way of speaking CAST asks a server."""
    for module in sorted((CLOUDANT / "cast").glob("*.py")):
        copy(module, tree / HOME / "cast" / module.name)
    for sample in ("dbnode.yaml", "lbnode.yaml"):
        copy(CLOUDANT / "samples" / sample, tree / HOME / "cast/samples" / sample)
    for module in simulator():
        copy(module, tree / HOME / "lib" / module.relative_to(SIMULATOR.parent))
    copy(CLOUDANT / "installer/cast.sh", tree / HOME / "bin/cast", 0o755)
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/cast").symlink_to(f"/{HOME}/bin/cast")


def _fill_dbnode(release: Release, tree: Path) -> None:
    recipes = CLOUDANT / "dbnode"
    copy(recipes / "weatherreport", tree / HOME / "bin/weatherreport", 0o755)
    copy(recipes / "run", tree / "etc/sv/cloudant/run", 0o755)
    copy(recipes / "log-run", tree / "etc/sv/cloudant/log/run", 0o755)
    defaults = Template((recipes / "default.ini").read_text(encoding="utf-8"))
    write(tree / HOME / "etc/default.ini", defaults.substitute(vendor=release.vendor, version=release.version))
    write(tree / HOME / "releases/start_erl.data", f"{ERTS} {release.api}\n")
    for script in ("postinst", "postrm"):
        copy(recipes / script, tree / "DEBIAN" / script, 0o755)


def _fill_lbnode(tree: Path) -> None:
    template = "haproxy-cloudant.cfg"
    copy(CLOUDANT / "lbnode" / template, tree / "etc/haproxy" / template)


def _archive(folder: Path) -> bytes:
    """The content of a folder, the same bytes whenever it is the same."""
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as compressed, tarfile.open("", "w", compressed) as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, str(path.relative_to(folder)), recursive=False, filter=_anonymous)
    return packed.getvalue()


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
