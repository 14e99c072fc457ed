# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One filter for the functions of some modules of plugin_utils."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

PACKAGE = "ansible_collections.dbfleet.upgrade.plugins.plugin_utils"


def dispatcher(modules: Mapping[str, Sequence[str]]) -> Callable[..., Any]:
    """Return a filter that applies one of the functions of each module by its name; a FleetError becomes a filter's error.

    A module is imported when one of its functions is asked for. Ansible loads all filters of a collection for every task that
    uses one of them, in a new process each time.
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def apply(value: Any, function: str, *arguments: Any) -> Any:
        if function not in homes:
            raise AnsibleFilterError(f"There is no function {function}. Expected one of: {', '.join(sorted(homes))}.")
        try:
            return getattr(import_module(f"{PACKAGE}.{homes[function]}"), function)(value, *arguments)
        except FleetError as error:
            raise AnsibleFilterError(str(error)) from error

    return apply
