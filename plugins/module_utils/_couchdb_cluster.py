# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of CouchDB or Cloudant Local as every one of its nodes sees it, and what is wrong with it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible.module_utils.common.text.converters import to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_node import read_node
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple  # noqa: F401 (read by type comments)

    Found = Dict[str, Any]
except ImportError:  # Python 2.7 on the node has no typing
    pass

LISTED = 10
"""How many names a message has; lists of names beside it are complete."""

GATHER = ["up", "membership", "name", "maintenance", "replication"]


def read_cluster(params, connect):
    # type: (Dict[str, Any], Callable[[Dict[str, Any]], Any]) -> Found
    """What cloudant_cluster_info returns. connect makes a client of one node out of the module's parameters."""
    targets = [dict(params, **dict(node, port=node["port"] or params["port"])) for node in params["nodes"]]
    clients = [connect(target) for target in targets]
    nodes = [_ask(client, target) for client, target in zip(clients, targets)]
    reached = [node for node in nodes if node["reached"]]
    if not reached:
        raise FleetError(
            "No node of the cluster can be asked. {0}".format(nodes[0]["error"]), reason=nodes[0]["reason"], nodes=nodes
        )
    problems = member_problems(nodes, params["members"])
    found = {"nodes": nodes, "names": names(reached), "versions": _versions(reached)}  # type: Found
    if params["databases"]:
        best = best_witness(reached)
        found["databases"], unreadable = read_databases(clients[nodes.index(best)])
        problems += unreadable + _short_of_copies(found["databases"], available(best, reached))
        problems += _uneven(found["databases"])
        problems += _without_another_copy(found["databases"]) if len(found["names"]) > 1 else []
    return dict(found, problems=problems)


def _ask(client, target):
    # type: (Any, Dict[str, Any]) -> Found
    """One node's answers, or why there are none."""
    node = {"host": target["host"], "port": target["port"], "reached": False, "error": None, "reason": None}  # type: Found
    try:
        found = read_node(client, target["host"], GATHER, target.get("name"))
    except FleetError as error:
        return dict(node, error=str(error), reason=error.facts["reason"])
    membership = found.pop("membership")
    return dict(node, reached=True, **dict(found, **membership))


def names(reached):
    # type: (List[Found]) -> List[str]
    """Every name that any node knows, connected or not."""
    return sorted(_union(reached, "all_nodes") | _union(reached, "cluster_nodes"))


def _union(reached, key):
    # type: (List[Found], str) -> Set[str]
    return {name for node in reached for name in node[key]}


def _versions(reached):
    # type: (List[Found]) -> Dict[str, List[str]]
    found = {}  # type: Dict[str, List[str]]
    for node in reached:
        found.setdefault(node["version"], []).append(node["host"])
    return found


def member_problems(nodes, expected):
    # type: (List[Found], Optional[List[str]]) -> List[Found]
    """What is wrong with the members. expected: the names that the cluster should have, where they are known."""
    reached = [node for node in nodes if node["reached"]]
    return (
        [_unreached(node) for node in nodes if not node["reached"]]
        + [_unnamed(node) for node in reached if node["name"] is None]
        + _repeated(reached)
        + _down(reached)
        + _differing(reached)
        + _strangers(reached)
        + _miscounted(nodes, reached)
        + _changed(reached, expected)
        + [_not_up(node) for node in reached if node["up"]["status"] != "ok"]
    )


def _problem(name, message, nodes=(), databases=()):
    # type: (str, str, Iterable[str], Iterable[str]) -> Found
    return {"id": name, "message": message.rstrip(".") + ".", "nodes": sorted(nodes), "databases": sorted(databases)}


def _called(node):
    # type: (Found) -> str
    return node["name"] or node["host"]


def _list(found):
    # type: (Iterable[str]) -> str
    names = sorted(found)
    more = " and {0} more".format(len(names) - LISTED) if len(names) > LISTED else ""
    return to_native(u", ".join(names[:LISTED]) or u"none") + more


def _unreached(node):
    # type: (Found) -> Found
    return _problem("member-unreached", node["error"], [node["host"]])


def _unnamed(node):
    # type: (Found) -> Found
    message = (
        "{0} does not tell its Erlang name, and no member lives at exactly this address. "
        "What to do: name the host as the Erlang name does"
    )
    return _problem("name-unknown", message.format(node["host"]), [node["host"]])


def _repeated(reached):
    # type: (List[Found]) -> List[Found]
    hosts = {}  # type: Dict[str, List[str]]
    for node in reached:
        if node["name"]:
            hosts.setdefault(node["name"], []).append("{0}:{1}".format(node["host"], node["port"]))
    message = "{0} answers at more than one address: {1}. What to do: give each node's own address, not a load balancer's"
    return [
        _problem("name-repeated", message.format(name, _list(found)), [name])
        for name, found in sorted(hosts.items())
        if len(found) > 1
    ]


def _down(reached):
    # type: (List[Found]) -> List[Found]
    down = _union(reached, "cluster_nodes") - _union(reached, "all_nodes")
    message = (
        "Members that no node is connected to: {0}. What to do: start them; a member that was renamed or is gone for good "
        "has to be removed from the cluster"
    )
    return [_problem("member-down", message.format(_list(down)), down)] if down else []


def _differing(reached):
    # type: (List[Found]) -> List[Found]
    """A node whose cookie changed is healthy to itself, takes writes, and is connected to nobody."""
    views = {}  # type: Dict[Tuple[Any, ...], List[str]]
    for node in reached:
        views.setdefault((tuple(node["all_nodes"]), tuple(node["cluster_nodes"])), []).append(_called(node))
    if len(views) < 2:
        return []
    said = "; ".join(
        "seen from {0}, connected: {1}, members: {2}".format(_list(group), _list(view[0]), _list(view[1]))
        for view, group in sorted(views.items())
    )
    message = "The nodes do not agree: {0}. What to do: compare their Erlang cookies and names, and the network between them"
    return [_problem("membership-differs", message.format(said), [_called(node) for node in reached])]


def _strangers(reached):
    # type: (List[Found]) -> List[Found]
    found = _union(reached, "all_nodes") - _union(reached, "cluster_nodes")
    message = "Connected, but no members: {0}. What to do: stop them, or add them to the cluster"
    return [_problem("member-unknown", message.format(_list(found)), found)] if found else []


def _miscounted(nodes, reached):
    # type: (List[Found], List[Found]) -> List[Found]
    members = _union(reached, "cluster_nodes")
    if len(members) == len(nodes):
        return []
    message = (
        "The cluster has {0} members ({1}), and {2} addresses were given. What to do: give the address of every member; "
        "a node that came back with another name is one member more"
    )
    asked = {node["name"] for node in reached}
    return [_problem("member-count-differs", message.format(len(members), _list(members), len(nodes)), members - asked)]


def _changed(reached, expected):
    # type: (List[Found], Optional[List[str]]) -> List[Found]
    if expected is None or sorted(expected) == names(reached):
        return []
    lost, new = set(expected) - set(names(reached)), set(names(reached)) - set(expected)
    message = "The members are not those that were expected: lost {0}, new {1}. What to do: compare -name in vm.args"
    return [_problem("members-changed", message.format(_list(lost), _list(new)), lost | new)]


def _not_up(node):
    # type: (Found) -> Found
    status = node["up"]["status"]
    message = "/_up of {0} says {1}. What to do: {2}"
    if status in ("maintenance_mode", "nolb"):
        remedy = "find out who set it, and take the node out of maintenance"
        return _problem("in-maintenance", message.format(_called(node), status, remedy), [_called(node)])
    remedy = "wait until the node is ready"
    return _problem("member-not-ready", message.format(_called(node), status, remedy), [_called(node)])


def best_witness(reached):
    # type: (List[Found]) -> Found
    """The node to ask for what all know: out of maintenance, with the most connections."""
    return max(reached, key=lambda node: (node["up"]["status"] == "ok", len(node["all_nodes"])))


def available(witness, reached):
    # type: (Found, List[Found]) -> Set[str]
    """The members whose copies count: connected to the witness, and not known to be out."""
    return set(witness["all_nodes"]) - {node["name"] for node in reached if node["up"]["status"] != "ok"}


def read_databases(client):
    # type: (Any) -> Tuple[List[Found], List[Found]]
    """All databases with shards and security, and a problem for what cannot be read. Three requests for each database."""
    try:
        listed = client.all_dbs()
    except FleetError as error:
        return [], [_problem("database-unreadable", str(error))]
    databases, unreadable = [], []  # type: List[Found], List[Found]
    for name in sorted(listed):
        try:
            databases.append(_read_database(client, name))
        except FleetError as error:
            if error.facts["reason"] != "not-found":  # it was deleted meanwhile
                unreadable.append(_problem("database-unreadable", str(error), databases=[name]))
    return databases, unreadable


def _read_database(client, name):
    # type: (Any, str) -> Found
    shards = client.shards(name)
    return {
        "name": name,
        "n": max([len(copies) for copies in shards.values()] or [0]),
        "shards": shards,
        "security": client.security(name),
        "disk_format": client.database(name).get("disk_format_version"),
    }


def _short_of_copies(databases, there):
    # type: (List[Found], Set[str]) -> List[Found]
    """Of each range all copies have to be there. there: the members whose copies count."""
    short = [(database, shard) for database, shard in _ranges(databases) if set(database["shards"][shard]) - there]
    if not short:
        return []
    database, shard = short[0]
    copies = set(database["shards"][shard])
    message = (
        "Ranges of which not all copies can be used: {0}, among them {1} of {2}, with {3} of {4}. "
        "What to do: bring back the members, and wait until they have caught up"
    ).format(len(short), shard, to_native(database["name"]), len(copies & there), len(copies))
    gone = {name for database, shard in short for name in database["shards"][shard]} - there
    return [_problem("shard-copies-missing", message, gone, {database["name"] for database, _shard in short})]


def _uneven(databases):
    # type: (List[Found]) -> List[Found]
    """By the map of the cluster: a copy that was taken out of it and not put back in."""
    names = {database["name"] for database, shard in _ranges(databases) if len(database["shards"][shard]) < database["n"]}
    message = (
        "Databases of which some ranges have fewer copies than others: {0}. "
        "What to do: add the missing copies to the cluster's map of shards, and wait until they have caught up"
    )
    return [_problem("shard-copies-uneven", message.format(_list(names)), databases=names)] if names else []


def _ranges(databases):
    # type: (List[Found]) -> List[Tuple[Found, str]]
    return [(database, shard) for database in databases for shard in sorted(database["shards"])]


def _without_another_copy(databases):
    # type: (List[Found]) -> List[Found]
    """By the map of the cluster: while the one member is out, nobody can read or write these ranges."""
    single = {database["name"] for database in databases if database["n"] == 1}
    message = (
        "Databases with one copy of each range: {0}. They are not there while its member is out of service. "
        "What to do: accept that, or add copies first"
    )
    return [_problem("shard-copy-single", message.format(_list(single)), databases=single)] if single else []
