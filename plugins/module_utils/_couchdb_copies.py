# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one node says of its own copies of shards: recorded on the node, and answered from the recording elsewhere.

Releases before 3.0 tell of copies at their node-local port only, which listens on the loopback of the node.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import (
    NODE_LOCAL_ARGUMENTS,
    Client,
    api_version,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_plain import PlainTransport
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_sync import PAIR_KEYS, Node, sequence
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_sync import Copy  # noqa: F401

    Found = Dict[str, Any]
except ImportError:  # Python 2.7 on the node has no typing
    pass

LOOPBACK = "127.0.0.1"
ARGUMENTS = dict(
    _http.arguments(5984),
    host={"type": "str", "default": LOOPBACK},
    node_local_host={"type": "str", "default": LOOPBACK},
    name={"type": "str"},
    **NODE_LOCAL_ARGUMENTS
)


def connect(params):
    # type: (Found) -> Client
    """A client of both ports, from the module's parameters. The node-local one speaks plain HTTP, whatever the other does."""
    node_local = dict(params, ssl=False, host=params["node_local_host"], port=params["node_local_port"])
    return Client(PlainTransport(params), _http.base_url(params), _http.base_url(node_local))


def record(client, params):
    # type: (Any, Found) -> Found
    """All that a comparison asks this node for."""
    node = Node(client, params["host"], params["port"], params["name"])
    found = node.look()
    if node.name is None:
        raise FleetError(
            "The node at {0} does not tell its Erlang name, and no single member lives at {1}".format(client.url, params["host"]),
            "a name, by which its copies are known to the others",
            "set name to that of -name in vm.args of the node",
            reason="name",
        )
    maps = client.shard_maps()
    copies = [(shard, _copy(node, shard)) for shard in _held(maps, node.name)]
    return {
        "host": params["host"],
        "port": params["port"],
        "name": node.name,
        "welcome": client.welcome(),
        "up": found["up"],
        "membership": {key: found[key] for key in ("all_nodes", "cluster_nodes")},
        "internal_replication_jobs": found["internal_replication_jobs"],
        "maps": maps,
        "shards": {shard: copy for shard, copy in copies if copy},
    }


def _held(maps, name):
    # type: (Dict[str, Found], str) -> List[str]
    """The shards of which a node should have a copy."""
    return sorted(shard for ranges in maps.values() for shard, nodes in ranges.values() if name in nodes)


def _copy(node, shard):
    # type: (Node, str) -> Optional[Found]
    copy = node.copy(shard)
    if copy is None:
        return None
    return {
        "uuid": copy.uuid,
        "update_seq": copy.seq,
        "checkpoints": _newest(copy, node.checkpoints(shard)),
        "last_seq": node.last_seq(shard),
    }


def _newest(copy, entries):
    # type: (Copy, List[Found]) -> List[Found]
    """Of each pair that this copy is one of, the entry that counts: a history has many."""
    found = {}  # type: Dict[Tuple[Any, ...], int]
    for entry in entries:
        pair = tuple(entry.get(key) for key in PAIR_KEYS)
        if (copy.node, copy.uuid) in (pair[:2], pair[2:]):
            found[pair] = max(found.get(pair, 0), sequence(entry.get("source_seq")))
    return [dict(zip(PAIR_KEYS, pair), source_seq=reached) for pair, reached in found.items()]


class RecordedClient(object):
    """Answers what a Node asks its Client, from a recording; another may be put in its place between two looks."""

    def __init__(self, recording):
        # type: (Found) -> None
        self.recording = recording

    def welcome(self):
        # type: () -> Found
        return self.recording["welcome"]

    def api(self):
        # type: () -> Tuple[int, ...]
        return api_version(self.welcome())

    def up(self):
        # type: () -> Found
        return self.recording["up"]

    def membership(self):
        # type: () -> Dict[str, List[str]]
        return self.recording["membership"]

    def node_name(self):
        # type: () -> str
        return self.recording["name"]

    def system(self, _node):
        # type: (str) -> Found
        return {"internal_replication_jobs": self.recording["internal_replication_jobs"]}

    def shard_maps(self):
        # type: () -> Dict[str, Found]
        return self.recording["maps"]

    def shard_info(self, _node, shard):
        # type: (str, str) -> Found
        return self._copy(shard)

    def shard_checkpoints(self, _node, shard):
        # type: (str, str) -> List[Found]
        return [{"history": self._copy(shard)["checkpoints"]}]

    def shard_last_seq(self, _node, shard):
        # type: (str, str) -> Optional[int]
        return self._copy(shard)["last_seq"]

    def _copy(self, shard):
        # type: (str) -> Found
        copies = self.recording["shards"]
        if shard not in copies:
            raise FleetError("{0} has no copy of {1}".format(self.recording["name"], shard), reason="not-found")
        return copies[shard]
