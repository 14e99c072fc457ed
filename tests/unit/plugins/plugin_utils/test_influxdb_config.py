# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_keys as keys
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_config import Merge, merge, same

FIXTURES = Path(__file__).parents[3] / "fixtures" / "influxd-config"
VERSIONS = ("0.10.3", "0.11.1", "0.12.2", "0.13.0", "1.3.9", "1.4.3", "1.8.10")

PACKAGED = """\
# Whether usage is reported.
# reporting-disabled = false

# Where backups are answered.
# bind-address = "127.0.0.1:8088"

###
### [meta]
###

[meta]
  # The folder of the metadata
  dir = "/var/lib/influxdb/meta"

[data]
  dir = "/var/lib/influxdb/data"
  wal-dir = "/var/lib/influxdb/wal"

  # trace-logging-enabled = false
  # cache-max-memory-size = "1g"

[coordinator]
  # write-timeout = "10s"
  # query-timeout = "0s"

[http]
  # auth-enabled = false
  # shared-secret = ""
  # max-row-limit = 0

[[graphite]]
  # enabled = false
  # bind-address = ":2003"
  # templates = [
  #   "*.app host.measurement",
  # ]

[[collectd]]
  # enabled = false

[[opentsdb]]
  # enabled = false

[[udp]]
  # enabled = false
  # database = "udp"
"""


def defaults(version: str) -> str:
    return (FIXTURES / f"{version}.toml").read_text(encoding="utf-8")


def parsed(text: str) -> dict[str, Any]:
    return dict(tomlkit.parse(text).unwrap())


def merged(old: str, source: str = "0.11.1", target: str = "1.4.3", packaged: str = PACKAGED) -> Merge:
    return merge(old, defaults(source), packaged, source, target)


def ids(result: Merge) -> dict[str, str]:
    return {one["id"]: one["severity"] for one in result.findings}


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("1m", "1m0s", True),
        ("60m", "1h0m0s", True),
        ("168h", "168h0m0s", True),
        ("1.5s", "1500ms", True),
        ("0", "0s", True),
        ("1m", "1m1s", False),
        ("25m", 26214400, True),
        ("25M", 26214400, True),
        ("1g", "1024m", True),
        ("1g", 1073741823, False),
        ("30s", 30000000000, True),
        (524288000, 524288000, True),
        (5, 5.0, True),
        (True, "True", True),
        (True, 1, False),
        (False, 0, False),
        ("", "", True),
        ("", 0, False),
        ("none", "None", False),
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        (None, 0, False),
    ],
)
def test_values_are_compared_by_meaning(left: Any, right: Any, expected: bool) -> None:
    assert same(left, right) is expected
    assert same(right, left) is expected


def test_a_value_of_the_user_goes_below_its_sample() -> None:
    result = merged('[data]\ncache-max-memory-size = "2g" # ours\n')
    sample = '  # cache-max-memory-size = "1g"\n'
    assert result.text == PACKAGED.replace(sample, sample + '  cache-max-memory-size = "2g"\n')
    assert {"key": "[data] cache-max-memory-size", "value": "2g"} in result.carried


@pytest.mark.parametrize(
    "old",
    [
        "",
        '[data]\ncache-max-memory-size = "500m"\n',
        '[retention]\ncheck-interval = "30m"\n',
        "[http]\nauth-enabled = false\n",
        "[[graphite]]\nenabled = false\n",
        '[collectd]\nenabled = false\nbatch-timeout = "10000ms"\n',
        "[[udp]]\n",
    ],
)
def test_what_is_the_old_default_is_left_to_the_new_one(old: str) -> None:
    result = merged(old)
    assert result.text == PACKAGED
    assert result.carried == []
    assert result.renamed == []


@pytest.mark.parametrize(
    ("old", "source", "packaged", "expected"),
    [
        pytest.param('[data]\ndir = "/srv/d"\n', "1.3.9", PACKAGED, ("data", "dir", "/srv/d"), id="the user's"),
        pytest.param(
            "",
            "1.3.9",
            PACKAGED.replace("/var/lib/influxdb/data", "/elsewhere"),
            ("data", "dir", "/var/lib/influxdb/data"),
            id="absent",
        ),
        pytest.param("", "1.3.9", "[http]\n", ("data", "wal-dir", "/var/lib/influxdb/wal"), id="absent in both"),
        pytest.param(
            '[meta]\ndir = "/var/lib/influxdb/meta"\n',
            "1.3.9",
            PACKAGED.replace("/var/lib/influxdb/meta", "/elsewhere"),
            ("meta", "dir", "/var/lib/influxdb/meta"),
            id="the old default, written down",
        ),
    ],
)
def test_the_data_stays_where_it_is(old: str, source: str, packaged: str, expected: tuple[str, str, str]) -> None:
    section, key, path = expected
    result = merged(old, source, packaged=packaged)
    assert parsed(result.text)[section][key] == path
    assert {"key": f"[{section}] {key}", "value": path} in result.carried


def test_folders_that_the_old_program_would_choose_too_are_written_down() -> None:
    """A release without them in its defaults chooses folders below the home of whoever asks it."""
    printed = defaults("1.3.9").replace("/var/lib/influxdb/", "/root/.influxdb/")
    result = merge('[data]\ndir = "/root/.influxdb/data"\n', printed, PACKAGED, "1.3.9", "1.4.3")
    assert parsed(result.text)["data"]["dir"] == "/root/.influxdb/data"
    assert parsed(result.text)["meta"]["dir"] == "/var/lib/influxdb/meta"


@pytest.mark.parametrize("name", keys.LISTENERS)
@pytest.mark.parametrize("source", ["0.10.3", "0.13.0"])
def test_a_listener_that_is_off_is_nobodys_setting(name: str, source: str) -> None:
    """0.10 prints no defaults of [[graphite]] and [[udp]]."""
    assert merged(f"[[{name}]]\nenabled = false\n", source).text == PACKAGED


def test_line_ends_of_windows_are_not_mixed_in() -> None:
    old = "[[graphite]]\r\nenabled = true\r\ntemplates = [\r\n 'a',\r\n]\r\n"
    assert merged(old, packaged=PACKAGED.replace("\n", "\r\n")).text == merged(old.replace("\r", "")).text


@pytest.mark.parametrize(
    ("old", "where", "to", "value"),
    [
        ('[cluster]\nquery-timeout = "5s"\n', "[cluster] query-timeout", ("coordinator", "query-timeout"), "5s"),
        (
            "[data]\ndata-logging-enabled = false\n",
            "[data] data-logging-enabled",
            ("data", "trace-logging-enabled"),
            False,
        ),
        ('[meta]\nbind-address = "10.0.0.1:8088"\n', "[meta] bind-address", ("", "bind-address"), "10.0.0.1:8088"),
        # up to 0.11 the address of [meta] is the one that counts
        ('bind-address = ":1"\n[meta]\nbind-address = ":2"\n', "[meta] bind-address", ("", "bind-address"), ":2"),
    ],
)
def test_a_key_moves_to_its_new_place(old: str, where: str, to: tuple[str, str], value: Any) -> None:
    result = merged(old)
    section, key = to
    text = parsed(result.text)
    assert (text[section] if section else text)[key] == value
    assert result.renamed == [{"from": where, "to": f"[{section}] {key}" if section else key, "value": value}]
    assert result.dropped == []


def test_an_empty_address_of_meta_does_not_move() -> None:
    result = merged('bind-address = ":1"\n[meta]\nbind-address = ""\n')
    assert parsed(result.text)["bind-address"] == ":1"


def test_coordinator_wins_over_cluster() -> None:
    result = merged('[cluster]\nwrite-timeout = "20s"\nquery-timeout = "7s"\n[coordinator]\nwrite-timeout = "30s"\n')
    assert parsed(result.text)["coordinator"] == {"write-timeout": "30s", "query-timeout": "7s"}
    assert [one["key"] for one in result.dropped] == ["[cluster] write-timeout"]
    assert ids(result)["config-set-twice"] == "warning"
    assert "config-dropped" not in ids(result)


@pytest.mark.parametrize(
    ("old", "source", "target", "key", "release", "default"),
    [
        ('[hinted-handoff]\nmax-age = "1h"\n', "0.11.1", "1.4.3", "[hinted-handoff] max-age", "0.12", False),
        ('[hinted-handoff]\nmax-age = "168h"\n', "0.11.1", "1.4.3", "[hinted-handoff] max-age", "0.12", True),
        ('hostname = "n1"\n', "0.11.1", "1.4.3", "hostname", "1.0", False),
        ("[admin]\nenabled = false\n", "0.11.1", "1.4.3", "[admin] enabled", "1.3", False),
        ('[data]\nengine = "bz1"\n', "0.10.3", "1.4.3", "[data] engine", "1.1", False),
        # 0.12 ignores it, although its own sample sets it
        ("[data]\nenabled = true\n", "0.12.2", "1.4.3", "[data] enabled", "0.12", True),
        ("[ifql]\nenabled = true\n", "1.4.3", "1.8.10", "[ifql] enabled", "1.7", False),
        ("[http]\nfrobnicate = 1\n", "1.3.9", "1.4.3", "[http] frobnicate", None, False),
        ("[fancy]\nx = 1\n", "1.3.9", "1.4.3", "[fancy] x", None, False),
        ("http = 1\n", "1.3.9", "1.4.3", "http", None, False),
    ],
)
def test_what_is_no_longer_read_is_dropped_and_told(
    old: str, source: str, target: str, key: str, release: str | None, default: bool
) -> None:
    result = merged(old, source, target)
    assert [(one["key"], one["release"], one["default"]) for one in result.dropped] == [(key, release, default)]
    assert result.dropped[0]["reason"]
    assert result.text == PACKAGED
    warned = "config-unknown" if release is None else "config-dropped"
    assert (ids(result).get(warned) == "warning") is (release is None or not default)


@pytest.mark.parametrize(
    ("old", "source", "target", "where"),
    [
        ("[admin]\nenabled = false\n", "0.11.1", "1.2.4", ("admin", "enabled", False)),
        ('[hinted-handoff]\nmax-age = "1h"\n', "0.10.3", "0.11.1", ("hinted-handoff", "max-age", "1h")),
        ('[cluster]\nquery-timeout = "5s"\n', "0.12.2", "0.13.0", ("cluster", "query-timeout", "5s")),
        ("[ifql]\nenabled = true\n", "1.4.3", "1.6.7", ("ifql", "enabled", True)),
    ],
)
def test_what_the_target_still_reads_is_carried(
    old: str, source: str, target: str, where: tuple[str, str, Any]
) -> None:
    section, key, value = where
    assert parsed(merged(old, source, target).text)[section][key] == value


def test_a_key_that_only_the_packaged_text_knows_is_carried() -> None:
    packaged = PACKAGED.replace("[http]\n", "[http]\n  # brand-new = 1\n")
    result = merged("[http]\nbrand-new = 2\n", "1.3.9", packaged=packaged)
    assert parsed(result.text)["http"]["brand-new"] == 2


def test_headers_of_the_user_are_carried_as_they_are_spelt() -> None:
    result = merged('[http.headers]\nX-Frame-Options = "DENY"\n', "1.8.10", "1.8.10")
    assert parsed(result.text)["http"]["headers"] == {"X-Frame-Options": "DENY"}


def test_keys_are_found_in_any_case() -> None:
    assert parsed(merged("[HTTP]\nAuth-Enabled = true\n").text)["http"]["auth-enabled"] is True


def test_listeners_replace_the_sample_as_a_whole() -> None:
    result = merged(
        "[[graphite]]\nenabled = true\nname-separator = '.'\ntemplates = [\n  'a b', # one\n]\n"
        '[[graphite]]\nenabled = true\nbind-address = ":2004"\n'
        '[[udp]]\nenabled = true\ndatabase = "u"\nudp-payload-size = 100\n'
    )
    text = parsed(result.text)
    assert text["graphite"] == [{"enabled": True, "templates": ["a b"]}, {"enabled": True, "bind-address": ":2004"}]
    assert text["udp"] == [{"enabled": True, "database": "u"}]
    assert "'a b', # one" in result.text
    assert [one["key"] for one in result.dropped] == ["[[graphite]] 1: name-separator", "[[udp]] 1: udp-payload-size"]
    assert {"key": "[[graphite]] 2: bind-address", "value": ":2004"} in result.carried


def test_values_of_the_sample_do_not_stay_beside_the_users_entries() -> None:
    packaged = PACKAGED.replace("[[udp]]\n  # enabled = false\n", "[[udp]]\n  enabled = false\n  batch-size = 1\n")
    assert parsed(merged('[[udp]]\ndatabase = "u"\n', packaged=packaged).text)["udp"] == [{"database": "u"}]


@pytest.mark.parametrize("name", ["collectd", "opentsdb"])
def test_a_plain_listener_becomes_an_array(name: str) -> None:
    result = merged(f"[{name}]\nenabled = true\n")
    assert parsed(result.text)[name] == [{"enabled": True}]
    assert result.renamed == [{"from": f"[{name}]", "to": f"[[{name}]]", "value": None}]


def test_a_plain_listener_stays_plain_for_0_12() -> None:
    packaged = PACKAGED.replace("[[collectd]]", "[collectd]")
    result = merged("[collectd]\nenabled = true\n", "0.11.1", "0.12.2", packaged)
    assert parsed(result.text)["collectd"] == {"enabled": True}
    assert result.renamed == []


def test_defaults_that_change_are_told() -> None:
    result = merged('[cluster]\nwrite-timeout = "5s"\n[data]\ncompact-full-write-cold-duration = "12h"\n')
    told = {one["key"]: (one["old"], one["new"], one["release"]) for one in result.unchanged_defaults_that_change}
    assert told == {
        "[coordinator] write-timeout": ("5s", "10s", "1.0"),
        "[data] max-series-per-database": (None, 1000000, "1.0"),
        "[data] max-values-per-tag": (None, 100000, "1.1"),
        "[data] cache-max-memory-size": (524288000, 1073741824, "1.1"),
        "[data] cache-snapshot-write-cold-duration": ("1h0m0s", "10m", "1.1"),
        "[http] pprof-enabled": (False, True, "1.1"),
        "[http] max-row-limit": (10000, 0, "1.2.2"),
        "bind-address": (":8088", "127.0.0.1:8088", "1.3"),
        "[http] max-body-size": (None, 25000000, "1.4"),
    }


def test_no_default_changes_between_equal_ones() -> None:
    """A program that calls itself older than it is prints defaults that the table does not expect of it."""
    result = merge("", defaults("1.8.10"), PACKAGED, "1.2.4", "1.4.3")
    assert result.unchanged_defaults_that_change == []
    assert "config-backup-address" not in ids(result)
    assert result.text == PACKAGED


@pytest.mark.parametrize(
    ("old", "source", "target", "finding", "severity"),
    [
        ("", "0.11.1", "1.4.3", "config-backup-address", "warning"),
        ('bind-address = ":8088"\n', "0.13.0", "1.3.9", "config-backup-address", "warning"),
        ('bind-address = "10.0.0.1:8088"\n', "0.13.0", "1.3.9", "config-backup-address", None),
        ("", "1.3.9", "1.4.3", "config-backup-address", None),
        ("", "0.13.0", "1.2.4", "config-backup-address", None),
        ("", "1.3.9", "1.4.3", "config-ifql", "info"),
        ("", "1.4.3", "1.8.10", "config-ifql", None),
        ("", "1.3.9", "1.8.10", "config-ifql", None),
        ("[http]\nmax-row-limit = 10000\n", "0.12.2", "1.4.3", "config-max-row-limit", "info"),
        ("[http]\nmax-row-limit = 10000\n", "1.3.9", "1.4.3", "config-max-row-limit", "warning"),
        ("[http]\nmax-row-limit = 500\n", "0.12.2", "1.4.3", "config-max-row-limit", "warning"),
        ("[http]\nmax-row-limit = 500\n", "1.3.9", "1.4.3", "config-max-row-limit", None),
        ("[http]\nmax-row-limit = 0\n", "0.12.2", "1.4.3", "config-max-row-limit", None),
        ("", "0.12.2", "1.4.3", "config-max-row-limit", None),
        ("", "0.13.0", "1.0.2", "series-limits", "warning"),
        ("", "1.3.9", "1.4.3", "series-limits", None),
        ("[admin]\nenabled = true\n", "0.12.2", "1.3.9", "config-admin", "warning"),
        ("[admin]\nenabled = false\n", "0.12.2", "1.3.9", "config-admin", None),
        ("[admin]\nenabled = true\n", "1.3.9", "1.4.3", "config-admin", None),
    ],
)
def test_findings(old: str, source: str, target: str, finding: str, severity: str | None) -> None:
    assert ids(merged(old, source, target)).get(finding) == severity


def test_the_old_default_row_limit_is_not_carried() -> None:
    assert merged("[http]\nmax-row-limit = 10000\n", "0.12.2").text == PACKAGED


def test_no_secret_is_reported() -> None:
    old = '[http]\nshared-secret = "hunter2"\n[hinted-handoff]\ntoken = "hunter2"\n[[udp]]\nenabled = true\npassword = "hunter2"\n'
    result = merged(old)
    assert parsed(result.text)["http"]["shared-secret"] == "hunter2"
    told = (result.carried, result.renamed, result.dropped, result.unchanged_defaults_that_change, result.findings)
    assert "hunter2" not in repr(told)
    assert {"key": "[http] shared-secret", "value": "***"} in result.carried


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        (("a = ", "", ""), "The configuration is not valid TOML"),
        (("", "a = ", ""), "of the old release prints is not valid TOML"),
        (("", "", "a = "), "The packaged configuration of the new release is not valid TOML"),
    ],
)
def test_the_text_with_the_mistake_is_named(texts: tuple[str, str, str], named: str) -> None:
    with pytest.raises(FleetError, match=named):
        merge(*texts, "1.3.9", "1.4.3")


@pytest.mark.parametrize(
    ("packaged", "message"),
    [
        ('[subscriber]\nca-certs = """\n[http]\n"""\n', r"cannot take \[http\] auth-enabled"),
        ("http = { enabled = true }\n", "The merged configuration is not valid TOML"),
    ],
)
def test_a_text_that_cannot_take_a_value_is_refused(packaged: str, message: str) -> None:
    with pytest.raises(FleetError, match=message):
        merged("[http]\nauth-enabled = true\n", packaged=packaged)


def changed(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 7
    return "77s" if value[:1].isdigit() else f"{value}-ours"


def all_changed(text: str) -> dict[str, Any]:
    document = parsed(text)
    for section, table in document.items():
        for part in table if isinstance(table, list) else [table]:
            if isinstance(part, dict):
                part.update({key: changed(value) for key, value in part.items()})
        if not isinstance(table, (dict, list)):
            document[section] = changed(table)
    return document


PAIRS = [*itertools.combinations(VERSIONS, 2), ("1.3.9", "1.3.9")]


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("sample", ["packaged", "printed"])
def test_every_changed_value_is_carried_moved_or_told(source: str, target: str, sample: str) -> None:
    old = all_changed(defaults(source))
    packaged = PACKAGED if sample == "packaged" else defaults(target)
    result = merge(tomlkit.dumps(old), defaults(source), packaged, source, target)
    text = parsed(result.text)
    dropped = {one["key"] for one in result.dropped}
    moved = {one["from"]: one["to"] for one in result.renamed}
    for section, table in old.items():
        if section in keys.LISTENERS:
            (mine,) = table if isinstance(table, list) else [table]
            (theirs,) = text[section] if isinstance(text[section], list) else [text[section]]
            assert theirs == {key: value for key, value in mine.items() if f"[[{section}]] 1: {key}" not in dropped}
            continue
        for key, value in table.items() if isinstance(table, dict) else [(section, table)]:
            name = f"[{section}] {key.lower()}" if isinstance(table, dict) else key
            if name in dropped or name == "bind-address":
                continue
            head, _space, last = str(moved.get(name, name)).rpartition(" ")
            assert (text[head.strip("[]")] if head else text)[last] == value, name


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("sample", ["packaged", "printed"])
@pytest.mark.parametrize("whose", ["defaults", "changed"])
def test_merging_again_changes_nothing(source: str, target: str, sample: str, whose: str) -> None:
    old = defaults(source) if whose == "defaults" else tomlkit.dumps(all_changed(defaults(source)))
    packaged = PACKAGED if sample == "packaged" else defaults(target)
    once = merge(old, defaults(source), packaged, source, target)
    again = merge(once.text, defaults(source), packaged, source, target)
    assert again.text == once.text


def test_sections_that_the_packaged_text_lacks_keep_their_order() -> None:
    old = '[coordinator]\nwrite-timeout = "30s"\n[http]\nauth-enabled = true\n[http.headers]\nX-One = "1"\n'
    once = merge(old, defaults("1.8.10"), "[http]\n", "1.8.10", "1.8.10")
    assert merge(once.text, defaults("1.8.10"), "[http]\n", "1.8.10", "1.8.10").text == once.text


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_knows_every_key_that_a_release_prints(version: str) -> None:
    for section, table in parsed(defaults(version)).items():
        tables = table if isinstance(table, list) else [table]
        names = [(section, key.lower()) for one in tables if isinstance(one, dict) for key in one] or [("", section)]
        assert [name for name in names if not keys.is_known(name)] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_no_release_prints_a_key_that_the_table_calls_gone(version: str) -> None:
    gone = []
    for section, table in parsed(defaults(version)).items():
        names = [(section, key.lower()) for key in table] if isinstance(table, dict) else [("", section)]
        gone += [
            name
            for name in names
            if keys.removal(name, keys.release(version)) or keys.move(name, keys.release(version))
        ]
    assert gone == []


@pytest.mark.parametrize("change", keys.DEFAULT_CHANGES, ids=lambda change: change.place[1])
def test_the_table_agrees_with_what_releases_print(change: keys.DefaultChange) -> None:
    section, key = change.place
    for version in VERSIONS:
        printed = parsed(defaults(version))
        table = printed.get(section, {}) if section else printed
        if key in table:
            assert same(table[key], change.new if keys.release(version) >= change.release else change.old), version
