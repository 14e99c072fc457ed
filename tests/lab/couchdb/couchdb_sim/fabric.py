# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The coordinator of clustered requests: which copies are asked, and how many must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from couchdb_sim.documents import Document, Leaf, Update
from couchdb_sim.errors import CouchError, MaintenanceMode, in_maintenance, no_progress, no_shards
from couchdb_sim.sequences import Position
from couchdb_sim.shardmap import ShardMap

if TYPE_CHECKING:
    from couchdb_sim.node import Node

TIMEOUT = 60


@dataclass(frozen=True)
class Change:
    """One row of a feed: where in which range it stands, and the document that changed."""

    range: str
    position: Position
    document: Document


@dataclass(frozen=True)
class Feed:
    """A part of the changes of a database: where it begins and ends, and how many changes follow."""

    begin: dict[str, Position]
    changes: list[Change]
    end: dict[str, Position]
    pending: int


class Database:
    """A database as its cluster sees it, from the node that coordinates."""

    def __init__(self, node: Node, name: str) -> None:
        self.name = name
        self._node = node
        self.map = node.shard_map(name)

    def security(self) -> dict[str, Any] | None:
        """The security object of the first copy that can be opened, this node's own first."""
        copies = sorted(self.map.copies(), key=lambda copy: (copy[1] != self._node.name, copy))
        for range_, holder in copies:
            try:
                found: dict[str, Any] | None = self._ask(range_, holder, "open_shard").result(TIMEOUT)
            except Exception:
                continue
            return found
        raise no_shards()

    def set_security(self, security: dict[str, Any]) -> None:
        """A majority of the copies must take it."""
        answers = [self._ask(range_, holder, "set_security", security) for range_, holder in self.map.copies()]
        if len(list(_results(answers))) <= len(answers) // 2:
            raise CouchError(500, "error", "no_majority")

    def info(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Of each range the copy that was asked, and what it says of itself."""
        return self._of_one_copy("db_info")

    def all_docs(self, start: str, end: str) -> tuple[int, list[tuple[str, Leaf]]]:
        """The number of all documents, and those in a range of ids, as one copy of each range has them."""
        parts = [part for _holder, part in self._of_one_copy("all_docs", start, end).values()]
        rows = sorted(
            ((doc_id, Leaf.unpack(leaf)) for _count, found in parts for doc_id, leaf in found), key=_first_item
        )
        return sum(count for count, _found in parts), rows

    def changes(self, since: Mapping[str, Position], limit: int) -> Feed:
        """The changes after a position, as one copy of each range has them."""
        begin, end, pending = {}, {}, 0
        changes: list[Change] = []
        for range_ in self.map.by_range:
            at = since.get(range_, Position())
            holder, part = self._first(range_, "changes", at.uuid, at.seq, limit - len(changes))
            begin[range_] = Position(holder, part["uuid"], part["begin"])
            end[range_] = Position(holder, part["uuid"], part["last"])
            pending += part["pending"]
            for seq, doc_id, leaves in part["rows"]:
                document = Document(doc_id, tuple(map(Leaf.unpack, leaves)))
                changes.append(Change(range_, Position(holder, part["uuid"], seq), document))
        return Feed(begin, changes, end, pending)

    def document(self, doc_id: str, r: int | None = None) -> Document | None:
        """The document that as many copies as the quorum agree on; where they differ, those that lag are repaired."""
        range_ = self.map.range_of(doc_id)
        answers = {holder: self._ask(range_, holder, "document", doc_id) for holder in self.map.by_range[range_]}
        wanted = min(r or self.map.quorum, self.map.n)
        found: dict[str, Document] = {}
        for holder, packed in _as_completed(answers):
            found[holder] = Document(doc_id, tuple(map(Leaf.unpack, packed)))
            if max(Counter(document.state for document in found.values()).values()) >= wanted:
                break
        if not found:
            raise CouchError(500, "error", "read_failure")
        merged = self._repair(range_, doc_id, found)
        return merged if merged.leaves else None

    def local_document(self, doc_id: str) -> dict[str, Any] | None:
        range_ = self.map.range_of(doc_id)
        answer: dict[str, Any] | None = self._first(range_, "local_document", doc_id)[1]
        return answer

    def edit(self, updates: Sequence[Update], w: int | None = None) -> Outcome:
        """Have all copies do the edits; each edit is done when as many as the quorum did the same."""
        answers = self._to_all_copies("edit", updates, [update.pack() for update in updates])
        return self._gather(answers, len(updates), w or self.map.quorum)

    def take(self, updates: Sequence[Update], w: int | None = None) -> Outcome:
        """Have all copies take revisions over as they are."""
        answers = self._to_all_copies("take", updates, [[update.id, *update.leaf().pack()] for update in updates])
        return self._gather(answers, len(updates), w or self.map.quorum)

    def sync_shards(self) -> None:
        """Have every copy pushed to every other at once."""
        for range_, holders in self.map.by_range.items():
            for source in holders:
                for target in holders:
                    if source != target:
                        self._ask(range_, source, "push", target)

    def _ask(self, range_: str, holder: str, function: str, *arguments: Any) -> Future[Any]:
        return self._node.distribution.call(holder, function, self.map.shard(range_), *arguments)

    def _holders(self, range_: str) -> list[str]:
        """Those that are up of the nodes with a copy, this one first."""
        holders = [holder for holder in sorted(self.map.by_range[range_]) if self._node.is_connected(holder)]
        return sorted(holders, key=lambda holder: holder != self._node.name)

    def _first(self, range_: str, function: str, *arguments: Any) -> tuple[str, Any]:
        """The first holder that serves, and its answer."""
        failure = no_progress()
        for holder in self._holders(range_):
            try:
                return holder, self._ask(range_, holder, function, *arguments).result(TIMEOUT)
            except MaintenanceMode:
                failure = in_maintenance(holder)
            except Exception as error:
                self._node.log(f"{function} {self.map.shard(range_)} {holder} {error!r}")
        raise failure

    def _of_one_copy(self, function: str, *arguments: Any) -> dict[str, tuple[str, Any]]:
        return {range_: self._first(range_, function, *arguments) for range_ in self.map.by_range}

    def _repair(self, range_: str, doc_id: str, found: dict[str, Document]) -> Document:
        """All leaves that the copies know together, which those that lack some are given."""
        merged = Document(doc_id, ())
        for document in found.values():
            for leaf in document.leaves:
                merged = merged.merge(leaf)
        leaves = [[doc_id, *leaf.pack()] for leaf in merged.leaves]
        for holder, document in found.items():
            if document.state != merged.state:
                self._ask(range_, holder, "take", leaves)
        return merged

    def _to_all_copies(
        self, function: str, updates: Sequence[Update], packed: Sequence[Any]
    ) -> list[tuple[list[int], Future[Any]]]:
        """Ask the copies of all ranges concerned; returns which of the updates each answer is about."""
        by_range: dict[str, list[int]] = {}
        for index, update in enumerate(updates):
            by_range.setdefault(self.map.range_of(update.id), []).append(index)
        return [
            (indexes, self._ask(range_, holder, function, [packed[index] for index in indexes]))
            for range_, indexes in by_range.items()
            # The others first: this node's own copy is written while they are at work.
            for holder in sorted(self.map.by_range[range_], key=lambda holder: holder == self._node.name)
        ]

    def _gather(self, answers: list[tuple[list[int], Future[Any]]], count: int, w: int) -> Outcome:
        replies: list[list[tuple[Any, ...]]] = [[] for _update in range(count)]
        waiting = {future: indexes for indexes, future in answers}
        while waiting and not all(_quorum(found, w) for found in replies):
            done, _open = wait(waiting, TIMEOUT, FIRST_COMPLETED)
            if not done:
                break
            for future in done:
                indexes = waiting.pop(future)
                for result in _results([future]):
                    # Revisions that were taken over are not answered one by one.
                    told = result or [["ok", ""]] * len(indexes)
                    for position, index in enumerate(indexes):
                        replies[index].append(tuple(told[position]))
        return Outcome([_verdict(found, w) for found in replies])


@dataclass(frozen=True)
class Outcome:
    """For every update `ok` or `accepted` with its revision, or an error."""

    verdicts: list[tuple[Any, ...]]

    @property
    def accepted(self) -> bool:
        """Whether a quorum was missed."""
        return any(verdict[0] == "accepted" for verdict in self.verdicts)


def create(node: Node, name: str, q: int, n: int) -> bool:
    """Create a database; returns whether a majority of the members have its map."""
    members = node.members()
    shard_map = ShardMap.create(name, q, n, members)
    call = node.distribution.call
    made = [call(holder, "create_shard", shard_map.shard(range_)) for range_, holder in shard_map.copies()]
    wait(made, TIMEOUT)
    return _tell_members(node, name, shard_map.document())


def delete(node: Node, name: str) -> bool:
    """Delete a database; returns whether a majority of the members know."""
    shard_map = node.shard_map(name)
    known = _tell_members(node, name, None)
    call = node.distribution.call
    wait([call(holder, "delete_shard", shard_map.shard(range_)) for range_, holder in shard_map.copies()], TIMEOUT)
    return known


def _tell_members(node: Node, name: str, body: dict[str, Any] | None) -> bool:
    members = node.members()
    answers = [node.distribution.call(member, "write_shard_map", name, body) for member in members]
    return len(list(_results(answers))) > len(members) // 2


def _first_item(row: tuple[str, Any]) -> str:
    return row[0]


def _results(answers: Iterable[Future[Any]]) -> Iterator[Any]:
    """The answers of those that answered."""
    for answer in answers:
        try:
            result = answer.result(TIMEOUT)
        except Exception:
            continue
        yield result


def _as_completed(answers: dict[str, Future[Any]]) -> Iterator[tuple[str, Any]]:
    waiting = {future: holder for holder, future in answers.items()}
    while waiting:
        done, _open = wait(waiting, TIMEOUT, FIRST_COMPLETED)
        if not done:
            return
        for future in done:
            holder = waiting.pop(future)
            for result in _results([future]):
                yield holder, result


def _quorum(replies: list[tuple[Any, ...]], w: int) -> tuple[Any, ...] | None:
    """The answer that enough copies gave alike."""
    good = Counter(reply for reply in replies if reply[0] == "ok")
    return next((reply for reply, votes in good.items() if votes >= w), None)


def _verdict(replies: list[tuple[Any, ...]], w: int) -> tuple[Any, ...]:
    agreed = _quorum(replies, w)
    if agreed:
        return agreed
    good = [reply for reply in replies if reply[0] == "ok"]
    if good:
        return ("accepted", good[0][1])
    return replies[0] if replies else ("error", 500, "internal_server_error", "internal_server_error")
