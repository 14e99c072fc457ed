# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ranges a database has, and which nodes hold their copies: the documents of `_dbs`."""

from __future__ import annotations

import random
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RING = 2**32
NAME = re.compile(r"[a-z][a-z0-9_$()+/-]*")
SYSTEM_NAMES = ("_users", "_replicator", "_global_changes")
SHARD = re.compile(r"shards/([0-9a-f]{8}-[0-9a-f]{8})/(.+)\.\d+")


@dataclass(frozen=True)
class ShardMap:
    """The map of one database."""

    database: str
    suffix: str
    by_range: dict[str, list[str]]

    @classmethod
    def create(cls, database: str, q: int, n: int, nodes: Sequence[str]) -> ShardMap:
        """A map with q ranges of n copies, dealt out to the nodes in turn from a random one on."""
        width = RING // q
        bounds = [(start * width, RING - 1 if start == q - 1 else (start + 1) * width - 1) for start in range(q)]
        first = random.randrange(len(nodes))
        by_range = {
            f"{low:08x}-{high:08x}": [
                nodes[(first + index * n + copy) % len(nodes)] for copy in range(min(n, len(nodes)))
            ]
            for index, (low, high) in enumerate(bounds)
        }
        return cls(database, f".{int(time.time())}", by_range)

    @classmethod
    def of_document(cls, database: str, body: dict[str, Any]) -> ShardMap:
        suffix = "".join(map(chr, body["shard_suffix"]))
        return cls(database, suffix, {range_: list(nodes) for range_, nodes in body["by_range"].items()})

    def document(self) -> dict[str, Any]:
        by_node: dict[str, list[str]] = {}
        for range_, nodes in self.by_range.items():
            for node in nodes:
                by_node.setdefault(node, []).append(range_)
        changelog = [["add", range_, node] for range_, nodes in self.by_range.items() for node in nodes]
        return {
            "shard_suffix": list(map(ord, self.suffix)),
            "changelog": sorted(changelog),
            "by_node": {node: sorted(ranges) for node, ranges in sorted(by_node.items())},
            "by_range": {range_: sorted(nodes) for range_, nodes in sorted(self.by_range.items())},
            "props": {},
        }

    @property
    def q(self) -> int:
        return len(self.by_range)

    @property
    def n(self) -> int:
        return max(map(len, self.by_range.values()))

    @property
    def quorum(self) -> int:
        return self.n // 2 + 1

    def shard(self, range_: str) -> str:
        return f"shards/{range_}/{self.database}{self.suffix}"

    def range_of(self, doc_id: str) -> str:
        """The range that holds a document."""
        place = zlib.crc32(doc_id.encode("utf-8"))
        return next(range_ for range_ in self.by_range if int(range_[:8], 16) <= place <= int(range_[9:], 16))

    def copies(self) -> list[tuple[str, str]]:
        """All copies as pairs of range and node."""
        return [(range_, node) for range_, nodes in self.by_range.items() for node in nodes]

    def held_by(self, node: str) -> list[str]:
        """The names of the shards that a node has copies of."""
        return [self.shard(range_) for range_, nodes in self.by_range.items() if node in nodes]


def database_of(shard: str) -> str:
    """The database that a shard belongs to; a name that is no shard's belongs to itself."""
    match = SHARD.fullmatch(shard)
    return match.group(2) if match else shard


def range_of(shard: str) -> str:
    match = SHARD.fullmatch(shard)
    return match.group(1) if match else "00000000-ffffffff"


def is_database_name(name: str) -> bool:
    return name in SYSTEM_NAMES or bool(NAME.fullmatch(name))
