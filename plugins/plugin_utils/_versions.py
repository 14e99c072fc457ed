# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version numbers as the products and their packages write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

Release = tuple[int, ...]

_NUMBER = r"(?:0|[1-9][0-9]{0,5})"
_VERSION = re.compile(
    rf"v?(?:{_NUMBER}:)?"  # an epoch of the packager says nothing about the program
    rf"(?P<release>{_NUMBER}(?:\.{_NUMBER}){{2,3}})"
    r"(?:[-~._]?(?P<candidate>(?:alpha|beta|rc|pre|dev|nightly)[.-]?[0-9]*))?"
    rf"(?:[-_]c(?P<enterprise>{_NUMBER}(?:\.{_NUMBER}){{2}}))?"
    r"(?:-[0-9][0-9A-Za-z.+~]*)?"  # the packager's iteration: 1.4.3-1, 1.4.3-1.el7
    r"(?:~(?!alpha|beta|rc|pre|dev|nightly)[a-z]+)?",  # the distribution it is for: 3.4.3~bookworm
    re.ASCII,
)


@dataclass(frozen=True)
class Version:
    """One release of a product.

    InfluxDB Enterprise carries two numbers: 1.2.4-c1.2.5 is Enterprise 1.2.5, built on InfluxDB 1.2.4 (its rpm packages
    write 1.2.4_c1.2.5). The second one names the release, so that is the one compared.
    """

    base: Release
    enterprise: Release = ()
    candidate: str = ""

    @property
    def release(self) -> Release:
        """The numbers that name the release."""
        return self.enterprise or self.base

    def __str__(self) -> str:
        text = dotted(self.base) + self.candidate
        return f"{text}-c{dotted(self.enterprise)}" if self.enterprise else text


def dotted(release: Release) -> str:
    """Write the numbers of a release as people do."""
    return ".".join(map(str, release))


def parse(text: str) -> Version | None:
    """Read a version; None if it is not one. A release has three or four numbers: 1.4 is a series, not a release."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    enterprise = match["enterprise"]
    return Version(_numbers(match["release"]), _numbers(enterprise) if enterprise else (), match["candidate"] or "")


def same(first: str, second: str) -> bool:
    """Say whether both name one release: 1.4.3-1 (a package) is 1.4.3, 1.2.4-c1.2.5 is Enterprise 1.2.5."""
    one, other = parse(first), parse(second)
    if one is None or other is None:
        return first == second
    return (one.release, one.candidate) == (other.release, other.candidate)


def canonical(text: str) -> str:
    """Write a version without what only the packager adds: 1.4.3-1 becomes 1.4.3."""
    version = parse(text)
    return text if version is None else str(version)


def _numbers(text: str) -> Release:
    return tuple(map(int, text.split(".")))
