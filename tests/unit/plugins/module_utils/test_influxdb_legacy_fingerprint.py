# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of it, and what it makes of answers. tests/unit/plugins/modules has it together with a server."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import re

import pytest
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _influxdb_legacy_fingerprint as fp
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

NOW = 1401580800.0  # 2014-06-01T00:00:00Z
DAY = 86400 * fp.SECOND
WEEK = 7 * DAY
MAY_29 = 1401321600 * fp.SECOND
PARAMS = {
    "level": "points",
    "bucket": "7d",
    "row_budget": 1000,
    "until": "",
    "since": "",
    "baseline": None,
    "max_differences": 20,
    "password": "not in the data",
}


class Client(object):
    """Has one shard, and a database with one column in one series, unless it is told otherwise. answers: by beginnings of statements."""

    def __init__(self, **changes):
        self.names, self.admins, self.asked = ["test"], ["root"], []
        self.spans = [(None, MAY_29, MAY_29 + WEEK)]
        self.answers = {
            "select *": [{"name": "cpu", "columns": ["time", "sequence_number", "value"], "points": [[MAY_29, 1, 1.5]]}],
            'select count("value")': [{"name": "cpu", "columns": ["time", "count"], "points": [[0, 3]]}],
        }
        for name in changes:
            setattr(self, name, changes[name])

    def version(self):
        return "0.8.3"

    def databases(self):
        return self.names

    def users(self, _database):
        return ["paul"]

    def continuous_queries(self, _database):
        return ["select 1"]

    def cluster_admins(self):
        return self.admins

    def shards(self):
        return [
            {
                "id": 1,
                "database": database,
                "spaceName": "default",
                "startTime": start // fp.SECOND,
                "endTime": end // fp.SECOND,
                "serverIds": [1],
            }
            for database, start, end in self.spans
        ]

    def query(self, _database, statement):
        self.asked.append(statement)
        return next((self.answers[key] for key in sorted(self.answers) if statement.startswith(key)), [])


def fingerprint(client, **changes):
    return fp.fingerprint(dict(PARAMS, **changes), client, lambda: NOW)


def failure(function, *arguments, **options):
    with pytest.raises(FleetError) as caught:
        function(*arguments, **options)
    return caught.value


@pytest.mark.parametrize(
    ("spans", "since", "until", "expected"),
    [
        ([(10 * WEEK, 11 * WEEK)], None, 20 * WEEK, [(10 * WEEK, 11 * WEEK)]),
        # two shards of one time, and one of thirty days that begins within a week
        ([(7 * DAY, 14 * DAY), (7 * DAY, 14 * DAY)], None, 20 * WEEK, [(WEEK, 2 * WEEK)]),
        ([(30 * DAY, 37 * DAY)], None, 20 * WEEK, [(28 * DAY, 35 * DAY), (35 * DAY, 42 * DAY)]),
        # what is not before until is not counted
        ([(WEEK, 2 * WEEK), (50 * WEEK, 51 * WEEK)], None, WEEK + 5, [(WEEK, WEEK + 5)]),
        ([(WEEK, 2 * WEEK)], None, WEEK, []),
        # all before 1970 and the first bucket after it are one
        ([(-30 * DAY, 0)], None, 20 * WEEK, [(None, WEEK)]),
        ([(-DAY, DAY), (0, WEEK)], None, 3 * DAY, [(None, 3 * DAY)]),
        ([(WEEK, 3 * WEEK)], WEEK + 9, 20 * WEEK, [(WEEK + 9, 2 * WEEK), (2 * WEEK, 3 * WEEK)]),
        ([(-WEEK, 3 * WEEK)], 2 * WEEK, 20 * WEEK, [(2 * WEEK, 3 * WEEK)]),
        ([], None, 20 * WEEK, []),
    ],
)
def test_buckets_are_where_shards_are(spans, since, until, expected):
    found = fp.bucket_list(["test"], [(None, start, end) for start, end in spans], WEEK, since, until)
    assert [(bucket["start"], bucket["end"]) for bucket in found] == expected


def test_a_database_has_no_buckets_for_shards_of_another():
    spans = [("other", 0, WEEK), ("test", 3 * WEEK, 4 * WEEK)]
    found = fp.bucket_list(["other", "test"], spans, WEEK, None, 9 * WEEK)
    assert [(bucket["database"], bucket["end"]) for bucket in found] == [("other", WEEK), ("test", 4 * WEEK)]


def test_columns_are_asked_for_by_the_parts_of_a_bucket_that_shards_have():
    bucket = {"database": "test", "start": WEEK, "end": 2 * WEEK}
    spans = [(None, WEEK, 8 * DAY), ("test", 8 * DAY, 9 * DAY), ("other", 10 * DAY, 11 * DAY), (None, 0, 90 * DAY)]
    assert fp.pieces(bucket, spans) == [(WEEK, 8 * DAY), (8 * DAY, 9 * DAY), (9 * DAY, 2 * WEEK)]
    assert fp.pieces(dict(bucket, start=None), [(None, -DAY, DAY)]) == [(None, DAY), (DAY, 2 * WEEK)]


def test_a_column_that_only_an_older_shard_shows_is_counted():
    client = Client(spans=[(None, MAY_29, MAY_29 + DAY), (None, MAY_29 + DAY, MAY_29 + 2 * DAY)])
    client.answers["select * from /.*/ where time > {0}u and".format(MAY_29 + DAY - 1)] = [
        {"name": "cpu", "columns": ["time", "sequence_number", "idle"], "points": [[MAY_29 + DAY, 1, 1]]}
    ]
    del client.answers["select *"]
    client.answers['select count("idle")'] = client.answers['select count("value")']
    assert fingerprint(client)["fingerprint"]["totals"]["values"] == 3


def test_what_is_asked_is_what_both_releases_understand():
    client = Client()
    fingerprint(client)
    bounds = "where time > 1401321599999999u and time < 1401580799999999u"
    assert client.asked == [
        "select * from /.*/ {0} limit 1".format(bounds),
        'select count("value") from /.*/ {0}'.format(bounds),
    ]


def test_numbers_for_people():
    taken = fingerprint(Client())["fingerprint"]
    assert taken["totals"] == {
        "databases": 1,
        "cluster_admins": 1,
        "users": 1,
        "continuous_queries": 1,
        "series": 1,
        "rows": 3,
        "values": 3,
        "buckets": 1,
        "covered": 1,
    }
    assert (taken["rows"], taken["until"], taken["taken_at"]) == ({"test": {"cpu": 3}}, "2014-06-01T00:00:00Z", "2014-06-01T00:00:00Z")
    assert (taken["schema"], taken["level"], taken["bucket"], taken["since"]) == (1, "points", "7d", "")
    assert taken["metadata"]["users"] == {"test": ["paul"]}
    assert json.loads(json.dumps(taken)) == taken


def test_metadata_alone_asks_for_no_data():
    client = Client()
    result = fingerprint(client, level="metadata")
    assert client.asked == [] and set(result["fingerprint"]["totals"]) == {"databases", "cluster_admins", "users", "continuous_queries"}
    assert (result["equal"], result["changed"], result["difference_count"]) == (None, False, 0)


def test_more_is_no_loss_and_less_is_one():
    before = fingerprint(Client())["fingerprint"]
    client = Client(names=["test", "new"])
    for number, equal in ((4, True), (3, True), (2, False)):
        client.answers['select count("value")'][0]["points"] = [[0, number]]
        result = fingerprint(client, baseline=before)
        assert result["equal"] is equal and result["additions"][0] == 'Continuous query "select 1" of database "new"'
    assert result["differences"] == [
        'Database "test", series "cpu", column "value", times from 2014-05-29T00:00:00Z and before 2014-06-01T00:00:00Z: '
        "3 values before, 2 after"
    ]


def test_a_series_of_which_nothing_is_left_is_one_sentence():
    before = fingerprint(Client())["fingerprint"]
    result = fingerprint(Client(answers={}), baseline=before)
    assert result["differences"] == ['Database "test", series "cpu": 3 rows before, none after']


def test_a_database_that_is_gone_is_not_asked():
    before = fingerprint(Client())["fingerprint"]
    client = Client(names=[], admins=["ca"])
    result = fingerprint(client, baseline=before, max_differences=2)
    assert result["differences"] == [
        'Cluster administrator "root" is gone',
        'Continuous query "select 1" of database "test" is gone',
    ]
    assert (result["difference_count"], result["additions"], client.asked) == (5, ['Cluster administrator "ca"'], [])


def test_the_budget_ends_the_counting_and_is_told():
    client = Client(spans=[(None, MAY_29 - WEEK * number, MAY_29 - WEEK * (number - 1)) for number in range(4)])
    taken = fingerprint(client, row_budget=3)["fingerprint"]
    assert (taken["totals"]["buckets"], taken["totals"]["covered"], taken["totals"]["values"]) == (4, 3, 9)
    counted = fp.unpack(taken)["buckets"]
    assert [(bucket["start"] - MAY_29) // WEEK for bucket in counted] == [-3, -1, 0]
    assert fingerprint(client, baseline=taken, row_budget=0)["equal"] is True


def test_counts_of_a_series_that_comes_in_parts_are_added():
    client = Client()
    client.answers['select count("value")'] *= 2
    assert fingerprint(client)["fingerprint"]["totals"]["values"] == 6


@pytest.mark.parametrize("column", ["a.b", 'a"b', "a\\b", ""])
def test_columns_that_cannot_be_asked_for_are_read(column):
    client = Client()
    client.answers["select *"][0].update(columns=["sequence_number", column, "time"], points=[[1, None, 5], [2, False, 5], [3, "", 5]])
    assert fingerprint(client)["fingerprint"]["totals"]["values"] == 2
    assert client.asked[1].startswith("select * from /^cpu$/ where time > ")


@pytest.mark.parametrize("name", ["a.b", 'say "hi"', "a/b", "back\\slash", "\\/", u"\xe9t\xe9 1", "a'b", "[x]^$*(y)|{z}+?", "under_score-"])
def test_a_regular_expression_for_one_name(name):
    text = fp.exactly(name)
    assert text.startswith("/^") and text.endswith("$/")
    assert not re.search(r"(^|[^\\])(\\\\)*/", text[1:-1]), "the expression would end here"
    assert re.search(text[1:-1].replace("\\/", "/"), name) and not re.search(text[1:-1], name + "x")
    assert not re.search(fp.exactly("a.b")[1:-1], "axb")


@pytest.mark.parametrize("password", ["root", "1", "a", "78", "content", "9c", "g", "ghi", "0123456789abcdefghij", u"\xe9", "", None])
def test_no_password_that_ansible_masks_makes_a_difference(password):
    client = Client(admins=["root", "1"], names=["test", "root"])
    before = fingerprint(client, password=password)["fingerprint"]
    masked = remove_values(before, [password] if password else [])
    assert masked["content"] == before["content"]
    if password == "root":
        assert masked["metadata"]["cluster_admins"][0] != "root", "Ansible masks nothing, so that this proves nothing"
    assert fp.unpack(masked) == fp.unpack(before)
    assert fingerprint(client, baseline=masked)["equal"] is True


def test_a_password_that_is_in_the_one_alphabet_is_not_in_the_other():
    text = json.dumps({"schema": 1})
    plain = fp.pack(text, None)
    assert set(plain) <= set(fp.HEX)
    for length in range(1, len(plain) + 1):
        for start in range(len(plain) - length + 1):
            packed = fp.pack(text, plain[start : start + length])
            assert plain[start : start + length] not in packed and fp.unpack({"content": packed}) == {"schema": 1}
    for password in "ghijklmnopqrstuv":
        assert fp.pack(text, password) == plain


@pytest.mark.parametrize("password", ["alse", "False", "1", "e"])
def test_a_verdict_that_ansible_would_mask_is_refused(password):
    before = fingerprint(Client())["fingerprint"]
    error = failure(fingerprint, Client(answers={}), baseline=before, password=password)
    assert error.facts == {"reason": "credentials", "differences": ['Database "test", series "cpu": 3 rows before, none after']}
    assert "longer password" in str(error)


def test_what_is_no_fingerprint_is_refused():
    taken = fingerprint(Client())["fingerprint"]
    for content in (None, "", "x", u"\xe9", taken["content"][:-2], taken["content"] + "0", taken["content"][2:], fp.pack("{}", None)):
        assert "take a new one" in str(failure(fp.unpack, dict(taken, content=content)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bucket": "59m"}, "1h or more"),
        ({"bucket": "week"}, "such as 7d"),
        ({"until": "yesterday"}, "RFC3339"),
        ({"until": "1970-01-01T00:00:00Z"}, "after 1970"),
        ({"since": "1969-12-31T00:00:00Z"}, "after 1970"),
    ],
)
def test_options_that_cannot_be_used(changes, words):
    assert words in str(failure(fingerprint, Client(), **changes))


def test_another_release_is_refused():
    client = Client()
    client.version = lambda: "1.4.3"
    assert failure(fingerprint, client).facts["reason"] == "release"
