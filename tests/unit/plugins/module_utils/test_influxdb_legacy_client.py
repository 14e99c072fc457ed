# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _influxdb_legacy_client as client
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_connection import connect
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_legacy_server import (
    HEADER,
    LONG_TERM,
    PASSWORD,
    Node,
    Running,
)


@pytest.fixture
def running():
    with Running(Node()) as found:
        yield found


def failure(function, *arguments):
    with pytest.raises(FleetError) as caught:
        function(*arguments)
    return caught.value


@pytest.mark.parametrize("release", ["0.7.3", "0.8.3"])
def test_the_release_is_read_without_credentials(running, release):
    running.node.release = release
    assert connect(running.params()).version() == release
    assert running.seen == [("/ping", None)]


def test_a_server_that_does_not_say_its_release_is_told(running):
    running.node.release = ""
    assert failure(connect(running.params()).version).facts["reason"] == "server"


def test_credentials_are_in_the_header(running, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert connect(running.params()).databases() == ["other", "test"]
    assert running.seen == [("/db", HEADER)]


@pytest.mark.parametrize("changes", [{"password": "with:colon"}, {"username": "a:b", "password": "with:colon"}])
def test_a_colon_which_these_releases_cannot_read_in_the_header_goes_into_the_query(running, changes):
    connect(running.params(**changes)).databases()
    [(path, header)] = running.seen
    assert header is None and path.endswith("p=with%3Acolon")


def test_a_password_in_the_query_is_in_no_error(running):
    params = running.params(password="secret:word")
    error = failure(connect(params).databases)
    assert error.facts["reason"] == "credentials"
    assert "secret" not in str(error) and "secret" not in repr(error.facts)
    error = failure(connect(dict(params, port=1)).databases)
    assert error.facts["reason"] == "unreachable" and "secret" not in str(error) and "refused. Expected" in str(error)


@pytest.mark.parametrize("changes", [{"username": None, "password": None}, {"password": "wrong"}])
def test_refused_credentials_are_told(running, changes):
    error = failure(connect(running.params(**changes)).databases)
    assert error.facts["reason"] == "credentials" and "cluster administrator" in str(error)
    assert PASSWORD not in str(error)


@pytest.mark.parametrize(
    ("code", "text", "reason", "words"),
    [
        (400, "Database 'nosuchdb' doesn't exist.", "database", "create the database"),
        (400, "Shard space long_term exists for db test", "exists", "run again"),
        (400, "Shard space must have a name", "name", "set name"),
        (400, "A regex is required for a shard space", "regex", "set regex"),
        (400, "Error parsing regex: error parsing regexp: missing closing ]: `[`", "regex", "RE2"),
        (400, "Rat.Scan: invalid syntax", "duration", "correct retention_policy or shard_duration"),
        (500, "unexpected EOF", "server", "proxy"),
        (500, "EOF", "server", "proxy"),
        (400, "invalid character 'b' looking for beginning of object key string", "server", "proxy"),
        (404, "404 page not found\n", "release", "0.8.0 to 0.8.3"),
        (405, "Method Not Allowed\n", "server", "host and port"),
        (401, "Invalid username/password", "credentials", "users of a database"),
        (400, "Bad auth value", "credentials", "user and a password"),
        (401, "anything", "credentials", "cluster administrator"),
        (406, "", "server", "nothing"),
    ],
)
def test_an_error_in_plain_text_becomes_what_it_means(running, code, text, reason, words):
    running.node.answers["POST", "/cluster/shard_spaces/test"] = (code, text)
    error = failure(connect(running.params()).create_space, "test", LONG_TERM)
    assert error.facts["reason"] == reason and words in str(error)
    assert "answers {0} to POST /cluster/shard_spaces/test".format(code) in str(error) and text.strip() in str(error)


def test_the_migration_answers_that_it_runs_with_an_empty_object(running):
    running.node.migrating = [(202, ""), (403, "{}"), (400, "{}")]
    migrate = connect(running.params()).migrate
    assert (migrate("0s"), migrate("1s")) == (True, False)
    assert failure(migrate, "banana").facts["reason"] == "pause"
    assert running.node.pauses == ["0s", "1s", "banana"]


def test_what_is_no_json_is_told(running):
    running.node.answers["GET", "/db"] = (200, "<html>")
    assert failure(connect(running.params()).databases).facts["reason"] == "server"


def test_a_query_is_asked_in_microseconds(running):
    running.node.answers["GET", "/db/test/series"] = (200, '[{"name":"cpu","columns":["time","count"],"points":[[0,26000]]}]')
    found = connect(running.params()).query("test", u'select count("v\xe9") from /.*/')
    assert found == [{"name": "cpu", "columns": ["time", "count"], "points": [[0, 26000]]}]
    assert running.seen[0][0] == "/db/test/series?q=select+count%28%22v%C3%A9%22%29+from+%2F.%2A%2F&time_precision=u"


@pytest.mark.parametrize("text", ["Couldn't look up columns", "Couldn't find series: cpu", "Couldn't look up columns for series: cpu"])
def test_a_series_that_the_server_does_not_know_is_an_empty_answer(running, text):
    running.node.answers["GET", "/db/test/series"] = (400, text)
    assert connect(running.params()).query("test", "select * from cpu") == []


@pytest.mark.parametrize(("code", "text"), [(500, "Couldn't look up columns"), (400, "Error at 1:5. syntax error"), (200, "[")])
def test_what_the_server_could_not_answer_is_no_empty_answer(running, code, text):
    running.node.answers["GET", "/db/test/series"] = (code, text)
    assert failure(connect(running.params()).query, "test", "select * from cpu").facts["reason"] == "server"


def test_continuous_queries_are_their_texts(running):
    text = "select mean(value) from cpu group by time(1h) into cpu.1h"
    running.node.answers["GET", "/db/test/continuous_queries"] = (200, json.dumps([{"id": 1, "query": text}]))
    assert connect(running.params()).continuous_queries("test") == [text]


@pytest.mark.parametrize(
    ("version", "oldest", "good"),
    [
        ("0.7.3", (0, 7), True),
        ("0.8.9", (0, 7), True),
        ("0.7.3", (0, 8), False),
        ("0.9.0", (0, 7), False),
        ("1.4.3", (0, 7), False),
        ("new", (0, 7), False),
    ],
)
def test_only_releases_of_the_time_are_asked(version, oldest, good):
    if good:
        client.require_legacy(version, oldest)
    else:
        assert failure(client.require_legacy, version, oldest).facts == {"reason": "release", "version": version}


@pytest.mark.parametrize("name", ["", "a/b", None])
def test_a_name_that_would_change_the_path_is_refused(name):
    assert failure(client.segment, name).facts["reason"] == "name"


def test_other_names_are_quoted():
    assert client.segment(u"m\xe9 1?") == "m%C3%A9%201%3F"
