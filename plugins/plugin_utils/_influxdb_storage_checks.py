# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of what lies on an InfluxDB node's disk: shards in old formats, indexes, owners, metadata that no release reads."""

from __future__ import annotations

import re
from collections.abc import Callable

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_keys as keys
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import Check, Facts, Target, numbered, some

LEFTOVER = re.compile(r"/[0-9]+\.tsm$")
"""What influx_tsm calls a shard until it is whole."""


def _old_shards(node: Facts, target: Target) -> str | None:
    return None if node["convert_shards"] else _told_of_old_shards(node, target)


def _shards_to_convert(node: Facts, target: Target) -> str | None:
    return _told_of_old_shards(node, target) if node["convert_shards"] else None


def _told_of_old_shards(node: Facts, target: Target) -> str | None:
    formats = node["shards"]["formats"]
    counts = {name: int(formats.get(name) or 0) for name in ("b1", "bz1")}
    if not any(counts.values()):
        return None
    told = " and ".join(f"{numbered(count, 'shard')} in {name} format" for name, count in counts.items() if count)
    where = node["shards"].get("b1") or ()
    return (
        f"The data folder holds {told}, {_old_bytes(node):,} bytes{': ' + some(where) if where else ''}. {target.version} opens tsm1"
        " only: it starts, logs a line and answers queries without their data; a backup does not hold them either"
    )


def _old_bytes(node: Facts) -> int:
    return sum(int(shard["bytes"]) for shard in node["shards"]["shards"] if shard["format"] in ("b1", "bz1"))


def _room(node: Facts, target: Target) -> str | None:
    needed, free = _old_bytes(node), int(node["shards"]["data_free"])
    if not node["convert_shards"] or needed <= free:
        return None
    return f"The converted shards may need {needed:,} bytes beside their former files, and {free:,} are free in the data folder"


def _interrupted(node: Facts, target: Target) -> str | None:
    left = [path for path in node["shards"]["others"] if LEFTOVER.search(path)]
    if not left or node["convert_shards"]:
        return None
    return (
        f"{numbered(len(left), 'folder')} that an interrupted influx_tsm left: {some(left)}. Where the shard's own file is gone, its"
        " data is in that folder, and no release looks there"
    )


def _unknown_shards(node: Facts, target: Target) -> str | None:
    count = int(node["shards"]["formats"].get("unknown") or 0)
    return f"{numbered(count, 'file')} in no known format where shards belong" if count else None


def _tsi(node: Facts, target: Target) -> str | None:
    paths = node["shards"]["tsi1"]
    if not paths:
        return None
    return (
        f"{numbered(len(paths), 'shard')} with a tsi1 index of 1.3: {some(paths)}. {target.version} cannot read it: it starts,"
        " logs 'incompatible tsi1 index MANIFEST' (influxdata/influxdb#9106) and does not serve the data of these shards"
    )


def _tsi_remedy(node: Facts, target: Target) -> str:
    tool = (
        "inmem2tsi -datadir SHARD -waldir WAL-OF-SHARD"
        if target.release < (1, 5)
        else "buildtsi -datadir DATA -waldir WAL"
    )
    return (
        "the index can be made again from the data: with the service stopped, remove the folder index of each of these shards,"
        f" then either go on with the index in memory or run influx_inspect {tool} of the target release as the service's user"
    )


def _ownership(part: str) -> Callable[[Facts, Target], str | None]:
    def look(node: Facts, target: Target) -> str | None:
        owner, user = node["owners"][part], node["service"]["user"]
        if int(owner["foreign"]):
            first = f", the first of them {owner['first_foreign']}" if owner.get("first_foreign") else ""
            count = numbered(int(owner["foreign"]), "file")
            return f"{count} in {owner['path']} not owned by the service's user {user}{first}"
        if owner["user"] != user:
            return f"{owner['path']} belongs to {owner['user']}, the service runs as {user}"
        return None

    return look


def _chown(part: str) -> Callable[[Facts, Target], str]:
    def remedy(node: Facts, target: Target) -> str:
        service = node["service"]
        owner = f"{service['user']}:{service['group']}" if service.get("group") else service["user"]
        return f"chown -R {owner} {node['owners'][part]['path']}; the server cannot write there otherwise"

    return remedy


def _cluster(node: Facts, target: Target) -> str | None:
    peers = node["peers"]
    if len(peers) < 2:
        return None
    return (
        f"The node is one of a cluster of {len(peers)} ({some(peers)}). Clusters of 0.10 and 0.11 have no way into a later"
        " open source release"
    )


def _trapped(node: Facts, target: Target) -> str | None:
    if not node["trap"]:
        return None
    return f"{node['trap']['installed']} was installed over the raft.db of 0.10 or 0.11, on which it does not start. Nothing is lost"


def _named(node: Facts) -> dict[str, set[str]]:
    """Return the databases that lie on disk, with their policies."""
    named: dict[str, set[str]] = {}
    for shard in node["shards"]["shards"]:
        if shard["database"] != "_internal":
            named.setdefault(shard["database"], set()).add(shard["policy"])
    return named


def _lost(node: Facts, target: Target) -> str | None:
    named, server = _named(node), node.get("server")
    known = {one["name"] for one in server["metadata"]["databases"]} if server else set()
    if not named or known & set(named) or (not server and (node["raft_db"] or node["meta_db"])):
        return None
    told = "; ".join(f"{database} ({', '.join(sorted(policies))})" for database, policies in sorted(named.items()))
    found = (
        "There is no metadata"
        if not server
        else f"{node['version']} knows none of the databases whose data lies on its disk"
    )
    return (
        f"{found}: raft.db or meta.db was removed or is that of another server. What lies on disk, with its policies: {told}."
        " These points can be saved; users, grants, continuous queries, subscriptions and the lengths of policies are gone"
    )


def _gone(node: Facts, target: Target) -> str | None:
    if node["raft_db"] or not node.get("server") or keys.release(node["version"]) >= (0, 12):
        return None
    return (
        f"The raft.db of {node['version']} was removed while the server runs: all metadata is lost as soon as it stops"
    )


def _raft_left(node: Facts, target: Target) -> str | None:
    if not node["raft_db"] or keys.release(node["version"]) < (0, 12):
        return None
    return (
        f"{node['version']} is installed, and the metadata folder still holds the raft.db of 0.10 or 0.11, on which it does not"
        " start. Nothing is lost as long as raft.db is there: do not delete it"
    )


STORAGE_CHECKS = (
    Check(
        "shards-b1",
        "error",
        "shards are in the b1 or bz1 format",
        ("version", "shards.formats", "shards.shards"),
        _old_shards,
        "set influxdb_convert_shards: true to have them converted while the service is stopped",
        lambda node, target: target.release >= (0, 11),
    ),
    Check(
        "shards-convert",
        "warning",
        "shards are in the b1 or bz1 format",
        ("version", "shards.formats", "shards.shards"),
        _shards_to_convert,
        "this run converts them while the service is stopped; on slow disks, a quarter of an hour for each GB was seen"
        " (influxdata/influxdb#5406), so see that fleet_swap_timeout is long enough",
        lambda node, target: target.release >= (0, 11),
    ),
    Check(
        "shards-room",
        "error",
        "there is room for converted shards",
        ("shards.formats", "shards.shards", "shards.data_free"),
        _room,
        "make room there",
    ),
    Check(
        "shards-interrupted",
        "error",
        "a conversion of shards was interrupted",
        ("shards.others",),
        _interrupted,
        "set influxdb_convert_shards: true: what is whole is finished, and the rest is moved beside the data folder",
    ),
    Check(
        "shards-unknown",
        "error",
        "all shards are in a known format",
        ("shards.formats",),
        _unknown_shards,
        "look at them and move them away if they are no shards",
    ),
    Check(
        "index-tsi1",
        "blocker",
        "shards have an index that the target cannot read",
        ("version", "shards.tsi1"),
        _tsi,
        _tsi_remedy,
        lambda node, target: keys.release(node["version"])[:2] == (1, 3) and target.release >= (1, 4),
    ),
    *(
        Check(
            f"ownership-{part}",
            "blocker",
            f"the {part} folder belongs to the service's user",
            ("service.user", f"owners.{part}.path", f"owners.{part}.user", f"owners.{part}.foreign"),
            _ownership(part),
            _chown(part),
        )
        for part in ("meta", "data", "wal")
    ),
    Check(
        "metastore-raft",
        "error",
        "the metadata is in a form that the release reads",
        ("version", "raft_db"),
        _raft_left,
        "give the package of the old release as fleet_rollback_package (0.11.1, or 0.10.3 if that ran before) and run again: the"
        " old release is brought up first, and the upgrade begins there",
    ),
    Check(
        "metastore-trap",
        "warning",
        "a newer release was installed over raft.db",
        ("trap",),
        _trapped,
        "this run first brings the release of fleet_rollback_package up again, and then upgrades from there",
    ),
    Check(
        "metastore-lost",
        "blocker",
        "the metadata is there",
        ("version", "raft_db", "shards.shards"),
        _lost,
        "change nothing there. With a copy of the metadata folder from the machine's backups: put it back and run again. Without one:"
        " install a 1.x elsewhere, make the databases and policies there, and carry the points over with influx_inspect export of"
        " 1.x, which needs no metadata",
    ),
    Check(
        "metastore-gone",
        "error",
        "raft.db is there",
        ("version", "raft_db"),
        _gone,
        "do not stop it. Save the metadata now (influxd backup FOLDER), copy the data folder, and put raft.db back from a backup of the"
        " machine, or restore that backup with influxd restore -metadir of the same release",
    ),
    Check(
        "metastore-cluster",
        "error",
        "the node is alone",
        ("peers",),
        _cluster,
        "bring the data of the cluster into InfluxDB Enterprise with the vendor's help, or into a new server by export and import",
    ),
)
"""In the order in which their findings are told."""
