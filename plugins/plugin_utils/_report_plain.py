# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make whatever Ansible hands over into plain data that is fit to be written down: plain types, clean text, no secrets.

A report is read in browsers, merge requests and terminals, and holds what broken hosts said. It is cleaned once, here, so that
no renderer has to think of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

Facts = dict[str, Any]

HIDDEN = "***"

_SECRET_WORDS = "password|passwd|passphrase|secret|token"
_SECRET_KEY = re.compile(_SECRET_WORDS, re.IGNORECASE)
# name = value and name: value, as in configuration files, environments and headers; an empty value is no secret.
_SECRET_TEXT = re.compile(
    rf"""([\w.-]*(?:{_SECRET_WORDS})[\w.-]*["']?[ \t]*[:=][ \t]*)("[^"\n]+"|'[^'\n]+'|[^\s"',;&]+)""", re.IGNORECASE
)
_SECRET_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")
_SECRET_HEADER = re.compile(r"(Authorization[\"']?\s*[:=]\s*[\"']?(?:Basic|Bearer|Token)\s+)[^\s\"']+", re.IGNORECASE)
# What InfluxDB 1.x reads its password from in a query string.
_SECRET_QUERY = re.compile(r"([?&]p=)[^&\s\"']+")

# The sequences by which a program colors or moves what a terminal shows (ECMA-48: CSI, OSC, two characters).
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]")
# Control characters, which XML 1.0 forbids in any form.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Surrogates (bytes that were no UTF-8), characters that reorder text, and those that are none.
_ODD = re.compile(r"[\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def clean(text: str) -> str:
    """Return text as a plain str without terminal sequences and control characters; odd characters become U+FFFD."""
    return _ODD.sub("\ufffd", _CONTROL.sub("", _ANSI.sub("", "".join(text))))


def plain(value: Any) -> Any:
    """Return value as plain dict, list, str, int, float, bool or None, which json.dumps takes on every ansible-core."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {clean(str(key)): plain(entry) for key, entry in value.items()}
    if isinstance(value, (bytes, bytearray)):
        return clean(value.decode("utf-8", "surrogateescape"))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(entry) for entry in value]
    return clean(value if isinstance(value, str) else str(value))


def without_secrets(value: Any) -> Any:
    """Return plain data with every value of a key that sounds like a secret, and every such setting in a text, hidden."""
    if isinstance(value, dict):
        return {
            key: _hidden(entry) if _SECRET_KEY.search(key) else without_secrets(entry) for key, entry in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(entry) for entry in value]
    return _without_secrets(value) if isinstance(value, str) else value


def _hidden(value: Any) -> Any:
    """Hide a value; that it is not set, or switched on or off, is no secret."""
    return value if value is None or value == "" or isinstance(value, bool) else HIDDEN


def _without_secrets(text: str) -> str:
    text = _SECRET_HEADER.sub(rf"\g<1>{HIDDEN}", text)
    text = _SECRET_URL.sub(rf"\g<1>{HIDDEN}", text)
    text = _SECRET_QUERY.sub(rf"\g<1>{HIDDEN}", text)
    return _SECRET_TEXT.sub(rf"\g<1>{HIDDEN}", text)
