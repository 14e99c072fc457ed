# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import os
import shutil
import socket
import tempfile
import threading

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _haproxy as haproxy
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

requests = pytest.importorskip("requests")

FIXTURES = os.path.join(os.path.dirname(__file__), "..", "..", "..", "fixtures", "haproxy")

# HAProxy 1.5, as on the load balancers of Cloudant Local: no addresses, no check_desc, no count of a server's requests.
OLD = """\
# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,\
chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,\
check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,\
cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,
dbfarm,FRONTEND,,,2,58,20000,184,15,39,0,0,674,,,,,OPEN,,,,,,,,,1,2,0,,,,0,5,0,222,,,,0,172,10,1,78,0,,5,224,190,,,0,0,0,0,,,,,,,,
dbfarm,1,0,0,0,9,,85,59,27,,0,,0,0,0,0,UP,1,1,0,3,1,2829,17,,1,3,1,,486,,2,0,,166,L7OK,200,14,0,6,17,6,1,0,0,,,,6,0,,,,,2,OK,,0,0,1,1,
dbfarm,BACKEND,0,0,0,9,2000,99,59,27,0,0,,0,0,0,0,UP,1,1,0,,0,2829,17,,1,3,0,,486,,1,0,,166,,,,0,6,17,6,1,0,,,,,6,0,0,0,0,0,2,,,0,0,1,1,
"""

PARAMS = {
    "url": "http://lb:8404/_haproxy_stats",
    "socket": None,
    "username": None,
    "password": None,
    "validate_certs": True,
    "ca_path": None,
    "timeout": 7,
}


def recorded(name):
    with open(os.path.join(FIXTURES, name)) as source:
        return haproxy.parse(source.read())


def by_name(rows, backend):
    return {row["svname"]: row for row in haproxy.servers(rows, backend)}


@pytest.fixture
def rows():
    return recorded("page-legends.csv")


def a_server(status, weight=1):
    return {"svname": "x", "status": status, "weight": weight}


@pytest.mark.parametrize(
    ("status", "weight", "out", "up"),
    [
        ("UP", 1, False, True),
        ("UP", 0, True, False),
        ("UP 1/3", 1, False, False),
        ("no check", 1, False, True),
        ("no check", 0, True, False),
        ("DOWN", 1, True, False),
        ("DOWN 1/2", 1, True, False),
        ("DOWN (agent)", 1, True, False),
        ("NOLB", 1, True, False),
        ("NOLB 2/3", 1, True, False),
        ("DRAIN", 1, True, False),
        ("MAINT", 1, True, False),
        ("MAINT (via couchdbs/couchdb1)", 1, True, False),
        ("MAINT(resolution)", 1, True, False),
        ("something new", 1, False, False),
    ],
)
def test_which_servers_take_requests(status, weight, out, up):
    assert (haproxy.is_out(a_server(status, weight)), haproxy.is_up(a_server(status, weight))) == (out, up)


def test_what_haproxy_2_6_tells_of_nodes_in_maintenance(rows):
    servers = by_name(rows, "couchdbs")
    assert [haproxy.describe(servers[name]) for name in sorted(servers)] == [
        "couchdb1 (127.0.0.11:5984) UP L7OK/200",
        "couchdb2 (127.0.0.12:5984) NOLB L7OKC/404",
        "couchdb3 (127.0.0.13:5984) DOWN L7STS/404",  # started in maintenance: never NOLB
        "couchdb4 (127.0.0.14:5984) DOWN L4CON",
        "couchdb5 (127.0.0.11:6984) MAINT",
    ]
    assert [name for name in sorted(servers) if haproxy.is_up(servers[name])] == ["couchdb1"]
    assert [name for name in sorted(servers) if haproxy.is_out(servers[name])] == [
        "couchdb2",
        "couchdb3",
        "couchdb4",
        "couchdb5",
    ]


def test_a_stopped_node_is_down_after_it_was_in_maintenance():
    server = by_name(recorded("socket-user.csv"), "couchdbs")["couchdb3"]
    assert haproxy.describe(server) == "couchdb3 DOWN L4CON" and haproxy.is_out(server)


def test_a_weight_of_0_is_out_though_its_status_stays(rows):
    servers = by_name(rows, "other")
    assert haproxy.describe(servers["weightless"]) == "weightless (127.0.0.13:5984) no check weight 0"
    assert [haproxy.is_out(servers[name]) for name in ("draining", "unchecked", "weightless")] == [True, False, True]


def test_numbers_are_numbers_and_names_are_not():
    [server] = haproxy.servers(haproxy.parse(OLD), "dbfarm")
    assert (server["svname"], server["check_code"], server["comp_in"]) == ("1", 200, None)
    assert "addr" not in server and "" not in server


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01">', "stats uri"),
        ("", "stats uri"),
        ("Unknown command, but maybe one of the following", "stats socket"),
        (OLD[:-40], "cut off"),
        (OLD.replace("dbfarm,BACKEND,0", "dbfarm,BACKEND"), "cut off"),
    ],
)
def test_what_is_no_statistics_is_refused(text, words):
    with pytest.raises(FleetError, match=words) as caught:
        haproxy.parse(text, "http://lb/stats")
    assert caught.value.facts["reason"] == "server" and "http://lb/stats" in str(caught.value)


def test_an_unknown_backend_is_told_with_the_known_ones(rows):
    with pytest.raises(FleetError, match="couchdbs, other") as caught:
        haproxy.servers(rows, "couchdb")
    assert caught.value.facts["reason"] == "backend"
    with pytest.raises(FleetError, match="at least one backend"):
        haproxy.servers(haproxy.frontends(rows), "couchdbs")


def match(rows, host, port=None, names=(), addresses=()):
    return haproxy.match(rows, host, port, names, resolve=lambda _host: list(addresses))["svname"]


@pytest.mark.parametrize(
    ("host", "port", "names", "addresses", "expected"),
    [
        ("127.0.0.12", None, (), (), "couchdb2"),
        ("127.0.0.11", 5984, (), (), "couchdb1"),
        ("127.0.0.11", 6984, (), (), "couchdb5"),
        ("db3.example", 5984, (), ("127.0.0.13",), "couchdb3"),
        ("127.0.0.11", None, ("couchdb5",), (), "couchdb5"),  # two of its address: the name decides
        ("couchdb4.example", None, (), ("10.0.0.4",), "couchdb4"),  # HAProxy knows another address of it
        ("db", None, ("couchdb4",), (), "couchdb4"),
    ],
)
def test_a_node_is_found_by_address_then_by_name(rows, host, port, names, addresses, expected):
    assert match(haproxy.servers(rows, "couchdbs"), host, port, names, addresses) == expected


def test_an_address_goes_before_a_name(rows):
    assert match(haproxy.servers(rows, "couchdbs"), "couchdb1", addresses=["127.0.0.12"]) == "couchdb2"


def test_an_ipv6_address_is_one(rows):
    server = dict(haproxy.servers(rows, "couchdbs")[0], addr="[FD00::1]:5984")
    assert match([server], "fd00::1", 5984) == "couchdb1"


def test_without_addresses_names_are_all_there_is():
    servers = haproxy.servers(recorded("page.csv"), "couchdbs")
    assert match(servers, "couchdb2.example.com") == "couchdb2"
    with pytest.raises(FleetError, match=r"None of the servers .* is 127.0.0.12:5984.*couchdb2 NOLB.*show-legends"):
        match(servers, "127.0.0.12", 5984)


def test_a_number_of_an_address_is_no_name():
    [server] = haproxy.servers(haproxy.parse(OLD), "dbfarm")
    assert match([server], "1") == "1"
    with pytest.raises(FleetError):
        match([server], "1.2.3.4")


def test_two_servers_of_one_node_are_not_guessed_between(rows):
    with pytest.raises(FleetError, match=r"More than one .* is 127.0.0.11\.") as caught:
        match(haproxy.servers(rows, "couchdbs"), "127.0.0.11", names=["couchdb2"])
    assert caught.value.facts["reason"] == "match"


def test_a_name_without_address_resolves_to_none():
    assert haproxy.resolve("nowhere.invalid") == []
    assert "127.0.0.1" in haproxy.resolve("127.0.0.1")


def test_the_overview_of_one_backend(rows):
    found = haproxy.overview(rows, "couchdbs")
    assert [backend["name"] for backend in found["backends"]] == ["couchdbs"]
    assert found["backends"][0]["servers"][2] == {
        "name": "couchdb3",
        "address": "127.0.0.13:5984",
        "status": "DOWN",
        "out": True,
        "up": False,
        "check_status": "L7STS",
        "check_code": 404,
        "check_description": "Layer7 wrong status: Not Found",
        "weight": 1,
        "active": True,
        "backup": False,
        "sessions": 0,
        "requests": 2,
        "downtime": 4,
        "last_change": 4,
    }
    assert found["backends"][0]["servers"][3]["backup"]
    assert found["frontends"][0] == {"name": "http-in", "status": "OPEN", "sessions": 0, "requests": 7}


def test_the_overview_of_all(rows):
    found = haproxy.overview(rows)
    assert [(backend["name"], backend["status"], backend["requests"]) for backend in found["backends"]] == [
        ("couchdbs", "UP", 7),
        ("other", "UP", 0),
    ]


def test_an_old_release_counts_sessions_where_it_has_no_requests():
    found = haproxy.overview(haproxy.parse(OLD))
    assert found["frontends"][0]["requests"] == 190
    assert found["backends"][0]["requests"] == 99
    [server] = found["backends"][0]["servers"]
    assert (server["requests"], server["address"], server["check_description"]) == (85, None, "OK")


class Session(requests.Session):
    """Keeps what would be sent, and answers."""

    def __init__(self, status, text):
        super(Session, self).__init__()
        self.trust_env = False
        self.sent = []
        self.status = status
        self.text = text

    def send(self, request, **settings):
        self.sent.append((request, settings))
        response = requests.Response()
        response.status_code = self.status
        response._content = self.text.encode("utf-8")
        return response


def page(monkeypatch, status=200, text=OLD, **changes):
    session = Session(status, text)
    monkeypatch.setattr(haproxy._http_session, "new_session", lambda: session)
    rows = haproxy.read(dict(PARAMS, **changes))
    [(request, settings)] = session.sent
    return rows, request, settings


def test_the_page_is_asked_for_csv(monkeypatch):
    rows, request, settings = page(monkeypatch)
    assert rows == haproxy.parse(OLD)
    assert request.url == "http://lb:8404/_haproxy_stats;csv"
    assert "Authorization" not in request.headers
    assert settings["timeout"] == 7 and not settings["allow_redirects"]
    assert page(monkeypatch, url="http://lb/stats;csv")[1].url == "http://lb/stats;csv"


def test_credentials_are_in_the_header(monkeypatch):
    _rows, request, _settings = page(monkeypatch, username=u"\xe4dmin", password=u"p\u20acw")
    # base64 of the name and password in UTF-8
    assert request.headers["Authorization"] in ("Basic w6RkbWluOnDigqx3", b"Basic w6RkbWluOnDigqx3")
    assert request.url == "http://lb:8404/_haproxy_stats;csv"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, True), ({"ca_path": __file__}, __file__), ({"validate_certs": False, "ca_path": __file__}, False)],
)
def test_certificates_are_verified(monkeypatch, changes, expected):
    assert page(monkeypatch, url="https://lb/stats", **changes)[2]["verify"] == expected


@pytest.mark.parametrize(
    ("status", "changes", "reason", "words"),
    [
        (401, {}, "credentials", "asks for a user"),
        (401, {"username": "haproxy_stat", "password": "pass-word-1"}, "credentials", "refuses the user"),
        (302, {}, "server", "status 302"),
        (503, {}, "server", "stats uri"),
    ],
)
def test_a_refusal_says_why(monkeypatch, status, changes, reason, words):
    with pytest.raises(FleetError, match=words) as caught:
        page(monkeypatch, status=status, text="<html>", **changes)
    assert caught.value.facts["reason"] == reason
    assert "pass-word-1" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://me:pass-word-1@lb/stats", "lb:8404/stats", "unix:/run/haproxy.sock"])
def test_a_url_is_one_and_holds_no_user(monkeypatch, url):
    with pytest.raises(FleetError) as caught:
        page(monkeypatch, url=url)
    assert "pass-word-1" not in str(caught.value)


def test_a_page_that_nobody_serves_is_told():
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:{0}/stats".format(free.getsockname()[1])
        with pytest.raises(FleetError, match="refused") as caught:
            haproxy.read(dict(PARAMS, url=url))
    assert caught.value.facts["reason"] == "unreachable"


@pytest.fixture
def folder():
    """Short: the path of a socket has at most 107 bytes."""
    path = tempfile.mkdtemp()
    yield path
    shutil.rmtree(path)


def test_the_socket_is_asked(folder):
    path = os.path.join(folder, "admin.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    asked = []

    def serve():
        connection = listener.accept()[0]
        asked.append(connection.recv(100))
        connection.sendall(OLD[:500].encode("ascii"))
        connection.sendall((OLD[500:] + "\n").encode("ascii"))
        connection.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        rows = haproxy.read(dict(PARAMS, url=None, socket=path))
    finally:
        server.join()
        listener.close()
    assert asked == [b"show stat\n"] and rows == haproxy.parse(OLD)


def test_a_missing_socket_is_told(folder):
    with pytest.raises(FleetError, match=r"none.sock does not answer") as caught:
        haproxy.read(dict(PARAMS, url=None, socket=os.path.join(folder, "none.sock")))
    assert caught.value.facts["reason"] == "unreachable"
