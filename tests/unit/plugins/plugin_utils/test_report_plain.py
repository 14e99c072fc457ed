# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible hands over becomes plain, clean and free of secrets."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import clean, plain, without_secrets


class Tagged(str):
    """A string as ansible-core 2.19 hands them over: of a class of its own."""

    __slots__ = ()


class Lazy(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __getitem__(self, key: str) -> Any:
        return [Tagged("value")]

    def __iter__(self) -> Iterator[str]:
        return iter([Tagged("key")])

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (0.25, 0.25),
        (float("nan"), None),
        (float("inf"), None),
        (Tagged("text"), "text"),
        (b"bytes \xff", "bytes \ufffd"),
        ((1, 2), [1, 2]),
        (OrderedDict(a=Tagged("b")), {"a": "b"}),
        ({1: "number as key"}, {"1": "number as key"}),
        (Lazy(), {"key": ["value"]}),
        (ValueError("an object"), "an object"),
    ],
)
def test_plain(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    json.dumps(found, allow_nan=False)


def test_strings_of_other_classes_become_str() -> None:
    [(key, [value])] = plain(Lazy()).items()
    assert (type(key), type(value)) == (str, str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b(Bplain", "plain"),
        ("nul\x00 bell\x07 return\r\n", "nul bell return\n"),
        ("lone \udcff surrogate", "lone \ufffd surrogate"),
        ("right-to-left \u202e override", "right-to-left \ufffd override"),
        ("\ufffe\uffff", "\ufffd\ufffd"),
        ("Größe 数据 🚀", "Größe 数据 🚀"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": "hunter2"}, {"password": "***"}),
        ({"Admin_Password": "hunter2"}, {"Admin_Password": "***"}),
        ({"shared-secret": 12345}, {"shared-secret": "***"}),
        ({"api_token": {"deep": ["hunter2"]}}, {"api_token": "***"}),
        ({"a": [{"b": {"passwd": "hunter2"}}]}, {"a": [{"b": {"passwd": "***"}}]}),
        ({"password": ""}, {"password": ""}),
        ({"password": None, "secret_set": True}, {"password": None, "secret_set": True}),
        ({"path": "/var/lib", "bytes": 7}, {"path": "/var/lib", "bytes": 7}),
        ('  shared-secret = "hunter2"', "  shared-secret = ***"),
        ('  shared-secret = ""', '  shared-secret = ""'),
        ("-password: hunter2\n+password: 'hunter2 too'", "-password: ***\n+password: ***"),
        ('{"token": "hunter2", "a": 1}', '{"token": ***, "a": 1}'),
        ("INFLUXDB_META_SHARED_SECRET=hunter2 influxd", "INFLUXDB_META_SHARED_SECRET=*** influxd"),
        (
            "GET http://u:hunter2@db:8086/query?u=admin&p=hunter2&q=x",
            "GET http://u:***@db:8086/query?u=admin&p=***&q=x",
        ),
        ("Authorization: Basic aHVudGVyMg==", "Authorization: Basic ***"),
        ("max-row-limit = 10000", "max-row-limit = 10000"),
        ("the secret was not found", "the secret was not found"),
    ],
)
def test_without_secrets(value: Any, expected: Any) -> None:
    assert without_secrets(value) == expected
    assert without_secrets(expected) == expected, "hiding twice changes nothing"
