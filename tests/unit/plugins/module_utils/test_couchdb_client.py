# -*- coding: utf-8 -*-
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import base64
import json
import threading

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_client as couchdb_client
from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http, _http_session
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import Answer
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.couchdb_answers import (
    NODE_LOCAL,
    RECORDED,
    Transport,
    answer,
    client_of,
    recorded,
    welcome,
)

try:
    from http.server import BaseHTTPRequestHandler, HTTPServer
except ImportError:  # Python 2.7
    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer

requests = pytest.importorskip("requests")

KEY = ("couchdb", "maintenance_mode")
FLAG = "/_node/_local/_config/couchdb/maintenance_mode"
THREE = ["couchdb_a1@127.0.0.11", "couchdb_a2@127.0.0.12", "couchdb_a3@127.0.0.13"]

CLOUDANT_1_1_0 = {
    "couchdb": "Welcome",
    "version": "2.0.0",
    "vendor": {"name": "IBM Cloudant", "version": "1.1.0", "variant": "local"},
    "features": ["geo"],
}
CLOUDANT_1_0_0_5 = {
    "couchdb": "Welcome",
    "version": "1.0.0.5-local",
    "vendor": {"name": "Cloudant, an IBM Company", "version": "1.0.0.5", "variant": "local"},
}
UBUNTU = {"couchdb": "Welcome", "version": "1.6.0", "vendor": {"name": "Ubuntu", "version": "16.04"}}


@pytest.mark.parametrize(
    ("document", "product", "version", "api"),
    [
        (json.loads(RECORDED["root"]["text"]), "couchdb", "3.4.3", (3, 4, 3)),
        (CLOUDANT_1_1_0, "cloudant", "1.1.0", (2, 0, 0)),
        (CLOUDANT_1_0_0_5, "cloudant", "1.0.0.5", (1, 0, 0, 5)),
        (UBUNTU, "couchdb", "1.6.0", (1, 6, 0)),
        ({"couchdb": "Welcome", "version": "3.5.0-rc1"}, "couchdb", "3.5.0-rc1", (3, 5, 0)),
        ({"couchdb": "Welcome"}, "couchdb", None, ()),
    ],
)
def test_the_release_is_the_vendors_for_cloudant_only(document, product, version, api):
    found = couchdb_client.release(document)
    assert (found["product"], found["version"], found["api"]) == (product, version, document.get("version"))
    assert couchdb_client.api_version(document) == api


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("up", {"status": "ok", "code": 200}),
        ("up a2", {"status": "maintenance_mode", "code": 404}),
        ("up nolb", {"status": "nolb", "code": 404}),
    ],
)
def test_up_is_what_a_load_balancer_sees(title, expected):
    transport = Transport(recorded(title))
    assert client_of(transport).up() == expected
    assert transport.asked == [("GET /_up", None, True)], "no credentials are sent where none are asked for"


def test_up_tells_of_a_node_that_still_copies_its_seeds():
    seeding = answer({"status": "seeding", "seeds": {"couchdb@a": {"timestamp": None}}}, 404)
    assert client_of(Transport({"GET /_up": seeding})).up() == {"status": "seeding", "code": 404}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Answer(404, u"<html><body>Not Found</body></html>"), "server"),
        (answer({"error": "not_found", "reason": "missing"}, 404), "not-found"),
        (Answer(503, u"<html><body><h1>503 Service Unavailable</h1></body></html>"), "server"),
        (answer({"state": "ok"}), "server"),
        (Answer(200, u"[]"), "server"),
        (Answer(200, u"OK"), "server"),
    ],
)
def test_what_is_no_status_is_never_one(found, reason):
    with pytest.raises(FleetError) as caught:
        client_of(Transport({"GET /_up": found})).up()
    assert caught.value.facts["reason"] == reason


@pytest.mark.parametrize("insists", [True, False])
def test_open_questions_carry_credentials_only_where_the_server_insists(insists):
    unauthorized = answer({"error": "unauthorized", "reason": "Authentication required."}, 401)
    good = Answer(RECORDED["up"]["code"], RECORDED["up"]["text"])
    transport = Transport({"GET /_up": lambda anonymous: unauthorized if anonymous and insists else good})
    assert client_of(transport).up()["status"] == "ok"
    assert [anonymous for _question, _body, anonymous in transport.asked] == ([True, False] if insists else [True])


def test_a_server_that_insists_is_not_asked_again_without_credentials():
    unauthorized = answer({"error": "unauthorized", "reason": "Authentication required."}, 401)
    transport = Transport({"GET /_up": unauthorized}, has_credentials=False)
    with pytest.raises(FleetError) as caught:
        client_of(transport).up()
    assert caught.value.facts["reason"] == "credentials"
    assert len(transport.asked) == 1


def test_membership_is_sorted():
    assert client_of(Transport(recorded("membership"))).membership() == {"all_nodes": THREE, "cluster_nodes": THREE}
    stopped = client_of(Transport(recorded("a3 stopped: membership"))).membership()
    assert stopped == {"all_nodes": THREE[:2], "cluster_nodes": THREE}


def test_the_node_tells_its_name_from_3_0():
    answers = dict(recorded("root"), **{"GET /_node/_local": answer({"name": THREE[0]})})
    assert client_of(Transport(answers)).node_name() == THREE[0]


def test_a_name_of_2_3_is_the_one_to_which_the_node_has_no_connection():
    answers = dict(recorded("membership", "system"), **welcome("2.3.1"))
    assert client_of(Transport(answers)).node_name() == THREE[0]
    crossed = {"distribution": {THREE[1]: {}}}
    answers["GET /_node/_local/_system"] = answer(crossed)
    assert client_of(Transport(answers)).node_name() is None


@pytest.mark.parametrize("document", [CLOUDANT_1_1_0, {"couchdb": "Welcome", "version": "2.1.2"}])
def test_no_name_is_asked_for_before_the_alias_exists(document):
    transport = Transport({"GET /": answer(document)})
    assert client_of(transport).node_name() is None
    assert len(transport.asked) == 1


def test_a_value_of_the_configuration_and_none():
    assert client_of(Transport(recorded("config get"))).config("_local", *KEY) == "true"
    assert client_of(Transport(recorded("get unset"))).config("_local", *KEY) is None


def test_a_value_is_set_as_a_json_string():
    transport = Transport(recorded("maintenance on a2"))
    client_of(transport).set_config("_local", KEY[0], KEY[1], "true")
    assert transport.asked == [("PUT " + FLAG, "true", False)]
    with pytest.raises(FleetError, match="a JSON string expected"):
        client_of(Transport(recorded("bare true"))).set_config("_local", KEY[0], KEY[1], "true")


def test_a_value_is_removed_whether_it_is_there_or_not():
    for found in (recorded("delete key"), {"DELETE " + FLAG: recorded("get unset")["GET " + FLAG]}):
        transport = Transport(found)
        client_of(transport).delete_config("_local", *KEY)
        assert transport.asked == [("DELETE " + FLAG, None, False)]


@pytest.mark.parametrize(
    ("title", "node", "reason", "words"),
    [
        ("unknown node", "nosuch@127.0.0.9", "not-found", "no such node: nosuch@127.0.0.9"),
        ("a3 stopped: its config through a peer", THREE[2], "node-down", "couchdb_a3@127.0.0.13 is down"),
    ],
)
def test_a_missing_node_and_one_that_is_down_are_told_apart(title, node, reason, words):
    with pytest.raises(FleetError) as caught:
        client_of(Transport(recorded(title))).config(node, *KEY)
    assert caught.value.facts["reason"] == reason
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("found", "reason", "words"),
    [
        (recorded("no auth")["GET /_all_dbs"], "credentials", "You are not a server admin."),
        (recorded("wrong auth")["GET /_all_dbs"], "credentials", "Name or password is incorrect."),
        (answer({"error": "forbidden", "reason": "Account is temporarily locked"}, 403), "credentials", "locked"),
        (answer({"error": "nodedown", "reason": "progress not possible"}, 412), "node-down", "progress not possible"),
        (answer({"error": "internal_server_error", "reason": "No DB shards could be opened."}, 500), "server", "No DB shards"),
        (Answer(200, u"<html>"), "server", "cannot be understood"),
        (Answer(301, u""), "server", "answers 301"),
    ],
)
def test_a_refusal_says_why(found, reason, words):
    with pytest.raises(FleetError) as caught:
        client_of(Transport({"GET /_all_dbs": found})).all_dbs()
    assert caught.value.facts["reason"] == reason
    assert words in str(caught.value)
    assert "http://db:5984" in str(caught.value)


def test_databases_with_their_shards_and_security():
    client = client_of(Transport(recorded("all_dbs", "shards", "security")))
    assert client.all_dbs() == ["_global_changes", "_replicator", "_users", "metrics/east"]
    assert client.shards("metrics/east") == {"00000000-7fffffff": THREE, "80000000-ffffffff": THREE}
    assert client.security("metrics/east") == {"members": {"roles": ["_admin"]}, "admins": {"roles": ["_admin"]}}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (u"t/one+x", "/t%2Fone%2Bx/_security"),
        (u"a_$()+-/z", "/a_%24%28%29%2B-%2Fz/_security"),
        (u"sch\xf6n?#%", "/sch%C3%B6n%3F%23%25/_security"),
    ],
)
def test_each_name_is_one_segment_of_the_path(name, path):
    assert client_of(Transport({"GET " + path: answer({})})).security(name) == {}


MAP = {
    "_id": "metrics/east",
    "shard_suffix": [46, 49, 55, 57],
    "by_range": {"00000000-7fffffff": THREE, "80000000-ffffffff": THREE},
}


SHARDS = {
    "00000000-7fffffff": ("shards/00000000-7fffffff/metrics/east.179", THREE),
    "80000000-ffffffff": ("shards/80000000-ffffffff/metrics/east.179", THREE),
}
MISSING = answer({"error": "not_found", "reason": "no_db_file"}, 404)
ALL_MAPS = answer({"rows": [{"id": "_design/x", "doc": {"_id": "_design/x"}}, {"id": MAP["_id"], "doc": MAP}]})


@pytest.mark.parametrize(
    ("version", "answers"),
    [
        ("3.4.3", {"GET /_node/_local/_dbs/_all_docs?include_docs=true": ALL_MAPS}),
        ("2.3.1", {"GET " + NODE_LOCAL + "/_dbs/_all_docs?include_docs=true": ALL_MAPS}),
        (
            "2.0.0",
            {
                "GET " + NODE_LOCAL + "/_dbs/_all_docs?include_docs=true": MISSING,
                "GET " + NODE_LOCAL + "/dbs/_all_docs?include_docs=true": ALL_MAPS,
            },
        ),
    ],
)
def test_the_maps_of_databases_are_found_in_each_release(version, answers):
    assert client_of(Transport(dict(welcome(version), **answers))).shard_maps() == {"metrics/east": SHARDS}


def test_a_map_without_sense_is_a_failure():
    answers = {"GET /_node/_local/_dbs/_all_docs?include_docs=true": answer({"rows": [{"doc": {"_id": "db"}}]})}
    with pytest.raises(FleetError) as caught:
        client_of(Transport(dict(welcome("3.4.3"), **answers))).shard_maps()
    assert caught.value.facts["reason"] == "server"


@pytest.mark.parametrize(
    ("places", "code", "reason"), [(["/_dbs", "/dbs"], 404, "not-found"), (["/_dbs"], 401, "credentials")]
)
def test_missing_maps_are_a_failure(places, code, reason):
    refusal = answer({"error": "not_found", "reason": "missing"}, code)
    answers = {"GET " + NODE_LOCAL + place + "/_all_docs?include_docs=true": refusal for place in places}
    with pytest.raises(FleetError) as caught:
        client_of(Transport(dict(welcome("2.1.0"), **answers))).shard_maps()
    assert caught.value.facts["reason"] == reason and NODE_LOCAL in str(caught.value)


CHECKPOINTS = "/_local_docs?include_docs=true&startkey=%22_local/shard-sync-%22&endkey=%22_local/shard-sync.%22"


@pytest.mark.parametrize(("version", "prefix"), [("3.3.3", "/_node/db@a"), ("2.3.1", NODE_LOCAL)])
def test_a_copy_of_a_shard_is_asked_for_on_its_node(version, prefix):
    path = "GET " + prefix + "/shards%2F00000000-ffffffff%2Fx.1"
    rows = [{"id": name, "doc": {"_id": name}} for name in ("_local/a", "_local/shard-sync-x-y", "_local/shard-sync-z")]
    answers = {
        path: answer({"update_seq": 7}),
        path + CHECKPOINTS: answer({"rows": rows}),
        path + "/_changes?descending=true&limit=1": answer({"results": [{"seq": 6, "id": "d"}], "last_seq": 7}),
    }
    client = client_of(Transport(dict(welcome(version), **answers)))
    shard = "shards/00000000-ffffffff/x.1"
    assert client.shard_info("db@a", shard) == {"update_seq": 7}
    assert client.shard_checkpoints("db@a", shard) == [rows[1]["doc"], rows[2]["doc"]]
    assert client.shard_last_seq("db@a", shard) == 6


def test_a_copy_without_changes_has_no_last_one():
    path = "GET /_node/db@a/shards%2F00000000-ffffffff%2Fx.1/_changes?descending=true&limit=1"
    client = client_of(Transport(dict(recorded("root"), **{path: answer({"results": [], "last_seq": 0})})))
    assert client.shard_last_seq("db@a", "shards/00000000-ffffffff/x.1") == 0


@pytest.mark.parametrize(("version", "started"), [("3.4.3", True), ("2.3.1", True), ("2.3.0", False), ("2.0.0", False)])
def test_synchronization_is_started_where_the_release_can(version, started):
    transport = Transport(dict(welcome(version), **recorded("sync_shards")))
    assert client_of(transport).sync_shards("metrics/east") is started
    assert ("POST /metrics%2Feast/_sync_shards" in [asked[0] for asked in transport.asked]) is started


def test_the_release_is_asked_for_once():
    transport = Transport(dict(recorded("root"), **{"GET /_node/_local": answer({"name": "x"})}))
    client = client_of(transport)
    client.node_name()
    client.node_name()
    assert [asked[0] for asked in transport.asked].count("GET /") == 1


@pytest.mark.parametrize("found", [answer({"ok": True}), answer([]), Answer(200, u"hello"), answer(None)])
def test_another_server_of_json_is_not_taken_for_couchdb(found):
    with pytest.raises(FleetError) as caught:
        client_of(Transport({"GET /": found})).welcome()
    assert caught.value.facts["reason"] == "server"


# The Transport, over the real library, with an adapter in place of the network.

PARAMS = {
    "host": "db",
    "port": 5984,
    "ssl": False,
    "validate_certs": True,
    "ca_path": None,
    "username": u"\xe4dmin",
    "password": u"p\u20acw",
    "auth": "basic",
    "timeout": 7,
    "retries": 2,
}
REFUSED = requests.exceptions.ConnectionError("('x', [Errno 111] Connection refused)")


class Network(requests.adapters.BaseAdapter):
    """Answers with what stands in outcomes, in order; the last again and again."""

    def __init__(self, *outcomes):
        super(Network, self).__init__()
        self.outcomes = list(outcomes)
        self.sent = []

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        self.sent.append((request, {"timeout": timeout, "verify": verify, "proxies": proxies}))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        code, text = outcome
        response = requests.Response()
        response.status_code, response._content, response.request, response.url = code, text, request, request.url
        response.headers["Location"] = "http://elsewhere:5984/"  # of which only a redirection is read
        return response

    def close(self):
        pass


GOOD = (200, b'["x"]')


def transport_over(monkeypatch, network, **changes):
    """The Transport, and how long it paused; proxies and authorities are in the environment."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/elsewhere.pem")
    make = _http_session.new_session

    def new_session():
        session = make()
        session.mount("http://", network)
        session.mount("https://", network)
        return session

    monkeypatch.setattr(_http_session, "new_session", new_session)
    pauses = []
    return couchdb_client.Transport(dict(PARAMS, **changes), pauses.append), pauses


def header(request, name):
    value = request.headers.get(name)
    return value.decode("ascii") if isinstance(value, bytes) else value


def test_credentials_are_in_the_header_and_in_no_url(monkeypatch):
    network = Network(GOOD)
    transport, _pauses = transport_over(monkeypatch, network)
    assert transport.ask("GET", "http://db:5984/_all_dbs") == (200, '["x"]')
    [(request, settings)] = network.sent
    expected = "Basic " + base64.b64encode(u"\xe4dmin:p\u20acw".encode("utf-8")).decode("ascii")
    assert header(request, "Authorization") == expected
    assert request.url == "http://db:5984/_all_dbs"
    assert not settings["proxies"] and settings["timeout"] == 7


def test_every_request_is_counted_also_one_that_is_repeated(monkeypatch):
    transport, _pauses = transport_over(monkeypatch, Network(REFUSED, GOOD))
    transport.ask("GET", "http://db:5984/_all_dbs")
    transport.ask("GET", "http://db:5984/_up", anonymous=True)
    assert couchdb_client.Client(transport, "http://db:5984", NODE_LOCAL).requests == 3


def test_nothing_is_sent_for_a_user_where_there_is_none_or_none_is_wanted(monkeypatch):
    network = Network(GOOD)
    transport, _pauses = transport_over(monkeypatch, network)
    transport.ask("GET", "http://db:5984/_up", anonymous=True)
    unnamed, _pauses = transport_over(monkeypatch, network, username=None, password=None)
    unnamed.ask("GET", "http://db:5984/_up")
    assert [header(request, "Authorization") for request, _settings in network.sent] == [None, None]


def test_a_body_is_json_and_names_stay_encoded(monkeypatch):
    network = Network(GOOD)
    transport, _pauses = transport_over(monkeypatch, network)
    transport.ask("PUT", "http://db:5984/a%2Fb%2Bc/x@y", "true")
    [(request, _settings)] = network.sent
    assert request.body == '"true"' and request.headers["Content-Type"] == "application/json"
    assert request.url == "http://db:5984/a%2Fb%2Bc/x@y"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ssl": True}, True),
        ({"ssl": True, "ca_path": __file__}, __file__),
        ({"ssl": True, "validate_certs": False, "ca_path": __file__}, False),
    ],
)
def test_certificates_are_verified(monkeypatch, changes, expected):
    network = Network(GOOD)
    transport, _pauses = transport_over(monkeypatch, network, **changes)
    transport.ask("GET", "https://db:5984/_up", anonymous=True)
    transport.ask("GET", "https://db:5984/_all_dbs")
    assert [settings["verify"] for _request, settings in network.sent] == [expected, expected]


def test_reading_is_tried_again_when_the_connection_fails(monkeypatch):
    network = Network(REFUSED, REFUSED, GOOD)
    transport, pauses = transport_over(monkeypatch, network)
    assert transport.ask("GET", "http://db:5984/_all_dbs").code == 200
    assert len(network.sent) == 3 and pauses == [couchdb_client.RETRY_PAUSE] * 2


@pytest.mark.parametrize(
    ("method", "outcome", "attempts", "reason", "words"),
    [
        ("GET", REFUSED, 3, "unreachable", "Connection refused"),
        ("PUT", REFUSED, 1, "unreachable", "Connection refused"),
        ("GET", requests.exceptions.ReadTimeout("HTTP: Read timed out. (read timeout=7)"), 1, "unreachable", "timed out"),
        ("GET", requests.exceptions.ConnectTimeout("timed out"), 1, "unreachable", "timed out"),
        ("GET", requests.exceptions.SSLError("certificate has expired"), 1, "tls", "has expired"),
        ("GET", requests.exceptions.SSLError("EOF occurred in violation of protocol"), 1, "tls", "does not speak HTTPS"),
        ("GET", requests.exceptions.SSLError("hostname 'x' doesn't match 'y'"), 1, "tls", "another name"),
    ],
)
def test_a_connection_that_fails_for_good_says_why(monkeypatch, method, outcome, attempts, reason, words):
    network = Network(outcome)
    transport, _pauses = transport_over(monkeypatch, network)
    with pytest.raises(FleetError) as caught:
        transport.ask(method, "http://db:5984/_all_dbs")
    assert len(network.sent) == attempts
    assert caught.value.facts["reason"] == reason
    assert words in str(caught.value) and "http://db:5984" in str(caught.value)


def test_a_redirection_is_an_answer_and_gets_no_credentials(monkeypatch):
    network = Network((302, b""))
    transport, _pauses = transport_over(monkeypatch, network)
    assert transport.ask("GET", "http://db:5984/_all_dbs").code == 302
    assert len(network.sent) == 1


class CookieHandler(BaseHTTPRequestHandler):
    """The session of CouchDB: a cookie for name and password, and nothing without one. server.valid is the cookie of the hour."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8"))
        good = body == {"name": PARAMS["username"], "password": PARAMS["password"]}
        self.server.logins += 1
        self._answer(200 if good else 401, "AuthSession={0}; Version=1; Path=/; HttpOnly".format(self.server.valid))

    def do_GET(self):
        good = self.headers.get("Cookie") == "AuthSession={0}".format(self.server.valid)
        assert self.headers.get("Authorization") is None
        self._answer(200 if good else 401)

    def _answer(self, code, cookie=None):
        self.send_response(code)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def cookie_server():
    server = HTTPServer(("127.0.0.1", 0), CookieHandler)
    server.valid, server.logins = "c1", 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_cookie_is_fetched_once_and_again_when_it_has_expired(cookie_server):
    params = dict(PARAMS, host="127.0.0.1", port=cookie_server.server_port, auth="cookie")
    transport = couchdb_client.Transport(params)
    url = _http.base_url(params) + "/_all_dbs"
    assert [transport.ask("GET", url).code, transport.ask("GET", url).code, cookie_server.logins] == [200, 200, 1]
    assert transport.ask("GET", url, anonymous=True).code == 401, "the cookie is for what needs it"
    cookie_server.valid = "c2"
    assert [transport.ask("GET", url).code, cookie_server.logins] == [200, 2]


def test_a_refused_login_is_told_without_the_password(monkeypatch):
    refused = (401, b'{"error":"unauthorized","reason":"Name or password is incorrect."}')
    transport, _pauses = transport_over(monkeypatch, Network(refused), auth="cookie")
    with pytest.raises(FleetError) as caught:
        transport.ask("GET", "http://db:5984/_all_dbs")
    assert caught.value.facts["reason"] == "credentials"
    assert "POST /_session" in str(caught.value) and "p" + u"\u20ac" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "url", "node_local"),
    [
        ({}, "http://db:5984", "http://db:5986"),
        ({"ssl": True, "port": 6984}, "https://db:6984", "http://db:5986"),
        ({"node_local_port": 15986}, "http://db:5984", "http://db:15986"),
        ({"host": "::1"}, "http://[::1]:5984", "http://[::1]:5986"),
    ],
)
def test_the_node_local_port_is_always_plain(changes, url, node_local):
    client = couchdb_client.connect(dict(PARAMS, **changes))
    assert (client.url, client._node_local_url) == (url, node_local)


def test_a_missing_library_is_told(monkeypatch):
    monkeypatch.setattr(_http_session, "IMPORT_ERROR", "Traceback ...")
    with pytest.raises(FleetError) as caught:
        couchdb_client.connect(PARAMS)
    assert "requests" in str(caught.value)
    assert caught.value.facts == {"exception": "Traceback ...", "reason": "library"}
