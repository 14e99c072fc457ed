# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What handlers of the API have in common."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

from influxdb_sim import gojson
from influxdb_sim.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any  # noqa: F401 (read by type comments)

    from influxdb_sim.node import Node  # noqa: F401 (read by type comments)
    from influxdb_sim.server import Request  # noqa: F401 (read by type comments)


class Part:
    """Some of the handlers, and what they work on."""

    def __init__(self, node):
        # type: (Node) -> None
        self._node, self._configuration, self._raft = node, node.configuration, node.raft

    def _need_database(self, name, words="Database %s doesn't exist"):
        # type: (str, str) -> None
        if name not in self._configuration.databases:
            raise ApiError(400, words % name)


def content(request):
    # type: (Request) -> Any
    """What is in the body."""
    try:
        return gojson.loads(request.body)
    except ValueError as error:
        raise ApiError(400, "%s" % error)
