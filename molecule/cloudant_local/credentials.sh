# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# Prints what makes a node a member of its cluster and lets people log in.
cd /opt/cloudant/etc || exit 1
grep -hE '^(admin|cloudant|secret|uuid|q|r|w|n) =' local.ini | sort
grep -hE '^-(name|setcookie) ' vm.args
