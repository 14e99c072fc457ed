# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flag of maintenance, as it is set: over HTTP in a section of a node's configuration, or with cast on the node."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_node import KEY, SECTIONS, read_flags
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, List, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

VALUES = {"enabled": "true", "disabled": "false", "nolb": "nolb"}
"""What the key holds in each state. CouchDB counts every other value as disabled."""

CAST_REPLIES = {"The node is IN maintenance mode.": "IN", "The node is OUT of maintenance mode.": "OUT"}
CAST_OPTIONS = {"IN": "--true", "OUT": "--false"}

Way = collections.namedtuple("Way", ["section", "predicted", "apply", "put_back"])
"""One way to reach a state. section: None with cast; predicted: the flag afterwards; apply, put_back: functions."""


class HttpFlag(object):
    """The key maintenance_mode of a node, through itself or through a peer. section: couchdb, cloudant or auto."""

    def __init__(self, client, name, section):
        # type: (Any, str, str) -> None
        self._client = client
        self._name = name
        self._section = section

    def read(self):
        # type: () -> Dict[str, Optional[str]]
        return read_flags(self._client, self._name)

    def ways(self, state, flag):
        # type: (str, Dict[str, Optional[str]]) -> List[Way]
        """The sections to try, those in which the key is found first. One that holds the value already cannot make a difference."""
        sections = SECTIONS if self._section == "auto" else (self._section,)
        found_first = sorted(sections, key=lambda section: flag[section] is None)
        return [self._way(section, state, flag) for section in found_first if flag[section] != VALUES[state]]

    def _way(self, section, state, flag):
        # type: (str, str, Dict[str, Optional[str]]) -> Way
        predicted = dict(flag)
        predicted[section] = VALUES[state]
        return Way(
            section, predicted, lambda: self._set(section, VALUES[state]), lambda: self._set(section, flag[section])
        )

    def _set(self, section, value):
        # type: (str, Optional[str]) -> None
        if value is None:
            self._client.delete_config(self._name, section, KEY)
        else:
            self._client.set_config(self._name, section, KEY, value)


class CastFlag(object):
    """The flag as cast knows it: IN or OUT of maintenance mode. run is _command.run_command or answers as it does."""

    def __init__(self, path, run):
        # type: (str, Callable[[List[str]], Any]) -> None
        self._path = path
        self._run = run

    def read(self):
        # type: () -> Dict[str, Optional[str]]
        return {"cast": self._ask()}

    def ways(self, state, flag):
        # type: (str, Dict[str, Optional[str]]) -> List[Way]
        wanted = "IN" if state == "enabled" else "OUT"
        if flag["cast"] == wanted:
            return []
        put_back = CAST_OPTIONS[flag["cast"] or "OUT"]
        return [Way(None, {"cast": wanted}, lambda: self._ask(CAST_OPTIONS[wanted]), lambda: self._ask(put_back))]

    def _ask(self, *options):
        # type: (str) -> str
        argv = [self._path, "node", "maintenance"] + list(options)
        result = self._run(argv)
        replies = [CAST_REPLIES[line.strip()] for line in result.out.splitlines() if line.strip() in CAST_REPLIES]
        if result.rc != 0 or len(replies) != 1:
            raise FleetError(
                "{0} ends with {1} and says: {2}".format(
                    " ".join(argv), result.rc, (result.err.strip() or result.out.strip() or "nothing")[-300:]
                ),
                " or ".join(sorted(CAST_REPLIES)),
                "run it by hand as root; cast_path is where cast lies",
                reason="cast",
            )
        return replies[0]
