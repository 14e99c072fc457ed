# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine's playbook asks of its own data: pure functions between the facts of hosts, the plan and the report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._paths import PATHS
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import parse

Facts = Mapping[str, Mapping[str, Any]]
"""hostvars: what is known of each host, by its name."""

UNREACHABLE = "The connection was lost while the node was being upgraded; what was begun there goes on by itself."

LOST = "the connection was lost while the node was looked at"

PROVED = ("done", "nothing")
"""The outcomes that are positive evidence: the node serves the target and holds what it held."""


_WRAPPED = re.compile(r"^.*(?:Task failed: (?:Action failed: )?|The filter plugin '[^']*' failed: )", re.DOTALL)
"""What ansible-core 2.19 and newer put before the sentence that says what is wrong."""


def reason(result: Mapping[str, Any]) -> str:
    """Return the one sentence of a failed task's result that a person should read."""
    for item in result.get("results", ()):
        if item.get("failed"):
            return reason(item)
    message = _WRAPPED.sub("", str(result.get("msg") or "").strip())
    if message.startswith("MODULE FAILURE") or not message:
        errors = str(result.get("module_stderr") or result.get("stderr") or result.get("exception") or "").strip()
        message = errors.splitlines()[-1] if errors else message or "no reason was given"
    return message if message.endswith((".", "!", "?")) else message + "."


def settings(hosts: Sequence[str], hostvars: Facts) -> dict[str, Any]:
    """Return what is wanted of the run as a whole: canary, wave_limit, pause_after, plan, plan_only, report_dir, cache_dir.

    Raises FleetError where the hosts do not agree (a run has one order, one report and one end), or there is none.
    """
    if not hosts:
        raise FleetError(
            "The run has no nodes: fleet_hosts matches no host of the inventory",
            "one host or more",
            "look at the inventory (-i) and at the pattern in fleet_hosts",
        )
    wishes = {host: _wish(host, hostvars)["run"] for host in hosts}
    return {name: _agreed(name, {host: wish[name] for host, wish in wishes.items()}) for name in wishes[hosts[0]]}


def _wish(host: str, hostvars: Facts) -> Mapping[str, Any]:
    wish: Mapping[str, Any] | None = hostvars[host].get("fleet_wish")
    if not wish:
        raise FleetError(
            f"What is wanted of {host} cannot be read",
            "variables of the host that Ansible can resolve",
            "look above for what is wrong with them",
        )
    return wish


def _agreed(name: str, told: Mapping[str, Any]) -> Any:
    values: dict[str, list[str]] = {}
    for host, value in told.items():
        values.setdefault(repr(value), []).append(host)
    if len(values) > 1:
        found = "; ".join(f"{value} for {_some(names)}" for value, names in values.items())
        raise FleetError(
            f"fleet_{name} is {found}",
            "one value for all hosts of a run",
            f"set fleet_{name} where all of them see it, for example in group_vars/all or with -e",
        )
    return next(iter(told.values()))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def packages(hosts: Sequence[str], hostvars: Facts) -> list[dict[str, Any]]:
    """Return the different packages that the hosts ask for: a list of {package, version}.

    version is the release that it must hold, empty for the way back, which depends on what runs on the node. Raises
    FleetError where a host does not say what it wants.
    """
    asked: list[dict[str, Any]] = []
    for host in hosts:
        wish = _wish(host, hostvars)
        target = str(_wanted(host, wish, "target_version"))
        asked.append({"package": _wanted(host, wish, "package"), "version": target})
        if wish["rollback_package"]:
            asked.append({"package": wish["rollback_package"], "version": ""})
    return [one for number, one in enumerate(asked) if one not in asked[:number]]


SAID = {
    "package": '-e \'{"fleet_package": {"file": "influxdb_1.4.3_amd64.deb"}}\'',
    "target_version": "-e fleet_target_version=1.4.3",
}


def _wanted(host: str, wish: Mapping[str, Any], name: str) -> Any:
    if not wish[name]:
        raise FleetError(
            f"fleet_{name} is not set for {host}",
            "the release to upgrade to, and its package",
            f"pass it, for example {SAID[name]}",
        )
    return wish[name]


def refusal(why: str, direction: str) -> dict[str, Any]:
    """Return the plan of a run that was refused before any node was looked at."""
    return {
        "direction": direction,
        "nodes": [],
        "waves": [],
        "findings": [],
        "verdict": "refused",
        "verdict_reason": why,
    }


def plan_nodes(hosts: Sequence[str], hostvars: Facts) -> list[dict[str, Any]]:
    """Return the nodes as the planner reads them; a host without facts counts as unreachable, never as fine."""
    return [_plan_node(host, hostvars[host]) for host in hosts]


def _plan_node(host: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    node = facts.get("fleet_node") or {}
    kept = facts.get("fleet_kept") or {}
    findings = list(facts.get("fleet_findings") or [])
    seen = bool(node or findings)
    return {
        "target_version": str(facts["fleet_wish"]["target_version"]),
        "accept": _listed(facts["fleet_wish"]["accept"]),
        "package": node.get("package"),
        "role": facts.get("fleet_role") or "",
        "unfinished": kept.get("unfinished"),
        "last": kept.get("last"),
        "name": host,
        "cluster": str(node.get("cluster") or facts.get("fleet_cluster") or host),
        "rank": int(node.get("rank") or 0),
        "product": node.get("product") or "",
        "version": node.get("version") or "",
        "arch": node.get("arch") or "",
        "package_manager": node.get("package_manager") or "",
        "disk": {"state_dir_free": node.get("state_dir_free") or 0, "needed": node.get("disk_needed") or 0},
        "findings": findings,
        "reachable": seen,
        "reason": "" if seen else str(facts.get("fleet_unreachable") or LOST),
    }


def _listed(value: Any) -> list[Any]:
    """Return a list; a text is one of names, as -e on the command line gives it."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else list(value)


def role_of(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the role of a node: of the run or the change that was cut off here, else of the first product that is installed.

    Empty where none is. results are those of node_info for each product, item. What was cut off may have left its product uninstalled,
    and another one of the list beside it.
    """
    state = results[0]["node"]["state"]
    lock = state["lock"] or {}
    installed = [
        str(result["item"]["role"]) for result in results if _is_one(result["item"], result["node"]["package"])
    ]
    return str(lock.get("path") or _role_of_change(state) or next(iter(installed), ""))


def _role_of_change(state: Mapping[str, Any]) -> str:
    """Return the role of a change of the release that has not ended, empty where all have. A change is named PATH-FROM-TO."""
    changes = [state.get("swap") or {}, state.get("installation") or {}]
    begun = {str(one["id"]).partition("-")[0] for one in changes if one.get("id") and not one["finished"]}
    return next((path.role for path in PATHS if path.id in begun), "")


def _is_one(product: Mapping[str, Any], package: Mapping[str, Any]) -> bool:
    """Say whether a package that may be installed is of a product, of which releases before a certain one may be meant."""
    end, found = parse(product.get("before") or ""), parse(package.get("upstream") or "")
    return bool(package["installed"]) and (end is None or (found is not None and found.release < end.release))


def package_of(results: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was read of one of the packages that were asked for, {} where none was."""
    return next((dict(result) for result in results if result["item"]["package"] == wanted), {})


def swap_package(staged: Mapping[str, Any]) -> dict[str, str]:
    """Return what node_swap has to know of a package that node_package proved."""
    return {key: staged[key] for key in ("path", "name", "version", "sha256")}


def way_back(staged: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """Return what the report says about the old release's package."""
    return {"path": staged["path"], "version": staged["version"], "source": "given" if given else staged["source"]}


def detected(node: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> str:
    """Return one line about what was found on a node."""
    what = f"{node.get('product', 'unknown')} {node.get('version') or '?'}"
    grave = [str(finding["id"]) for finding in findings if finding["severity"] in ("error", "blocker")]
    return f"{what}: {', '.join(grave)}" if grave else what


def planned(plan: Mapping[str, Any]) -> list[str]:
    """Return the names of the nodes of this run: those to be upgraded, and those to be verified only."""
    return [node["name"] for node in plan["nodes"] if node["state"] in ("upgrade", "nothing")]


def plan_node(plan: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the plan's entry of one node."""
    return next(dict(node) for node in plan["nodes"] if node["name"] == name)


def without(hosts: Sequence[str], hostvars: Facts, fact: str) -> list[str]:
    """Return the hosts that lack positive evidence: the fact is absent or false."""
    return [host for host in hosts if not hostvars[host].get(fact)]


def unproved(hosts: Sequence[str], hostvars: Facts) -> list[str]:
    """Return the hosts that did not prove themselves done."""
    return [host for host in hosts if (hostvars[host].get("fleet_outcome") or {}).get("status") not in PROVED]


def wave_places(plan: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return for each wave the name of its place in the queue and what it announces."""
    total = len(plan["waves"])
    return [
        {"name": f"wave-{number}", "announcement": f"Wave {number} of {total}: {', '.join(wave)}"}
        for number, wave in enumerate(plan["waves"], 1)
    ]


def queue(plan: Mapping[str, Any]) -> list[str]:
    """Return the hosts of the upgrade play in order: each wave's place, then its nodes."""
    places = wave_places(plan)
    return [host for place, wave in zip(places, plan["waves"], strict=True) for host in (place["name"], *wave)]


def batch_sizes(plan: Mapping[str, Any]) -> list[int]:
    """Return the sizes of the upgrade play's batches: each wave and its place."""
    return [len(wave) + 1 for wave in plan["waves"]]


def to_undo(plan_node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a node that goes back as that of the upgrade that it undoes, or finishes, which is what a rollback reads."""
    return dict(plan_node) if plan_node["one_way"] else {**plan_node, "from": plan_node["to"], "to": plan_node["from"]}


REPORTED = {
    "outcome": "fleet_outcome",
    "fingerprint": "fleet_fingerprint",
    "backup": "fleet_backup",
    "rollback_package": "fleet_rollback_staged",
    "config": "fleet_config",
    "swap": "fleet_swap",
    "findings": "fleet_findings",
}
"""Key of the report's node, and the fact that holds it."""


def report_nodes(hosts: Sequence[str], hostvars: Facts, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes as the report reads them: what is known of each, and nothing where nothing is known."""
    in_plan = {node["name"]: node for node in plan.get("nodes", ())}
    return [_report_node(host, hostvars[host], in_plan.get(host, {})) for host in hosts]


def _report_node(host: str, facts: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    node: dict[str, Any] = {"name": host}
    node.update({key: entry[key] for key in ("cluster", "wave", "from", "to") if key in entry})
    node.update({key: facts[fact] for key, fact in REPORTED.items() if facts.get(fact)})
    if facts.get("fleet_entered") and "outcome" not in node:
        node["outcome"] = {
            "status": "unreachable",
            "phase": facts.get("fleet_phase_entered") or "gate",
            "reason": UNREACHABLE,
        }
    node["timeline"] = list((facts.get("ansible_facts") or {}).get("fleet_timeline") or [])
    return node
