# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version numbers."""

from __future__ import annotations

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import Version, canonical, parse, same


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.4.3", Version((1, 4, 3))),
        ("v1.4.3", Version((1, 4, 3))),
        (" 1.4.3\n", Version((1, 4, 3))),
        ("1.4.3-1", Version((1, 4, 3))),
        ("1.4.3-1.el7", Version((1, 4, 3))),
        ("3.4.3~bookworm", Version((3, 4, 3))),
        ("3.4.3-1~bookworm", Version((3, 4, 3))),
        ("2:3.4.3-1ubuntu2", Version((3, 4, 3))),
        ("0.11.1-1", Version((0, 11, 1))),
        ("1.0.0.5", Version((1, 0, 0, 5))),
        ("1.1.0-984", Version((1, 1, 0))),
        ("1.2.4-c1.2.5", Version((1, 2, 4), (1, 2, 5))),
        ("1.2.4_c1.2.5", Version((1, 2, 4), (1, 2, 5))),
        ("1.2.4-c1.2.5-1", Version((1, 2, 4), (1, 2, 5))),
        ("1.4.0rc1", Version((1, 4, 0), candidate="rc1")),
        ("0.9.0-rc31", Version((0, 9, 0), candidate="rc31")),
        ("1.6.7~rc0-1+b5", Version((1, 6, 7), candidate="rc0")),
        ("1.0.0-beta.2", Version((1, 0, 0), candidate="beta.2")),
        ("1.5.0-nightly", Version((1, 5, 0), candidate="nightly")),
    ],
)
def test_parse(text: str, expected: Version) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1",
        "1.4",
        "1.4.x",
        "latest",
        "1.4.3.2.1",
        "1.04.3",
        "-1.4.3",
        "1.4.3-",
        "1.4.3c",
        "1..3",
        "1.4.3 1.4.4",
        "1.2.4-c",
        "１.4.3",
    ],
)
def test_what_is_no_release_is_not_read(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("1.4.3", "1.4.3-1", True),
        ("1.4.3", "v1.4.3", True),
        ("1.2.4-c1.2.5", "1.2.4_c1.2.5", True),
        ("1.2.5", "1.2.4-c1.2.5", True),
        ("1.2.4", "1.2.4-c1.2.5", False),
        ("1.4.3", "1.4.30", False),
        ("1.4.0", "1.4.0rc1", False),
        ("1.10.0", "1.1.0", False),
        ("latest", "latest", True),
        ("latest", "1.4.3", False),
    ],
)
def test_same(first: str, second: str, expected: bool) -> None:
    for one, other in ((first, second), (second, first)):
        assert same(one, other) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.4.3-1", "1.4.3"),
        ("1.2.4_c1.2.5", "1.2.4-c1.2.5"),
        ("1.4.0~rc1", "1.4.0rc1"),
        ("6.0.0+dfsg-3", "6.0.0+dfsg-3"),
    ],
)
def test_canonical(text: str, expected: str) -> None:
    assert canonical(text) == expected


def test_the_enterprise_number_names_the_release() -> None:
    version = parse("1.2.0-c1.2.1")
    assert version is not None
    assert version.release == (1, 2, 1)
