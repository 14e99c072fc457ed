# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_legacy_config import DEFAULT_SHARDING
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_legacy_spaces import (
    derived,
    in_order_of_creation,
    not_as_wished,
    of_wish,
    wished,
)

NOW = 1400000000
DAY = 86400
DEFAULTS = {"retentionPolicy": "inf", "shardDuration": "7d", "replicationFactor": 1, "split": 1}
LONG_TERM = {**DEFAULTS, "name": "long_term", "regex": "/^[A-Z].*/", "shardDuration": "30d"}
SHORT_TERM = {**DEFAULTS, "name": "short_term", "regex": "/.*/"}
CPU = {"name": "cpu", "regex": "/^cpu/"}
REST = {"name": "rest", "regex": "/.*/"}
PLAIN: dict[str, Any] = {"sharding": None}


def sharded(**sharding: Any) -> dict[str, Any]:
    return {"sharding": {**DEFAULT_SHARDING, **sharding}}


def shown(name: str, **changes: Any) -> dict[str, Any]:
    """Return a space as influxdb_shard_space_info shows it."""
    space = {"name": name, "database": "m", "regex": "/.*/", "retention_policy": "inf", "shard_duration": "7d"}
    return {**space, "replication_factor": 1, "split": 1, **changes}


def test_what_0_7_was_made_of() -> None:
    assert derived(PLAIN) == [LONG_TERM, SHORT_TERM]


def test_what_0_7_was_made_of_is_what_its_configuration_says() -> None:
    short, long = {"duration": "1d", "split": 2}, {"duration": "90d", "split": 3}
    assert derived(sharded(replication_factor=2, short_term=short, long_term=long)) == [
        {**LONG_TERM, "shardDuration": "90d", "split": 3, "replicationFactor": 2},
        {**SHORT_TERM, "shardDuration": "1d", "split": 2, "replicationFactor": 2},
    ]


def test_a_list_that_is_given_counts_and_is_completed() -> None:
    given = {"m": [{**CPU, "retentionPolicy": "30d"}, REST], "not there": [REST]}
    assert wished(["m", "other"], given, PLAIN) == {
        "m": [{**DEFAULTS, **CPU, "retentionPolicy": "30d"}, {**DEFAULTS, **REST}],
        "other": [LONG_TERM, SHORT_TERM],
    }


def test_a_list_of_another_form_is_refused() -> None:
    with pytest.raises(FleetError, match=r"Database m, shard space cpu: regex is missing.*give regex") as caught:
        wished(["m"], {"m": [{"name": "cpu"}]}, PLAIN)
    assert caught.value.facts["reason"] == "shard-space-field"


def told(
    given: dict[str, Any],
    settings: dict[str, Any] | None = None,
    servers: int = 1,
    oldest: int | None = None,
    databases: tuple[str, ...] = ("m",),
) -> list[tuple[str, str]]:
    found = of_wish(list(databases), given, PLAIN if settings is None else settings, servers, oldest, NOW)
    return [(one["id"], one["severity"]) for one in found]


FIELD = ("shard-space-field", "error")
FORM = ("shard-space-form", "error")
VALUE = ("shard-space-value", "error")
NAME = ("shard-space-name", "error")
DEFAULT = ("shard-space-default", "blocker")
UNREACHABLE = ("shard-space-unreachable", "error")


@pytest.mark.parametrize(
    ("spaces", "expected"),
    [
        ([CPU, REST], []),
        ([REST], []),
        ([{**REST, "name": "default"}], []),
        ([{**REST, **DEFAULTS, "retentionPolicy": "", "shardDuration": ""}], []),
        ([], [FORM]),
        (None, [FORM]),
        ("cpu", [FORM]),
        (REST, [FORM]),
        ([REST, "cpu"], [FORM]),
        ([{**REST, "retention_policy": "inf"}], [FIELD]),
        ([{**REST, "database": "m"}], [FIELD]),
        ([{"name": "cpu"}], [FIELD]),
        ([{"regex": "/.*/"}], [FIELD]),
        ([{}], [FIELD, FIELD]),
        ([{**REST, "name": None}], [FIELD]),
        ([{**REST, "regex": ""}], [FIELD]),
        ([{**REST, "retentionPolicy": 30}], [FIELD]),
        ([{**REST, "retentionPolicy": None}], [FIELD]),
        ([{**REST, "split": "1"}], [FIELD]),
        ([{**REST, "split": True}], [FIELD]),
        ([{**REST, "split": 0}], [FIELD]),
        ([{**REST, "replicationFactor": 0}], [FIELD]),
        ([{**REST, "regex": "/(/"}], [VALUE]),
        ([{**REST, "name": "a/b"}], [VALUE]),
        ([{**REST, "retentionPolicy": "7"}], [VALUE]),
        ([{**REST, "shardDuration": "inf"}], [VALUE]),
        ([CPU, {**REST, "name": "cpu"}], [NAME]),
        # The server keeps there what no space matches, and does not look there for it.
        ([{**CPU, "name": "default"}, REST], [NAME]),
        ([REST, CPU], [UNREACHABLE]),
        ([CPU, {**CPU, "name": "more"}, REST], [UNREACHABLE]),
        ([CPU, {"name": "load", "regex": "/load$/"}, REST], [("shard-space-overlap", "warning")]),
        ([{"name": "ab", "regex": "/^(a|b)/"}, CPU, REST], [("shard-space-unknown", "info")]),
        ([CPU], [DEFAULT]),
        # Spaces are compared only if each is good for itself.
        ([REST, {**CPU, "shardDuration": "x"}], [VALUE]),
    ],
)
def test_what_is_wrong_with_a_list(spaces: Any, expected: list[tuple[str, str]]) -> None:
    assert told({"m": spaces}) == expected


@pytest.mark.parametrize(
    ("policy", "oldest", "expires"),
    [
        ("30d", NOW - 31 * DAY, True),
        ("720h", NOW - 31 * DAY, True),
        ("30d", NOW - 30 * DAY, False),
        ("inf", NOW - 900 * DAY, False),
        ("30d", None, False),
        ("30d", NOW + DAY, False),
    ],
)
def test_data_that_would_go_at_once_is_a_blocker(policy: str, oldest: int | None, expires: bool) -> None:
    found = told({"m": [{**REST, "retentionPolicy": policy}]}, oldest=oldest)
    assert found == ([("shard-space-expires", "blocker")] if expires else [])


@pytest.mark.parametrize(
    ("wanted", "before", "servers", "expected"),
    [
        (1, 1, 1, []),
        (2, 1, 1, [("shard-space-replication", "error")]),
        (2, 1, 2, []),
        (1, 2, 2, [("shard-space-fewer-copies", "warning")]),
        # 0.7 made no more copies than there were servers.
        (1, 2, 1, []),
    ],
)
def test_copies(wanted: int, before: int, servers: int, expected: list[tuple[str, str]]) -> None:
    spaces = [{**REST, "replicationFactor": wanted}]
    assert told({"m": spaces}, sharded(replication_factor=before), servers) == expected


def test_copies_are_told_with_what_else_is_wrong() -> None:
    assert told({"m": [{**CPU, "replicationFactor": 2}]}) == [DEFAULT, ("shard-space-replication", "error")]


@pytest.mark.parametrize(
    ("given", "databases", "expected"),
    [
        ({}, ("m",), []),
        ({}, (), []),
        ({"n": [REST]}, ("m",), [("shard-space-database", "error")]),
        ({}, ("a/b",), [("shard-space-database", "error")]),
        ({"m": [CPU], "n": [CPU]}, ("m", "n"), [DEFAULT, DEFAULT]),
    ],
)
def test_databases(given: dict[str, Any], databases: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert told(given, databases=databases) == expected


def test_what_is_wrong_with_0_7s_own_is_told_once_for_all_databases() -> None:
    settings = sharded(replication_factor=2, short_term={"duration": "7", "split": 1})
    found = of_wish(["m", "n"], {}, settings, 2, None, NOW)
    assert [one["id"] for one in found] == ["shard-space-value"]
    assert "Every database without a list of its own" in found[0]["message"] and "short_term" in found[0]["message"]
    assert of_wish(["m"], {"m": [{**REST, "replicationFactor": 2}]}, settings, 2, None, NOW) == []


@pytest.mark.parametrize(
    ("space", "message", "remedy"),
    [
        ({"retention_policy": "1d"}, "shard space rest: the server has no field retention_policy", "retentionPolicy"),
        (
            {"Replication-Factor": 1},
            "shard space rest: the server has no field Replication-Factor",
            "replicationFactor",
        ),
        ({"colour": 1}, "shard space rest: the server has no field colour", "use only name, regex, retentionPolicy"),
        ({"name": ""}, "shard space number 1: name is missing", "give name"),
        ({"split": 0}, "shard space rest: split is 0", "a whole number, 1 or more"),
        ({"retentionPolicy": "7"}, "shard space rest: retentionPolicy is '7'", "correct retentionPolicy"),
        ({"regex": "/^x/"}, "the first series that no space matches", "end the list with a space for /.*/"),
    ],
)
def test_findings_name_the_place_and_what_to_do(space: dict[str, Any], message: str, remedy: str) -> None:
    [found] = of_wish(["m"], {"m": [{**REST, **space}]}, PLAIN, 1, None, NOW)
    assert found["message"].startswith("Database m") and message in found["message"] and remedy in found["remedy"]


@pytest.mark.parametrize(
    ("spaces", "end"), [([REST, CPU], "matches all that it matches"), ([CPU], "which comes before all others")]
)
def test_findings_speak_of_the_list_and_not_of_creation(spaces: list[dict[str, Any]], end: str) -> None:
    [found] = of_wish(["m"], {"m": spaces}, PLAIN, 1, None, NOW)
    assert found["message"].endswith(end) and "the list" in found["remedy"]


def test_the_least_specific_is_created_first_in_all_databases_that_want_it() -> None:
    wish = {"m": [LONG_TERM, SHORT_TERM], "n": [SHORT_TERM], "o": [LONG_TERM, SHORT_TERM]}
    assert in_order_of_creation(wish) == [
        {**SHORT_TERM, "databases": ["m", "n", "o"]},
        {**LONG_TERM, "databases": ["m", "o"]},
    ]


def test_each_database_keeps_its_own_order() -> None:
    wish = {"m": [CPU, SHORT_TERM], "n": [SHORT_TERM, CPU], "o": [{**SHORT_TERM, "split": 2}]}
    found = in_order_of_creation(wish)
    assert len(found) == 5
    for database, spaces in wish.items():
        created = [one["name"] for one in found if database in one["databases"]]
        assert created == [space["name"] for space in reversed(spaces)]


WISH = wished(["m"], {"m": [CPU, REST]}, PLAIN)


@pytest.mark.parametrize(
    ("spaces", "expected"),
    [
        ([shown("cpu", regex="/^cpu/"), shown("rest")], []),
        ([shown("cpu", regex="^cpu", shard_duration="168h"), shown("rest", retention_policy="")], []),
        ([shown("cpu", regex="/^cpu/"), shown("rest"), shown("x", database="n")], []),
        ([shown("rest")], ["Database m: there is no shard space cpu"]),
        ([], ["Database m: there is no shard space cpu", "Database m: there is no shard space rest"]),
        (
            [shown("default"), shown("cpu", regex="/^cpu/"), shown("rest")],
            ["Database m: nobody asked for the shard space default (/.*/)"],
        ),
        (
            [shown("rest"), shown("cpu", regex="/^cpu/")],
            ["Database m: its shard spaces are evaluated in the order rest, cpu, not cpu, rest"],
        ),
        (
            [shown("cpu"), shown("rest", shard_duration="30d", replication_factor=2)],
            [
                "Database m: regex of the shard space cpu is /.*/, not /^cpu/",
                "Database m: shardDuration of the shard space rest is 30d, not 7d",
                "Database m: replicationFactor of the shard space rest is 2, not 1",
            ],
        ),
    ],
)
def test_what_came_of_the_wish(spaces: list[dict[str, Any]], expected: list[str]) -> None:
    assert not_as_wished(WISH, spaces) == expected
