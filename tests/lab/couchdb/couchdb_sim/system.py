# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What /_node/{node}/_system tells. Only the jobs of internal replication, the times and the connections are real."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from couchdb_sim.node import Node

MEMORY = ("other", "atom", "atom_used", "processes", "processes_used", "binary", "code", "ets")
COUNTERS = (
    "run_queue",
    "run_queue_dirty_cpu",
    "ets_table_count",
    "context_switches",
    "reductions",
    "garbage_collection_count",
    "words_reclaimed",
    "io_input",
    "io_output",
    "os_proc_count",
    "stale_proc_count",
)
QUEUES = (
    "couch_server",
    "rexi_server",
    "mem3_sync",
    "mem3_sync_nodes",
    "mem3_shards",
    "mem3_nodes",
    "couch_event_server",
)
PERCENTILES = ("count", "min", "max", "50", "90", "99")
TRAFFIC = ("recv_oct", "recv_cnt", "recv_max", "recv_avg", "recv_dvi")
SENT = ("send_oct", "send_cnt", "send_max", "send_avg", "send_pend")


def system(node: Node) -> dict[str, Any]:
    nothing = dict.fromkeys(PERCENTILES, 0)
    return {
        "uptime": node.uptime,
        "memory": dict.fromkeys(MEMORY, 0),
        **dict.fromkeys(COUNTERS, 0),
        "process_count": threading.active_count(),
        "process_limit": 262144,
        "message_queues": {"couch_file": nothing, "couch_db_updater": nothing, **dict.fromkeys(QUEUES, 0)},
        "internal_replication_jobs": node.replication.backlog,
        "distribution": {name: dict.fromkeys(TRAFFIC + SENT, 0) for name in node.distribution.connected},
        "distribution_events": dict(node.distribution.events),
    }
