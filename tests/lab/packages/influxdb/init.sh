#!/bin/sh
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
### BEGIN INIT INFO
# Provides:          influxd
# Required-Start:    $remote_fs $network
# Required-Stop:     $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: InfluxDB time series database (dbfleet lab)
### END INIT INFO

name=influxdb
program=/usr/bin/influxd
config=/etc/influxdb/influxdb.conf
pidfile=/var/run/influxdb/influxd.pid
log=/var/log/influxdb/influxd.log
open_files=65536
stop_limit=30
not_running=1

if [ -r /etc/default/influxdb ]; then
    set -a
    . /etc/default/influxdb
    set +a
fi

running() {
    [ -s "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null
}

start() {
    if running; then
        echo "$name is running already"
        return 0
    fi
    if [ ! -r "$config" ]; then
        echo "$name: no configuration at $config" >&2
        return 4
    fi
    mkdir -p "${pidfile%/*}"
    chown influxdb:influxdb "${pidfile%/*}"
    # dash and bash, the shells of the hosts this is for, both know -n.
    # shellcheck disable=SC3045
    ulimit -n "$open_files" 2>/dev/null || echo "$name: open files stay limited to $(ulimit -n)" >&2
    # Word splitting of the options is meant.
    # shellcheck disable=SC2086
    start-stop-daemon --start --quiet --chuid influxdb:influxdb --pidfile "$pidfile" --exec "$program" -- \
        -pidfile "$pidfile" -config "$config" $INFLUXD_OPTS >>"$log" 2>&1 </dev/null &
    sleep 1
    if ! running; then
        echo "$name did not start, see $log" >&2
        return 1
    fi
    echo "$name started"
}

stop() {
    if ! running; then
        echo "$name is not running"
        return 0
    fi
    pid=$(cat "$pidfile")
    kill -TERM "$pid"
    waited=0
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$waited" -ge "$stop_limit" ]; then
            echo "$name did not stop within $stop_limit s and is killed" >&2
            kill -KILL "$pid"
            break
        fi
        sleep 1
        waited=$((waited + 1))
    done
    rm -f "$pidfile"
    echo "$name stopped"
}

case "$1" in
    start)
        start
        ;;
    stop)
        stop
        ;;
    restart)
        stop && start
        ;;
    status)
        if running; then
            echo "$name is running"
        else
            echo "$name is not running"
            exit "$not_running"
        fi
        ;;
    *)
        echo "usage: $0 start|stop|restart|status" >&2
        exit 2
        ;;
esac
