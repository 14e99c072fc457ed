# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes run the new release, hold what they held and what was acknowledged since, and have the shard spaces that were wanted."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from conftest import NOTES, SCENARIO, note
from holdings import LegacyInflux, holdings, writer
from testinfra.host import Host

SHARED = "/opt/influxdb/shared"
STATE = "/var/lib/dbfleet"
BACKUP = f"{STATE}/backup/influxdb_legacy-0.7.3-0.8.3"
SPACES = {
    "metrics": [("written", "1d"), ("capitals", "30d"), ("rest", "7d")],
    "app": [("long_term", "30d"), ("short_term", "7d")],
    "empty": [("long_term", "30d"), ("short_term", "7d")],
}
"""Those of each database with their durations, in the order in which the server evaluates them."""


def test_new_release_serves(influx: LegacyInflux) -> None:
    assert influx.version() == "0.8.3"


def test_package_is_the_new_one(host: Host) -> None:
    assert host.package("influxdb").version == "0.8.3"


def test_service_runs_and_starts_at_boot(host: Host) -> None:
    service = host.service("influxdb")
    assert service.is_enabled
    assert service.is_running


def test_every_point_is_still_there(influx: LegacyInflux, name: str) -> None:
    before = note(f"holdings-{name}.json")
    now = holdings(influx)
    assert sum(count for count, _digest in before.values()) == 27140
    assert {series: now.get(series) for series in before} == before


def test_every_point_that_was_acknowledged_is_there(influx: LegacyInflux, name: str, clients: dict[str, Any]) -> None:
    client = writer(influx.address, name)
    client.acknowledged, refused = clients["written"][name]
    assert client.acknowledged > 100
    assert refused > 0, "nobody wrote while the server was away"
    assert client.lost() == []


def test_shard_spaces_are_those_wanted_in_their_order(influx: LegacyInflux) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    for space in influx.get("/cluster/shard_spaces"):
        found.setdefault(space["database"], []).append((space["name"], space["shardDuration"]))
    assert found == SPACES


def test_points_are_in_the_spaces_that_match_them(influx: LegacyInflux) -> None:
    used = {(shard["database"], shard["spaceName"]) for shard in influx.get("/cluster/shards")}
    assert used >= {("metrics", "written"), ("metrics", "capitals"), ("metrics", "rest"), ("app", "short_term")}


def test_every_old_shard_is_marked(host: Host) -> None:
    shards = host.check_output(f"ls {SHARED}/data/db/shard_db").split()
    marks = host.check_output(f"cd {SHARED}/data/db/shard_db && cat */MIGRATED").splitlines()
    assert len(shards) > 10
    assert marks == ["done."] * len(shards)


def test_configuration_is_the_own_one_byte_for_byte(host: Host, name: str) -> None:
    before = (NOTES / f"configuration-{name}.txt").read_text(encoding="utf-8").splitlines()
    assert f"# ours: {name}" in before
    assert host.check_output((SCENARIO / "configuration.sh").read_text(encoding="utf-8")).splitlines() == before


def test_nobody_listens_where_the_release_was_asked_before_its_clients(influx: LegacyInflux) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((influx.address, 18086), timeout=5)


def test_nothing_is_left_of_the_change(host: Host) -> None:
    assert (host.file(STATE).user, host.file(STATE).mode) == ("root", 0o700)
    assert [file for file in ("lock", "influxdb_legacy.json") if host.file(f"{STATE}/{file}").exists] == []


@pytest.mark.parametrize(
    "file",
    [
        "fingerprint.json",
        "proved.json",
        f"files{SHARED}/config.toml",
        pytest.param("swap/keep/0/log", id="raft"),
        pytest.param("swap/keep/3", id="shards"),
    ],
)
def test_copies_are_kept(host: Host, file: str) -> None:
    assert host.file(f"{BACKUP}/{file}").exists


def test_journal_tells_what_was_done(host: Host) -> None:
    lines = [json.loads(line) for line in host.file(f"{STATE}/journal.jsonl").content_string.splitlines()]
    assert [(line["phase"], line["status"] or line["event"]) for line in lines] == [
        ("backup", "started"),
        ("backup", "ok"),
        ("upgrade", "started"),
        ("upgrade", "ok"),
        ("verify", "started"),
        ("verify", "ok"),
    ]


@pytest.mark.parametrize("folder", [STATE, SHARED, "/var/log", "/etc", "/root"])
def test_password_is_in_no_file(host: Host, folder: str) -> None:
    password = host.ansible.get_variables()["influxdb_legacy_admin_password"]
    assert host.run(f"grep -rlaF -- {password} {folder}").stdout == ""


def test_second_run_changed_nothing(host: Host, name: str) -> None:
    before = (NOTES / f"effects-{name}.txt").read_text(encoding="utf-8").splitlines()
    now = host.check_output((SCENARIO.parent / "shared" / "effects.sh").read_text(encoding="utf-8")).splitlines()
    assert any(line.startswith(f"{SHARED}/influxdb.pid ") for line in before)
    assert without_log(now) == without_log(before)


def without_log(effects: list[str]) -> list[str]:
    """Return what was seen but the server's log, which tells what was asked."""
    return [line for line in effects if not line.startswith(f"{SHARED}/log.txt ")]
