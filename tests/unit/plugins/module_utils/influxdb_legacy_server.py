# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands for an InfluxDB 0.7.3 or 0.8.3 server on loopback. The texts of its answers were recorded from real ones."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import base64
import json
import threading

try:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from urllib.parse import parse_qsl, unquote
except ImportError:  # Python 2.7
    from urllib import unquote

    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer
    from urlparse import parse_qsl

PASSWORD = "of the administrator"
HEADER = "Basic " + base64.b64encode(("root:" + PASSWORD).encode("ascii")).decode("ascii")
GIT = {"0.7.3": "216a3eb21d", "0.8.3": "fbf9a47405", "0.8.8": "afde71eb17"}
NOT_FOUND = (404, "404 page not found\n")

SERVERS = (
    '[{"id":1,"isLeader":true,"isUp":false,"leaderRaftConnectString":"http://127.0.0.1:18390","leaderRaftName":"1e0b3af3120a4262",'
    '"protobufConnectString":"127.0.0.1:18399","raftConnectionString":"http://127.0.0.1:18390","raftName":"1e0b3af3120a4262","state":4,'
    '"stateName":"Potential"}]'
)
SERVERS_OF_7 = '[{"id":1,"protobufConnectString":"127.0.0.1:18299"}]'
SHARDS_OF_7 = (
    '{"longTerm":[{"endTime":1402272000,"id":5,"serverIds":[1],"startTime":1399680000}],'
    '"shortTerm":[{"endTime":1795651200,"id":13,"serverIds":[1],"startTime":1795046400},'
    '{"endTime":1401926400,"id":1,"serverIds":[1],"startTime":1401321600}]}'
)
SHORT_TERM = {
    "name": "short_term",
    "database": "test",
    "regex": "/.*/",
    "retentionPolicy": "inf",
    "shardDuration": "7d",
    "replicationFactor": 1,
    "split": 1,
}
LONG_TERM = dict(SHORT_TERM, name="long_term", regex="/^[A-Z].*/", shardDuration="30d")
SHARD = {"database": "test", "endTime": 1399680000, "id": 21, "serverIds": [1], "spaceName": "long_term", "startTime": 1397088000}


class Node(object):
    """What the server knows, and what it was asked. migrating: answers to the next attempts to start the migration."""

    def __init__(self, release="0.8.3"):
        self.release = release
        self.databases = ["test", "other"]
        self.spaces = []
        self.shards = []
        self.servers = SERVERS_OF_7 if release < "0.8" else SERVERS
        self.migrating = []
        self.on_migrate = None
        self.answers = {}
        self.asked = []
        self.pauses = []

    def changes(self):
        return [(method, path) for method, path in self.asked if method != "GET"]

    def answer(self, method, path, query, body):
        """Status and text."""
        self.asked.append((method, path))
        if (method, path) in self.answers:
            return self.answers[method, path]
        parts = [unquote(part) for part in path.split("/")[1:]]
        if parts[:2] == ["cluster", "shard_spaces"]:
            return self.answer_space(method, parts[2:], body) if self.release >= "0.8" else NOT_FOUND
        if path == "/cluster/migrate_data" and "0.8.0" <= self.release <= "0.8.3":
            return self.migrate(query)
        return self.answer_question(parts)

    def answer_question(self, parts):
        found = {
            "db": lambda: json.dumps([{"name": name} for name in self.databases]),
            "db/test/users": lambda: '[{"name":"reader","isAdmin":false},{"name":"paul","isAdmin":true}]',
            "db/other/users": lambda: "[]",
            "cluster_admins": lambda: '[{"name":"root"},{"name":"ca"}]',
            "cluster/servers": lambda: self.servers,
            "cluster/shards": lambda: SHARDS_OF_7 if self.release < "0.8" else json.dumps(self.shards),
        }.get("/".join(parts))
        return (200, found()) if found else NOT_FOUND

    def answer_space(self, method, parts, body):
        if method == "GET":
            return (405, "Method Not Allowed\n") if parts else (200, json.dumps(self.spaces))
        database, names = parts[0], [space["name"] for space in self.spaces if space["database"] == parts[0]]
        if method == "DELETE":
            assert parts[1] in names, "the server falls over that"
            self.spaces = [space for space in self.spaces if (space["database"], space["name"]) != tuple(parts)]
        elif len(parts) == 2:
            self.spaces = [dict(body) if (space["database"], space["name"]) == tuple(parts) else space for space in self.spaces]
        elif body["name"] in names:
            return 400, "Shard space {0} exists for db {1}".format(body["name"], database)
        else:
            self.spaces.insert(0, dict(body, database=database))
        return 200, ""

    def migrate(self, query):
        self.pauses.append(query.get("pause"))
        if self.on_migrate:
            self.on_migrate()
        return self.migrating.pop(0) if self.migrating else (202, "")


class Handler(BaseHTTPRequestHandler):
    def respond(self):
        node = self.server.node
        path, _mark, query = self.path.partition("?")
        query = dict(parse_qsl(query))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8")
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        if path == "/ping":
            code, text = 200, '{"status":"ok"}'
        elif self.headers.get("Authorization") in (None, "") and "u" not in query:
            code, text = 401, "Invalid database/username/password"
        elif self.headers.get("Authorization") != HEADER and query.get("p") != "with:colon":
            code, text = 401, "Invalid username/password"
        else:
            code, text = node.answer(self.command, path, query, json.loads(body) if body else None)
        self.send_response(code)
        if node.release:
            git = GIT.get(node.release, "0a1b2c3d4e")
            self.send_header("X-Influxdb-Version", "InfluxDB v{0} (git: {1}) (leveldb: 1.15)".format(node.release, git))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode("utf-8"))

    do_GET = do_POST = do_DELETE = respond

    def log_message(self, *_arguments):
        pass


class Running(object):
    """The node behind a port, for a with statement."""

    def __init__(self, node):
        self.node = node
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.node, self._server.seen = node, []
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def seen(self):
        """Paths with their queries, and the header Authorization of each."""
        return self._server.seen

    def params(self, **changes):
        params = {
            "host": "127.0.0.1",
            "port": self._server.server_port,
            "ssl": False,
            "validate_certs": True,
            "ca_path": None,
            "username": "root",
            "password": PASSWORD,
            "timeout": 7,
        }
        return dict(params, **changes)
