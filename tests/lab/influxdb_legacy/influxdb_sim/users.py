# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: cluster administrators, and users of databases."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import base64
import binascii
import hashlib
import random
import re

from influxdb_sim.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple  # noqa: F401 (read by type comments)

LENGTH = "Password must be more than 4 and less than 56 characters"
NOBODY = "Invalid database/username/password"
WRONG = "Invalid username/password"
EVERYTHING = ".*"


def new(name, password, **more):
    # type: (str, str, Any) -> Dict[str, Any]
    """A user as it is kept."""
    if not re.match(r"^[A-Za-z0-9_.-]+$", name or ""):
        raise ApiError(400, "%s is not a valid username" % name)
    return dict({"name": name, "hash": hashed(password)}, **more)


def hashed(password, salt=None):
    # type: (str, Optional[str]) -> str
    """A password as it is kept. Four characters are enough, whatever the message says."""
    if not 4 <= len(password or "") <= 56:
        raise ApiError(400, LENGTH)
    salt = salt or "%016x" % random.SystemRandom().getrandbits(64)
    return "%s$%s" % (salt, hashlib.sha256((salt + password).encode("utf-8")).hexdigest())


def matches(user, password):
    # type: (Optional[Dict[str, Any]], str) -> bool
    if not user or not 4 <= len(password) <= 56:
        return False
    return hashed(password, user["hash"].partition("$")[0]) == user["hash"]


def credentials(query, header):
    # type: (Dict[str, str], str) -> Tuple[str, str]
    """Name and password of a request: from u and p, else from the header, which cannot hold a colon in a password."""
    if query.get("u") and query.get("p"):
        return query["u"], query["p"]
    if not header:
        raise ApiError(401, NOBODY)
    kind, _blank, value = header.partition(" ")
    if kind != "Basic" or not value:
        raise ApiError(400, "Bad auth header")
    try:
        text = base64.b64decode(value.encode("ascii")).decode("utf-8")
    except (TypeError, ValueError, binascii.Error):
        raise ApiError(400, "Bad encoding")
    parts = text.split(":")
    if len(parts) != 2:
        raise ApiError(400, "Bad auth value")
    return parts[0], parts[1]
