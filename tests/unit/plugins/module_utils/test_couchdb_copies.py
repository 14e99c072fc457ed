# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_copies as copies
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_sync import Node
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.couchdb_cluster import (
    HIGH,
    LOW,
    A,
    B,
    C,
    Cluster,
)

PARAMS = {"host": "127.0.0.1", "port": 5984, "name": None}
SHARD = Cluster.shard("default/db")


@pytest.fixture
def cluster():
    """Cloudant Local 1.1.0: the node is asked on its loopback, where no member lives, and its name is given."""
    return Cluster(version="2.0.0").add("default/db")


def record(cluster, name=C, **changes):
    """The recording of a node, as it comes to the controller."""
    params = dict(PARAMS, **dict({"name": name}, **changes))
    found = copies.record(cluster.connect({"host": name.partition("@")[2]}), params)
    return json.loads(json.dumps(found))


def test_what_is_recorded(cluster):
    cluster.jobs[C] = 7
    cluster.up[C] = "maintenance_mode"
    found = record(cluster)
    assert sorted(found["shards"]) == [Cluster.shard("default/db", bounds) for bounds in (LOW, HIGH)]
    assert found["maps"]["default/db"][LOW] == [SHARD, [A, B, C]]
    copy = cluster.copy(C, "default/db")
    recorded = found["shards"][SHARD]
    assert len(recorded.pop("checkpoints")) == 4  # to and from each of two peers
    assert recorded == {"uuid": copy["uuid"], "update_seq": 10, "last_seq": 10}
    del found["maps"], found["shards"]
    assert found == {
        "host": "127.0.0.1",
        "port": 5984,
        "name": C,
        "welcome": {"couchdb": "Welcome", "version": "2.0.0", "vendor": {"name": "IBM Cloudant", "version": "1.1.0"}},
        "up": {"status": "maintenance_mode", "code": 404},
        "membership": {"all_nodes": [A, B, C], "cluster_nodes": [A, B, C]},
        "internal_replication_jobs": 7,
    }


def test_only_copies_that_the_node_holds_are_asked_for(cluster):
    cluster.add("default/other", holders=[A, B])
    del cluster.copies[C, Cluster.shard("default/db", HIGH)]
    assert list(record(cluster)["shards"]) == [SHARD]
    assert not [asked for asked in cluster.asked if "other" in asked[-1]]


def test_of_a_history_the_entry_that_counts_travels(cluster):
    for _count in range(5):
        cluster.write(C, database="default/db")
        cluster.push(C, A, "default/db")
    cluster.push(C, A, "default/db", seq=12)  # not the newest that counts, but the highest
    [entry] = [
        entry for entry in record(cluster)["shards"][SHARD]["checkpoints"] if (entry["source_node"], entry["target_node"]) == (C, A)
    ]
    assert entry == {
        "source_node": C,
        "source_uuid": cluster.copy(C, "default/db")["uuid"],
        "target_node": A,
        "target_uuid": cluster.copy(A, "default/db")["uuid"],
        "source_seq": 15,
    }


def test_checkpoints_of_a_copy_that_is_gone_stay_behind(cluster):
    kept = cluster.copy(C, "default/db")["kept"]
    cluster.copies[C, SHARD] = dict(cluster.fresh(), kept=kept)
    assert record(cluster)["shards"][SHARD]["checkpoints"] == []


def test_an_old_release_does_not_tell_its_jobs():
    assert record(Cluster(version="1.0.0").add("db"))["internal_replication_jobs"] is None


def test_without_a_name_nothing_is_recorded(cluster):
    with pytest.raises(FleetError) as caught:
        copies.record(cluster.connect({"host": "10.0.0.3"}), PARAMS)
    assert caught.value.facts["reason"] == "name" and cluster.asked == []


def test_a_copy_that_vanishes_meanwhile(cluster):
    """Its last change is not known then."""
    client = cluster.connect({"host": "10.0.0.3"})
    checkpoints = client.shard_checkpoints

    def drop(node, shard):
        found = checkpoints(node, shard)
        cluster.copies.pop((node, shard))
        return found

    client.shard_checkpoints = drop
    assert copies.record(client, dict(PARAMS, name=C))["shards"][SHARD]["last_seq"] is None


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.4.3"])
def test_a_recording_answers_as_the_node_does(version):
    cluster = Cluster(version=version).add("default/db")
    cluster.write(C, 3, "default/db")
    cluster.copy(C, "default/db")["seq"] += 2  # a change of security
    cluster.jobs[C] = 2
    asked = Node(cluster.connect({"host": "10.0.0.3"}), "127.0.0.1", 5984, C)
    recorded = Node(copies.RecordedClient(record(cluster)), "127.0.0.1", 5984)
    assert recorded.look() == asked.look()
    assert recorded.name == C and recorded.cloudant == (version == "2.0.0")
    assert recorded.maps() == json.loads(json.dumps(asked.maps()))
    for shard in (SHARD, Cluster.shard("none")):
        assert recorded.copy(shard) == asked.copy(shard)
        assert recorded.last_seq(shard) == asked.last_seq(shard)
        known = [[entry[key] for key in ("source_node", "target_node", "source_seq")] for entry in recorded.checkpoints(shard)]
        seen = [[entry[key] for key in ("source_node", "target_node", "source_seq")] for entry in asked.checkpoints(shard)]
        assert sorted(known) == sorted(seen)
