# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# Prints the configuration of a node with its owner and mode.
cd /opt/influxdb/shared || exit 1
stat -c '%U:%G %a' config.toml
cat config.toml
