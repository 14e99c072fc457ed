# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes run the new release, and hold what they held."""

from __future__ import annotations

from typing import Any

import pytest
from holdings import Influx, holdings
from testinfra.host import Host

CONFIG = "/etc/influxdb/influxdb.conf"
BACKUP = "backup/influxdb-1.3.9-1.4.3"


def test_new_release_serves(influx: Influx) -> None:
    assert influx.wait() == "1.4.3"


def test_package_is_the_new_one(host: Host) -> None:
    assert host.package("influxdb").version == "1.4.3-1"


def test_service_runs_and_starts_at_boot(host: Host) -> None:
    service = host.service("influxdb")
    assert service.is_enabled
    assert service.is_running


def test_one_process_of_the_right_user(host: Host) -> None:
    assert host.process.get(comm="influxd").user == "influxdb"


@pytest.fixture(scope="module")
def config(host: Host) -> list[str]:
    """The lines of the configuration."""
    return host.file(CONFIG).content_string.splitlines()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("  max-row-limit = 25000", id="carried"),
        pytest.param("  cache-snapshot-memory-size = 31457280", id="carried, though the sample is written differently"),
        pytest.param("  # max-body-size = 25000000", id="of the new release"),
    ],
)
def test_configuration_is_the_new_one_with_the_user_s_settings(config: list[str], line: str) -> None:
    assert line in config


def test_everything_is_still_there(influx: Influx, holdings_before: dict[str, Any]) -> None:
    assert sum(row["count_usage"] for rows in holdings_before["points"].values() for row in rows) == 30000
    assert holdings(influx) == holdings_before


def test_state_folder_is_for_root_alone(state: dict[str, str]) -> None:
    assert state[""].startswith("root root 700 ")


def test_no_lock_is_left(state: dict[str, str]) -> None:
    assert "lock" not in state


@pytest.mark.parametrize("file", ["data/meta.00", "fingerprint.json", "files/var/lib/influxdb/meta/meta.db"])
def test_copies_are_kept(state: dict[str, str], file: str) -> None:
    assert int(state[f"{BACKUP}/{file}"].split()[-1]) > 0


def test_copy_of_the_configuration_is_the_old_one(host: Host) -> None:
    copy = host.file(f"/var/lib/dbfleet/{BACKUP}/files{CONFIG}").content_string
    assert "  max-row-limit = 25000" in copy.splitlines()
    assert "max-body-size" not in copy


def test_second_run_changed_nothing(effects: list[str], effects_before: list[str]) -> None:
    assert any(line.startswith("process ") for line in effects_before)
    assert effects == effects_before
