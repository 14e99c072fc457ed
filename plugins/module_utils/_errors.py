# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one exception of the collection, and the one place where it becomes a module's failure."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

try:
    from typing import Any, Callable, Dict, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


class FleetError(Exception):
    """Something a person has to know: what was found, what was expected, what to do.

    found, expected and remedy are sentences without a final full stop; facts are returned by the module beside the message
    (for example reason='credentials'), so that a caller can decide without reading prose.
    """

    def __init__(self, found, expected=None, remedy=None, **facts):
        # type: (str, Optional[str], Optional[str], Any) -> None
        parts = [found]
        if expected:
            parts.append("Expected: " + expected)
        if remedy:
            parts.append("What to do: " + remedy)
        super(FleetError, self).__init__(". ".join(part.rstrip(".") for part in parts) + ".")
        self.facts = facts  # type: Dict[str, Any]


def run(module, action):
    # type: (Any, Callable[[], Dict[str, Any]]) -> None
    """End the module with what action() returns; a FleetError becomes a failure that a person can act on."""
    try:
        result = action()
    except FleetError as error:
        module.fail_json(msg=str(error), **error.facts)
    module.exit_json(**result)
