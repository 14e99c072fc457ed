#!/bin/sh
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
### BEGIN INIT INFO
# Provides:          influxdb
# Required-Start:    $remote_fs $network
# Required-Stop:     $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: InfluxDB time series database (dbfleet lab)
### END INIT INFO

name=influxdb
program=/usr/bin/influxdb
shared=/opt/influxdb/shared
config=$shared/config.toml
pidfile=$shared/influxdb.pid
output=$shared/output.txt
open_files=65536
stop_limit=30

running() {
    [ -s "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null
}

start() {
    if running; then
        echo "$name process is already running"
        return 0
    fi
    # start-stop-daemon trusts no pid file of another user, and what is left is that of a server that was killed.
    rm -f "$pidfile"
    # dash and bash, the shells of the hosts this is for, both know -n.
    # shellcheck disable=SC3045
    ulimit -n "$open_files" 2>/dev/null || echo "$name: open files stay limited to $(ulimit -n)" >&2
    setsid start-stop-daemon --start --quiet --chuid influxdb:influxdb --pidfile "$pidfile" --startas "$program" -- \
        -pidfile "$pidfile" -config "$config" >>"$output" 2>&1 </dev/null &
    server=$!
    sleep 1
    # On a busy machine it takes longer until the pid file is there.
    while ! running && kill -0 "$server" 2>/dev/null; do
        sleep 1
    done
    if ! running; then
        echo "$name process failed to start, see $output" >&2
        return 1
    fi
    echo "$name process was started"
}

stop() {
    if ! running; then
        echo "$name process is not running"
        return 0
    fi
    pid=$(cat "$pidfile")
    kill -TERM "$pid"
    waited=0
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$waited" -ge "$stop_limit" ]; then
            kill -KILL "$pid"
            break
        fi
        sleep 1
        waited=$((waited + 1))
    done
    rm -f "$pidfile"
    echo "$name process was stopped"
}

case "$1" in
    start)
        start
        ;;
    stop)
        stop
        ;;
    restart)
        stop && sleep 2 && start
        ;;
    status)
        if running; then
            echo "$name process is running"
        else
            echo "$name process is not running"
            exit 3
        fi
        ;;
    *)
        echo "usage: $0 start|stop|restart|status" >&2
        exit 2
        ;;
esac
