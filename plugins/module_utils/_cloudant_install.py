# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replaces the release of Cloudant Local on a node, as IBM documents it, and carries the configuration over.

What is left to do follows from what is on the node and from which steps began and ended. A step that began and did not end is
undone and done again; configuring is the same however often it is done. From the uninstallation on, the configuration is read
from the copies.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import pwd
import re
import time

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _cloudant_config as config
from ansible_collections.dbfleet.upgrade.plugins.module_utils import _copies, _lock
from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_carry import BalancerNode, DatabaseNode
from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_host import PAUSE, check_program, read
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Lock, read_json

try:
    from typing import Any, Callable, Dict, List, Optional  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_host import Host  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

ARGUMENTS = {
    "kind": {"type": "str", "choices": ["db", "lb"], "required": True},
    "version": {"type": "str", "required": True},
    "installer": {"type": "path", "required": True},
    "id": {"type": "str", "required": True},
    "state_dir": {"type": "path", "default": "/var/lib/dbfleet"},
    "cast_path": {"type": "path", "default": "/opt/cloudant/bin/cast"},
    "user": {"type": "str", "default": "cloudant"},
    "timeout": {"type": "int", "default": 1800},
}  # type: Dict[str, Dict[str, Any]]

KINDS = {"db": DatabaseNode, "lb": BalancerNode}  # type: Dict[str, Any]
EXTRACTED = "/root/cloudant"
UNINSTALLER = EXTRACTED + "/uninstall/uninstall.bin"
VERSION_FILE = EXTRACTED + "/version.txt"
PURGE = {"dpkg": ["dpkg", "--force-remove-reinstreq", "--purge"], "rpm": ["rpm", "-e"]}
BEGAN, ENDED = "began", "ended"


class Installation(object):
    """options: those of the module. now() is the time of day (epoch)."""

    def __init__(self, options, host, now=time.time):
        # type: (Dict[str, Any], Host, Callable[[], float]) -> None
        self._options = options
        self._host = host
        self._now = now
        self._folder = os.path.join(options["state_dir"], "backup", options["id"], "cloudant")
        self._path = os.path.join(options["state_dir"], "cloudant_install.json")
        self._node = KINDS[options["kind"]](options, host, self._folder)
        self._journal = {}  # type: Dict[str, Any]
        self._done = []  # type: List[str]
        self._notes = []  # type: List[str]
        self._hidden = []  # type: List[str]

    def ensure(self, check_mode=False):
        # type: (bool) -> Dict[str, Any]
        if check_mode:
            return self._explained(self._planned)
        _lock.private_dir(self._options["state_dir"])
        lock = Lock(os.path.join(self._options["state_dir"], "cloudant_install.lock"))
        self._take(lock)
        try:
            return self._explained(self._run)
        finally:
            lock.release()

    # What is left to do

    def _planned(self):
        # type: () -> Dict[str, Any]
        if self._is_left():
            self._check()
            steps = self._journal["steps"]
            self._done = [name for name in ("keep", "uninstall", "install", "configure") if steps.get(name) != ENDED]
            self._done = self._done[1:] if self._begun() else self._done
        return self._result()

    def _run(self):
        # type: () -> Dict[str, Any]
        self._host.wait_for_former()
        if self._is_left():
            self._check()
            self._keep()
            self._step("uninstall", self._uninstall)
            self._step("install", self._install)
            self._step("configure", self._configure)
        return self._result()

    def _is_left(self):
        # type: () -> bool
        """Read what began and what is installed. Raises FleetError where that is nothing to begin with, or to go on from."""
        self._journal = self._read_journal()
        if self._begun():
            return True
        package, release = self._host.package(self._node.package), self._release()
        if package["installed"]:
            self._journal["former"] = release or package["upstream"]
            self._refuse_older(self._journal["former"])
            return bool(self._journal["former"] != self._options["version"])
        if not _copies.read(self._folder):
            raise FleetError(
                "The package {0} is not installed, and {1} holds no copies to go on from".format(self._node.package, self._folder),
                "a node with Cloudant Local",
                "correct kind, or id if an installation under another one was cut off",
                reason="package",
            )
        self._journal["steps"]["uninstall"] = BEGAN
        return True

    def _read_journal(self):
        # type: () -> Dict[str, Any]
        saved, wanted = read_json(self._path), self._options["id"]
        steps = saved.get("steps", {})
        if "uninstall" not in steps or steps.get("configure") == ENDED:
            return {"id": wanted, "former": None, "steps": {}, "stopped_at": None, "downtime": None, "links": []}
        if saved["id"] != wanted:
            raise FleetError(
                "The installation {0} of this node was cut off".format(saved["id"]),
                "that it comes to its end before {0} begins".format(wanted),
                "run with id={0}".format(saved["id"]),
                reason="unfinished",
                stopped=steps.get("install") != ENDED,
            )
        return saved

    def _refuse_older(self, release):
        # type: (str) -> None
        wanted = self._options["version"]
        if _parts(release) > _parts(wanted):
            raise FleetError(
                "Release {0} is installed, and {1} is older".format(release, wanted),
                "a newer release: data cannot go back",
                "correct version",
                reason="package",
            )

    def _release(self):
        # type: () -> Optional[str]
        """The release that the installer brought, in "1.1.0" or "cloudant-1.1.0-984"."""
        path = self._host.path(VERSION_FILE)
        found = re.search(r"\d+(\.\d+)+", read(path)) if os.path.isfile(path) else None
        return found.group() if found else None

    def _begun(self):
        # type: () -> bool
        return "uninstall" in self._journal["steps"]

    # Steps

    def _check(self):
        # type: () -> None
        """Raise FleetError while nothing is changed, or nothing more."""
        if self._begun():
            self._verify()
        other = KINDS["lb" if self._options["kind"] == "db" else "db"].package
        if self._host.package(other)["installed"]:
            raise FleetError(
                "The package {0} is installed too".format(other),
                "one kind of node: CAST uninstalls both",
                "upgrade a node that is both by hand",
                reason="package",
            )
        if _uid(self._options["user"]) == 0:
            raise FleetError("user is root", "the user of the database server", "correct user", reason="processes")
        self._hidden = config.secrets(self._node.told(self._begun()))
        if self._journal["steps"].get("install") != ENDED:
            check_program(self._options["installer"])

    def _verify(self):
        # type: () -> None
        if not _copies.read(self._folder):
            raise FleetError("There are no copies in {0}".format(self._folder), "the configuration of the node", "put them back")
        _copies.verify(self._folder)

    def _keep(self):
        # type: () -> None
        """Copy the configuration. Copies that are not what is there now were made before a change that never began."""
        if self._begun():
            return
        paths = [self._host.path(path) for path in self._node.paths]
        if not _are_current(self._folder, paths):
            if os.path.exists(self._folder):
                self._host.rename(self._folder, "{0}.{1:d}".format(self._folder, int(self._now())))
            self._host.keep(paths, self._folder)
            self._done.append("keep")
        self._verify()
        if self._node.told(True) != self._node.told(False):
            raise FleetError(
                "The copies in {0} do not say all that the configuration says".format(self._folder),
                "files, and no links to files elsewhere, where passwords, cookie or servers stand",
                "put files in the place of such links",
                reason="config",
            )
        self._journal["links"] = [link for path in paths for link in _links(path)]

    def _step(self, name, action):
        # type: (str, Callable[[bool], None]) -> None
        """Do a step unless it has ended; action is told whether it began before."""
        steps = self._journal["steps"]
        again = steps.get(name) == BEGAN
        if steps.get(name) == ENDED:
            return
        if name == "uninstall" and self._journal["stopped_at"] is None:
            self._journal["stopped_at"] = self._now()
        self._mark(name, BEGAN)
        action(again)
        if name == "install":
            self._journal["downtime"] = round(max(0.0, self._now() - self._journal["stopped_at"]), 3)
        self._mark(name, ENDED)
        self._done.append(name)

    def _mark(self, name, state):
        # type: (str, str) -> None
        self._journal["steps"][name] = state
        self._host.write(self._path, json.dumps(self._journal, sort_keys=True))

    def _uninstall(self, again):
        # type: (bool) -> None
        """Remove the product and end what it left running. Where CAST died over it, the package manager removes the rest."""
        name = self._node.package
        if again:
            self._repair()
        package = self._host.package(name)
        if package["installed"]:
            argv = [self._options["cast_path"], "system", "uninstall"]
            removed = again and self._host.execute(argv).rc == 0
            if not removed:
                self._node.command(PURGE[package["manager"]] + [name] if again else argv)
        if self._host.package(name)["installed"]:
            raise FleetError("{0} is still installed".format(name), "that it is gone", "uninstall it by hand", reason="command")
        if os.path.exists(self._host.path(UNINSTALLER)):
            if not again:
                self._node.command([UNINSTALLER])
            else:
                self._host.execute([UNINSTALLER])
        self._end_processes()

    def _repair(self):
        # type: () -> None
        """Have the package manager end what it was cut off from, without which it may refuse everything else."""
        if self._host.package(self._node.package)["manager"] == "dpkg":
            self._host.execute(["dpkg", "--configure", "-a"])

    def _end_processes(self):
        # type: () -> None
        left = self._host.end(self._options["user"]) if self._options["kind"] == "db" else []
        if left:
            raise FleetError(
                "Processes of {0} do not end: {1}".format(self._options["user"], ", ".join(str(pid) for pid in left)),
                "none: the new release could not start beside them",
                "end them, or reboot the node",
                reason="processes",
            )

    def _install(self, again):
        # type: (bool) -> None
        if again:
            self._uninstall(again)
        self._move_leftovers()
        self._host.make_executable(self._options["installer"])
        self._node.command([self._options["installer"], "--", "-s"])
        if self._release() != self._options["version"]:
            raise FleetError(
                "The installer brought {0}".format(self._release() or "no " + VERSION_FILE),
                self._options["version"],
                "put the installer of that release in its place",
                reason="installer",
            )
        told = os.path.join(self._options["state_dir"], "cloudant_install.yaml")
        try:
            self._host.write(told, json.dumps(self._node.told(True)))
            self._node.command([self._options["cast_path"], "system", "install"] + list(self._node.install) + ["-c", told])
        finally:
            self._host.remove(told)

    def _move_leftovers(self):
        # type: () -> None
        """The installer runs over no other one; what an uninstallation, or an installer that died, left is nobody's any more."""
        path = self._host.path(EXTRACTED)
        if os.path.exists(path):
            aside = "{0}.{1:d}".format(EXTRACTED, int(self._now()))
            self._host.rename(path, self._host.path(aside))
            self._notes.append("what was left in {0} is now {1}".format(EXTRACTED, aside))

    def _configure(self, again):
        # type: (bool) -> None
        self._notes.extend(self._node.configure(again, self._journal["links"]))

    # What the caller is told

    def _result(self):
        # type: () -> Dict[str, Any]
        return {
            "changed": bool(self._done),
            "version": self._options["version"],
            "former": self._journal["former"],
            "kept": self._folder,
            "steps": self._done,
            "notes": [config.masked(note, self._hidden) for note in self._notes],
            "downtime": self._journal["downtime"],
        }

    def _explained(self, action):
        # type: (Callable[[], Dict[str, Any]]) -> Dict[str, Any]
        try:
            return action()
        except (FleetError, EnvironmentError) as error:
            raise self._explanation(error)

    def _explanation(self, error):
        # type: (Exception) -> FleetError
        """The error with how it goes on, and without what is secret."""
        steps = self._journal.get("steps", {})
        begun = "uninstall" in steps
        going_on = " Running it again goes on from there; the configuration is kept in {0}".format(self._folder) if begun else ""
        facts = {"stopped": begun and steps.get("install") != ENDED}  # type: Dict[str, Any]
        facts["reason"] = "copies" if isinstance(error, FleetError) else "system"
        facts.update(getattr(error, "facts", {}), changed=begun or bool(self._done), steps=self._done, kept=self._folder)
        return FleetError(config.masked(str(error), self._hidden) + going_on, **facts)

    def _take(self, lock):
        # type: (Lock) -> None
        for _attempt in range(int(self._options["timeout"] / PAUSE)):
            if lock.take({"pid": os.getpid(), "id": self._options["id"]}):
                return
            self._host.sleep(PAUSE)
        raise FleetError(
            "Another installation runs on this node: {0}".format(lock.holder()),
            "that it ends within {0} s".format(self._options["timeout"]),
            "wait for it",
            reason="busy",
        )


def _are_current(folder, paths):
    # type: (str, List[str]) -> bool
    """Return whether the copies are those of what is there now."""
    kept = _copies.read(folder).get("files", [])
    present = [found for path in paths for found in _copies.regular_files(path)]
    return bool(kept) and [(entry["path"], entry["sha256"]) for entry in kept] == [(path, _copies.sha256(path)) for path in present]


def _links(folder):
    # type: (str) -> List[List[str]]
    """Return path and target of each link below a folder: copies hold files only."""
    found = [os.path.join(base, name) for base, folders, files in os.walk(folder) for name in folders + files]
    return [[path, os.readlink(path)] for path in sorted(found) if os.path.islink(path)]


def _parts(release):
    # type: (str) -> List[int]
    return [int(number) for number in re.findall(r"\d+", release)]


def _uid(user):
    # type: (str) -> Optional[int]
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None
