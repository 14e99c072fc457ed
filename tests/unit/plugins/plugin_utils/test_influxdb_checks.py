# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_checks import (
    BACKUP_KINDS,
    CHECKS,
    check,
    series_limits,
)

GIB = 1024**3

GOOD: dict[str, Any] = {
    "version": "1.3.9",
    "installed_version": "1.3.9",
    "package": {"manager": "dpkg", "name": "influxdb", "version": "1.3.9-1", "arch": "amd64"},
    "service": {
        "name": "influxdb",
        "manager": "systemd",
        "exists": True,
        "active": True,
        "user": "influxdb",
        "group": "influxdb",
    },
    "processes": [{"pid": 7, "user": "influxdb", "service": True}],
    "config_path": "/etc/influxdb/influxdb.conf",
    "config_error": None,
    "settings": {"meta_dir": "/var/lib/influxdb/meta"},
    "config_findings": [],
    "api": {"reached": True, "reason": None, "message": "", "version": "1.3.9", "auth_enabled": False},
    "shards": {
        "formats": {"tsm1": 4, "b1": 0, "bz1": 0, "wal_only": 1, "unknown": 0},
        "tsi1": [],
        "b1": [],
        "others": [],
        "shards": [{"database": "metrics", "policy": "autogen", "id": 1, "format": "tsm1", "bytes": 5}],
        "data_free": 1000,
        "data_bytes": 8 * GIB,
        "wal_bytes": 1 * GIB,
        "meta_bytes": 1024,
    },
    "owners": {
        part: {"path": f"/var/lib/influxdb/{part}", "user": "influxdb", "foreign": 0, "first_foreign": None}
        for part in ("meta", "data", "wal")
    },
    "rollback": {"available": True, "source": "cache", "reason": None},
    "backup_kind": "metadata",
    "peers": [],
    "raft_db": False,
    "meta_db": True,
    "trap": {},
    "convert_shards": False,
    "server": {"metadata": {"databases": [{"name": "_internal"}, {"name": "metrics"}]}},
}


def node(**changes: Any) -> dict[str, Any]:
    """Return a node without a fault, with some of its facts changed: shards__tsi1 is the fact shards.tsi1."""
    made = copy.deepcopy(GOOD)
    for name, value in changes.items():
        *path, last = name.split("__")
        part = made
        for step in path:
            part = part[step]
        part[last] = value
    return made


def told(facts: dict[str, Any], target: str = "1.4.3") -> list[tuple[str, str]]:
    return [(one["id"], one["severity"]) for one in check(facts, target)]


def test_nothing_is_found_on_a_node_without_a_fault() -> None:
    assert told(GOOD) == []


def silent(reason: str | None, message: str | None = None) -> dict[str, Any]:
    """Return what is known of a server that gave no answer."""
    return {"reached": False, "reason": reason, "message": message}


STRANGER = {"pid": 9, "user": "root", "service": False}

B1 = [{"database": "metrics", "policy": "autogen", "id": 1, "format": "b1", "bytes": 800}]
TO_CONVERT = {"shards__formats": {"b1": 1}, "shards__shards": B1, "convert_shards": True}
EMPTY: dict[str, Any] = {"metadata": {"databases": [{"name": "_internal"}]}}

ALONGSIDE = {"shards-room": ("shards-convert",)}
"""What has to be found, too, where a check fires."""

FIRES = [
    ("metastore-trap", "warning", "1.4.3", {"trap": {"installed": "1.4.3"}}, "1.4.3 was installed over the raft.db"),
    ("metastore-lost", "blocker", "1.4.3", {"server": EMPTY}, "with its policies: metrics (autogen)"),
    (
        "metastore-gone",
        "error",
        "0.11.1",
        {"version": "0.11.0", "package__version": "0.11.0"},
        "was removed while the server runs",
    ),
    ("shards-convert", "warning", "1.4.3", TO_CONVERT, "1 shard in b1 format, 800 bytes"),
    ("shards-room", "error", "1.4.3", {**TO_CONVERT, "shards__data_free": 799}, "799 are free"),
    ("shards-interrupted", "error", "1.4.3", {"shards__others": ["/d/m/a/7.tsm", "/d/m/a/x"]}, "left: /d/m/a/7.tsm."),
    ("metastore-raft", "error", "1.4.3", {"raft_db": True}, "1.3.9 is installed, and the metadata folder still holds"),
    ("metastore-cluster", "error", "1.4.3", {"peers": ["a:8088", "b:8088"]}, "one of a cluster of 2 (a:8088, b:8088)"),
    ("service-unknown", "error", "1.4.3", {"service__exists": False, "service__active": False}, "no service influxdb"),
    ("service-not-running", "error", "1.4.3", {"service__active": False, "processes": []}, "is not running"),
    (
        "process-foreign",
        "error",
        "1.4.3",
        {"service__active": False, "processes": [STRANGER]},
        "process 9 of user root",
    ),
    (
        "package-none",
        "error",
        "1.4.3",
        {"package": {"manager": None, "name": None, "version": None}},
        "not installed from a package",
    ),
    ("package-mismatch", "error", "1.4.3", {"package__version": "1.2.4-1"}, "1.2.4-1, the running server is 1.3.9"),
    (
        "config-unreadable",
        "error",
        "1.4.3",
        {"config_error": "line 3", "settings": None},
        "influxdb.conf cannot be used: line 3",
    ),
    ("config-unreadable", "error", "1.4.3", {"settings": None}, "was not read"),
    ("api-credentials", "error", "1.4.3", {"api": silent("credentials")}, "could not be asked over HTTP"),
    ("api-tls", "error", "1.4.3", {"api": silent("tls")}, "could not be asked over HTTP"),
    ("api-unreachable", "error", "1.4.3", {"api": silent("unreachable")}, "could not be asked over HTTP"),
    ("api-unreachable", "error", "1.4.3", {"api": silent("server")}, "could not be asked over HTTP"),
    ("api-unreachable", "error", "1.4.3", {"api": silent("library")}, "could not be asked over HTTP"),
    ("api-unreachable", "error", "1.4.3", {"api": silent(None, "MODULE FAILURE")}, "MODULE FAILURE"),
    (
        "shards-b1",
        "error",
        "1.4.3",
        {"shards__formats": {"b1": 2}, "shards__b1": ["/a", "/b"]},
        "2 shards in b1 format, 0 bytes: /a, /b. 1.4.3 opens",
    ),
    (
        "shards-b1",
        "error",
        "1.4.3",
        {"shards__formats": {"b1": 1, "bz1": 3}, "shards__b1": list("abcd")},
        "a, b, c and 1 more",
    ),
    ("shards-unknown", "error", "1.4.3", {"shards__formats": {"unknown": 1}}, "no known format"),
    ("index-tsi1", "blocker", "1.4.3", {"shards__tsi1": ["/d/1/index"]}, "1 shard with a tsi1 index of 1.3"),
    (
        "ownership-meta",
        "blocker",
        "1.4.3",
        {"owners__meta__foreign": 3, "owners__meta__first_foreign": "/m/x"},
        "first of them /m/x",
    ),
    (
        "ownership-data",
        "blocker",
        "1.4.3",
        {"owners__data__foreign": 3},
        "3 files in /var/lib/influxdb/data not owned by the service's user influxdb",
    ),
    (
        "ownership-wal",
        "blocker",
        "1.4.3",
        {"owners__wal__user": "root"},
        "belongs to root, the service runs as influxdb",
    ),
    ("backup-kind", "error", "1.8.10", {"backup_kind": "portable"}, "1.5 is the first release that can"),
    ("backup-kind", "error", "1.4.3", {"backup_kind": "magic"}, "expected one of metadata, legacy, portable"),
    ("rollback-none", "blocker", "1.4.3", {"rollback": {"available": False, "reason": "gone"}}, "gone"),
]


@pytest.mark.parametrize(("id_", "severity", "target", "facts", "message"), FIRES)
def test_a_check_fires_alone(id_: str, severity: str, target: str, facts: dict[str, Any], message: str) -> None:
    found = [one for one in check(node(**facts), target) if one["id"] not in ALONGSIDE.get(id_, ())]
    assert [(one["id"], one["severity"]) for one in found] == [(id_, severity)]
    assert message in found[0]["message"]
    assert found[0]["remedy"]


@pytest.mark.parametrize(
    ("target", "facts"),
    [
        pytest.param(
            "1.4.3", {"package__version": "1.4.3-1"}, id="the target's package, as an interrupted run leaves it"
        ),
        pytest.param("1.4.3", {"package__version": "1.3.9"}, id="a package without iteration"),
        pytest.param(
            "1.4.3", {"version": "1.2.4", "package__version": "1.2.4-1", "shards__tsi1": ["/x"]}, id="tsi1 before 1.3"
        ),
        pytest.param("1.3.9", {"shards__tsi1": ["/x"]}, id="tsi1 within 1.3"),
        pytest.param(
            "1.8.10",
            {"version": "1.5.4", "package__version": "1.5.4-1", "shards__tsi1": ["/x"]},
            id="tsi1 of a later release",
        ),
        pytest.param(
            "0.10.3",
            {"version": "0.10.2", "package__version": "0.10.2", "shards__formats": {"b1": 1}, "raft_db": True},
            id="b1 within 0.10",
        ),
        pytest.param("1.4.3", {"backup_kind": "none-acknowledged"}, id="no backup, on purpose"),
        pytest.param(
            "1.8.10",
            {
                "version": "1.5.0",
                "package__version": "1.5.0-1",
                "backup_kind": "portable",
            },
            id="a portable backup from 1.5 on",
        ),
    ],
)
def test_a_check_does_not_fire(target: str, facts: dict[str, Any]) -> None:
    assert told(node(**facts), target) == []


OF_SHARDS = ("shards-b1", "shards-convert", "shards-room")
OF_METADATA = ("metastore-raft", "metastore-lost", "metastore-gone")

CANNOT_LOOK = [
    ("raft_db", {"metastore-raft", "metastore-lost", "metastore-gone"}),
    ("peers", {"metastore-cluster"}),
    ("trap", {"metastore-trap"}),
    ("service__exists", {"service-unknown", "service-not-running"}),
    ("service__active", {"service-not-running"}),
    ("service__user", {"ownership-meta", "ownership-data", "ownership-wal"}),
    ("processes", {"process-foreign"}),
    ("package", {"package-none", "package-mismatch"}),
    ("config_path", {"config-unreadable"}),
    ("config_findings", {"config-findings"}),
    ("api", {"api-credentials", "api-tls", "api-unreachable"}),
    ("api__reached", {"api-credentials", "api-tls", "api-unreachable"}),
    ("shards", {*OF_SHARDS, "shards-unknown", "shards-interrupted", "index-tsi1", "metastore-lost"}),
    ("shards__formats", {*OF_SHARDS, "shards-unknown"}),
    ("shards__shards", {*OF_SHARDS, "metastore-lost"}),
    ("shards__data_free", {"shards-room"}),
    ("shards__others", {"shards-interrupted"}),
    ("shards__tsi1", {"index-tsi1"}),
    ("owners__wal", {"ownership-wal"}),
    ("owners__meta__foreign", {"ownership-meta"}),
    ("rollback", {"rollback-none"}),
    ("backup_kind", {"backup-kind"}),
    (
        "version",
        {"package-mismatch", "shards-b1", "shards-convert", "index-tsi1", "series-limits", "backup-kind", *OF_METADATA},
    ),
]


@pytest.mark.parametrize(("fact", "checks"), CANNOT_LOOK)
def test_what_could_not_be_seen_never_passes(fact: str, checks: set[str]) -> None:
    assert set(told(node(**{fact: None}))) == {(f"{name}-unchecked", "error") for name in checks}


def test_every_check_can_fire_and_can_fail_to_look() -> None:
    names = {one.id for one in CHECKS}
    assert names == {case[0] for case in FIRES} | {"series-limits"}
    assert names | {"config-findings"} == set().union(*(checks for _fact, checks in CANNOT_LOOK))
    assert set(told({})) == {(f"{name}-unchecked", "error") for name in names | {"config-findings"}}


@pytest.mark.parametrize(
    ("source", "target", "limits"),
    [
        (
            (0, 13, 0),
            (1, 4, 3),
            "max-series-per-database = 1000000 (from 1.0) and max-values-per-tag = 100000 (from 1.1)",
        ),
        ((1, 0, 2), (1, 1, 5), "limits max-values-per-tag = 100000 (from 1.1)"),
        ((0, 13, 0), (1, 0, 0), "limits max-series-per-database = 1000000 (from 1.0)."),
        ((1, 1, 0), (1, 4, 3), None),
        ((0, 11, 1), (0, 12, 2), None),
    ],
)
def test_series_limits(source: tuple[int, ...], target: tuple[int, ...], limits: str | None) -> None:
    found = series_limits(source, target)
    assert found is None if limits is None else found is not None and limits in found["message"]


def test_findings_of_the_configuration_are_passed_on_once() -> None:
    limits = series_limits((0, 13, 0), (1, 4, 3))
    other = {"id": "config-admin", "severity": "warning", "message": "m", "remedy": "r"}
    facts = node(version="0.13.0", package__version="0.13.0-1", config_findings=[limits, other])
    assert told(facts) == [("series-limits", "warning"), ("config-admin", "warning")]


def test_an_unreadable_configuration_is_told_once() -> None:
    assert told(node(config_error="no TOML", settings=None, config_findings=None)) == [("config-unreadable", "error")]


@pytest.mark.parametrize(("target", "tool"), [("1.4.3", "inmem2tsi"), ("1.8.10", "buildtsi")])
def test_the_remedy_for_an_old_index_names_a_command_that_the_target_has(target: str, tool: str) -> None:
    (found,) = check(node(shards__tsi1=["/x"]), target)
    assert tool in found["remedy"]


def test_the_remedy_for_foreign_files_is_a_command() -> None:
    (found,) = check(node(owners__wal__foreign=1), "1.4.3")
    assert "chown -R influxdb:influxdb /var/lib/influxdb/wal" in found["remedy"]


@pytest.mark.parametrize(
    ("facts", "message", "remedy"),
    [
        (
            {
                "api": silent(
                    "credentials", "The server refuses the credentials: x. Expected: an administrator. What to do: y."
                )
            },
            "The server refuses the credentials: x",
            "influxdb_admin_user",
        ),
        (
            {
                "api": silent(
                    "tls", "https://a:1 cannot be trusted: why. Expected: a valid certificate. What to do: set ca_path."
                )
            },
            "https://a:1 cannot be trusted: why",
            "influxdb_ca_path",
        ),
        (
            {"api": silent("library", "Failed to import (influxdb) on a's Python. Please read.")},
            "Failed to import (influxdb) on a's Python. Please read",
            "influxdb_api_delegate",
        ),
        (
            {
                "api": silent(
                    "unreachable", "http://a:1 does not answer: timed out. Expected: a server. What to do: check ssl."
                )
            },
            "http://a:1 does not answer: timed out",
            "influxdb_timeout",
        ),
        (
            {
                "api": silent(
                    "server", "http://a:1 answers 404: no. Expected: an answer. What to do: see the log of the server."
                )
            },
            "http://a:1 answers 404: no",
            "influxdb_api_port",
        ),
        (
            {"config_error": "The port is 'x'. Expected: a number. What to do: correct it.", "settings": None},
            "The configuration /etc/influxdb/influxdb.conf cannot be used: The port is 'x'. Expected: a number",
            "correct it; if influxd reads another file, set influxdb_config_path to it",
        ),
        ({"settings": None}, "The configuration /etc/influxdb/influxdb.conf was not read", "correct the file"),
        (
            {
                "rollback": {
                    "available": False,
                    "reason": "It cannot be had. cache: none. Expected: one. What to do: name path.",
                }
            },
            "It cannot be had. cache: none",
            "fleet_rollback_package",
        ),
        ({"service__exists": False, "service__active": False}, "There is no service influxdb", "influxdb_service"),
        ({"backup_kind": "portable"}, "influxd 1.3.9 cannot make a portable backup", "influxdb_backup"),
    ],
)
def test_a_finding_says_once_what_to_do_and_names_variables(facts: dict[str, Any], message: str, remedy: str) -> None:
    (found,) = check(node(**facts), "1.4.3")
    assert found["message"].partition(";")[0] == message
    assert remedy in found["remedy"]
    assert "What to do" not in found["message"] + found["remedy"]


def test_every_kind_of_backup_has_a_first_release() -> None:
    assert set(BACKUP_KINDS) == {"metadata", "legacy", "portable", "none-acknowledged"}


def test_every_check_is_explained() -> None:
    text = (Path(__file__).resolve().parents[4] / "docs" / "influxdb.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    told = {(id_.strip(" `"), row[2].strip()) for row in rows for id_ in row[1].split(",")}
    assert {(one.id, one.severity) for one in CHECKS} <= told
