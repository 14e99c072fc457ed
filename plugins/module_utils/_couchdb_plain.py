# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the node on which the module runs, with nothing that an old host lacks: requests is not there."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ssl

try:
    from http.client import HTTPException
    from urllib.error import HTTPError
except ImportError:  # Python 2.7
    from httplib import HTTPException  # type: ignore[import-not-found, no-redef]

    # open_url raises it, and its module does not hand it on.
    from urllib2 import HTTPError  # type: ignore[import-not-found, no-redef]  # pylint: disable=ansible-bad-import-from

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.urls import SSLValidationError, open_url

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import Answer, Client
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

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
        try:
            return self._send(method, url, not anonymous and self.has_credentials)
        except HTTPError as error:
            return Answer(error.code, to_text(error.read(), errors="surrogate_or_replace"))
        except (SSLValidationError, ssl.SSLError) as error:
            raise _http.untrusted(_server(url), str(error))
        except (EnvironmentError, HTTPException) as error:
            cause = getattr(error, "reason", error)
            if isinstance(cause, ssl.SSLError):
                raise _http.untrusted(_server(url), str(cause))
            raise FleetError(
                "{0} does not answer: {1}".format(_server(url), cause),
                "a node of CouchDB or Cloudant Local",
                "start it, or check host, port, ssl and firewall; timeout is in seconds",
                reason="unreachable",
            )

    def _send(self, method, url, with_credentials):
        # type: (str, str, bool) -> Answer
        """The environment is ignored: its proxies would see the data, and .netrc would add credentials."""
        response = open_url(
            url,
            method=method,
            headers={"Accept": "application/json"},
            timeout=self._params["timeout"],
            validate_certs=self._params["validate_certs"],
            ca_path=self._params["ca_path"],
            url_username=self._params["username"] if with_credentials else None,
            url_password=(self._params["password"] or "") if with_credentials else None,
            force_basic_auth=with_credentials,
            use_proxy=False,
            use_netrc=False,
            follow_redirects="none",
        )
        return Answer(response.getcode(), to_text(response.read(), errors="surrogate_or_replace"))


def _server(url):
    # type: (str) -> str
    """The part that names the server: http://127.0.0.1:5986."""
    return "/".join(url.split("/")[:3])
