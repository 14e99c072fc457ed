# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import base64
import os
import ssl
import sys
import threading

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_plain as couchdb_plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.couchdb_answers import RECORDED

try:
    from http.server import BaseHTTPRequestHandler, HTTPServer
except ImportError:  # Python 2.7
    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer

CERTIFICATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "fixtures", "ready")
GOOD = "Basic " + base64.b64encode(b"admin:pw").decode("ascii")

PARAMS = {
    "host": "127.0.0.1",
    "ssl": False,
    "validate_certs": True,
    "ca_path": None,
    "username": None,
    "password": None,
    "timeout": 7,
}


class Handler(BaseHTTPRequestHandler):
    """Answers with server.title of the recorded answers, to those whom server.insists lets in."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        code, text = RECORDED[self.server.title]["code"], RECORDED[self.server.title]["text"]
        if self.server.insists and self.headers.get("Authorization") != GOOD:
            code, text = 401, '{"error":"unauthorized","reason":"Authentication required."}'
        if self.server.elsewhere:
            code = 302
        self.send_response(code)
        if self.server.elsewhere:
            self.send_header("Location", self.server.elsewhere)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode("utf-8"))

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def server():
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.title, server.insists, server.elsewhere, server.seen = "up", False, None, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def client_of(server, **changes):
    return couchdb_plain.connect(dict(PARAMS, port=server.server_port, **changes))


@pytest.mark.parametrize("title", ["up", "up a2", "up nolb"])
def test_the_status_is_read_without_the_library(server, title, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.title = title
    found = client_of(server).up()
    assert found["code"] == RECORDED[title]["code"] and found["status"] in RECORDED[title]["text"]
    assert server.seen == [("/_up", None)]


def test_credentials_are_sent_where_the_server_insists(server):
    server.insists = True
    assert client_of(server, username="admin", password="pw").up()["status"] == "ok"
    assert server.seen == [("/_up", None), ("/_up", GOOD)]
    with pytest.raises(FleetError) as caught:
        client_of(server).up()
    assert caught.value.facts["reason"] == "credentials"


def test_the_netrc_of_the_user_adds_no_credentials(server, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text(u"machine 127.0.0.1 login admin password pw\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client_of(server).up()
    assert server.seen == [("/_up", None)]


def test_a_redirection_is_not_followed(server):
    server.elsewhere = "http://127.0.0.1:{0}/other".format(server.server_port)
    with pytest.raises(FleetError, match="answers 302"):
        client_of(server).up()
    assert server.seen == [("/_up", None)]


def test_nobody_there_is_unreachable(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(FleetError) as caught:
        client_of(server).up()
    assert caught.value.facts["reason"] == "unreachable" and "refused" in str(caught.value)


@pytest.fixture
def tls_server(server):
    context = ssl.SSLContext(getattr(ssl, "PROTOCOL_TLS_SERVER", ssl.PROTOCOL_SSLv23))
    context.load_cert_chain(os.path.join(CERTIFICATES, "server.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def test_a_certificate_that_is_not_trusted_is_told(tls_server):
    with pytest.raises(FleetError) as caught:
        client_of(tls_server, ssl=True).up()
    assert caught.value.facts["reason"] == "tls" and tls_server.seen == []
    assert client_of(tls_server, ssl=True, validate_certs=False).up()["status"] == "ok"


@pytest.mark.skipif(
    sys.version_info < (3, 7) and ssl.OPENSSL_VERSION_INFO >= (3,),
    reason="a Python this old cannot load authorities from memory with OpenSSL 3",
)
def test_an_authority_of_ones_own_is_trusted(tls_server):
    trusted = os.path.join(CERTIFICATES, "certificate.pem")
    assert client_of(tls_server, ssl=True, ca_path=trusted).up()["status"] == "ok"


def test_plain_http_where_https_is_expected_is_told(server):
    with pytest.raises(FleetError) as caught:
        client_of(server, ssl=True).up()
    assert caught.value.facts["reason"] in ("tls", "unreachable")
    assert "127.0.0.1:{0}".format(server.server_port) in str(caught.value)
