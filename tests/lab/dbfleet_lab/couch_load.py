# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users of a cluster do while it is upgraded: they write, change and read documents through a balancer.

Every request is made on a new connection, and once more where it fails. What was acknowledged is remembered, and every node
can be asked for it afterwards.
"""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dbfleet_lab.couch import Couch
from dbfleet_lab.shell import LabError

EXISTS, CONFLICT = 412, 409
FAILED = (LabError, OSError, http.client.HTTPException, ValueError)
NEW_EVERY = 3
"""Of so many writes, one makes a new document; the others change any of those before."""
SETTLING = 8.0
"""So many seconds after its acknowledgement a write has to be in all copies in service. A quorum acknowledges it; a node that
was in maintenance until a moment ago gets it by internal replication, for which CouchDB takes about five."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Write:
    """A write that was acknowledged: the revision that it made, and when."""

    revision: str
    at: float = field(default_factory=time.monotonic)

    def is_newer_than(self, revision: str) -> bool:
        """Whether somebody who is given that revision is given an old one."""
        return generation(self.revision) > generation(revision)


def generation(revision: str) -> int:
    return int(revision.partition("-")[0])


@dataclass
class Load:
    """Clients of a balancer that write and read without pause, until the block is left."""

    balancer: Couch
    database: str = field(default_factory=lambda: f"load-{time.time_ns()}")
    writers: int = 2
    interval: float = 0.02
    acknowledged: dict[str, Write] = field(default_factory=dict)
    """The last acknowledged write of every document."""
    writes: int = 0
    reads: int = 0
    retried: list[str] = field(default_factory=list)
    """What failed once."""
    failures: list[str] = field(default_factory=list)
    """What failed twice."""
    stale: list[str] = field(default_factory=list)
    """What a reader was given though a later write had been acknowledged."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self.balancer.put(self.database, tolerate=[EXISTS])
        targets = [(self._write_on, (client,)) for client in range(self.writers)] + [(self._read_on, ())]
        self._threads = [threading.Thread(target=target, args=given, daemon=True) for target, given in targets]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=150)
            assert not thread.is_alive(), "a client never got an answer"

    def _write_on(self, client: int) -> None:
        """Write documents that nobody else writes, and read each back at once."""
        chance, own = random.Random(client), list[str]()
        for turn in itertools.count():
            if self._stop.is_set():
                return
            if turn % NEW_EVERY == 0:
                own.append(f"client {client}/{turn}")
            name = own[-1] if turn % NEW_EVERY == 0 else chance.choice(own)
            self._write(name, turn)
            self._read_back(name)
            self._stop.wait(self.interval)

    def _write(self, name: str, turn: int) -> None:
        known = self.acknowledged.get(name)
        document = {"turn": turn, **({"_rev": known.revision} if known else {})}
        revision = self._patiently(
            f"PUT {name}", lambda: self._put(name, document), lambda: self.put_again(name, document)
        )
        if revision:
            self.acknowledged[name] = Write(revision)
            self.writes += 1

    def _put(self, name: str, document: dict[str, Any]) -> str:
        return str(self.balancer.put(self.database, name, body=document)["rev"])

    def put_again(self, name: str, document: dict[str, Any]) -> str:
        """Write again; a conflict means that the first write was done, though its answer was lost, if this is what is there."""
        answer = self.balancer.put(self.database, name, body=document, tolerate=[CONFLICT])
        if "rev" in answer:
            return str(answer["rev"])
        held = self.balancer.get(self.database, name)
        if held["turn"] != document["turn"]:
            raise LabError(f"a conflict, and turn {held['turn']} is there")
        return str(held["_rev"])

    def _read_back(self, name: str) -> None:
        """A quorum of copies answers, so that what was acknowledged is seen at once."""
        wanted = self.acknowledged.get(name)
        found = self._ask(f"GET {name}", self.database, name)
        if wanted and found and wanted.is_newer_than(found["_rev"]):
            self.stale.append(f"{name}: {found['_rev']} instead of {wanted.revision}")

    def _read_on(self) -> None:
        """Read the list of all documents, for which one copy of each range is asked, that of the answering node first."""
        while not self._stop.wait(self.interval):
            settled = time.monotonic() - SETTLING
            wanted = {name: write for name, write in self.acknowledged.copy().items() if write.at < settled}
            found = self._ask("GET _all_docs", self.database, "_all_docs")
            if found:
                self.stale += missing(wanted, found["rows"])

    def _ask(self, what: str, *path: str) -> Any:
        self.reads += 1
        return self._patiently(what, lambda: self.balancer.get(*path))

    def _patiently(
        self, what: str, request: Callable[[], Answer], again: Callable[[], Answer] | None = None
    ) -> Answer | None:
        """Make a request, and once more where it fails; None where that fails too."""
        try:
            return request()
        except FAILED as error:
            self.retried.append(f"{what}: {error!r}")
        try:
            return (again or request)()
        except FAILED as error:
            self.failures.append(f"{what}: {error!r}")
            return None

    def lost(self, nodes: Sequence[Couch], limit: float = 30) -> list[str]:
        """Return what the nodes' own copies lack of the acknowledged writes, after internal replication had its time.

        Raises LabError or OSError where a node cannot be asked: no answer is no proof.
        """
        end = time.monotonic() + limit
        while True:
            found = [f"{node.address}: {one}" for node in nodes for one in self._missing_at(node)]
            if not found or time.monotonic() > end:
                return found
            time.sleep(0.5)

    def _missing_at(self, node: Couch) -> list[str]:
        return missing(self.acknowledged, node.get(self.database, "_all_docs")["rows"])


def missing(wanted: dict[str, Write], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return what is lost or stale of the writes in a list of documents."""
    held = {row["id"]: row["value"]["rev"] for row in rows}
    return [
        f"{name}: {held.get(name, 'nothing')} instead of {write.revision}"
        for name, write in wanted.items()
        if name not in held or write.is_newer_than(held[name])
    ]
