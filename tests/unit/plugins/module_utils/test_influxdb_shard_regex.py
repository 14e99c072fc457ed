# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_regex import (
    check_regex,
    relation,
)


@pytest.mark.parametrize(
    "regex",
    [
        "/.*/",
        "/^[A-Z].*/",
        "/cpu/i",
        "cpu",
        r"/^\pL/",
        "/[[:alpha:]]/",
        r"/x\z/",
        "/(?U)a+/",
        "/(?i)cpu/",
        "/a(?i)b/",
        "/(?i-s:a)/",
        u"/^m\xe9/",
    ],
)
def test_expressions_of_go_are_taken(regex):
    check_regex(regex)


@pytest.mark.parametrize(
    ("regex", "words"),
    [
        ("", "empty"),
        ("//", "empty"),
        ("//i", "empty"),
        ("/", "slash"),
        ("/i", "slash"),
        ("/cpu", "slash"),
        ("/cpu/x", "slash"),
        ("/[/", "regex"),
        ("/(/", "regex"),
        ("/cpu(?!x)/", "look-arounds"),
        ("/(?<=a)b/", "look-arounds"),
        (r"/(a)\1/", "references"),
        (r"/a\Z/", "Go"),
    ],
)
def test_bad_expressions_are_refused(regex, words):
    with pytest.raises(FleetError) as caught:
        check_regex(regex)
    assert caught.value.facts["reason"] == "regex" and words in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/(a|b)/", "(a|b)", "same"),
        ("/.*/", "/^.*$/", "same"),
        ("/.+/", "/.*/", "same"),
        ("/.*/", "/^[A-Z].*/", "covers"),
        ("/^[A-Z].*/", "/.*/", "within"),
        ("/.*/", "/(a|b)+/", "covers"),
        ("/./", "/(a|b)+/", "covers"),
        ("/^cpu/", "/^cpu.*$/", "same"),
        ("/^cpu/", r"/^cpu\.load/", "covers"),
        ("/^cpu/", "/^cpu$/", "covers"),
        ("/^cpu$/", "/^cpu/", "within"),
        ("/^cpu/", "/^mem/", "disjoint"),
        ("/^cpu$/", "/^cpu1/", "disjoint"),
        ("/^cpu$/", "/^cpux$/", "disjoint"),
        ("/^cpu$/", "/^cp.$/", "within"),
        ("/^cpu/", "/^xcpu$/", "disjoint"),
        ("/^[A-Z]/", "/^[M-Z]a/", "covers"),
        ("/^[A-M]/", "/^[H-Z]/", "overlaps"),
        ("/^[A-Z]/", "/^[a-z]/", "disjoint"),
        ("/^[A-Z]/i", "/^[a-z]/", "covers"),
        ("/^CPU/i", "/^cpu/", "covers"),
        ("/cpu/", "/^cpu/", "covers"),
        ("/^cpu/", "/cpu/", "within"),
        ("/cpu/", "/xcpux/", "covers"),
        ("/cpu/", "/^mem/", "overlaps"),
        ("/^cpu/", "/load$/", "overlaps"),
        ("/load$/", "/cpuload$/", "covers"),
        ("/load$/", "/mem$/", "disjoint"),
        ("/^a_load$/", "/load$/", "within"),
        ("/^a_mem$/", "/load$/", "disjoint"),
        ("/^.*load/", "/load/", "same"),
        ("/cpu/", "/^.*load.*$/", "overlaps"),
        (r"/^a\.b/", "/^a.b/", "within"),
        (r"/^a\.*/", "/^b/", "unknown"),
        ("/^(a|b)/", "/^c/", "unknown"),
        ("/^a+/", "/^a/", "unknown"),
        ("/^[^a]/", "/^a/", "unknown"),
        (r"/^\d/", "/^a/", "unknown"),
        ("/^a.*b/", "/^a/", "unknown"),
        ("/^..$/", "/^a/", "unknown"),
        ("/aa/", "/[ab][ab]/", "within"),
        ("/[ab][cd]/", "/[ac][bd]/", "unknown"),
        (u"/^\xc9/i", u"/^\xe9/", "unknown"),
        (u"/^\xe9/", u"/^\xe9a/", "covers"),
    ],
)
def test_how_two_expressions_stand_to_each_other(one, other, expected):
    assert relation(one, other) == expected
    turned = {"covers": "within", "within": "covers"}.get(expected, expected)
    assert relation(other, one) == turned
