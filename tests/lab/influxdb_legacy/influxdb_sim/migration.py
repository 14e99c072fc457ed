# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration of the shards of 0.7, as 0.8.0 to 0.8.3 have it: what goes wrong is logged, and the shard marked as done."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import io
import os
import re
import threading
import time

from influxdb_sim.datastore import OLD
from influxdb_sim.errors import ApiError
from influxdb_sim.leveldb import Shard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List  # noqa: F401 (read by type comments)

    from influxdb_sim.node import Node  # noqa: F401 (read by type comments)

MARKER = "MIGRATED"
BATCH = 100
PAUSE_EVERY = 10000
PLACE = "migration.(*DataMigrator)."


class Migrator:
    """At most one migration at a time, of this server's own folder only."""

    def __init__(self, node):
        # type: (Node) -> None
        self._node, self._log = node, node.log
        self._folder = os.path.join(node.storage, OLD)
        self._running = threading.Lock()

    def start(self, pause):
        # type: (float) -> bool
        """Begin in the background; False where one is running."""
        if not self._running.acquire(False):
            return False
        thread = threading.Thread(target=self._run, args=(pause,))
        thread.daemon = True
        thread.start()
        return True

    def _run(self, pause):
        # type: (float) -> None
        try:
            self._log.info("api/http.(*HttpServer).migrateData.func1.1:1276", "Starting Migration")
            self._log.info(PLACE + "Migrate:58", "Migrating from dir %s" % self._folder)
            for name in self._names():
                self._migrate(name, pause)
        finally:
            self._running.release()

    def _names(self):
        # type: () -> List[str]
        """The old shards, the highest number first."""
        try:
            return sorted([name for name in os.listdir(self._folder) if re.match("[0-9]+$", name)], reverse=True)
        except OSError as error:
            what = "open %s: %s" % (self._folder, os.strerror(error.errno or 0).lower())
            self._log.error(PLACE + "Migrate:61", "Error Migrating: %%!(EXTRA *fs.PathError=%s)" % what)
            return []

    def _migrate(self, name, pause):
        # type: (str, float) -> None
        folder = os.path.join(self._folder, name)
        if os.path.exists(os.path.join(folder, MARKER)):
            self._log.info(PLACE + "migrateDir:80", "Already migrated %s. Skipping" % name)
            return
        self._log.info(PLACE + "migrateDir:83", "Migrating %s" % name)
        try:
            shard = Shard(folder)
        except EnvironmentError as error:
            self._log.error(PLACE + "migrateDir:86", "Migration error getting shard: %s" % error)
            return
        for database in list(self._node.configuration.databases):
            self._migrate_database(database, shard, pause)
        shard.close()
        with io.open(os.path.join(folder, MARKER), "w", encoding="ascii") as stream:
            stream.write("done.\n")

    def _migrate_database(self, database, shard, pause):
        # type: (str, Shard, float) -> None
        place = PLACE + "migrateDatabaseInShard:"
        self._log.info(place + "105", "Migrating database %s for shard" % database)
        names = shard.names(database)
        self._log.info(place + "107", "Migrating %d series" % len(names))
        written = 0
        for name in names:
            points = shard.points((database, name))
            for start in range(0, len(points), BATCH):
                batch = points[start : start + BATCH]
                try:
                    self._node.coordinator.write(database, name, batch)
                except (ApiError, EnvironmentError) as error:
                    self._log.error(place + "138", "Writing Series data: %s" % error)
                written += len(batch)
                if written > PAUSE_EVERY:
                    time.sleep(max(0, pause))
                    written = 0
        self._log.info(place + "145", "Done migrating %s for shard" % database)
