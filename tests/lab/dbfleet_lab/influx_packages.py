# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""InfluxDB's packages, laid out and named as the vendor's: the releases, and the packages that must be refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dbfleet_lab import deb, legacy
from dbfleet_lab.cache import Cache, digest
from dbfleet_lab.deb import RECIPES, Deb, copy, write
from dbfleet_lab.engine import Engine

RELEASES = {version: Engine(version) for version in ("0.10.3", "0.11.1", "1.3.9", "1.4.3", "1.8.10")}
BAD = Engine("1.4.3", bad=True)
INFLUXDB = RECIPES / "influxdb"
TELEGRAF = RECIPES / "telegraf"


def sources() -> str:
    """A short name for all that the packages are made of."""
    engines = [engine.name for engine in (*RELEASES.values(), BAD)]
    return digest([INFLUXDB, TELEGRAF, Path(__file__), Path(deb.__file__)], *engines)


def file_name(version: str, name: str = "influxdb", architecture: str = "amd64") -> str:
    """The vendor's name of a package's file, which since 0.13 lacks the package's "-1"."""
    iteration = "-1" if legacy.is_old(version) else ""
    return f"{name}_{version}{iteration}_{architecture}.deb"


def fill(cache: Cache, packages: Path) -> None:
    """Pack them all."""
    for package in _debs(cache):
        package.pack(packages)


def _debs(cache: Cache) -> list[Deb]:
    releases = [_influxdb(version, engine.build(cache)) for version, engine in RELEASES.items()]
    bad = _influxdb("1.4.3", BAD.build(cache), folder="bad", remark=", which fails to start on purpose")
    telegraf = Deb(
        Path("other", file_name("1.4.3", name="telegraf")),
        "telegraf",
        "1.4.3-1",
        "Stand-in of the dbfleet lab for another product",
        _fill_telegraf,
    )
    foreign = Deb(
        Path("other", file_name("1.4.3", architecture="armhf")),
        "influxdb",
        "1.4.3-1",
        "Stand-in of the dbfleet lab for a package of another architecture",
        partial(_fill_foreign, "1.4.3"),
        architecture="armhf",
    )
    return [*releases, bad, telegraf, foreign]


def _influxdb(version: str, programs: Path, folder: str = ".", remark: str = "") -> Deb:
    around = " in a stand-in" if legacy.is_old(version) else ""
    text = f"Debian's InfluxDB engine{around} stamped {version} for the dbfleet lab{remark}"
    contents = partial(_fill_influxdb, version, programs)
    return Deb(Path(folder, file_name(version)), "influxdb", f"{version}-1", text, contents)


def _fill_influxdb(version: str, programs: Path, tree: Path) -> None:
    for program in ("influxd", "influx", "influx_tsm"):
        copy(programs / program, tree / "usr/bin" / program, 0o755)
    if legacy.is_old(version):
        copy(INFLUXDB / "influx_inspect", tree / "usr/bin/influx_inspect", 0o755)
    _fill_scripts(version, tree)


def _fill_foreign(version: str, tree: Path) -> None:
    write(tree / "usr/bin/influxd", "A placeholder: this package is never installed.\n", 0o755)
    _fill_scripts(version, tree)


def _fill_telegraf(tree: Path) -> None:
    copy(TELEGRAF / "telegraf", tree / "usr/bin/telegraf", 0o755)


def _fill_scripts(version: str, tree: Path) -> None:
    """Everything of an influxdb package but the programs."""
    copy(INFLUXDB / f"influxdb-{version}.conf", tree / "etc/influxdb/influxdb.conf")
    copy(INFLUXDB / "logrotate", tree / "etc/logrotate.d/influxdb")
    old = legacy.is_old(version)
    scripts = tree / "usr/lib/influxdb/scripts"
    copy(INFLUXDB / ("influxdb-to-file.service" if old else "influxdb.service"), scripts / "influxdb.service")
    init = (INFLUXDB / "init.sh").read_text(encoding="utf-8")
    # What `status` answers for a server that does not run has changed with 1.0.
    write(scripts / "init.sh", init.replace("not_running=1\n", "not_running=3\n") if old else init, 0o755)
    for empty in ("var/lib/influxdb", "var/log/influxdb"):
        (tree / empty).mkdir(parents=True)
    for script in ("preinst", "postinst", "postrm"):
        copy(INFLUXDB / script, tree / "DEBIAN" / script, 0o755)
    write(tree / "DEBIAN/conffiles", "/etc/influxdb/influxdb.conf\n/etc/logrotate.d/influxdb\n")
