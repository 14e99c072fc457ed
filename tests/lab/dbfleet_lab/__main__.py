# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry point of `python3 -m dbfleet_lab`."""

from __future__ import annotations

import sys

from dbfleet_lab.cli import main

sys.exit(main(sys.argv[1:]))
