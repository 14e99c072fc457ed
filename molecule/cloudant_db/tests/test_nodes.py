# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every node serves the new release, is the member it was, and holds what it held."""

from __future__ import annotations

from typing import Any

import pytest
from holdings import Couch, holdings
from testinfra.host import Host

NODES = ["db1", "db2", "db3"]
STATE = "/var/lib/dbfleet"
FLAG = ("", "[couchdb]", "maintenance_mode = false")
"""What is in the last file of the configuration since the node was in maintenance."""


def test_new_release_serves(couch: Couch) -> None:
    assert couch.version() == "3.4.3"


def test_package_is_the_new_one(host: Host) -> None:
    assert host.package("couchdb").version == "3.4.3~bookworm"


def test_service_runs_and_starts_at_boot(host: Host) -> None:
    service = host.service("couchdb")
    assert service.is_enabled
    assert service.is_running


def test_node_is_in_service(couch: Couch) -> None:
    assert couch.up() == {"status": "ok", "seeds": {}}


def test_no_flag_would_take_it_out_at_the_next_start(couch: Couch, configuration: list[str]) -> None:
    assert couch.get("_node", "_local", "_config", "couchdb")["maintenance_mode"] == "false"
    assert [line for line in configuration if line.startswith("maintenance_mode")] == [FLAG[-1]]


def test_members_are_those_before(couch: Couch, holdings_before: dict[str, Any]) -> None:
    connected, configured = holdings_before["members"]
    assert len(connected) == len(NODES)
    assert couch.members() == (connected, configured)


def test_every_document_is_there_and_who_may_read_it(couch: Couch, holdings_before: dict[str, Any]) -> None:
    before = holdings_before["databases"]
    assert sum(len(one["documents"]) for one in before.values()) > 1000
    assert before["accounts"]["security"]["members"]["names"] == ["clerk"]
    assert holdings(couch)["databases"] == before


@pytest.mark.parametrize("words", ["; ours", "level = warning", "# ours", "-name couchdb@", "-setcookie "])
def test_configuration_has_what_the_user_set(configuration: list[str], words: str) -> None:
    assert any(line.startswith(words) for line in configuration)


def test_configuration_is_what_it_was_and_nothing_of_dpkg_is_beside_it(
    configuration: list[str], configuration_before: list[str]
) -> None:
    assert any(line.startswith("== ./vm.args.dpkg-old ") for line in configuration_before)
    assert [line for line in configuration if line not in FLAG] == [
        line for line in configuration_before if line not in FLAG
    ]


def test_default_settings_are_those_of_the_release(host: Host) -> None:
    assert host.check_output("dpkg --verify couchdb | grep -v ' c ' || true") == ""


def test_nothing_is_left_of_the_change(host: Host) -> None:
    assert not host.file(f"{STATE}/lock").exists
    assert not host.file(f"{STATE}/maintenance.json").exists


def test_state_folder_is_for_root_alone(host: Host) -> None:
    assert (host.file(STATE).user, host.file(STATE).mode) == ("root", 0o700)


def test_second_run_changed_nothing(effects: list[str], effects_before: list[str]) -> None:
    assert any(line.startswith("process ") for line in effects_before)
    assert effects == effects_before
