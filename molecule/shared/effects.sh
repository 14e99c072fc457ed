# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# Lists what a run can change on a node, and the servers' processes with their start: equal lists mean no effect.
# Times of access are left out, because looking is allowed, and the folder in which Ansible keeps its modules for a moment.
find /etc /usr /opt /home /root /var/lib/dpkg /var/lib/dbfleet /var/lib/influxdb/meta -xdev \
    -not -path '/root/.ansible*' -printf '%p %T@ %s %m %u:%g %l\n' 2>/dev/null | sort
for pid in $(pgrep -x influxd; pgrep -u couchdb 2>/dev/null; pgrep -u cloudant 2>/dev/null); do
    echo "process $pid, started at tick $(cut -d ' ' -f 22 "/proc/$pid/stat")"
done
