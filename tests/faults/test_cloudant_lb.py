# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Balancers whose upgrade fails or is refused: the virtual address answers, and a balancer gets it only when it serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from conftest import Fleet, Run, packages
from test_resume import kill_at

from dbfleet_lab.clients import Prober

OUT = "/var/lib/dbfleet/cloudant_lb_out.json"


def package(version: str, folder: str = ".") -> dict[str, str]:
    return {"file": str(packages() / folder / f"haproxy_{version}_amd64.deb")}


@pytest.fixture
def pair(fleet: Callable[..., Fleet]) -> Fleet:
    """Two balancers before one database node; an upgrade to the later release is what a run is about."""
    return fleet(
        *["--product", "couchdb", "--balancers", "2", "--data", "none"],
        fleet_target_version="2.6.13",
        fleet_package=package("2.6.13"),
        fleet_rollback_package=package("2.6.12"),
    )


def upgrade(pair: Fleet, **extra: Any) -> Run:
    return pair.run(playbook="cloudant_lb", **extra)


def version(pair: Fleet, node: str) -> str:
    """Return the release that runs, as its own program says."""
    return pair.sh(node, "/proc/$(systemctl show haproxy -P MainPID)/exe -v").split()[2].split("-")[0]


def running(pair: Fleet, node: str) -> list[str]:
    return pair.sh(node, "systemctl is-active haproxy keepalived || true").split()


def holds(pair: Fleet, node: str) -> bool:
    return f"inet {address(pair)}/" in pair.sh(node, "ip -o addr show")


def address(pair: Fleet) -> str:
    inventory = yaml.safe_load(pair.inventory.read_text(encoding="utf-8"))
    return str(inventory["cloudant_lb"]["vars"]["cloudant_lb_virtual_address"])


def is_untouched(pair: Fleet, node: str) -> bool:
    return running(pair, node) == ["active", "active"] and version(pair, node) == "2.6.12"


@pytest.mark.sample
def test_a_release_that_cannot_start_is_rolled_back_while_the_other_serves(pair: Fleet) -> None:
    with Prober(address(pair), 5984, "/_up", 200) as prober:
        run = upgrade(pair, fleet_package=package("2.6.13", "bad"))
    assert run.code != 0
    assert run.statuses() == {"lb1": "rolled_back", "lb2": "held"}
    assert is_untouched(pair, "lb1") and is_untouched(pair, "lb2")
    assert holds(pair, "lb1")
    assert prober.downtime < 5, prober.outages
    assert pair.sh("lb1", f"ls {OUT} /var/lib/dbfleet/lock 2>/dev/null || true") == ""
    assert any("The virtual address was asked" in note for note in run.nodes["lb1"]["swap"]["notes"])


def test_a_configuration_that_the_new_release_refuses_stops_all_before_anything_is_touched(pair: Fleet) -> None:
    run = upgrade(pair, fleet_package=package("2.6.13", "strict"))
    assert run.code != 0
    assert "unknown keyword 'monitor-uri'" in run.report["nodes"][0]["outcome"]["reason"]
    assert is_untouched(pair, "lb1") and is_untouched(pair, "lb2")


def test_the_last_balancer_is_left_alone_unless_that_is_accepted(pair: Fleet) -> None:
    pair.sh("lb2", "systemctl stop haproxy")
    refused = upgrade(pair, fleet_hosts="lb1")
    assert refused.code != 0
    assert "last-balancer" in refused.text
    assert is_untouched(pair, "lb1")
    accepted = upgrade(pair, fleet_hosts="lb1", fleet_accept=["last-balancer"])
    assert accepted.code == 0, accepted.text
    assert version(pair, "lb1") == "2.6.13"
    assert holds(pair, "lb1")


@pytest.mark.parametrize(
    "words",
    [
        "Stop the balancer, so that only another one can answer",
        "TASK [dbfleet.upgrade.cloudant_lb : Change the release]",
        "Start keepalived",
    ],
)
def test_a_killed_controller(pair: Fleet, words: str) -> None:
    kill_at(pair.start(playbook="cloudant_lb"), words)
    again = upgrade(pair)
    assert again.code == 0, again.text
    for node in ("lb1", "lb2"):
        assert version(pair, node) == "2.6.13"
        assert running(pair, node) == ["active", "active"]
        assert pair.sh(node, f"ls {OUT} /var/lib/dbfleet/lock 2>/dev/null || true") == ""
    assert holds(pair, "lb1")


def test_recover_puts_a_balancer_back_into_service(pair: Fleet) -> None:
    kill_at(pair.start(playbook="cloudant_lb"), "Look who holds the virtual address")
    assert "active" not in running(pair, "lb1")[1:]
    back = pair.run(playbook="recover", fleet_hosts="cloudant_lb")
    assert back.code == 0, back.text
    assert is_untouched(pair, "lb1")
    assert holds(pair, "lb1")
