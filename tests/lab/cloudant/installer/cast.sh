#!/bin/sh
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Starts CAST, which asks the server as a node that has its cookie does.
PYTHONPATH=/opt/cloudant/lib:/opt/cloudant exec python3 -B -m cast "$@"
