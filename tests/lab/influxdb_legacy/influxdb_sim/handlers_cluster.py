# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, shards, shard spaces, and the migration."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import os
import re
from collections import OrderedDict

from influxdb_sim import durations, gojson
from influxdb_sim.configuration import LONG, SHORT, regex
from influxdb_sim.errors import ApiError
from influxdb_sim.handlers import Part
from influxdb_sim.server import Request, Response  # noqa: F401 (read by type comments)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict  # noqa: F401 (read by type comments)

SPACE_FIELDS = ("name", "database", "regex", "retentionPolicy", "shardDuration", "replicationFactor", "split")


class Cluster(Part):
    """Servers, shards, and what is done with all of them."""

    def servers(self, _request):
        # type: (Request) -> Response
        return Response(200, [self._server(server) for server in self._configuration.servers])

    def shards(self, _request):
        # type: (Request) -> Response
        shards = sorted(self._configuration.shards.values(), key=lambda shard: (-shard["start"], shard["id"]))
        if not self._node.release.has_spaces:
            of_kind = [[_shard(shard) for shard in shards if shard["space"] == kind] for kind in (LONG, SHORT)]
            return Response(200, {"longTerm": of_kind[0], "shortTerm": of_kind[1]})
        return Response(
            200,
            [
                dict(_shard(shard), database=shard["database"], spaceName=shard["space"])
                for shard in shards
                if shard["database"]
            ],
        )

    def interfaces(self, _request):
        # type: (Request) -> Response
        assets = self._node.config.get("admin", "assets", "/opt/influxdb/current/admin")
        folder = os.path.join(assets, "interfaces")
        if not os.path.isdir(folder):
            raise ApiError(400, "open %s: no such file or directory" % folder)
        return Response(200, sorted(os.listdir(folder)))

    def migrate(self, request):
        # type: (Request) -> Response
        """The body of a refusal is an error that was put into JSON, which has nothing to show."""
        try:
            pause = durations.go_seconds(request.query.get("pause") or "100ms")
        except ValueError:
            return Response(400, {})
        return Response(202) if self._node.migrator.start(pause) else Response(403, {})

    def _server(self, server):
        # type: (Dict[str, Any]) -> Dict[str, Any]
        shown = {"id": server["id"], "protobufConnectString": server["protobuf"]}
        if self._node.release.has_spaces:
            leader = self._raft.leader
            shown.update(
                isLeader=server["name"] == leader["name"],
                isUp=False,
                leaderRaftConnectString=leader["raft"],
                leaderRaftName=leader["name"],
                raftConnectionString=server["raft"],
                raftName=server["name"],
                state=4,
                stateName="Potential",
            )
        return shown


class ShardSpaces(Part):
    """Where the shards of a database are put, and how long they are kept."""

    def all(self, _request):
        # type: (Request) -> Response
        spaces = [space for database in list(self._configuration.spaces.values()) for space in database]
        return Response(200, [OrderedDict((field, space[field]) for field in SPACE_FIELDS) for space in spaces])

    def create(self, request, db):
        # type: (Request, str) -> Response
        space = self._space(request, db, "")
        self._need_database(db, "Database '%s' doesn't exist.")
        if self._configuration.space(db, space["name"]):
            raise ApiError(400, "Shard space %s exists for db %s" % (space["name"], db))
        self._raft.propose("create_space", space=space)
        return Response(200)

    def update(self, request, db, name):
        # type: (Request, str, str) -> Response
        space = self._space(request, db, name)
        if not self._configuration.space(db, name):
            raise ApiError(406, "Can't update a shard space that doesn't exist")
        self._raft.propose("update_space", space=space)
        return Response(200)

    def remove(self, _request, db, name):
        # type: (Request, str, str) -> Response
        self._raft.propose("remove_space", database=db, name=name)
        return Response(200)

    def _space(self, request, database, name):
        # type: (Request, str, str) -> Dict[str, Any]
        """The space that a request describes, in full: what it leaves out is not kept."""
        try:
            wanted = gojson.loads(request.body)
        except ValueError as error:
            raise ApiError(500, "%s" % error)
        space = {
            "name": name or wanted.get("name", ""),
            "database": database,
            "regex": wanted.get("regex", ""),
            "retentionPolicy": wanted.get("retentionPolicy", ""),
            "shardDuration": wanted.get("shardDuration", ""),
            "replicationFactor": int(wanted.get("replicationFactor") or 1),
            "split": int(wanted.get("split") or 1),
        }
        _validate(space)
        return space


def _validate(space):
    # type: (Dict[str, Any]) -> None
    if not space["name"]:
        raise ApiError(400, "Shard space must have a name")
    if not space["regex"]:
        raise ApiError(400, "A regex is required for a shard space")
    try:
        regex(space["regex"])
    except re.error as error:
        raise ApiError(400, "Error parsing regex: error parsing regexp: %s" % _complaint(space["regex"], "%s" % error))
    try:
        durations.retention(space["retentionPolicy"])
        durations.microseconds(space["shardDuration"] or "7d")
    except ValueError as error:
        raise ApiError(400, "%s" % error)


def _complaint(text, error):
    # type: (str, str) -> str
    """Go's words for the mistake that was recorded; others are in those of Python."""
    bare = text.strip("/")
    if "unterminated character set" in error or "unexpected end of regular expression" in error:
        return "missing closing ]: `%s`" % bare[bare.rfind("[") :]
    return error


def _shard(shard):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {"id": shard["id"], "startTime": shard["start"], "endTime": shard["end"], "serverIds": shard["servers"]}
