# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the copies of a cluster are in sync, from what every node recorded of its own (cloudant_copies_info)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_copies import RecordedClient
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_sync import Node, Observer
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

Recording = Mapping[str, Any]
Results = Sequence[Mapping[str, Any] | None]


def compared(later: Results, earlier: Results, subject: str | None = None) -> dict[str, Any]:
    """Return what cloudant_sync would: in_sync, pairs, pending, behind, differing_maps and jobs; or msg and reason.

    Both lists are results of cloudant_copies_info from all members, the earlier one recorded before the later one began. The
    checkpoints of the later are compared with the sequences of the earlier, which proves that all that was written before
    has arrived. The same list twice will do where nobody writes. subject is the node whose pairs count, as in cloudant_sync.
    """
    try:
        return _compared(_recordings(later), _recordings(earlier), subject)
    except FleetError as error:
        return {**error.facts, "msg": str(error)}


def _compared(later: Sequence[Recording], earlier: Sequence[Recording], subject: str | None) -> dict[str, Any]:
    before = {recording["name"]: recording for recording in earlier}
    if before.keys() != {recording["name"] for recording in later}:
        raise FleetError(
            f"Recorded were {_names(earlier)}, and later {_names(later)}",
            "the same nodes twice",
            "see whether a node changed its name, and record all members again",
            reason="members",
        )
    clients = [RecordedClient(dict(before[recording["name"]])) for recording in later]
    observer = Observer(
        [Node(client, now["host"], now["port"]) for client, now in zip(clients, later, strict=True)], _each, subject
    )
    observer.look()
    for client, now in zip(clients, later, strict=True):
        client.recording = dict(now)
    return observer.look().describe()


def _recordings(results: Results) -> list[Recording]:
    if not results:
        raise FleetError(
            "No nodes were recorded", "a result of cloudant_copies_info from every member", reason="members"
        )
    return [_recording(result or {}, f"{number} of {len(results)}") for number, result in enumerate(results, 1)]


def _recording(result: Mapping[str, Any], place: str) -> Recording:
    if "copies" not in result:
        raise FleetError(
            f"Result {place} tells of no copies: {result.get('msg', 'nothing was recorded')}",
            "a result of cloudant_copies_info from every member",
            "mend that node, and record all members again",
            reason=result.get("reason", "unreachable"),
        )
    recording: Recording = result["copies"]
    return recording


def _names(recordings: Sequence[Recording]) -> str:
    return ", ".join(sorted(recording["name"] for recording in recordings))


def _each(function: Callable[[Node], Any], nodes: Sequence[Node]) -> list[Any]:
    return [function(node) for node in nodes]
