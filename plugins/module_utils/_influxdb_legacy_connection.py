# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reaches an InfluxDB 0.7 or 0.8 server over HTTP, with nothing that an old host lacks."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import ssl

try:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.parse import urlencode
except ImportError:  # Python 2.7
    from urllib import urlencode  # type: ignore[attr-defined, no-redef]

    from httplib import HTTPException  # type: ignore[import-not-found, no-redef]

    # open_url raises it, and its module does not hand it on.
    from urllib2 import HTTPError  # type: ignore[import-not-found, no-redef]  # pylint: disable=ansible-bad-import-from

from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text
from ansible.module_utils.urls import SSLValidationError, open_url

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import Answer, Client
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import plain_version

try:
    from typing import Any, Dict, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def connect(params):
    # type: (Dict[str, Any]) -> Client
    """A client from the module's parameters; nothing is sent yet."""
    return Client(PlainTransport(params))


class PlainTransport(object):
    """Sends requests, past the proxies and credentials of the environment. Raises for no status of HTTP."""

    def __init__(self, params):
        # type: (Dict[str, Any]) -> None
        self.url = _http.base_url(params)
        self._params = params
        self._user = (to_text(params["username"] or u""), to_text(params["password"] or u""))

    def send(self, method, path, query=(), body=None, anonymous=False):
        # type: (str, str, Tuple[Tuple[str, str], ...], Any, bool) -> Answer
        try:
            response = self._open(method, path, query, body, bool(self._user[0]) and not anonymous)
            return _answer(response, response.getcode())
        except HTTPError as error:
            return _answer(error, error.code)
        except (SSLValidationError, ssl.SSLError) as error:
            raise _http.untrusted(self.url, str(error))
        except (EnvironmentError, HTTPException) as error:
            cause = getattr(error, "reason", error)
            if isinstance(cause, ssl.SSLError):
                raise _http.untrusted(self.url, str(cause))
            raise FleetError(
                "{0} does not answer: {1}".format(self.url, _http.last_words(cause)),
                "an InfluxDB server",
                "start it, or check host, port, ssl and firewall; timeout is in seconds",
                reason="unreachable",
            )

    def _open(self, method, path, query, body, with_user):
        # type: (str, str, Tuple[Tuple[str, str], ...], Any, bool) -> Any
        """Credentials go into the header. The releases divide that at every colon, so that one more has to go into the query."""
        in_query = with_user and u":" in u"".join(self._user)
        in_header = with_user and not in_query
        if in_query:
            query = tuple(query) + tuple(zip(("u", "p"), self._user))
        return open_url(
            self.url + path + ("?" + urlencode([(name, to_bytes(value)) for name, value in query]) if query else ""),
            method=method,
            data=None if body is None else json.dumps(body).encode("ascii"),
            timeout=self._params["timeout"],
            validate_certs=self._params["validate_certs"],
            ca_path=self._params["ca_path"],
            url_username=to_native(self._user[0]) if in_header else None,
            url_password=to_native(self._user[1]) if in_header else None,
            force_basic_auth=in_header,
            use_proxy=False,
            use_netrc=False,
            follow_redirects="none",
        )


def _answer(response, code):
    # type: (Any, int) -> Answer
    text = to_text(response.read(), errors="surrogate_or_replace")
    return Answer(code, text, plain_version(response.headers.get("X-Influxdb-Version")))
