# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_sync as sync
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.couchdb_cluster import (
    HIGH,
    LOW,
    NAMES,
    NOT_FOUND,
    A,
    B,
    C,
    Cluster,
)


class Clock(object):
    def __init__(self, on_sleep):
        self.now = 0.0
        self.on_sleep = on_sleep

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.on_sleep()


def compare(cluster, check_mode=False, **changes):
    def slept():
        cluster.on_sleep()

    clock = Clock(slept)
    params = {
        "nodes": [{"host": name.partition("@")[2], "port": None, "name": None} for name in cluster.names],
        "port": 5984,
        "node": C,
        "all_pairs": False,
        "databases": None,
        "limit": 3600,
        "wait": 0,
        "interval": 2.0,
    }
    params.update(changes)
    return sync.compare(params, cluster.connect, check_mode, clock, clock.sleep)


def refusal(cluster, **changes):
    with pytest.raises(FleetError) as caught:
        compare(cluster, **changes)
    return caught.value


@pytest.fixture
def cluster():
    return Cluster().add("db")


def test_copies_that_have_caught_up(cluster):
    found = compare(cluster)
    assert found.pop("requests") == len(cluster.asked) == 3 + 2 * 6  # maps of three nodes, two of each copy
    assert found == {
        "changed": False,
        "in_sync": True,
        "pairs": {"done": 8, "total": 8},
        "pending": 0,
        "behind": [],
        "differing_maps": [],
        "jobs": {A: 0, B: 0, C: 0},
        "seconds": 0.0,
    }


def test_no_jobs_prove_nothing(cluster):
    """Seen on real clusters right after the start of a node: no jobs anywhere, and stale."""
    cluster.write(A, 5)
    found = compare(cluster)
    assert set(found["jobs"].values()) == {0}
    assert not found["in_sync"] and found["pairs"] == {"done": 7, "total": 8} and found["pending"] == 5
    assert found["behind"] == [{"database": "db", "range": LOW, "source": A, "target": C, "at": 10, "wanted": 15}]


def test_updates_count_though_the_number_of_documents_stays(cluster):
    """The stand-in's copies always have five documents."""
    cluster.write(B)
    assert compare(cluster)["behind"][0]["source"] == B


def test_what_the_node_itself_has_to_give_counts(cluster):
    cluster.write(C)
    assert [(pair["source"], pair["target"]) for pair in compare(cluster)["behind"]] == [(C, A), (C, B)]


def test_pairs_of_others_count_where_all_are_wanted(cluster):
    cluster.write(A)
    cluster.push(A, C)
    assert compare(cluster)["in_sync"]
    for changes in ({"all_pairs": True}, {"node": None}):
        found = compare(cluster, **changes)
        assert found["pairs"] == {"done": 11, "total": 12}
        assert [(pair["source"], pair["target"]) for pair in found["behind"]] == [(A, B)]


def test_jobs_that_wait_forbid_it(cluster):
    cluster.jobs[B] = 3
    found = compare(cluster)
    assert not found["in_sync"] and not found["behind"] and found["jobs"][B] == 3


def test_a_release_that_tells_no_jobs_is_judged_by_its_copies():
    cluster = Cluster(version="1.0.0").add("db")
    assert compare(cluster)["in_sync"] and compare(cluster)["jobs"] == {A: None, B: None, C: None}
    cluster.write(A)
    assert not compare(cluster)["in_sync"]


def test_a_pair_without_checkpoint_is_behind(cluster):
    cluster.copy(A)["kept"].clear()
    found = compare(cluster)
    assert {(pair["source"], pair["target"], pair["at"]) for pair in found["behind"]} == {(A, C, 0), (C, A, 0)}


def test_checkpoints_of_another_file_do_not_count(cluster):
    """A copy that was lost and made anew: the other copies keep how far they had come with the old one."""
    cluster.copy(C)["uuid"] = "new"
    found = compare(cluster)
    assert [(pair["source"], pair["target"], pair["at"]) for pair in found["behind"]] == [
        (A, C, 0),
        (B, C, 0),
        (C, A, 0),
        (C, B, 0),
    ]
    cluster.push_all()
    assert compare(cluster)["in_sync"]


def test_checkpoints_of_another_node_do_not_count(cluster):
    for document in cluster.pushes:
        for entries in document["history"].values():
            for entry in entries:
                entry["target_node"] = "couchdb@former"
    assert compare(cluster)["pairs"]["done"] == 0


def test_a_copy_that_was_put_back_from_a_backup_is_behind(cluster):
    """It has its old identity and its old checkpoints; those that the others keep tell of what it has lost."""
    backup = dict(cluster.copy(C), kept=dict(cluster.copy(C)["kept"]))
    cluster.write(A, 5)
    cluster.push(A, C)
    assert compare(cluster)["in_sync"]
    cluster.copies[C, cluster.shard("db")] = backup
    [pair] = compare(cluster)["behind"]
    assert (pair["source"], pair["target"], pair["at"], pair["wanted"]) == (A, C, 10, 15)


def test_a_copy_that_is_not_there_is_behind(cluster):
    del cluster.copies[C, cluster.shard("db")]
    found = compare(cluster)
    assert found["pairs"] == {"done": 4, "total": 8}
    assert found["behind"][0] == {"database": "db", "range": LOW, "source": A, "target": C, "at": None, "wanted": 10}
    assert found["pending"] == 20


def test_a_missing_copy_of_an_empty_database_is_behind_too():
    cluster = Cluster().add("db", seq=0)
    assert compare(cluster)["in_sync"]
    del cluster.copies[C, cluster.shard("db")]
    assert not compare(cluster)["in_sync"]


def test_what_an_empty_copy_lacks_is_nothing():
    cluster = Cluster().add("db", seq=0)
    for copy in cluster.copies.values():
        copy["kept"].clear()
    assert compare(cluster)["in_sync"]


def test_a_change_of_security_is_no_change_of_a_document(cluster):
    """It raises update_seq, and no checkpoint ever comes so far."""
    for name in NAMES:
        cluster.copy(name)["seq"] += 1
    assert compare(cluster)["in_sync"]
    cluster.write(A)
    [pair] = compare(cluster)["behind"]
    assert (pair["at"], pair["wanted"]) == (10, 12)


def test_the_last_change_is_asked_for_once_as_long_as_nothing_changes(cluster):
    cluster.copy(A)["seq"] += 1
    cluster.jobs[B] = 1
    compare(cluster, wait=5)
    assert cluster.asked.count((A, "last_seq", cluster.shard("db"))) == 1
    assert len([asked for asked in cluster.asked if asked[1] == "maps"]) == 12  # it looked four times


def test_a_last_change_after_the_look_began_is_not_wanted(cluster):
    cluster.copy(A).update(seq=12, last=14)
    [pair] = compare(cluster)["behind"]
    assert pair["wanted"] == 12


def under_load(cluster, delay):
    """A is written to all the time, and C has what A had so many looks before."""
    past = []

    def on_sleep():
        cluster.write(A, 7)
        past.append(cluster.copy(A)["seq"])
        if len(past) >= delay:
            cluster.push(A, C, seq=past[-delay])

    cluster.write(A, 4)
    cluster.on_sleep = on_sleep


def test_a_cluster_under_load_passes_when_it_follows(cluster):
    under_load(cluster, delay=3)
    found = compare(cluster, wait=20)
    assert found["in_sync"] and found["seconds"] == 6
    assert cluster.copy(A)["seq"] == 35, "it never was equal"


def test_what_was_written_since_is_wanted_by_the_next_call(cluster):
    under_load(cluster, delay=3)
    assert compare(cluster, wait=20)["in_sync"]
    [pair] = compare(cluster, wait=0)["behind"]
    assert (pair["source"], pair["target"], pair["at"], pair["wanted"]) == (A, C, 21, 35)


def test_a_cluster_under_load_fails_when_the_node_does_not_follow(cluster):
    under_load(cluster, delay=100)
    found = compare(cluster, wait=60)
    assert not found["in_sync"] and found["seconds"] == 60


def test_a_copy_that_is_made_anew_while_it_waits_is_noted_anew(cluster):
    def made_anew():
        cluster.on_sleep = lambda: None
        cluster.copies[C, cluster.shard("db")] = cluster.fresh(seq=3)
        cluster.push_all()

    cluster.jobs[A] = 1
    cluster.on_sleep = made_anew
    assert compare(cluster, wait=2)["behind"] == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (17, 17), ("17", 17), (u"17-g1AAAACreJz", 17), ([17, "g1AAAACreJz"], 17), (["17-g1AAAAC", 3], 17)],
)
def test_sequences_are_numbers_in_every_form(value, expected):
    assert sync.sequence(value) == expected


@pytest.mark.parametrize("value", [None, "", "g1AAAA", [], {}])
def test_what_is_no_sequence_is_refused(value):
    with pytest.raises(FleetError) as caught:
        sync.sequence(value)
    assert caught.value.facts["reason"] == "server"


def test_sequences_in_text_are_compared_as_numbers(cluster):
    """As texts, 9 is more than 10."""
    cluster.copy(A)["seq"] = "10-g1AAAACreJz"
    for document in cluster.copy(A)["kept"].values():
        for entry in document["history"].get(A, []):
            entry["source_seq"] = "9-g1AAAACreJz"
    assert {(pair["source"], pair["at"], pair["wanted"]) for pair in compare(cluster)["behind"]} == {(A, 9, 10)}


def test_a_history_may_be_a_list(cluster):
    for document in cluster.pushes:
        [document["history"]] = document["history"].values()
    assert compare(cluster)["in_sync"]


def test_an_old_checkpoint_without_history_does_not_count(cluster):
    for document in cluster.pushes:
        del document["history"]
    assert compare(cluster)["pairs"]["done"] == 0


def test_an_answer_without_identity_is_refused(cluster):
    cluster.copy(B)["uuid"] = None
    assert "node_local_port" in str(refusal(cluster))


def test_a_database_is_chosen_by_name(cluster):
    cluster.add("other")
    cluster.write(A, database="other")
    assert compare(cluster, databases=["db"])["in_sync"]
    assert not compare(cluster, databases=["other"])["in_sync"]
    assert refusal(cluster, databases=["db", "none"]).facts["reason"] == "not-found"


def test_cloudant_is_asked_by_the_names_of_its_hosts_and_maps():
    cluster = Cluster(version="2.0.0").add("default/metrics")
    assert compare(cluster, databases=["metrics"], wait=10)["pairs"] == {"done": 8, "total": 8}
    cluster.write(A, database="default/metrics")
    found = compare(cluster, wait=10)
    assert found["behind"][0]["database"] == "metrics" and not found["in_sync"]


def test_a_name_can_be_given_where_no_host_tells_it():
    cluster = Cluster(["cloudant@db1.example", "cloudant@db2.example"], version="2.0.0").add("default/metrics")
    client = cluster.connect({"host": "db1.example"})
    node = sync.Node(client, "10.9.9.9", 5984, "cloudant@db1.example")
    cluster.jobs["cloudant@db1.example"] = 3
    found = node.look()
    assert found["name"] == node.name == "cloudant@db1.example" and found["internal_replication_jobs"] == 3
    assert sync.Node(client, "db2.example", 5984, "cloudant@db1.example").look()["name"] == "cloudant@db2.example"


def test_jobs_are_not_asked_for_by_a_name_that_is_no_longer_the_nodes():
    cluster = Cluster(["cloudant@db1.example", "cloudant@db2.example"], version="2.0.0").add("default/metrics")
    node = sync.Node(cluster.connect({"host": "db1.example"}), "10.9.9.9", 5984, "cloudant@former.example")
    assert node.look()["internal_replication_jobs"] is None


def test_nodes_that_know_different_databases_are_not_in_sync(cluster):
    """A database that was made while the node was away."""
    cluster.own_maps[C] = dict(cluster.maps)
    cluster.add("new")
    found = compare(cluster)
    assert found["differing_maps"] == ["new"] and not found["in_sync"] and found["pairs"]["total"] == 16


def test_a_node_that_still_knows_databases_that_are_gone_is_not_in_sync(cluster):
    cluster.own_maps[C] = dict(cluster.maps)
    cluster.maps.clear()
    found = compare(cluster)
    assert found["differing_maps"] == ["db"] and not found["in_sync"] and found["pairs"]["total"] == 0


def test_the_databases_are_those_of_a_peer(cluster):
    """The node that was away does not know of it; what it does not have is behind."""
    cluster.own_maps[C] = dict(cluster.maps)
    cluster.add("new")
    for bounds in (LOW, HIGH):
        del cluster.copies[C, cluster.shard("new", bounds)]
    assert {pair["database"] for pair in compare(cluster)["behind"]} == {"new"}


@pytest.mark.parametrize("status", ["maintenance_mode", "nolb", "seeding"])
def test_the_node_itself_may_be_in_maintenance_and_no_other(cluster, status):
    cluster.up[C] = status
    assert compare(cluster)["in_sync"]
    error = refusal(cluster, node=A)
    assert error.facts["reason"] == "members" and C in str(error)
    assert refusal(cluster, node=None).facts["problems"][0]["nodes"] == [C]


def test_a_cluster_that_is_not_whole_does_not_pass(cluster):
    cluster.connected = {A: [A, B], B: [A, B], C: [C]}
    error = refusal(cluster)
    assert {problem["id"] for problem in error.facts["problems"]} == {"membership-differs"}
    cluster.connected = {name: [A, C] for name in NAMES}
    assert "member-down" in {problem["id"] for problem in refusal(cluster).facts["problems"]}


def test_every_member_has_to_be_asked(cluster):
    assert "member-count-differs" in {
        problem["id"] for problem in refusal(cluster, nodes=[{"host": "10.0.0.3", "port": 1, "name": None}]).facts["problems"]
    }
    assert refusal(cluster, nodes=[]).facts["reason"] == "members"


def test_a_peer_that_cannot_be_asked_is_a_failure(cluster):
    def down(node):
        raise FleetError("http://10.0.0.2:5984 does not answer: refused", reason="unreachable")

    connect = cluster.connect

    def connect_all_but_one(params):
        client = connect(params)
        if client.name == B:
            client.system = down
        return client

    cluster.connect = connect_all_but_one
    assert refusal(cluster).facts["reason"] == "unreachable"


def test_an_unknown_node_is_refused(cluster):
    assert B in str(refusal(cluster, node="couchdb@10.0.0.4"))


def test_a_range_without_copies_or_with_copies_of_strangers_is_refused(cluster):
    cluster.maps["db"][HIGH] = []
    assert "{0} of db has no copies".format(HIGH) in str(refusal(cluster))
    cluster.maps["db"][HIGH] = [A, B, "couchdb@former"]
    error = refusal(cluster)
    assert error.facts["reason"] == "shards" and "couchdb@former" in str(error)


def test_nothing_compared_is_no_proof():
    assert compare(Cluster())["in_sync"], "there is no database"
    for holders, changes in (([A, B], {}), ([C], {}), ([A], {"node": None})):
        assert refusal(Cluster().add("db", holders=holders), **changes).facts["reason"] == "shards"
    assert compare(Cluster().add("db", holders=[A, B]), all_pairs=True)["in_sync"]


def test_ranges_that_the_node_does_not_hold_are_not_read(cluster):
    cluster.add("away", holders=[A, B]).write(A, database="away")
    found = compare(cluster)
    assert found["in_sync"] and found["pairs"]["total"] == 8
    assert not [asked for asked in cluster.asked if "away" in str(asked)]


def test_a_copy_that_is_lost_while_it_waits_is_behind(cluster):
    cluster.jobs[A] = 1
    cluster.on_sleep = lambda: cluster.copies.pop((C, cluster.shard("db")), None)
    assert {pair["at"] for pair in compare(cluster, wait=2)["behind"]} == {None}


def test_the_cluster_is_left_alone_longer_than_it_is_asked():
    now = [0.0]

    class Slow(object):
        in_sync = False
        behind = ()
        looks = 0

        def look(self):
            self.looks += 1
            now[0] += 5.0
            return self

        def start(self, databases):
            assert not list(databases)

    def sleep(seconds):
        pauses.append(seconds)
        now[0] += seconds

    pauses = []
    slow = Slow()
    assert sync.watch(slow, 50.0, 2.0, lambda: now[0], sleep) is slow
    assert pauses == [15.0, 15.0, 5.0] and slow.looks == 4


def test_copies_that_lag_are_pushed_once_where_the_release_can(cluster):
    cluster.add("other")
    cluster.write(A)
    found = compare(cluster, wait=10)
    assert not found["in_sync"] and found["seconds"] == 10
    assert [asked for asked in cluster.asked if asked[1] == "sync_shards"] == [(A, "sync_shards", "db")]


def test_what_was_pushed_is_seen_at_the_next_look(cluster):
    cluster.write(A)
    cluster.on_sync_shards = lambda database: cluster.push(A, C, database)
    found = compare(cluster, wait=10)
    assert found["in_sync"] and found["seconds"] == 2


def test_nobody_is_told_to_push_in_check_mode_nor_where_all_is_in_sync(cluster):
    assert compare(cluster, wait=10)["in_sync"]
    cluster.write(A)
    found = compare(cluster, check_mode=True, wait=10)
    assert not found["in_sync"] and found["seconds"] == 0
    assert not [asked for asked in cluster.asked if asked[1] == "sync_shards"]


def test_an_older_release_is_waited_for(cluster):
    cluster.version = "2.3.0"
    cluster.write(A)
    assert not compare(cluster, wait=4)["in_sync"]
    assert [asked[0] for asked in cluster.asked if asked[1] == "sync_shards"] == [A, B, C]


def test_a_database_that_is_deleted_meanwhile_is_no_failure(cluster):
    cluster.write(A)

    def deleted(database):
        cluster.maps.clear()
        raise NOT_FOUND

    cluster.on_sync_shards = deleted
    assert compare(cluster, wait=10)["in_sync"]


def test_another_refusal_to_push_is_a_failure(cluster):
    def refused(database):
        raise FleetError("no", reason="credentials")

    cluster.write(A)
    cluster.on_sync_shards = refused
    assert refusal(cluster, wait=10).facts["reason"] == "credentials"


def test_no_call_waits_longer_than_the_limit(cluster):
    cluster.jobs[A] = 1
    assert compare(cluster, wait=30, limit=6)["seconds"] == 6


def test_only_some_of_the_pairs_that_are_behind_are_named():
    cluster = Cluster()
    for number in range(20):
        cluster.add("db{0}".format(number)).write(A, database="db{0}".format(number))
    found = compare(cluster)
    assert len(found["behind"]) == 5 and found["pairs"] == {"done": 140, "total": 160} and found["pending"] == 20
