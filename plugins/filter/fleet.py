# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's way from its playbook to its own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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

FUNCTIONS = {
    "_engine": (
        "batch_sizes",
        "detected",
        "package_of",
        "role_of",
        "packages",
        "plan_node",
        "plan_nodes",
        "planned",
        "queue",
        "reason",
        "refusal",
        "report_nodes",
        "settings",
        "swap_package",
        "to_undo",
        "unproved",
        "wave_places",
        "way_back",
        "without",
    ),
    "_checks": ("speaking_against",),
}


class FilterModule:
    """The filter fleet."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"fleet": dispatcher(FUNCTIONS)}
