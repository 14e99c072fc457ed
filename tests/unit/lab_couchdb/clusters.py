# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of synchronization do to a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from couchdb_sim.cluster import Cluster, Member


def write(member: Member, count: int, database: str = "db") -> None:
    docs = [{"number": number} for number in range(count)]
    assert member.request("POST", f"/{database}/_bulk_docs", {"docs": docs}).status in (201, 202)


@contextmanager
def away(cluster: Cluster, member: Member) -> Iterator[None]:
    """A node that is stopped for a time, and in maintenance from its start."""
    member.set_maintenance("true")
    member.stop()
    yield
    member.start()
    cluster.wait_until_joined()
