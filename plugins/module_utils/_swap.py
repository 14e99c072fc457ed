# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps from the old release to the new one, and the decision what happens when one fails.

What is done is read from the node at each start, so that the steps can be taken up wherever a killed run left them. Their order makes that
safe: files are put in place only after the new package, and put back before the old one returns. So a node that has the old package whole
has its former files too, and copies can be made of it; from any other node no copy is ever made.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re
import traceback

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _swap_files as tools
from ansible_collections.dbfleet.upgrade.plugins.module_utils._dpkg import Installed
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_back import Back, standing
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import wanted_properties
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_site import Starting

try:
    from typing import List, Optional  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_journal import Journal  # noqa: F401
    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import Look  # noqa: F401
    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_site import Site  # noqa: F401
except ImportError:  # Python 2.7 on the node has no typing
    pass

SERVING_ORDER = ("fresh", "keep_files", "install", "place_files", "reload", "stop", "copy_keep", "shards", "metastore", "start", "ready")
COMPLAINT = re.compile("error|fail|denied|cannot|not found|refused|invalid|panic|fatal|broken|run:", re.IGNORECASE)
STOPPED_ORDER = ("fresh", "keep_files", "copy_ahead", "stop", "copy_keep") + (
    ("install", "place_files", "reload", "shards", "metastore", "start", "ready")
)


class Forward(object):
    """Does what is still to be done. look: the node as it was found."""

    def __init__(self, site, journal, look):
        # type: (Site, Journal, Look) -> None
        self.site = site
        self.journal = journal
        self.look = look
        self.request = site.request
        self.node = site.node
        self.copies = site.copies
        self.install_due = look.installed != Installed(self.request.package.version, True)
        serves_new = look.state.running and site.runs_new(look) and not site.has_unproved_shards()
        self.restart_due = self.install_due or not look.placed or not serves_new
        self.starting = None  # type: Optional[Starting]

    def run(self):
        # type: () -> None
        missing = [] if self.site.metastore else ["fresh", "metastore"]
        missing += [] if self.site.shards else ["shards"]
        for name in STOPPED_ORDER if self.request.stop_first and self.restart_due else SERVING_ORDER:
            if name not in missing:
                self.journal.step(name, getattr(self, name))

    def fresh(self):
        # type: () -> None
        """A backup of the metastore that is out of date is found here, before anything is changed, or else by the restore."""
        if self.site.metastore and not self.copies.kept_is_broken():
            self.site.metastore.refuse_stale()

    def keep_files(self):
        # type: () -> Optional[bool]
        """Copies of an attempt that was undone are put aside when the node has lived on since.

        If its way back was killed, what dpkg left must not become part of the new copies.
        """
        if self.journal.record["resumed"]:
            self.copies.tidy()
        if self.copies.before() and self._copies_are_outdated():
            self.copies.retire()
        if self.copies.before():
            return False
        version = self.look.installed.version if self.install_due else self.site.old_version() or self.look.installed.version
        package = {"name": self.site.package_name(), "version": version}
        facts = {"taken": self.node.now(), "package": package, "enabled": self.node.service.enabled()}
        facts["put_back"] = self.request.put_back
        self.copies.take([spec.dest for spec in self.request.files], self.request.keep, facts)
        return True

    def _copies_are_outdated(self):
        # type: () -> bool
        old = self.copies.before()["package"]["version"]
        at_start = self.look.installed == Installed(old, True)
        if not self.journal.record["resumed"]:
            return at_start
        lived_on = self.copies.has_kept() or self.copies.served() or not self.copies.files_as_before()
        return at_start and lived_on and old != self.request.package.version

    def install(self):
        # type: () -> Optional[bool]
        if not self.install_due:
            return False
        begun = self.node.now()
        if self.request.stop_first:
            self._install_held()
        else:
            self.node.packages.install(self.request.package.path)
        if self.look.process is not None and not self.request.stop_first and not self.node.processes.alive(self.look.process):
            self.journal.was_down_since(begun)
            self.journal.note("the package's own scripts, or a crash, ended the old process during the installation")
        return True

    def _install_held(self):
        # type: () -> None
        """The new release must not run before its files are in place."""
        self.node.service.hold()
        self.node.packages.install(self.request.package.path)
        self.node.service.release()
        if self.node.service.state().running:
            self.site.stop()
            self.journal.note("the package's own scripts had started the service; it was stopped again")

    def place_files(self):
        # type: () -> Optional[bool]
        """What the package has to say about a file is in the one that is put in place; so what dpkg left beside goes first."""
        tidied = self.copies.tidy()
        due = [spec for spec in self.request.files if not self.site.is_placed(spec)]
        for spec in due:
            self.copies.save_unknown(spec.dest)
            wanted = wanted_properties(spec, self.copies.former(spec.dest))
            tools.replace_file(spec.src, spec.dest, wanted["uid"], wanted["gid"], wanted["mode"])
        return tidied or bool(due)

    def reload(self):
        # type: () -> Optional[bool]
        """Packages enable their service; one that was disabled stays so. A killed installation may have left it masked."""
        if not self.restart_due:
            return False
        if self.request.stop_first:
            self.node.service.release()
        if self.copies.before()["enabled"] is False and self.node.service.enabled():
            self.node.service.disable()
        self.node.service.reload()
        return True

    def stop(self):
        # type: () -> Optional[bool]
        if not self.restart_due:
            return False
        self.journal.went_down()
        self.site.stop()
        return True

    def copy_ahead(self):
        # type: () -> Optional[bool]
        """Whole databases may have to be copied, and most of their files never change."""
        if not self.restart_due or not self.request.keep or self.copies.has_kept() or not self.look.state.running:
            return False
        self.copies.copy_ahead(self.node.now())
        return True

    def copy_keep(self):
        # type: () -> Optional[bool]
        if not self.restart_due or not self.request.keep or self.copies.has_kept():
            return False
        self.copies.take_kept()
        return True

    def shards(self):
        # type: () -> Optional[bool]
        """This may take hours, so a backup of the metastore that became out of date with the stop is found before it."""
        if not self.restart_due or not self.site.shards:
            return False
        if self.site.metastore:
            self._mend_metastore()
            self.site.metastore.refuse_stale()
        made = self.site.shards.convert()
        for note in made.get("notes", []):
            self.journal.note(note)
        if made.get("shards"):
            self.journal.note(
                "{0} shards with {points} points were converted to tsm1 ({filtered} values that are no numbers left out); "
                "their former files, {bytes} bytes, are in {1}: remove them when they are no longer wanted".format(
                    len(made["shards"]), plain(self.site.shards.kept), **made
                )
            )
        return bool(made)

    def metastore(self):
        # type: () -> Optional[bool]
        if not self.restart_due or not self.site.metastore:
            return False
        self._mend_metastore()
        return self.site.metastore.restore()

    def _mend_metastore(self):
        # type: () -> None
        if self.copies.kept_is_broken():  # a way back was killed while it put the folder back
            self.copies.put_kept_back()

    def start(self):
        # type: () -> Optional[bool]
        if not self.restart_due:
            return False
        self.starting = self.site.start()
        return True

    def ready(self):
        # type: () -> None
        waiting = self.starting or Starting(self.node, None)
        waiting.wait(self.node.probe, self._served)

    def _served(self):
        # type: () -> None
        """From here on nothing is a reason to go back."""
        self.journal.came_up()
        self.journal.record["served_by_new"] = True
        self.journal.attempt(self.copies.mark_served)
        self.journal.attempt(self.copies.seal_kept)


def complaints(lines):
    # type: (List[str]) -> List[str]
    """The lines that say what is wrong; the very last line may belong to the next try already."""
    return [line.strip() for line in lines if COMPLAINT.search(line)]


class Swap(object):
    """The whole of it, from the first change to the record of the end."""

    def __init__(self, site, journal, look):
        # type: (Site, Journal, Look) -> None
        self.site = site
        self.journal = journal
        self.look = look

    def run(self):
        # type: () -> None
        if self.site.request.state == "restored":
            self._back("", self.look, False)
        else:
            self._forward()

    def _forward(self):
        # type: () -> None
        forward = Forward(self.site, self.journal, self.look)
        try:
            forward.run()
        except Exception as error:  # whatever it is, a node is not left half-way
            self._failed(error, forward)
        else:
            self._end("swapped")

    def _failed(self, error, forward):
        # type: (Exception, Forward) -> None
        reason = self._reason(error)
        if self.site.request.rollback == "manual":
            self._end("failed", "{0}. {1}".format(reason, standing(self.site)))
            return
        self._back(reason, None, forward.starting is not None)

    def _back(self, reason, look, watched):
        # type: (str, Optional[Look], bool) -> None
        try:
            Back(self.site, self.journal, look or self.site.look(), watched).run()
        except Exception as error:
            second = self._reason(error)
            told = "{0}. The way back failed too: {1}".format(reason, second) if reason else "The way back failed: {0}".format(second)
            self._end("failed", "{0}. {1}".format(told, standing(self.site)))
        else:
            self._end("restored", reason)

    def _reason(self, error):
        # type: (Exception) -> str
        """The error as a sentence without its full stop; its last log lines go to the result, the last one into the sentence."""
        self.journal.record["reason"] = self.journal.record["reason"] or getattr(error, "facts", {}).get("reason", "")
        if not isinstance(error, FleetError):
            self.journal.record["log_tail"] += traceback.format_exc().splitlines()[-10:]
            return "{0}: {1}".format(type(error).__name__, error)
        lines = error.facts.get("log_tail") or []
        self.journal.record["log_tail"] = self.journal.record["log_tail"] or lines
        text = str(error).rstrip(".")
        return "; from its log: ".join([text] + complaints(lines)[-1:])

    def _end(self, outcome, error=""):
        # type: (str, str) -> None
        self.journal.record["served_by_new"] = self.journal.record["served_by_new"] or self.site.copies.served()
        self.journal.record["kept"] = {"dir": self.site.copies.folder, "files": self.site.copies.listing()}
        self.journal.finish(outcome, error + "." if error and not error.endswith(".") else error)
