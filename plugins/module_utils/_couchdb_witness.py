# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who sees that a node is in maintenance: the node itself, its peers, and the balancers that ask it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _haproxy
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_flag import VALUES
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_node import SECTIONS, read_flags
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError  # noqa: F401 (read by type comments)

try:
    from typing import Any, Callable, Dict, List, Optional  # noqa: F401 (read by type comments)

    Found = Dict[str, Any]
except ImportError:  # Python 2.7 on the node has no typing
    pass

STATUS = {"enabled": "maintenance_mode", "disabled": "ok", "nolb": "nolb"}
"""What /_up says in each state."""

FLAGGED = ("maintenance_mode", "nolb")
FLAG_VALUES = ("true", "nolb")

Sight = collections.namedtuple("Sight", ["agrees", "record", "words"])
"""agrees: whether this is the state wanted; record: what the module returns; words: the same for a person."""


def is_effective(state, status):
    # type: (str, Optional[str]) -> bool
    """Whether the flag does what it should. A node without the flag that still copies its seeds is not ok, but not flagged."""
    if status is None:
        return False
    return status not in FLAGGED if state == "disabled" else status == STATUS[state]


class Node(object):
    """The node's own /_up."""

    kind = "node"

    def __init__(self, client):
        # type: (Any) -> None
        self._client = client

    def up(self):
        # type: () -> Found
        return self._client.up()

    def look(self, state, _section):
        # type: (str, Optional[str]) -> Sight
        status = self.up()["status"]
        return Sight(status == STATUS[state], status, "/_up of {0} says {1}".format(self._client.url, status))

    def blind(self, error):
        # type: (FleetError) -> Optional[str]
        return None


class Peer(object):
    """Another member, that reads the node's flag over the connection between the two."""

    kind = "peers"

    def __init__(self, client, name, host, port):
        # type: (Any, str, str, int) -> None
        self._client = client
        self._name = name
        self._address = {"host": host, "port": port}

    def look(self, state, section):
        # type: (str, Optional[str]) -> Sight
        flag = read_flags(self._client, self._name)
        values = [flag[name] for name in SECTIONS if section in (None, name)]
        words = "{0} sees the flag {1}".format(self._client.url, ", ".join(value or "not set" for value in values))
        return Sight(any(self._is(state, value) for value in values), dict(self._address, flag=flag, error=None), words)

    def blind(self, error):
        # type: (FleetError) -> Found
        return dict(self._address, flag=None, error=str(error))

    @staticmethod
    def _is(state, value):
        # type: (str, Optional[str]) -> bool
        return value not in FLAG_VALUES if state == "disabled" else value == VALUES[state]


class Balancer(object):
    """An HAProxy, that asks the node's /_up by itself. read is _haproxy.read, choose picks the node's server from the rows."""

    kind = "balancers"

    def __init__(self, params, backend, choose, read=_haproxy.read):
        # type: (Dict[str, Any], str, Callable[[List[Found]], Found], Callable[[Dict[str, Any]], List[Found]]) -> None
        self._params = params
        self._backend = backend
        self._choose = choose
        self._read = read

    def look(self, state, _section):
        # type: (str, Optional[str]) -> Sight
        row = self._choose(_haproxy.servers(self._read(self._params), self._backend))
        words = "{0} shows {1}".format(self._params["url"], _haproxy.describe(row))
        record = self._record(server=row["svname"], status=row["status"])
        record.update(check_status=row.get("check_status"), check_code=row.get("check_code"))
        return Sight(_haproxy.is_up(row) if state == "disabled" else _haproxy.is_out(row), record, words)

    def blind(self, error):
        # type: (FleetError) -> Found
        return self._record(error=str(error))

    def _record(self, server=None, status=None, error=None):
        # type: (Optional[str], Optional[str], Optional[str]) -> Found
        return {
            "stats_url": self._params["url"],
            "backend": self._backend,
            "server": server,
            "status": status,
            "check_status": None,
            "check_code": None,
            "error": error,
        }
