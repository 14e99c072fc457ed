# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab puts on nodes: configurations that the server reads, and data that a migration has to carry."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from influxdb_sim import config

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab"))

from dbfleet_lab import influxdb_legacy, influxdb_legacy_fixture
from dbfleet_lab.influxdb_legacy_fixture import CPU_POINTS, LegacyInflux
from dbfleet_lab.influxdb_legacy_packages import RECIPES, RELEASES, file_name
from dbfleet_lab.shell import LabError


@pytest.mark.parametrize("release", RELEASES)
def test_the_packaged_configuration_is_the_vendors(release: str) -> None:
    packaged = RECIPES / f"config-{RELEASES[release]}.toml"
    read = config.Config(str(packaged))
    shared = "/opt/influxdb/shared"
    assert read.get("logging", "file", "") == f"{shared}/log.txt"
    assert read.get("storage", "dir", "") == f"{shared}/data/db"
    assert (read.get("raft", "dir", ""), read.get("wal", "dir", "")) == (f"{shared}/data/raft", f"{shared}/data/wal")
    assert (read.get("admin", "port", 0), read.get("api", "port", 0), read.raft_port, read.protobuf_port) == (
        8083,
        8086,
        8090,
        8099,
    )
    assert read.get("storage", "default-engine", "leveldb") == ("leveldb" if release == "0.7.3" else "rocksdb")


@pytest.mark.parametrize(("name", "seeds"), [("influx1", []), ("influx2", ["influx1:8090"])])
def test_a_node_joins_by_the_first_of_its_cluster(name: str, seeds: list[str], tmp_path: Path) -> None:
    packaged = (RECIPES / "config-0.7.3.toml").read_text(encoding="ascii")
    file = tmp_path / "config.toml"
    file.write_text(influxdb_legacy.configured(packaged, name, "influx1"), encoding="ascii")
    read = config.Config(str(file))
    assert (read.hostname, read.seeds) == (name, seeds)


def test_a_configuration_without_its_samples_is_not_edited() -> None:
    with pytest.raises(LabError, match="lacks the samples"):
        influxdb_legacy.configured("[api]\n", "influx1", "influx1")


def test_packages_are_named_as_the_vendors() -> None:
    assert [file_name(release) for release in ("0.7.3", "0.8.3")] == [
        "influxdb_0.7.3_amd64.deb",
        "influxdb_0.8.3_amd64.deb",
    ]


def test_the_data_pauses_a_migration_and_hides_from_a_list(servers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = servers.new().start("0.7.3")
    monkeypatch.setattr(influxdb_legacy_fixture, "PORT", server.api)
    influx = LegacyInflux("127.0.0.1")
    total = influxdb_legacy_fixture.load(influx, "influx1")
    assert influxdb_legacy_fixture.load(influx, "influx1") == total
    assert influx.version() == "0.7.3"
    assert influx.count("metrics", "cpu", "value") == CPU_POINTS
    assert influx.count("metrics", "missing", "value") == 0
    assert influx.query("app", "list series") == []
    assert [found["name"] for found in influx.query("app", "select * from /.*/ limit 1")] == ["events"]
    server.stop()
    server.start("0.8.3")
    assert influx.count("metrics", "cpu", "value") == 0
    influx.post("/cluster/migrate_data", pause="60s")
    server.wait(lambda: influx.count("metrics", "cpu", "value") > 10000, "the migration does not pause")
    assert server.marked() != server.shards()
