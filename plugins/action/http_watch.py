# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of a watch: it tells the module which process is ansible-playbook, with which the watch has to end."""

from __future__ import annotations

import multiprocessing
import os
from typing import Any

from ansible.plugins.action import ActionBase

MODULE = "dbfleet.upgrade.http_watch"


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = {"driver": driver(), **self._task.args}
        result.update(self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars))
        return result


def driver() -> int:
    """Return the process that forked this worker: ansible-playbook, which drives the run."""
    parent = multiprocessing.parent_process()
    return os.getpid() if parent is None else parent.pid or os.getppid()
