# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _toml_text as toml

SHEET = """\
# The top of the file
# name = "x"

### [one] in a banner

[one]
  # What a is for. a = 1 is usual.
  # a = 1

  b = 2 # why b
  # list = [
  #   "x",
  # ]

### [two]
# [two]
#   c = 3

[[many]]
  # d = 4
  enabled = false
"""


@pytest.mark.parametrize(
    ("section", "key", "value", "before", "after"),
    [
        pytest.param("", "name", '"y"', '# name = "x"\n', '# name = "x"\nname = "y"\n', id="below its sample"),
        pytest.param(
            "", "other", "1", '# name = "x"\n', '# name = "x"\nother = 1\n', id="below the last key of the top"
        ),
        pytest.param("one", "a", "9", "  # a = 1\n", "  # a = 1\n  a = 9\n", id="below its sample, not below prose"),
        pytest.param(
            "one", "b", "9", "  b = 2 # why b\n", "  b = 9 # why b\n", id="replaces a value and keeps its comment"
        ),
        pytest.param(
            "one", "list", '["y"]', "  # ]\n", '  # ]\n  list = ["y"]\n', id="below a sample of several lines"
        ),
        pytest.param("one", "new", "1", "  # ]\n", "  # ]\n  new = 1\n", id="below the last key of its section"),
        pytest.param(
            "two",
            "c",
            "9",
            "# [two]\n#   c = 3\n",
            "# [two]\n[two]\n#   c = 3\nc = 9\n",
            id="opens a commented section",
        ),
        pytest.param(
            "three", "x", "1", "  enabled = false\n", "  enabled = false\n\n[three]\n  x = 1\n", id="makes a section"
        ),
    ],
)
def test_a_value_goes_beside_its_sample_and_nothing_else_moves(
    section: str, key: str, value: str, before: str, after: str
) -> None:
    sheet = toml.Sheet(SHEET)
    sheet.put(section, key, value)
    assert str(sheet) == SHEET.replace(before, after)


def test_a_long_value_is_replaced_as_a_whole() -> None:
    sheet = toml.Sheet('[a]\n  list = [\n    "x", # one\n  ]\n  end = 1\n')
    sheet.put("a", "list", '["y"]')
    assert str(sheet) == '[a]\n  list = ["y"]\n  end = 1\n'


def test_a_section_with_values_under_a_commented_header_is_not_torn_apart() -> None:
    sheet = toml.Sheet("[a]\nx = 1\n# [b]\ny = 2\n")
    sheet.put("b", "z", "3")
    assert str(sheet) == "[a]\nx = 1\n# [b]\ny = 2\n\n[b]\n  z = 3\n"


def test_the_first_value_of_an_empty_text() -> None:
    sheet = toml.Sheet("")
    sheet.put("", "a", "1")
    assert str(sheet) == "a = 1\n"


@pytest.mark.parametrize(
    ("text", "entries", "expected"),
    [
        pytest.param(
            "[[many]]\n  # d = 4\n  enabled = false\n\n[end]\n",
            [{"d": "5"}, {"d": "6", "e": "7"}],
            "[[many]]\n  # d = 4\n  d = 5\n\n[[many]]\n  d = 6\n  e = 7\n\n[end]\n",
            id="the sample's own values go, further entries follow",
        ),
        pytest.param(
            "[[many]]\n  d = 1\n[[many]]\n  d = 2\n", [{"d": "3"}], "[[many]]\n  d = 3\n", id="further samples go"
        ),
        pytest.param(
            "# [[many]]\n#  d = 1\n", [{"d": "3"}], "# [[many]]\n[[many]]\n#  d = 1\nd = 3\n", id="a commented sample"
        ),
        pytest.param("x = 1\n", [{"d": "3"}], "x = 1\n\n[[many]]\n  d = 3\n", id="no sample"),
    ],
)
def test_entries_replace_the_sample(text: str, entries: list[dict[str, str]], expected: str) -> None:
    sheet = toml.Sheet(text)
    sheet.replace_array("many", entries)
    assert str(sheet) == expected


def test_old_releases_want_a_plain_table() -> None:
    sheet = toml.Sheet("x = 1\n")
    sheet.replace_array("collectd", [{"enabled": "true"}], single=True)
    assert str(sheet) == "x = 1\n\n[collectd]\n  enabled = true\n"


@pytest.mark.parametrize(
    ("section", "key", "known"),
    [
        ("one", "a", True),
        ("one", "b", True),
        ("two", "c", True),
        ("one", "c", False),
        ("", "name", True),
        ("one", "usual", False),
    ],
)
def test_a_text_knows_the_keys_of_its_values_and_samples(section: str, key: str, known: bool) -> None:
    assert toml.Sheet(SHEET).mentions(section, key) is known


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('shared-secret = "x"', "shared-secret = ***"),
        ('  # shared-secret = "old"', "  # shared-secret = ***"),
        ('shared-secret = "a\\"b" # was c', "shared-secret = ***"),
        ("shared-secret='x'\nport = 1", "shared-secret=***\nport = 1"),
        ('"http.Shared-Secret" = "x"', '"http.Shared-Secret" = ***'),
        ('password = """a\nb"""\nc = 1', "password = ***\nc = 1"),
        ('tokens = [\n "a",\n "b" ]\nc = 1', "tokens = ***\nc = 1"),
        ('http = { credential = "x" }', "http = { credential = ***"),
        ('password = ""', 'password = ""'),
        ("# shared-secret = ''", "# shared-secret = ''"),
        ('password = "" # was "x"', "password = ***"),
        ("# The secret of a token is kept", "# The secret of a token is kept"),
        ('https-private-key = "/etc/key"', 'https-private-key = "/etc/key"'),
    ],
)
def test_secrets_are_never_shown(text: str, shown: str) -> None:
    assert toml.mask(text) == shown


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = 1\nb = yes\n", "line 2, column 5"),
        ("[a]\nb = 1\n[a]\n", "line 3"),
        ("a = 007\n", "line 1"),
        ("a = 1\na = 2\n", 'Key "a" already exists'),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, place: str) -> None:
    with pytest.raises(FleetError) as caught:
        toml.parse(text, "/etc/influxdb/influxdb.conf")
    assert "/etc/influxdb/influxdb.conf is not valid TOML at " in str(caught.value)
    assert place in str(caught.value)


def test_a_mistake_is_told_without_the_value() -> None:
    with pytest.raises(FleetError) as caught:
        toml.parse('shared-secret = "hunter2', "The configuration")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xef\xbb\xbfa = 1", "byte order mark (UTF-8)"),
        ("a = 1".encode("utf-16"), "byte order mark (UTF-16)"),
        (b"\xfe\xff\x00a", "byte order mark (UTF-16)"),
        (b"a = '\xe9'", "not UTF-8 (byte 6)"),
    ],
)
def test_another_encoding_is_refused(data: bytes, found: str) -> None:
    with pytest.raises(FleetError) as caught:
        toml.decode(data, "the file")
    assert found in str(caught.value)
    assert "UTF-8 without a byte order mark" in str(caught.value)


@pytest.mark.parametrize("text", ["\ufeffa = 1", "a\x00 \x00=\x00"])
def test_another_encoding_is_refused_in_text_too(text: str) -> None:
    with pytest.raises(FleetError, match="byte order mark"):
        toml.parse(text, "the file")


def test_text_is_text() -> None:
    assert toml.decode("a = 'é'".encode(), "the file") == "a = 'é'"
    assert toml.parse("a = 1\r\nb = 2\r\n", "the file") == {"a": 1, "b": 2}


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toml, "HAS_TOMLKIT", False)
    with pytest.raises(FleetError, match="tomlkit is missing on the Ansible controller"):
        toml.parse("", "the file")
