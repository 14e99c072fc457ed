# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of fleet_plan, which is documented in plugins/modules/fleet_plan.py."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_model import (
    DIRECTIONS,
    FORWARD,
    REFUSED,
    Plan,
    read_plan,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_saved import matches
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._plan_table import table
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._planner import make_plan
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import plain

ARGUMENTS: dict[str, Any] = {
    "nodes": {"type": "list", "elements": "dict", "required": True},
    "options": {
        "type": "dict",
        "required": True,
        "options": {
            "direction": {"type": "str", "default": FORWARD, "choices": list(DIRECTIONS)},
            "path": {"type": "str"},
            "canary": {"type": "int", "default": 0},
            "wave_limit": {"type": "int", "default": 10},
            "pause_after": {"type": "int", "default": 0},
        },
    },
    "saved": {"type": "path"},
    "dest": {"type": "path"},
}

display = Display()


class ActionModule(ActionBase):
    """Plan the run on the controller; no host is connected to."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Answer the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)[1]
        try:
            return {**result, **_planned(plain(arguments), self._task.check_mode)}
        except FleetError as error:
            return {**result, "failed": True, "msg": str(error), **error.facts}


def _planned(arguments: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Make the plan, show it, keep it, and return what the task returns."""
    plan = make_plan(arguments["nodes"], arguments["options"])
    saved, dest = arguments["saved"], arguments["dest"]
    if saved:
        plan = _held_to(_load(saved), plan)
    text = table(plan)
    display.display(text)
    if dest and not check_mode and not _same_file(saved, dest):
        _save(plan, dest)
    return {
        "changed": False,
        "plan": plan.to_dict(),
        "verdict": plan.verdict,
        "reason": plan.verdict_reason,
        "table": text,
    }


def _held_to(saved: Plan, plan: Plan) -> Plan:
    """Refuse the plan if it is not the one that was saved."""
    differences = matches(saved, plan)
    if not differences:
        return plan
    reason = f"The saved plan does not fit what was found: {'; '.join(differences)}."
    return replace(plan, waves=(), verdict=REFUSED, verdict_reason=reason)


def _load(path: str) -> Plan:
    try:
        with open(path, encoding="utf-8") as file:
            return read_plan(json.load(file))
    except (OSError, ValueError) as error:
        raise FleetError(
            f"The saved plan {path} cannot be read: {error}",
            "a plan.json of an earlier run",
            "Check the path in fleet_plan",
        ) from error


def _same_file(saved: str | None, dest: str) -> bool:
    """A saved plan is never overwritten by the run that follows it: it is what was agreed on."""
    return bool(saved) and os.path.realpath(str(saved)) == os.path.realpath(dest)


def _save(plan: Plan, path: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=".plan-", dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(plan.to_dict(), file, indent=2)
            file.write("\n")
        os.replace(partial, path)
    except OSError as error:
        raise FleetError(
            f"The plan cannot be written to {path}: {error.strerror or error}",
            "a folder on the controller that can be written",
            "Name another folder with fleet_report_dir",
        ) from error
