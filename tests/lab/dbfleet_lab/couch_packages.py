# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CouchDB's packages, laid out as the project's: the releases, and some that look like one and are traps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dbfleet_lab import deb
from dbfleet_lab.cache import LAB_DIR, Cache, digest
from dbfleet_lab.deb import RECIPES, Deb, copy, write

COUCHDB = RECIPES / "couchdb"
SIMULATOR = LAB_DIR / "couchdb/couchdb_sim"
HOME = "opt/couchdb"
# Releases, with the version of the Erlang runtime that the project's package of each brings.
RELEASES = {"3.3.3": "12.3", "3.4.3": "13.2"}
DEPENDS = "adduser, init-system-helpers, procps, python3"


@dataclass(frozen=True)
class Variant:
    """What one package has of its own: the release its server says it is, and recipes other than the usual."""

    version: str
    says: str
    folder: str = "."
    remark: str = ""
    recipes: Mapping[str, str] = field(default_factory=dict)
    """Recipes for files of the package, in place of those for all."""


VARIANTS = (
    *(Variant(version, says=version) for version in RELEASES),
    Variant("3.4.3", "3.4.3", "bad", ", which fails to start on purpose", {f"{HOME}/bin/couchdb": "couchdb-bad"}),
    Variant("3.4.3", "3.3.3", "same", ", whose server is the old one on purpose"),
    Variant("3.4.3", "3.4.3", "noconf", ", which replaces local.ini on purpose", {"DEBIAN/preinst": "preinst-noconf"}),
    Variant("3.4.3", "3.4.3", "cookie", ", which changes the cookie on purpose", {"DEBIAN/preinst": "preinst-cookie"}),
    Variant("3.4.3", "3.4.3", "name", ", which changes the node's name on purpose", {"DEBIAN/preinst": "preinst-name"}),
)
PROGRAMS = {
    f"{HOME}/bin/couchdb": "couchdb",
    f"{HOME}/bin/weatherreport": "weatherreport",
    "DEBIAN/postinst": "postinst",
    "DEBIAN/prerm": "prerm",
    "DEBIAN/postrm": "postrm",
}
FILES = {
    f"{HOME}/etc/default.ini": "default.ini",
    f"{HOME}/etc/local.ini": "local.ini",
    "lib/systemd/system/couchdb.service": "couchdb.service",
}
CONFFILES = (f"{HOME}/etc/local.ini", f"{HOME}/etc/vm.args")
LINKS = {f"{HOME}/data": "/var/lib/couchdb", f"{HOME}/var/log": "/var/log/couchdb"}


def sources() -> str:
    """A short name for all that the packages are made of."""
    return digest([COUCHDB, *simulator(), Path(__file__), Path(deb.__file__)])


def file_name(version: str) -> str:
    """The name of a package's file, as people keep it: the project's own has the suite of Debian in it."""
    return f"couchdb_{version}_amd64.deb"


def fill(_cache: Cache, packages: Path) -> None:
    """Pack them all."""
    for variant in VARIANTS:
        text = f"A simulator of CouchDB {variant.version} for the dbfleet lab{variant.remark}"
        file = Path(variant.folder, file_name(variant.version))
        contents = partial(_fill, variant)
        Deb(file, "couchdb", f"{variant.version}~bookworm", text, contents, depends=DEPENDS).pack(packages)


def _fill(variant: Variant, tree: Path) -> None:
    for target, recipe in {**PROGRAMS, **variant.recipes}.items():
        copy(COUCHDB / recipe, tree / target, 0o755)
    for target, recipe in FILES.items():
        copy(COUCHDB / recipe, tree / target)
    copy(COUCHDB / f"vm.args-{variant.version}", tree / HOME / "etc/vm.args")
    for module in simulator():
        copy(module, tree / HOME / "lib" / module.relative_to(SIMULATOR.parent))
    write(tree / HOME / "releases/start_erl.data", f"{RELEASES[variant.says]} {variant.says}\n")
    write(tree / "DEBIAN/conffiles", "".join(f"/{file}\n" for file in CONFFILES))
    _fill_folders(tree)


def _fill_folders(tree: Path) -> None:
    for folder in ("default.d", "local.d"):
        (tree / HOME / "etc" / folder).mkdir()
    for target, place in LINKS.items():
        (tree / place.lstrip("/")).mkdir(parents=True)
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        (tree / target).symlink_to(place)


def simulator() -> list[Path]:
    """Its modules, without what Python and tests leave beside them."""
    return sorted(SIMULATOR.rglob("*.py"))
