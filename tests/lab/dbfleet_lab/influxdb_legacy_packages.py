# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of InfluxDB before 0.9, laid out and named as the vendor's, with the simulator in them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dbfleet_lab import deb
from dbfleet_lab.cache import LAB_DIR, Cache, digest
from dbfleet_lab.deb import Deb, copy, write

HOME = LAB_DIR / "influxdb_legacy"
RECIPES = HOME / "package"
# Releases, with the one whose sample configuration each brings.
RELEASES = {"0.7.3": "0.7.3", "0.8.3": "0.8.3", "0.8.8": "0.8.3"}
DEPENDS = "passwd, python3 | python2.7"


def sources() -> str:
    """A short name for all that the packages are made of."""
    return digest([RECIPES, *_simulator(), Path(__file__), Path(deb.__file__)])


def file_name(version: str) -> str:
    """The vendor's name of a package's file."""
    return f"influxdb_{version}_amd64.deb"


def fill(_cache: Cache, packages: Path) -> None:
    """Pack them all."""
    for version in RELEASES:
        text = f"A simulator of InfluxDB {version} for the dbfleet lab"
        contents = partial(_fill, version)
        Deb(Path(file_name(version)), "influxdb", version, text, contents, depends=DEPENDS).pack(packages)


def _fill(version: str, tree: Path) -> None:
    home = tree / "opt/influxdb/versions" / version
    copy(RECIPES / "influxdb", home / "influxdb", 0o755)
    copy(RECIPES / "program.py", home / "program/influxdb")
    copy(RECIPES / "init.sh", home / "scripts/init.sh", 0o755)
    copy(RECIPES / f"config-{RELEASES[version]}.toml", home / "config.toml")
    for module in _simulator():
        copy(module, home / module.relative_to(HOME))
    write(home / "release", f"{version}\n")
    write(home / "admin/interfaces/default/index.html", "InfluxDB Administration\n")
    postinst = (RECIPES / "postinst").read_text(encoding="ascii")
    write(tree / "DEBIAN/postinst", postinst.replace("@VERSION@", version), 0o755)


def _simulator() -> list[Path]:
    """Its modules, without what Python and tests leave beside them."""
    return sorted((HOME / "influxdb_sim").glob("*.py"))
