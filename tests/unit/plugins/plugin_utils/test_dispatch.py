# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dbfleet.upgrade.plugins.filter import (
    cloudant_db,
    cloudant_lb,
    fleet,
    influxdb,
    influxdb_legacy,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._dispatch import PACKAGE, dispatcher

FILTERS = {
    "cloudant_db": cloudant_db,
    "cloudant_lb": cloudant_lb,
    "fleet": fleet,
    "influxdb": influxdb,
    "influxdb_legacy": influxdb_legacy,
}

# What Ansible does in the process of every task that uses one of our filters.
LOAD_ALL = "\n".join(
    [f"import ansible_collections.dbfleet.upgrade.plugins.filter.{name}" for name in FILTERS]
    + [
        "import sys",
        f"print(*[name for name in sys.modules if name.startswith({PACKAGE!r} + '._') or name == 'requests'])",
    ]
)


@pytest.mark.parametrize("name", FILTERS)
def test_every_function_of_a_filter_is_there_once(name: str) -> None:
    functions = FILTERS[name].FUNCTIONS
    names = [function for module in functions.values() for function in module]
    assert len(names) == len(set(names))
    for module, of_module in functions.items():
        found = import_module(f"{PACKAGE}.{module}")
        assert all(callable(getattr(found, function)) for function in of_module)
    assert list(FILTERS[name].FilterModule().filters()) == [name]


def test_a_filter_applies_a_function_by_its_name() -> None:
    apply = fleet.FilterModule().filters()["fleet"]
    assert apply(["a", "b"], "without", {"a": {"fact": True}, "b": {}}, "fact") == ["b"]


def test_an_unknown_function_is_told_with_those_that_there_are() -> None:
    with pytest.raises(AnsibleFilterError, match=r"no function other\. Expected one of: plan, without"):
        dispatcher({"_engine": ("without", "plan")})([], "other")


def test_an_error_of_a_function_is_the_filters() -> None:
    spaces = influxdb_legacy.FilterModule().filters()["influxdb_legacy"]
    with pytest.raises(AnsibleFilterError, match="there is no list of shard spaces"):
        spaces(["m"], "wished", {"m": "nothing"}, {})


def test_loading_all_filters_is_cheap() -> None:
    """Otherwise every task that uses one pays for what all of them need, on every node."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD_ALL], env=environment, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == [f"{PACKAGE}._dispatch"]
