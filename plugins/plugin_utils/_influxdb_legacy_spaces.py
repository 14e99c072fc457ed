# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shard spaces that InfluxDB 0.8 is to have: those that are asked for, or else what InfluxDB 0.7 was made of.

A wish has the server's field names: name and regex, and if need be retentionPolicy, shardDuration, replicationFactor and split.
Lists begin with the most specific space, the one that is evaluated first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import segment
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_regex import (
    EVERYTHING,
    check_regex,
    shape,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_space import (
    DEFAULTS,
    NAMES,
    VALUES,
    findings,
    from_server,
    meaning,
    retention,
    shard_duration,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import Finding, finding, numbered, some
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_legacy_config import DEFAULT_SHARDING

Space = dict[str, Any]

_SERVER = dict(NAMES)
_DEFAULTS = {_SERVER[name]: value for name, value in DEFAULTS.items()}
_KINDS: dict[str, type] = {"name": str, "regex": str, **{field: type(value) for field, value in _DEFAULTS.items()}}
_OF_0_7 = (("long_term", "/^[A-Z].*/"), ("short_term", "/.*/"))
_OTHERS = "Every database without a list of its own (as [sharding] of 0.7 says)"
_FORM = "give a list of shard spaces, each with name and regex; leave the database out to have those of InfluxDB 0.7"

_ADVICE = re.compile("[:.] [Cc]reate .*")
"""What findings() says of the order of creation. Here it is that of a list."""

# What findings() tells of several spaces: id, severity and remedy. A space that takes its part of a less specific one is meant to.
_TOLD = {
    ("unreachable", "error"): (
        "shard-space-unreachable",
        "error",
        "put the more specific space first in the list, or leave out the one that nothing reaches",
    ),
    ("overlap", "warning"): (
        "shard-space-overlap",
        "warning",
        "nothing has to be done if that is meant; otherwise let no series match both",
    ),
    ("unknown", "info"): ("shard-space-unknown", "info", "look at the two expressions yourself"),
    ("expires", "error"): (
        "shard-space-expires",
        "blocker",
        "set a longer retentionPolicy, or inf; accept this finding if that data is not needed",
    ),
    ("no-catch-all", "warning"): (
        "shard-space-default",
        "blocker",
        "end the list with a space for /.*/; accept this finding if every series is matched for certain",
    ),
}


def derived(settings: Mapping[str, Any]) -> list[Space]:
    """Return the two spaces that 0.7 was made of, as its configuration says. settings are those of _influxdb_legacy_config."""
    sharding = settings["sharding"] or DEFAULT_SHARDING
    return [
        {
            "name": name,
            "regex": regex,
            "retentionPolicy": "inf",
            "shardDuration": sharding[name]["duration"],
            "replicationFactor": sharding["replication_factor"],
            "split": sharding[name]["split"],
        }
        for name, regex in _OF_0_7
    ]


def wished(databases: Iterable[str], given: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, list[Space]]:
    """Return the complete spaces of each database: the list that is given for it, otherwise derived().

    Fields that are missing get the server's defaults: inf, 7d, replicationFactor 1, split 1.
    Raises FleetError for a list of another form; whether its spaces are good ones, of_wish() says.
    """
    return {
        database: _completed(database, given[database]) if database in given else derived(settings)
        for database in databases
    }


def _completed(database: str, spaces: Any) -> list[Space]:
    for fault in _form(f"Database {database}", spaces):
        raise FleetError(fault["message"], None, fault["remedy"], reason=fault["id"])
    return [{**_DEFAULTS, **space} for space in spaces]


def of_wish(
    databases: Sequence[str],
    given: Mapping[str, Any],
    settings: Mapping[str, Any],
    servers: int,
    oldest: int | None,
    now: int,
) -> list[Finding]:
    """Return what speaks against the spaces that are asked for, before anything is changed.

    databases: those of the server; given: lists of spaces by database; settings: those of 0.7; servers: how many the cluster
    has; oldest: when the oldest shard begins, None if there is none; now: both in seconds since 1970.
    """
    age = f"{now - oldest}s" if oldest is not None and now > oldest else None
    copies = min((settings["sharding"] or DEFAULT_SHARDING)["replication_factor"], servers)
    found = list(_of_databases(databases, given))
    for database in (one for one in databases if one in given):
        owner = f"Database {database}"
        faults = list(_form(owner, given[database]))
        found += faults or _of_spaces(owner, _completed(database, given[database]), servers, copies, age)
    if any(database not in given for database in databases):
        found += _of_spaces(_OTHERS, derived(settings), servers, copies, age)
    return found


def _of_databases(databases: Sequence[str], given: Mapping[str, Any]) -> Iterator[Finding]:
    for message, _remedy in filter(None, (_fault(segment, database) for database in databases)):
        remedy = "copy what it holds into a database of another name and drop it before the upgrade"
        yield finding("shard-space-database", "error", f"No shard space of it can be created: {message}", remedy)
    remedy = f"correct its name, or leave it out. Databases of the server: {some(sorted(databases)) or 'none'}"
    for database in sorted(set(given) - set(databases)):
        message = f"Shard spaces are given for the database {database}, which the server does not have"
        yield finding("shard-space-database", "error", message, remedy)


# The form


def _form(owner: str, spaces: Any) -> Iterator[Finding]:
    if not (isinstance(spaces, list) and spaces and all(isinstance(space, Mapping) for space in spaces)):
        yield finding("shard-space-form", "error", f"{owner}: there is no list of shard spaces", _FORM)
        return
    for number, space in enumerate(spaces, 1):
        where = f"{owner}, shard space {space.get('name') or f'number {number}'}"
        yield from _unknown_fields(where, space)
        yield from _unfit_fields(where, space)


def _unknown_fields(where: str, space: Mapping[str, Any]) -> Iterator[Finding]:
    right = {_bare(field): field for field in _KINDS}
    for field in sorted(set(space) - set(_KINDS), key=str):
        remedy = f"write {right[_bare(field)]}" if _bare(field) in right else f"use only {', '.join(_KINDS)}"
        yield finding("shard-space-field", "error", f"{where}: the server has no field {field}", remedy)


def _bare(field: Any) -> str:
    return str(field).replace("_", "").replace("-", "").lower()


def _unfit_fields(where: str, space: Mapping[str, Any]) -> Iterator[Finding]:
    for field, kind in _KINDS.items():
        value = space.get(field, _DEFAULTS.get(field, ""))
        if value == "" and field not in _DEFAULTS:
            yield finding("shard-space-field", "error", f"{where}: {field} is missing", f"give {field}")
        elif not _fits(value, kind):
            expected = "text" if kind is str else "a whole number, 1 or more"
            yield finding("shard-space-field", "error", f"{where}: {field} is {value!r}", f"make it {expected}")


def _fits(value: Any, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str)
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


# The content


def _of_spaces(owner: str, spaces: list[Space], servers: int, copies: int, age: str | None) -> list[Finding]:
    """Compare spaces only if each is good for itself. copies: how many 0.7 kept."""
    faults = [*_of_names(owner, spaces), *(fault for space in spaces for fault in _of_values(owner, space))]
    found = faults or list(_of_order(owner, spaces, age))
    return found + [one for space in spaces for one in _of_copies(owner, space, servers, copies)]


def _of_names(owner: str, spaces: list[Space]) -> Iterator[Finding]:
    names = [space["name"] for space in spaces]
    for name in sorted({name for name in names if names.count(name) > 1}):
        message = f"{owner}: {names.count(name)} shard spaces are named {name}"
        yield finding("shard-space-name", "error", message, "give each a name of its own")


def _of_values(owner: str, space: Space) -> Iterator[Finding]:
    checks = (
        (segment, space["name"]),
        (check_regex, space["regex"]),
        (retention, space["retentionPolicy"]),
        (shard_duration, space["shardDuration"]),
    )
    faults = [fault for check, value in checks if (fault := _fault(check, value))]
    for message, remedy in faults:
        yield finding("shard-space-value", "error", f"{owner}, shard space {space['name']}: {message}", remedy)
    if not faults and space["name"] == "default" and shape(space["regex"]) != EVERYTHING:
        message = f"{owner}: the server keeps in a shard space named default what none matches, and this one is for {space['regex']}"
        yield finding("shard-space-name", "error", message, "give it another name")


def _fault(check: Any, value: str) -> tuple[str, str] | None:
    """Return what a check found and its advice, in which fields have the server's names."""
    try:
        check(value)
    except FleetError as error:
        text = str(error).rstrip(".")
        for name, server in NAMES:
            text = text.replace(name, server)
        message, _mark, remedy = text.partition(". What to do: ")
        return message, remedy
    return None


def _of_order(owner: str, spaces: list[Space], age: str | None) -> Iterator[Finding]:
    for found in findings(_shown(owner, spaces), [owner], age):
        if told := _TOLD.get((found["kind"], found["severity"])):
            id_, severity, remedy = told
            yield finding(id_, severity, f"{owner}: {_ADVICE.sub('', found['text'])}", remedy)


def _of_copies(owner: str, space: Space, servers: int, copies: int) -> Iterator[Finding]:
    wanted = space["replicationFactor"]
    message = f"{owner}, shard space {space['name']}: replicationFactor is {wanted}"
    if wanted > servers:
        remedy = "lower it, or bring the other servers into the cluster first"
        yield finding(
            "shard-space-replication",
            "error",
            f"{message}, and the cluster has {numbered(servers, 'server')}",
            remedy,
        )
    elif wanted < copies:
        remedy = f"set it to {copies}, unless fewer copies are meant"
        yield finding("shard-space-fewer-copies", "warning", f"{message}, and 0.7 kept {copies} copies", remedy)


# What is done, and what came of it


def in_order_of_creation(wish: Mapping[str, Sequence[Space]]) -> list[Space]:
    """Return the wished spaces in the order in which they have to be created, each with its databases as a list.

    The least specific first: the server evaluates the newest first, and cannot change that order. Databases that want the
    same space at the same place share it, so that hundreds of them take little more time than one.
    """
    sharing: dict[tuple[int, tuple[tuple[str, Any], ...]], list[str]] = {}
    for database, spaces in wish.items():
        for place, space in enumerate(reversed(spaces)):
            sharing.setdefault((place, tuple(sorted(space.items()))), []).append(database)
    return [{**dict(space), "databases": sharing[place, space]} for place, space in sorted(sharing, key=itemgetter(0))]


def not_as_wished(wish: Mapping[str, Sequence[Space]], shown: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how the server's spaces differ from the wished ones, as sentences.

    shown: the spaces of the module influxdb_shard_space_info, those of a database in the order of evaluation. What means the
    same is the same, such as 7d and 168h. Databases of which nothing is wished are left out.
    """
    return [
        f"Database {database}: {difference}"
        for database, spaces in wish.items()
        for difference in _differences(
            _shown(database, spaces), [space for space in shown if space["database"] == database]
        )
    ]


def _differences(wanted: Sequence[Mapping[str, Any]], there: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names, found = [space["name"] for space in wanted], {space["name"]: space for space in there}
    yield from (f"there is no shard space {name}" for name in names if name not in found)
    yield from (
        f"nobody asked for the shard space {name} ({found[name]['regex']})" for name in found if name not in names
    )
    for space in wanted:
        yield from _other_values(space, found.get(space["name"], space))
    order, expected = [name for name in found if name in names], [name for name in names if name in found]
    if order != expected:
        yield f"its shard spaces are evaluated in the order {', '.join(order)}, not {', '.join(expected)}"


def _other_values(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    for name, one, other in zip(VALUES, meaning(dict(wanted)), meaning(dict(there)), strict=True):
        if one != other:
            yield f"{_SERVER[name]} of the shard space {wanted['name']} is {there[name]}, not {wanted[name]}"


def _shown(database: str, spaces: Iterable[Space]) -> list[dict[str, Any]]:
    """Return spaces as our modules show them."""
    return [from_server({"database": database, **space}) for space in spaces]
