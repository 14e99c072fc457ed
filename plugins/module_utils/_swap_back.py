# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back to the old release, from what was kept; only what is not as before is touched."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.dbfleet.upgrade.plugins.module_utils._dpkg import Installed
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_site import Starting

try:
    from typing import Optional  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_journal import Journal  # noqa: F401
    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import Look  # noqa: F401
    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_site import Site  # noqa: F401
except ImportError:  # Python 2.7 on the node has no typing
    pass


STOPPED_ORDER = ("stop", "files", "shards", "keep", "install", "reload", "start")
SERVING_ORDER = ("files", "install", "reload", "stop", "shards", "keep", "start")


class Back(object):
    """A new release that serves goes on until the old package is installed; one that does not is stopped first.

    look: the node before the way back begins. watched: this very process started the new release and saw it fail all the time.

    Only a watched failure proves that the new release never served. In all other cases it may have acknowledged writes, so what
    it left is kept and the old release is tried on it first.
    """

    def __init__(self, site, journal, look, watched):
        # type: (Site, Journal, Look, bool) -> None
        self.site = site
        self.journal = journal
        self.request = site.request
        self.node = site.node
        self.copies = site.copies
        self.untouched = site.is_untouched(look)
        self.old = site.old_version() or look.installed.version
        self.install_due = look.installed != Installed(self.old, True)
        self.serves_now = look.state.running and not self.untouched and site.node.probe.passes(look.answer)
        if self.serves_now:
            journal.attempt(self.copies.mark_served)
        self.never_served = watched and not self.serves_now and not self.copies.served()
        self.starting = None  # type: Optional[Starting]

    def run(self):
        # type: () -> None
        self._refuse_impossible()
        self.journal.attempt(self.copies.seal_kept)
        for name in SERVING_ORDER if self.serves_now and not self.request.stop_first else STOPPED_ORDER:
            if name != "shards" or self.site.shards:
                self.journal.step("undo_" + name, getattr(self, name))
        try:
            self.journal.step("undo_ready", self.ready)
        except FleetError as error:
            if self.untouched:
                self._start_after_all()
            elif self._copy_may_help():
                self._second_try(str(error))
            else:
                raise

    def _refuse_impossible(self):
        # type: () -> None
        if self.install_due and not self.request.rollback_package:
            raise FleetError(
                "the package of the old release ({0} {1}) is needed (rollback_package)".format(self.site.package_name(), self.old),
            )

    def stop(self):
        # type: () -> Optional[bool]
        if self.untouched:
            return False
        self.journal.went_down()
        self.site.stop()
        return True

    def files(self):
        # type: () -> Optional[bool]
        return bool(self.copies.before()) and self.copies.put_files_back()

    def shards(self):
        # type: () -> Optional[bool]
        """Before the metadata folder: as long as that is the new release's, the old one does not start on half of the shards."""
        if self.untouched or not self.site.shards or not self.site.shards.kept_any():
            return False
        stay = self.site.shards.undo()
        if stay:
            self.journal.note(
                "{0} shards stay converted to tsm1, for points were written to them or deleted since; their former files are "
                "in {1}".format(len(stay), plain(self.site.shards.kept))
            )
        return True

    def keep(self):
        # type: () -> Optional[bool]
        never_served = self.never_served and self.copies.kept_differs()
        unreadable = self.site.has_new_metastore() or self._is_changed_for_good()
        if self.untouched or not (self.copies.kept_is_broken() or never_served or unreadable):
            return False
        if unreadable:
            self._set_shards_aside()
        self._put_kept_back()
        return True

    def _is_changed_for_good(self):
        # type: () -> bool
        """The copy is put back before the old package returns: once that is there, the data is the old release's."""
        return self.copies.renames() and self.install_due and self.copies.kept_differs()

    def _set_shards_aside(self):
        # type: () -> None
        moved = self.site.metastore.set_aside() if self.site.metastore else []
        if moved:
            self.journal.note("shards that the old release does not know were moved away: {0}".format(", ".join(moved)))

    def _put_kept_back(self):
        # type: () -> None
        aside = self.copies.put_kept_back()
        self.journal.note("what the new release left in the kept paths was moved to {0}, and their copy put back".format(aside))

    def install(self):
        # type: () -> Optional[bool]
        if self.install_due:
            self.node.packages.install(self.request.rollback_package.path)
        return self.copies.tidy() or self.install_due

    def reload(self):
        # type: () -> Optional[bool]
        if self.request.stop_first:  # a killed installation may have left it masked
            self.node.service.release()
        if self.copies.before().get("enabled") is False and self.node.service.enabled():
            self.node.service.disable()
        self.node.service.reload()
        return True

    def start(self):
        # type: () -> Optional[bool]
        if self.untouched:
            return False
        self.starting = self.site.start()
        return True

    def ready(self):
        # type: () -> None
        (self.starting or Starting(self.node, None)).wait(self.node.old_probe, self.journal.came_up)

    def _start_after_all(self):
        # type: () -> None
        """The old process ended after all, for example by a stop that a killed run had ordered."""
        self.untouched = False
        self.journal.step("undo_start", self.start)
        self.journal.step("undo_ready", self.ready)

    def _copy_may_help(self):
        # type: () -> bool
        return self.copies.has_kept() and self.copies.kept_differs()

    def _second_try(self, problem):
        # type: (str) -> None
        """The old release does not come up on what the new one left: try the copy from before."""
        self.journal.note("the old release did not come up on what the new one left: {0}".format(problem))
        for name in ("stop", "put_kept_back", "reload", "start", "ready"):
            self.journal.step("undo_" + name.replace("put_kept_back", "keep"), getattr(self, name, self._put_kept_back))


def standing(site):
    # type: (Site) -> str
    """Where the node stands, where the copies are and what to do: for an error that a person has to take up."""
    installed = site.installed()
    parts = [
        "{0} {1}{2} is installed".format(site.package_name(), installed.version or "(no version)", "" if installed.intact else " in part"),
        "the service {0} is {1}running".format(site.node.service.name, "" if site.node.service.state().running else "not "),
        "the files are {0}as before".format("" if site.copies.files_as_before() else "not "),
        "the copies are in {0}".format(site.copies.folder),
    ]
    return "Now {0}. What to do: remove the cause, then call again with state=swapped or state=restored".format(", ".join(parts))
