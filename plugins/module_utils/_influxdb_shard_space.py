# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shard spaces of InfluxDB 0.8: what one should be, whether it is, and what is wrong with several of them.

A series goes to the first space of its database whose regular expression finds something in its name. The space that was created last
comes first. Where none does, the server creates a space "default" for everything, which then comes before all others.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import re
from fractions import Fraction

from ansible.module_utils.common.text.converters import to_native, to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import (
    CHANGES_SPACES,
    HAS_SPACES,
    release,
    require_legacy,
    segment,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_regex import (
    EVERYTHING,
    check_regex,
    parts_of,
    relation,
    shape,
)

try:
    from typing import Any, Callable, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

NAMES = (
    ("name", "name"),
    ("database", "database"),
    ("regex", "regex"),
    ("retention_policy", "retentionPolicy"),
    ("shard_duration", "shardDuration"),
    ("replication_factor", "replicationFactor"),
    ("split", "split"),
)
"""Our names of the fields, and the server's."""
VALUES = tuple(name for name, _server in NAMES[2:])
DEFAULTS = {"retention_policy": "inf", "shard_duration": "7d", "replication_factor": 1, "split": 1}  # type: Dict[str, Any]

DURATION = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(u|ms|s|m|h|d|w|y)$")
MICROSECONDS = {
    "u": 1,
    "ms": 1000,
    "s": 1000000,
    "m": 60 * 1000000,
    "h": 3600 * 1000000,
    "d": 86400 * 1000000,
    "w": 7 * 86400 * 1000000,
    "y": 365 * 86400 * 1000000,
}


def duration(text, option):
    # type: (str, str) -> Fraction
    """The microseconds of a duration. What the server takes for nanoseconds, or falls over, is refused."""
    found = DURATION.match(to_native(text))
    if not found or not Fraction(found.group(1)):
        raise FleetError(
            "{0} is {1!r}".format(option, to_native(text)),
            "a number above 0 and one of the units u, ms, s, m, h, d, w, y, such as 7d" + ", or inf" * (option == "retention_policy"),
            "correct {0}".format(option),
            reason="duration",
        )
    return Fraction(found.group(1)) * MICROSECONDS[found.group(2)]


def retention(text):
    # type: (str) -> Optional[Fraction]
    return None if text in ("", "inf") else duration(text, "retention_policy")


def shard_duration(text):
    # type: (str) -> Fraction
    return duration(text or DEFAULTS["shard_duration"], "shard_duration")


def from_server(found):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {name: found[server] for name, server in NAMES}


def to_server(space):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {server: space[name] for name, server in NAMES}


def meaning(space):
    # type: (Dict[str, Any]) -> Tuple[Any, ...]
    """What two ways to write one space have in common: 7d is 168h, cpu is /cpu/."""
    return (
        parts_of(space["regex"]),
        _understood(retention, space["retention_policy"]),
        _understood(shard_duration, space["shard_duration"]),
        space["replication_factor"],
        space["split"],
    )


def _understood(function, text):
    # type: (Callable[[str], Optional[Fraction]], str) -> Any
    """The text itself where the server keeps what is refused here, such as a number without a unit."""
    try:
        return function(text)
    except FleetError:
        return text


class ShardSpace(object):
    """The shard space of one name, the same in each of some databases of one server."""

    def __init__(self, client, databases, name):
        # type: (Any, List[str], str) -> None
        for part in databases + [name]:
            segment(part)
        self._client = client
        self._databases = sorted({to_text(database) for database in databases})
        self._name = to_text(name)
        self._version = client.version()
        require_legacy(self._version, HAS_SPACES)

    def present(self, values, check_mode):
        # type: (Dict[str, Any], bool) -> Dict[str, Any]
        """values: those that are given; others stay as they are, or are the server's for a new space."""
        before = self._find()
        after = {database: self._wanted(database, before.get(database), values) for database in self._databases}
        differing = [database for database in self._databases if after[database] is not before.get(database)]
        if differing:
            self._refuse([after[database] for database in differing])
        if any(database in before for database in differing):
            self._refuse_change()
        if differing and not check_mode:
            for database in differing:
                send = self._client.change_space if database in before else self._client.create_space
                send(database, to_server(after[database]))
            after = self._seen(after)
        return self._result(before, after)

    def absent(self, force, check_mode):
        # type: (bool, bool) -> Dict[str, Any]
        before = self._find()
        if before:
            self._refuse_loss(before, force)
        if before and not check_mode:
            for database in before:
                self._client.remove_space(database, self._name)
            self._seen({})
        return self._result(before, {})

    def _wanted(self, database, before, values):
        # type: (str, Optional[Dict[str, Any]], Dict[str, Any]) -> Dict[str, Any]
        """The space as it is, where that means what it is to be."""
        wanted = dict(before or dict(DEFAULTS, regex=""), name=self._name, database=database, **values)
        return before if before and meaning(before) == meaning(wanted) else wanted

    def _find(self):
        # type: () -> Dict[str, Dict[str, Any]]
        """The spaces that are there, by database."""
        there = [from_server(one) for one in self._client.spaces() if one["name"] == self._name]
        return {space["database"]: space for space in there if space["database"] in self._databases}

    def _result(self, before, after):
        # type: (Dict[str, Dict[str, Any]], Dict[str, Dict[str, Any]]) -> Dict[str, Any]
        return {
            "changed": before != after,
            "before": [before[database] for database in self._databases if database in before],
            "spaces": [after[database] for database in self._databases if database in after],
            "diff": {"before": before, "after": after},
        }

    def _seen(self, wanted):
        # type: (Dict[str, Dict[str, Any]]) -> Dict[str, Dict[str, Any]]
        """The spaces as the server shows them after a change."""
        found = self._find()
        for database in self._databases:
            there, expected = found.get(database), wanted.get(database)
            if (there and meaning(there)) != (expected and meaning(expected)):
                raise FleetError(
                    "The server took the change of the shard space {0}, and shows {1}".format(self._of(database), _shown(there)),
                    _shown(expected),
                    "see the log of the server, and whether somebody else changes its shard spaces",
                    reason="no-effect",
                )
        return found

    def _of(self, *databases):
        # type: (str) -> str
        return to_native(u"{0} of {1}".format(self._name, u", ".join(databases)))

    # Refusals

    def _refuse(self, spaces):
        # type: (List[Dict[str, Any]]) -> None
        """What the server would take and do otherwise, or answer with an error that says little."""
        there = self._client.databases()
        for space in spaces:
            _refuse_unknown(there, space["database"])
            check_regex(space["regex"])
            retention(space["retention_policy"])
            shard_duration(space["shard_duration"])
            for name in ("replication_factor", "split"):
                if space[name] < 1:
                    raise FleetError(
                        "{0} is {1}, which the server takes for 1".format(name, space[name]),
                        "1 or more",
                        "correct it",
                        reason=name.replace("_", "-"),
                    )
        self._refuse_copies(max(space["replication_factor"] for space in spaces))

    def _refuse_copies(self, wanted):
        # type: (int) -> None
        servers = len(self._client.servers()) if wanted > 1 else 1
        if wanted > servers:
            raise FleetError(
                "replication_factor is {0}, and the cluster has {1} server{2}".format(wanted, servers, "s" * (servers != 1)),
                "no more copies than servers",
                "lower it, or bring the other servers into the cluster first",
                reason="replication-factor",
            )

    def _refuse_change(self):
        # type: () -> None
        if release(self._version) < CHANGES_SPACES:
            raise FleetError(
                "InfluxDB {0} cannot change the shard space {1}".format(self._version, to_native(self._name)),
                "0.8.2 or 0.8.3",
                "use 0.8.3; to remove the space and create it anew destroys its data",
                reason="release",
                version=self._version,
            )

    def _refuse_loss(self, spaces, force):
        # type: (Dict[str, Dict[str, Any]], bool) -> None
        holding = [one["database"] for one in self._client.shards() if one["spaceName"] == self._name and one["database"] in spaces]
        if holding and not force:
            shards = len(holding)
            raise FleetError(
                "The shard space {0} holds {1} shard{2}".format(self._of(*sorted(set(holding))), shards, "s" * (shards != 1)),
                "an empty space, because their data goes with it",
                "set force if that data is to be destroyed",
                reason="data",
                shards=shards,
            )


def _shown(space):
    # type: (Optional[Dict[str, Any]]) -> str
    return json.dumps(space, sort_keys=True) if space else "no such space"


def _refuse_unknown(databases, database):
    # type: (List[str], str) -> None
    if to_native(database) not in databases:
        raise FleetError(
            "There is no database {0}".format(to_native(database)),
            "a database of the server",
            "create it first, or correct database",
            reason="database",
        )


# Several spaces


def read_spaces(client, database, data_age):
    # type: (Any, Optional[str], Optional[str]) -> Dict[str, Any]
    """The spaces of one database, or of all, and the findings about them."""
    require_legacy(client.version(), HAS_SPACES)
    databases = client.databases()
    if database is not None:
        _refuse_unknown(databases, database)
        databases = [database]
    spaces = [space for space in ordered(client.spaces()) if to_native(space["database"]) in databases]
    return {"changed": False, "spaces": spaces, "findings": findings(spaces, databases, data_age)}


def ordered(found):
    # type: (List[Dict[str, Any]]) -> List[Dict[str, Any]]
    """The spaces with our names; databases by name, and those of one as the server evaluates them."""
    return sorted((from_server(one) for one in found), key=lambda space: to_text(space["database"]))


def findings(spaces, databases, data_age):
    # type: (List[Dict[str, Any]], List[str], Optional[str]) -> List[Dict[str, Any]]
    """What is wrong with the spaces of some databases, and what cannot be told. data_age: how old the oldest data is."""
    age = duration(data_age, "data_age") if data_age else None
    result = []  # type: List[Dict[str, Any]]
    for database in databases:
        mine = [space for space in spaces if to_native(space["database"]) == database]
        for place, space in enumerate(mine):
            result += _reach(mine[:place], space)
            result += _expiry(space, age)
        result += _catch_all(database, mine)
    return result


def _reach(earlier, space):
    # type: (List[Dict[str, Any]], Dict[str, Any]) -> List[Dict[str, Any]]
    """How the spaces that are evaluated before one limit it. The first that leaves it nothing ends the search."""
    result = []
    for other in earlier:
        found = relation(other["regex"], space["regex"])
        if found in ("same", "covers"):
            return [
                _finding(
                    "unreachable",
                    "error",
                    space,
                    other,
                    "no series ever goes to {0}: {1} comes first and matches all that it matches. Create the less specific space first",
                )
            ]
        if found in WORDS:
            kind, severity, words = WORDS[found]
            result.append(_finding(kind, severity, space, other, words))
    return result


WORDS = {
    "within": ("overlap", "info", "what {1} matches goes there, and not to {0}, which matches that too: {1} comes first"),
    "overlaps": ("overlap", "warning", "a series that both match goes to {1}, which comes before {0}"),
    "unknown": ("unknown", "info", "whether {1} takes series from {0}, which comes after it, cannot be told"),
}


def _finding(kind, severity, space, other, words):
    # type: (str, str, Dict[str, Any], Optional[Dict[str, Any]], str) -> Dict[str, Any]
    return {
        "kind": kind,
        "severity": severity,
        "database": space["database"],
        "space": space["name"],
        "by": other and other["name"],
        "text": words.format(*("{0} ({1})".format(one["name"], one["regex"]) for one in (space, other) if one)),
    }


def _expiry(space, age):
    # type: (Dict[str, Any], Optional[Fraction]) -> List[Dict[str, Any]]
    kept = _understood(retention, space["retention_policy"])
    if age is None or not isinstance(kept, Fraction) or kept >= age:
        return []
    words = "{{0}} keeps data for {0}: what is older goes some minutes after it was migrated".format(space["retention_policy"])
    return [_finding("expires", "error", space, None, words)]


def _catch_all(database, spaces):
    # type: (str, List[Dict[str, Any]]) -> List[Dict[str, Any]]
    if any(shape(space["regex"]) == EVERYTHING for space in spaces):
        return []
    words = "the first series that no space matches makes the server create a space default (/.*/, inf, 7d)"
    return [
        {
            "kind": "no-catch-all",
            "severity": "warning" if spaces else "info",
            "database": database,
            "space": None,
            "by": None,
            "text": words + (", which comes before all others: create one for /.*/ first" if spaces else ""),
        }
    ]
