# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two kinds of durations: Go's, which `pause` is, and InfluxDB's own in shard spaces, configurations and queries."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import re

from influxdb_sim.errors import HandlerPanic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional  # noqa: F401 (read by type comments)

GO_UNITS = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
GO = re.compile("([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
SECOND = 1000000
UNITS = {
    "u": 1,
    "ms": 1000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86400 * SECOND,
    "w": 7 * 86400 * SECOND,
    "y": 365 * 86400 * SECOND,
}
OWN = re.compile("([0-9]+(?:\\.[0-9]+)?)(ms|[usmhdwy])")


def go_seconds(text):
    # type: (str) -> float
    """Seconds of a duration as Go's time.ParseDuration takes it; a bare u is no unit there."""
    unsigned = text[1:] if text[:1] in ("-", "+") else text
    if unsigned == "0":
        return 0
    if not unsigned or GO.sub("", unsigned):
        raise ValueError("time: invalid duration %s" % text)
    total = sum(float(number) * GO_UNITS[unit] for number, unit in GO.findall(unsigned))
    return -total if text.startswith("-") else total


def microseconds(text):
    # type: (str) -> int
    """A duration of InfluxDB's own; one of a single character makes the real parser panic."""
    if len(text) == 1:
        raise HandlerPanic("runtime error: slice bounds out of range")
    found = OWN.match(text)
    if not found or found.end() != len(text):
        raise ValueError("Rat.Scan: invalid syntax")
    return int(float(found.group(1)) * UNITS[found.group(2)])


def retention(text):
    # type: (str) -> Optional[int]
    """Microseconds of a retention policy, None for ever."""
    return None if text in ("", "inf") else microseconds(text)
