# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small parts of the stand-in: durations, JSON, configuration, queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from influxdb_sim import config, durations, gojson, users
from influxdb_sim import query as language
from influxdb_sim.errors import ApiError, HandlerPanic

NOW = 1400000000.0
SECOND = 1000000
POINTS: list[Any] = [
    (3 * SECOND, 30001, {"host": "b", "v": 5.0}),
    (2 * SECOND, 20001, {"host": "a", "v": 3.0}),
    (1 * SECOND, 10001, {"host": "a"}),
]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("100ms", 0.1), ("1m30s", 90), ("1.5h", 5400), ("0", 0), ("2us", 2e-6), ("2µs", 2e-6), ("5ns", 5e-9), ("-1s", -1)],
)
def test_durations_of_go(text: str, seconds: float) -> None:
    assert durations.go_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["u", "1u", "1", "1d", "", "banana", "1s ", "-"])
def test_what_is_no_duration_of_go(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        durations.go_seconds(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1u", 1), ("2ms", 2000), ("7d", 7 * 86400 * SECOND), ("1.5h", 5400 * SECOND), ("1y", 365 * 86400 * SECOND)],
)
def test_durations_of_shard_spaces(text: str, wanted: int) -> None:
    assert durations.microseconds(text) == wanted


def test_retention_may_be_without_end() -> None:
    assert durations.retention("inf") is None
    assert durations.retention("") is None
    assert durations.retention("1d") == 86400 * SECOND


def test_a_single_character_is_a_panic_and_other_nonsense_an_error() -> None:
    with pytest.raises(HandlerPanic):
        durations.microseconds("d")
    with pytest.raises(ValueError, match=r"Rat\.Scan: invalid syntax"):
        durations.microseconds("7 days")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float(2**63), "9223372036854776000"),
        (-1.0, "-1"),
        (0.5, "0.5"),
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
        ([None, True, "ü<&>\n"], '[null,true,"ü\\u003c\\u0026\\u003e\\n"]'),
        ({"b": 1, "a": {}}, '{"a":{},"b":1}'),
    ],
)
def test_json_as_go_writes_it(value: Any, text: str) -> None:
    assert gojson.dumps(value) == text


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "EOF"),
        (b'{"name": "x", ', "unexpected EOF"),
        (b'{"name": "x', "unexpected EOF"),
        (b"{bad", "invalid character 'b' looking for beginning of object key string"),
        (b"[bad]", "invalid character 'b' looking for beginning of value"),
    ],
)
def test_complaints_about_json_are_those_of_go(body: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        gojson.loads(body)


def test_settings_are_read_and_others_ignored(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '# a comment\nhostname = "db#1" # its name\n[api]\nport = 1\n  [a.b-c]\n  x = ["y"]\n', encoding="ascii"
    )
    read = config.Config(str(file))
    assert (read.hostname, read.get("api", "port", 8086), read.get("a.b-c", "x", [])) == ("db#1", 1, ["y"])
    assert read.connect_strings == ("http://db#1:8090", "db#1:8099")
    assert read.shard_duration("short-term") == 7 * 86400 * SECOND


def test_a_line_that_is_no_setting_is_an_error() -> None:
    for text in ("[api]\nport", "port = x"):
        with pytest.raises(ValueError, match=r"^Near line \d: cannot read"):
            config.parse(text)


def rows(text: str) -> list[list[Any]]:
    return language.parse(text, NOW).table(list(POINTS))[1]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("select * from x", [[3 * SECOND, 30001, "b", 5.0], [2 * SECOND, 20001, "a", 3.0], [SECOND, 10001, "a", None]]),
        ("select v from x", [[3 * SECOND, 30001, 5.0], [2 * SECOND, 20001, 3.0]]),
        ("select v, host from x limit 1", [[3 * SECOND, 30001, 5.0, "b"]]),
        ("select v from x order asc limit 1", [[2 * SECOND, 20001, 3.0]]),
        ("select count(v) from x", [[0, 2.0]]),
        ("select count(host) from x where host = 'a'", [[0, 2.0]]),
        ("select sum(v) from x where v > 3", [[0, 5.0]]),
        ("select mean(v) from x group by time(10s)", [[0, 4.0]]),
        ("select max(v) from x group by time(2s)", [[2 * SECOND, 5.0]]),
        ("select count(host) from x group by time(2s)", [[2 * SECOND, 2.0], [0, 1.0]]),
        ("select first(v) from x", [[0, 3.0]]),
        ("select last(v) from x", [[0, 5.0]]),
        ("select v from x where time > 2s", [[3 * SECOND, 30001, 5.0]]),
        ("select v from x where time >= 2s and time < 3000000", [[2 * SECOND, 20001, 3.0]]),
        ("select v from x where time < '1970-01-01 00:00:02.500'", [[2 * SECOND, 20001, 3.0]]),
        ("select count(v) from x where time > now() - 1h", []),
        ("select count(missing) from x", []),
    ],
)
def test_rows_of_queries(text: str, wanted: list[list[Any]]) -> None:
    assert rows(text) == wanted


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ('select * from "m one"', "m one", True),
        ('select * from "m one"', "m one more", False),
        ("select * from cpu.1h", "cpu.1h", True),
        ("select * from /^c/", "cpu", True),
        ("select * from /^C/i", "cpu", True),
        ("list series /^m/", "cpu", False),
        ("delete from cpu where time < 5", "cpu", True),
        ('drop series "cpu"', "cpu", True),
    ],
)
def test_series_of_queries(text: str, name: str, wanted: bool) -> None:
    assert language.parse(text, NOW).wants(name) is wanted


@pytest.mark.parametrize(
    "text", ["", "selec * from x", "select * from", "select * from x where v", "list", "select * from x $"]
)
def test_what_is_no_query(text: str) -> None:
    with pytest.raises(ValueError, match="Error at 1:"):
        language.parse(text, NOW)


def test_a_delete_is_by_time_only() -> None:
    with pytest.raises(ValueError, match="Delete queries"):
        language.parse("delete from x where host = 'a'", NOW)


@pytest.mark.parametrize(
    ("header", "status", "text"),
    [
        ("", 401, "Invalid database/username/password"),
        ("Bearer x", 400, "Bad auth header"),
        ("Basic YQ", 400, "Bad encoding"),
        ("Basic YTpiOmM=", 400, "Bad auth value"),
    ],
)
def test_credentials_that_cannot_be_read(header: str, status: int, text: str) -> None:
    with pytest.raises(ApiError, match=text) as caught:
        users.credentials({"u": "root"}, header)
    assert caught.value.status == status
