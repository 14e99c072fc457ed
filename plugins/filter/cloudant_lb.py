# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from the role cloudant_lb to its own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._dispatch import dispatcher

DOCUMENTATION = r"""
name: cloudant_lb
author: dbfleet contributors (@dbfleet)
version_added: 0.1.0
short_description: Shape what is known of a load balancer
description:
  - Applies one of the pure functions of C(plugin_utils/_cloudant_lb.py) to what the modules saw of a load balancer.
  - Made for the role P(dbfleet.upgrade.cloudant_lb#role). The functions may change with any release.
positional: function
extends_documentation_fragment:
  - dbfleet.upgrade.dispatch
"""

EXAMPLES = r"""
- name: Find the addresses of the virtual URL
  ansible.builtin.debug:
    msg: "{{ cloudant_lb_virtual_url | dbfleet.upgrade.cloudant_lb('addresses_of') }}"
"""

RETURN = r"""
_value:
  description: What the function returns.
  type: raw
"""

FUNCTIONS = {
    "_cloudant_lb": (
        "addresses_of",
        "balancers",
        "cloudant_release",
        "compared",
        "detected",
        "going_on",
        "haproxy_release",
        "holders",
        "holds",
        "kept",
        "last_balancer",
        "last_line",
        "lost",
        "mark",
        "noted",
        "of_packages",
        "others",
        "preflight",
        "serving",
        "summary",
        "swaps",
        "watched",
    ),
    "_changes": ("downtime",),
}


class FilterModule:
    """The filter cloudant_lb."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"cloudant_lb": dispatcher(FUNCTIONS)}
