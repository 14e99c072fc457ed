# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import copy
import json

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _influxdb_fingerprint as fp
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_answers import (
    Transport,
    answer,
    client_of,
    recorded,
)

UNTIL = "2026-11-21T06:50:00Z"
NOW = 1795243800.0  # 2026-11-21T06:50:00Z
ODD = u'odd name"q \xe9.x'
ODD_MEASUREMENT = u'm\xe9"a\\\\x\'y'

PARAMS = {
    "level": "points",
    "until": UNTIL,
    "row_budget": 1000,
    "baseline": None,
    "max_differences": 20,
    "password": "not in the data",
}


GROUP = {
    "database": "m",
    "policy": "default",
    "start": "2020-07-13T00:00:00Z",
    "end": "2020-07-20T00:00:00Z",
    "expiry": None,
}


def clock():
    return NOW


def fingerprint(transport, **changes):
    return fp.fingerprint(dict(PARAMS, **changes), client_of(transport), clock)


def changed(transport, question, old, new):
    """The transport with one answer changed."""
    [key] = [key for key in transport.answers if question in key]
    before = transport.answers[key]
    transport.answers[key] = [line.replace(old, new) for line in before]
    assert transport.answers[key] != before
    return transport


@pytest.fixture(scope="module")
def before():
    return fingerprint(recorded("1.3.9"))["fingerprint"]


def test_what_was_counted(before):
    counts = {(bucket["database"], bucket["policy"], bucket["start"]): bucket["counts"] for bucket in before["buckets"]}
    july = counts[("metrics", "keep", "2020-07-13T00:00:00Z")]
    assert july["cpu"] == {"b": 122, "n": 122, "s": 122, "value": 122}
    assert july["we ird,m"] == {"count_n": 10, "fi eld": 10}
    assert counts[("metrics", "keep", "1969-12-29T00:00:00Z")] == {"old": {"v": 1}}
    assert counts[(ODD, "autogen", "2020-07-13T00:00:00Z")] == {ODD_MEASUREMENT: {"v": 6, u'v"q': 6}}
    assert before["totals"] == {
        "databases": 2,
        "policies": 4,
        "users": 4,
        "continuous_queries": 1,
        "subscriptions": 0,
        "measurements": 4,
        "values": 7233,
        "buckets": 10,
        "covered": 10,
    }
    assert (before["schema"], before["level"], before["until"], before["taken_at"]) == (1, "points", UNTIL, UNTIL)
    assert before["series"] == {}


def test_the_servers_own_database_is_left_out(before):
    assert "_internal" not in json.dumps(before)


@pytest.mark.parametrize(
    ("start", "counted"),
    [
        ("1677-09-20T00:00:00Z", False),
        # the same group after a restart of the server
        ("2262-04-10T23:34:33Z", False),
        ("1677-09-27T00:00:00Z", True),
        ("2026-11-21T06:49:59Z", True),
        ("2026-11-21T06:50:00Z", False),
    ],
)
def test_groups_that_are_counted(start, counted):
    shards = [dict(GROUP, start=start, id=1), dict(GROUP, start=start, id=2)]
    groups = fp.shard_groups(shards, fp.parse_time(UNTIL))
    assert [group["start"] for group in groups] == [start] * counted


def test_it_is_plain_json_and_has_a_digest_of_what_was_found(before):
    assert json.loads(json.dumps(before)) == before
    later = fp.fingerprint(PARAMS, client_of(recorded("1.3.9")), lambda: NOW + 60)["fingerprint"]
    assert later["taken_at"] != before["taken_at"]
    assert later["digest"] == before["digest"]
    other = fingerprint(changed(recorded("1.3.9"), "2020-07-13T00:00:00Z' AND time < '2020-07-20T00:00:00Z'; S", "122", "123"))
    assert other["fingerprint"]["digest"] != before["digest"]


def test_without_a_baseline_nothing_is_compared():
    result = fingerprint(recorded("1.3.9"))
    assert (result["equal"], result["differences"], result["difference_count"]) == (None, [], 0)
    assert result["changed"] is False


def test_the_same_data_is_equal(before):
    result = fingerprint(recorded("1.3.9"), baseline=before, level="metadata", until="", row_budget=1)
    assert (result["equal"], result["difference_count"]) == (True, 0)
    assert result["fingerprint"]["digest"] == before["digest"]


def test_bytes_of_python_2_are_equal_to_text(before):
    def as_bytes(item):
        if isinstance(item, dict):
            return {as_bytes(key): as_bytes(item[key]) for key in item}
        if isinstance(item, list):
            return [as_bytes(entry) for entry in item]
        return item.encode("utf-8") if isinstance(item, type(u"")) else item

    assert fingerprint(recorded("1.3.9"), baseline=as_bytes(before))["equal"] is True


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "122,122,122,122",
            "122,122,121,122",
            [
                'Database "metrics", policy "keep", measurement "cpu", field "s",'
                " from 2020-07-13T00:00:00Z to 2020-07-20T00:00:00Z: 122 values before, 121 after"
            ],
        ),
        (
            "10,10",
            "10,null",
            [
                'Database "metrics", policy "keep", measurement "we ird,m", field "fi eld",'
                " from 2020-07-13T00:00:00Z to 2020-07-20T00:00:00Z: 10 values before, 0 after"
            ],
        ),
        ("122,122,122,122", "122,122,123,9000", []),
    ],
)
def test_fewer_values_are_a_loss_and_more_are_not(before, old, new, expected):
    question = "2020-07-13T00:00:00Z' AND time < '2020-07-20T00:00:00Z'; S"
    result = fingerprint(changed(recorded("1.3.9"), question, old, new), baseline=before)
    assert result["differences"] == expected
    assert result["equal"] is not bool(expected)


def test_a_shard_that_answers_nothing_is_a_loss_and_the_list_is_cut(before):
    transport = recorded("1.3.9")
    [key] = [key for key in transport.answers if "2020-07-20T00:00:00Z' AND time < '2020-07-27T00:00:00Z'; S" in key]
    transport.answers[key] = ['{"results":[{"statement_id":0}]}']
    result = fingerprint(transport, baseline=before, max_differences=3)
    assert (len(result["differences"]), result["difference_count"], result["equal"]) == (3, 4, False)


def test_a_lost_database_is_not_asked_for_its_points(before):
    transport = changed(recorded("1.3.9"), "SHOW DATABASES", u',["odd name\\"q \xe9.x"]', "")
    result = fingerprint(transport, baseline=before)
    assert result["differences"][0].startswith('Database "odd name"q')
    assert result["differences"][0].endswith("is gone")
    assert [sentence for sentence in result["differences"] if sentence.endswith("6 values before, 0 after")]
    assert not [question for question in transport.asked if question.startswith(u"{0}|".format(ODD))]


def test_what_has_expired_is_not_compared(before):
    baseline = copy.deepcopy(before)
    bucket = baseline["buckets"][0]
    bucket.update(expiry="2026-11-21T06:49:59Z", counts={"tmp": {"v": 34}})
    result = fingerprint(recorded("1.3.9"), baseline=baseline)
    assert (result["equal"], result["expired_buckets"]) == (True, 1)
    bucket["expiry"] = "2026-11-21T06:50:01Z"
    result = fingerprint(recorded("1.3.9"), baseline=baseline)
    assert (result["equal"], result["expired_buckets"]) == (False, 0)


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (1000, 10),
        # the groups have, in this order, 0, 1, 4, 0, 4, ... counts
        (0, 1),
        (1, 2),
        (5, 4),
    ],
)
def test_the_budget_covers_both_ends_first(budget, expected):
    taken = fingerprint(recorded("1.3.9"), row_budget=budget)["fingerprint"]
    assert (taken["totals"]["covered"], taken["totals"]["buckets"]) == (expected, 10)
    full = fingerprint(recorded("1.3.9"))["fingerprint"]["buckets"]
    assert taken["buckets"] == full[:expected]


@pytest.mark.parametrize(
    ("items", "expected"),
    [([], []), ([1], [1]), ([1, 2], [2, 1]), ([1, 2, 3], [3, 1, 2]), ([1, 2, 3, 4, 5], [5, 1, 4, 2, 3])],
)
def test_the_order_of_counting(items, expected):
    assert fp.alternating(items) == expected


def test_a_baseline_with_less_covered_asks_for_no_more(before):
    baseline = fingerprint(recorded("1.3.9"), row_budget=5)["fingerprint"]
    after = fingerprint(recorded("1.3.9"), baseline=baseline)
    assert after["equal"] is True
    assert after["fingerprint"]["totals"] == baseline["totals"]


@pytest.mark.parametrize("baseline", [{}, {"schema": 2, "level": "points"}, {"schema": 1, "level": "all"}])
def test_what_is_no_fingerprint_is_refused(baseline):
    with pytest.raises(FleetError):
        fingerprint(recorded("1.3.9"), baseline=baseline)


@pytest.mark.parametrize("password", ["value", "122", u"q \xe9"])
def test_a_password_that_ansible_would_mask_in_the_result_is_refused(password):
    with pytest.raises(FleetError) as caught:
        fingerprint(recorded("1.3.9"), password=password)
    assert caught.value.facts["reason"] == "credentials"


def test_series_are_counted():
    taken = fingerprint(recorded("1.3.9"), level="series")["fingerprint"]
    assert taken["series"] == {
        "metrics": {"cpu": 3, "old": 1, "we ird,m": 1},
        ODD: {ODD_MEASUREMENT: 1},
    }
    assert taken["buckets"] == []


METADATA_TOTALS = {"databases": 2, "policies": 4, "users": 4, "continuous_queries": 1, "subscriptions": 0}


@pytest.mark.parametrize(
    ("level", "budget", "counted"),
    [
        ("metadata", 1000, {}),
        ("series", 1000, {"measurements": 4, "series": 6, "buckets": 2, "covered": 2}),
        ("series", 5, {"measurements": 3, "series": 5, "buckets": 2, "covered": 1}),
        ("points", 0, {"measurements": 0, "values": 0, "buckets": 10, "covered": 1}),
    ],
)
def test_the_totals_hold_what_was_counted_and_nothing_else(level, budget, counted):
    taken = fingerprint(recorded("1.3.9"), level=level, row_budget=budget)["fingerprint"]
    assert taken["totals"] == dict(METADATA_TOTALS, **counted)
    assert fingerprint(recorded("1.3.9"), baseline=taken)["fingerprint"]["totals"] == taken["totals"]


def test_the_largest_number_that_any_policy_shows_is_taken():
    transport = Transport(
        {
            u'm|SHOW SERIES FROM "m"."a"./.*/': [answer(["key"], [["cpu,h=1"], ["cpu,h=2"], ["mem"]])],
            u'm|SHOW SERIES FROM "m"."b"./.*/': [answer(["key"], [["cpu,h=1"], ["disk"]])],
        }
    )
    database = {"name": "m", "retention_policies": [{"name": "a"}, {"name": "b"}]}
    assert fp.count_series(client_of(transport), database, None) == {"cpu": 2, "mem": 1, "disk": 1}


def test_lost_series_are_named():
    taken = fingerprint(recorded("1.3.9"), level="series")["fingerprint"]
    transport = recorded("1.3.9")
    for key in [key for key in transport.answers if key.startswith("metrics|SHOW SERIES")]:
        transport.answers[key] = [line.replace('["cpu,host=h0"],', "") for line in transport.answers[key]]
    result = fingerprint(transport, baseline=taken)
    assert result["differences"] == ['Database "metrics", measurement "cpu": 3 series before, 2 after']


def test_the_budget_of_series():
    taken = fingerprint(recorded("1.3.9"), level="series", row_budget=5)["fingerprint"]
    assert sorted(taken["series"]) == ["metrics"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (u"cpu,host=a", u"cpu"),
        (u"cpu", u"cpu"),
        (u"we\\ ird\\,m,tag\\ a=1", u"we ird,m"),
        (u"back\\\\slash,a=b", u"back\\\\slash"),
        (u"m\xe9,a=b\\,c", u"m\xe9"),
    ],
)
def test_the_measurement_of_a_series(key, expected):
    assert fp.measurement_of(key) == expected


def test_0_10_has_its_own_column_for_series():
    lines = [answer(["_key", "host"], [["cpu,host=a", "a"], ["cpu,host=b", "b"]], "cpu")]
    transport = Transport({u'm|SHOW SERIES FROM "m"."default"./.*/': lines})
    database = {"name": "m", "retention_policies": [{"name": "default"}]}
    assert fp.count_series(client_of(transport), database, None) == {"cpu": 2}


OLD_QUERY = (
    u'm|SELECT count("b\\"x") AS n0, count("value") AS n1 FROM "m"."default"."cpu"'
    u" WHERE time >= '2020-07-13T00:00:00Z' AND time < '2020-07-20T00:00:00Z'"
)


@pytest.mark.parametrize("version", ["0.10.3", "0.11.1", "0.13.0"])
def test_before_1_0_fields_are_counted_by_name(version):
    transport = Transport(
        {
            u"m|SHOW FIELD KEYS": [answer(["fieldKey"], [["value"], ['b"x']], "cpu")],
            OLD_QUERY: [answer(["time", "n0", "n1"], [["1970-01-01T00:00:00Z", 0, 7]], "cpu")],
        },
        version,
    )
    client = client_of(transport)
    ends = fp.parse_time(UNTIL)
    assert fp.count_bucket(client, fp.Contents(client), GROUP, ends, None) == {"cpu": {"value": 7}}


def test_databases_whose_fields_0_12_hides_are_not_covered():
    shard = dict(GROUP, id=1, group=1, owners="")
    columns = ["id", "database", "retention_policy", "shard_group", "start_time", "end_time", "expiry_time", "owners"]
    row = [1, "m", "default", 1, shard["start"], shard["end"], shard["end"], ""]
    transport = Transport(
        {
            u"|SHOW USERS": ['{"results":[{}]}'],
            u"|SHOW CONTINUOUS QUERIES": ['{"results":[{}]}'],
            u"|SHOW SUBSCRIPTIONS": ['{"results":[{}]}'],
            u"|SHOW DATABASES": ['{"results":[{}]}'],
            u"|SHOW SHARDS": [answer(columns, [row], "m")],
            u"m|SHOW FIELD KEYS": ['{"results":[{}]}'],
        },
        "0.12.2",
    )
    totals = fingerprint(transport)["fingerprint"]["totals"]
    assert (totals["covered"], totals["buckets"]) == (0, 1)


def test_statements_stop_at_the_time_of_the_fingerprint_and_share_queries():
    measurements = {u"m{0}".format(number): None for number in range(100)}
    queries = list(fp.statements(measurements, GROUP, fp.parse_time("2020-07-15T00:00:00.5Z")))
    assert len(queries) > 1
    assert max(len(query) for query in queries) < fp.QUERY_LENGTH + 200
    parts = u"; ".join(queries).split(u"; ")
    assert len(parts) == 100
    assert parts[0] == (
        u'SELECT count(*) FROM "m"."default"."m0" WHERE time >= \'2020-07-13T00:00:00Z\' AND time < \'2020-07-15T00:00:00.5Z\''
    )


METADATA = {
    "databases": [
        {
            "name": "metrics",
            "retention_policies": [
                {"name": "keep", "duration": "0s", "shard_group_duration": "168h0m0s", "replica_n": 1, "default": True}
            ],
            "continuous_queries": [{"name": "cq", "query": "CREATE ..."}],
            "subscriptions": [{"policy": "keep", "name": "s", "mode": "ALL", "destinations": ["udp://a:1"]}],
        }
    ],
    "users": [{"name": "reader", "admin": False, "grants": {"metrics": "READ"}}],
}


def edited(edit):
    copied = copy.deepcopy(METADATA)
    edit(copied, copied["databases"][0])
    return copied


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda all_, db: None, []),
        (lambda all_, db: db["retention_policies"][0].update(shard_group_duration=None), []),
        (
            lambda all_, db: db["retention_policies"][0].update(duration="1h0m0s"),
            ['Retention policy "keep" of database "metrics": duration was "0s", is "1h0m0s"'],
        ),
        (
            lambda all_, db: db["retention_policies"][0].update(default=False),
            ['Retention policy "keep" of database "metrics": default was true, is false'],
        ),
        (lambda all_, db: db["retention_policies"].pop(), ['Retention policy "keep" of database "metrics" is gone']),
        (lambda all_, db: db["continuous_queries"].pop(), ['Continuous query "cq" of database "metrics" is gone']),
        (
            lambda all_, db: db["continuous_queries"][0].update(query="other"),
            ['Continuous query "cq" of database "metrics": query was "CREATE ...", is "other"'],
        ),
        (
            lambda all_, db: db["subscriptions"].pop(),
            ['Subscription "s" of policy "keep" of database "metrics" is gone'],
        ),
        (lambda all_, db: all_["users"].pop(), ['User "reader" is gone']),
        (lambda all_, db: all_["users"][0].update(admin=True), ['User "reader": admin was false, is true']),
        (
            lambda all_, db: all_["users"][0].update(grants={}),
            ['User "reader": grants was {"metrics": "READ"}, is {}'],
        ),
        (
            lambda all_, db: all_["users"].append({"name": "eve", "admin": True, "grants": {}}),
            [],
        ),
        (
            lambda all_, db: db.update(name="other"),
            [
                'Continuous query "cq" of database "metrics" is gone',
                'Database "metrics" is gone',
                'Retention policy "keep" of database "metrics" is gone',
                'Subscription "s" of policy "keep" of database "metrics" is gone',
            ],
        ),
    ],
)
def test_metadata_has_to_be_what_it_was(edit, expected):
    assert fp.metadata_differences(METADATA, edited(edit)) == expected


def test_what_is_new_is_told_apart():
    after = edited(lambda all_, db: all_["users"].append({"name": "eve", "admin": True, "grants": {}}))
    assert fp.additions({"metadata": METADATA}, {"metadata": after}) == ['User "eve"']
    assert fp.additions({"metadata": after}, {"metadata": METADATA}) == []


def test_a_property_that_the_old_release_does_not_show_is_no_difference():
    old = edited(lambda all_, db: db["retention_policies"][0].update(shard_group_duration=None))
    assert fp.metadata_differences(old, METADATA) == []


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-21T06:50:00Z", 1795243800 * 10**9),
        ("2026-11-21T06:50:00.123456789Z", 1795243800123456789),
        ("2026-11-21T08:50:00+02:00", 1795243800 * 10**9),
        ("2026-11-21T01:20:00.5-05:30", 1795243800500000000),
        ("1969-12-29T00:00:00Z", -259200 * 10**9),
        ("1677-09-21T00:12:43.145224192Z", -(2**63)),
    ],
)
def test_times_are_exact(text, nanoseconds):
    assert fp.parse_time(text) == nanoseconds
    assert fp.parse_time(fp.format_time(nanoseconds)) == nanoseconds


@pytest.mark.parametrize("text", ["", "now", "2026-11-21", "2026-13-21T06:50:00Z", "2026-11-21T06:50:00", u"\xe9"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(FleetError):
        fp.parse_time(text)
