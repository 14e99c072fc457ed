# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a node of Apache CouchDB or Cloudant Local over HTTP; every failure is a FleetError that says why in its fact ``reason``."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import contextlib
import json
import re
import time

from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http, _http_session
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    import requests
except ImportError:  # told by _http_session, before anything is sent
    pass

try:
    from urllib.parse import quote
except ImportError:  # Python 2.7
    from urllib import quote  # type: ignore[attr-defined, no-redef]

try:
    from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

ARGUMENTS = dict(
    _http.arguments(5984),
    auth={"type": "str", "choices": ["basic", "cookie"], "default": "basic"},
    retries={"type": "int", "default": 2},
)
# For modules that are given the addresses of many nodes.
CLUSTER_ARGUMENTS = {name: option for name, option in ARGUMENTS.items() if name != "host"}
# For modules that also ask for copies of shards.
NODE_LOCAL_ARGUMENTS = {"node_local_port": {"type": "int", "default": 5986}}

Answer = collections.namedtuple("Answer", ["code", "text"])
"""code: HTTP status; text: the body."""

RETRY_PAUSE = 0.5
CHECKPOINTS = "_local/shard-sync"
"""How the names of the documents begin in which the copies of a shard keep how far they have come with each other."""

# The releases that brought what is asked for. Cloudant Local 1.1.0 has the API of 2.0.0.
LOCAL_ALIAS = (2, 2)
SYNC_SHARDS = (2, 3, 1)
NODE_TELLS_ALL = (3, 0)
"""/_node/_local tells the name, and /_node/{name}/ all that the node-local port did, which is gone."""


def connect(params):
    # type: (Dict[str, Any]) -> Client
    """A client from the module's parameters; nothing is sent yet."""
    # The node-local port speaks plain HTTP, whatever the clustered one does.
    port = params.get("node_local_port", NODE_LOCAL_ARGUMENTS["node_local_port"]["default"])
    node_local = _http.base_url(dict(params, ssl=False, port=port))
    return Client(Transport(params), _http.base_url(params), node_local)


def release(welcome):
    # type: (Dict[str, Any]) -> Dict[str, Optional[str]]
    """Product and release from the answer to GET /. Only Cloudant's own release is that of its vendor: 1.1.0 says version 2.0.0."""
    vendor = welcome.get("vendor") or {}
    is_cloudant = u"cloudant" in to_text(vendor.get("name") or u"").lower()
    version = welcome.get("version")
    return {
        "product": "cloudant" if is_cloudant else "couchdb",
        "version": vendor.get("version") or version if is_cloudant else version,
        "vendor": vendor.get("name"),
        "api": version,
    }


def api_version(welcome):
    # type: (Dict[str, Any]) -> Tuple[int, ...]
    """The release of CouchDB whose API the server has, for comparisons: (3, 4, 3)."""
    found = re.match(r"\d+(?:\.\d+)*", to_native(welcome.get("version") or ""))
    return tuple(int(number) for number in found.group(0).split(".")) if found else ()


class Transport(object):
    """Sends requests, with credentials or without. pause is time.sleep or what a test puts in its place."""

    def __init__(self, params, pause=time.sleep):
        # type: (Dict[str, Any], Callable[[float], Any]) -> None
        self._params = params
        self._pause = pause
        self._url = _http.base_url(params)
        self._anonymous = self._new_session()
        self._session = self._new_session()
        self._logged_in = False
        self.requests = 0
        if self.has_credentials and params["auth"] == "basic":
            # As bytes, for requests would send text as Latin-1.
            self._session.auth = (to_bytes(params["username"]), to_bytes(params["password"] or ""))

    @property
    def has_credentials(self):
        # type: () -> bool
        return bool(self._params["username"])

    def ask(self, method, url, body=None, anonymous=False):
        # type: (str, str, Any, bool) -> Answer
        """The answer, whatever its status. body is sent as JSON."""
        with _http_session.explained(self._url, "a node of CouchDB or Cloudant Local"):
            if anonymous or not self._needs_login():
                return self._send(self._anonymous if anonymous else self._session, method, url, body)
            if not self._logged_in:
                self._log_in()
            answer = self._send(self._session, method, url, body)
            if answer.code == 401:  # the cookie is valid for ten minutes
                self._log_in()
                answer = self._send(self._session, method, url, body)
            return answer

    def _needs_login(self):
        # type: () -> bool
        return self.has_credentials and self._params["auth"] == "cookie"

    def _log_in(self):
        # type: () -> None
        """The session keeps the cookie of the answer."""
        body = {"name": self._params["username"], "password": self._params["password"] or ""}
        answer = self._send(self._session, "POST", self._url + "/_session", body)
        if answer.code != 200:
            raise _refusal(self._url, "POST /_session", answer)
        self._logged_in = True

    def _send(self, session, method, url, body):
        # type: (Any, str, str, Any) -> Answer
        attempts = 1 + (self._params["retries"] if method == "GET" else 0)
        while True:
            attempts -= 1
            try:
                return self._send_once(session, method, url, body)
            except requests.exceptions.ConnectionError as error:
                if not attempts or isinstance(error, (requests.exceptions.SSLError, requests.exceptions.Timeout)):
                    raise
                self._pause(RETRY_PAUSE)

    def _send_once(self, session, method, url, body):
        # type: (Any, str, str, Any) -> Answer
        self.requests += 1
        response = session.request(
            method,
            url,
            data=None if body is None else json.dumps(body),
            timeout=self._params["timeout"],
            allow_redirects=False,
        )
        return Answer(response.status_code, to_text(response.content, errors="surrogate_or_replace"))

    def _new_session(self):
        # type: () -> Any
        session = _http_session.new_session()
        session.verify = _http_session.verification(self._params)
        session.headers.update({"Accept": "application/json", "Content-Type": "application/json"})
        return session


class Client(object):
    """One node. transport is a Transport or whatever answers ask() as it does."""

    def __init__(self, transport, url, node_local_url):
        # type: (Any, str, str) -> None
        self.url = url
        self._transport = transport
        self._node_local_url = node_local_url
        self._api = None  # type: Optional[Tuple[int, ...]]

    @property
    def requests(self):
        # type: () -> int
        """How many requests were sent, repeated ones among them."""
        return self._transport.requests

    def welcome(self):
        # type: () -> Dict[str, Any]
        """The answer to GET /, for which credentials are sent only where the server asks for them."""
        found = self._read(self._ask_openly(""), "GET /")
        with self._understood("GET /"):
            if "couchdb" not in found:
                raise ValueError("no welcome of CouchDB")
            self._api = api_version(found)
        return found

    def api(self):
        # type: () -> Tuple[int, ...]
        """The release of CouchDB whose API the server has; asked for once."""
        if self._api is None:
            self.welcome()
        return self._api or ()

    def up(self):
        # type: () -> Dict[str, Any]
        """What a load balancer sees: status ok (code 200), or maintenance_mode, nolb or seeding (code 404)."""
        answer = self._ask_openly("_up")
        if answer.code != 404 or not re.search(r'"status"', answer.text):
            self._read(answer, "GET /_up")
        with self._understood("GET /_up"):
            return {"status": json.loads(answer.text)["status"], "code": answer.code}

    def membership(self):
        # type: () -> Dict[str, List[str]]
        """all_nodes: connected to this one now, itself among them; cluster_nodes: those that it counts as members."""
        with self._understood("GET /_membership"):
            found = self._get("_membership")
            return {key: sorted(found[key]) for key in ("all_nodes", "cluster_nodes")}

    def node_name(self):
        # type: () -> Optional[str]
        """The Erlang name of the node that answers; None where its release does not tell."""
        if self.api() < LOCAL_ALIAS:
            return None
        with self._understood("the question for its name"):
            if self.api() >= NODE_TELLS_ALL:
                return self._get("_node", "_local")["name"]
            # all_nodes are the node itself and those to which it has connections.
            others = self.system("_local")["distribution"]
            own = [name for name in self.membership()["all_nodes"] if name not in others]
            return own[0] if len(own) == 1 else None

    def config(self, node, section, key):
        # type: (str, str, str) -> Optional[str]
        """A value of a node's configuration, None where it is not set."""
        return self._config("GET", node, section, key)

    def set_config(self, node, section, key, value):
        # type: (str, str, str, str) -> None
        """Sets a value, now and in the last of the node's configuration files."""
        self._config("PUT", node, section, key, value)

    def delete_config(self, node, section, key):
        # type: (str, str, str) -> None
        """Removes a value, now and from the last of the node's configuration files. It need not be there."""
        self._config("DELETE", node, section, key)

    def _config(self, method, node, section, key, body=None):
        # type: (str, str, str, str, Optional[str]) -> Optional[str]
        path = _path("_node", node, "_config", section, key)
        answer = self._transport.ask(method, self.url + path, body)
        if answer.code == 404 and u"unknown_config_value" in answer.text:
            return None
        return self._read(answer, "{0} {1}".format(method, path))

    def system(self, node):
        # type: (str) -> Dict[str, Any]
        """Numbers of a node's Erlang machine; internal_replication_jobs is one of them."""
        return self._get("_node", node, "_system")

    def all_dbs(self):
        # type: () -> List[str]
        return self._get("_all_dbs")

    def database(self, database):
        # type: (str) -> Dict[str, Any]
        """What the cluster says of a database: numbers of documents, sizes, disk_format_version."""
        return self._get(database)

    def shards(self, database):
        # type: (str) -> Dict[str, List[str]]
        """The nodes that should hold a copy of each range of a database, whether they are there or not."""
        with self._understood("the question for shards"):
            return {shard: sorted(nodes) for shard, nodes in self._get(database, "_shards")["shards"].items()}

    def security(self, database):
        # type: (str) -> Dict[str, Any]
        return self._get(database, "_security")

    def shard_maps(self):
        # type: () -> Dict[str, Dict[str, Tuple[str, List[str]]]]
        """By database and range: the name of the shard, and the nodes that should hold a copy, as this node knows them.

        Cloudant Local writes default/ before the name of the database.
        """
        with self._understood("the question for the maps of databases"):
            documents = [row["doc"] for row in self._map_rows()["rows"]]
            return {found["_id"]: _shards(found) for found in documents if not found["_id"].startswith("_design/")}

    def _map_rows(self):
        # type: () -> Any
        query = "/_all_docs?include_docs=true"
        if self.api() >= NODE_TELLS_ALL:
            return self._fetch(self.url, _path("_node", "_local", "_dbs") + query)
        try:
            return self._fetch(self._node_local_url, "/_dbs" + query)
        except FleetError as error:
            if error.facts["reason"] != "not-found":
                raise
            return self._fetch(self._node_local_url, "/dbs" + query)  # as Cloudant Local calls it

    def shard_info(self, node, shard):
        # type: (str, str) -> Dict[str, Any]
        """What a node says of its own copy of a shard; update_seq is a number. Before 3.0 node must be the one that is asked."""
        return self._fetch(*self._copy(node, shard))

    def shard_checkpoints(self, node, shard):
        # type: (str, str) -> List[Dict[str, Any]]
        """What a node's own copy of a shard keeps of its synchronization with others. Before 3.0 node must be the one that is asked."""
        url, path = self._copy(node, shard)
        path += "/_local_docs?include_docs=true&startkey=%22{0}-%22&endkey=%22{0}.%22".format(CHECKPOINTS)
        with self._understood("the question for checkpoints"):
            return [row["doc"] for row in self._fetch(url, path)["rows"] if row["id"].startswith(CHECKPOINTS)]

    def shard_last_seq(self, node, shard):
        # type: (str, str) -> Any
        """The sequence of the last change of a document in a node's own copy of a shard, 0 without any.

        update_seq may be greater, for it also counts purges and changes of _security or of limits, which no feed shows.
        """
        url, path = self._copy(node, shard)
        with self._understood("the question for the last change"):
            changes = self._fetch(url, path + "/_changes?descending=true&limit=1")["results"]
            return changes[0]["seq"] if changes else 0

    def sync_shards(self, database):
        # type: (str) -> bool
        """Starts the synchronization of all copies of a database. False where the release (before 2.3.1) cannot be told to."""
        if self.api() < SYNC_SHARDS:
            return False
        path = _path(database, "_sync_shards")
        self._read(self._transport.ask("POST", self.url + path), "POST {0}".format(path))
        return True

    def _get(self, *segments):
        # type: (str) -> Any
        return self._fetch(self.url, _path(*segments))

    def _fetch(self, url, path):
        # type: (str, str) -> Any
        return self._read(self._transport.ask("GET", url + path), "GET {0}".format(path), url)

    def _copy(self, node, shard):
        # type: (str, str) -> Tuple[str, str]
        """Where a node's own copy of a shard is asked for."""
        if self.api() >= NODE_TELLS_ALL:
            return self.url, _path("_node", node, shard)
        return self._node_local_url, _path(shard)

    def _ask_openly(self, name):
        # type: (str) -> Answer
        """Without credentials, and with them where the server insists (require_valid_user)."""
        url = self.url + _path(name)
        answer = self._transport.ask("GET", url, anonymous=True)
        if answer.code == 401 and self._transport.has_credentials:
            return self._transport.ask("GET", url)
        return answer

    def _read(self, answer, question, url=None):
        # type: (Answer, str, Optional[str]) -> Any
        if not 200 <= answer.code < 300:
            raise _refusal(url or self.url, question, answer)
        with self._understood(question):
            return json.loads(answer.text)

    @contextlib.contextmanager
    def _understood(self, question):
        # type: (str) -> Iterator[None]
        try:
            yield
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise FleetError(
                "The answer of {0} to {1} cannot be understood: {2!r}".format(self.url, question, error),
                "JSON of CouchDB",
                "check that host and port are those of a node of CouchDB or Cloudant Local",
                reason="server",
            )


def _path(*segments):
    # type: (str) -> str
    """Each name is one segment: the database t/one+x is /t%2Fone%2Bx."""
    return "/" + "/".join(quote(to_bytes(segment), safe="@") for segment in segments)


def _shards(document):
    # type: (Dict[str, Any]) -> Dict[str, Tuple[str, List[str]]]
    """The shards of a database, from the document that maps it. Its suffix, which no other database has, is a list of characters."""
    name = document["_id"] + u"".join(chr(code) for code in document["shard_suffix"])
    return {
        bounds: (u"shards/{0}/{1}".format(bounds, name), sorted(nodes)) for bounds, nodes in document["by_range"].items()
    }


def _refusal(url, question, answer):
    # type: (str, str, Answer) -> FleetError
    error, words = _error(answer.text)
    found = "{0} answers {1} to {2}: {3}".format(url, answer.code, question, words)
    if answer.code in (401, 403):
        expected, remedy = "the right of a server administrator", "set username and password to those of one"
        return FleetError(found, expected, remedy, reason="credentials", http_status=answer.code)
    if error == "nodedown":
        remedy = "start the node, or take it out of maintenance; /_membership shows who is connected"
        return FleetError(found, "a node that is up", remedy, reason="node-down", http_status=answer.code)
    if error == "not_found":
        remedy = "check the name; /_membership lists nodes, /_all_dbs databases"
        return FleetError(found, "something that exists", remedy, reason="not-found", http_status=answer.code)
    remedy = "see the log of the server, and check that host and port are those of a node"
    return FleetError(found, "an answer", remedy, reason="server", http_status=answer.code)


def _error(text):
    # type: (str) -> Tuple[str, str]
    """The error of {"error": "...", "reason": "..."} and both as words, or the beginning of what stands in its place."""
    try:
        document = json.loads(text)
        error = to_native(document["error"])
    except (ValueError, KeyError, TypeError):
        return "", to_native(text).strip()[:200]
    return error, "{0}, {1}".format(error, to_native(document.get("reason")))
