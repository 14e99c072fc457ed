# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the node on which the module runs, with nothing that an old host lacks: requests is not there."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http, _http_plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import Answer, Client

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def connect(params):
    # type: (Dict[str, Any]) -> Client
    """A client that only reads, and logs in by basic authentication only. It knows no node-local port."""
    return Client(PlainTransport(params), _http.base_url(params), "")


class PlainTransport(object):
    """Stands in for the client's Transport where only questions are asked, at any port of the node."""

    def __init__(self, params):
        # type: (Dict[str, Any]) -> None
        self._params = params

    @property
    def has_credentials(self):
        # type: () -> bool
        return bool(self._params["username"])

    def ask(self, method, url, body=None, anonymous=False):
        # type: (str, str, None, bool) -> Answer
        user = None
        if self.has_credentials and not anonymous:
            user = self._params["username"], self._params["password"] or ""
        reply = _http_plain.send(
            self._params, method, url, user, "a node of CouchDB or Cloudant Local", str, headers={"Accept": "application/json"}
        )
        return Answer(reply.code, reply.text)
