# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One filter for the functions of one module."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError


def dispatcher(functions: Iterable[Callable[..., Any]]) -> Callable[..., Any]:
    """Return a filter that applies one of the functions by its name; a FleetError becomes a filter's error."""
    known = {function.__name__: function for function in functions}

    def apply(value: Any, function: str, *arguments: Any) -> Any:
        if function not in known:
            raise AnsibleFilterError(f"There is no function {function}. Expected one of: {', '.join(sorted(known))}.")
        try:
            return known[function](value, *arguments)
        except FleetError as error:
            raise AnsibleFilterError(str(error)) from error

    return apply
