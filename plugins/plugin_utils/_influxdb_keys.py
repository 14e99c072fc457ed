# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of influxd's configuration, and what its releases did to them: data, read by the merge and by the settings.

Taken from the configuration structs of influxdata/influxdb at v0.10.3, v0.11.1, v0.12.2, v0.13.0, v1.0.2, v1.1.5, v1.2.4,
v1.3.9 and v1.4.3, and from what "influxd config" of 0.10.3 to 1.8.10 printed. The section of top-level keys is "".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _versions
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import Release

Place = tuple[str, str]
"""Section and key."""

LISTENERS = ("graphite", "collectd", "opentsdb", "udp")
"""Arrays of tables. collectd and opentsdb were plain tables up to 0.12; a plain table is fatal from 1.0."""

ARRAYS_SINCE: Release = (0, 13)

PATHS: Mapping[Place, str] = {
    ("meta", "dir"): "/var/lib/influxdb/meta",
    ("data", "dir"): "/var/lib/influxdb/data",
    ("data", "wal-dir"): "/var/lib/influxdb/wal",
}
"""Where the data is: always written down, because a server that looks elsewhere starts empty."""

FREE_SECTIONS = ("http.headers",)
"""Sections whose keys are the user's own."""

_BATCH = "enabled bind-address database retention-policy batch-size batch-pending batch-timeout"

KNOWN: Mapping[str, frozenset[str]] = {
    section: frozenset(keys.split())
    for section, keys in {
        "": "reporting-disabled bind-address",
        "meta": "dir retention-autocreate logging-enabled",
        "data": "dir wal-dir index-version wal-fsync-delay validate-keys strict-error-handling query-log-enabled"
        " cache-max-memory-size cache-snapshot-memory-size cache-snapshot-write-cold-duration"
        " compact-full-write-cold-duration compact-throughput compact-throughput-burst max-series-per-database"
        " max-values-per-tag max-concurrent-compactions max-index-log-file-size series-id-set-cache-size"
        " series-file-max-concurrent-snapshot-compactions trace-logging-enabled tsm-use-madv-willneed",
        "coordinator": "write-timeout max-concurrent-queries query-timeout log-queries-after max-select-point"
        " max-select-series max-select-buckets",
        "retention": "enabled check-interval",
        "shard-precreation": "enabled check-interval advance-period",
        "monitor": "store-enabled store-database store-interval",
        "subscriber": "enabled http-timeout insecure-skip-verify ca-certs write-concurrency write-buffer-size",
        "http": "enabled bind-address auth-enabled log-enabled suppress-write-log write-tracing flux-enabled"
        " flux-log-enabled pprof-enabled pprof-auth-enabled debug-pprof-enabled ping-auth-enabled"
        " prom-read-auth-enabled https-enabled https-certificate https-private-key max-row-limit max-connection-limit"
        " shared-secret realm unix-socket-enabled unix-socket-permissions unix-socket-group bind-socket max-body-size"
        " access-log-path access-log-status-filters max-concurrent-write-limit max-enqueued-write-limit"
        " enqueued-write-timeout",
        "logging": "format level suppress-logo",
        "continuous_queries": "enabled log-enabled query-stats-enabled run-interval",
        "tls": "ciphers min-version max-version",
        "graphite": _BATCH + " protocol consistency-level separator tags templates udp-read-buffer",
        "collectd": _BATCH + " read-buffer typesdb security-level auth-file parse-multivalue-plugin",
        "opentsdb": _BATCH + " consistency-level tls-enabled certificate log-point-errors",
        "udp": _BATCH + " read-buffer precision",
    }.items()
}
"""What a 1.x release reads. A key that is newer than the target is harmless: influxd ignores what it does not know."""


@dataclass(frozen=True)
class Move:
    """A key that has another place from a release on."""

    source: Place
    target: Place
    release: Release
    wins: bool = False
    """Whether the old place counted more than the new one while both were read."""


@dataclass(frozen=True)
class Removal:
    """Keys of a section that influxd ignores from a release on; no keys means the whole section."""

    section: str
    keys: frozenset[str]
    release: Release
    consequence: str


@dataclass(frozen=True)
class DefaultChange:
    """A default that is another one from a release on. An old value of None means that there was no such limit."""

    place: Place
    release: Release
    old: Any
    new: Any
    consequence: str


MOVES = (
    # Where both were set, 0.10 and 0.11 bound to the old place (influxdata/influxdb v0.10.3 cmd/influxd/run/server.go).
    Move(("meta", "bind-address"), ("", "bind-address"), (0, 12), wins=True),
    *(Move(("cluster", key), ("coordinator", key), (1, 0)) for key in sorted(KNOWN["coordinator"])),
    Move(("data", "data-logging-enabled"), ("data", "trace-logging-enabled"), (1, 0)),
)


def _removal(section: str, keys: str, release: Release, consequence: str) -> Removal:
    return Removal(section, frozenset(keys.split()), release, consequence)


REMOVALS = (
    _removal(
        "data",
        "max-wal-size wal-flush-interval wal-partition-flush-delay wal-ready-series-size wal-compaction-threshold"
        " wal-max-series-size wal-flush-cold-interval wal-partition-size-threshold",
        (0, 11),
        "it tuned the write-ahead log of the b1 and bz1 engines, which are gone",
    ),
    _removal(
        "http", "json-write-enabled", (0, 12), "points are accepted as line protocol only; clients that write JSON fail"
    ),
    _removal(
        "hinted-handoff",
        "",
        (0, 12),
        "clustering is gone from the open source server; nothing is queued for other nodes",
    ),
    _removal("data", "enabled", (0, 12), "every server holds data"),
    _removal(
        "meta",
        "enabled http-bind-address https-enabled https-certificate election-timeout heartbeat-timeout leader-lease-timeout"
        " commit-timeout cluster-tracing raft-promotion-enabled",
        (0, 12),
        "clustering is gone from the open source server; its metadata is a local file and port 8091 is closed",
    ),
    _removal("", "hostname join", (1, 0), "clustering is gone from the open source server"),
    _removal("meta", "pprof-enabled lease-duration", (1, 0), "the service that it tuned is gone"),
    _removal(
        "cluster",
        "shard-writer-timeout shard-mapper-timeout max-remote-write-connections force-remote-mapping",
        (1, 0),
        "clustering is gone from the open source server; nothing is written to or read from other nodes",
    ),
    _removal("data", "engine", (1, 1), "tsm1 is the only engine; shards of b1 and bz1 cannot be opened"),
    _removal("data", "max-points-per-block wal-logging-enabled", (1, 1), "the engine decides by itself"),
    _removal("admin", "", (1, 3), "the web administration interface is gone and its port (8083) stays closed"),
    _removal("udp", "udp-payload-size", (1, 3), "the server reads packets of any size"),
    _removal(
        "ifql", "", (1, 7), "Flux is served by the HTTP interface ([http] flux-enabled) and port 8082 stays closed"
    ),
)

DEFAULT_CHANGES = (
    DefaultChange(("coordinator", "write-timeout"), (1, 0), "5s", "10s", "a write may take longer before it times out"),
    DefaultChange(
        ("data", "max-series-per-database"),
        (1, 0),
        None,
        1000000,
        "writes of new series beyond it are refused with status 400",
    ),
    DefaultChange(
        ("data", "max-values-per-tag"),
        (1, 1),
        None,
        100000,
        "writes of new tag values beyond it are refused with status 400",
    ),
    DefaultChange(
        ("data", "cache-max-memory-size"), (1, 1), 524288000, 1073741824, "a shard may hold twice as much in memory"
    ),
    DefaultChange(
        ("data", "cache-snapshot-write-cold-duration"), (1, 1), "1h", "10m", "idle shards are written to disk sooner"
    ),
    DefaultChange(
        ("data", "compact-full-write-cold-duration"), (1, 1), "24h", "4h", "idle shards are compacted sooner"
    ),
    DefaultChange(
        ("http", "pprof-enabled"), (1, 1), False, True, "the profiling pages of the HTTP interface are served"
    ),
    DefaultChange(("http", "max-row-limit"), (1, 2, 2), 10000, 0, "answers are no longer cut off"),
    DefaultChange(
        ("", "bind-address"), (1, 3), ":8088", "127.0.0.1:8088", "backups are possible from the node itself only"
    ),
    DefaultChange(
        ("http", "max-body-size"), (1, 4), None, 25000000, "larger write requests are refused with status 413"
    ),
)


def release(text: str) -> Release:
    """Return the numbers of a version of InfluxDB, such as (1, 4, 3)."""
    version = _versions.parse(str(text))
    if version is None:
        raise FleetError(f"{text!r} is not a version of InfluxDB", "a release such as 1.4.3", "correct the version")
    return version.base


def move(place: Place, target: Release) -> Move | None:
    """Return how a key moves on the way to the target release."""
    return next((one for one in MOVES if one.source == place and one.release <= target), None)


def removal(place: Place, target: Release) -> Removal | None:
    """Return why the target release no longer reads a key."""
    section, key = place
    rows = (one for one in REMOVALS if one.section == section and (not one.keys or key in one.keys))
    return next((one for one in rows if one.release <= target), None)


def is_known(place: Place) -> bool:
    """Say whether any release reads a key."""
    section, key = place
    once = any(one.section == section and (not one.keys or key in one.keys) for one in REMOVALS)
    return (
        once or section in FREE_SECTIONS or key in KNOWN.get(section, ()) or any(one.source == place for one in MOVES)
    )


def default_changes(source: Release, target: Release) -> list[DefaultChange]:
    """Return the defaults that are others in the target release than in the source release."""
    return [one for one in DEFAULT_CHANGES if source < one.release <= target]
