# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# Prints every file of CouchDB's configuration that is not the release's own: name, owner, mode, and what is in it.
cd /opt/couchdb/etc || exit 1
find . -type f -not -name 'default.ini' -not -path './default.d/*' | sort | while read -r file; do
    stat -c '== %n %U:%G %a' "$file"
    cat "$file"
done
