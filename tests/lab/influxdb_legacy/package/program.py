# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server by the name of the vendor's program, by which people and tools look for it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from influxdb_sim.__main__ import main

if __name__ == "__main__":
    main()
