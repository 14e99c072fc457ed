# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of CouchDB that are upgraded under load, and broken on purpose: one node at a time is away, and none is back too soon."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, ClassVar

import pytest
import yaml
from conftest import Fleet, Run, packages
from test_refusals import refused
from test_resume import frozen_swap, kill_at, kill_swap, swap, wait_for_workers

from dbfleet_lab.clients import Prober
from dbfleet_lab.couch import PORT, Couch
from dbfleet_lab.couch_fixture import ADMIN
from dbfleet_lab.couch_load import FAILED, Load

OLD, NEW = "3.3.3", "3.4.3"
NODES = ("db1", "db2", "db3")
MAINTENANCE, OK = "maintenance_mode", "ok"
BACKLOG_WAITS = 8
"""Seconds until a survivor notices by itself that a node came back and lacks something: longer than its start takes."""


def package(version: str, folder: str = ".") -> dict[str, str]:
    return {"file": str(packages() / folder / f"couchdb_{version}_amd64.deb")}


@dataclass
class Cluster(Fleet):
    """Nodes of CouchDB, and balancers."""

    playbook: ClassVar[str] = "cloudant_db"
    release: ClassVar[tuple[str, str]] = (NEW, f"couchdb_{NEW}_amd64.deb")
    processes: ClassVar[str] = "pgrep -u couchdb"

    def couch(self, node: str) -> Couch:
        return Couch(self.address(node), ADMIN)

    def couches(self, nodes: Sequence[str] = NODES) -> list[Couch]:
        return [self.couch(node) for node in nodes]

    def version(self, node: str) -> str:
        return self.couch(node).version()

    def versions(self) -> list[str]:
        return [self.version(node) for node in self.hosts]

    def up(self) -> list[str]:
        """Return what the nodes say to balancers."""
        return [self.couch(node).up()["status"] for node in self.hosts]

    def members(self) -> list[Any]:
        """Return what every node says of the others; equal where all is well."""
        return [self.couch(node).members() for node in self.hosts]

    def load(self, port: int = PORT) -> Load:
        inventory = yaml.safe_load(self.inventory.read_text(encoding="utf-8"))
        return Load(Couch(inventory["cloudant_lb"]["hosts"]["lb1"]["ansible_host"], ADMIN, port))

    def set(self, node: str, section: str, key: str, value: str) -> None:
        self.couch(node).put("_node", "_local", "_config", section, key, body=value)

    def vm_args(self, node: str) -> str:
        return self.sh(node, "cat /opt/couchdb/etc/vm.args")

    def installed(self, node: str) -> str:
        """Return what is installed and configured on a node, and the processes of its server."""
        return self.sh(
            node,
            "dpkg-query -W; find /opt/couchdb -printf '%p %T@ %s %m %u\\n' | sort; systemctl show couchdb -P MainPID",
        )

    def left_behind(self) -> str:
        """Return the locks and notes of runs that did not end."""
        return "".join(
            self.sh(node, "cd /var/lib/dbfleet && ls -d lock maintenance.json 2>/dev/null || true")
            for node in self.hosts
        )


Start = Callable[..., Cluster]


@pytest.fixture
def cluster(fleet: Start) -> Start:
    """Start clusters for one test."""

    def start(*options: str, **variables: Any) -> Cluster:
        usual = {"fleet_rollback_package": package(OLD), "cloudant_db_ready_timeout": 20}
        options = ("--product", "couchdb", *(options or ("--nodes", "3", "--balancers", "1")))
        return fleet(*options, kind=Cluster, **{**usual, **variables})

    return start


@pytest.fixture
def three(cluster: Start) -> Cluster:
    """Three nodes behind a balancer, of which one that came back lacks what was written meanwhile for a while."""
    nodes = cluster()
    for node in nodes.hosts:
        nodes.set(node, "sim", "sync_delay", str(BACKLOG_WAITS))
    return nodes


@dataclass
class Watch:
    """What a node said to balancers as long as the block was not left, each change once; nothing where it did not answer."""

    couch: Couch
    seen: list[str] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)

    def __enter__(self) -> Watch:
        self._thread = Thread(target=self._look_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _look_on(self) -> None:
        while not self._stop.wait(0.01):
            status = self._status()
            if status and status not in self.seen[-1:]:
                self.seen.append(status)

    def _status(self) -> str:
        try:
            return str(self.couch.up()["status"])
        except FAILED:
            return ""


def noticed_nothing(load: Load, nodes: Sequence[Couch]) -> None:
    """Prove that the clients of a balancer got everything, and that every node has everything that they wrote."""
    assert load.writes > 100
    assert load.failures == []
    assert load.stale == []
    assert load.lost(nodes) == []


def is_whole(one: Cluster, version: str) -> None:
    """Prove that all nodes serve a release, as members of one cluster, and that nothing of a run is left."""
    assert one.versions() == [version] * len(one.hosts)
    assert one.up() == [OK] * len(one.hosts)
    names = sorted(f"couchdb@{node}.{one.name}.test" for node in one.hosts)
    assert one.members() == [(names, names)] * len(one.hosts)
    assert one.left_behind() == ""


def done(one: Cluster, run: Run) -> None:
    assert run.code == 0, run.text
    assert set(run.statuses().values()) <= {"done", "nothing"}
    is_whole(one, NEW)


@pytest.mark.sample
def test_clients_notice_nothing(three: Cluster) -> None:
    with three.load() as load, Prober(three.address("db1"), PORT, "/_up", 200, interval=0.1) as prober:
        run = three.run()
    done(three, run)
    noticed_nothing(load, three.couches())
    [upgrade] = [phase for phase in run.nodes["db1"]["timeline"] if phase["phase"] == "upgrade"]
    told = re.search(r"out of service for (\d+) s", upgrade["detail"])
    # The balancer takes the node back some time after its /_up is well again.
    assert told and prober.downtime - 1 < int(told[1]) < upgrade["ended"] - upgrade["started"]


FAILING = {
    "does not start": ("bad", OLD),
    "is the old one": ("same", OLD),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_release_that_fails_leaves_its_node_out_of_service_and_the_others_alone(three: Cluster, case: str) -> None:
    folder, version = FAILING[case]
    before = {node: three.installed(node) for node in NODES[1:]}
    with three.load() as load:
        run = three.run(fleet_package=package(NEW, folder), cloudant_db_ready_timeout=8)
    assert run.code != 0
    assert run.statuses() == {"db1": "failed", "db2": "held", "db3": "held"}
    assert "stays in maintenance" in run.nodes["db1"]["outcome"]["reason"]
    assert three.versions() == [version, OLD, OLD]
    assert three.up() == [MAINTENANCE, OK, OK]
    assert {node: three.installed(node) for node in NODES[1:]} == before
    noticed_nothing(load, three.couches(NODES[1:]))
    with three.load() as load:
        again = three.run()
    done(three, again)
    noticed_nothing(load, three.couches())


@pytest.mark.parametrize("node", ["db1", "db3"])
def test_a_node_in_maintenance_is_left_to_whoever_put_it_there(three: Cluster, node: str) -> None:
    three.set(node, "couchdb", "maintenance_mode", "true")
    refused(three, "in-maintenance", f"couchdb@{node}")
    assert three.up()[NODES.index(node)] == MAINTENANCE


def test_a_node_that_is_down_keeps_all_others_in_service(three: Cluster) -> None:
    three.sh("db2", "systemctl stop couchdb")
    refused(three, "service-not-running", "member-down", "couchdb@db2")
    assert three.couch("db1").up()["status"] == three.couch("db3").up()["status"] == OK


MARKS = [
    pytest.param("Note what has to be the same afterwards", id="backup"),
    pytest.param("Set the flag, and wait until everybody sees it", id="maintenance"),
    pytest.param("Copy the configuration, the flag in it", id="configuration"),
    pytest.param("TASK [dbfleet.upgrade.cloudant_db : Change the release]", id="swap"),
    pytest.param("See which release answers", id="answer"),
    pytest.param("Wait until the node has caught up", id="sync"),
    pytest.param("See whether the cluster is whole", id="back"),
    pytest.param("Forget that the node was out of service", id="note"),
    pytest.param("Fail unless the target serves", id="verify"),
]


@pytest.mark.parametrize("words", MARKS)
def test_a_killed_controller(three: Cluster, words: str) -> None:
    with three.load() as load:
        kill_at(three.start(), words)
        again = three.run()
    done(three, again)
    noticed_nothing(load, three.couches())
    assert [three.sh(node, "grep -c ' upgrade couchdb:amd64 ' /var/log/dpkg.log") for node in NODES] == ["1"] * 3


@pytest.mark.parametrize("step", ["install", "ready"])
def test_recover_after_controller_and_swap_were_killed(three: Cluster, step: str) -> None:
    frozen = frozen_swap(three, step, "db1")
    with three.load() as load:
        run = three.start()
        frozen.wait()
        run.kill()
        kill_swap(three, frozen, step, "db1")
        wait_for_workers(three)
        assert swap(three, "db1")["step"] == step
        back = three.run(playbook="recover")
    assert back.code == 0, back.text
    assert back.statuses()["db1"] == "done"
    is_whole(three, OLD)
    noticed_nothing(load, three.couches())


def test_recover_brings_back_a_node_that_runs_the_new_release(three: Cluster) -> None:
    """It has the release that the dead run left there, and what was written meanwhile."""
    with three.load() as load:
        kill_at(three.start(), "Wait until the node has caught up")
        wait_for_workers(three)
        assert three.up() == [MAINTENANCE, OK, OK]
        back = three.run(playbook="recover")
    assert back.code == 0, back.text
    assert three.up() == [OK, OK, OK]
    assert three.left_behind() == ""
    noticed_nothing(load, three.couches())


def test_a_flag_that_the_package_takes_away_is_there_before_the_first_start(three: Cluster) -> None:
    with three.load() as load, Watch(three.couch("db1")) as watch:
        run = three.run(fleet_package=package(NEW, "noconf"))
    done(three, run)
    assert watch.seen == [OK, MAINTENANCE, OK]
    noticed_nothing(load, three.couches())


@pytest.mark.parametrize("folder", ["cookie", "name"])
def test_a_node_stays_who_it_is_whatever_the_package_makes_of_it(three: Cluster, folder: str) -> None:
    """An island, or a further member, would answer as if all were well."""
    before = {node: three.vm_args(node) for node in NODES}
    with three.load() as load:
        run = three.run(fleet_package=package(NEW, folder))
    done(three, run)
    assert {node: three.vm_args(node) for node in NODES} == before
    noticed_nothing(load, three.couches())


def test_a_cluster_that_fails_does_not_stop_another(cluster: Start) -> None:
    six = cluster("--nodes", "6", "--cluster", "a,a,a,b,b,b", "--balancers", "1")
    inventory = yaml.safe_load(six.inventory.read_text(encoding="utf-8"))
    for host in inventory["cloudant_db"]["hosts"].values():
        host["own_package"] = package(NEW, "bad" if host["fleet_cluster"] == "a" else ".")["file"]
    six.inventory.write_text(yaml.safe_dump(inventory), encoding="utf-8")
    with six.load(PORT) as a, six.load(PORT + 1) as b:
        run = six.run(fleet_package={"file": "{{ own_package | default('') }}"})
    assert run.code != 0
    assert run.statuses() == {
        "db1": "failed", "db2": "held", "db3": "held", "db4": "done", "db5": "done", "db6": "done",
    }  # fmt: skip
    assert six.versions() == [OLD] * 3 + [NEW] * 3
    assert six.up() == [MAINTENANCE] + [OK] * 5
    noticed_nothing(a, six.couches(["db2", "db3"]))
    noticed_nothing(b, six.couches(["db4", "db5", "db6"]))


def test_a_rehearsal_and_a_second_run_change_nothing(three: Cluster) -> None:
    before = {node: three.effects(node) for node in NODES}
    rehearsal = three.run("--check")
    assert rehearsal.code == 0, rehearsal.text
    assert "3 nodes to be upgraded to 3.4.3 in 3 waves" in rehearsal.text
    assert {node: three.effects(node) for node in NODES} == before
    done(three, three.run())
    before = {node: three.effects(node) for node in NODES}
    second = three.run()
    done(three, second)
    assert "changed=0" in second.text
    assert set(second.statuses().values()) == {"nothing"}
    assert {node: three.effects(node) for node in NODES} == before


def test_all_nodes_go_back_one_after_the_other(three: Cluster) -> None:
    assert three.run().code == 0
    with three.load() as load:
        back = three.run(playbook="rollback", fleet_hosts="cloudant_db")
    assert back.code == 0, back.text
    assert set(back.statuses().values()) == {"done"}
    assert "Wave 3 of 3: db3" in back.text
    is_whole(three, OLD)
    noticed_nothing(load, three.couches())


def test_a_node_that_came_back_is_upgraded_again_with_what_was_set_since(three: Cluster) -> None:
    assert three.run(fleet_hosts="db1").code == 0
    assert three.run(playbook="rollback", fleet_hosts="db1").code == 0
    three.set("db1", "chttpd", "max_dbs_open", "321")
    again = three.run(fleet_hosts="db1")
    assert again.code == 0, again.text
    assert three.versions() == [NEW, OLD, OLD]
    assert three.couch("db1").get("_node", "_local", "_config", "chttpd", "max_dbs_open") == "321"
