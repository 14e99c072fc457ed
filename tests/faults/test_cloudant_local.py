# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloudant Local, from which nothing leads back: what would stop the change is found before it, and what was cut off is gone on with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import yaml
from conftest import LAB, PATIENCE, Fleet, Run
from test_refusals import refused
from test_resume import kill_at

from dbfleet_lab.clients import Prober
from dbfleet_lab.couch import Couch
from dbfleet_lab.couch_fixture import ADMIN
from dbfleet_lab.couch_load import Load

OLD, NEW = "1.0.0.5", "1.1.0"
KILL = """
import json, os, subprocess, sys, time
state, package = "/var/lib/dbfleet/cloudant_install", sys.argv[1:]
while not os.path.exists(state + ".json") or "uninstall" not in open(state + ".json").read():
    time.sleep(0.01)
query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", *package]
while package and subprocess.run(query, capture_output=True).stdout == b"installed":
    time.sleep(0.01)
os.kill(json.load(open(state + ".lock"))["pid"], 9)
"""
"""Kills the process that changes the release, as soon as it uninstalls the old one; with a package, as soon as that is gone."""


@dataclass
class Local(Fleet):
    """Nodes of Cloudant Local, and its balancers."""

    playbook: ClassVar[str] = "cloudant_db"
    release: ClassVar[tuple[str, str]] = (NEW, "cloudant-1.1.0-984-debian12-x86_64.bin")
    processes: ClassVar[str] = "pgrep -u cloudant"

    def couch(self, node: str) -> Couch:
        return Couch(self.address(node), ADMIN)

    def versions(self) -> list[str]:
        return [self.couch(node).get()["vendor"]["version"] for node in self.hosts]

    def up(self) -> list[str]:
        return [self.couch(node).up()["status"] for node in self.hosts]

    def documents(self) -> list[Any]:
        return [
            [self.couch(node).get(name)["doc_count"] for name in ("metrics/east", "accounts")] for node in self.hosts
        ]

    def left_behind(self) -> str:
        return "".join(
            self.sh(node, "cd /var/lib/dbfleet && ls -d lock maintenance.json cloudant_lb_out.json 2>/dev/null || true")
            for node in self.inventoried()
        )

    def inventoried(self) -> list[str]:
        groups = yaml.safe_load(self.inventory.read_text(encoding="utf-8"))
        return [host for group in ("cloudant_db", "cloudant_lb") for host in groups.get(group, {}).get("hosts", {})]


@pytest.fixture
def local(fleet: Callable[..., Fleet]) -> Callable[..., Local]:
    """Start nodes of Cloudant Local whose traffic is off, for one test."""

    def start(*options: str, **variables: Any) -> Local:
        usual = {"fleet_accept": ["one-way", "weatherreport"], "cloudant_db_traffic_is_off": True}
        found = fleet("--product", "cloudant", *options, kind=Local, **{**usual, **variables})
        assert isinstance(found, Local)
        return found

    return start


def done(one: Local, run: Run) -> None:
    assert run.code == 0, run.text
    assert one.versions() == [NEW] * len(one.hosts)
    assert one.up() == ["ok"] * len(one.hosts)
    assert one.left_behind() == ""


@contextmanager
def killed_installation(one: Local, node: str, *package: str) -> Iterator[None]:
    """End what changes the release on a node as soon as the old one is being uninstalled, or its package is gone, as a power cut does."""
    command = [str(LAB), "exec", one.name, node, "--", "timeout", str(PATIENCE), "python3", "-c", KILL, *package]
    with subprocess.Popen(command) as killer:
        yield
        assert killer.wait() == 0


def test_traffic_is_seen_before_anything_is_changed(local: Callable[..., Local]) -> None:
    one = local("--nodes", "3", "--balancers", "1")
    inventory = yaml.safe_load(one.inventory.read_text(encoding="utf-8"))
    with Load(Couch(inventory["cloudant_lb"]["hosts"]["lb1"]["ansible_host"], ADMIN, 80)):
        refused(one, "traffic", "requests from clients")
    refused(one, "traffic-not-off", "cloudant_db_traffic_is_off", cloudant_db_traffic_is_off=False)
    refused(one, "one-way", "no way back", fleet_accept=[])


def test_a_host_that_would_be_named_otherwise_stops_all_while_the_old_release_serves(
    local: Callable[..., Local],
) -> None:
    one = local("--nodes", "2")
    one.sh("db2", "sed 's/db2[.]/other./' /etc/hosts > /root/hosts && cat /root/hosts > /etc/hosts")
    run = one.run()
    assert run.code != 0
    assert "cloudant@db2." in run.nodes["db2"]["outcome"]["reason"], run.text
    assert one.versions() == [OLD] * 2
    assert one.up() == ["ok"] * 2


MARKS = [
    pytest.param("Set the flag, and wait until the node shows it", id="maintenance"),
    pytest.param("TASK [dbfleet.upgrade.cloudant_db : Change the release]", id="change"),
    pytest.param("Record on each member what it says of its copies", id="sync"),
    pytest.param("Forget that the node was out of service", id="note"),
]


@pytest.mark.parametrize("words", MARKS)
def test_a_killed_controller(local: Callable[..., Local], words: str) -> None:
    one = local("--nodes", "2")
    before = one.documents()
    kill_at(one.start(), words)
    done(one, one.run())
    assert one.documents() == before


CUT_OFF = [
    pytest.param([], id="before-the-package-goes"),
    pytest.param(["cloudant-dbnode"], id="package-gone", marks=pytest.mark.sample),
]


@pytest.mark.parametrize("package", CUT_OFF)
def test_recover_finishes_what_was_cut_off_for_nothing_leads_back(
    local: Callable[..., Local], package: list[str]
) -> None:
    one = local("--nodes", "2")
    before = one.documents()
    with killed_installation(one, "db1", *package):
        first = one.run()
    assert first.statuses() == {"db1": "failed", "db2": "held"}
    assert "no way back" in first.nodes["db1"]["outcome"]["reason"]
    back = one.run(playbook="recover")
    assert back.code == 0, back.text
    assert one.versions() == [NEW, OLD]
    assert one.up() == ["ok"] * 2
    assert one.left_behind() == ""
    done(one, one.run())
    assert one.documents() == before


@pytest.mark.parametrize("playbook", ["cloudant_lb", "recover"])
def test_a_balancer_that_was_cut_off_while_the_other_serves(local: Callable[..., Local], playbook: str) -> None:
    one = local("--nodes", "1", "--balancers", "2")
    inventory = yaml.safe_load(one.inventory.read_text(encoding="utf-8"))
    address = inventory["cloudant_lb"]["vars"]["cloudant_lb_virtual_address"]
    with Prober(address, 80, "/_up", 200) as prober:
        with killed_installation(one, "lb1"):
            first = one.run(playbook="cloudant_lb")
        assert first.statuses() == {"lb1": "failed", "lb2": "held"}
        assert "no way back" in first.nodes["lb1"]["outcome"]["reason"]
        again = one.run(playbook=playbook)
    assert again.code == 0, again.text
    assert one.sh("lb1", "cat /root/cloudant/version.txt") == NEW
    assert f"inet {address}/" in one.sh("lb1", "ip -o addr show")
    assert prober.downtime < 5, prober.outages
    assert one.left_behind() == ""
