# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is missing or of another type, the report's shape stays the same."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_shape as shape


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (shape.text, "", None),
        (shape.text, 3, "3"),
        (shape.text, True, "yes"),
        (shape.text, ["a", None, "b"], "a; b"),
        (shape.text, {"key": "a", "value": 1}, "key: a; value: 1"),
        (shape.text, {}, None),
        (shape.setting, "as it was written before", "as it was written before"),
        (shape.setting, {"key": "[http] auth-enabled", "value": True}, "[http] auth-enabled = true"),
        (shape.setting, {"key": "[[udp]] 1: templates", "value": ["a", 0]}, '[[udp]] 1: templates = ["a", 0]'),
        (shape.setting, {"key": "[http] bind", "value": ""}, '[http] bind = ""'),
        (
            shape.setting,
            {"from": "[cluster] x", "to": "[coordinator] x", "value": "30s"},
            '[cluster] x → [coordinator] x = "30s"',
        ),
        (shape.setting, {"from": "[collectd]", "to": "[[collectd]]", "value": None}, "[collectd] → [[collectd]]"),
        (
            shape.setting,
            {"key": "[admin] enabled", "value": True, "release": "1.3", "reason": "it is gone", "default": True},
            "[admin] enabled = true: it is gone (since 1.3; nothing changes by it)",
        ),
        (
            shape.setting,
            {"key": "[data] y", "value": 7, "release": None, "reason": "no release reads it", "default": False},
            "[data] y = 7: no release reads it",
        ),
        (shape.setting, {"key": "[meta] shared-secret", "value": "hunter2"}, "[meta] shared-secret = ***"),
        (shape.setting, {"from": "[a] token", "to": "[b] token", "value": "hunter2"}, "[a] token → [b] token = ***"),
        (shape.setting, {"other": 1}, "other: 1"),
        (shape.changed_default, "as it was written before", "as it was written before"),
        (
            shape.changed_default,
            {
                "key": "bind-address",
                "old": ":8088",
                "new": "127.0.0.1:8088",
                "release": "1.3",
                "consequence": "local only",
            },
            'bind-address: ":8088" → "127.0.0.1:8088" since 1.3: local only',
        ),
        (shape.changed_default, {"key": "[data] x", "old": None, "new": 7}, "[data] x: no limit → 7"),
        (shape.texts, None, []),
        (shape.texts, "one", ["one"]),
        (shape.texts, {"old": "new"}, ["old: new"]),
        (shape.number, "0.24", 0.24),
        (shape.number, "", None),
        (shape.number, "None", None),
        (shape.number, True, None),
        (shape.number, "nan", None),
        (shape.whole, "412", 412),
        (shape.whole, [], None),
        (shape.flag, "True", True),
        (shape.flag, "False", False),
        (shape.flag, None, False),
        (shape.checks, True, ["verified"]),
        (shape.checks, "true", ["verified"]),
        (shape.checks, False, []),
        (shape.checks, "False", []),
        (shape.checks, ["digests compared"], ["digests compared"]),
        (
            shape.counts,
            {"values": 3, "covered": True, "more": {"a": 1}, "none": None},
            {"values": 3, "covered": True, "more": "a: 1"},
        ),
        (shape.counts, "no dict", {}),
    ],
)
def test_readers(reader: shape.Reader, value: Any, expected: Any) -> None:
    assert reader(value) == expected


def test_a_record_has_every_key_and_no_other() -> None:
    read = shape.record({"a": shape.text, "b": shape.number})
    assert read({"a": "x", "c": "dropped"}) == {"a": "x", "b": None}
    assert read({}) is None
    assert read("no dict") is None


def test_a_list_leaves_out_what_is_no_record() -> None:
    assert shape.rows(shape.record({"a": shape.text}))([{"a": "x"}, "no dict", {}]) == [{"a": "x"}]
    assert shape.rows(shape.text)("no list") == []
