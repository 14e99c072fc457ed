# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of CouchDB as its nodes tell of their copies of shards, in place of servers."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import threading

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

A, B, C = NAMES = ["couchdb@10.0.0.1", "couchdb@10.0.0.2", "couchdb@10.0.0.3"]
LOW, HIGH = "00000000-7fffffff", "80000000-ffffffff"
NOT_FOUND = FleetError("no such copy", reason="not-found")


class Cluster(object):
    """Copies of shards as the nodes tell of them. A copy: uuid, update_seq, the seq of its last document, its checkpoints."""

    def __init__(self, names=None, version="3.4.3"):
        self.names = list(names or NAMES)
        self.version = version
        self.maps = {}
        self.own_maps = {}
        self.copies = {}
        self.jobs = dict.fromkeys(self.names, 0)
        self.up = {}
        self.connected = {}
        self.pushes = []
        self.asked = []
        self.on_sync_shards = lambda database: None
        self.on_sleep = lambda: None

    def add(self, database, ranges=(LOW, HIGH), holders=None, seq=10):
        """A database whose copies are all in sync."""
        by_range = {bounds: list(holders or self.names) for bounds in ranges}
        self.maps[database] = by_range
        for bounds in ranges:
            for name in by_range[bounds]:
                self.copies[name, self.shard(database, bounds)] = self.fresh(seq)
        for bounds in ranges:
            self.push_all(database, bounds)
        return self

    def fresh(self, seq=0):
        return {"uuid": "uuid{0}".format(len(self.pushes) + len(self.copies)), "seq": seq, "last": seq, "kept": {}}

    @staticmethod
    def shard(database, bounds=LOW):
        return "shards/{0}/{1}.1".format(bounds, database)

    def copy(self, name, database="db", bounds=LOW):
        return self.copies[name, self.shard(database, bounds)]

    def write(self, name, count=1, database="db", bounds=LOW):
        copy = self.copy(name, database, bounds)
        copy["seq"] += count
        copy["last"] = copy["seq"]

    def push_all(self, database="db", bounds=LOW):
        holders = self.maps[database][bounds]
        for source in holders:
            for target in holders:
                if source != target:
                    self.push(source, target, database, bounds)

    def push(self, source, target, database="db", bounds=LOW, seq=None):
        """What mem3 writes on both sides after a push: newest entry first, and the older ones behind it."""
        begin, end = self.copy(source, database, bounds), self.copy(target, database, bounds)
        identity = "_local/shard-sync-{0}-{1}".format(begin["uuid"], end["uuid"])
        entry = {
            "source_node": source,
            "source_uuid": begin["uuid"],
            "source_seq": begin["last"] if seq is None else seq,
            "target_node": target,
            "target_uuid": end["uuid"],
            "target_seq": end["seq"],
            "timestamp": "2026-11-21T01:49:08.000000Z",
        }
        older = begin["kept"].get(identity, {"history": {source: []}})["history"][source]
        document = {"_id": identity, "seq": entry["source_seq"], "history": {source: [entry] + older}}
        begin["kept"][identity] = end["kept"][identity] = document
        self.pushes.append(document)

    def connect(self, params):
        [name] = [name for name in self.names if name.endswith("@" + params["host"])]
        return Client(self, name)


class Client(object):
    """What a client of one node answers. That two threads ask it at once fails the test."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.requests = 0
        self.url = "http://{0}:5984".format(name)
        self.busy = threading.Lock()

    def _asked(self, *question):
        assert self.busy.acquire(False)
        self.requests += 1
        self.cluster.asked.append((self.name,) + question)
        self.busy.release()

    def api(self):
        return tuple(int(part) for part in self.cluster.version.split("."))

    def welcome(self):
        cloudant = self.cluster.version == "2.0.0"
        vendor = {"name": "IBM Cloudant", "version": "1.1.0"} if cloudant else {"name": "The Apache Software Foundation"}
        return {"couchdb": "Welcome", "version": self.cluster.version, "vendor": vendor}

    def up(self):
        status = self.cluster.up.get(self.name, "ok")
        return {"status": status, "code": 200 if status == "ok" else 404}

    def membership(self):
        return {"all_nodes": self.cluster.connected.get(self.name, self.cluster.names), "cluster_nodes": self.cluster.names}

    def node_name(self):
        return None if self.cluster.version == "2.0.0" else self.name

    def system(self, node):
        return {"internal_replication_jobs": self.cluster.jobs[node]}

    def shard_maps(self):
        self._asked("maps")
        return {
            database: {bounds: (Cluster.shard(database, bounds), holders) for bounds, holders in by_range.items()}
            for database, by_range in self.cluster.own_maps.get(self.name, self.cluster.maps).items()
        }

    def _copy(self, node, shard):
        assert node == self.name, "releases before 3 tell of their own copies only"
        if (node, shard) not in self.cluster.copies:
            raise NOT_FOUND
        return self.cluster.copies[node, shard]

    def shard_info(self, node, shard):
        self._asked("info", shard)
        copy = self._copy(node, shard)
        return {"update_seq": copy["seq"], "uuid": copy["uuid"], "doc_count": 5, "doc_del_count": 0}

    def shard_checkpoints(self, node, shard):
        self._asked("checkpoints", shard)
        return list(self._copy(node, shard)["kept"].values())

    def shard_last_seq(self, node, shard):
        self._asked("last_seq", shard)
        return self._copy(node, shard)["last"]

    def sync_shards(self, database):
        self._asked("sync_shards", database)
        if self.api() < (2, 3, 1):
            return False
        self.cluster.on_sync_shards(database)
        return True
