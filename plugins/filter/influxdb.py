# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from the role influxdb to its own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._dispatch import dispatcher

DOCUMENTATION = r"""
name: influxdb
author: dbfleet contributors (@dbfleet)
version_added: 0.1.0
short_description: Shape what is known of an InfluxDB node
description:
  - Applies one of the pure functions of C(plugin_utils/_influxdb_node.py) to what the modules saw of a node.
  - Made for the role P(dbfleet.upgrade.influxdb#role). The functions may change with any release.
positional: function
extends_documentation_fragment:
  - dbfleet.upgrade.dispatch
"""

EXAMPLES = r"""
- name: Find the configuration that the node's service reads
  ansible.builtin.debug:
    msg: "{{ look.node | dbfleet.upgrade.influxdb('config_path') }}"
"""

RETURN = r"""
_value:
  description: What the function returns.
  type: raw
"""

FUNCTIONS = {
    "_influxdb_node": (
        "asked",
        "asked_again",
        "compared",
        "config_path",
        "config_summary",
        "configured",
        "conversion",
        "copies_id",
        "databases",
        "expected_shards",
        "files_of_service",
        "has_raft",
        "kept",
        "lost_on_the_way_back",
        "metastore",
        "preflight",
        "ready",
        "summary",
        "with_copies",
    ),
    "_changes": (
        "downtime",
        "swaps",
    ),
}


class FilterModule:
    """The filter influxdb."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"influxdb": dispatcher(FUNCTIONS)}
