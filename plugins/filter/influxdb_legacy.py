# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from the role influxdb_legacy to its own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import (
    _changes,
    _influxdb_legacy,
    _influxdb_legacy_spaces,
)
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

FUNCTIONS = (
    _influxdb_legacy.absent,
    _influxdb_legacy.address,
    _influxdb_legacy.asked,
    _influxdb_legacy.behind,
    _influxdb_legacy.cluster_of,
    _influxdb_legacy.compared,
    _changes.downtime,
    _influxdb_legacy_spaces.in_order_of_creation,
    _influxdb_legacy.is_proved,
    _influxdb_legacy.kept,
    _influxdb_legacy.kept_paths,
    _influxdb_legacy.looked_at,
    _influxdb_legacy.lost_on_the_way_back,
    _influxdb_legacy.not_all_migrated,
    _influxdb_legacy_spaces.not_as_wished,
    _influxdb_legacy.preflight,
    _influxdb_legacy.quiet_config,
    _changes.read_note,
    _influxdb_legacy.ready,
    _influxdb_legacy.summary,
    _influxdb_legacy.swap_due,
    _changes.swaps,
    _influxdb_legacy.timed,
    _influxdb_legacy.turn,
    _influxdb_legacy_spaces.wished,
)


class FilterModule:
    """The filter influxdb_legacy."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"influxdb_legacy": dispatcher(FUNCTIONS)}
