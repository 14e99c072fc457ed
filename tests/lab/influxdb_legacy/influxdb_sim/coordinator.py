# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where points are written, and where they are found: in the shards of this server and of the others."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import re
from collections import OrderedDict

from influxdb_sim import durations
from influxdb_sim.cluster import call
from influxdb_sim.configuration import LONG, SHORT, go_date
from influxdb_sim.errors import ApiError
from influxdb_sim.query import FOREVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)

    from influxdb_sim.leveldb import Point  # noqa: F401 (read by type comments)
    from influxdb_sim.node import Node  # noqa: F401 (read by type comments)

LONG_TERM_SERIES = re.compile("^[A-Z]")
# A database with one series, beside others that made 19 shards, was not listed by 0.7.3; beside 13 shards one with two
# was. What the real one goes by is not known.
LISTED_SHARDS = 16


class Coordinator:
    """What the API and the migration do with data."""

    def __init__(self, node):
        # type: (Node) -> None
        self._node = node
        self._configuration = node.configuration

    def write(self, database, series, points):
        # type: (str, str, List[Point]) -> None
        """Add points to the shards of their times, each of which is made where it is missing."""
        batches = OrderedDict()  # type: Dict[int, List[Point]]
        for point in points:
            batches.setdefault(self._shard(database, series, point[0])["id"], []).append(point)
        for number, batch in batches.items():
            content = {"shard": number, "series": [database, series], "points": batch}
            for server in self._configuration.shards[number]["servers"]:
                self._ask(server, "/write", content)

    def names(self, database):
        # type: (str) -> List[str]
        """The series of a database, those of the latest shards first."""
        found = OrderedDict()  # type: Dict[str, None]
        for shard in self._configuration.shards_of(database):
            for name in self._ask_any(shard, "/names", {"database": database}):
                found[name] = None
        return list(found)

    def listed_names(self, database):
        # type: (str) -> List[str]
        """What `list series` of 0.7.3 finds: nothing at all, for some databases."""
        names = self.names(database)
        return [] if len(names) == 1 and len(self._configuration.shards) > LISTED_SHARDS else names

    def points(self, database, series, names, start, end):
        # type: (str, str, List[str], int, int) -> List[Point]
        """The points of a series, the latest first. names: those of all series that the same question is about."""
        found = []  # type: List[Point]
        for shard in self._readable(database, names):
            if shard["start"] * durations.SECOND <= end and shard["end"] * durations.SECOND > start:
                found += self._ask_any(shard, "/points", {"series": [database, series]})
        return sorted(found, key=lambda point: (-point[0], -point[1]))

    def _readable(self, database, names):
        # type: (str, List[str]) -> List[Dict[str, Any]]
        """The shards in which points are looked for: in 0.8 only those of the space that comes first for a name, wherever points are."""
        shards = self._configuration.shards_of(database)
        if not self._node.release.has_spaces:
            return shards
        spaces = [self._configuration.matching_space(database, name) for name in names]
        wanted = [(database, space["name"]) for space in spaces if space]
        return [shard for shard in shards if (shard["database"], shard["space"]) in wanted]

    def delete(self, database, series=None, start=-FOREVER, end=FOREVER):
        # type: (str, Optional[str], int, int) -> None
        """Remove points of one series or of all, on all servers."""
        content = {"database": database, "name": series, "start": start, "end": end}
        for server in self._configuration.servers:
            self._ask(server["id"], "/delete", content)

    def answer(self, path, content):
        # type: (str, Dict[str, Any]) -> Any
        """What this server or another one asks of this one's shards."""
        store = self._node.datastore
        if path == "/delete":
            return store.delete(content["database"], content["name"], content["start"], content["end"])
        if content["shard"] not in store:
            self._node.raft.wait_until_applied()
        shard = store[content["shard"]]
        if path == "/names":
            return shard.names(content["database"])
        database, name = content["series"]
        if path == "/points":
            return shard.points((database, name))
        return shard.write((database, name), content["points"], self._node.id)

    def _shard(self, database, series, moment):
        # type: (str, str, int) -> Dict[str, Any]
        owner, space, duration, copies = self._place(database, series)
        shard = self._configuration.shard_at(owner, space, moment)
        if not shard:
            log, cluster = self._node.log, "cluster.(*ClusterConfiguration)."
            text = "No matching shards for write at time %du, creating..." % moment
            log.info(cluster + "GetShardToWriteToBySeriesAndTime:796", text)
            start = moment // duration * duration // durations.SECOND
            end = start + duration // durations.SECOND
            span = "start: %s. end: %s" % (go_date(start), go_date(end))
            log.info(cluster + "createShards:825", "createShards for space %s: %s" % (space, span))
            self._node.raft.propose("add_shard", database=owner, space=space, start=start, end=end, copies=copies)
            shard = self._configuration.shard_at(owner, space, moment)
        if not shard:
            raise ApiError(400, "no shard for the time %du" % moment)
        return shard

    def _place(self, database, series):
        # type: (str, str) -> Tuple[Optional[str], str, int, int]
        """The database and the space (before 0.8: the kind) of a series' shards, how long they are, how many copies."""
        if not self._node.release.has_spaces:
            kind = LONG if LONG_TERM_SERIES.match(series) else SHORT
            copies = self._node.config.get("sharding", "replication-factor", 1)
            return None, kind, self._node.config.shard_duration(kind), copies
        space = self._configuration.matching_space(database, series)
        if not space:
            self._node.raft.propose("create_space", space=default_space(database))
            space = self._configuration.matching_space(database, series)
        if not space:
            raise ApiError(400, "no shard space for %s" % series)
        duration = durations.microseconds(space["shardDuration"] or "7d")
        return database, space["name"], duration, space["replicationFactor"]

    def _ask(self, server, path, content):
        # type: (int, str, Dict[str, Any]) -> Any
        if server == self._node.id:
            return self.answer(path, content)
        [address] = [known["protobuf"] for known in self._configuration.servers if known["id"] == server]
        return call(address, path, content)

    def _ask_any(self, shard, path, content):
        # type: (Dict[str, Any], str, Dict[str, Any]) -> Any
        """Ask one of the servers that have a shard, this one if it is among them."""
        owners = sorted(shard["servers"], key=lambda server: server != self._node.id)
        return self._ask(owners[0], path, dict(content, shard=shard["id"]))


def default_space(database):
    # type: (str) -> Dict[str, Any]
    """What 0.8 makes at the first write that no space matches."""
    return {
        "name": "default",
        "database": database,
        "regex": "/.*/",
        "retentionPolicy": "inf",
        "shardDuration": "7d",
        "replicationFactor": 1,
        "split": 1,
    }
