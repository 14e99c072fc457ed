# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks an InfluxDB 0.7 or 0.8 server over HTTP, with nothing that an old host lacks.

These releases answer errors in plain text, two of them with the text {}; here each becomes a FleetError that says what it means.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import json
import re

try:
    from urllib.parse import quote
except ImportError:  # Python 2.7
    from urllib import quote  # type: ignore[attr-defined, no-redef]

from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

ARGUMENTS = _http.arguments(8086)

Answer = collections.namedtuple("Answer", ["code", "text", "version"])
"""code: HTTP status; text: the body; version: the header X-Influxdb-Version, shortened to the number."""

HAS_SPACES = (0, 8)
CHANGES_SPACES = (0, 8, 2)
END = (0, 9)

UNKNOWN_SERIES = re.compile(r"Couldn't (look up columns|find series: )")
"""Beginnings of what 0.8 answers, with status 400, where 0.7 answers with an empty list."""

RUNNING, BAD_PAUSE = 403, 400
"""What the migration answers, both times with the text {}: one is running; the pause is no duration."""

MEANINGS = (
    (
        r"^Invalid database/username/password$",
        "credentials",
        "a cluster administrator",
        "set username and password",
    ),
    (
        r"^Invalid username/password$",
        "credentials",
        "a cluster administrator",
        "correct username and password; users of a database have no access to the cluster",
    ),
    (
        r"^Bad (auth header|encoding|auth value)$",
        "credentials",
        "credentials as the release reads them",
        "choose a user and a password that are neither empty nor strange",
    ),
    (
        r"^404 page not found$",
        "release",
        "a release that has this path: shard spaces came with 0.8.0, their change with 0.8.2, the migration is in 0.8.0 to 0.8.3",
        "check the release, and that host and port are those of the HTTP API",
    ),
    (
        r"^Method Not Allowed$",
        "server",
        "the HTTP API of 0.7 or 0.8",
        "check host and port",
    ),
    (
        r"^Database .* doesn't exist",
        "database",
        "a database of the server",
        "create the database first, or correct its name",
    ),
    (
        r"^Shard space .* exists for db ",
        "exists",
        "no shard space of this name, as the server said a moment ago",
        "run again: somebody else created it meanwhile",
    ),
    (
        r"^Shard space must have a name$",
        "name",
        "a name",
        "set name",
    ),
    (
        r"^A regex is required for a shard space$",
        "regex",
        "a regular expression",
        "set regex, /.*/ for every series",
    ),
    (
        r"^Error parsing regex: ",
        "regex",
        "a regular expression of Go (RE2)",
        "correct regex; there are no look-arounds and no references back",
    ),
    (
        r"^Rat\.Scan: ",
        "duration",
        "a number with one of the units u, ms, s, m, h, d, w, y",
        "correct retention_policy or shard_duration",
    ),
    (
        r"^(unexpected )?EOF$|^invalid character |^json: ",
        "server",
        "the body of the request as it was sent",
        "look for a proxy on the way that cuts or changes it",
    ),
)
"""Beginnings of what the releases answer: reason, what is expected, what to do."""


class Client(object):
    """One server. transport is PlainTransport or whatever has its url and send()."""

    def __init__(self, transport):
        # type: (Any) -> None
        self.url = transport.url
        self._transport = transport

    # Questions

    def version(self):
        # type: () -> str
        """The release, from the header of /ping. No credentials are needed, and none are sent."""
        answer = self._transport.send("GET", "/ping", anonymous=True)
        if not answer.version:
            raise FleetError(
                "{0} answers {1}, but does not say its version".format(self.url, answer.code),
                "an InfluxDB server",
                "check host and port",
                reason="server",
            )
        return to_native(answer.version)

    def databases(self):
        # type: () -> List[str]
        return _names(self._get("/db"))

    def cluster_admins(self):
        # type: () -> List[str]
        return _names(self._get("/cluster_admins"))

    def users(self, database):
        # type: (str) -> List[str]
        return _names(self._get("/db/{0}/users".format(segment(database))))

    def continuous_queries(self, database):
        # type: (str) -> List[str]
        """Their texts."""
        return _names(self._get("/db/{0}/continuous_queries".format(segment(database))), "query")

    def query(self, database, statement):
        # type: (str, str) -> List[Dict[str, Any]]
        """What a select finds: name, columns and points of each series, times in microseconds. [] where there is no such series.

        0.7 answers so for a database that is not there, too.
        """
        path = "/db/{0}/series".format(segment(database))
        answer = self._transport.send("GET", path, (("q", statement), ("time_precision", "u")))
        if answer.code == 400 and UNKNOWN_SERIES.match(answer.text):
            return []
        self._check("GET", path, answer)
        return self._parsed(path, answer.text)

    def servers(self):
        # type: () -> Any
        return self._get("/cluster/servers")

    def shards(self):
        # type: () -> Any
        """0.8: a list. 0.7: lists by the names shortTerm and longTerm."""
        return self._get("/cluster/shards")

    def spaces(self):
        # type: () -> Any
        """A list: the shard spaces of 0.8, by the server's names; those of one database in the order of their evaluation."""
        return self._get("/cluster/shard_spaces")

    # Changes

    def create_space(self, database, space):
        # type: (str, Dict[str, Any]) -> None
        self._ask("POST", "/cluster/shard_spaces/{0}".format(segment(database)), body=space)

    def change_space(self, database, space):
        # type: (str, Dict[str, Any]) -> None
        """The server replaces all fields."""
        self._ask("POST", _space_path(database, space["name"]), body=space)

    def remove_space(self, database, name):
        # type: (str, str) -> None
        """Never for a name that is not there: beside other spaces of the database the server falls over it, and again at every start."""
        self._ask("DELETE", _space_path(database, name))

    def migrate(self, pause):
        # type: (str) -> bool
        """Start the migration; False where one is running already. With nothing to do it ends at once."""
        answer = self._transport.send("POST", "/cluster/migrate_data", (("pause", pause),))
        if answer.code == RUNNING:
            return False
        if answer.code == BAD_PAUSE and answer.text.strip() == u"{}":
            raise FleetError(
                "The server does not take {0} for a pause".format(pause),
                "a duration of Go, such as 100ms",
                "correct pause",
                reason="pause",
            )
        self._check("POST", "/cluster/migrate_data", answer)
        return True

    # There and back

    def _get(self, path):
        # type: (str) -> Any
        return self._parsed(path, self._ask("GET", path))

    def _parsed(self, path, text):
        # type: (str, str) -> Any
        try:
            return json.loads(text)
        except ValueError:
            raise FleetError(
                "{0} answers to GET {1} with what is no JSON: {2!r}".format(self.url, path, to_native(text[:80])),
                "an InfluxDB server of release 0.7 or 0.8",
                "check host and port",
                reason="server",
            )

    def _ask(self, method, path, body=None):
        # type: (str, str, Optional[Dict[str, Any]]) -> str
        answer = self._transport.send(method, path, body=body)
        self._check(method, path, answer)
        return answer.text

    def _check(self, method, path, answer):
        # type: (str, str, Answer) -> None
        if not 200 <= answer.code < 300:
            raise refused("{0} {1}".format(method, path), answer)


def refused(request, answer):
    # type: (str, Answer) -> FleetError
    """What an answer with an error means."""
    text = to_native(answer.text.strip()[:200])
    found = "The server answers {0} to {1}: {2}".format(answer.code, request, text or "nothing")
    for beginning, reason, expected, remedy in MEANINGS:
        if re.search(beginning, text):
            return FleetError(found, expected, remedy, reason=reason)
    if answer.code == 401:
        return FleetError(found, "a cluster administrator", "correct username and password", reason="credentials")
    return FleetError(found, "an answer", "see the log of the server", reason="server")


def release(version):
    # type: (str) -> Tuple[int, ...]
    """0.8.3 as (0, 8, 3); empty where it is no number."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    return tuple(int(number) for number in found.groups()) if found else ()


def require_legacy(version, oldest=(0, 7)):
    # type: (str, Tuple[int, ...]) -> None
    """Refuse a server that is not of the time of 0.7 and 0.8."""
    if not oldest <= release(version) < END:
        raise FleetError(
            "The server is InfluxDB {0}".format(version),
            "InfluxDB 0.8" if oldest >= HAS_SPACES else "InfluxDB 0.7 or 0.8",
            "see influxdb_info for releases from 0.10; 0.7 has no shard spaces",
            reason="release",
            version=version,
        )


def segment(name):
    # type: (str) -> str
    """A name as a part of a path. The server takes a path apart after it has decoded it, so that a slash cannot be sent."""
    if not name or u"/" in to_text(name):
        raise FleetError(
            "The name {0!r} cannot be a part of a path".format(to_native(name)),
            "a name that is not empty and has no slash",
            "correct it",
            reason="name",
        )
    return quote(to_bytes(name), safe="")


def _space_path(database, name):
    # type: (str, str) -> str
    return "/cluster/shard_spaces/{0}/{1}".format(segment(database), segment(name))


def _names(found, key="name"):
    # type: (List[Dict[str, Any]], str) -> List[str]
    return sorted(to_native(one[key]) for one in found)
