# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every node is of the new release, and is what it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import NOTES
from holdings import ADMIN, Couch, holdings
from testinfra.host import Host

SCENARIO = Path(__file__).resolve().parents[1]
STATE = "/var/lib/dbfleet"


@pytest.fixture(scope="module")
def couch(host: Host, name: str) -> Couch:
    """The server of a database node, asked from the controller."""
    if not name.startswith("db"):
        pytest.skip("a load balancer")
    return Couch(host.ansible.get_variables()["ansible_host"], ADMIN)


@pytest.fixture(scope="module")
def balancer(host: Host, name: str) -> Host:
    """A load balancer."""
    if not name.startswith("lb"):
        pytest.skip("a database node")
    return host


def test_release_is_the_new_one(host: Host) -> None:
    assert host.file("/root/cloudant/version.txt").content_string.strip() == "1.1.0"


def test_new_release_serves(couch: Couch) -> None:
    welcome = couch.get()
    assert (welcome["version"], welcome["vendor"]["version"]) == ("2.0.0", "1.1.0")
    assert couch.up()["status"] == "ok"


def test_members_are_those_before_and_every_document_is_there(couch: Couch, name: str) -> None:
    before = json.loads((NOTES / f"holdings-{name}.json").read_text(encoding="utf-8"))
    now = json.loads(json.dumps(holdings(couch)))
    assert len(before["members"][0]) == 3
    assert sum(len(one["documents"]) for one in before["databases"].values()) > 1000
    assert now == before


def test_credentials_and_membership_are_as_they_were(host: Host, couch: Couch, name: str) -> None:
    before = (NOTES / f"credentials-{name}.txt").read_text(encoding="utf-8").splitlines()
    now = host.check_output((SCENARIO / "credentials.sh").read_text(encoding="utf-8")).splitlines()
    assert any(line.startswith("-setcookie ") for line in before)
    assert now == before


@pytest.mark.parametrize("words", ["level = warning", "maintenance_mode = false"])
def test_configuration_has_what_the_user_set_and_no_maintenance(host: Host, couch: Couch, words: str) -> None:
    assert words in host.file("/opt/cloudant/etc/local.ini").content_string.splitlines()


def test_files_of_ones_own_are_there(host: Host, couch: Couch) -> None:
    found = host.file("/opt/cloudant/etc/certificate.pem")
    assert (found.content_string, found.user, found.mode) == ("of ours\n", "cloudant", 0o640)


def test_balancer_has_the_configuration_it_had(balancer: Host) -> None:
    assert "maxconn 600" in balancer.file("/etc/haproxy/haproxy.cfg").content_string
    assert balancer.service("haproxy").is_running
    assert balancer.service("keepalived").is_running


def test_cluster_is_served_through_the_balancer(balancer: Host) -> None:
    url = balancer.ansible.get_variables()["cloudant_lb_url"]
    assert balancer.run(f"curl -sf {url}").rc == 0


def test_one_balancer_has_the_virtual_address(balancer: Host, name: str) -> None:
    address = balancer.ansible.get_variables()["cloudant_lb_virtual_address"]
    held = f" {address}/" in balancer.check_output("ip -o address")
    assert held is (name == "lb1")


def test_nothing_is_left_of_the_change(host: Host) -> None:
    assert host.file(STATE).mode == 0o700
    left = ("lock", "maintenance.json", "cloudant_lb_out.json")
    assert [file for file in left if host.file(f"{STATE}/{file}").exists] == []


def test_second_run_changed_nothing(effects: list[str], effects_before: list[str]) -> None:
    assert effects_before and effects == effects_before
