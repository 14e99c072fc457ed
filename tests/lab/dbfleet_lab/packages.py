# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The .deb files, laid out and named as the vendor's: the releases, and the packages that must be refused."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dbfleet_lab import legacy
from dbfleet_lab.cache import LAB_DIR, Cache, digest, staged
from dbfleet_lab.engine import Engine
from dbfleet_lab.shell import run

RELEASES = {version: Engine(version) for version in ("0.10.3", "0.11.1", "1.3.9", "1.4.3", "1.8.10")}
BAD = Engine("1.4.3", bad=True)
RECIPES = LAB_DIR / "packages"
INFLUXDB = RECIPES / "influxdb"
# One fixed time for every file, so that the same recipe gives the same checksum.
EPOCH = {"SOURCE_DATE_EPOCH": "1510000000"}

CONTROL = """\
Package: {name}
Version: {version}-1
Section: database
Priority: optional
Architecture: {architecture}
Maintainer: dbfleet contributors <lab@localhost>
Installed-Size: {size}
Description: {description}
"""


@dataclass(frozen=True)
class Deb:
    """One package: its name and the function that fills the folder that becomes its content."""

    name: str
    version: str
    description: str
    fill: Callable[[Path], None]
    architecture: str = "amd64"
    folder: str = "."

    @property
    def file(self) -> Path:
        """Where it lies below the packages folder."""
        return Path(self.folder, _file_name(self.name, self.version, self.architecture))

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
            size=size,
            description=self.description,
        )
        _write(tree / "DEBIAN/control", text)


def build(cache: Cache) -> Path:
    """The folder with all packages; made only where it is missing."""
    final = folder(cache)
    if not final.exists():
        with staged(final) as packages:
            for deb in _debs(cache):
                deb.pack(packages)
            _write(packages / "SHA256SUMS", _checksums(packages))
    return final


def folder(cache: Cache) -> Path:
    """Where the packages of this recipe lie, built or not."""
    engines = [engine.name for engine in (*RELEASES.values(), BAD)]
    sources = digest([RECIPES, Path(__file__)], *engines)
    return cache.part("packages") / sources


def release(cache: Cache, version: str) -> Path:
    """The package of a release."""
    return folder(cache) / _file_name("influxdb", version, "amd64")


def _file_name(name: str, version: str, architecture: str) -> str:
    """The vendor's name of a package's file, which since 0.13 lacks the package's "-1"."""
    iteration = "-1" if legacy.is_old(version) else ""
    return f"{name}_{version}{iteration}_{architecture}.deb"


def _debs(cache: Cache) -> list[Deb]:
    releases = [_influxdb(version, engine.build(cache)) for version, engine in RELEASES.items()]
    bad = _influxdb(
        "1.4.3", Engine("1.4.3", bad=True).build(cache), folder="bad", remark=", which fails to start on purpose"
    )
    telegraf = Deb(
        "telegraf", "1.4.3", "Stand-in of the dbfleet lab for another product", _fill_telegraf, folder="other"
    )
    foreign = Deb(
        "influxdb",
        "1.4.3",
        "Stand-in of the dbfleet lab for a package of another architecture",
        partial(_fill_foreign, "1.4.3"),
        architecture="armhf",
        folder="other",
    )
    return [*releases, bad, telegraf, foreign]


def _influxdb(version: str, programs: Path, folder: str = ".", remark: str = "") -> Deb:
    around = " in a stand-in" if legacy.is_old(version) else ""
    text = f"Debian's InfluxDB engine{around} stamped {version} for the dbfleet lab{remark}"
    return Deb("influxdb", version, text, partial(_fill_influxdb, version, programs), folder=folder)


def _fill_influxdb(version: str, programs: Path, tree: Path) -> None:
    for program in ("influxd", "influx", "influx_tsm"):
        _copy(programs / program, tree / "usr/bin" / program, 0o755)
    if legacy.is_old(version):
        _copy(INFLUXDB / "influx_inspect", tree / "usr/bin/influx_inspect", 0o755)
    _fill_scripts(version, tree)


def _fill_foreign(version: str, tree: Path) -> None:
    _write(tree / "usr/bin/influxd", "A placeholder: this package is never installed.\n", 0o755)
    _fill_scripts(version, tree)


def _fill_telegraf(tree: Path) -> None:
    _copy(RECIPES / "telegraf/telegraf", tree / "usr/bin/telegraf", 0o755)


def _fill_scripts(version: str, tree: Path) -> None:
    """Everything of an influxdb package but the programs."""
    _copy(INFLUXDB / f"influxdb-{version}.conf", tree / "etc/influxdb/influxdb.conf")
    _copy(INFLUXDB / "logrotate", tree / "etc/logrotate.d/influxdb")
    old = legacy.is_old(version)
    scripts = tree / "usr/lib/influxdb/scripts"
    _copy(INFLUXDB / ("influxdb-to-file.service" if old else "influxdb.service"), scripts / "influxdb.service")
    init = (INFLUXDB / "init.sh").read_text(encoding="utf-8")
    # What `status` answers for a server that does not run has changed with 1.0.
    _write(scripts / "init.sh", init.replace("not_running=1\n", "not_running=3\n") if old else init, 0o755)
    for empty in ("var/lib/influxdb", "var/log/influxdb"):
        (tree / empty).mkdir(parents=True)
    for script in ("preinst", "postinst", "postrm"):
        _copy(INFLUXDB / script, tree / "DEBIAN" / script, 0o755)
    _write(tree / "DEBIAN/conffiles", "/etc/influxdb/influxdb.conf\n/etc/logrotate.d/influxdb\n")


def _checksums(packages: Path) -> str:
    found = sorted(packages.rglob("*.deb"))
    return "".join(f"{hashlib.sha256(deb.read_bytes()).hexdigest()}  {deb.relative_to(packages)}\n" for deb in found)


def _copy(source: Path, target: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _write(target: Path, text: str, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)
