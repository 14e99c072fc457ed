# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of weatherreport, as a node runs them on itself: what they find, and at which level they say it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from couchdb_sim.node import Node

# The level and the text.
Message = tuple[str, str]

TIMEOUT = 5
PENDING_TO_WARN_OF = 1_000_000
LEVEL_OF_COPIES = {2: "warning", 1: "error", 0: "critical"}


def run(node: Node, check: str) -> list[Message]:
    return list(CHECKS[check][1](node))


def _custodian(node: Node) -> Iterator[Message]:
    found = _missing_copies(node)
    for database, range_, kind, copies in found:
        low, high = (int(bound, 16) for bound in range_.split("-"))
        text = f"{copies} {kind} shards for Db: {database} Range: [{low},{high}]."
        yield LEVEL_OF_COPIES.get(copies, "info"), text
    if not found:
        yield "info", "All shards available and alive."


def _disk(node: Node) -> Iterator[Message]:
    data = node.home / node.config.get("couchdb", "database_dir", "./data")
    if not os.access(data, os.W_OK):
        yield "error", f"No write access to data directory {data}. Please make it writeable by the server's user."
    elif not os.statvfs(data).f_flag & os.ST_NOATIME:
        advice = "Please remount its disk with the 'noatime' flag to improve performance."
        yield "notice", f"Data directory {data} is not mounted with 'noatime'. {advice}"


def _internal_replication(node: Node) -> Iterator[Message]:
    pending = node.replication.backlog
    level = "warning" if pending > PENDING_TO_WARN_OF else "info"
    yield level, f"Total number of pending internal replication jobs: {pending}"


def _mem3_sync(node: Node) -> Iterator[Message]:
    yield "info", f"mem3_sync process found on local node with pid <0.{os.getpid()}.0>"


def _membership(node: Node) -> Iterator[Message]:
    if node.name not in node.members():
        advice = "Please check that the -name setting in vm.args is correct."
        yield "warning", f"Local node '{node.name}' is not a member of the ring. {advice}"


def _memory_use(node: Node) -> Iterator[Message]:
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    share = 100 * resident / (os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    yield "info", f"Process is using {share:.1f}% of available RAM, totalling {resident // 1024} KB of real memory."


def _nodes_connected(node: Node) -> Iterator[Message]:
    for member in node.members():
        if not node.is_connected(member):
            text = f"Cluster member {member} is not connected to this node. Please check whether it is down."
            yield "warning", text


def _safe_to_rebuild(node: Node) -> Iterator[Message]:
    """From 2.2 on the check looks for shards in a form that they no longer have, and so it never finds any."""
    none = [] if node.release.since(2, 2) else _in_danger(node, 1)
    one = [] if node.release.since(2, 2) else [shard for shard in _in_danger(node, 2) if shard not in none]
    if none:
        yield "crit", f"Rebuilding this node will leave the following shard with NO live copies: {', '.join(none)}"
    else:
        yield "info", "This node can be rebuilt without causing any shards to become N=0"
    if one:
        yield "error", f"Rebuilding this node will leave the following shards with only one live copy: {', '.join(one)}"
    else:
        yield "info", "This node can be rebuilt without causing any shards to become N=1"


def _in_danger(node: Node, threshold: int) -> list[str]:
    """Each copy of the shards that have no more than so many; a node in maintenance does not count for one of them."""
    limit = threshold - 1 if node.maintenance == "true" else threshold
    few = {(database, range_) for database, range_, _kind, copies in _missing_copies(node) if copies <= limit}
    return [
        f"{shard_map.database} {range_}"
        for shard_map in node.shard_maps()
        for range_, _holder in shard_map.copies()
        if (shard_map.database, range_) in few
    ]


def _missing_copies(node: Node) -> list[tuple[str, str, str, int]]:
    """Of each range with too few copies the database, the range, what the copies lack, and how many there are.

    A copy is safe while its node is connected, and live while that node is not in maintenance either.
    """
    wanted = int(node.config.get("cluster", "n", "3"))
    safe = node.connected()
    live = [name for name in safe if not _in_maintenance(node, name)]
    return [
        (shard_map.database, range_, kind, copies)
        for shard_map in node.shard_maps()
        for range_, holders in sorted(shard_map.by_range.items())
        for kind, nodes in (("live", live), ("safe", safe))
        if (copies := sum(holder in nodes for holder in holders)) < wanted
    ]


def _in_maintenance(node: Node, name: str) -> bool:
    settings = node.distribution.call(name, "config").result(TIMEOUT)
    return bool(settings.get("couchdb", {}).get("maintenance_mode") == "true")


CHECKS: dict[str, tuple[str, Callable[[Node], Iterator[Message]]]] = {
    "custodian": ("Shard safety/liveness checks", _custodian),
    "disk": ("Data directory permissions and atime", _disk),
    "internal_replication": ("Check the number of pending internal replication jobs", _internal_replication),
    "mem3_sync": ("Check there is a registered mem3_sync process", _mem3_sync),
    "membership": ("Cluster membership validity", _membership),
    "memory_use": ("Measure memory usage", _memory_use),
    "nodes_connected": ("Cluster node liveness", _nodes_connected),
    "safe_to_rebuild": ("Check whether the node can safely be taken out of service", _safe_to_rebuild),
}
