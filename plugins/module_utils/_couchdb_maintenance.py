# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets the flag of maintenance and waits until those who ask the node have seen it. What counts is /_up, never the flag."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _couchdb_plain, _haproxy
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_flag import VALUES, CastFlag, HttpFlag
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_node import SECTIONS, own_name
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_witness import (
    STATUS,
    Balancer,
    Node,
    Peer,
    Sight,
    is_effective,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)

    Found = Dict[str, Any]
except ImportError:  # Python 2.7 on the node has no typing
    pass

EFFECT_LIMIT = 5.0
"""Seconds until /_up follows the flag; it does so at once where the section is the one that the release reads."""

# What waiting does not change.
LASTING = ("credentials", "tls", "library", "backend", "match")

ADDRESS = re.compile(r"^[0-9.]*$|.*:")
"""An IP address, as none of a server's names is one. An empty text counts as one."""


class Maintenance(object):
    """One node's maintenance. clock and sleep are those of time, or what a test puts in their place; wait, interval: seconds."""

    def __init__(self, flag, witnesses, clock, sleep, wait, interval):
        # type: (Any, List[Any], Callable[[], float], Callable[[float], Any], float, float) -> None
        """The first of the witnesses is the node itself."""
        self._flag = flag
        self._node = witnesses[0]
        self._witnesses = witnesses
        self._clock = clock
        self._sleep = sleep
        self._wait = wait
        self._interval = interval

    def ensure(self, state, check_mode):
        # type: (str, bool) -> Found
        """Bring the node into the state.

        What is wrong with the options is found before anything is changed; and a node is not taken out of service where that
        cannot be proved, because somebody cannot be asked. To bring one back, nobody else is needed.
        """
        before = self._read()
        ways = self._ways(state, before)
        self._look(state, None, tolerant=state == "disabled" or not ways)
        if check_mode:
            return _predicted(state, before, ways)
        start = self._clock()
        way = self._change(state, before, ways)
        section = way.section if way else _holder(state, before["flag"])
        seen = self._proof(state, section, before, way is not None, start + self._wait)
        return _result(way is not None, before, self._read(), section, seen, self._clock() - start)

    def _read(self):
        # type: () -> Found
        """Status and flag. The status is unknown where a peer is asked for the flag, and the node itself does not answer."""
        return dict(self._up(), flag=self._flag.read())

    def _up(self):
        # type: () -> Found
        try:
            return self._node.up()
        except FleetError as error:
            if error.facts.get("reason") != "unreachable":
                raise
            return {"status": None, "code": None}

    def _ways(self, state, before):
        # type: (str, Found) -> List[Any]
        """What can be tried; nothing where the state is there."""
        if is_effective(state, before["status"]):
            return []
        ways = self._flag.ways(state, before["flag"])
        if not ways and before["status"] is not None:
            raise _no_effect(state, before, [])
        return ways

    def _change(self, state, before, ways):
        # type: (str, Found, List[Any]) -> Optional[Any]
        """The way that had an effect, or may have had one. Where there is none, all is put back and the next is tried."""
        for way in ways:
            way.apply()
            status = self._settled_status(state)
            if status is None or is_effective(state, status):
                return way
            way.put_back()
        if ways:
            raise _no_effect(state, before, ways)
        return None

    def _settled_status(self, state):
        # type: (str) -> Optional[str]
        deadline = self._clock() + min(EFFECT_LIMIT, self._wait)
        while True:
            status = self._up()["status"]
            if is_effective(state, status) or self._clock() >= deadline:
                return status
            self._sleep(self._interval)

    def _proof(self, state, section, before, changed, deadline):
        # type: (str, Optional[str], Found, bool, float) -> Found
        """What all witnesses see, when all of them see the state at once."""
        while True:
            sights = self._look(state, section)
            if all(sight.agrees for _witness, sight in sights):
                return _seen(sights)
            if self._clock() >= deadline:
                facts = {"changed": changed, "before": before, "section": section, "seen": _seen(sights)}
                raise _not_seen(state, self._wait, sights, facts)
            self._sleep(self._interval)

    def _look(self, state, section, tolerant=True):
        # type: (str, Optional[str], bool) -> List[Tuple[Any, Sight]]
        return [(witness, _sight(witness, state, section, tolerant)) for witness in self._witnesses]


def _sight(witness, state, section, tolerant):
    # type: (Any, str, Optional[str], bool) -> Sight
    """Who cannot be asked has not seen it. tolerant: he may be asked again, unless that is of no use."""
    try:
        return witness.look(state, section)
    except FleetError as error:
        if not tolerant or error.facts.get("reason") in LASTING:
            raise
        return Sight(False, witness.blind(error), str(error).partition(". Expected: ")[0])


def _seen(sights):
    # type: (List[Tuple[Any, Sight]]) -> Found
    seen = {"node": None, "peers": [], "balancers": []}  # type: Found
    for witness, sight in sights:
        if witness.kind == "node":
            seen["node"] = sight.record
        else:
            seen[witness.kind].append(sight.record)
    return seen


def _holder(state, flag):
    # type: (str, Dict[str, Optional[str]]) -> Optional[str]
    """The section that holds the value of the state."""
    return next((section for section in SECTIONS if flag.get(section) == VALUES[state]), None)


def _predicted(state, before, ways):
    # type: (str, Found, List[Any]) -> Found
    if not ways:
        return _result(False, before, before, _holder(state, before["flag"]), None, 0)
    after = {"status": STATUS[state], "code": 200 if state == "disabled" else 404, "flag": ways[0].predicted}
    return _result(True, before, after, ways[0].section, None, 0)


def _result(changed, before, after, section, seen, seconds):
    # type: (bool, Found, Found, Optional[str], Optional[Found], float) -> Found
    return {
        "changed": changed,
        "before": before,
        "after": after,
        "section": section,
        "seen": seen,
        "seconds": round(seconds, 3),
        "diff": {"before": before, "after": after},
    }


def _no_effect(state, before, ways):
    # type: (str, Found, List[Any]) -> FleetError
    tried = " and ".join("by cast" if way.section is None else "in section {0}".format(way.section) for way in ways)
    done = "was set {0}, and put back as it was".format(tried) if ways else "is set already: {0}".format(_flag(before))
    return FleetError(
        "The flag has no effect: it {0}, but /_up says {1}".format(done, before["status"]),
        "/_up says {0}".format(STATUS[state]),
        "see the log of the node, and which section its release reads",
        reason="no-effect",
        changed=False,
        before=before,
    )


def _flag(before):
    # type: (Found) -> str
    return ", ".join("{0} {1}".format(name, value or "not set") for name, value in sorted(before["flag"].items()))


def _not_seen(state, wait, sights, facts):
    # type: (str, float, List[Tuple[Any, Sight]], Found) -> FleetError
    last = "; ".join(sight.words for _witness, sight in sights if not sight.agrees)
    return FleetError(
        "Not everybody sees the node {0} after {1} seconds: {2}".format(state, wait, last),
        "/_up says {0}, peers see the flag so, and balancers show the server {1}".format(
            STATUS[state], "UP" if state == "disabled" else "out"
        ),
        "find out why; the flag {0}. wait is in seconds".format("stays set" if facts["changed"] else "was not touched"),
        reason="not-seen",
        **facts
    )


def prepare(params, connect, run, clock, sleep):
    # type: (Found, Callable[[Found], Any], Callable[[List[str]], Any], Callable[[], float], Callable[[float], Any]) -> Maintenance
    """The maintenance that the module's parameters describe. connect makes a client of CouchDB, run runs a program."""
    place = dict(params, **_address(params["up"], params))
    if params["via"] == "cast":
        flag, name, client = _by_cast(params, place, run)
    else:
        flag, name, client = _by_http(params, place, connect)
    witnesses = [Node(client)] + _peers(params, name, connect) + _balancers(params, place, name)
    return Maintenance(flag, witnesses, clock, sleep, params["wait"], params["interval"])


def _address(given, params):
    # type: (Optional[Found], Found) -> Found
    """Host and port, from the options of the module where there are none of their own."""
    given = given or {"host": params["host"], "port": None}
    return {"host": given["host"], "port": given["port"] or params["port"]}


def _by_http(params, place, connect):
    # type: (Found, Found, Callable[[Found], Any]) -> Tuple[Any, str, Any]
    asked = connect(params)
    name = params["node"] or own_name(asked, params["host"])
    if name is None:
        raise FleetError(
            "{0} does not tell its Erlang name, and no member lives at exactly this address".format(asked.url),
            "a name, by which its configuration is reached",
            "set node to the name that /_membership shows for it",
            reason="name",
        )
    client = connect(place)
    if params["node"] or params["up"]:
        _check_name(client, name, place["host"])
    return HttpFlag(asked, name, params["section"]), name, client


def _check_name(client, name, host):
    # type: (Any, str, str) -> None
    """/_up of another node would prove nothing. A node that does not answer cannot be another."""
    try:
        found = own_name(client, host)
    except FleetError as error:
        if error.facts.get("reason") != "unreachable":
            raise
        return
    if found not in (None, name):
        raise FleetError(
            "At {0} answers {1}".format(client.url, found),
            "{0}, whose maintenance is wanted".format(name),
            "set up to the address of that node, or correct node",
            reason="name",
        )


def _by_cast(params, place, run):
    # type: (Found, Found, Callable[[List[str]], Any]) -> Tuple[Any, Optional[str], Any]
    if params["state"] == "nolb":
        raise FleetError("cast knows no state nolb", "enabled or disabled", "set via to http", reason="cast")
    if params["observers"] and not params["node"]:
        raise FleetError(
            "cast does not tell the node's Erlang name", "the name, for the observers", "set node", reason="name"
        )
    return CastFlag(params["cast_path"], run), params["node"], _couchdb_plain.connect(place)


def _peers(params, name, connect):
    # type: (Found, Any, Callable[[Found], Any]) -> List[Any]
    places = [_address(observer, params) for observer in params["observers"]]
    return [Peer(connect(dict(params, **place)), name, place["host"], place["port"]) for place in places]


def _balancers(params, place, name):
    # type: (Found, Found, Optional[str]) -> List[Any]
    """The node's server is the one at its address; where HAProxy shows none, the one with a given name, or with that of the Erlang host."""
    given = [_server(text) for text in params["server"]]
    host, port = next((pair for pair in given if ADDRESS.match(pair[0])), (place["host"], place["port"]))
    erlang = (name or "").partition("@")[2]
    names = [pair[0] for pair in given] + ([] if ADDRESS.match(erlang) else [erlang, erlang.split(".")[0]])
    return [
        Balancer(_page(balancer, params), balancer["backend"], lambda rows: _haproxy.match(rows, host, port, names))
        for balancer in params["balancers"]
    ]


def _server(text):
    # type: (str) -> Tuple[str, Optional[int]]
    """A name or address, with or without a port: "db1", "10.0.0.1:5984", "[::1]:5984", "::1"."""
    found = re.match(r"(?:\[(.+)\]|([^:]+))(?::(\d+))?$", text)
    if not found:
        return text, None
    return found.group(1) or found.group(2), int(found.group(3)) if found.group(3) else None


def _page(balancer, params):
    # type: (Found, Found) -> Found
    """The options of an HAProxy's statistics page as its reader wants them."""
    return {
        "url": balancer["stats_url"],
        "socket": None,
        "username": balancer["stats_user"],
        "password": balancer["stats_password"],
        "validate_certs": balancer["validate_certs"],
        "ca_path": balancer["ca_path"],
        "timeout": params["timeout"],
    }
