# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of InfluxDB nodes: what an influxd goes by, and what speaks against upgrading it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_checks, _influxdb_settings


def influxdb_findings(
    node: Mapping[str, Any], target_version: str, options: Mapping[str, Any] | None = None
) -> list[_influxdb_checks.Finding]:
    """Return every finding about a node. See influxdb_findings.yml."""
    try:
        return _influxdb_checks.check(node, target_version, options)
    except FleetError as error:
        raise AnsibleFilterError(str(error)) from error


def influxdb_settings(
    text: str, environment: Mapping[str, str], version: str, path: str = "The configuration"
) -> dict[str, Any]:
    """Return what an influxd goes by. See influxdb_settings.yml."""
    try:
        return _influxdb_settings.settings(text, environment, version, path)
    except FleetError as error:
        raise AnsibleFilterError(str(error)) from error


def influxdb_config_path(args: Sequence[str], unit_exec: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Return the path of the configuration that an influxd reads. See influxdb_config_path.yml."""
    return _influxdb_settings.config_path(args, unit_exec, environment or {})


class FilterModule:
    """Filters of InfluxDB nodes."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {one.__name__: one for one in (influxdb_config_path, influxdb_findings, influxdb_settings)}
