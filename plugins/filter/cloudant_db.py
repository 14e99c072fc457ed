# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from the role cloudant_db to its own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._dispatch import dispatcher

DOCUMENTATION = r"""
name: cloudant_db
author: dbfleet contributors (@dbfleet)
version_added: 0.1.0
short_description: Shape what is known of a database node of CouchDB or Cloudant Local
description:
  - Applies one of the pure functions of C(plugin_utils/_cloudant_db.py), C(_cloudant_copies.py) and C(_cloudant_local.py) to what the
    modules saw of a node and its cluster.
  - Made for the role P(dbfleet.upgrade.cloudant_db#role). The functions may change with any release.
positional: function
extends_documentation_fragment:
  - dbfleet.upgrade.dispatch
"""

EXAMPLES = r"""
- name: See which hosts are in the same cluster
  ansible.builtin.debug:
    msg: "{{ inventory_hostname | dbfleet.upgrade.cloudant_db('members', hostvars, groups['all']) }}"
"""

RETURN = r"""
_value:
  description: What the function returns.
  type: raw
"""

FUNCTIONS = {
    "_cloudant_db": (
        "addresses",
        "chain",
        "changed_security",
        "excused",
        "kept",
        "looked_at",
        "members",
        "not_as_wanted",
        "not_serving",
        "of_cluster",
        "of_defaults",
        "of_format",
        "of_weather",
        "own_name",
        "placed",
        "preflight",
        "ready",
        "record",
        "setting",
        "stranded",
        "summary",
    ),
    "_changes": ("read_note",),
    "_checks": ("of_way_back",),
    "_cloudant_copies": ("compared",),
    "_cloudant_local": (
        "cut_off",
        "erlang_names",
        "not_in_sync",
        "not_shown",
        "of_installer",
        "of_traffic",
        "one_way",
    ),
}


class FilterModule:
    """The filter cloudant_db."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"cloudant_db": dispatcher(FUNCTIONS)}
