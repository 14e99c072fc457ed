# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed between the releases that a client can tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

APACHE = "The Apache Software Foundation"
# What `GET /` gives as the commit of releases; the stand-in has none of its own.
COMMITS = {"3.3.2": "11a234070", "3.3.3": "40afbcfc7", "3.4.3": "e12b967"}


@dataclass(frozen=True)
class Release:
    """A release, as releases/start_erl.data names it."""

    version: str
    erts: str = "13.2"

    @classmethod
    def of(cls, home: Path) -> Release:
        erts, version = (home / "releases/start_erl.data").read_text(encoding="ascii").split()
        return cls(version, erts)

    @property
    def api(self) -> tuple[int, ...]:
        """The version of the API; Cloudant Local 1.0, which is older than any CouchDB cluster, counts as 2.0."""
        parts = tuple(int(part) for part in self.version.split("-")[0].split("."))
        return parts if parts >= (2,) else (2, 0, 0)

    def since(self, *version: int) -> bool:
        return self.api >= version

    @property
    def features(self) -> list[str]:
        """What `GET /` lists, in the order of the real one."""
        added = (
            ((3, 4), "quickjs"),
            ((3,), "access-ready"),
            ((3,), "partitioned"),
            ((2, 3), "pluggable-storage-engines"),
            ((3,), "reshard"),
            ((2, 1), "scheduler"),
        )
        return [feature for version, feature in added if self.since(*version)]

    @property
    def server_header(self) -> str:
        major = int(self.erts.split(".", maxsplit=1)[0])
        return f"CouchDB/{self.version} (Erlang OTP/{major + 12 if major > 10 else major + 11})"

    @property
    def default_shards(self) -> str:
        """The number of ranges of a new database, where the configuration does not say it."""
        return "2" if self.since(3) else "8"
