# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks an InfluxDB 0.10-1.x server over HTTP; every failure becomes a FleetError that says why in its fact ``reason``."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import json
import re
import traceback

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.text.converters import to_bytes, to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http, _http_session
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

IMPORT_ERROR = None
try:
    from influxdb import InfluxDBClient
    from influxdb import __version__ as LIBRARY_VERSION
    from influxdb.exceptions import InfluxDBClientError, InfluxDBServerError
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

try:
    from typing import Any, Dict, Iterator, List, Optional, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

ARGUMENTS = _http.arguments(8086)


def connect(params):
    # type: (Dict[str, Any]) -> Client
    """A client from the module's parameters; nothing is sent yet."""
    _check_library()
    return Client(_transport(params, params["username"]), _http.base_url(params), _transport(params, None))


def _check_library():
    # type: () -> None
    if IMPORT_ERROR:
        raise FleetError(missing_required_lib("influxdb"), exception=IMPORT_ERROR, reason="library")
    if tuple(int(number) for number in LIBRARY_VERSION.split(".")[:2]) < (5, 3):
        raise FleetError(
            "The Python library influxdb is too old ({0})".format(LIBRARY_VERSION),
            "5.3.0 or newer, which lets go of the proxies and credentials of the environment",
            "upgrade it on the host on which the module runs",
            reason="library",
        )


def _transport(params, username):
    # type: (Dict[str, Any], Optional[str]) -> Any
    """The library's client. Credentials go into the header: as bytes, for requests would send text as Latin-1."""
    return InfluxDBClient(
        host=_http.address(params["host"]),
        port=params["port"],
        username=to_bytes(username, nonstring="passthru"),
        password=to_bytes(params["password"] or "") if username else None,
        ssl=params["ssl"],
        verify_ssl=_http_session.verification(params),
        timeout=params["timeout"],
        retries=1,
        session=_http_session.new_session(),
        headers={"Accept": "application/json"},
    )


class Row(dict):  # type: ignore[type-arg]
    """The values of one row by column name, and the name of its series as "_name"."""

    def __missing__(self, column):
        # type: (str) -> Any
        raise FleetError(
            "The server shows no column {0}, but {1}".format(column, to_native(u", ".join(sorted(self)))),
            "the columns of InfluxDB 0.10 to 1.x",
            "check that host and port are those of such a server",
            reason="server",
        )


class Client(object):
    """One server. transport and anonymous are InfluxDBClient or whatever answers request() as it does."""

    def __init__(self, transport, url, anonymous):
        # type: (Any, str, Any) -> None
        self.url = url
        self._transport = transport
        self._anonymous = anonymous

    def ping(self):
        # type: () -> Dict[str, Optional[str]]
        """Version and build of the server. No credentials are needed, and none are sent."""
        with _explained(self.url):
            response = self._anonymous.request("ping", expected_response_code=204)
        found = response.headers.get("X-Influxdb-Version")
        if not found:
            raise FleetError(
                "{0} answers, but does not say its version".format(self.url),
                "an InfluxDB server",
                "check host and port",
                reason="server",
            )
        return {"version": found.lstrip("v"), "build": response.headers.get("X-Influxdb-Build")}

    def asks_for_password(self):
        # type: () -> bool
        """Whether the server refuses a question without credentials."""
        try:
            list(self._stream(self._anonymous, u"SHOW DATABASES", None))
        except FleetError as error:
            if error.facts.get("reason") != "credentials":
                raise
            return True
        return False

    def query(self, text, database=None):
        # type: (str, Optional[str]) -> List[Row]
        """All rows of the answer."""
        return list(self.stream(text, database))

    def stream(self, text, database=None):
        # type: (str, Optional[str]) -> Iterator[Row]
        """The rows of query() one by one, in bounded memory."""
        return self._stream(self._transport, text, database)

    def _stream(self, transport, text, database):
        # type: (Any, str, Optional[str]) -> Iterator[Row]
        """Chunked, because an answer in one piece is cut off at max-row-limit (0.12 to 1.2), with no error."""
        params = {"q": text, "chunked": "true"}
        if database is not None:
            params["db"] = database
        with _explained(self.url):
            response = transport.request("query", params=params, stream=True)
            for line in response.iter_lines():
                for series, values in _series(json.loads(line.decode("utf-8")) if line else {}, text):
                    yield Row(zip(series["columns"], values), _name=series.get("name"))


def _series(document, text):
    # type: (Dict[str, Any], str) -> Iterator[Tuple[Dict[str, Any], List[Any]]]
    """The rows of one piece of an answer, each with its series."""
    results = document.get("results", [])
    errors = [part["error"] for part in [document] + results if part.get("error")]
    if errors:
        raise _refused(to_native(errors[0]), text)
    for result in results:
        for series in result.get("series", []):
            for values in series.get("values", []):
                yield series, values


def _refused(error, text):
    # type: (str, str) -> FleetError
    if re.search(r"authoriz|authenticat|requires admin", error):
        return _no_admin(error)
    return FleetError(
        "The server answers {0!r} to {1}".format(error, to_native(text)[:200]),
        "an answer",
        "see the log of the server",
        reason="server",
    )


def _no_admin(error):
    # type: (str) -> FleetError
    return FleetError(
        "The server refuses the credentials: {0}".format(error),
        "an administrator",
        "set username and password to those of a user created WITH ALL PRIVILEGES",
        reason="credentials",
    )


@contextlib.contextmanager
def _explained(url):
    # type: (str) -> Iterator[None]
    """Translates what the library raises. Its texts hold neither user nor password, as those are not in the URL."""
    try:
        with _http_session.explained(url, "an InfluxDB server"):
            yield
    except InfluxDBClientError as error:
        raise _rejected(url, error.code, _error_text(error.content))
    except InfluxDBServerError as error:
        raise FleetError(
            "{0} fails: {1}".format(url, _error_text(error.args[0])),
            "an answer",
            "see the log of the server",
            reason="server",
        )
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise FleetError(
            "The answer of {0} cannot be understood: {1}".format(url, error),
            "JSON of an InfluxDB server",
            "check that host and port are those of InfluxDB",
            reason="server",
        )


def _rejected(url, code, text):
    # type: (str, Optional[int], str) -> FleetError
    if code in (401, 403):
        return _no_admin(text)
    if "HTTPS server" in text:
        return FleetError("{0} speaks HTTPS".format(url), "plain HTTP", "set ssl to true", reason="tls")
    return FleetError(
        "{0} answers {1}: {2}".format(url, code, text), "an answer", "see the log of the server", reason="server"
    )


def _error_text(content):
    # type: (Any) -> str
    """The error of {"error": "..."}, or the beginning of what stands in its place."""
    text = to_native(content, errors="surrogate_or_replace")
    try:
        return to_native(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text.strip()[:200]


def quote(name):
    # type: (str) -> str
    """A name as an InfluxQL identifier."""
    for plain, escaped in ((u"\\", u"\\\\"), (u'"', u'\\"'), (u"\n", u"\\n")):
        name = name.replace(plain, escaped)
    return u'"{0}"'.format(name)
