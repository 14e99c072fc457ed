# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _influxdb_client as influxdb_client
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_answers import (
    Transport,
    answer,
    client_of,
)

requests = pytest.importorskip("requests")
exceptions = pytest.importorskip("influxdb.exceptions")

PARAMS = {
    "host": "db",
    "port": 8086,
    "ssl": False,
    "validate_certs": True,
    "ca_path": None,
    "username": u"\xe4dmin",
    "password": u"p\u20acw",
    "timeout": 7,
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (u"cpu", u'"cpu"'),
        (u"one.week", u'"one.week"'),
        (u'a "b" c', u'"a \\"b\\" c"'),
        (u"back\\slash", u'"back\\\\slash"'),
        (u"two\nlines", u'"two\\nlines"'),
        (u"m\xe9", u'"m\xe9"'),
    ],
)
def test_names_are_quoted(name, expected):
    assert influxdb_client.quote(name) == expected


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (exceptions.InfluxDBClientError(b'{"error":"authorization failed"}', 401), "credentials", "authorization failed"),
        (exceptions.InfluxDBClientError(b'{"error":"reader not authorized"}', 403), "credentials", "reader not"),
        (exceptions.InfluxDBClientError(b"404 page not found\n", 404), "server", "404: 404 page not found"),
        (exceptions.InfluxDBClientError(b"Client sent an HTTP request to an HTTPS server.\n", 400), "tls", "ssl to true"),
        (exceptions.InfluxDBServerError(b'{"error":"boom"}'), "server", "boom"),
        (requests.exceptions.SSLError("certificate verify failed: certificate has expired"), "tls", "has expired."),
        (requests.exceptions.SSLError("hostname 'x' doesn't match 'y'"), "tls", "another name"),
        (requests.exceptions.SSLError("Hostname mismatch, certificate is not valid for 'x'"), "tls", "another name"),
        (requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), "tls", "ca_path"),
        (requests.exceptions.SSLError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), "tls", "not speak HTTPS"),
        (requests.exceptions.ConnectionError("('x', [Errno 111] Connection refused)"), "unreachable", "Connection refused"),
        (requests.exceptions.ReadTimeout("HTTP: Read timed out. (read timeout=7)"), "unreachable", "timed out"),
    ],
)
def test_a_failure_says_why(error, reason, words):
    with pytest.raises(FleetError) as caught:
        client_of(Transport({u"|SHOW USERS": error})).query(u"SHOW USERS")
    assert caught.value.facts["reason"] == reason
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (['{"results":[{"error":"database not found: x"}]}'], "server"),
        (['{"results":[{"error":"error authorizing query: x not authorized to execute"}]}'], "credentials"),
        (['{"error":"unable to parse authentication credentials"}'], "credentials"),
        (["<html>proxy</html>"], "server"),
        (["[1]"], "server"),
    ],
)
def test_an_answer_with_an_error_or_without_sense_is_a_failure(lines, reason):
    with pytest.raises(FleetError) as caught:
        client_of(Transport({u"|SHOW USERS": lines})).query(u"SHOW USERS")
    assert caught.value.facts["reason"] == reason


def test_an_error_after_the_first_rows_is_not_passed_over():
    lines = [answer(["key"], [["cpu"]]), '{"results":[{"error":"not executed"}]}']
    stream = client_of(Transport({u"m|SHOW SERIES": lines})).stream(u"SHOW SERIES", database="m")
    assert next(stream)["key"] == "cpu"
    with pytest.raises(FleetError):
        next(stream)


def test_rows_of_all_pieces_are_joined_and_read_by_column_name():
    lines = [answer(["a", "b"], [[1, 2]], "one"), "", answer(["b", "a"], [[3, 4]], "two")]
    rows = client_of(Transport({u"|Q": lines})).query(u"Q")
    assert [(row["a"], row["b"], row["_name"]) for row in rows] == [(1, 2, "one"), (4, 3, "two")]
    assert rows[0].get("c") is None
    with pytest.raises(FleetError):
        rows[0]["c"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([answer(["name"], [["metrics"]])], False),
        (exceptions.InfluxDBClientError(b'{"error":"unable to parse authentication credentials"}', 401), True),
        (exceptions.InfluxDBClientError(b'{"error":"create admin user first"}', 403), True),
    ],
)
def test_whether_the_server_asks_for_a_password(found, expected):
    anonymous = Transport({u"|SHOW DATABASES": found})
    assert client_of(Transport({}), anonymous).asks_for_password() is expected


def test_a_server_that_fails_is_not_one_that_asks_for_a_password():
    anonymous = Transport({u"|SHOW DATABASES": exceptions.InfluxDBServerError(b"boom")})
    with pytest.raises(FleetError):
        client_of(Transport({}), anonymous).asks_for_password()


def test_ping_needs_a_version():
    assert client_of(Transport({}, "v1.8.10", None)).ping() == {"version": "1.8.10", "build": None}
    with pytest.raises(FleetError) as caught:
        client_of(Transport({}, None, None)).ping()
    assert caught.value.facts["reason"] == "server"


class Session(requests.Session):
    """Keeps what would be sent."""

    def __init__(self):
        super(Session, self).__init__()
        self.sent = []

    def send(self, request, **settings):
        self.sent.append((request, settings))
        raise requests.exceptions.ConnectionError("[Errno 111] Connection refused")


def sent(monkeypatch, **changes):
    """The request and settings of a query; proxies are in the environment."""
    session = Session()
    monkeypatch.setattr(requests, "Session", lambda: session)
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    with pytest.raises(FleetError):
        influxdb_client.connect(dict(PARAMS, **changes)).query(u"SHOW USERS")
    return session.sent


def test_credentials_are_in_the_header_and_in_no_url(monkeypatch):
    attempts = sent(monkeypatch)
    assert len(attempts) == 1, "a request must not be tried again"
    request, settings = attempts[0]
    # base64 of the name and password in UTF-8
    assert request.headers["Authorization"] in ("Basic w6RkbWluOnDigqx3", b"Basic w6RkbWluOnDigqx3")
    assert request.url == "http://db:8086/query?q=SHOW+USERS&chunked=true" or (
        request.url == "http://db:8086/query?chunked=true&q=SHOW+USERS"
    )
    assert not settings["proxies"]
    assert settings["timeout"] == 7


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ssl": True}, True),
        ({"ssl": True, "ca_path": __file__}, __file__),
        ({"ssl": True, "validate_certs": False, "ca_path": __file__}, False),
    ],
)
def test_certificates_are_verified(monkeypatch, changes, expected):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/elsewhere.pem")
    [(request, settings)] = sent(monkeypatch, **changes)
    assert request.url.startswith("https://db:8086/")
    assert settings["verify"] == expected


def test_a_missing_authority_file_is_told_before_anything_is_sent(tmp_path):
    with pytest.raises(FleetError) as caught:
        influxdb_client.connect(dict(PARAMS, ssl=True, ca_path=str(tmp_path / "none.pem")))
    assert caught.value.facts["reason"] == "tls" and "none.pem" in str(caught.value)


def test_without_a_user_nothing_is_sent_for_one(monkeypatch):
    [(request, _settings)] = sent(monkeypatch, username=None, password=None)
    assert "Authorization" not in request.headers


def test_an_ipv6_address_gets_brackets(monkeypatch):
    [(request, _settings)] = sent(monkeypatch, host="::1")
    assert request.url.startswith("http://[::1]:8086/")


def test_a_missing_or_old_library_is_told(monkeypatch):
    monkeypatch.setattr(influxdb_client, "LIBRARY_VERSION", "5.2.3")
    with pytest.raises(FleetError) as caught:
        influxdb_client.connect(PARAMS)
    assert "5.2.3" in str(caught.value) and caught.value.facts["reason"] == "library"
    monkeypatch.setattr(influxdb_client, "IMPORT_ERROR", "Traceback ...")
    with pytest.raises(FleetError) as caught:
        influxdb_client.connect(PARAMS)
    assert "influxdb" in str(caught.value)
    assert caught.value.facts == {"exception": "Traceback ...", "reason": "library"}
