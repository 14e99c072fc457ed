# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's way from its playbook to its own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _checks, _engine
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._dispatch import dispatcher

DOCUMENTATION = r"""
name: fleet
author: dbfleet contributors (@dbfleet)
version_added: 0.1.0
short_description: Shape the engine's data
description:
  - Applies one of the engine's pure functions, those of C(plugin_utils/_engine.py), to its data.
  - Made for the role P(dbfleet.upgrade.fleet#role). The functions may change with any release.
positional: function
extends_documentation_fragment:
  - dbfleet.upgrade.dispatch
"""

EXAMPLES = r"""
- name: See which nodes of the plan belong to this run
  ansible.builtin.debug:
    msg: "{{ plan | dbfleet.upgrade.fleet('planned') }}"
"""

RETURN = r"""
_value:
  description: What the function returns.
  type: raw
"""

FUNCTIONS = (
    _engine.batch_sizes,
    _engine.detected,
    _engine.package_of,
    _engine.role_of,
    _engine.packages,
    _engine.plan_node,
    _engine.plan_nodes,
    _engine.planned,
    _engine.queue,
    _engine.reason,
    _engine.refusal,
    _engine.report_nodes,
    _engine.settings,
    _checks.speaking_against,
    _engine.swap_package,
    _engine.to_undo,
    _engine.unproved,
    _engine.wave_places,
    _engine.way_back,
    _engine.without,
)


class FilterModule:
    """The filter fleet."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"fleet": dispatcher(FUNCTIONS)}
