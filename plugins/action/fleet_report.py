# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of fleet_report, which is documented in plugins/modules/fleet_report.py."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_files as files
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_model import build, load
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_origin import completed
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts, plain
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_summary import summary

ARGUMENTS: dict[str, Any] = {
    "dest": {"type": "path"},
    # raw: a template that gives nothing arrives as an empty string on ansible-core 2.16
    "run": {"type": "raw"},
    "plan": {"type": "raw"},
    "nodes": {"type": "raw"},
    "source": {"type": "path"},
}
RULES: dict[str, Any] = {
    "mutually_exclusive": [("source", "run"), ("source", "plan"), ("source", "nodes")],
    "required_one_of": [("dest", "source")],
}

COLLECTION = Path(__file__).resolve().parents[2]


class ActionModule(ActionBase):
    """Write the report of a run on the controller; no host is connected to."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Answer the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS, **RULES)
        try:
            return {**result, **_reported(plain(arguments), self._task.check_mode)}
        except FleetError as error:
            return {**result, "failed": True, "msg": str(error), **error.facts}


def _reported(arguments: Facts, check_mode: bool) -> Facts:
    """Write the report, show its summary, and return what the task returns."""
    source = Path(arguments["source"]).absolute() if arguments["source"] else None
    folder = Path(arguments["dest"] or Path(arguments["source"]).parent).absolute()
    report = load(files.read(source), str(source)) if source else _of_run(arguments)
    texts = files.rendered(report) if source else {**files.rendered(report), files.JSON: files.dumped(report)}
    if not check_mode:
        files.write(folder, texts)
    Display().display(summary(report, None if check_mode else str(folder / files.HTML)))
    return {
        "changed": False,  # a report tells of the fleet and is no part of it
        "ok": report["ok"],
        "verdict": report["verdict"],
        "report": str(source or folder / files.JSON),
        "html": str(folder / files.HTML),
        "markdown": str(folder / files.MARKDOWN),
        "junit": str(folder / files.JUNIT),
    }


def _of_run(arguments: Facts) -> Facts:
    """Return the report of a run that has just ended."""
    run = arguments["run"] if isinstance(arguments["run"], dict) else {}
    return build(completed(run, time.time(), COLLECTION), arguments["plan"], arguments["nodes"])
