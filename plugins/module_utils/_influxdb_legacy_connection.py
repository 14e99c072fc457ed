# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reaches an InfluxDB 0.7 or 0.8 server over HTTP, with nothing that an old host lacks."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

try:
    from urllib.parse import urlencode
except ImportError:  # Python 2.7
    from urllib import urlencode  # type: ignore[attr-defined, no-redef]

from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http, _http_plain
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
        """Credentials go into the header. The releases divide that at every colon, so that one more has to go into the query."""
        with_user = bool(self._user[0]) and not anonymous
        in_query = with_user and u":" in u"".join(self._user)
        if in_query:
            query = tuple(query) + tuple(zip(("u", "p"), self._user))
        reply = _http_plain.send(
            self._params,
            method,
            self.url + path + ("?" + urlencode([(name, to_bytes(value)) for name, value in query]) if query else ""),
            tuple(to_native(part) for part in self._user) if with_user and not in_query else None,
            "an InfluxDB server",
            _http.last_words,
            data=None if body is None else json.dumps(body).encode("ascii"),
        )
        return Answer(reply.code, reply.text, plain_version(reply.headers.get("X-Influxdb-Version")))
