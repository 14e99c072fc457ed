# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is particular to Cloudant Local: no traffic, an installer of its own, names and copies that only the node itself tells of."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._changes import read_note
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import finding, numbered

Facts = Mapping[str, Any]
Finding = dict[str, str]

INSTALLER = "installer"
RED_HAT = "RedHat"
_NAME = re.compile(r"^\s*-name\s+(\S+)", re.MULTILINE)


def erlang_names(results: Sequence[Facts], change: Facts) -> list[str]:
    """Return the name in each vm.args, results of slurp; empty where it could not be read, or sets none.

    The first is the node's own, which was noted with a change: one that was cut off may have taken the file away.
    """
    names = [_erlang_name(result.get("content") or "") for result in results]
    return [names[0] or change.get("node", ""), *names[1:]]


def _erlang_name(content: str) -> str:
    match = _NAME.search(base64.b64decode(content).decode("utf-8", "replace"))
    return match.group(1) if match else ""


def not_shown(page: Facts, names: Sequence[str], state: str) -> str:
    """Return what a page of a balancer (haproxy_info) shows in place of a state, enabled or disabled; an empty text where it shows it.

    names are those that the node's server may have, and the addresses.
    """
    where = page.get("item", {}).get("stats_url") or "The balancer"
    if "backends" not in page:
        return f"{where} cannot be asked: {page.get('msg') or 'no reason was given'}"
    servers = [server for backend in page["backends"] for server in backend["servers"]]
    own = [server for server in servers if {server["name"], _host(server["address"])} & set(names)]
    if len(own) != 1:
        known = ", ".join(sorted(server["name"] for server in servers)) or "no servers"
        return (
            f"{where} shows {numbered(len(own), 'server')} of the node, among: {known}. Expected: one. What to do: set cloudant_db_server"
            " to its name"
        )
    if own[0]["out" if state == "enabled" else "up"]:
        return ""
    wanted = "no requests for it" if state == "enabled" else "UP"
    return f"{where} shows {own[0]['name']} as {own[0]['status']} (check {own[0]['check_code']}). Expected: {wanted}"


def _host(address: str | None) -> str | None:
    return address.rpartition(":")[0].strip("[]") if address else None


def of_traffic(before: Sequence[Facts], after: Sequence[Facts], is_off: bool) -> list[Finding]:
    """Return the findings about production traffic: said to be off, and not to be seen between two looks at the balancers.

    before and after are results of haproxy_info. Their checks of servers are no requests.
    """
    if not is_off:
        return [
            finding(
                "traffic-not-off",
                "error",
                "Cloudant Local does not support upgrades of a cluster with production traffic, and nobody said that it is off",
                "take the applications off the cluster, or go to a new cluster; then set cloudant_db_traffic_is_off=true",
            )
        ]
    looks = list(zip(before, after, strict=True))
    seen = [(old, new) for old, new in looks if "backends" in old and "backends" in new]
    unseen = [_unseen(new) for old, new in looks if (old, new) not in seen]
    return unseen + [
        _busy(new, _requests(new) - _requests(old)) for old, new in seen if _requests(new) > _requests(old)
    ]


def _requests(page: Facts) -> int:
    return sum(server["requests"] for backend in page["backends"] for server in backend["servers"])


def _unseen(page: Facts) -> Finding:
    return finding(
        "traffic-unseen",
        "error",
        f"{page['item']['stats_url']} cannot be asked whether traffic is off",
        "see that stats_url, stats_user, stats_password and backend in cloudant_db_balancers are those of the balancer",
    )


def _busy(page: Facts, requests: int) -> Finding:
    return finding(
        "traffic",
        "error",
        f"{page['item']['stats_url']} shows {numbered(requests, 'request')} from clients since the look before, so that traffic is not off",
        "take the applications off the cluster; Cloudant Local does not support upgrades of a cluster with traffic",
    )


def of_installer(offer: Facts, package: Facts, system: Facts) -> list[Finding]:
    """Return the findings about the installer: offer is the result of fleet_package, package what was given, system Ansible's facts."""
    if offer.get("manager") != INSTALLER:
        return [
            finding(
                "package-product",
                "error",
                f"Cloudant Local comes with an installer of its own, and what was given is {offer.get('name') or 'nothing'}",
                "give the installer of the target (cloudant-1.1.0-....bin) as file or url in fleet_package",
            )
        ]
    found = []
    if not _fits(offer["system"], system):
        found.append(
            finding(
                "package-system",
                "blocker",
                f"The installer is made for {offer['system']}, and the node is {_system(system)}. It is run only when the old release is"
                " gone",
                "give the one for the node's system, or put package-system into fleet_accept if IBM names that one so",
            )
        )
    if not (package or {}).get("sha256"):
        found.append(
            finding(
                "package-unproved",
                "warning",
                "Nothing proves that the installer is whole, which shows only when the old release is gone",
                "give the sha256 in fleet_package",
            )
        )
    return found


def _fits(name: str, system: Facts) -> bool:
    return name.partition(".")[0] == _system(system)


def _system(system: Facts) -> str:
    """Return the system as IBM names those of installers: el6 for everything that is built like Red Hat's."""
    family = "el" if system["ansible_os_family"] == RED_HAT else str(system["ansible_distribution"]).lower()
    return f"{family}{system['ansible_distribution_major_version']}"


def one_way(node: Facts) -> list[Finding]:
    """Return why a node does not go back."""
    return [
        finding(
            "one-way",
            "error",
            f"Cloudant Local cannot go back from {node['version']} to an earlier release",
            "bring the data into a new cluster of the older release by replication",
        )
    ]


def cut_off(change: Facts, journal: Facts) -> dict[str, Any]:
    """Return a change of a node that was noted, {} for none, with whether it is one_way: it got as far as uninstalling the old release.

    journal is what cloudant_install noted, a result of slurp.
    """
    noted = read_note(journal)
    begun = noted.get("id") == change.get("id") and "uninstall" in noted.get("steps", ())
    return {**change, "one_way": begun} if change else {}


def not_in_sync(compared: Facts, limit: int) -> str:
    """Return what is wrong with copies that could not be compared, or have not caught up after so many seconds."""
    if compared.get("msg"):
        return str(compared["msg"])
    pairs = compared["pairs"]
    behind = "; ".join(
        f"{one['database']} {one['range']} from {one['source']} to {one['target']} at {one['at']} of {one['wanted']}"
        for one in compared["behind"]
    )
    maps = ", ".join(compared["differing_maps"])
    return (
        f"After {limit} s, {pairs['done']} of {pairs['total']} pairs of copies have caught up. Behind: {behind or 'none'}. Known to some"
        f" nodes only: {maps or 'none'}. Waiting jobs: {compared['jobs']}. What to do: look for mem3_sync in the logs of the nodes, and run"
        " again"
    )
