#!/bin/sh
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The upgrade of one server of InfluxDB 0.7 to 0.8, up to where the migration may begin, as one types it who knows the steps: no
# thought, no pause, nothing proved. Measured against, never shipped. On the node: influxdb.deb and influxdb.curl.
set -e

server=http://127.0.0.1:8086

influxdb() {
    path=$1
    shift
    curl --silent --fail --config /root/influxdb.curl "$@" "$server$path"
}

space() {
    influxdb "/cluster/shard_spaces/$1" --data "{\"name\": \"$2\", \"regex\": \"$3\", \"shardDuration\": \"$4\",
        \"retentionPolicy\": \"inf\", \"replicationFactor\": 1, \"split\": 1}"
}

service influxdb stop
cp -a /opt/influxdb/shared /root/backup
dpkg -i --force-confold /root/influxdb.deb
service influxdb start
until curl --silent --fail --output /dev/null $server/ping; do sleep 0.1; done
for database in metrics app empty; do
    space "$database" long '/^[A-Z].*/' 30d
    space "$database" short '/^[^A-Z].*/' 7d
done
