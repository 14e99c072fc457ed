# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a load balancer and of the others of its cluster, put together from what the modules saw."""

from __future__ import annotations

import base64
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._changes import (
    package_facts,
    read_note,
    recovery,
    swap_id,
    unfinished,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import finding, some
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._cloudant_local import cut_off
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import canonical, same

Facts = Mapping[str, Any]
Findings = list[dict[str, str]]

SWAP_ID = swap_id("haproxy")
"""How a swap of a balancer is named: PATH-FROM-TO."""

SETTINGS = ("cloudant_lb_url", "cloudant_lb_stats_url", "cloudant_lb_virtual_url")


def others(hostvars: Mapping[str, Facts], name: str, cluster: str) -> list[str]:
    """Return the other balancers of a cluster, those that are no part of the run too."""
    return [
        host
        for host in hostvars
        if host != name
        and hostvars[host].get("cloudant_lb_stats_url")
        and str(hostvars[host].get("fleet_cluster") or host) == cluster
    ]


def detected(look: Facts, keepalived: Facts, mark: Facts, running: str, valid: Facts, journal: Facts) -> dict[str, Any]:
    """Return the node: look and keepalived are of node_info, running the release, valid the result of haproxy -c.

    mark and journal are results of slurp: of what is known while the balancer is out of service, and of cloudant_install's notes.

    version is that which runs; of the package where nothing does, and the former one where a change was interrupted.
    """
    out = read_note(mark)
    resume = unfinished(look, SWAP_ID) or cut_off(out.get("change") or {}, journal) or None
    packaged = look["package"].get("upstream") or ""
    return {
        **look,
        "keepalived": keepalived["service"],
        "mark": out,
        "running": running,
        "config_error": "" if valid.get("rc") == 0 else last_line(valid),
        "resume": resume,
        "version": resume["source"] if resume else running or packaged,
    }


def cloudant_release(result: Facts) -> str:
    """Return the release of Cloudant Local in version.txt, a result of slurp, "" where there is none."""
    return base64.b64decode(result.get("content") or "").decode("utf-8", "replace").strip()


def haproxy_release(result: Facts) -> str:
    """Return the release in "HAProxy version 2.6.12-1+deb12u3 2025/10/03 - ...", "" where there is none."""
    match = re.match(r"HA-?Proxy version (\S+)", str(result.get("stdout") or ""))
    return canonical(match[1]) if match else ""


def last_line(result: Facts) -> str:
    """Return the last line of what a program complained of."""
    lines = [line.strip() for line in str(result.get("stderr") or result.get("msg") or "").splitlines() if line.strip()]
    alerts = [line for line in lines if "ALERT" in line]
    return (alerts or lines or ["it gave no reason"])[0 if alerts else -1]


def kept(node: Facts) -> dict[str, Any]:
    """Return what the engine's recovery has to know."""
    return recovery(node, SWAP_ID)


def summary(node: Facts, package: Facts, cluster: str, rank: int, product: str) -> dict[str, Any]:
    """Return the node as the engine's planner reads it. package is the result of fleet_package, product cloudant or haproxy.

    One whose change was interrupted comes before all others of its cluster.
    """
    size = int(package.get("size") or 0) + int(package.get("installed_size") or 0)
    return {
        "product": product,
        "version": node["version"],
        "arch": node["package"].get("arch") or node["machine"].get("arch") or "",
        "package_manager": node["package"].get("manager") or "",
        "package": package_facts(package),
        "cluster": cluster,
        "rank": -1 if node["resume"] or node["mark"] else rank,
        "state_dir_free": node["disk"]["state_dir"]["free"],
        "disk_needed": 0 if node["resume"] else 2 * size,
    }


# The balancers of a cluster.


def addresses_of(url: str, resolve: Callable[..., Iterable[Any]] = socket.getaddrinfo) -> list[str]:
    """Return the addresses of a URL's host as ip shows them; none where there is no URL, or its name has none."""
    host = urlsplit(url).hostname
    try:
        found = [str(answer[4][0]) for answer in resolve(host, None, 0, socket.SOCK_STREAM)] if host else []
    except OSError:
        return []
    return list(dict.fromkeys(str(ipaddress.ip_address(address)) for address in found))


def holds(result: Facts, addresses: Sequence[str]) -> bool:
    """Say whether a node has one of the addresses, from what ip -o addr show printed there."""
    own = re.findall(r"\binet6? ([0-9a-fA-F.:]+)", str(result.get("stdout") or ""))
    return bool(set(own) & set(addresses))


def balancers(
    names: Sequence[str],
    statistics: Sequence[Facts],
    addresses: Sequence[Facts],
    takers: Sequence[Facts],
    wanted: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the balancers {name, error, servers, up, holds, takes}: servers and those that are up, each BACKEND/SERVER.

    The results of haproxy_info, of ip -o addr show and of pgrep keepalived are in the order of names. One that could not be
    asked, here or there, has an error. One whose keepalived does not run takes no virtual address.
    """
    return [
        {**_balancer(name, statistic, shown, wanted), "takes": taker.get("rc") == 0}
        for name, statistic, shown, taker in zip(names, statistics, addresses, takers, strict=True)
    ]


def _balancer(name: str, statistics: Facts, shown: Facts, wanted: Sequence[str]) -> dict[str, Any]:
    pools = statistics.get("backends") or []
    servers = [(f"{pool['name']}/{server['name']}", server["up"]) for pool in pools for server in pool["servers"]]
    error = "" if "backends" in statistics else str(statistics.get("msg") or "its statistics cannot be read")
    if shown.get("rc") != 0:
        error = (
            error or f"the node itself cannot be asked for its addresses: {shown.get('msg') or 'no reason was given'}"
        )
    return {
        "name": name,
        "error": error.rstrip("."),
        "servers": sorted(server for server, _up in servers),
        "up": sorted(server for server, up in servers if up),
        "holds": holds(shown, wanted),
    }


def serving(seen: Sequence[Facts]) -> list[str]:
    """Return the names of the balancers to which requests can be left."""
    return [one["name"] for one in seen if not _not_serving(one)]


def _not_serving(one: Facts) -> str:
    """Say why requests cannot be left to a balancer, "" if they can."""
    if one["error"]:
        return str(one["error"])
    if not one["up"]:
        return "no server behind it is up"
    return "" if one["takes"] else "keepalived does not run there, so it cannot take the virtual address"


def holders(seen: Sequence[Facts]) -> list[str]:
    """Return the names of the balancers that hold the virtual address."""
    return [one["name"] for one in seen if one["holds"]]


def lost(before: Facts, now: Facts) -> list[str]:
    """Return how the servers differ from those of the mark: missing, new, or no longer up; what was down may stay so."""
    gone = [f"{name} is missing" for name in before["servers"] if name not in now["servers"]]
    new = [f"{name} is new" for name in now["servers"] if name not in before["servers"]]
    down = [f"{name} is not up" for name in before["up"] if name in now["servers"] and name not in now["up"]]
    return ([f"{now['error']}"] if now["error"] else []) + gone + new + down


# Findings.


def going_on(names: Sequence[str], hostvars: Mapping[str, Facts]) -> list[str]:
    """Return the names of those balancers whose change was interrupted, and is ended by this run, before the others' turn."""
    known = {name: hostvars[name].get("cloudant_lb_node") or {} for name in names}
    return [name for name, node in known.items() if node.get("resume") or node.get("mark")]


def preflight(
    node: Facts, target: str, settings: Facts, seen: Sequence[Facts], answers: Facts, under_way: Sequence[str] = ()
) -> Findings:
    """Return every finding before an upgrade. seen is this balancer and then the others, of which some are under_way (going_on).

    settings are the variables, and offer, the result for the new package. answers are the results of a
    request to this balancer (own) and to the virtual address (virtual). A balancer that was taken out of service by a run
    that died is only asked whether others serve.
    """
    if node["resume"] and not same(node["resume"]["target"], target):
        return [_unfinished(node["resume"])]
    missing = _missing(settings, seen)
    if missing:
        return missing
    alone = last_balancer(seen, under_way)
    if node["resume"] or node["mark"]:
        return [] if node["resume"] or same(node["version"], target) else alone
    own = [*_service(node), *_answers(seen, answers, settings)]
    if same(node["version"], target):
        return [*own, *_revision(node, settings["offer"])]
    return [*own, *alone, *_config(node, settings)]


def _unfinished(resume: Facts) -> dict[str, str]:
    return finding(
        "swap-unfinished",
        "error",
        f"An upgrade of this node from {resume['source']} to {resume['target']} began and did not end",
        f"finish it (fleet_target_version={resume['target']}), or undo it with the playbook dbfleet.upgrade.recover",
    )


def _missing(settings: Facts, seen: Sequence[Facts]) -> Findings:
    needed = SETTINGS if len(seen) > 1 else SETTINGS[:2]
    names = [name for name in needed if not settings[name]]
    if not names:
        return []
    return [finding("settings", "error", f"{', '.join(names)} is not set", "set it in the inventory")]


def last_balancer(seen: Sequence[Facts], under_way: Sequence[str] = ()) -> Findings:
    """Return the finding about a balancer besides which no other serves, and about others that do not.

    Those under_way come first. Right before this one is changed, it is looked again whether another one serves.
    """
    peers = seen[1:]
    if not serving(peers) and not {one["name"] for one in peers} & set(under_way):
        why = "; ".join(f"{one['name']}: {_not_serving(one)}" for one in peers)
        return [
            finding(
                "last-balancer",
                "blocker",
                f"No other balancer serves ({why or 'no other host has this fleet_cluster and a cloudant_lb_stats_url'})",
                "bring another one up; or put last-balancer into fleet_accept, and nobody is served during the change",
            )
        ]
    return [
        finding(
            "balancer-down",
            "warning",
            f"{one['name']} does not serve: {_not_serving(one)}",
            "see to it",
        )
        for one in peers
        if one["name"] not in serving(peers)
    ]


def _service(node: Facts) -> Findings:
    service, keepalived = node["service"], node["keepalived"]
    found = []
    if not service["exists"]:
        found.append(("service-unknown", "The service manager knows no such service", "set cloudant_lb_service"))
    elif not service["active"]:
        found.append(("service-not-running", "The balancer is stopped", "start it, and see that it serves"))
    if not node["package"]["installed"]:
        found.append(("package-none", "No package is installed", "install the package of the running release"))
    elif node["running"] and not same(node["package"]["upstream"] or "", node["running"]):
        message = f"The package is {node['package']['version']}, and {node['running']} runs"
        found.append(("package-mismatch", message, "restart the service, or install the right package"))
    if keepalived["exists"] and not keepalived["active"]:
        message = "keepalived is stopped, so the balancer cannot take the virtual address"
        found.append(("keepalived-not-running", message, "start it, and see who holds the address"))
    return [finding(id_, "error", message, remedy) for id_, message, remedy in found]


def _answers(seen: Sequence[Facts], answers: Facts, settings: Facts) -> Findings:
    found = []
    own = seen[0]
    if own["error"]:
        found.append(finding("statistics", "error", own["error"], "correct cloudant_lb_stats_*, or heal the balancer"))
    down = [name for name in own["servers"] if name not in own["up"]]
    if down:
        message = f"Not all servers behind the balancer are up: {some(down)}"
        found.append(finding("servers-down", "blocker", message, "bring them up, or accept that they are left out"))
    if not answered(answers["own"]):
        found.append(_no_answer("url", settings["cloudant_lb_url"], answers["own"]))
    if settings["cloudant_lb_virtual_url"]:
        if not answered(answers["virtual"]):
            found.append(_no_answer("virtual-url", settings["cloudant_lb_virtual_url"], answers["virtual"]))
        found += _held(seen)
    return found


def _no_answer(id_: str, url: str, answer: Facts) -> dict[str, str]:
    why = answer.get("msg") or "no reason was given"
    return finding(
        id_,
        "error",
        f"{url} does not answer with a status of 2xx: {why}",
        f"correct cloudant_lb_{id_.replace('-', '_')}",
    )


def answered(answer: Facts) -> bool:
    """Say whether a request was answered with a status of 2xx."""
    return 200 <= int(answer.get("status") or 0) < 300


def _held(seen: Sequence[Facts]) -> Findings:
    names = holders(seen)
    if len(names) == 1:
        return []
    message = f"The virtual address is held by {' and '.join(names) or 'no balancer that can be asked'}"
    return [finding("virtual-address", "error", message, "see to keepalived, until exactly one of them holds it")]


def _config(node: Facts, settings: Facts) -> Findings:
    if not node["config_error"]:
        return []
    message = f"HAProxy does not accept {settings['cloudant_lb_config']}: {node['config_error']}"
    return [finding("config", "error", message, "correct it; with what is there the balancer would not start again")]


def _revision(node: Facts, offer: Facts) -> Findings:
    """A release is a release to the planner; whoever means another revision of it has to know that nothing is done."""
    installed, given = node["package"].get("version"), offer.get("package_version")
    if not given or given == installed:
        return []
    message = f"{installed} is installed and {given} is given: both are {node['version']}, so nothing is changed"
    return [finding("package-revision", "warning", message, "install another revision with the package manager")]


def of_packages(node: Facts, offer: Facts, back: Facts) -> Findings:
    """Return the findings about the packages of HAProxy: offer and back are the results for the new and the old one."""
    found = []
    if "why" in offer:
        remedy = "see to the node's sources of apt (apt-get update), or give the package as a file or an address"
        found.append(finding("package-repository", "error", offer["why"], remedy))
    if "source" not in back:
        why = str(back.get("msg") or "no reason was given")
    elif not same(str(back.get("version") or ""), node["version"]):
        why = f"fleet_rollback_package holds {back.get('version')}, the node runs {node['version']}"
    else:
        return found
    remedy = "give it with fleet_rollback_package; if you accept this, a failed upgrade cannot be undone"
    return [
        *found,
        finding("rollback-none", "blocker", f"The package of the running release cannot be had: {why}", remedy),
    ]


# The change.


def mark(own: Facts, alone: bool, change: Facts) -> dict[str, Any]:
    """Return what has to be known to put the balancer back into service; and of a change with an installer, how to go on with it."""
    known = {"held": own["holds"], "servers": own["servers"], "up": own["up"], "keepalived": not alone}
    return {**known, "change": change} if change["installer"] else known


def watched(swap: Facts, seen: Facts) -> dict[str, Any]:
    """Return the swap with a note of what a watch saw at the virtual address."""
    if seen.get("skipped"):
        return dict(swap)
    return noted(
        swap, absence(seen) if "requests" in seen else f"The virtual address was not measured: {seen.get('msg')}"
    )


def noted(swap: Facts, note: str) -> dict[str, Any]:
    """Return the swap with one more note."""
    return {**swap, "notes": [*swap["notes"], note]}


def absence(seen: Facts) -> str:
    """Return what a watch saw, as a sentence for people."""
    times = len(seen["outages"])
    text = f"The virtual address was asked {seen['requests']} times during the change; "
    if any(outage["seconds"] is None for outage in seen["outages"]):
        text += "at its end it did not answer"
    elif times:
        text += f"it did not answer for {seen['away']:.2f} s ({times} {'time' if times == 1 else 'times'})"
    else:
        text += f"it always answered, within {seen['slowest']:.2f} s"
    return text + ("" if seen["finished"] else "; the watch ended early")


def swaps(first: Facts, second: Facts) -> dict[str, Any]:
    """Return two changes of a node as one: the upgrade, and the way back that followed it."""
    if not first:
        return dict(second)
    kept_notes = [*first["notes"], *second["notes"]]
    if second.get("outcome") == "unchanged":
        return {**first, "notes": kept_notes}
    times = [first["downtime"], second["downtime"]]
    return {
        **second,
        "steps": [*first["steps"], *second["steps"]],
        "notes": kept_notes,
        "downtime": None if None in times else sum(times),
        "error": first["error"] or second["error"],
    }


def compared(before: Facts, now: Facts) -> dict[str, Any]:
    """Return what the report says about the servers behind the balancer."""
    differences = lost(before, now)
    count = len(now["up"])
    return {
        "level": "servers",
        "before": {"servers": len(before["servers"]), "up": len(before["up"])},
        "after": {"servers": len(now["servers"]), "up": count},
        "differences": differences,
        "sentence": "; ".join(differences) or f"all {len(before['up'])} servers are up through this balancer",
    }
