# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's own filters: each one is the function of the same name in plugin_utils/_engine.py."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _engine


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a FleetError reach the user as a filter's error."""

    @functools.wraps(function)
    def filter_(*args: Any) -> Any:
        try:
            return function(*args)
        except FleetError as error:
            raise AnsibleFilterError(str(error)) from error

    return filter_


class FilterModule:
    """Filters of the engine."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        functions = (
            _engine.batch_sizes,
            _engine.detected,
            _engine.package_of,
            _engine.package_summary,
            _engine.packages,
            _engine.plan_node,
            _engine.plan_nodes,
            _engine.planned,
            _engine.queue,
            _engine.reason,
            _engine.refusal,
            _engine.report_nodes,
            _engine.to_undo,
            _engine.unproved,
            _engine.wave_places,
            _engine.without,
        )
        return {"fleet_" + function.__name__: _told(function) for function in functions}
