# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The own filters of the role influxdb: each one is the function of that name in plugin_utils/_influxdb_node.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_node


class FilterModule:
    """Filters of the role influxdb."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "influxdb_asked": _influxdb_node.asked,
            "influxdb_compared": _influxdb_node.compared,
            "influxdb_config_summary": _influxdb_node.config_summary,
            "influxdb_configured": _influxdb_node.configured,
            "influxdb_copies_id": _influxdb_node.copies_id,
            "influxdb_databases": _influxdb_node.databases,
            "influxdb_expected_shards": _influxdb_node.expected_shards,
            "influxdb_files": _influxdb_node.files_of_service,
            "influxdb_kept": _influxdb_node.kept,
            "influxdb_node_config_path": _influxdb_node.config_path,
            "influxdb_preflight": _influxdb_node.preflight,
            "influxdb_ready": _influxdb_node.ready,
            "influxdb_summary": _influxdb_node.summary,
            "influxdb_swap_package": _influxdb_node.swap_package,
            "influxdb_swaps": _influxdb_node.swaps,
            "influxdb_way_back": _influxdb_node.way_back,
        }
