# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests with nothing that an old host lacks: requests is not there."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
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

try:
    from typing import Any, Callable, Dict, Optional, Tuple  # noqa: F401 (read by type comments)

    User = Optional[Tuple[Any, Any]]
except ImportError:  # Python 2.7 on the node has no typing
    pass

Reply = collections.namedtuple("Reply", ["code", "text", "headers"])


def send(params, method, url, user, server, words, headers=None, data=None):
    # type: (Dict[str, Any], str, str, User, str, Callable[[Any], str], Optional[Dict[str, str]], Optional[bytes]) -> Reply
    """Send one request with the connection's options in params. Raises for no status of HTTP.

    user: name and password for basic authentication; server: who is expected there; words: says why nobody answered.
    """
    try:
        response = _open(params, method, url, user, headers, data)
        return _reply(response, response.getcode())
    except HTTPError as error:
        return _reply(error, error.code)
    except (SSLValidationError, ssl.SSLError) as error:
        raise _http.untrusted(_server(url), str(error))
    except (EnvironmentError, HTTPException) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, ssl.SSLError):
            raise _http.untrusted(_server(url), str(cause))
        raise _http.unreachable(_server(url), words(cause), server)


def _open(params, method, url, user, headers, data):
    # type: (Dict[str, Any], str, str, User, Optional[Dict[str, str]], Optional[bytes]) -> Any
    """The environment is ignored: its proxies would see the data, and .netrc would add credentials."""
    name, password = user or (None, None)
    return open_url(
        url,
        method=method,
        data=data,
        headers=headers,
        timeout=params["timeout"],
        validate_certs=params["validate_certs"],
        ca_path=params["ca_path"],
        url_username=name,
        url_password=password,
        force_basic_auth=user is not None,
        use_proxy=False,
        use_netrc=False,
        follow_redirects="none",
    )


def _reply(response, code):
    # type: (Any, int) -> Reply
    return Reply(code, to_text(response.read(), errors="surrogate_or_replace"), response.headers)


def _server(url):
    # type: (str) -> str
    """The part that names the server: http://127.0.0.1:5986."""
    return "/".join(url.split("/")[:3])
