# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from the role influxdb_legacy to its own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._dispatch import dispatcher

DOCUMENTATION = r"""
name: influxdb_legacy
author: dbfleet contributors (@dbfleet)
version_added: 0.1.0
short_description: Shape what is known of a node of InfluxDB 0.7 or 0.8
description:
  - Applies one of the pure functions of C(plugin_utils/_influxdb_legacy.py) and C(_influxdb_legacy_spaces.py) to what the modules saw of
    a node and its cluster.
  - Made for the role P(dbfleet.upgrade.influxdb_legacy#role). The functions may change with any release.
positional: function
extends_documentation_fragment:
  - dbfleet.upgrade.dispatch
"""

EXAMPLES = r"""
- name: See which hosts are in the same cluster
  ansible.builtin.debug:
    msg: "{{ inventory_hostname | dbfleet.upgrade.influxdb_legacy('cluster_of', hostvars, groups['all']) }}"
"""

RETURN = r"""
_value:
  description: What the function returns.
  type: raw
"""

FUNCTIONS = {
    "_influxdb_legacy": (
        "absent",
        "address",
        "asked",
        "behind",
        "cluster_of",
        "compared",
        "is_proved",
        "kept",
        "kept_paths",
        "looked_at",
        "lost_on_the_way_back",
        "not_all_migrated",
        "preflight",
        "quiet_config",
        "ready",
        "summary",
        "swap_due",
        "timed",
        "turn",
    ),
    "_changes": (
        "downtime",
        "read_note",
        "swaps",
    ),
    "_influxdb_legacy_spaces": (
        "in_order_of_creation",
        "not_as_wished",
        "wished",
    ),
}


class FilterModule:
    """The filter influxdb_legacy."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"influxdb_legacy": dispatcher(FUNCTIONS)}
