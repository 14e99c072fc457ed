# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _influxdb_metadata as metadata
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_answers import (
    Transport,
    answer,
    client_of,
    recorded,
)

NO_GRANTS = [answer(["database", "privilege"], [])]


@pytest.fixture
def old():
    transport = recorded("0.11.1")
    transport.answers.update({u'|SHOW GRANTS FOR "admin"': NO_GRANTS, u'|SHOW GRANTS FOR "we ird"': NO_GRANTS})
    return client_of(transport)


def test_what_0_11_tells(old):
    found = metadata.read_metadata(old)
    databases = {database["name"]: database for database in found["databases"]}
    assert sorted(databases) == ["_internal", "app", "metrics", "odd name-db"]
    forever = {"name": "forever", "duration": "0s", "shard_group_duration": None, "replica_n": 1, "default": True}
    assert databases["metrics"]["retention_policies"][1] == forever
    assert [policy["name"] for policy in databases["metrics"]["retention_policies"]] == ["default", "forever", "one_week"]
    assert [query["name"] for query in databases["metrics"]["continuous_queries"]] == ["cq_cpu"]
    assert databases["metrics"]["subscriptions"] == [
        {"policy": "forever", "name": "sub0", "mode": "ALL", "destinations": ["udp://127.0.0.1:19999"]}
    ]
    assert databases["app"]["continuous_queries"] == databases["app"]["subscriptions"] == []
    assert found["users"] == [
        {"name": "admin", "admin": True, "grants": {}},
        {"name": "reader", "admin": False, "grants": {"metrics": "READ"}},
        {"name": "we ird", "admin": False, "grants": {}},
        {"name": "writer", "admin": False, "grants": {"app": "ALL PRIVILEGES", "metrics": "WRITE"}},
    ]


def test_what_a_later_release_tells_of_odd_names():
    found = metadata.read_metadata(client_of(recorded("1.3.9")))
    assert [database["name"] for database in found["databases"]] == ["_internal", "metrics", u'odd name"q \xe9.x']
    assert found["databases"][1]["retention_policies"][2]["shard_group_duration"] == "1h0m0s"
    assert found["users"][-1]["grants"] == {u'odd name"q \xe9.x': "ALL PRIVILEGES"}


def test_an_infinite_policy_has_no_expiry():
    shards = metadata.read_shards(client_of(recorded("1.3.9")))
    by_id = {shard["id"]: shard for shard in shards}
    assert [shard["id"] for shard in shards] == sorted(by_id)
    assert by_id[1]["expiry"] is None
    assert by_id[13] == {
        "id": 13,
        "database": "metrics",
        "policy": "one.week",
        "group": 13,
        "start": "2026-11-21T07:00:00Z",
        "end": "2026-11-21T08:00:00Z",
        "expiry": "2026-11-21T09:00:00Z",
        "owners": "",
    }


def test_shards_of_0_11(old):
    shards = metadata.read_shards(old)
    assert [shard["id"] for shard in shards] == list(range(1, 22))
    assert shards[20]["database"] == "odd name-db"
    assert shards[6]["expiry"] == "2026-11-29T00:00:00Z"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.4.3", [1, 4, 3]),
        ("0.11.1", [0, 11, 1]),
        ("1.8.10-c1.8.10", [1, 8, 10]),
        ("1.4", [1, 4, 0]),
        ("unknown", []),
    ],
)
def test_versions_as_numbers(version, expected):
    assert metadata.version_tuple(version) == expected


USERS = [answer(["user", "admin"], [["admin", True]])]
DATABASES = [answer(["name"], [["metrics"]])]
DENIED = ['{"error":"authorization failed"}']


@pytest.mark.parametrize(
    ("anonymous", "named", "has_user", "auth_enabled", "authenticated"),
    [
        (DATABASES, USERS, False, False, None),
        (DATABASES, USERS, True, False, None),
        (DENIED, USERS, True, True, True),
        (DENIED, DENIED, True, True, False),
        (DENIED, DENIED, False, True, False),
    ],
)
def test_the_version_needs_no_credentials(anonymous, named, has_user, auth_enabled, authenticated):
    client = client_of(Transport({u"|SHOW USERS": named}), Transport({u"|SHOW DATABASES": anonymous}, "1.4.3"))
    found = metadata.read_info(client, ["version"], has_user)
    assert (found["version"], found["version_tuple"], found["build"]) == ("1.4.3", [1, 4, 3], "OSS")
    assert (found["auth_enabled"], found["authenticated"]) == (auth_enabled, authenticated)
    assert "metadata" not in found
    assert "shards" not in found


@pytest.mark.parametrize("part", ["metadata", "shards"])
def test_anything_else_needs_an_administrator(part):
    """Others would be shown a part of the databases, with no error."""
    client = client_of(Transport({u"|SHOW USERS": DENIED, u"|SHOW DATABASES": DATABASES}))
    with pytest.raises(FleetError) as caught:
        metadata.read_info(client, [part], True)
    assert caught.value.facts["reason"] == "credentials"
