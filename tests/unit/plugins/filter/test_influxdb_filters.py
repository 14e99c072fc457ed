# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dbfleet.upgrade.plugins.filter.influxdb import FilterModule

FILTERS = FilterModule().filters()


def test_the_filters() -> None:
    assert sorted(FILTERS) == ["influxdb_config_path", "influxdb_findings", "influxdb_settings"]


def test_a_mistake_becomes_the_filters_error() -> None:
    with pytest.raises(AnsibleFilterError, match="/etc/x is not valid TOML at line 1"):
        FILTERS["influxdb_settings"]("a =", {}, "1.3.9", "/etc/x")
    with pytest.raises(AnsibleFilterError, match="is not a version of InfluxDB"):
        FILTERS["influxdb_findings"]({"version": "1.3.9"}, "newest")


def test_the_filters_answer() -> None:
    assert FILTERS["influxdb_settings"]("", {"INFLUXDB_HTTP_BIND_ADDRESS": ":1"}, "1.3.9")["http"]["port"] == 1
    assert FILTERS["influxdb_config_path"](["influxd"]) == "/etc/influxdb/influxdb.conf"
    assert FILTERS["influxdb_config_path"]([], "influxd $A", {"A": "-config=/a"}) == "/a"
    assert FILTERS["influxdb_findings"]({}, "1.4.3")[0]["severity"] == "error"
