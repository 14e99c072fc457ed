# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a filter that applies one of several functions by its name."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  _input:
    description: The first argument of the function.
    type: raw
    required: true
  function:
    description: Name of the function. What follows it are the function's other arguments.
    type: str
    required: true
"""
