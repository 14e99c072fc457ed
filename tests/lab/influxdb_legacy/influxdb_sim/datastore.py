# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shards of this server, each a folder with a number for its name."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import io
import os
import shutil

from influxdb_sim.leveldb import Shard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional  # noqa: F401 (read by type comments)

    from influxdb_sim.log import Log  # noqa: F401 (read by type comments)

OLD, NEW = "shard_db", "shard_db_v2"


class Datastore:
    """The opened shards below one folder; with an engine, each has a file that names it."""

    def __init__(self, folder, engine, log):
        # type: (str, Optional[str], Log) -> None
        self._folder, self._engine, self._log = folder, engine, log
        self._shards = {}  # type: Dict[int, Shard]
        if not os.path.isdir(folder):
            os.makedirs(folder, 0o755)

    def __contains__(self, number):
        # type: (int) -> bool
        return number in self._shards

    def __getitem__(self, number):
        # type: (int) -> Shard
        return self._shards[number]

    def open(self, number):
        # type: (int) -> None
        """Open a shard, which is made where it is missing."""
        path = self._path(number)
        place = "datastore.(*ShardDatastore).GetOrCreateShard:162"
        self._log.info(place, "DATASTORE: opening or creating shard %s" % path)
        self._shards[number] = Shard(path)
        if self._engine:
            with io.open(os.path.join(path, "type"), "w", encoding="ascii") as stream:
                stream.write(self._engine)

    def remove(self, number):
        # type: (int) -> None
        """Close a shard and remove its folder."""
        self._shards.pop(number).close()
        shutil.rmtree(self._path(number))

    def delete(self, database, name, start, end):
        # type: (str, Optional[str], int, int) -> None
        """Remove points from all shards."""
        for shard in list(self._shards.values()):
            shard.delete(database, name, start, end)

    def _path(self, number):
        # type: (int) -> str
        return os.path.join(self._folder, "%05d" % number)
