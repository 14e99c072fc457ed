# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from the role cloudant_lb to its own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _changes, _cloudant_lb
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

FUNCTIONS = (
    _cloudant_lb.addresses_of,
    _cloudant_lb.balancers,
    _cloudant_lb.cloudant_release,
    _cloudant_lb.compared,
    _cloudant_lb.detected,
    _changes.downtime,
    _cloudant_lb.going_on,
    _cloudant_lb.haproxy_release,
    _cloudant_lb.holders,
    _cloudant_lb.holds,
    _cloudant_lb.kept,
    _cloudant_lb.last_balancer,
    _cloudant_lb.last_line,
    _cloudant_lb.lost,
    _cloudant_lb.mark,
    _cloudant_lb.noted,
    _cloudant_lb.of_packages,
    _cloudant_lb.others,
    _cloudant_lb.preflight,
    _cloudant_lb.serving,
    _cloudant_lb.summary,
    _cloudant_lb.swaps,
    _cloudant_lb.watched,
)


class FilterModule:
    """The filter cloudant_lb."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"cloudant_lb": dispatcher(FUNCTIONS)}
