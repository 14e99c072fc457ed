# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the HTTP clients share: the options of a connection, and words for why there is none."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

# Where the text of a TLS failure tells more than that there was one. Python 2.7 and 3.6 do not tell expired from untrusted.
TLS_FAILURES = (
    (
        r"doesn't match|mismatch",
        "its certificate belongs to another name",
        "set host to a name that is in the certificate",
    ),
    (r"has expired", "its certificate has expired", "renew the certificate of the server"),
    (
        r"WRONG_VERSION_NUMBER|wrong version number|unknown protocol|record layer|EOF|unexpected eof",
        "it does not speak HTTPS",
        "set ssl to false, or use the port of HTTPS",
    ),
    (
        r"",
        "its certificate is not trusted, or has expired",
        "set ca_path to the file of the authority that signed it, or renew it",
    ),
)


def arguments(port):
    # type: (int) -> Dict[str, Dict[str, Any]]
    """The options of a module that asks one server."""
    return {
        "host": {"type": "str", "default": "localhost"},
        "port": {"type": "int", "default": port},
        "ssl": {"type": "bool", "default": False},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "timeout": {"type": "int", "default": 30},
    }


def base_url(params):
    # type: (Dict[str, Any]) -> str
    scheme = "https" if params["ssl"] else "http"
    return "{0}://{1}:{2}".format(scheme, address(params["host"]), params["port"])


def address(host):
    # type: (str) -> str
    """A host as it stands in a URL: IPv6 addresses in brackets."""
    return "[{0}]".format(host) if ":" in host and not host.startswith("[") else host


def untrusted(url, text):
    # type: (str, str) -> FleetError
    found, remedy = next(failure[1:] for failure in TLS_FAILURES if re.search(failure[0], text))
    return FleetError("{0} cannot be trusted: {1}".format(url, found), "a valid certificate", remedy, reason="tls")


def unreachable(url, words, server):
    # type: (str, str, str) -> FleetError
    """words: why nobody answered; server: who should have."""
    return FleetError(
        "{0} does not answer: {1}".format(url, words),
        server,
        "start it, or check host, port, ssl and firewall; timeout is in seconds",
        reason="unreachable",
    )


def last_words(error):
    # type: (Exception) -> str
    """The cause at the end of the library's chain: "[Errno 111] Connection refused" and the like."""
    text = str(error)
    found = re.search(r"(\[Errno [^'\"]*|[Rr]ead timed out[^'\"]*|timed out|[Nn]ame[^'\"]* not known)", text)
    return found.group(1).rstrip(")( ,.") if found else type(error).__name__
