#!/bin/sh
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The upgrade of one node of CouchDB as one types it who knows the steps: no thought, no pause, no look at a balancer, and of
# internal replication only what everybody looks at. Measured against, never shipped. On the node: couchdb.deb and couchdb.curl.
set -e

server=http://127.0.0.1:5984
flag=/_node/_local/_config/couchdb/maintenance_mode

couch() {
    path=$1
    shift
    curl --silent --fail --config /root/couchdb.curl "$@" "$server$path"
}

members() {
    couch /_membership | grep -o 'couchdb@[^"]*'
}

is_out() {
    [ "$(curl --silent --output /dev/null --write-out '%{http_code}' $server/_up)" = 404 ]
}

is_connected() {
    # Three nodes, each in both lists.
    [ "$(members | wc -l)" = 6 ]
}

has_no_jobs() {
    for member in $(members | sort -u); do
        couch "/_node/$member/_system" | grep -Eq '"internal_replication_jobs": ?0[,}]' || return 1
    done
}

await() {
    until "$1"; do sleep 0.1; done
}

couch "$flag" --request PUT --data '"true"'
systemctl stop couchdb
dpkg -i --force-confold /root/couchdb.deb
systemctl start couchdb
await is_out
await is_connected
await has_no_jobs
couch "$flag" --request PUT --data '"false"'
