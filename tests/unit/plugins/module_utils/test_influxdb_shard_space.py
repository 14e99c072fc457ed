# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_space import (
    duration,
    findings,
    from_server,
    meaning,
    ordered,
    retention,
    to_server,
)
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_legacy_server import (
    LONG_TERM,
    SHORT_TERM,
)

DAY = 86400 * 1000000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", 7 * DAY),
        ("168h", 7 * DAY),
        ("1w", 7 * DAY),
        ("1y", 365 * DAY),
        ("1.5d", 36 * 3600 * 1000000),
        ("90m", 5400 * 1000000),
        ("30s", 30 * 1000000),
        ("2ms", 2000),
        ("5u", 5),
        (u"7d", 7 * DAY),
    ],
)
def test_durations_are_numbers(text, expected):
    assert duration(text, "shard_duration") == expected


@pytest.mark.parametrize("text", ["", "7", "d", "7D", "1h30m", "zz", "-1d", "0d", "0.0h", "inf", "7 d", "7us"])
def test_what_the_server_would_misread_is_no_duration(text):
    with pytest.raises(FleetError) as caught:
        duration(text, "shard_duration")
    assert caught.value.facts["reason"] == "duration" and repr(text) in str(caught.value)


@pytest.mark.parametrize(("text", "expected"), [("inf", None), ("", None), ("30d", 30 * DAY)])
def test_only_a_retention_may_be_endless(text, expected):
    assert retention(text) == expected


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"shardDuration": "168h"}, True),
        ({"shardDuration": ""}, True),
        ({"shardDuration": "1w"}, True),
        ({"retentionPolicy": ""}, True),
        ({"regex": ".*"}, True),
        ({"shardDuration": "8d"}, False),
        ({"retentionPolicy": "30d"}, False),
        ({"retentionPolicy": "30"}, False),
        ({"regex": "/.*/i"}, False),
        ({"replicationFactor": 2}, False),
        ({"split": 2}, False),
    ],
)
def test_two_ways_to_write_one_space_mean_the_same(changes, same):
    assert (meaning(from_server(dict(SHORT_TERM, **changes))) == meaning(from_server(SHORT_TERM))) is same


def test_the_server_has_its_own_names():
    assert to_server(from_server(LONG_TERM)) == LONG_TERM
    assert from_server(LONG_TERM)["retention_policy"] == "inf"


def test_the_order_within_a_database_is_the_servers():
    other = dict(SHORT_TERM, database="other")
    found = [(space["database"], space["name"]) for space in ordered([LONG_TERM, SHORT_TERM, other])]
    assert found == [("other", "short_term"), ("test", "long_term"), ("test", "short_term")]


def kinds(spaces, data_age=None):
    found = findings([from_server(space) for space in spaces], ["test"], data_age)
    return [(finding["kind"], finding["severity"], finding["space"], finding["by"]) for finding in found]


@pytest.mark.parametrize(
    ("spaces", "expected"),
    [
        ([LONG_TERM, SHORT_TERM], [("overlap", "info", "short_term", "long_term")]),
        ([SHORT_TERM, LONG_TERM], [("unreachable", "error", "long_term", "short_term")]),
        ([LONG_TERM], [("no-catch-all", "warning", None, None)]),
        ([], [("no-catch-all", "info", None, None)]),
        (
            [dict(LONG_TERM, regex="/cpu/"), dict(LONG_TERM, name="load", regex="/load$/"), SHORT_TERM],
            [
                ("overlap", "warning", "load", "long_term"),
                ("overlap", "info", "short_term", "long_term"),
                ("overlap", "info", "short_term", "load"),
            ],
        ),
        (
            [dict(LONG_TERM, regex="/^(a|b)/"), dict(LONG_TERM, name="c", regex="/^c/"), SHORT_TERM],
            [
                ("unknown", "info", "c", "long_term"),
                ("overlap", "info", "short_term", "long_term"),
                ("overlap", "info", "short_term", "c"),
            ],
        ),
    ],
)
def test_what_is_wrong_with_the_order_is_found(spaces, expected):
    assert kinds(spaces) == expected


@pytest.mark.parametrize(
    ("retention_policy", "age", "expires"),
    [("30d", "3y", True), ("30d", "30d", False), ("inf", "3y", False), ("30d", None, False), ("0d", "3y", False)],
)
def test_a_retention_that_is_shorter_than_the_data_is_old_is_found(retention_policy, age, expires):
    found = kinds([dict(SHORT_TERM, retentionPolicy=retention_policy)], age)
    assert found == ([("expires", "error", "short_term", None)] if expires else [])


def test_findings_name_the_expressions():
    [finding] = findings([from_server(SHORT_TERM), from_server(LONG_TERM)], ["test"], None)
    assert "long_term (/^[A-Z].*/)" in finding["text"] and "short_term (/.*/)" in finding["text"]
