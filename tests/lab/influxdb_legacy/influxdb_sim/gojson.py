# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as Go's encoding/json writes it, and says that it cannot be read."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import json
import re
from collections import OrderedDict

from influxdb_sim.compat import TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any  # noqa: F401 (read by type comments)

HTML = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"))


def dumps(value):
    # type: (Any) -> str
    """Compact, letters as they are; keys in order in an OrderedDict, else sorted as those of a Go map."""
    if isinstance(value, dict):
        names = value if isinstance(value, OrderedDict) else sorted(value)
        return "{%s}" % ",".join("%s:%s" % (_text(name), dumps(value[name])) for name in names)
    if isinstance(value, (list, tuple)):
        return "[%s]" % ",".join([dumps(item) for item in value])
    if isinstance(value, TEXT):
        return _text(value)
    if isinstance(value, float):
        return _number(value)
    return TEXT(json.dumps(value))


def _text(value):
    # type: (str) -> str
    quoted = TEXT(json.dumps(value, ensure_ascii=False))
    for letter, escaped in HTML:
        quoted = quoted.replace(letter, escaped)
    return quoted


def _number(value):
    # type: (float) -> str
    """The shortest digits that give the number again, with an exponent only where it is very large or small."""
    if value == int(value) and abs(value) < 1e21:
        digits = repr(value)
        mantissa, _e, exponent = digits.partition("e")
        if not exponent:
            return TEXT(int(value))
        figures = mantissa.replace(".", "").replace("-", "").ljust(int(exponent) + 1, "0")
        return ("-" if value < 0 else "") + figures
    return TEXT(re.sub("e([-+])0", "e\\1", repr(value)))


def loads(content):
    # type: (bytes) -> Any
    """The value, with every number a float as Go has it; ValueError with Go's words where it is none."""
    text = content.decode("utf-8", "replace")
    if not text.strip():
        raise ValueError("EOF")
    try:
        return json.loads(text, parse_int=float)
    except ValueError as error:
        raise ValueError(_complaint(text, TEXT(error)))


def _complaint(text, error):
    # type: (str, str) -> str
    found = re.search("char ([0-9]+)", error)
    position = int(found.group(1)) if found else 0
    rest = text[position:].strip()
    if not rest or "Unterminated" in error:
        return "unexpected EOF"
    wanted = "object key string" if "property name" in error else "value"
    return "invalid character '%s' looking for beginning of %s" % (rest[0], wanted)
