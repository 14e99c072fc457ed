# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in answers as a real cluster of three nodes did: the same requests, status codes, bodies and keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from couchdb_sim.cluster import Cluster

SESSION = json.loads((Path(__file__).parent / "session-3.4.3.json").read_text(encoding="utf-8"))
SYSTEM_DATABASES = ("_users", "_replicator", "_global_changes")
SEQUENCES = ("seq", "last_seq", "update_seq", "purge_seq")
OWN = ("uuid", "instance_start_time")


@pytest.fixture(scope="module")
def recorded_cluster() -> Iterator[Cluster]:
    with Cluster(name="couchdb_a") as cluster:
        for database in SYSTEM_DATABASES:
            cluster.members[0].put(f"/{database}")
        yield cluster


def comparable(value: Any, key: str = "") -> Any:
    """A value without what differs from one cluster to the next: identities, sizes, and the insides of sequences."""
    if key in SEQUENCES and isinstance(value, str):
        return value.split("-")[0]
    if key in OWN:
        return "a value of its own"
    if key == "sizes":
        return list(value)
    if key == "shards":
        return {range_: sorted(nodes) for range_, nodes in value.items()}
    if isinstance(value, dict):
        return {name: comparable(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value


def shape(value: Any) -> Any:
    """The keys of a value, at every level, and the kinds of what they hold."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in sorted(value.items())}
    return type(value).__name__


@pytest.mark.parametrize("step", SESSION, ids=[step["title"].replace(" ", "-") for step in SESSION])
def test_answers_as_recorded(recorded_cluster: Cluster, step: dict[str, Any]) -> None:
    """Each step follows the ones before it."""
    member = recorded_cluster.members[step["node"]]
    if step["title"].startswith("a3 stopped"):
        recorded_cluster.members[2].stop()
    user = tuple(step["user"].split(":")) if step["user"] else None
    body = step["body"].encode() if step["body"] else None
    answer = member.request(step["method"], step["path"], body, auth=user)  # type: ignore[arg-type]
    assert answer.status == step["status"]
    if step["title"] == "system":
        found = shape(answer.body)
        found["message_queues"] = {
            name: kind for name, kind in found["message_queues"].items() if name in step["answer"]["message_queues"]
        }
        assert found == shape(step["answer"])
    else:
        assert json.dumps(comparable(answer.body)) == json.dumps(comparable(step["answer"]))
