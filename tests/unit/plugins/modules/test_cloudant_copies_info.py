# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import base64
import json
import threading

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.modules import cloudant_copies_info

try:
    from http.server import BaseHTTPRequestHandler, HTTPServer
except ImportError:  # Python 2.7
    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer

NAME = "cloudant@db1.example.com"
SHARD = "shards/00000000-ffffffff/default/db.1480000000"
PATH = "/shards%2F00000000-ffffffff%2Fdefault%2Fdb.1480000000"
PASSWORD = "of the administrator"
GOOD = "Basic " + base64.b64encode(("admin:" + PASSWORD).encode("ascii")).decode("ascii")

MAP = {"_id": "default/db", "shard_suffix": [ord(char) for char in ".1480000000"], "by_range": {"00000000-ffffffff": [NAME]}}
OPEN = ("/", "/_up")
CLUSTERED = {
    "/": {"couchdb": "Welcome", "version": "2.0.0", "vendor": {"name": "IBM Cloudant", "version": "1.1.0"}},
    "/_up": {"status": "ok"},
    "/_membership": {"all_nodes": [NAME, "cloudant@db2.example.com"], "cluster_nodes": [NAME, "cloudant@db2.example.com"]},
    "/_node/cloudant@db1.example.com/_system": {"internal_replication_jobs": 3, "uptime": 7},
}
NODE_LOCAL = {
    "/dbs/_all_docs": {"rows": [{"id": "default/db", "doc": MAP}, {"id": "_design/x", "doc": {"_id": "_design/x"}}]},
    PATH: {"db_name": SHARD, "uuid": "u1", "update_seq": 12, "doc_count": 5},
    PATH + "/_local_docs": {"rows": [{"id": "_local/other", "doc": {}}]},
    PATH + "/_changes": {"results": [{"seq": 11, "id": "doc"}]},
}


class Handler(BaseHTTPRequestHandler):
    """Answers with server.answers, all but the open questions to the administrator only."""

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        code, found = 404, {"error": "not_found", "reason": "missing"}
        if path in self.server.answers:
            code, found = 200, self.server.answers[path]
        if path not in OPEN and self.headers.get("Authorization") != GOOD:
            code, found = 401, {"error": "unauthorized", "reason": "Authentication required."}
        text = json.dumps(found).encode("utf-8")
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_arguments):
        pass


def serve(answers):
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.answers, server.asked = answers, []
    server.thread = threading.Thread(target=server.serve_forever)
    server.thread.start()
    return server


def end(server):
    server.shutdown()
    server.thread.join()
    server.server_close()


@pytest.fixture
def servers():
    """The two ports of a node."""
    found = [serve(CLUSTERED), serve(NODE_LOCAL)]
    yield found
    for server in found:
        end(server)


def info(servers, **changes):
    params = {
        "host": "localhost",
        "port": servers[0].server_port,
        "ssl": False,
        "validate_certs": True,
        "ca_path": None,
        "username": "admin",
        "password": PASSWORD,
        "timeout": 7,
        "node_local_host": "127.0.0.1",
        "node_local_port": servers[1].server_port,
        "name": NAME,
    }
    return cloudant_copies_info.info(dict(params, **changes))


def test_a_node_is_recorded_from_both_its_ports(servers):
    result = info(servers)
    found = result["copies"]
    assert result["changed"] is False
    assert found["shards"] == {SHARD: {"uuid": "u1", "update_seq": 12, "last_seq": 11, "checkpoints": []}}
    assert (found["name"], found["internal_replication_jobs"], found["up"]["status"]) == (NAME, 3, "ok")
    assert set(servers[0].asked) == set(CLUSTERED)
    # As Apache CouchDB calls the maps, then as Cloudant Local does.
    assert servers[1].asked == ["/_dbs/_all_docs", "/dbs/_all_docs", PATH, PATH + "/_local_docs", PATH + "/_changes"]


def test_the_result_has_no_credentials(servers):
    text = json.dumps(info(servers))
    assert PASSWORD not in text and GOOD.split()[1] not in text and "admin" not in text


def test_a_wrong_password_is_told(servers):
    with pytest.raises(FleetError) as caught:
        info(servers, password="wrong")
    assert caught.value.facts["reason"] == "credentials"


def test_a_node_local_port_that_is_closed_is_told_from_the_other(servers):
    with pytest.raises(FleetError) as caught:
        info(servers, node_local_port=1)
    assert caught.value.facts["reason"] == "unreachable" and "http://127.0.0.1:1 " in str(caught.value)
