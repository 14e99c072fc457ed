# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two kinds of node of Cloudant Local: what CAST is told of each, and how its configuration is carried over."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import glob
import os

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _cloudant_config as config
from ansible_collections.dbfleet.upgrade.plugins.module_utils import _copies
from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_host import owner_of, read
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_flag import CastFlag
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Dict, List, Tuple  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_host import Host  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

ETC = "/opt/cloudant/etc"
HAPROXY = "/etc/haproxy"
START_LIMIT = 60
"""Seconds in which a restarted server has to answer CAST."""


class _Node(object):
    """kept: the folder of the copies."""

    package = ""
    paths = ()  # type: Tuple[str, ...]
    install = ()  # type: Tuple[str, ...]

    def __init__(self, options, host, kept):
        # type: (Dict[str, Any], Host, str) -> None
        self._options = options
        self._host = host
        self._kept = kept

    def command(self, argv):
        # type: (List[str]) -> None
        result = self._host.execute(argv)
        if result.rc != 0:
            raise FleetError(
                "{0} ends with {1} and says: {2}".format(" ".join(argv), result.rc, _last_lines(result.out + result.err)),
                "exit code 0",
                "all that it printed is in {0}".format(self._host.log.path),
                reason="command",
            )

    def _place(self, path, kept):
        # type: (str, bool) -> str
        """Where a file of the configuration is, or its copy."""
        path = self._host.path(path)
        return os.path.join(self._kept, path.lstrip("/")) if kept else path

    def _text(self, path, kept):
        # type: (str, bool) -> str
        place = self._place(path, kept)
        if not os.path.isfile(place) or os.path.islink(place):
            raise FleetError(
                "There is no file {0}".format(place),
                "the configuration of the node, in a file and not in a link",
                "put it there",
                reason="config",
            )
        return read(place)

    def _put_back(self, folder, links):
        # type: (str, List[List[str]]) -> bool
        """Put back the kept files and links below a folder that are gone; return whether there were any."""
        below = self._host.path(folder) + "/"
        gone = [entry for entry in _copies.read(self._kept)["files"] if not os.path.lexists(entry["path"])]
        gone = [entry for entry in gone if entry["path"].startswith(below)]
        files = [entry for entry in gone if not self._is_of_release(entry["path"][len(below) :])]
        for entry in files:
            content = self._content(entry["path"], os.path.join(self._kept, entry["copy"]))
            self._host.write(entry["path"], content, (entry["uid"], entry["gid"], int(entry["mode"], 8)))
        lost = [link for link in links if link[0].startswith(below) and not os.path.lexists(link[0])]
        for path, target in lost:
            self._host.link(target, path)
        return bool(files or lost)

    def _is_of_release(self, name):
        # type: (str) -> bool
        """Is it for the release to say whether there is such a file?"""
        return False

    def _content(self, path, copy):
        # type: (str, str) -> Any
        with open(copy, "rb") as stream:
            return stream.read()

    def _restart(self):
        # type: () -> None
        self.command([self._options["cast_path"], "node", "restart"])


class DatabaseNode(_Node):
    """A database node. It comes back as the member that it was, and in maintenance."""

    package = "cloudant-dbnode"
    paths = (ETC,)  # type: Tuple[str, ...]
    install = ("--maintenance", "-db")  # type: Tuple[str, ...]

    def told(self, kept):
        # type: (bool) -> Dict[str, Any]
        """Return dbnode.yaml. Raises FleetError where CAST would make another node of it."""
        return config.database_node(self._chain(kept), self._identity(kept))

    def configure(self, again, links):
        # type: (bool, List[List[str]]) -> List[str]
        """Carry the configuration over, and return what a person may want to look at."""
        changed = self._put_back(ETC, links)
        changed = self._carry_settings() or changed
        notes = self._compare_arguments()
        if changed or again:
            self._restart()
        self._expect_maintenance()
        return notes

    def _chain(self, kept, kinds=("default", "local")):
        # type: (bool, Any) -> Dict[Any, str]
        """The values in force. local.ini has to be there."""
        self._text(ETC + "/local.ini", kept)
        etc = self._place(ETC, kept)
        patterns = [pattern.format(kind) for kind in kinds for pattern in ("{0}.ini", "{0}.d/*.ini")]
        files = [path for pattern in patterns for path in sorted(glob.glob(os.path.join(etc, pattern)))]
        return config.chain(read(path) for path in files)

    def _identity(self, kept):
        # type: (bool) -> str
        """Return the cookie. Raises FleetError where the node has none, or not the name that CAST will give it."""
        text, wanted = self._text(ETC + "/vm.args", kept), "cloudant@" + self._host.hostname()
        name, cookie = config.argument(text, "-name"), config.argument(text, "-setcookie")
        if name != wanted:
            raise FleetError(
                "The Erlang node is {0}, and 'hostname -f' makes it {1}".format(name or "without -name in vm.args", wanted),
                "the same: otherwise the node comes back as a further member, without data",
                "correct the host's name, in /etc/hosts or DNS; a node with another name has to be upgraded by hand",
                reason="name",
            )
        if cookie is None:
            raise FleetError(
                "vm.args has no -setcookie",
                "the cookie of the cluster: without it the node comes back alone",
                "set it",
                reason="credentials",
            )
        return cookie

    def _is_of_release(self, name):
        # type: (str) -> bool
        return name == "default.ini" or name.startswith("default.d/")

    def _content(self, path, copy):
        # type: (str, str) -> Any
        if path.endswith(".ini") and os.path.basename(os.path.dirname(path)) == "local.d":
            return config.in_maintenance(read(copy))
        return super(DatabaseNode, self)._content(path, copy)

    def _carry_settings(self):
        # type: () -> bool
        local = ETC + "/local.ini"
        defaults = self._chain(True), self._chain(False, ["default"])
        carried = {self._place(local, False): config.carried_over(self._text(local, False), self._text(local, True), defaults)}
        for path in glob.glob(self._place(ETC + "/local.d/*.ini", False)):
            carried[path] = config.in_maintenance(read(path))
        changed = sorted(path for path in carried if carried[path] != read(path))
        for path in changed:
            self._host.write(path, carried[path], owner_of(path))
        return bool(changed)

    def _compare_arguments(self):
        # type: () -> List[str]
        path = ETC + "/vm.args"
        new, kept = self._text(path, False), self._text(path, True)
        other = [option for option in ("-name", "-setcookie") if config.argument(new, option) != config.argument(kept, option)]
        if other:
            raise FleetError(
                "CAST has given the node another {0}; it is in maintenance".format(" and ".join(other)),
                "what {0} says".format(self._place(path, True)),
                "correct {0}".format(self._place(path, False)),
                reason="identity",
            )
        return ["vm.args had also: " + line for line in config.lost_arguments(new, kept)]

    def _expect_maintenance(self):
        # type: () -> None
        flag = CastFlag(self._options["cast_path"], self._host.execute)
        found = None
        for attempt in range(START_LIMIT):
            try:
                found = flag.read()["cast"]
                break
            except FleetError:
                if attempt == START_LIMIT - 1:
                    raise
            self._host.sleep(1)
        if found != "IN":
            raise FleetError(
                "The node is out of maintenance, and may serve what is out of date",
                "that it is in maintenance until it has caught up",
                "take it out of service at once: {0} node maintenance --true".format(self._options["cast_path"]),
                reason="maintenance",
            )


class BalancerNode(_Node):
    """A load balancer node. It gets the haproxy.cfg back that it had."""

    package = "cloudant-lbnode"
    paths = (HAPROXY, ETC)
    install = ("-lb",)

    def told(self, kept):
        # type: (bool) -> Dict[str, Any]
        """Return lbnode.yaml."""
        return config.balancer_node(self._text(HAPROXY + "/haproxy.cfg", kept))

    def configure(self, again, links):
        # type: (bool, List[List[str]]) -> List[str]
        """Put the kept haproxy.cfg in the place of CAST's, if HAProxy takes it; return what a person may want to look at.

        CAST's stays beside. One that is neither, when this is done again, is what a person made of it, and stays.
        """
        path = HAPROXY + "/haproxy.cfg"
        place, former = self._place(path, False), self._place(path, True)
        beside = "{0}.cast-{1}".format(place, self._options["version"])
        changed = self._put_back(HAPROXY, links)
        corrected = again and os.path.exists(beside) and read(beside) != read(place)
        if read(place) != read(former) and not corrected:
            self._host.write(beside, read(place), owner_of(place))
            self._check(former)
            self._host.write(place, read(former), owner_of(former))
            changed = True
        if changed or again:
            self._restart()
        return ["haproxy.cfg as CAST makes it is {0}".format(beside)] if os.path.exists(beside) else []

    def _check(self, path):
        # type: (str) -> None
        result = self._host.query(["haproxy", "-c", "-f", path])
        if result.rc != 0:
            words = _last_lines(result.out + result.err)
            raise FleetError(
                "HAProxy does not take {0}, and runs with what CAST has made: {1}".format(path, words),
                "a configuration that the new release can be started with",
                "make {0} what it has to be; then it stays as it is".format(self._place(HAPROXY + "/haproxy.cfg", False)),
                reason="haproxy",
            )


def _last_lines(text):
    # type: (str) -> str
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-10:]) or "nothing"
