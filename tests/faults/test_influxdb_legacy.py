# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""InfluxDB 0.7.3 to 0.8.3, a cluster at once: whatever goes wrong, all data is there, and all nodes are of one release."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import yaml
from conftest import Fleet, Run, packages
from test_refusals import refused, wait_for
from test_resume import kill_at, wait_for_workers

from dbfleet_lab.influxdb_legacy_clients import LegacyWriter, holdings
from dbfleet_lab.influxdb_legacy_fixture import END, LegacyInflux

OLD, NEW, LATER = "0.7.3", "0.8.3", "0.8.8"
SHARED = "/opt/influxdb/shared"
SHARDS = f"{SHARED}/data/db/shard_db"
STATE = "/var/lib/dbfleet"
BACKUP = f"{STATE}/backup/influxdb_legacy-{OLD}-{NEW}"
TASK = "TASK [dbfleet.upgrade.influxdb_legacy : "
CREATING = f"{TASK}Create the shard spaces, the least specific first]"
PAUSING: dict[str, Any] = {"influxdb_legacy_pause": "8s"}
"""Lets the migration of the lab's data rest, so that it can be met at work."""


@dataclass
class Legacy(Fleet):
    """Nodes of InfluxDB before 0.9."""

    playbook: ClassVar[str] = "influxdb_legacy"
    release: ClassVar[tuple[str, str]] = (NEW, f"influxdb_{NEW}_amd64.deb")
    processes: ClassVar[str] = "pgrep -u influxdb"

    def influx(self, node: str = "influx1") -> LegacyInflux:
        return LegacyInflux(self.address(node))

    def versions(self) -> list[str]:
        return [self.influx(node).version() for node in self.hosts]

    def holdings(self) -> dict[str, Any]:
        return {node: holdings(self.influx(node)) for node in self.hosts}

    def spaces(self, database: str) -> list[str]:
        """Return the names of the shard spaces in the order of their evaluation."""
        found = self.influx().get("/cluster/shard_spaces")
        return [space["name"] for space in found if space["database"] == database]

    def effects(self, node: str) -> list[str]:
        """Return what a run could change, without the server's log, which tells what was asked."""
        return [line for line in super().effects(node) if not line.startswith(f"{SHARED}/log.txt ")]

    def left_behind(self) -> str:
        """Return what should be there in the middle of a run only."""
        return "".join(
            self.sh(node, f"cd {STATE} && ls lock influxdb_legacy.json 2>/dev/null || true") for node in self.hosts
        )

    def shards(self, node: str = "influx1") -> list[str]:
        """Return the folders of the shards of both releases, and what was renamed."""
        return self.sh(node, f"ls -d {SHARDS}*").split()

    def marked(self, node: str = "influx1") -> int:
        """Return how many old shards are migrated."""
        return int(self.sh(node, f"ls {SHARDS}/*/MIGRATED 2>/dev/null | wc -l"))


@pytest.fixture
def legacy(fleet: Callable[..., Fleet]) -> Callable[..., Legacy]:
    """Start nodes with the lab's data for one test."""

    def start(*options: str, **more: Any) -> Legacy:
        found = fleet("--product", "influxdb_legacy", *options, kind=Legacy, **more)
        assert isinstance(found, Legacy)
        return found

    return start


@pytest.fixture
def small(legacy: Callable[..., Legacy]) -> Callable[..., Legacy]:
    """Start nodes with little data, by the first of them; several are one cluster."""

    def start(nodes: int = 1, **more: Any) -> Legacy:
        found = legacy("--nodes", str(nodes), *(["--cluster", "one"] if nodes > 1 else []), "--data", "none", **more)
        fill(found.influx())
        return found

    return start


@pytest.fixture(scope="module")
def node(lasting_fleet: Callable[..., Fleet]) -> Legacy:
    """A node with little data, which nothing may change."""
    found = lasting_fleet("--product", "influxdb_legacy", "--data", "none", kind=Legacy)
    assert isinstance(found, Legacy)
    fill(found.influx())
    return found


def fill(influx: LegacyInflux) -> None:
    """Write four weeks of 2014 into shards of both kinds."""
    influx.post("/db", {"name": "metrics"})
    for series in ("cpu", "Longterm.temp"):
        points = [[END - n * 3600, n + 1, n] for n in range(4 * 7 * 24)]
        content = {"name": series, "columns": ["time", "sequence_number", "value"], "points": points}
        influx.post("/db/metrics/series", [content], time_precision="s")


def still(before: dict[str, Any], one: Legacy) -> bool:
    """Say whether every node holds every series of before, with the same points."""
    now = one.holdings()
    return all(now[node].items() >= series.items() for node, series in before.items())


def done(one: Legacy, run: Run, before: dict[str, Any]) -> None:
    assert run.code == 0, run.text
    assert one.versions() == [NEW] * len(one.hosts)
    assert still(before, one)
    assert one.spaces("metrics") == ["long_term", "short_term"]
    assert one.left_behind() == ""
    assert all(run.nodes[node]["fingerprint"]["differences"] == [] for node in one.hosts)


def back(one: Legacy, before: dict[str, Any]) -> None:
    """Prove that all nodes serve the old release with what they held, and that the data of the new one is put aside."""
    assert one.versions() == [OLD] * len(one.hosts)
    assert still(before, one)
    assert one.left_behind() == ""
    assert all(f"{SHARDS}_v2" not in one.shards(node) for node in one.hosts)


def rollback(one: Legacy, **extra: Any) -> Run:
    return one.run(playbook="rollback", fleet_hosts="influxdb_legacy", **extra)


MARKS = [
    pytest.param(2, f"{TASK}Note that the node is about to change]", id="before-the-stop"),
    pytest.param(2, f"{TASK}Look for a server that goes on]", id="after-the-stop"),
    pytest.param(1, CREATING, id="shard-spaces", marks=pytest.mark.sample),
    pytest.param(2, f"{TASK}Put the server's own configuration back]", id="let-in"),
]


@pytest.mark.parametrize(("nodes", "words"), MARKS)
def test_a_killed_controller(small: Callable[..., Legacy], nodes: int, words: str) -> None:
    one = small(nodes)
    before = one.holdings()
    with LegacyWriter(one.influx(), "written") as writer:
        kill_at(one.start(), words)
        again = one.run()
    done(one, again, before)
    assert writer.lost() == []
    assert writer.acknowledged > 100


def test_a_controller_that_is_killed_when_one_node_of_two_has_its_note(small: Callable[..., Legacy]) -> None:
    two = small(2)
    before = two.holdings()
    kill_at(two.start(), f"{TASK}Note that the node is about to change]")
    wait_for_workers(two)
    note = json.dumps({"id": f"influxdb_legacy-{OLD}-{NEW}", "source": OLD, "target": NEW})
    two.sh("influx1", f"echo '{note}' > {STATE}/influxdb_legacy.json")
    two.sh("influx2", f"rm -f {STATE}/influxdb_legacy.json")
    done(two, two.run(), before)


SWAPPING = f'until grep -q \'"step": "install"\' {STATE}/swap.json 2>/dev/null; do sleep 0.01; done'


def test_a_controller_that_is_killed_in_the_swap(small: Callable[..., Legacy]) -> None:
    two = small(2)
    before = two.holdings()
    run = two.start()
    two.sh("influx2", SWAPPING)
    run.kill()
    done(two, two.run(), before)


def test_a_controller_that_is_killed_during_the_migration(legacy: Callable[..., Legacy]) -> None:
    two = legacy("--nodes", "2", "--cluster", "one")
    before = two.holdings()
    run = two.start(**PAUSING)
    wait_for(lambda: two.marked() > 0)
    run.kill()
    again = two.run()
    done(two, again, before)
    assert "migrate: " in again.text, "the migration was over"


def test_a_server_that_is_killed_during_the_migration(legacy: Callable[..., Legacy]) -> None:
    one = legacy("--nodes", "1")
    before = one.holdings()
    run = one.start(**PAUSING)
    wait_for(lambda: one.marked() > 0)
    one.sh("influx1", f"kill -9 $(cat {SHARED}/influxdb.pid)")
    run.wait()
    assert run.statuses() == {"influx1": "failed"}, run.text
    assert "nothing is lost" in run.nodes["influx1"]["outcome"]["reason"]
    done(one, one.run(), before)


UNABLE = (
    "mkdir -p /etc/systemd/system/influxdb.service.d && printf '[Service]\\nExecStartPre=/bin/sh -c"
    f' "! grep -q {NEW} /opt/influxdb/current/release"\\n\' > /etc/systemd/system/influxdb.service.d/no.conf'
    " && systemctl daemon-reload"
)
"""Lets the new release start never."""


def test_a_release_that_cannot_start_on_one_node_leaves_all_on_the_old_one(small: Callable[..., Legacy]) -> None:
    two = small(2)
    before = two.holdings()
    two.sh("influx2", UNABLE)
    with LegacyWriter(two.influx(), "written") as writer:
        run = two.run()
    assert run.statuses() == {"influx1": "rolled_back", "influx2": "rolled_back"}, run.text
    back(two, before)
    assert writer.lost() == []


def test_recover_takes_the_whole_cluster_back(small: Callable[..., Legacy]) -> None:
    two = small(2)
    before = two.holdings()
    kill_at(two.start(), CREATING)
    wait_for_workers(two)
    run = two.run(playbook="recover")
    assert run.code == 0, run.text
    assert run.statuses() == {"influx1": "done", "influx2": "done"}
    back(two, before)


def test_the_way_back_is_one_of_all_nodes_and_asks_before_it_loses_points(small: Callable[..., Legacy]) -> None:
    two = small(2)
    before = two.holdings()
    assert two.run().code == 0
    now = {"name": "since", "columns": ["time", "n"], "points": [[int(time.time()), 1]]}
    two.influx().post("/db/metrics/series", [now], time_precision="s")

    alone = two.run(playbook="rollback", fleet_hosts="influx2")
    assert alone.code != 0
    assert "influx1 is not in this run" in alone.text
    losing = rollback(two)
    assert losing.code != 0
    assert "with times since the upgrade, and the server has 1" in losing.text
    assert two.versions() == [NEW] * 2

    run = rollback(two, fleet_accept=["writes-since"])
    assert run.code == 0, run.text
    back(two, before)
    assert two.holdings() == before
    assert f"{SHARDS}_v2.dbfleet-aside-1" in two.shards()


def test_old_shards_are_removed_on_proof_only(small: Callable[..., Legacy]) -> None:
    one = small()
    before = one.holdings()
    assert one.run().code == 0
    one.sh("influx1", f"mv {BACKUP}/proved.json {BACKUP}/unproved.json")
    unproved = one.run(influxdb_legacy_cleanup=True)
    assert unproved.statuses() == {"influx1": "refused"}, unproved.text
    assert "no proof of their migration" in unproved.nodes["influx1"]["outcome"]["reason"]
    assert one.marked() > 0

    one.sh("influx1", f"mv {BACKUP}/unproved.json {BACKUP}/proved.json")
    run = one.run(influxdb_legacy_cleanup=True)
    assert run.code == 0, run.text
    assert one.sh("influx1", f"ls {SHARDS}") == ""
    assert still(before, one)
    again = one.run(influxdb_legacy_cleanup=True)
    assert again.code == 0, again.text
    assert "changed=0" in again.text
    assert again.statuses() == {"influx1": "nothing"}


def test_a_later_release_is_a_second_run(small: Callable[..., Legacy]) -> None:
    one = small()
    before = one.holdings()
    later: dict[str, Any] = {
        "fleet_target_version": LATER,
        "fleet_package": {"file": str(packages() / f"influxdb_{LATER}_amd64.deb")},
    }
    refused(one, "version-path", NEW, **later)
    done(one, one.run(), before)
    run = one.run(**later)
    assert run.code == 0, run.text
    assert one.versions() == [LATER]
    assert still(before, one)


def test_an_old_host(legacy: Callable[..., Legacy]) -> None:
    """Python 2.7, init scripts, ansible-core 2.16; then the way back."""
    one = legacy("--nodes", "1", "--image", "oldhost", core="2.16")
    before = one.holdings()
    with LegacyWriter(one.influx(), "written") as writer:
        run = one.run()
    done(one, run, before)
    assert writer.lost() == []
    assert rollback(one, fleet_accept=["writes-since"]).code == 0
    back(one, before)


# What is refused before anything is changed


def test_a_rehearsal_changes_nothing(node: Legacy) -> None:
    before = node.effects("influx1")
    run = node.run("--check", "--diff")
    assert run.code == 0, run.text
    assert "1 node to be upgraded to 0.8.3" in run.text
    assert node.effects("influx1") == before
    assert not run.reports.exists()


SPACES = {
    "hidden-by-another": (
        "shard-space-unreachable",
        [{"name": "all", "regex": "/.*/"}, {"name": "cpu", "regex": "/^cpu/"}],
    ),
    "that-expires": ("shard-space-expires", [{"name": "all", "regex": "/.*/", "retentionPolicy": "30d"}]),
    "for-some-series": ("shard-space-default", [{"name": "cpu", "regex": "/^cpu/"}]),
}


@pytest.mark.parametrize(
    "case", [pytest.param("hidden-by-another", marks=pytest.mark.sample), "that-expires", "for-some-series"]
)
def test_a_shard_space(node: Legacy, case: str) -> None:
    finding, spaces = SPACES[case]
    refused(node, finding, influxdb_legacy_shard_spaces={"metrics": spaces})


def test_a_cluster_of_which_a_node_is_not_named(small: Callable[..., Legacy]) -> None:
    two = small(2)
    expected = ("cluster-members", "2 servers", "influx1")
    refused(two, *expected, fleet_hosts="influx1")
    inventory = yaml.safe_load(two.inventory.read_text(encoding="utf-8"))
    del inventory["influxdb_legacy"]["hosts"]["influx2"]
    two.inventory.write_text(yaml.safe_dump(inventory), encoding="utf-8")
    refused(two, *expected)


def test_a_raft_folder_that_is_not_there(small: Callable[..., Legacy]) -> None:
    two = small(2)
    two.sh("influx2", f"mv {SHARED}/data/raft {SHARED}/data/away && mkdir {SHARED}/data/raft")
    refused(two, "raft-missing", f"{SHARED}/data/raft")
