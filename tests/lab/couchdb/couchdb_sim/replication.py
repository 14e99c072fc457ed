# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal replication: the background jobs by which the copies of a shard come to hold the same.

A job pushes one shard to one node, a batch of changes at a time. How far a pair of copies has come is kept on both sides
in a `_local/shard-sync-` document. Only jobs that had a batch know how much is pending, and only they are counted.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import struct
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from couchdb_sim.errors import NodeDown
from couchdb_sim.shardfile import ShardFile
from couchdb_sim.shardmap import database_of

if TYPE_CHECKING:
    from couchdb_sim.node import Node

BATCH = 100
RETRY_SECONDS = 5.0
CALL_TIMEOUT = 60


@dataclass
class Job:
    """A push that waits, from some time on and with so much known to be pending."""

    due: float
    pending: int | None = None


class InternalReplication:
    """The jobs of one node, and the thread that does them one after the other."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._jobs: dict[tuple[str, str], Job] = {}
        self._active: Job | None = None
        self._held: dict[tuple[str, str], float] = {}
        self._wake = threading.Condition()

    def start(self) -> None:
        threading.Thread(target=self._work, daemon=True).start()

    @property
    def backlog(self) -> int:
        with self._wake:
            jobs = [*self._jobs.values(), *([self._active] if self._active else [])]
            return sum(job.pending or 0 for job in jobs)

    def push(self, shard: str, target: str, delay: float = 0.0) -> None:
        """Have a shard pushed to a node; a job that is there already is brought forward."""
        if target == self._node.name:
            return
        due = time.monotonic() + delay
        with self._wake:
            job = self._jobs.setdefault((shard, target), Job(due))
            job.due = min(job.due, due)
            self._wake.notify()

    def push_now(self, shard: str, target: str) -> None:
        """Have a shard pushed at once, whether or not its backlog was noticed."""
        self._held.pop((shard, target), None)
        self.push(shard, target)

    def updated(self, name: str) -> None:
        """A database of this node has changed: push it to the other copies a little later."""
        delay = int(self._node.config.get("mem3", "sync_delay", "5000")) / 1000
        if name == self._node.nodes_database:
            self._node.distribution.dial(self._node.members())
        if name in self._node.local_databases:
            self.push(name, self._next_node())
            return
        for target in self._node.copies_of(name):
            if self._node.is_connected(target):
                held = self._held.get((name, target), 0.0) - time.monotonic()
                self.push(name, target, max(delay, held))

    def node_up(self, node: str) -> None:
        """A node is back. Its backlog is noticed only after a while, and until then nobody knows of it."""
        hold = float(self._node.config.get("sim", "sync_delay", "2"))
        for name in self._node.local_databases:
            self.push(name, self._next_node())
        for shard_map in self._node.shard_maps():
            for shard in shard_map.held_by(self._node.name):
                if shard in shard_map.held_by(node):
                    self._held[shard, node] = time.monotonic() + hold
                    self.push(shard, node, hold)

    def node_down(self, node: str) -> None:
        with self._wake:
            self._jobs = {key: job for key, job in self._jobs.items() if key[1] != node}

    def _next_node(self) -> str:
        """The databases of the cluster itself go round in a ring of the members that are up."""
        members = [name for name in self._node.members() if self._node.is_connected(name)]
        here = members.index(self._node.name) if self._node.name in members else -1
        return members[(here + 1) % len(members)] if members else self._node.name

    def _work(self) -> None:
        while True:
            shard, target, job = self._take()
            try:
                pending = self._replicate(shard, target, job)
            except Exception as error:
                self._finish()
                if not isinstance(error, NodeDown):
                    self._node.log(f"mem3_sync {shard} {target} {error}")
                    self.push(shard, target, RETRY_SECONDS)
            else:
                self._finish(shard, target, pending)

    def _take(self) -> tuple[str, str, Job]:
        with self._wake:
            while True:
                now = time.monotonic()
                for (shard, target), job in self._jobs.items():
                    if job.due <= now:
                        self._active = self._jobs.pop((shard, target))
                        return shard, target, job
                self._wake.wait(min((job.due for job in self._jobs.values()), default=now + 60) - now)

    def _finish(self, shard: str = "", target: str = "", pending: int = 0) -> None:
        with self._wake:
            self._active = None
            if pending:
                self._jobs.pop((shard, target), None)
                self._jobs[shard, target] = Job(time.monotonic(), pending)

    def _replicate(self, shard: str, target: str, job: Job) -> int:
        """Push one batch; returns how many changes are left."""
        source = self._node.files.open(shard)
        found = self._ask(target, "load_checkpoint", shard, source.uuid)
        if found["security"] != source.security and shard.startswith("shards/"):
            self._sync_security(shard)
        checkpoint = found["id"]
        # What the side knows that came less far, should one of the two writes have failed.
        resume = min(source.local_document(checkpoint) or {}, found["doc"] or {}, key=lambda doc: doc.get("seq", 0))
        since = resume.get("seq", 0)
        if since >= source.update_seq:
            return 0
        changes = source.changes(since, BATCH)
        wanted = {document.id: [list(leaf.key) for leaf in document.leaves] for _seq, document in changes}
        missing = self._ask(target, "missing_revisions", shard, wanted)
        leaves = [
            (document.id, leaf)
            for _seq, document in changes
            for leaf in document.leaves
            if list(leaf.key) in missing.get(document.id, [])
        ]
        if leaves:
            self._ask(target, "merge", shard, [[doc_id, *leaf.pack()] for doc_id, leaf in leaves])
        reached = changes[-1][0] if changes else since
        entry = {"source_node": self._node.name, "source_uuid": source.uuid, "source_seq": reached}
        entry["timestamp"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = self._ask(target, "save_checkpoint", shard, checkpoint, entry, resume.get("history", {}))
        source.put_local(checkpoint, body)
        job.pending = source.count_changes(reached)
        self._throttle(len(leaves))
        return job.pending

    def _throttle(self, documents: int) -> None:
        rate = float(self._node.config.get("sim", "sync_rate", "0"))
        if rate:
            time.sleep(documents / rate)

    def _sync_security(self, shard: str) -> None:
        """Give all copies of a database the security object that most of them have."""
        database = database_of(shard)
        shard_map = self._node.shard_map(database)
        answers = {
            copy: self._node.distribution.call(copy[1], "get_security", shard_map.shard(copy[0]))
            for copy in shard_map.copies()
        }
        found = {}
        for copy, answer in answers.items():
            with contextlib.suppress(Exception):
                found[copy] = json.dumps(answer.result(CALL_TIMEOUT), sort_keys=True)
        most, count = Counter(found.values()).most_common(1)[0]
        if count <= len(answers) / 2:
            return
        for (range_, node), security in found.items():
            if security != most:
                self._ask(node, "set_security", shard_map.shard(range_), json.loads(most))

    def _ask(self, target: str, function: str, *arguments: Any) -> Any:
        return self._node.distribution.call(target, function, *arguments).result(CALL_TIMEOUT)


def checkpoint_id(source_uuid: str, target_uuid: str) -> str:
    return f"_local/shard-sync-{_digest(source_uuid)}-{_digest(target_uuid)}"


def save_checkpoint(
    target: ShardFile, node: str, checkpoint: str, entry: dict[str, Any], history: dict[str, Any]
) -> dict[str, Any]:
    """Write on the target how far its source has come; the same body is then written on the source."""
    complete = {"target_node": node, "target_uuid": target.uuid, "target_seq": target.update_seq, **entry}
    body = {
        "seq": entry["source_seq"],
        "target_uuid": target.uuid,
        "history": {entry["source_node"]: _add(complete, history.get(entry["source_node"], []))},
    }
    target.put_local(checkpoint, body)
    return body


def _add(entry: dict[str, Any], history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The history with a new entry; of the older ones only so many are kept as there are powers of two between."""
    older = [
        old for old in history if old["source_seq"] < entry["source_seq"] and old["target_seq"] < entry["target_seq"]
    ]
    buckets: dict[int, list[dict[str, Any]]] = {}
    for old in older:
        buckets.setdefault((entry["source_seq"] - old["source_seq"]).bit_length(), []).append(old)
    kept = [old for bucket in buckets.values() for old in ([bucket[0], bucket[-1]] if len(bucket) > 1 else bucket)]
    return [entry, *kept]


def _digest(uuid: str) -> str:
    term = b"\x83\x6d" + struct.pack(">I", len(uuid)) + uuid.encode("ascii")
    return base64.urlsafe_b64encode(hashlib.md5(term).digest()).decode().rstrip("=")
