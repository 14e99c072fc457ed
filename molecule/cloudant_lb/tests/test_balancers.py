# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The balancers run the new release, the virtual address is where it was, and no client noticed more than one retry cures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

NOTES = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
EFFECTS = Path(__file__).resolve().parents[2] / "shared" / "effects.sh"


@pytest.fixture
def name(host: Host) -> str:
    """The node's name in the inventory."""
    return str(host.backend.get_hostname())


@pytest.fixture
def report() -> dict[str, Any]:
    """The report of the upgrade."""
    found: dict[str, Any] = json.loads((NOTES / "report-upgrade" / "report.json").read_text(encoding="utf-8"))
    return found


def test_new_release_runs(host: Host) -> None:
    assert host.package("haproxy").version.startswith("2.6.13-")
    process = host.check_output("systemctl show haproxy --property MainPID --value")
    assert host.check_output(f"/proc/{process}/exe -v").startswith("HAProxy version 2.6.13-")


def test_services_run(host: Host) -> None:
    assert host.service("haproxy").is_running
    assert host.service("haproxy").is_enabled
    assert host.service("keepalived").is_running


def test_virtual_address_is_where_it_was(host: Host, name: str) -> None:
    address = host.ansible.get_variables()["cloudant_lb_virtual_address"]
    assert (f"inet {address}/" in host.check_output("ip -o addr show")) == (name == "lb1")


def test_configuration_was_carried_over(host: Host) -> None:
    assert "backend couchdbs" in host.file("/etc/haproxy/haproxy.cfg").content_string
    assert host.file("/etc/haproxy/haproxy.cfg").mode == 0o644
    assert host.check_output("find /etc/haproxy -name '*.dpkg-*'") == ""


def test_nothing_is_left_of_the_change(host: Host) -> None:
    assert not host.file("/var/lib/dbfleet/lock").exists
    assert not host.file("/var/lib/dbfleet/cloudant_lb_out.json").exists


def test_client_lost_nothing() -> None:
    seen = json.loads((NOTES / "client.json").read_text(encoding="utf-8"))
    assert seen["asked"] > 500
    assert seen["lost"] == 0


def test_report_tells_for_how_long_nobody_answered(report: dict[str, Any], name: str) -> None:
    node = next(node for node in report["nodes"] if node["name"] == name)
    assert node["status"] == "done"
    [note] = [note for note in node["swap"]["notes"] if note.startswith("The virtual address was asked")]
    assert "at its end it did not answer" not in note


def test_second_run_changed_nothing(host: Host, name: str) -> None:
    before = (NOTES / f"effects-{name}.txt").read_text(encoding="utf-8").splitlines()
    now = host.check_output(EFFECTS.read_text(encoding="utf-8")).splitlines()
    processes = host.check_output("systemctl show haproxy keepalived --property MainPID").splitlines()
    assert before[-1].startswith("MainPID=")
    assert [line for line in now if not line.startswith("process ")] + processes == before


def test_second_run_had_nothing_to_do() -> None:
    second = json.loads((NOTES / "report" / "report.json").read_text(encoding="utf-8"))
    assert [node["status"] for node in second["nodes"]] == ["nothing", "nothing"]
