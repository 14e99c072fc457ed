# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is a server ready, and which release is it? Asked over HTTP, straight to its address, without any proxy."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import json
import re
import socket
import ssl

try:
    from http.client import HTTPConnection, HTTPException
    from urllib.parse import urlsplit
except ImportError:  # Python 2.7
    from httplib import HTTPConnection, HTTPException  # type: ignore[import-not-found, no-redef]
    from urlparse import urlsplit  # type: ignore[import-not-found, no-redef]

from ansible.module_utils.common.text.converters import to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, List, Optional, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

Answer = collections.namedtuple("Answer", ["status", "version", "error"])
"""status: HTTP status, 0 without an answer; version: as the answer says, shortened to the number; error: why there is no answer."""

POLL_PAUSE = 0.01
BODY_LIMIT = 1 << 20
"""Bytes that are read of an answer that names the version in its body."""
ATTEMPT_LIMIT = 5.0
PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def plain_version(text):
    # type: (Optional[str]) -> str
    """1.4.3 of "1.4.3", "v1.4.3" and 0.8's "InfluxDB v1.4.3 (git: 0a1b2c3) (leveldb: 1.15)"."""
    found = re.search(r"(?:^|\s)v?(\d+(?:\.\d+)+[^\s()]*)", text or "")
    return found.group(1) if found else (text or "").strip()


def describe(answer):
    # type: (Answer) -> str
    if answer.error:
        return "no answer ({0})".format(answer.error)
    return "status {0}, version {1}".format(answer.status, answer.version or "not given")


def in_body(body, field):
    # type: (bytes, str) -> str
    """The text at a path of keys in a JSON object, "" where there is none."""
    try:
        found = json.loads(body.decode("utf-8"))
        for name in field.split("."):
            found = found[name]
    except (ValueError, KeyError, TypeError):
        return ""
    return to_native(found) if isinstance(found, type(u"")) else ""


class Probe(object):
    """Asks one URL. version "" accepts every version; certificate: PEM file that holds the server's own certificate.

    field: where the version stands in a JSON object that is the answer's body, keys joined by dots; the header counts without it.
    """

    def __init__(self, url, version="", header="X-Influxdb-Version", field=None, certificate=None, ca_path=None, timeout=600.0):
        # type: (str, str, str, Optional[str], Optional[str], Optional[str], float) -> None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise FleetError("{0!r} is no URL to poll".format(url), "http://HOST:PORT/PATH or https://HOST:PORT/PATH")
        self.url = url
        self.version = plain_version(version)
        self.timeout = timeout
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self._header = header
        self._field = field
        self._certificate = certificate
        self._ca_path = ca_path
        self._tls = parts.scheme == "https"
        self._host = parts.hostname
        self._target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        self._addresses = []  # type: List[Tuple[Any, ...]]

    def passes(self, answer):
        # type: (Answer) -> bool
        return 200 <= answer.status < 300 and self.version in ("", answer.version)

    def ask(self, limit=ATTEMPT_LIMIT):
        # type: (float) -> Answer
        """One GET; whatever goes wrong is an answer too."""
        try:
            connection = HTTPConnection(self._host, self.port, timeout=limit)
            connection.sock = self._connect(limit)
            try:
                return self._get(connection)
            finally:
                connection.close()
        except (EnvironmentError, HTTPException, ValueError) as error:
            return Answer(0, "", "{0}".format(error) or type(error).__name__)

    def _get(self, connection):
        # type: (HTTPConnection) -> Answer
        connection.request("GET", self._target, headers={"Connection": "close"})
        response = connection.getresponse()
        if response.version < 10:  # Python 2.7 takes any text for the body of an answer of HTTP 0.9
            raise HTTPException("not an answer of HTTP")
        said = in_body(response.read(BODY_LIMIT), self._field) if self._field else response.getheader(self._header)
        return Answer(response.status, plain_version(said), "")

    def _connect(self, limit):
        # type: (float) -> Any
        """Connect to the first address that accepts; names are resolved once, at the first question."""
        if not self._addresses:
            self._addresses = socket.getaddrinfo(self._host, self.port, 0, socket.SOCK_STREAM)
        problem = None  # type: Optional[EnvironmentError]
        for family, kind, protocol, _name, address in self._addresses:
            connected = socket.socket(family, kind, protocol)
            try:
                connected.settimeout(limit)
                connected.connect(address)
                return self._secured(connected) if self._tls else connected
            except EnvironmentError as error:
                connected.close()
                problem = error
        raise problem or socket.error("{0} has no address".format(self._host))

    def _secured(self, connected):
        # type: (Any) -> Any
        if not self._certificate:
            return _context(self._ca_path).wrap_socket(connected, server_hostname=self._host)
        secured = _unverified(connected, self._host)
        if secured.getpeercert(True) != own_certificate(self._certificate):
            secured.close()
            raise ssl.SSLError("the server's certificate is not the one in {0}".format(self._certificate))
        return secured


def own_certificate(path):
    # type: (str) -> bytes
    """The first certificate of a PEM file (the key may stand before it, intermediates after it)."""
    with open(path) as source:
        found = PEM.search(source.read())
    if not found:
        raise ssl.SSLError("there is no certificate in {0}".format(path))
    return ssl.PEM_cert_to_DER_cert(found.group(0))


def _context(ca_path):
    # type: (Optional[str]) -> Any
    if not hasattr(ssl, "create_default_context"):
        raise ssl.SSLError("this Python (older than 2.7.9) cannot verify a server's name: name its certificate file instead")
    return ssl.create_default_context(cafile=ca_path)


def _unverified(connected, host):
    # type: (Any, str) -> Any
    """TLS without verification, for a certificate that is compared byte by byte."""
    if not hasattr(ssl, "create_default_context"):  # Python before 2.7.9, as on Ubuntu 14.04
        return ssl.wrap_socket(connected)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connected, server_hostname=host)


def wait_ready(probe, clock, sleep, failing):
    # type: (Probe, Callable[[], float], Callable[[float], Any], Callable[[], str]) -> None
    """Poll until the probe passes. failing() says early why it never will, "" as long as it may.

    The last word has the probe: a service that was slow, or restarted once, but answers as it should is ready.
    """
    deadline = clock() + probe.timeout
    reason = ""
    while True:
        answer = probe.ask()
        if probe.passes(answer):
            return
        if reason:
            raise FleetError("{0}: {1}".format(_wanted(probe), reason))
        late = "not ready after {0:.0f} seconds, last answer of {1}: {2}".format(probe.timeout, probe.url, describe(answer))
        reason = failing() or ("" if clock() < deadline else late)
        if not reason:
            sleep(POLL_PAUSE)


def _wanted(probe):
    # type: (Probe) -> str
    return "version {0} did not come up".format(probe.version) if probe.version else "the server did not come up"
