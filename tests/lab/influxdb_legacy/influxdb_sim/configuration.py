# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster knows of itself: the state that raft's commands make. Each method is a command of that name."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import re
import time
from collections import OrderedDict

from influxdb_sim import durations
from influxdb_sim.errors import Panic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional  # noqa: F401 (read by type comments)

    from influxdb_sim.log import Log  # noqa: F401 (read by type comments)

SHORT, LONG = "short-term", "long-term"
SPACE_COMMANDS = ("create_space", "update_space", "remove_space")


class Configuration:
    """Databases, users, servers, shards, and from 0.8 on shard spaces, the last created of a database first."""

    def __init__(self, log):
        # type: (Log) -> None
        self._log = log
        self.databases = []  # type: List[str]
        self.cluster_admins = OrderedDict()  # type: Dict[str, Dict[str, Any]]
        self.users = {}  # type: Dict[str, Dict[str, Dict[str, Any]]]
        self.servers = []  # type: List[Dict[str, Any]]
        self.shards = {}  # type: Dict[int, Dict[str, Any]]
        self.spaces = {}  # type: Dict[str, List[Dict[str, Any]]]
        self.queries = {}  # type: Dict[str, List[Dict[str, Any]]]
        self._last_shard = 0
        self._last_server = 0

    def server(self, raft_name):
        # type: (str) -> Optional[Dict[str, Any]]
        return next(iter([server for server in self.servers if server["name"] == raft_name]), None)

    def space(self, database, name):
        # type: (str, str) -> Optional[Dict[str, Any]]
        return next(iter([space for space in self.spaces.get(database, []) if space["name"] == name]), None)

    def matching_space(self, database, series):
        # type: (str, str) -> Optional[Dict[str, Any]]
        """The first space whose regex matches: none warns of those that it hides."""
        spaces = self.spaces.get(database, [])
        return next(iter([space for space in spaces if regex(space["regex"]).search(series)]), None)

    @property
    def _shards(self):
        # type: () -> List[Dict[str, Any]]
        """All of them, while others may come."""
        return sorted(self.shards.values(), key=lambda shard: shard["id"])

    def shards_of(self, database):
        # type: (str) -> List[Dict[str, Any]]
        """The shards that may hold points of a database, the latest first; before 0.8 all databases share all."""
        found = [shard for shard in self._shards if shard["database"] in (None, database)]
        return sorted(found, key=lambda shard: (-shard["start"], shard["id"]))

    def shard_at(self, database, space, moment):
        # type: (Optional[str], str, int) -> Optional[Dict[str, Any]]
        """The shard of a space (or of a kind) that holds this time in microseconds."""
        second = moment // durations.SECOND
        for shard in self._shards:
            if (shard["database"], shard["space"]) == (database, space) and shard["start"] <= second < shard["end"]:
                return shard
        return None

    def expired(self, database, now):
        # type: (str, float) -> List[int]
        """The shards of a database that are older than their space keeps them."""
        found = []
        for space in self.spaces.get(database, []):
            kept = durations.retention(space["retentionPolicy"])
            shards = [shard for shard in self._shards if _is_of(shard, database, space["name"])]
            if kept is not None:
                found += [shard["id"] for shard in shards if shard["end"] + kept / durations.SECOND < now]
        return found

    def create_database(self, name):
        # type: (str) -> None
        self.databases.append(name)

    def drop_database(self, name):
        # type: (str) -> None
        self.databases.remove(name)
        for known in (self.users, self.spaces, self.queries):
            known.pop(name, None)
        self.drop_shards([shard["id"] for shard in self._shards if shard["database"] == name])

    def save_cluster_admin(self, user):
        # type: (Dict[str, Any]) -> None
        self.cluster_admins[user["name"]] = user

    def drop_cluster_admin(self, name):
        # type: (str) -> None
        self.cluster_admins.pop(name)

    def save_user(self, database, user):
        # type: (str, Dict[str, Any]) -> None
        self.users.setdefault(database, OrderedDict())[user["name"]] = user

    def drop_user(self, database, name):
        # type: (str, str) -> None
        self.users[database].pop(name)

    def create_query(self, database, query):
        # type: (str, str) -> None
        queries = self.queries.setdefault(database, [])
        queries.append({"id": len(queries) + 1, "query": query})

    def add_server(self, name, raft, protobuf):
        # type: (str, str, str) -> None
        self._last_server += 1
        self.servers.append({"id": self._last_server, "name": name, "raft": raft, "protobuf": protobuf})
        place = "cluster.(*ClusterConfiguration).AddPotentialServer:282"
        self._log.info(place, "Added server to cluster config: %d, %s, %s" % (self._last_server, raft, protobuf))

    def change_connection_string(self, name, raft, protobuf):
        # type: (str, str, str) -> None
        server = self.server(name)
        if server:
            server.update(raft=raft, protobuf=protobuf)

    def add_shard(self, database, space, start, end, copies):
        # type: (Optional[str], str, int, int, int) -> None
        """A shard on the next servers in turn; before 0.8, it belongs to no database and `space` is its kind."""
        if self.shard_at(database, space, start * durations.SECOND):
            return
        self._last_shard += 1
        ids = [server["id"] for server in self.servers]
        owners = [ids[(self._last_shard - 1 + turn) % len(ids)] for turn in range(min(copies, len(ids)))]
        self.shards[self._last_shard] = {
            "id": self._last_shard,
            "database": database,
            "space": space,
            "start": start,
            "end": end,
            "servers": owners,
        }

    def drop_shards(self, ids):
        # type: (List[int]) -> None
        for number in ids:
            self.shards.pop(number, None)

    def create_space(self, space):
        # type: (Dict[str, Any]) -> None
        self.spaces.setdefault(space["database"], []).insert(0, space)

    def update_space(self, space):
        # type: (Dict[str, Any]) -> None
        known = self.space(space["database"], space["name"])
        if known:
            known.clear()
            known.update(space)

    def remove_space(self, database, name):
        # type: (str, str) -> None
        """Remove a space and its shards. One that is not there is a nil pointer where the database has others."""
        place = "cluster.(*ClusterConfiguration).RemoveShardSpace:1291"
        self._log.info(place, "Dropping shard space %s on db %s" % (name, database))
        spaces = self.spaces.get(database, [])
        space = self.space(database, name)
        if space:
            spaces.remove(space)
            self.drop_shards([shard["id"] for shard in self._shards if _is_of(shard, database, name)])
        elif spaces:
            raise Panic("runtime error: invalid memory address or nil pointer dereference")


def _is_of(shard, database, space):
    # type: (Dict[str, Any], str, str) -> bool
    return (shard["database"], shard["space"]) == (database, space)


def regex(text):
    # type: (str) -> Any
    """A regular expression as it stands in a space or a query: /.../, /.../i or bare."""
    found = re.match("^/(.*)/(i?)$", text, re.DOTALL)
    bare, ignore_case = found.groups() if found else (text, "")
    return re.compile(bare, re.IGNORECASE if ignore_case else 0)


def go_date(second):
    # type: (int) -> str
    """A time as the log tells it."""
    moment = time.gmtime(second)
    return "%s %d %s" % (
        time.strftime("%a %b", moment),
        moment.tm_mday,
        time.strftime("%H:%M:%S +0000 UTC %Y", moment),
    )
