# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that a real CouchDB 3.4.3 gave, given again in place of the server."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import json
import os

try:
    from urllib.parse import unquote
except ImportError:  # Python 2.7
    from urllib import unquote

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import Answer, Client
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

FIXTURE = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "fixtures", "couchdb", "answers-3.4.3.json"
)

with io.open(FIXTURE, encoding="utf-8") as _stream:
    RECORDED = json.load(_stream)

URL = "http://db:5984"
NODE_LOCAL = "http://db:5986"


def recorded(*titles):
    """The recorded questions with these titles, each with its answer."""
    return {
        RECORDED[title]["request"]: Answer(RECORDED[title]["code"], RECORDED[title]["text"]) for title in titles
    }


def answer(document, code=200):
    return Answer(code, json.dumps(document))


def welcome(version, **more):
    return {"GET /": answer(dict({"couchdb": "Welcome", "version": version}, **more))}


class Transport(object):
    """Stands for the client's Transport. A question that is not among the answers is a KeyError and fails the test."""

    def __init__(self, answers, has_credentials=True):
        self.answers = dict(answers)
        self.has_credentials = has_credentials
        self.asked = []

    def ask(self, method, url, body=None, anonymous=False):
        question = "{0} {1}".format(method, url[len(URL) :] if url.startswith(URL) else url)
        self.asked.append((question, body, anonymous))
        found = self.answers[question]
        if callable(found):
            found = found(anonymous)
        if isinstance(found, Exception):
            raise found
        return found


def client_of(transport):
    return Client(transport, URL, NODE_LOCAL)


class FakeNode(object):
    """One of several nodes that know each other: keeps the flag, and answers in the words of the recorded servers.

    reads: the section that /_up follows, as a release would; down: nobody answers; cut: names without a connection to it.
    """

    def __init__(self, name, cluster, version="3.4.3", reads="couchdb"):
        self.name = name
        self.host = name.partition("@")[2]
        self.cluster = cluster
        self.version = version
        self.reads = reads
        self.flag = {"couchdb": None, "cloudant": None}
        self.asked = []
        self.down = False
        self.cut = set()
        self.members = None
        self.databases = {}
        self.has_credentials = True
        cluster[name] = self

    @property
    def connected(self):
        others = [node for node in self.cluster.values() if not node.down and node.name not in self.cut]
        return sorted(node.name for node in others if self.name not in node.cut)

    def ask(self, method, url, body=None, anonymous=False):
        path = url.partition("://")[2].partition("/")[2]
        self.asked.append((method, "/" + path, body))
        if self.down:
            raise FleetError("http://{0}:5984 does not answer: refused".format(self.host), reason="unreachable")
        head, _slash, rest = path.partition("/")
        known = {"": self._welcome, "_up": self._up, "_membership": self._membership, "_all_dbs": self._all_dbs}
        if head in known:
            return known[head]()
        if head == "_node":
            return self._of_node(method, rest.split("/"), body)
        return self._of_database(unquote(head), rest)

    def _welcome(self):
        return answer({"couchdb": "Welcome", "version": self.version, "uuid": "a", "vendor": {"name": "The Apache Software Foundation"}})

    def _up(self):
        status = {"true": "maintenance_mode", "nolb": "nolb"}.get(self.flag[self.reads], "ok")
        return answer({"status": status}, 200 if status == "ok" else 404)

    def _membership(self):
        return answer({"all_nodes": self.connected, "cluster_nodes": self.members or sorted(self.cluster)})

    def _all_dbs(self):
        return answer(sorted(self.databases))

    def _of_database(self, name, part):
        if not part:
            return answer({"db_name": name, "disk_format_version": 8})
        found = self.databases[name][part]
        return found if isinstance(found, Answer) else answer({"shards": found} if part == "_shards" else found)

    def _of_node(self, method, segments, body):
        if segments == ["_local"]:
            return answer({"name": self.name})
        name = self.name if segments[0] == "_local" else segments[0]
        if name not in self.cluster:
            return answer({"error": "not_found", "reason": "no such node: " + name}, 404)
        if name not in self.connected:
            return answer({"error": "nodedown", "reason": name + " is down"}, 412)
        if segments[1] == "_system":
            return answer({"internal_replication_jobs": 0, "distribution": {}})
        return self.cluster[name].configuration(method, segments[2], body)

    def configuration(self, method, section, body):
        former = self.flag[section]
        if former is None and method != "PUT":
            return answer({"error": "not_found", "reason": "unknown_config_value"}, 404)
        if method != "GET":
            self.flag[section] = body
        return answer(former or "")


def fake_cluster(count=3, **more):
    """Nodes couchdb@10.0.0.1 and so on, and what makes a client of one of them out of a module's parameters."""
    cluster = {}
    nodes = [FakeNode("couchdb@10.0.0.{0}".format(number), cluster, **more) for number in range(1, count + 1)]

    def connect(params):
        [node] = [found for found in nodes if found.host == params["host"]]
        return Client(node, "http://{0}:{1}".format(params["host"], params["port"]), NODE_LOCAL)

    return nodes, connect
