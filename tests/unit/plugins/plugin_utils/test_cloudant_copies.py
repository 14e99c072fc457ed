# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_sync
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_copies import record
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._cloudant_copies import compared
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.couchdb_cluster import LOW, A, B, C, Cluster

DB = "default/db"
Result = dict[str, Any]


@pytest.fixture
def cluster() -> Any:
    """Cloudant Local 1.1.0 with one database, all in sync, its third node in maintenance."""
    found = Cluster(version="2.0.0").add(DB)
    found.up[C] = "maintenance_mode"
    return found


def recorded(cluster: Any, names: Any = None) -> list[Result]:
    """What the module returned on each node, as it comes to the controller."""
    results = []
    for name in names or cluster.names:
        host = name.partition("@")[2]
        params = {"host": host, "port": 5984, "name": None}
        results.append({"changed": False, "copies": record(cluster.connect(params), params)})
    found: list[Result] = json.loads(json.dumps(results))
    return found


def over_http(cluster: Any, subject: str | None) -> Result:
    """What cloudant_sync says of the same state."""
    nodes = [{"host": name.partition("@")[2], "port": 5984, "name": None} for name in cluster.names]
    params = {"nodes": nodes, "node": subject, "all_pairs": False, "databases": None}
    params.update(port=5984, limit=0, wait=0, interval=1)
    try:
        found = _couchdb_sync.compare(params, cluster.connect, True, lambda: 0.0, lambda seconds: None)
    except FleetError as error:
        return {**error.facts, "msg": str(error)}
    return {key: value for key, value in found.items() if key not in ("changed", "seconds", "requests")}


def unchanged(cluster: Any) -> None:
    pass


def updated(cluster: Any) -> None:
    cluster.write(A, 5, DB)


def with_jobs(cluster: Any) -> None:
    cluster.jobs[B] = 4


def secured(cluster: Any) -> None:
    cluster.copy(A, DB)["seq"] += 1


def made_anew(cluster: Any) -> None:
    cluster.copies[C, Cluster.shard(DB)] = cluster.fresh(10)


def lost(cluster: Any) -> None:
    del cluster.copies[C, Cluster.shard(DB)]


def unaware(cluster: Any) -> None:
    cluster.own_maps[C] = dict(cluster.maps)
    cluster.add("default/new")
    for key in [key for key in cluster.copies if key[0] == C and "new" in key[1]]:
        del cluster.copies[key]


def two_out(cluster: Any) -> None:
    cluster.up[B] = "nolb"


def island(cluster: Any) -> None:
    cluster.connected.update({A: [A, B], B: [A, B], C: [C]})


def cut_off(cluster: Any) -> None:
    cluster.connected.update({A: [A, C], C: [A, C]})


def of_a_stranger(cluster: Any) -> None:
    cluster.maps[DB][LOW] = [A, C, "cloudant@former"]


@pytest.mark.parametrize(
    ("happened", "outcome"),
    [
        (unchanged, {"in_sync": True, "pairs": {"done": 8, "total": 8}, "pending": 0}),
        (updated, {"in_sync": False, "pairs": {"done": 7, "total": 8}, "pending": 5, "jobs": {A: 0, B: 0, C: 0}}),
        (with_jobs, {"in_sync": False, "pending": 0, "jobs": {A: 0, B: 4, C: 0}}),
        (secured, {"in_sync": True}),
        (made_anew, {"in_sync": False, "pairs": {"done": 4, "total": 8}, "pending": 40}),
        (lost, {"in_sync": False, "pairs": {"done": 4, "total": 8}}),
        (unaware, {"in_sync": False, "differing_maps": ["new"]}),
        (two_out, {"reason": "members"}),
        (island, {"reason": "members"}),
        (cut_off, {"reason": "members"}),
        (of_a_stranger, {"reason": "shards"}),
    ],
)
def test_recordings_tell_what_cloudant_sync_sees(
    cluster: Any, happened: Callable[[Any], None], outcome: Result
) -> None:
    happened(cluster)
    results = recorded(cluster)
    answer = compared(results, results, C)
    assert answer == over_http(cluster, C)
    assert {key: answer[key] for key in outcome} == outcome
    assert ("msg" in answer) == ("reason" in outcome)


def test_without_a_subject_all_pairs_count_and_nobody_may_be_out(cluster: Any) -> None:
    results = recorded(cluster)
    assert compared(results, results)["reason"] == "members"
    cluster.up.clear()
    results = recorded(cluster)
    assert compared(results, results)["pairs"] == {"done": 12, "total": 12}
    assert compared(results, results, "cloudant@none")["reason"] == "not-found"


def test_what_the_earlier_recordings_saw_has_to_have_arrived(cluster: Any) -> None:
    cluster.write(A, 5, DB)
    earlier = recorded(cluster)
    cluster.push(A, C, DB)
    cluster.write(A, 3, DB)
    later = recorded(cluster)
    assert compared(later, earlier, C)["in_sync"]
    assert compared(earlier, earlier, C)["pending"] == 5
    assert compared(later, later, C)["pending"] == 3
    assert not compared(earlier, later, C)["in_sync"], "the wrong way round it proves nothing, and says so"


def test_a_copy_made_anew_between_the_two_is_behind(cluster: Any) -> None:
    earlier = recorded(cluster)
    made_anew(cluster)
    assert compared(recorded(cluster), earlier, C)["pairs"] == {"done": 4, "total": 8}


def test_the_nodes_need_not_be_in_the_same_order(cluster: Any) -> None:
    assert compared(recorded(cluster), recorded(cluster, [C, A, B]), C)["in_sync"]


def test_a_member_of_which_there_is_no_result(cluster: Any) -> None:
    results = recorded(cluster, [A, C])
    answer = compared(results, results, C)
    assert answer["reason"] == "members" and B in answer["msg"]
    assert [problem["id"] for problem in answer["problems"] if B in problem["nodes"]] == ["member-count-differs"]


def test_a_node_that_was_recorded_twice(cluster: Any) -> None:
    results = recorded(cluster, [A, C, C])
    answer = compared(results, results, C)
    assert answer["reason"] == "members" and "name-repeated" in {problem["id"] for problem in answer["problems"]}


@pytest.mark.parametrize("turn", ["later", "earlier"])
@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"failed": True, "msg": "http://127.0.0.1:5986 does not answer", "reason": "unreachable"}, "unreachable"),
        ({"failed": True, "msg": "answers 401", "reason": "credentials"}, "credentials"),
        ({"unreachable": True, "msg": "Failed to connect to the host via ssh"}, "unreachable"),
        ({"skipped": True}, "unreachable"),
        (None, "unreachable"),
    ],
)
def test_a_result_without_a_recording(cluster: Any, result: Result | None, reason: str, turn: str) -> None:
    good = recorded(cluster)
    bad = [good[0], result, good[2]]
    answer = compared(bad, good, C) if turn == "later" else compared(good, bad, C)
    assert answer["reason"] == reason and "in_sync" not in answer
    assert "Result 2 of 3" in answer["msg"] and (result or {}).get("msg", "nothing was recorded") in answer["msg"]


def test_no_results_at_all() -> None:
    assert compared([], [], C)["reason"] == "members"


def test_other_nodes_than_before(cluster: Any) -> None:
    answer = compared(recorded(cluster), recorded(cluster, [A, B]), C)
    assert answer["reason"] == "members" and f"{A}, {B}, and later {A}, {B}, {C}" in answer["msg"]


def test_a_cluster_that_was_not_whole_when_it_was_recorded_first(cluster: Any) -> None:
    island(cluster)
    earlier = recorded(cluster)
    cluster.connected.clear()
    assert compared(recorded(cluster), earlier, C)["reason"] == "members"
