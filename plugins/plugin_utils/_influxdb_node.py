# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of an InfluxDB node, put together from what the modules saw of it."""

from __future__ import annotations

import base64
import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_settings
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._changes import (
    package_facts,
    recovery,
    swap_id,
    unfinished,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import finding
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_checks import backup_bytes, check
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_keys import release
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._toml_text import slurped
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import same

Facts = Mapping[str, Any]

AT_TARGET = ("api", "service", "process", "metastore")
"""The beginnings of the findings that matter on a node that has the target already: is it well?"""

SHARDS = ("formats", "b1", "tsi1", "others", "data_bytes", "wal_bytes", "meta_bytes", "shards")
"""What influxdb_shard_info sees that the checks and the backup have to know."""

LOST = "metastore-lost"

SWAP_ID = swap_id("influxdb", "influxdb_metastore")
"""How a swap of an InfluxDB node is named: PATH-FROM-TO."""

REVIVAL = "revive-"
"""How a swap is named that brings an old release up again, with the release after it."""

WHILE_IT_IS_DOWN = ("service-not-running", "package-mismatch", "api-credentials", "api-tls", "api-unreachable")
"""What is found of every node whose server cannot start. It is looked for again when the old release serves."""

RAFT_BEFORE = (0, 12)
"""The release from which on the metastore is in meta.db; before, it is in raft.db."""


def config_path(look: Facts) -> str:
    """Return the path of the configuration that the node's service reads, from what node_info saw."""
    served = [process["args"] for process in look["processes"] if process["service"]]
    return _influxdb_settings.config_path(
        served[0] if served else [], look["service"].get("exec") or "", look["environment"]
    )


def configured(look: Facts, config: Facts, path: str) -> dict[str, Any]:
    """Return what node_info saw, with the configuration at path and the settings in force.

    config is the result of slurp. settings is None, and config_error says why, where the file cannot be used.
    version is the one of the package until the server itself is asked, and the former one where a swap was interrupted.
    """
    resume = unfinished(look, SWAP_ID)
    version = resume["source"] if resume else look["package"].get("upstream") or ""
    node: dict[str, Any] = {
        **look,
        "config_path": path,
        "config_error": None,
        "settings": None,
        "resume": resume,
        "version": version,
    }
    try:
        node["settings"] = _influxdb_settings.settings(slurped(config, path), look["environment"], version, path)
    except FleetError as error:
        node["config_error"] = str(error)
    return node


def asked(
    node: Facts, answer: Facts | None, shards: Facts | None, old_metadata: Facts, wishes: Facts
) -> dict[str, Any]:
    """Return the node with what its server answered and what lies in its folders, as the checks read it.

    answer is the result of influxdb_info, failed or not, and None where the server was not asked; shards that of
    influxdb_shard_info, None where the folders are not known. old_metadata tells of 0.10 and 0.11: raft and meta, whether
    raft.db and meta.db are there, peers, the result of slurp for peers.json, and release, that of fleet_rollback_package.
    wishes are backup_kind and convert_shards.
    """
    server = answer if answer and "version" in answer else None
    known: dict[str, Any] = {**wishes, "server": server}
    known.update(
        raft_db=bool(old_metadata["raft"]), meta_db=bool(old_metadata["meta"]), peers=peers(old_metadata["peers"])
    )
    known["trap"] = {} if server else _trap(node, known, old_metadata["release"])
    if known["trap"]:
        known["version"] = old_metadata["release"]
    known["api"] = {
        "reached": bool(server),
        "reason": (answer or {}).get("reason"),
        "message": (answer or {}).get("msg"),
    }
    if server:
        known["version"] = server["version"]
    if shards and shards.get("formats"):
        known["shards"] = {key: shards[key] for key in SHARDS}
        known["shards"]["data_free"] = shards["disk"][node["settings"]["data_dir"]]["free"]
        known["owners"] = shards["owners"]
    return {**node, **known}


def _trap(node: Facts, known: Facts, old: str) -> dict[str, str]:
    """Say which release was installed over the raft.db of an older one, if the package of that one is at hand; else {}.

    A node on which bringing up the old release was begun and did not end is in the trap as well.
    """
    swap = node["state"].get("swap") or {}
    begun = str(swap.get("id") or "").startswith(REVIVAL) and swap.get("outcome") != "swapped"
    sprung = (
        known["raft_db"] and not known["meta_db"] and bool(node["version"]) and (begun or not has_raft(node["version"]))
    )
    return {"installed": node["version"], "swap": f"{REVIVAL}{old}"} if sprung and has_raft(old) else {}


def asked_again(node: Facts, answer: Facts) -> dict[str, Any]:
    """Return the node with what its server answered now; where it did not answer, as it was."""
    return {**node, "server": answer} if "version" in answer else dict(node)


def summary(node: Facts, package: Facts, cluster: str, rank: int) -> dict[str, Any]:
    """Return the node as the engine's planner reads it. package is the result of fleet_package."""
    return {
        "product": "influxdb",
        "version": node["version"],
        "arch": node["package"].get("arch") or node["machine"].get("arch") or "",
        "package_manager": node["package"].get("manager") or "",
        "package": package_facts(package),
        "cluster": cluster,
        "rank": rank,
        "state_dir_free": node["disk"]["state_dir"]["free"],
        "disk_needed": disk_needed(node, package),
    }


def disk_needed(node: Facts, package: Facts) -> int:
    """Return the bytes that an upgrade takes below the state folder, at its peak.

    The new package and its unpacked files, and as much again for the old one, which may have to be remade from its
    installed files; and the backup.
    """
    if node["resume"]:
        return 0
    packages = 2 * (int(package.get("size") or 0) + int(package.get("installed_size") or 0))
    return packages + (backup_bytes(node["backup_kind"], node["shards"]) if node.get("shards") else 0)


def has_raft(version: str) -> bool:
    """Say whether a release keeps its metastore in raft.db, which later ones do not read."""
    return bool(version) and release(version) < RAFT_BEFORE


def metastore(node: Facts, note: Facts, folder: str, program: str) -> dict[str, str]:
    """Return what node_swap has to know of the metastore: note is that of the proved backup in the folder."""
    settings, service = node["settings"], node["service"]
    return {
        **{name: settings[name] for name in ("meta_dir", "data_dir", "wal_dir")},
        "backup": f"{folder}/{note['attempt']}/{note['file']}",
        **{name: note[name] for name in ("sha256", "raft_sha256")},
        "program": program,
        "owner": str(service["user"]),
        "group": str(service["group"]),
    }


def conversion(node: Facts, program: str) -> dict[str, str]:
    """Return what node_swap has to know to convert shards, or to put their former files back."""
    return {"data_dir": node["settings"]["data_dir"], "wal_dir": node["settings"]["wal_dir"], "program": program}


def lost_on_the_way_back(before: Facts, now: Facts, source: str) -> list[dict[str, str]]:
    """Return the finding about metadata that was made since the upgrade: the old release goes on with that of before.

    before and now are results of influxdb_metastore_info.
    """
    made = [thing for thing in _things(now) if thing not in _things(before)]
    if not made:
        return []
    more = f" and {len(made) - 5} more" if len(made) > 5 else ""
    return [
        finding(
            "metadata-since",
            "blocker",
            f"Since the upgrade there are: {', '.join(made[:5])}{more}. {source} goes on with the metadata from before it",
            "save what is needed of it first, for example with influx_inspect export; then put metadata-since into fleet_accept."
            " Shards that are new are moved beside the data folder (.dbfleet-aside)",
        )
    ]


def _things(metadata: Facts) -> list[str]:
    """Return everything that a metastore knows by name, and its shards by number; the server's own database is nobody's."""
    found = [f"user {user['name']}" for user in metadata["users"]]
    for database in metadata["databases"]:
        name = database["name"]
        if name == "_internal":
            continue
        found.append(f"database {name}")
        found += [f"continuous query {name}.{query['name']}" for query in database["continuous_queries"]]
        for policy in database["retention_policies"]:
            found.append(f"retention policy {name}.{policy['name']}")
            found += [f"subscription {name}.{policy['name']}.{one['name']}" for one in policy["subscriptions"]]
            found += [
                f"shard {shard} of {name}.{policy['name']}"
                for group in policy["shard_groups"]
                for shard in group["shards"]
            ]
    return found


def peers(result: Facts) -> list[str] | None:
    """Return the members of a 0.10 or 0.11 cluster out of peers.json as slurp gave it; None where it cannot be understood.

    A node that stands alone may have no such file.
    """
    if "content" not in result:
        return []
    try:
        found = json.loads(base64.b64decode(result["content"]))
    except ValueError:
        return None
    return [str(peer) for peer in found] if isinstance(found, list) else None


def expected_shards(node: Facts) -> list[dict[str, Any]]:
    """Return the shards that a full backup has to hold: those of the server that are on disk, without _internal."""
    on_disk = {shard["id"] for shard in node["shards"]["shards"]}
    return [
        {"database": shard["database"], "policy": shard["policy"], "id": shard["id"]}
        for shard in node["server"]["shards"]
        if shard["database"] != "_internal" and shard["id"] in on_disk
    ]


def databases(node: Facts) -> list[str]:
    """Return the names of the databases to back up."""
    return [one["name"] for one in node["server"]["metadata"]["databases"] if one["name"] != "_internal"]


def files_of_service(node: Facts) -> list[str]:
    """Return the files and folders that make up the service beside its data: they are copied before an upgrade."""
    service = node["service"]
    paths = [
        node["config_path"],
        node["settings"]["meta_dir"],
        *service["environment_files"],
        *service["unit_files"],
        *service["scripts"],
    ]
    return list(dict.fromkeys(paths))


def ready(node: Facts, version: str, timeout: int) -> dict[str, Any]:
    """Return how node_swap asks this node's server, on the node itself, whether it serves this version."""
    http = node["settings"]["http"]
    url = f"{'https' if http['https'] else 'http'}://{http['host']}:{http['port']}/ping"
    probe = {"url": url, "version": version, "timeout": timeout}
    return {**probe, "certificate": http["certificate"]} if http["https"] else probe


def compared(before: Facts, result: Facts) -> dict[str, Any]:
    """Return what the report says about the data: before is the fingerprint taken first, result that of the second call."""
    totals = before["totals"]
    values = f"{totals['values']} values in " if before["level"] == "points" else ""
    held = f"{values}{totals['databases']} databases"
    count = result["difference_count"]
    new = result["additions"]
    since = f" (new since then: {', '.join(new[:3])}{' and more' if len(new) > 3 else ''})" if new else ""
    return {
        "level": before["level"],
        "before": totals,
        "after": result["fingerprint"]["totals"],
        "differences": result["differences"],
        "sentence": f"{count} differences" if count else f"all {held} are there{since}",
    }


def config_summary(merged: Facts) -> dict[str, Any]:
    """Return what the report says about the configuration; empty where it was not merged."""
    if "diff" not in merged:
        return {}
    diff = merged["diff"]
    lines = difflib.unified_diff(
        diff["before"].splitlines(),
        diff["after"].splitlines(),
        diff["before_header"],
        diff["after_header"],
        lineterm="",
    )
    told = {key: merged[key] for key in ("carried", "renamed", "dropped")}
    return {**told, "defaults": merged["unchanged_defaults_that_change"], "diff": "\n".join(lines)}


def copies_id(node: Facts, plan_node: Facts) -> str:
    """Return the id of the copies that a node at the target is to be compared with.

    A node that this run upgrades has those of its plan. One that ran the target before may have those of a run that
    died before its proof; "none" where this collection did not bring it there.
    """
    if plan_node["state"] == "upgrade":
        return str(plan_node["backup_id"])
    last = kept(node)["last"]
    return str(last["id"]) if last else "none"


def kept(node: Facts) -> dict[str, Any]:
    """Return what the engine's recovery has to know."""
    return recovery(node, SWAP_ID)


def preflight(node: Facts, target: str, offer: Facts, merged: Facts, way_back: Facts) -> list[dict[str, str]]:
    """Return every finding about a node.

    offer is the result of fleet_package or node_package_info for the new release, merged that of influxdb_config,
    way_back that of node_package or fleet_package for the old release.

    A node that runs the target is only asked whether it is well; one whose change was interrupted is asked nothing,
    because its service may be down: what is left of the change decides.
    """
    if node["resume"]:
        return _resumable(node["resume"], target)
    if node["trap"]:
        facts = {**node, "rollback": _way_back(node, way_back), "config_findings": []}
        return _without_effects(check(facts, target))
    if same(node["version"], target):
        return [one for one in _without_effects(check(node, target)) if one["id"].split("-")[0] in AT_TARGET]
    known: dict[str, Any] = {"rollback": _way_back(node, way_back)}
    if "findings" in merged:
        known["config_findings"] = merged["findings"]
    elif merged.get("skipped"):
        known["config_findings"] = []
    else:
        known["config_error"] = node["config_error"] or merged.get("msg")
    return [*_unoffered(offer), *_without_effects(check({**node, **known}, target))]


def _without_effects(findings: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the findings without those that a sprung trap explains: they would lead away from it."""
    if not {"metastore-trap", "metastore-raft"} & {one["id"] for one in findings}:
        return findings
    return [one for one in findings if one["id"] not in WHILE_IT_IS_DOWN]


def with_copies(findings: Sequence[Mapping[str, str]], found: Facts) -> list[dict[str, str]]:
    """Return the findings, lost metadata with what was found (the result of find) that may be a copy of it."""
    paths = [one["path"] for one in found["files"]]
    copies = (
        f". Copies of metadata may be: {', '.join(paths[:5])}" if paths else ". No copy of it was found on this machine"
    )
    return [{**one, "message": one["message"] + copies} if one["id"] == LOST else dict(one) for one in findings]


def _unoffered(offer: Facts) -> list[dict[str, str]]:
    if "why" not in offer:
        return []
    remedy = (
        "see to the node's sources of apt and their lists (apt-get update), or give the package as a file or an address"
    )
    return [finding("package-repository", "error", offer["why"], remedy)]


def _resumable(resume: Facts, target: str) -> list[dict[str, str]]:
    if same(resume["target"], target):
        return []
    return [
        finding(
            "swap-unfinished",
            "error",
            f"An upgrade of this node from {resume['source']} to {resume['target']} began and did not end",
            f"finish it (fleet_target_version={resume['target']}), or undo it with the playbook dbfleet.upgrade.recover",
        )
    ]


def _way_back(node: Facts, package: Facts) -> dict[str, Any]:
    if "source" not in package:
        return {"available": False, "source": "", "reason": str(package.get("msg") or "")}
    if not same(str(package.get("version") or ""), node["version"]):
        return {
            "available": False,
            "source": "",
            "reason": f"fleet_rollback_package holds {package.get('version')}, the node runs {node['version']}",
        }
    return {"available": True, "source": package.get("source"), "reason": ""}
