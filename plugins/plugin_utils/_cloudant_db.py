# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a database node of CouchDB or Cloudant Local, put together from what the modules saw of it and its cluster."""

from __future__ import annotations

import base64
import configparser
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._changes import package_facts, swap_id, unfinished
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import finding, some
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._paths import PRODUCTS
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import canonical, same

Facts = Mapping[str, Any]
Finding = dict[str, str]

SINGLE = "shard-copy-single"
IN_MAINTENANCE = "in-maintenance"
OF_ITS_ABSENCE = ("member-down", "member-unreached", "shard-copies-missing", IN_MAINTENANCE)
"""What the absence of one node lets everybody else see."""

REMEDIES: Mapping[str, str] = {
    SINGLE: "these databases cannot be read while their node is away; give them more copies, or put shard-copy-single into"
    " fleet_accept",
    IN_MAINTENANCE: "bring it back first (dbfleet.upgrade.recover, or the module cloudant_maintenance once it has caught up)",
}
MEND_FIRST = "mend the cluster first, and see that every node answers; two nodes away at once would stop it"

SWAP_ID = swap_id("couchdb")

WEATHER = re.compile(r"^\['(?P<node>[^']+)'\] \[(?P<level>\w+)\] (?P<text>.+)$", re.MULTILINE)
NO_HARM = ("debug", "info", "notice")
WARNINGS = ("warn", "warning")
NOT_RUN = ("Bad rpc call", "Could not run check")
SHOWN = 150
"""So many characters of a line are shown."""

LEFT_BESIDE = (".dpkg-dist", ".dpkg-new", ".dpkg-old", ".dpkg-tmp", ".dbfleet-new")
OF_THE_RELEASE = "default."
"""default.ini and default.d belong to the release; what a user sets is in local.ini and local.d."""


def members(name: str, hostvars: Mapping[str, Any], hosts: Sequence[str]) -> list[str]:
    """Return the hosts of the inventory that are in the cluster of one of them, that one first."""
    cluster = _cluster(name, hostvars[name])
    return [name, *(host for host in hosts if host != name and _cluster(host, hostvars[host]) == cluster)]


def _cluster(name: str, facts: Mapping[str, Any]) -> str:
    return str(facts.get("fleet_cluster") or name)


def addresses(
    names: Sequence[str], hostvars: Mapping[str, Any], port: int, erlang: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return where each member answers: cloudant_db_host and cloudant_db_port of the host, or else its address for Ansible.

    erlang are the members' Erlang names where those were read, empty where one was not.
    """
    own = dict(zip(names, erlang, strict=False))
    return [_address(name, hostvars[name], port) | _named(own.get(name)) for name in names]


def _address(name: str, facts: Mapping[str, Any], port: int) -> dict[str, Any]:
    host = facts.get("cloudant_db_host") or facts.get("ansible_host") or name
    return {"host": str(host), "port": int(facts.get("cloudant_db_port") or port)}


def _named(name: str | None) -> dict[str, str]:
    return {"name": name} if name else {}


def looked_at(
    look: Facts, answer: Facts, note: Facts, names: Sequence[str], nodes: Sequence[Facts], product: str
) -> dict[str, Any]:
    """Return the node: what node_info saw, what it answered (cloudant_node_info, failed or not), and the note of a change under way.

    names and nodes are the members of its cluster, and where they answer, itself first; product is what it is said to be.

    A change that was begun and not ended counts, whatever runs now: it goes on from the release that it began with.
    """
    asked = dict(answer) if "version" in answer else None
    running = asked["version"] if asked else canonical(look["package"].get("upstream") or "")
    under_way = dict(note) or _unfinished(look)
    return {
        **look,
        "product": product,
        "server": asked,
        "api": {"reason": answer.get("reason"), "message": answer.get("msg") or "nobody answered"},
        "running": running,
        "resume": under_way,
        "name": (asked or {}).get("name") or under_way.get("node") or nodes[0].get("name") or "",
        "hosts": list(names),
        "nodes": list(nodes),
        "version": under_way["from"] if under_way else running,
    }


def _unfinished(look: Facts) -> dict[str, Any]:
    """Return {id, from, to} of a swap that began here and did not end, or failed both ways; {} where there is none."""
    swap = unfinished(look, SWAP_ID)
    return {"id": swap["id"], "from": swap["source"], "to": swap["target"]} if swap else {}


def summary(node: Facts, package: Facts, cluster: str, rank: int) -> dict[str, Any]:
    """Return the node as the engine's planner reads it. One whose change was interrupted comes before all others of its cluster."""
    needed = 2 * (int(package.get("size") or 0) + int(package.get("installed_size") or 0))
    return {
        "product": node["product"],
        "version": node["version"],
        "arch": node["package"].get("arch") or "",
        "package_manager": node["package"].get("manager") or "",
        "package": package_facts(package),
        "cluster": cluster,
        "rank": -1 if node["resume"] else rank,
        "state_dir_free": node["disk"]["state_dir"]["free"],
        "disk_needed": needed,
    }


def kept(node: Facts) -> dict[str, Any]:
    """Return what the engine's recovery has to know: the change that began and did not end, and the last one that did."""
    resume = node["resume"]
    unfinished = _unfinished_change(resume) if resume else None
    ids = [name.split("-") for name in node["state"]["backups"] if SWAP_ID.match(name)]
    last = next((parts for parts in reversed(ids) if same(parts[2], node["running"])), None)
    return {
        "unfinished": unfinished,
        "last": {"id": "-".join(last), "source": last[1], "target": last[2]} if last else None,
        "locked": node["state"]["lock"] is not None,
    }


def _unfinished_change(resume: Facts) -> dict[str, Any]:
    change = {"id": resume["id"], "source": resume["from"], "target": resume["to"]}
    return {**change, "one_way": bool(resume.get("one_way"))}


def preflight(
    node: Facts, target: str, cluster: Facts, excused: Sequence[str], balancers: Sequence[Facts]
) -> list[Finding]:
    """Return every finding about a node that concerns both products, and every direction.

    cluster is the result of cloudant_cluster_info, failed or not; excused are the Erlang names of nodes whose interrupted change this run
    ends; balancers are results of haproxy_info.
    """
    found = _of_service(node) + _of_product(node)
    if node["resume"] and not same(node["resume"]["to"], target):
        found.append(_other_target(node["resume"]))
    if not node["resume"] and not node["server"]:
        found.append(_silent(node))
    found += of_cluster(cluster, excused)
    if not balancers:
        found.append(_no_balancer())
    return found + [_blind(one) for one in balancers if "backends" not in one]


def _of_service(node: Facts) -> list[Finding]:
    service = node["service"]
    if not service["exists"] and not node["resume"]:
        return [
            finding(
                "service-unknown",
                "error",
                f"There is no service {service['name']}",
                "set cloudant_db_service to its name, or install CouchDB from its package",
            )
        ]
    if not service["active"] and not node["resume"]:
        return [
            finding(
                "service-not-running",
                "error",
                f"The service {service['name']} is not running",
                "start it and see that it answers",
            )
        ]
    return []


def _of_product(node: Facts) -> list[Finding]:
    answers = (node["server"] or {}).get("product") or node["product"]
    if answers == node["product"]:
        return []
    return [
        finding(
            "product-differs",
            "error",
            f"The node says that it is {PRODUCTS[answers]}, and cloudant_db_flavour is {node['product']}",
            f"set cloudant_db_flavour to {answers}, or correct cloudant_db_host",
        )
    ]


def _other_target(resume: Facts) -> Finding:
    return finding(
        "swap-unfinished",
        "error",
        f"An upgrade of this node from {resume['from']} to {resume['to']} began and did not end",
        f"finish it (fleet_target_version={resume['to']}), or bring the node back with the playbook dbfleet.upgrade.recover",
    )


def _silent(node: Facts) -> Finding:
    reason = node["api"]["reason"] or "unreachable"
    ids = {"credentials": "api-credentials", "tls": "api-tls"}
    return finding(
        ids.get(reason, "api-unreachable"),
        "error",
        str(node["api"]["message"]).partition(". What to do: ")[0],
        "see that cloudant_db_host and cloudant_db_port lead to the node itself, and that cloudant_db_admin_user and"
        " cloudant_db_admin_password are those of a server administrator",
    )


def of_cluster(cluster: Facts, excused: Sequence[str] = ()) -> list[Finding]:
    """Return the findings about a cluster of which the excused nodes may be away."""
    if "problems" not in cluster:
        message = str(cluster.get("msg") or "no node of the cluster could be asked").partition(". What to do: ")[0]
        return [finding("cluster-unchecked", "error", message, MEND_FIRST)]
    return [
        finding(
            one["id"],
            "blocker" if one["id"] == SINGLE else "error",
            str(one["message"]).partition(". What to do: ")[0],
            REMEDIES.get(one["id"], MEND_FIRST),
        )
        for one in cluster["problems"]
        if not (excused and one["id"] in OF_ITS_ABSENCE and set(one["nodes"]) <= {*excused, *_hosts(cluster, excused)})
    ]


def _hosts(cluster: Facts, names: Sequence[str]) -> set[str]:
    """Return the addresses of nodes, by which a problem names one that does not answer; one that is silent is known by being left over."""
    told = {str(node.get("name")): str(node["host"]) for node in cluster["nodes"]}
    silent = [str(node["host"]) for node in cluster["nodes"] if not node["reached"]]
    known = {told[name] for name in names if name in told}
    return known | set(silent if len(silent) + len(known) <= len(names) else ())


def own_name(node: Facts) -> list[str]:
    """Return the name of a node as the only one that may be away, where its change was interrupted."""
    return [node["name"]] if node["resume"] else []


def excused(node: Facts, hostvars: Mapping[str, Any]) -> list[str]:
    """Return the Erlang names of those members of a node's cluster whose change was interrupted, and is ended by this run."""
    known = [hostvars[host].get("cloudant_db_node") or {} for host in node["hosts"]]
    return [one["name"] for one in known if one.get("resume")]


def stranded(cluster: Facts, answer: Facts) -> str:
    """Return the Erlang name of a node that may be in maintenance and nobody can log in to; empty where it is not, or not known.

    answer is that of the node itself. Where it does not answer, it is the one member that is not among those who do, if there is only one.
    """
    if answer.get("name"):
        return str(answer["name"]) if answer["up"]["status"] != "ok" else ""
    left = sorted(
        set(cluster.get("names") or ()) - {one.get("name") for one in cluster.get("nodes") or () if one["reached"]}
    )
    return left[0] if len(left) == 1 else ""


def not_as_wanted(answer: Facts, version: str) -> str:
    """Return what is wrong with a node that was started in maintenance, an empty text where nothing is."""
    if "version" not in answer:
        return f"The node does not answer: {answer.get('msg') or 'no reason was given'}"
    if not same(str(answer["version"]), version):
        return (
            f"The node runs {answer['version']} after the change. Expected: {version}. What to do: see what the package holds, and whether"
            " the service starts its program"
        )
    if answer["up"]["status"] != "maintenance_mode":
        return (
            f"/_up of the node says {answer['up']['status']}. Expected: maintenance_mode, until it has caught up. What to do: see whether"
            " its configuration was replaced; take it out of the balancers, for it may serve stale data"
        )
    return ""


def not_serving(answer: Facts, version: str) -> str:
    """Return why a node does not serve a release to everybody, an empty text where it does."""
    if "version" not in answer:
        return f"The node does not answer: {answer.get('msg') or 'no reason was given'}"
    if not same(str(answer["version"]), version) or answer["up"]["status"] != "ok":
        return f"The node runs {answer['version']}, and /_up says {answer['up']['status']}. Expected: {version}, and ok"
    return ""


def of_weather(result: Facts) -> list[Finding]:
    """Return the findings in what weatherreport printed: the lines that say warning, and those that say worse.

    That one of its checks could not be run is no more than a warning.
    """
    lines = [match.groupdict() for match in WEATHER.finditer(result.get("stdout") or "")]
    told = [line for line in lines if line["level"] not in NO_HARM]
    bad = [line for line in told if line["level"] not in WARNINGS and not line["text"].startswith(NOT_RUN)]
    return [
        finding(
            "weatherreport",
            severity,
            f"weatherreport says: {some(_said(line) for line in found)}",
            "see to it, or put weatherreport into fleet_accept if it is known and no harm",
        )
        for severity, found in (("blocker", bad), ("warning", [line for line in told if line not in bad]))
        if found
    ]


def _said(line: Facts) -> str:
    text = line["text"].rstrip(".")
    short = text if len(text) <= SHOWN else text[:SHOWN] + "..."
    return f"[{line['level']}] of {line['node']}: {short}"


def _no_balancer() -> Finding:
    return finding(
        "balancer-none",
        "warning",
        "No load balancer is named, so that nothing proves that clients are kept from the node while it is away",
        "set cloudant_db_balancers, if there are any",
    )


def _blind(result: Facts) -> Finding:
    said = str(result.get("msg") or "A balancer cannot be asked")
    return finding(
        "balancer-unreachable",
        "error",
        said.partition(". What to do: ")[0],
        "see that stats_url, stats_user, stats_password and backend in cloudant_db_balancers are those of the balancer",
    )


def record(cluster: Facts) -> dict[str, Any]:
    """Return what has to be the same after an upgrade: the members, and who may read and administer each database."""
    return {
        "names": list(cluster["names"]),
        "security": {one["name"]: one["security"] for one in cluster.get("databases") or ()},
        "formats": {one["name"]: one["disk_format"] for one in cluster.get("databases") or ()},
    }


def of_format(noted: Facts, cluster: Facts) -> list[Finding]:
    """Return the finding where a newer release has written files in a format that the former one need not know.

    noted is what was recorded before the upgrade, cluster what is there now. A database that is new since must not be in a format
    beyond all of those.
    """
    before = noted.get("formats") or {}
    known = [value for value in before.values() if value]
    if "databases" not in cluster:
        return of_cluster(cluster)
    if not known:
        return [
            finding(
                "data-format",
                "error",
                "It was not noted in which format the databases were before the upgrade",
                "bring the data into a new cluster of the older release by replication",
            )
        ]
    now = record(cluster)["formats"]
    newer = sorted(name for name, value in now.items() if (value or 0) > (before.get(name) or max(known)))
    if not newer:
        return []
    former = before.get(newer[0]) or max(known)
    return [
        finding(
            "data-format",
            "error",
            f"{some(newer)} has files of format {now[newer[0]]}, which the release before did not write ({former})",
            "bring the data into a new cluster of the older release by replication",
        )
    ]


def changed_security(before: Facts, after: Facts) -> list[str]:
    """Return the databases whose _security is another than it was; those that are new or gone since are nobody's loss."""
    now = record(after)["security"]
    return sorted(name for name, was in before["security"].items() if name in now and now[name] != was)


def own_files(paths: Sequence[str], etc: str) -> list[str]:
    """Return the files of a configuration folder that are not the release's own, nor what dpkg left beside them."""
    told = [(path, path[len(etc.rstrip("/")) + 1 :]) for path in paths]
    return sorted(path for path, name in told if not name.startswith(OF_THE_RELEASE) and not name.endswith(LEFT_BESIDE))


def of_defaults(result: Facts, etc: str) -> list[Finding]:
    """Return the finding about changed files of the release's own configuration, which its successor replaces: dpkg --verify lists them."""
    own = f"{etc.rstrip('/')}/{OF_THE_RELEASE}"
    changed = [line.split()[-1] for line in str(result.get("stdout") or "").splitlines() if line[2:3] == "5"]
    lost = [path for path in changed if path.startswith(own)]
    if not lost:
        return []
    return [
        finding(
            "default-changed",
            "warning",
            f"{some(lost)} is not as it was packaged, and the new release brings its own",
            "set what is yours in local.ini or local.d, which are carried over; a copy of the old file is kept",
        )
    ]


def setting(files: Sequence[Facts], section: str, key: str) -> str | None:
    """Return a setting in force: of results of slurp for ini files in the order in which CouchDB reads them, the last one counts."""
    value = None
    for one in files:
        parser = configparser.RawConfigParser(
            strict=False, allow_no_value=True, comment_prefixes=(";", "#"), delimiters=("=",)
        )
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        parser.read_string(base64.b64decode(one["content"]).decode("utf-8", "replace"))
        if parser.has_option(section, key):
            value = parser.get(section, key)
    return value


def chain(paths: Sequence[str], etc: str) -> list[str]:
    """Return the ini files of a configuration folder in the order in which CouchDB reads them."""
    folder = etc.rstrip("/")
    ends = [f"{folder}/default.ini", f"{folder}/default.d/", f"{folder}/local.ini", f"{folder}/local.d/"]
    ini = sorted(path for path in paths if path.endswith(".ini"))
    return [path for end in ends for path in ini if path == end or (end.endswith("/") and path.startswith(end))]


def placed(paths: Sequence[str], etc: str, copies: str) -> list[dict[str, str]]:
    """Return the files that node_swap puts back after the installation, from the copies of the whole folder."""
    folder = etc.rstrip("/")
    return [{"src": f"{copies}{path[len(folder) :]}", "dest": path} for path in own_files(paths, etc)]


def ready(bind_address: str | None, port: int, version: str, timeout: int) -> dict[str, Any]:
    """Return how node_swap asks this node's server, on the node itself, which release it is."""
    anywhere = bind_address in (None, "", "0.0.0.0", "::", "any")
    host = "127.0.0.1" if anywhere else f"[{bind_address}]" if ":" in str(bind_address) else bind_address
    return {"url": f"http://{host}:{port}/", "field": "version", "version": version, "timeout": timeout}
