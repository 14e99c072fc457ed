# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clients that use the library requests, which is on the controller. What runs on a node has to do without."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import os
import traceback

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _http
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

IMPORT_ERROR = None
try:
    import requests
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

try:
    from typing import Any, Dict, Iterator  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def new_session():
    # type: () -> Any
    """A session that ignores the environment: its proxies would see the data, and .netrc would add credentials."""
    if IMPORT_ERROR:
        raise FleetError(missing_required_lib("requests"), exception=IMPORT_ERROR, reason="library")
    session = requests.Session()
    session.trust_env = False
    return session


def verification(params):
    # type: (Dict[str, Any]) -> Any
    """What requests wants: whether to verify, or with which authorities."""
    path = params["ca_path"]
    if not params["ssl"] or not params["validate_certs"]:
        return False
    if path and not os.path.isfile(path):
        raise FleetError(
            "There is no file {0} of authorities to trust".format(path), "a PEM file", "correct ca_path", reason="tls"
        )
    return path or True


@contextlib.contextmanager
def explained(url, server):
    # type: (str, str) -> Iterator[None]
    """Translates what requests raises. Its texts hold neither user nor password, as those are not in the URL."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise _http.untrusted(url, str(error))
    except requests.exceptions.RequestException as error:
        raise _http.unreachable(url, _http.last_words(error), server)
