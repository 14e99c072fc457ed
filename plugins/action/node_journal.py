# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows what happens to a node as one line, keeps the timeline of its phases, and writes the journal on the node."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.dbfleet.upgrade.plugins.module_utils._journal import ARGUMENTS, mask_secrets

COLORS = {"ok": C.COLOR_OK, "failed": C.COLOR_ERROR, "skipped": C.COLOR_SKIP, "note": C.COLOR_VERBOSE}


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        known = task_vars or {}
        _validation, args = self.validate_argument_spec(argument_spec=ARGUMENTS)
        args["data"] = mask_secrets(args["data"])  # modules log their arguments on the node
        timeline, took = advance(former(known, args["run_id"]), args, time.time())
        if args["state"] != "started":
            Display().display(line(str(known.get("inventory_hostname", "")), args, took), color=COLORS[args["state"]])
        result["changed"] = args["write"]
        if args["write"] and not self._task.check_mode:
            result.update(
                self._execute_module(module_name="dbfleet.upgrade.node_journal", module_args=args, task_vars=task_vars)
            )
        result["ansible_facts"] = {"fleet_timeline": timeline}
        return result


def former(known: Mapping[str, Any], run_id: str) -> list[dict[str, Any]]:
    """Return the timeline so far. A fact cache may still hold the one of an earlier run."""
    kept = known.get("ansible_facts", {}).get("fleet_timeline") or []
    return [dict(phase) for phase in kept if phase.get("run_id") == run_id]


def advance(timeline: list[dict[str, Any]], args: dict[str, Any], now: float) -> tuple[list[dict[str, Any]], float]:
    """Return timeline after the event in args, and the seconds that the phase took.

    A start opens a phase; an end closes the last open one of that name. No time is before an earlier one, even where the
    clock of the controller is set back. A note is no phase.
    """
    if args["state"] == "note":
        return timeline, 0.0
    moment = max([round(now, 3)] + [phase["ended"] or phase["started"] for phase in timeline])
    fresh = {"run_id": args["run_id"], "phase": args["phase"], "started": moment, "ended": None}
    said = {"status": args["state"], "detail": args["detail"]}
    if args["state"] == "started":
        return [*timeline, {**fresh, **said}], 0.0
    same = [place for place, phase in enumerate(timeline) if phase["phase"] == args["phase"]]
    opened = [place for place in same if timeline[place]["ended"] is None]
    place = opened[-1] if opened else len(timeline)
    closed = {**(timeline[place] if opened else fresh), **said, "ended": moment}
    return [*timeline[:place], closed, *timeline[place + 1 :]], moment - closed["started"]


def line(host: str, args: dict[str, Any], took: float) -> str:
    """Return what people see: host, phase, state, time taken, detail."""
    shown = f"{took:.1f} s" if took >= 0.05 else ""
    return f"{host:<16}  {args['phase']:<10}  {args['state']:<7}  {shown:>8}  {args['detail']}".rstrip()
