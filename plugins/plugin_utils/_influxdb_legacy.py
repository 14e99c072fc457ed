# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a node of InfluxDB 0.7 or 0.8, put together from what the modules saw of it, and what its cluster does together."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_migration import go_duration
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._changes import (
    package_facts,
    read_note,
    recovery,
    swap_id,
    unfinished,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import (
    Finding,
    finding,
    numbered,
    of_way_back,
    some,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_legacy_config import (
    of_settings,
    quiet,
    settings,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_legacy_spaces import of_wish
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._toml_text import slurped
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import canonical, parse, same

Facts = Mapping[str, Any]

SWAP_ID = swap_id("influxdb_legacy", "influxdb_legacy_later")
MIGRATES = "influxdb_legacy"
"""The path on which data is migrated; the other one only changes the release."""

BLANKED = ("********", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")
"""What Ansible puts in the place of a password, wherever a result has it: of a part of a text; of a whole one, or of a number."""

NEW_DATA = 1.2
"""The migrated shards take about the room of the old ones; so much more is asked for."""

DF_LINE = re.compile(r"\s[0-9]+\s+[0-9]+\s+(?P<free>[0-9]+)\s+(?:[0-9]+%|-)\s+/")
"""How a line of df -Pk ends. The name of the device before it may have blanks."""


# The node


def looked_at(look: Facts, config: Facts, path: str, note: Facts, hosts: Sequence[str]) -> dict[str, Any]:
    """Return what node_info saw, with the settings in force and the change that is under way.

    config and note are results of slurp, failed or not; hosts are those of its cluster. settings is None, and config_error says why,
    where the file cannot be used. Of a change that was begun and not ended, the former release counts, whatever runs now.
    """
    resume = read_note(note) or unfinished(look, SWAP_ID)
    installed = canonical(look["package"].get("upstream") or "")
    node: dict[str, Any] = {
        **look,
        "config_path": path,
        "config_error": None,
        "settings": None,
        "resume": resume or None,
        "hosts": list(hosts),
        "installed": installed,
        "version": resume["source"] if resume else installed,
        "server": None,
        "api": {"reason": None, "message": None},
    }
    try:
        node["settings"] = settings(slurped(config, path), path)
    except FleetError as error:
        node["config_error"] = str(error)
    return node


def asked(node: Facts, answer: Facts) -> dict[str, Any]:
    """Return the node with the answer of influxdb_legacy_info, failed or not."""
    if "version" not in answer or "metadata" not in answer:
        return {**node, "server": None, "api": {"reason": answer.get("reason"), "message": answer.get("msg")}}
    version = node["version"] if node["resume"] else answer["version"]
    parts = {part: answer[part] for part in ("version", "metadata", "shards", "storage")}
    return {**node, "version": version, "server": parts}


def quiet_config(config: Facts, path: str, port: int) -> str:
    """Return the configuration with which no client finds the server. config is the result of slurp."""
    return quiet(slurped(config, path), port)


def address(config: Facts, path: str, host: str) -> dict[str, Any]:
    """Return where a server with this configuration is asked from its own node. config is the result of slurp.

    host wins over what the configuration says. HTTPS is used where nothing else is spoken; certificate is then the server's own, "" where
    its path is not absolute. The server takes an IPv6 address in brackets only; host is without them.
    """
    found = settings(slurped(config, path), path)["api"]
    bound = found["bind_address"].strip("[]")
    own = "127.0.0.1" if bound in ("", "0.0.0.0", "::") else bound
    ssl = found["port"] is None and found["ssl_port"] is not None
    certificate = found["ssl_cert"] if ssl and found["ssl_cert"].startswith("/") else ""
    port = found["ssl_port" if ssl else "port"] or 8086
    return {"host": host.strip("[]") or own, "port": port, "ssl": ssl, "certificate": certificate}


def ready(place: Facts, version: str, timeout: int, ca_path: str) -> dict[str, Any]:
    """Return how node_swap knows that a release serves. place is what address() returned, timeout is in seconds.

    By HTTPS, ca_path names the authorities to trust. Without it, the server has to show its own certificate, whoever signed that.
    """
    scheme = "https" if place["ssl"] else "http"
    host = f"[{place['host']}]" if ":" in place["host"] else place["host"]
    asked_at = {"url": f"{scheme}://{host}:{place['port']}/ping", "version": version, "timeout": timeout}
    trust = {"ca_path": ca_path} if ca_path else {"certificate": place.get("certificate")}
    return {**asked_at, **trust} if place["ssl"] and any(trust.values()) else asked_at


def kept_paths(node: Facts, path_id: str, kind: str) -> list[str]:
    """Return the folders that the swap copies while the server is stopped, and puts back on every way back; small ones first.

    0.8 opens the old shards for writing, so that links do not protect them. kind none-acknowledged leaves out all shards.
    """
    found = node["settings"]
    old, new = (f"{found['storage_dir']}/{name}" for name in ("shard_db", "shard_db_v2"))
    logs = [found[key] for key in ("raft_dir", "wal_dir") if found[key]]
    if path_id == MIGRATES:  # there are none of 0.8 yet: on the way back they go
        return [*logs, new, *([old] if kind == "copy" else [])]
    return [*logs, *([new] if kind == "copy" else [])]


def summary(node: Facts, package: Facts, cluster: str, rank: int, kind: str) -> dict[str, Any]:
    """Return the node as the engine's planner reads it. package is the result of fleet_package."""
    packages = 2 * (int(package.get("size") or 0) + int(package.get("installed_size") or 0))
    return {
        "product": "influxdb",
        "version": node["version"],
        "arch": node["package"].get("arch") or node["machine"].get("arch") or "",
        "package_manager": node["package"].get("manager") or "",
        "package": package_facts(package),
        "cluster": cluster,
        "rank": rank,
        "state_dir_free": node["disk"]["state_dir"]["free"],
        "disk_needed": 0 if node["resume"] else packages + (_shard_bytes(node) if kind == "copy" else 0),
    }


def _shard_bytes(node: Facts) -> int:
    if not node["server"]:
        return 0
    kind = "new_shards" if _is_08(node["version"]) else "old_shards"
    return sum(shard["bytes"] for shard in node["server"]["storage"][kind] if not _is_blanked(shard["bytes"]))


def kept(node: Facts) -> dict[str, Any]:
    """Return what the engine's recovery has to know: the change that began and did not end, and the last one that did."""
    resume = node["resume"]
    change = {key: resume[key] for key in ("id", "source", "target")} if resume else None
    return recovery({**node, "resume": change, "version": node["installed"]}, SWAP_ID)


def swap_due(node: Facts, planned: Facts) -> bool:
    """Say whether the release has still to be changed; what comes after that may have been begun by a run that died."""
    swap = node["state"].get("swap") or {}
    ended = swap.get("id") == planned["backup_id"] and swap.get("outcome") == "swapped" and swap.get("finished")
    return not (ended and same(node["installed"], planned["to"]))


# What the nodes of a cluster do together


def cluster_of(name: str, hostvars: Facts, hosts: Sequence[str]) -> list[str]:
    """Return the hosts of one's cluster, in the order of the inventory."""
    clusters = {host: hostvars[host].get("fleet_cluster") or host for host in hosts}
    return [host for host in hosts if clusters[host] == clusters.get(name, name)] or [name]


def turn(plan: Facts, name: str) -> list[str]:
    """Return the nodes that change at once with one: of its cluster, and in this run. The first of them speaks for the cluster."""
    own = next(node for node in plan["nodes"] if node["name"] == name)
    return [
        node["name"] for node in plan["nodes"] if node["cluster"] == own["cluster"] and node["state"] == own["state"]
    ]


def behind(hosts: Sequence[str], hostvars: Facts, step: str) -> list[str]:
    """Return those hosts that did not come as far as a step."""
    return [host for host in hosts if step not in (hostvars[host].get("influxdb_legacy_steps") or [])]


# Findings


def preflight(node: Facts, target: str, wish: Facts) -> list[Finding]:
    """Return every finding about a node before an upgrade.

    wish: name (of the host), given (influxdb_legacy_shard_spaces), pause (influxdb_legacy_pause), forks, room (the result of df -Pk for
    the folder of the data, and for what is copied), now (seconds since 1970), proofs (paths of the proofs on the node), way_back (the
    result of node_package or fleet_package for the old release). ansible-core 2.16 gives the numbers as text.
    """
    found = [*_of_service(node), *_of_config(node)]
    resume = node["resume"]
    if resume and not same(resume["target"], target):
        found.append(_other_target(resume))
    if not resume and not node["server"] and node["settings"]:
        found.append(_silent(node))
    if resume or found or same(node["version"], target):
        return found
    if blanks := list(_of_blanks(node["server"])):
        return blanks
    found += [*_of_cluster(node, int(wish["forks"])), *of_way_back(wish["way_back"])]
    of_file = of_settings(node["settings"])
    if _is_08(node["version"]):  # of the file, only the layout counts: by it the shards are found
        return [*found, *(one for one in of_file if one["id"] == "layout"), *_of_migration(node, wish["proofs"])]
    found += [
        *of_file,
        *_of_storage(node),
        *_of_room(node, wish["room"]),
        *_of_mounts(node, wish["room"]),
        *_of_pause(wish["pause"]),
    ]
    return [*found, *_of_spaces(node, wish)]


def _is_08(version: str) -> bool:
    found = parse(version)
    return found is not None and found.release >= (0, 8)


SILENCES: Mapping[str, tuple[str, str]] = {
    "credentials": (
        "api-credentials",
        "set influxdb_legacy_admin_user and influxdb_legacy_admin_password to those of a cluster administrator",
    ),
    "tls": (
        "api-tls",
        "set influxdb_legacy_ca_path to the file of the authority that signed the certificate, and influxdb_legacy_host to a name in it",
    ),
    "unreachable": (
        "api-unreachable",
        "see that the server answers on the node itself, where its configuration says; set influxdb_legacy_host to another name of it,"
        " influxdb_legacy_timeout to more seconds if it is slow",
    ),
}
"""Why the server could not be asked, as influxdb_legacy_info names it: the finding's id, and what to do. Any other reason is the last."""


def _of_service(node: Facts) -> Iterator[Finding]:
    service = node["service"]
    if not service["exists"]:
        yield finding(
            "service-unknown",
            "error",
            f"There is no service {service['name']}",
            "set influxdb_legacy_service to its name, or install InfluxDB from its package",
        )
    elif not service["active"] and not node["resume"]:
        yield finding(
            "service-not-running",
            "error",
            f"The service {service['name']} is not running",
            "start it and see that it answers",
        )


def _of_config(node: Facts) -> Iterator[Finding]:
    if node["config_error"]:
        yield finding(
            "config-unusable",
            "error",
            str(node["config_error"]).rstrip("."),
            "set influxdb_legacy_config_path to the file that InfluxDB reads, or correct the file",
        )


def _other_target(resume: Facts) -> Finding:
    return finding(
        "swap-unfinished",
        "error",
        f"An upgrade of this node from {resume['source']} to {resume['target']} began and did not end",
        f"finish it (fleet_target_version={resume['target']}), or take the node back with the playbook dbfleet.upgrade.recover",
    )


def _silent(node: Facts) -> Finding:
    reason = node["api"]["reason"]
    id_, remedy = SILENCES.get(reason, SILENCES["unreachable"])
    message = str(node["api"]["message"] or "the server was not asked").partition(". Expected: ")[0]
    return finding(id_, "error", message, remedy)


def _of_cluster(node: Facts, forks: int) -> Iterator[Finding]:
    servers, hosts = node["server"]["metadata"]["servers"], node["hosts"]
    if servers != len(hosts):
        yield finding(
            "cluster-members",
            "error",
            f"The server says that its cluster has {numbered(servers, 'server')}, and the inventory has {len(hosts)} of it"
            f" ({some(hosts)})",
            "give all hosts of the cluster, and no others, the same fleet_cluster; they change all at once",
        )
    elif len(hosts) > forks:
        yield finding(
            "forks-few",
            "error",
            f"The cluster has {len(hosts)} nodes, which have to be started at once, and Ansible works on {forks} (forks)",
            f"run with --forks {len(hosts)} or more",
        )


def _of_blanks(server: Facts) -> Iterator[Finding]:
    """Of a name nobody could tell what it was, and a number is a text then."""
    names = [name for name in server["metadata"]["databases"] if _is_blanked(name)]
    if names:
        yield _blanked("password-in-names", f"the name of {numbered(len(names), 'database')}")
    if any(_is_blanked(number) for number in _numbers(server)):
        yield _blanked("password-in-numbers", "a number that the node told")


def _blanked(id_: str, where: str) -> Finding:
    return finding(
        id_,
        "error",
        f"The administrator's password is a part of {where}, and Ansible blanks it out there",
        "give the administrator another password, which is longer and has letters and digits",
    )


def _is_blanked(value: Any) -> bool:
    return isinstance(value, str) and any(blank in value for blank in BLANKED)


def _numbers(server: Facts) -> Iterator[Any]:
    """Yield every number that is reckoned with."""
    yield server["metadata"]["servers"]
    yield from (shard["start"] for shard in server["shards"])
    yield from (shard["bytes"] for kind in ("old_shards", "new_shards") for shard in server["storage"][kind])


def _of_storage(node: Facts) -> Iterator[Finding]:
    storage = node["server"]["storage"]
    if not storage["raft"]:
        yield finding(
            "raft-missing",
            "error",
            f"There is nothing in {node['settings']['raft_dir']}: 0.8 would know no database, and mark every shard without migrating it",
            "see that [raft] dir of the configuration is the one that the server uses",
        )
    marked = [shard["id"] for shard in storage["old_shards"] if shard["marked"]]
    if marked:
        yield finding(
            "markers-left",
            "error",
            f"Shards of {node['version']} are marked as migrated ({some(marked)}), and 0.8 would pass over them",
            f"remove the files MIGRATED in {node['settings']['storage_dir']}/shard_db; an earlier try of 0.8 left them",
        )
    if storage["new_shards"]:
        yield finding(
            "new-shards-left",
            "error",
            f"Beside the shards of {node['version']} there are {numbered(len(storage['new_shards']), 'shard')} of 0.8, from an earlier try",
            f"move {node['settings']['storage_dir']}/shard_db_v2 away: what is in it would come back",
        )


def _of_mounts(node: Facts, room: Facts) -> Iterator[Finding]:
    """What was put back is renamed before, and nobody can rename a mount point."""
    lines = room.get("stdout_lines") or []
    found = [path for path in kept_paths(node, MIGRATES, "copy") if any(line.endswith(f" {path}") for line in lines)]
    if found:
        yield finding(
            "mount-point",
            "error",
            f"{some(found)}: {numbered(len(found), 'file system')} that cannot be renamed on the way back",
            "mount it one folder higher",
        )


def _of_room(node: Facts, room: Facts) -> Iterator[Finding]:
    folder, free = node["settings"]["storage_dir"], _free(room)
    needed = int(NEW_DATA * sum(shard["bytes"] for shard in node["server"]["storage"]["old_shards"]))
    if needed <= (free or 0):
        return
    if free is None:
        told, remedy = f"nobody can tell how many are free where {folder} is", f"see what df -Pk {folder} says"
    else:
        told, remedy = f"{free:,} are free where {folder} is", "make room"
    yield finding(
        "disk-data",
        "error",
        f"The migrated shards are written beside the old ones and need about {needed:,} bytes, and {told}",
        remedy,
    )


def _of_pause(pause: str) -> Iterator[Finding]:
    try:
        go_duration(str(pause))
    except FleetError as error:
        found = str(error).partition(". Expected: ")[0]
        yield finding("pause", "error", f"influxdb_legacy_{found}", "give a duration of Go, such as 0s, 100ms or 1m30s")


def _free(room: Facts) -> int | None:
    """Return the free bytes that df -Pk tells of its first path, None where it could not."""
    found = DF_LINE.search(next(iter((room.get("stdout_lines") or [])[1:]), ""))
    return 1024 * int(found["free"]) if found else None


def _of_spaces(node: Facts, wish: Facts) -> list[Finding]:
    """The spaces are those of a cluster: its first node tells of them."""
    if wish["name"] != node["hosts"][0]:
        return []
    server = node["server"]
    starts = [shard["start"] for shard in server["shards"]]
    return of_wish(
        server["metadata"]["databases"],
        wish["given"],
        node["settings"],
        server["metadata"]["servers"],
        min(starts, default=None),
        int(wish["now"]),
    )


def _of_migration(node: Facts, proofs: Sequence[str]) -> Iterator[Finding]:
    """0.8.4 and later cannot migrate, so nothing of 0.7 may be left."""
    old = node["server"]["storage"]["old_shards"]
    unmarked = [shard["id"] for shard in old if not shard["marked"]]
    if unmarked:
        yield finding(
            "not-migrated",
            "error",
            f"{numbered(len(unmarked), 'shard')} of 0.7 are not migrated ({some(unmarked)}), and no release from 0.8.4 on can do it",
            "have 0.8.3 migrate them first (module influxdb_migrate_data)",
        )
    elif old and not is_proved(proofs):
        yield finding(
            "migration-unproved",
            "blocker",
            "The shards of 0.7 are marked as migrated, and this collection has not proved that they are",
            "compare the data with that of 0.7; then put migration-unproved into fleet_accept",
        )


def is_proved(proofs: Sequence[str]) -> bool:
    """Say whether one of the paths of proofs is that of a migration, and not of an attempt whose copies were put aside."""
    ids = [posixpath.basename(posixpath.dirname(path)) for path in proofs]
    return any(SWAP_ID.match(id_) and _migrated(id_) for id_ in ids)


def not_all_migrated(node: Facts) -> str:
    """Return what of 0.7 a server of 0.8 has left, an empty text where there is nothing."""
    old = node["server"]["storage"]["old_shards"]
    unmarked = [shard["id"] for shard in old if not shard["marked"]]
    if not unmarked:
        return ""
    return (
        f"{numbered(len(unmarked), 'shard')} of 0.7 are not migrated ({some(unmarked)}). What to do: have them migrated with the module"
        " influxdb_migrate_data, and compare the data with that of 0.7"
    )


def absent(node: Facts, note: Facts) -> list[Finding]:
    """Return the finding about nodes with which a change began and that are not in this run.

    note: what the copies of that change say of the cluster, {} where they do not.
    """
    missing = [name for name in note.get("nodes", ()) if name not in node["hosts"]]
    if not missing:
        return []
    return [
        finding(
            "cluster-members",
            "error",
            f"The change began on the whole cluster, and {some(missing)} {'is' if len(missing) == 1 else 'are'} not in this run",
            "run with all nodes of the cluster: they change all at once, and go back all at once",
        )
    ]


def lost_on_the_way_back(node: Facts, change: Facts, seen: Facts) -> list[Finding]:
    """Return the findings about what the old release will not have. change is the one that is undone.

    seen: first (whether the node speaks for its cluster), copied (the note of the swap's copies, {} where none were made), closed (whether
    clients are still kept away from the new release), old_shards (number of folders of 0.7), since (the fingerprint since the change,
    failed, skipped or not). ansible-core 2.16 gives the number as text.
    """
    if not seen["copied"] or seen["closed"]:
        return []
    found = []
    copied = [entry["path"] for entry in seen["copied"].get("keep", ()) if entry["existed"]]
    if (
        _migrated(change["id"])
        and not int(seen["old_shards"])
        and not any(path.endswith("/shard_db") for path in copied)
    ):
        found.append(
            finding(
                "old-shards-gone",
                "error",
                f"The shards of {change['source']} were removed, and no copy of them was made: nothing leads back",
                "restore a backup of your own into an installation of the old release",
            )
        )
    return [*found, *(_writes_since(change["source"], seen["since"]) if seen["first"] else ())]


def _migrated(change_id: str) -> bool:
    return change_id.startswith(f"{MIGRATES}-")


def _writes_since(source: str, since: Facts) -> Iterator[Finding]:
    if "fingerprint" not in since:
        found = "Nobody can tell which points were written since the upgrade, for the server was not counted"
    elif since["fingerprint"]["totals"]["rows"]:
        rows = _told(since["fingerprint"]["totals"]["rows"])
        found = f"The copies of {source} have no points with times since the upgrade, and the server has {rows}"
    else:
        return
    yield finding(
        "writes-since",
        "blocker",
        found,
        "save what is needed of them first; then put writes-since into fleet_accept. The shards of 0.8 are not removed, they are renamed"
        " (shard_db_v2.dbfleet-aside-1)",
    )


def _told(number: Any) -> str:
    """Return a number for people, who see where Ansible blanked it out."""
    return BLANKED[0] if _is_blanked(number) else f"{number:,}"


def timed(swap: Facts, stopped: float, now: float) -> dict[str, Any]:
    """Return a swap whose downtime ends when the clients are let in. stopped is the time before the stop, 0 where it is not known."""
    return {**swap, "downtime": round(now - stopped, 2) if stopped else None}


def compared(before: Facts, result: Facts) -> dict[str, Any]:
    """Return what the report says about the data: before is the fingerprint taken first, result that of the second call."""
    totals = before["totals"]
    points = ""
    if before["level"] == "points":
        points = f"{_told(totals['rows'])} points of {_told(totals['series'])} series in "
    count, new = result["difference_count"], result["additions"]
    since = f" (new since then: {some(new)})" if new else ""
    held = f"{points}{numbered(totals['databases'], 'database')}"
    return {
        "level": before["level"],
        "before": totals,
        "after": result["fingerprint"]["totals"],
        "differences": result["differences"],
        "sentence": numbered(count, "difference") if count else f"all {held} are there{since}",
    }
