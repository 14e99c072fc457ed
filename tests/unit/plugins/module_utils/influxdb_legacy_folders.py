# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders and log of an InfluxDB 0.8 server that has data of 0.7, written as the real one writes them."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import os

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "fixtures", "influxdb-0.8.3")
STAMP = "[2026/11/21 01:21:49 UTC] "
MIGRATOR = "(github.com/influxdb/influxdb/migration.(*DataMigrator)."
HTTP = "(github.com/influxdb/influxdb/api/http.(*HttpServer)."

STARTED = STAMP + "[INFO] (main.main:128) Starting Influx Server 0.8.3 bound to 127.0.0.1..."
BEGUN = STAMP + "[INFO] " + HTTP + "migrateData.func1.1:1276) Starting Migration"
NO_FOLDER = STAMP + (
    "[EROR] " + MIGRATOR + "Migrate:61) Error Migrating: %!(EXTRA *fs.PathError=open /srv/p4/db/shard_db: no such file or directory)"
)
WRITE_FAILED = STAMP + "[EROR] " + MIGRATOR + "migrateDatabaseInShard:137) Writing Series data: disk is full"
NOT_OPENED = STAMP + "[EROR] " + MIGRATOR + "migrateDir:86) Migration error getting shard: Corruption: no meta-nextfile entry"
OTHER_ERROR = STAMP + "[EROR] (github.com/influxdb/influxdb/cluster.(*WriteBuffer).write:70) local: WRITE ERROR disk is full"
WARNING = STAMP + "[WARN] (github.com/influxdb/influxdb/wal.(*log).check:70) /srv/o8/wal/log.1 was truncated to 1170754"


def migrating(shard):
    return STAMP + "[INFO] " + MIGRATOR + "migrateDir:83) Migrating " + shard


def skipped(shard):
    return STAMP + "[INFO] " + MIGRATOR + "migrateDir:80) Already migrated " + shard + ". Skipping"


def database(name):
    return STAMP + "[INFO] " + MIGRATOR + "migrateDatabaseInShard:105) Migrating database " + name + " for shard"


def done(name):
    return STAMP + "[INFO] " + MIGRATOR + "migrateDatabaseInShard:145) Done migrating " + name + " for shard"


def migrated(shard):
    """The lines of a shard that went well."""
    return [migrating(shard), database("test"), done("test")]


class Folders(object):
    """The folders below path; each shard holds 100 bytes."""

    def __init__(self, path, shards=("00001", "00002", "00003")):
        self.path = str(path)
        self.log_file = os.path.join(self.path, "log.txt")
        self.write("raft/log", b"x")
        os.makedirs(os.path.join(self.path, "db"))
        for shard in shards:
            self.write("db/shard_db/{0}/000003.log".format(shard), b"x" * 100)
        self.log([STARTED])

    def write(self, name, content):
        path = os.path.join(self.path, name)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with io.open(path, "wb") as stream:
            stream.write(content)

    def mark(self, *shards, **changes):
        for shard in shards:
            self.write("db/shard_db/{0}/MIGRATED".format(shard), changes.get("content", b"done.\n"))

    def log(self, lines):
        with io.open(self.log_file, "ab") as stream:
            stream.write("".join(line + "\n" for line in lines).encode("utf-8"))

    def migrate(self, *shards):
        """What the server does to shards that go well."""
        for shard in shards:
            self.log(migrated(shard))
            self.mark(shard)
