# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the releases differ in."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

COMMITS = {"0.7.3": "216a3eb21d", "0.8.3": "fbf9a47405", "0.8.8": "afde71eb17"}


class Release:
    """One program is all releases."""

    def __init__(self, version):
        # type: (str) -> None
        if version not in COMMITS:
            raise ValueError("there is no %s, only %s" % (version, ", ".join(sorted(COMMITS))))
        self.version = version
        self._number = tuple(int(part) for part in version.split("."))

    @property
    def banner(self):
        # type: () -> str
        """What the program and every answer say."""
        return "InfluxDB v%s (git: %s) (leveldb: 1.15)" % (self.version, COMMITS[self.version])

    @property
    def has_spaces(self):
        # type: () -> bool
        """Whether shards belong to shard spaces of databases, in shard_db_v2; before, all databases shared all shards."""
        return self._number >= (0, 8)

    @property
    def migrates(self):
        # type: () -> bool
        """Whether there is POST /cluster/migrate_data."""
        return (0, 8) <= self._number < (0, 8, 4)

    def unknown_series(self, series):
        # type: (str) -> str
        """What a query for a series that is not there is told from 0.8 on."""
        return "Couldn't look up columns" if self._number < (0, 8, 4) else "Couldn't find series: %s" % series
