# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the copies of the shards of a CouchDB cluster have caught up with each other, as their own checkpoints prove.

Every copy pushes its changes to the others, and writes on both sides, in a document _local/shard-sync-..., up to which of
its sequences it has come. The sequence of every copy is noted at first, and the checkpoints are read afterwards until they
have come so far. That proves that all that was written before the note has arrived, however much is written meanwhile.
Comparing with the sequence of the same moment would never pass under load, for a push begins seconds after a write.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
from multiprocessing.pool import ThreadPool

from ansible.module_utils.common.text.converters import to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import (
    CLUSTER_ARGUMENTS,
    NODE_LOCAL_ARGUMENTS,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_cluster import member_problems
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_node import NODE_API, read_node
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple  # noqa: F401 (read by type comments)

    Found = Dict[str, Any]
except ImportError:  # Python 2.7 on the node has no typing
    pass

ADDRESS = {"host": {"type": "str", "required": True}, "port": {"type": "int"}, "name": {"type": "str"}}
ARGUMENTS = dict(
    CLUSTER_ARGUMENTS,
    nodes={"type": "list", "elements": "dict", "required": True, "options": ADDRESS},
    node={"type": "str"},
    all_pairs={"type": "bool", "default": False},
    databases={"type": "list", "elements": "str"},
    limit={"type": "int", "default": 3600},
    interval={"type": "float", "default": 2.0},
    wait={"type": "int", "default": 20},
    **NODE_LOCAL_ARGUMENTS
)

GATHER = ["up", "membership", "name"]
THREADS = 8
REST = 3
"""So many times as long as a look takes, the cluster is left alone after it."""
SHOWN = 5
"""So many pairs that are behind are named."""

ACCOUNT = "default/"
"""What Cloudant Local writes before the name of a database in its maps."""

PAIR_KEYS = ("source_node", "source_uuid", "target_node", "target_uuid")
"""What names the two copies in an entry of a checkpoint."""

Range = collections.namedtuple("Range", ["database", "bounds", "shard", "nodes"])
"""A range of a database. shard: the name of its copies; nodes: who holds one."""

Copy = collections.namedtuple("Copy", ["node", "uuid", "seq"])
"""seq: the sequence of its last change."""

Pair = collections.namedtuple("Pair", ["part", "source", "target", "at", "wanted"])
"""How far source has come with target in a range (part); at is None where one of the two copies is not there."""


def is_behind(pair):
    # type: (Pair) -> bool
    return pair.at is None or pair.at < pair.wanted


def sequence(value):
    # type: (Any) -> int
    """The number of an update sequence: that of a copy is a number, others are "12-g1AAAA...", or a list that begins with either."""
    if isinstance(value, list) and value:
        return sequence(value[0])
    try:
        return int(to_native(value, nonstring="simplerepr").partition("-")[0])
    except ValueError:
        raise FleetError(
            "{0!r} is no update sequence".format(value), "a number, or a text that begins with one", reason="server"
        )


class Node(object):
    """One member. name: what to call it where its release does not tell. Only one thread at a time may ask it."""

    def __init__(self, client, host, port, name=None):
        # type: (Any, str, int, Optional[str]) -> None
        self.client = client
        self._host = host
        self._port = port
        self.name = name  # type: Any
        self.cloudant = False

    def look(self):
        # type: () -> Found
        """What it says of the cluster, in the form that member_problems judges."""
        found = read_node(self.client, self._host, GATHER)
        self.name = found["name"] or self.name
        self.cloudant = found["product"] == "cloudant"
        membership = found.pop("membership")
        found.update(reached=True, host=self._host, port=self._port, name=self.name, **membership)
        return dict(found, internal_replication_jobs=self._jobs(membership["all_nodes"]))

    def _jobs(self, connected):
        # type: (List[str]) -> Optional[int]
        """None where the release does not tell, or the name that was given is not its own: member_problems says so."""
        if self.client.api() < NODE_API or self.name not in connected:
            return None
        return self.client.system(self.name)["internal_replication_jobs"]

    def maps(self):
        # type: () -> Dict[str, Found]
        """By database and range: the name of the shard, and who holds copies of it."""
        return {self._database(name): shards for name, shards in self.client.shard_maps().items()}

    def _database(self, name):
        # type: (str) -> str
        return name[len(ACCOUNT) :] if self.cloudant and name.startswith(ACCOUNT) else name

    def copy(self, shard):
        # type: (str) -> Optional[Copy]
        """Its own copy of a shard; None where it has none (yet)."""
        found = self._ask(self.client.shard_info, shard)
        if found is None:
            return None
        if not found.get("uuid") or "update_seq" not in found:
            raise FleetError(
                "{0} does not tell uuid and update_seq of its copy {1}".format(self.name, shard),
                "the node-local answer of CouchDB 2.0 or later",
                "check port and node_local_port",
                reason="server",
            )
        return Copy(self.name, found["uuid"], sequence(found["update_seq"]))

    def checkpoints(self, shard):
        # type: (str) -> List[Found]
        """The entries of the histories in the checkpoints of its own copy of a shard."""
        found = []  # type: List[Found]
        for document in self._ask(self.client.shard_checkpoints, shard) or []:
            history = document.get("history") or {}
            for entries in history.values() if isinstance(history, dict) else [history]:
                found += entries
        return found

    def last_seq(self, shard):
        # type: (str) -> Optional[int]
        found = self._ask(self.client.shard_last_seq, shard)
        return None if found is None else sequence(found)

    def _ask(self, question, shard):
        # type: (Callable[[Any, str], Any], str) -> Any
        """The answer; None where there is no copy, such as that of a database that was deleted a moment ago."""
        try:
            return question(self.name, shard)
        except FleetError as error:
            if error.facts.get("reason") != "not-found":
                raise
            return None


class Observation(object):
    """What one look found."""

    def __init__(self, pairs, jobs, differing_maps):
        # type: (List[Pair], Dict[str, Optional[int]], List[str]) -> None
        self.pairs = pairs
        self.behind = [pair for pair in pairs if is_behind(pair)]
        self.jobs = jobs
        self.differing_maps = differing_maps

    @property
    def in_sync(self):
        # type: () -> bool
        """Jobs that wait forbid it. None waiting prove nothing: jobs that have not begun, or that failed, are not counted."""
        return not self.behind and not self.differing_maps and not any(self.jobs.values())

    def describe(self):
        # type: () -> Found
        return {
            "in_sync": self.in_sync,
            "pairs": {"done": len(self.pairs) - len(self.behind), "total": len(self.pairs)},
            "pending": sum(pair.wanted - (pair.at or 0) for pair in self.behind),
            "behind": [_shown(pair) for pair in self.behind[:SHOWN]],
            "differing_maps": self.differing_maps,
            "jobs": self.jobs,
        }


def _shown(pair):
    # type: (Pair) -> Found
    return {
        "database": pair.part.database,
        "range": pair.part.bounds,
        "source": pair.source,
        "target": pair.target,
        "at": pair.at,
        "wanted": pair.wanted,
    }


class Observer(object):
    """Looks at a cluster again and again, for what was written before the first look. each applies a function as map does."""

    def __init__(self, nodes, each, subject=None, all_pairs=False, databases=None):
        # type: (List[Node], Callable[..., List[Any]], Optional[str], bool, Optional[List[str]]) -> None
        """subject: the Erlang name of the node whose pairs count; it alone may be in maintenance."""
        self._nodes = nodes
        self._each = each
        self._subject = subject
        self._all_pairs = all_pairs or subject is None
        self._databases = databases
        self._noted = {}  # type: Dict[Tuple[str, str], Copy]
        self._last = {}  # type: Dict[Tuple[str, str, int], int]
        self._started = set()  # type: Set[str]

    def look(self):
        # type: () -> Observation
        jobs = self._members()
        maps = self._each(lambda node: node.maps(), self._nodes)
        witnessed = maps[self._nodes.index(self._witnesses()[0])]
        ranges = self._ranges(witnessed)
        copies = self._note(self._ask([(name, part.shard) for part in ranges for name in part.nodes], Node.copy))
        kept = self._ask([place for place, copy in copies.items() if copy], Node.checkpoints)
        pairs = [self._pair(part, ends, copies, kept) for part in ranges for ends in self._ends(part)]
        if not pairs and witnessed:
            raise self._nothing_to_compare()
        return Observation(self._measured(pairs), jobs, _differing(maps))

    def start(self, databases):
        # type: (Iterable[str]) -> None
        """Have copies pushed where the release can be told to, once: some sync an idle database not before it is written to."""
        for database in sorted(set(databases) - self._started):
            self._started.add(database)
            self._start(database)

    def _start(self, database):
        # type: (str) -> None
        try:
            any(node.client.sync_shards(database) for node in self._witnesses())
        except FleetError as error:
            if error.facts.get("reason") != "not-found":  # it was deleted meanwhile
                raise

    def _witnesses(self):
        # type: () -> List[Node]
        """The nodes, the one in question last: it does not know of databases that were made while it was away."""
        return sorted(self._nodes, key=lambda node: node.name == self._subject)

    def _members(self):
        # type: () -> Dict[str, Optional[int]]
        """The jobs of internal replication by node, if all members are there."""
        found = self._each(lambda node: node.look(), self._nodes)
        problems = [problem for problem in member_problems(found, None) if not self._is_expected(problem)]
        if problems:
            raise FleetError(
                "The copies of a cluster that is not whole cannot be compared. {0}".format(
                    " ".join(problem["message"].rstrip(".") + "." for problem in problems)
                ),
                reason="members",
                problems=problems,
            )
        names = [node.name for node in self._nodes]
        if self._subject not in names + [None]:
            raise FleetError(
                "There is no node {0} in the cluster".format(self._subject),
                "one of: {0}".format(", ".join(sorted(names))),
                "correct node",
                reason="not-found",
            )
        return {node["name"]: node["internal_replication_jobs"] for node in found}

    def _is_expected(self, problem):
        # type: (Found) -> bool
        return problem["id"] in ("in-maintenance", "member-not-ready") and problem["nodes"] == [self._subject]

    def _ranges(self, maps):
        # type: (Dict[str, Found]) -> List[Range]
        """The ranges whose copies are to be compared."""
        missing = sorted(set(self._databases or []) - set(maps))
        if missing:
            raise FleetError(
                "There is no database {0}".format(", ".join(missing)), "databases that exist", "correct databases", reason="not-found"
            )
        found = [
            Range(database, bounds, shard, nodes)
            for database in sorted(self._databases or maps)
            for bounds, (shard, nodes) in sorted(maps[database].items())
        ]
        for part in found:
            self._check_holders(part)
        return [part for part in found if self._all_pairs or self._subject in part.nodes]

    def _check_holders(self, part):
        # type: (Range) -> None
        strangers = sorted(set(part.nodes) - {node.name for node in self._nodes})
        if part.nodes and not strangers:
            return
        raise FleetError(
            "{0} of {1} has {2}".format(
                part.bounds,
                to_native(part.database),
                "copies on {0}, no member of the cluster".format(", ".join(strangers)) if strangers else "no copies",
            ),
            "copies on members",
            "bring back the member under its former name, or change the map of the shards first",
            reason="shards",
        )

    def _nothing_to_compare(self):
        # type: () -> FleetError
        return FleetError(
            "There is nothing to compare: no range has two copies{0}".format(
                ", one of them on {0}".format(self._subject) if self._subject else ""
            ),
            "at least one pair of copies, as a proof",
            "leave out the comparison for a cluster of one node; else see whether the node has lost its name or its shards",
            reason="shards",
        )

    def _ask(self, places, question):
        # type: (Iterable[Tuple[str, str]], Callable[[Node, str], Any]) -> Dict[Tuple[str, str], Any]
        """The answers by place, which is a node and a shard. All nodes are asked at the same time."""
        shards = {}  # type: Dict[str, List[str]]
        for name, shard in places:
            shards.setdefault(name, []).append(shard)
        asked = [node for node in self._nodes if node.name in shards]
        answers = self._each(lambda node: [question(node, shard) for shard in shards[node.name]], asked)
        return {
            (node.name, shard): answer
            for node, found in zip(asked, answers)
            for shard, answer in zip(shards[node.name], found)
        }

    def _note(self, copies):
        # type: (Dict[Tuple[str, str], Optional[Copy]]) -> Dict[Tuple[str, str], Optional[Copy]]
        """The copies as they were at first sight; another file in place of one is another copy."""
        for place, copy in copies.items():
            if copy and (place not in self._noted or self._noted[place].uuid != copy.uuid):
                self._noted[place] = copy
        return {place: copy and self._noted[place] for place, copy in copies.items()}

    def _ends(self, part):
        # type: (Range) -> List[Tuple[str, str]]
        """The ordered pairs of nodes to compare in a range."""
        return [
            (source, target)
            for source in part.nodes
            for target in part.nodes
            if source != target and (self._all_pairs or self._subject in (source, target))
        ]

    @staticmethod
    def _pair(part, ends, copies, kept):
        # type: (Range, Tuple[str, str], Dict[Any, Optional[Copy]], Dict[Any, List[Found]]) -> Pair
        source, target = (copies[name, part.shard] for name in ends)
        wanted = source.seq if source else 0
        if source is None or target is None:
            return Pair(part, ends[0], ends[1], None, wanted)
        at = min(_reached(kept[name, part.shard], source, target) for name in ends)
        return Pair(part, ends[0], ends[1], at, wanted)

    def _measured(self, pairs):
        # type: (List[Pair]) -> List[Pair]
        """The pairs, with the last change of a document wanted and not what a copy counts beside it, such as its _security."""
        unknown = {
            (pair.source, pair.part.shard, pair.wanted) for pair in pairs if is_behind(pair) and pair.at is not None
        } - set(self._last)
        answers = self._ask({place[:2] for place in unknown}, Node.last_seq)
        for name, shard, noted in unknown:
            last = answers[name, shard]
            self._last[name, shard, noted] = noted if last is None else min(noted, last)
        return [
            pair._replace(wanted=self._last.get((pair.source, pair.part.shard, pair.wanted), pair.wanted)) for pair in pairs
        ]


def _reached(entries, source, target):
    # type: (List[Found], Copy, Copy) -> int
    """Up to which sequence source has come with target, as one of the two keeps it.

    Both keep it, and the lower one is where the next push begins: a copy that was put back from a backup knows of less. The
    identities count, for a copy that was lost and made anew has the name of the old one and nothing in it.
    """
    wanted = (source.node, source.uuid, target.node, target.uuid)
    found = [sequence(entry.get("source_seq")) for entry in entries if tuple(entry.get(key) for key in PAIR_KEYS) == wanted]
    return max(found or [0])


def _differing(maps):
    # type: (List[Dict[str, Found]]) -> List[str]
    """The databases of which not all nodes have the same map."""
    known = {database for found in maps for database in found}
    return sorted(database for database in known if any(found.get(database) != maps[0].get(database) for found in maps))


def watch(observer, limit, interval, clock, sleep):
    # type: (Observer, float, float, Callable[[], float], Callable[[float], Any]) -> Observation
    """The first look that finds all in sync, or the one at the limit. Between two looks, copies that lag are pushed."""
    deadline = clock() + limit
    while True:
        begun = clock()
        found = observer.look()
        pause = max(interval, REST * (clock() - begun))
        if found.in_sync or clock() >= deadline:
            return found
        observer.start(pair.part.database for pair in found.behind)
        sleep(max(0.0, min(pause, deadline - clock())))


def compare(params, connect, check_mode, clock, sleep):
    # type: (Found, Callable[[Found], Any], bool, Callable[[], float], Callable[[float], Any]) -> Found
    """What cloudant_sync returns. connect makes a client of one node out of the module's parameters."""
    begun = clock()
    if not params["nodes"]:
        raise FleetError("No nodes are given", "the address of every member", "set nodes", reason="members")
    nodes = [_node(params, address, connect) for address in params["nodes"]]
    pool = ThreadPool(min(len(nodes), THREADS))
    try:
        observer = Observer(nodes, pool.map, params["node"], params["all_pairs"], params["databases"])
        limit = 0 if check_mode else min(params["wait"], params["limit"])
        found = watch(observer, limit, params["interval"], clock, sleep)
    finally:
        pool.terminate()
    return dict(
        found.describe(),
        changed=False,
        seconds=round(clock() - begun, 1),
        requests=sum(node.client.requests for node in nodes),
    )


def _node(params, address, connect):
    # type: (Found, Found, Callable[[Found], Any]) -> Node
    target = dict(params, host=address["host"], port=address["port"] or params["port"])
    return Node(connect(target), target["host"], target["port"], address["name"])
