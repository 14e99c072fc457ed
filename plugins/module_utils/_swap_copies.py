# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a swap keeps of a node for the way back, made once and never overwritten.

    before.json, files/    what was there before any change; before.json is written last, so that it says "complete"
    keep/, keep.json       paths copied while the service was stopped; keep/ appears complete, keep.json (digests) follows later
    served                 the new release was ready at least once: what it wrote since is worth keeping
    aside-N/               what the new release had written, where the copy of keep/ was put back; or it was renamed, beside its place
    putting-back           the copy of keep/ is just being put back
    replaced/              what else stood in the place of a file when it was replaced: somebody's later changes, and what dpkg
                           left beside it
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _swap_files as tools
from ansible_collections.dbfleet.upgrade.plugins.module_utils._dpkg import LEFT_BESIDE
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import make_folder, read_json, write_json

try:
    from typing import Any, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


SETTLED = 2.0
"""Seconds for which a file was not changed, so that its time tells of every later change."""

ASIDE = ".dbfleet-aside-{0}"
"""Ending of what stood in the place of a copy that is always put back."""


class Copies(object):
    """The copies of one swap in their folder."""

    def __init__(self, folder):
        # type: (str) -> None
        self.folder = folder
        self._settled = None  # type: Optional[float]

    def _path(self, *names):
        # type: (*str) -> str
        return os.path.join(self.folder, *names)

    def before(self):
        # type: () -> Dict[str, Any]
        """What was noted before any change; {} before that.

        taken (epoch), package, enabled, put_back, files, beside (those files), keep.
        """
        return read_json(self._path("before.json"))

    def retire(self):
        # type: () -> None
        """Put copies of an earlier attempt under another name; the next attempt makes its own."""
        number = 1
        while os.path.exists("{0}.{1}".format(self.folder, number)):
            number += 1
        os.rename(self.folder, "{0}.{1}".format(self.folder, number))

    def take(self, dests, keep, facts):
        # type: (List[str], List[str], Dict[str, Any]) -> None
        """Copy the files that are going to be replaced, and note the paths that are copied later, and the facts."""
        tools.remove_entry(self._path("files"))
        make_folder(self._path("files"))
        beside = [os.path.realpath(dest) + ending for dest in dests for ending in LEFT_BESIDE]
        taken = [self._take_file(dest, os.path.join("files", str(number))) for number, dest in enumerate(dests + beside)]
        kept = [_to_keep(os.path.realpath(path), os.path.join("keep", str(number))) for number, path in enumerate(keep)]
        tools.sync_tree(self.folder)
        write_json(self._path("before.json"), dict(facts, files=taken[: len(dests)], beside=taken[len(dests) :], keep=kept), durable=True)

    def _take_file(self, dest, copy):
        # type: (str, str) -> Dict[str, Any]
        if not os.path.exists(dest):
            return {"dest": dest, "existed": False}
        shutil.copyfile(dest, self._path(copy))
        os.chmod(self._path(copy), 0o600)
        former = tools.properties(dest)
        return dict(former, dest=dest, existed=True, copy=copy, sha256=tools.digest_of(self._path(copy)))

    def former(self, dest):
        # type: (str) -> Dict[str, Any]
        """The kept state of one file, {} where it is not among the copies or was not there."""
        for entry in self._taken():
            if entry["dest"] == dest and entry["existed"]:
                return entry
        return {}

    def _taken(self):
        # type: () -> List[Dict[str, Any]]
        return self.before().get("files", []) + self.before().get("beside", [])

    def check(self):
        # type: () -> None
        """Refuse copies that are not what was kept."""
        for entry in self._taken():
            if entry["existed"]:
                self._check_file(entry)
        sealed = read_json(self._path("keep.json")).get("copies", [])
        for entry in sealed:
            if tools.survey(self._path(entry["copy"])) != entry["survey"]:
                raise self._damaged(entry["copy"])

    def _check_file(self, entry):
        # type: (Dict[str, Any]) -> None
        copy = self._path(entry["copy"])
        if not os.path.isfile(copy) or tools.digest_of(copy) != entry["sha256"]:
            raise self._damaged(entry["copy"])

    def _damaged(self, copy):
        # type: (str) -> FleetError
        return FleetError(
            "the kept copy {0} is missing or was changed since it was made".format(self._path(copy)),
            remedy="bring it back from a backup of the node, or move {0} away if nothing has to be put back".format(self.folder),
        )

    def files_as_before(self):
        # type: () -> bool
        return all(self._as_before(entry) for entry in self.before().get("files", []))

    def _as_before(self, entry):
        # type: (Dict[str, Any]) -> bool
        if not entry["existed"] or not os.path.exists(entry["dest"]):
            return not entry["existed"] and not os.path.lexists(entry["dest"])
        now = tools.properties(entry["dest"])
        return all(now[name] == entry[name] for name in now)

    def put_files_back(self):
        # type: () -> bool
        """True where a file had to be put back or removed."""
        return self._put_back(self.before()["files"])

    def tidy(self):
        # type: () -> bool
        """Undo what dpkg did beside the files: what it left there goes, what was there before is there again."""
        return self._put_back(self.before().get("beside", []))

    def _put_back(self, entries):
        # type: (List[Dict[str, Any]]) -> bool
        for entry in entries:
            tools.discard_new(entry["dest"])
        different = [entry for entry in entries if not self._as_before(entry)]
        for entry in different:
            self.save_unknown(entry["dest"])
            if entry["existed"]:
                tools.replace_file(self._path(entry["copy"]), entry["dest"], entry["uid"], entry["gid"], entry["mode"])
            else:
                tools.remove_file(entry["dest"])
        return bool(different)

    def save_unknown(self, dest):
        # type: (str) -> None
        """Before dest is replaced: keep its content if it is neither its former one nor kept here already."""
        if not os.path.isfile(dest):
            return
        found = tools.digest_of(dest)
        copy = self._path("replaced", "{0}-{1}".format(os.path.basename(dest), found[:16]))
        if found != self.former(dest).get("sha256") and not os.path.exists(copy):
            make_folder(self._path("replaced"))
            tools.replace_file(dest, copy, os.geteuid(), os.getegid(), 0o600)

    def has_kept(self):
        # type: () -> bool
        return os.path.isdir(self._path("keep"))

    def copy_ahead(self, now):
        # type: (float) -> None
        """Copy what the service, which still runs, does not change any more; take_kept then copies the rest."""
        settled = now - SETTLED
        for path, copy in self._to_copy():
            tools.copy_settled(path, copy, settled)
        self._settled = settled

    def take_kept(self):
        # type: () -> None
        """Copy paths of the stopped service; as little as possible, for every millisecond of it is downtime."""
        if self._settled is None:
            for path, copy in self._to_copy():
                tools.copy_entry(path, copy)
        else:
            for path, copy in self._places():
                tools.mirror_entry(path, copy, self._settled)
        os.rename(self._path("keep.partial"), self._path("keep"))

    def _to_copy(self):
        # type: () -> List[Tuple[str, str]]
        """The paths and where they are copied to, of which nothing is there yet."""
        tools.remove_entry(self._path("keep.partial"))
        os.mkdir(self._path("keep.partial"), 0o700)
        return self._places()

    def _places(self):
        # type: () -> List[Tuple[str, str]]
        folder = self._path("keep.partial")
        return [(entry["path"], os.path.join(folder, os.path.basename(entry["copy"]))) for entry in self._noted() if entry["existed"]]

    def seal_kept(self):
        # type: () -> None
        """Make the copies durable and note their digests: what can wait until the service is up again."""
        if not self.has_kept() or os.path.exists(self._path("keep.json")):
            return
        tools.sync_tree(self._path("keep"))
        copies = [{"copy": entry["copy"], "survey": tools.survey(self._path(entry["copy"]))} for entry in self._kept()]
        write_json(self._path("keep.json"), {"copies": copies}, durable=True)

    def _noted(self):
        # type: () -> List[Dict[str, Any]]
        return self.before().get("keep", [])

    def _kept(self):
        # type: () -> List[Dict[str, Any]]
        """What was copied while the service was stopped; nothing until all of it was."""
        return self._noted() if self.has_kept() else []

    def kept_differs(self):
        # type: () -> bool
        """Is anything of the kept paths not as it was copied?"""
        return any(tools.survey(entry["path"]) != tools.survey(self._path(entry["copy"])) for entry in self._kept())

    def kept_is_broken(self):
        # type: () -> bool
        """Was putting the copy back interrupted, or is a kept path gone?"""
        gone = any(entry["existed"] and not os.path.exists(entry["path"]) for entry in self._kept())
        return gone or os.path.exists(self._path("putting-back"))

    def renames(self):
        # type: () -> bool
        """Is the copy to be put back in any case? What is in its place is then renamed, and not copied."""
        return bool(self.before().get("put_back") == "always")

    def put_kept_back(self):
        # type: () -> str
        """Put the copies in place, after what is there now was copied aside, or renamed; the name of that folder, or the ending."""
        marker = self._path("putting-back")
        if not os.path.exists(marker):
            write_json(marker, {"aside": self._free_ending() if self.renames() else self._put_aside()}, durable=True)
        aside = read_json(marker)["aside"]  # type: str
        for entry in self._kept():
            if self.renames():
                _rename_once(entry["path"], entry["path"] + aside)
            if entry["existed"]:
                tools.mirror_entry(self._path(entry["copy"]), entry["path"])
        os.unlink(marker)
        return aside

    def _free_ending(self):
        # type: () -> str
        number = 1
        while any(os.path.lexists(entry["path"] + ASIDE.format(number)) for entry in self._kept()):
            number += 1
        return ASIDE.format(number)

    def _put_aside(self):
        # type: () -> str
        number = 1
        while os.path.exists(self._path("aside-{0}".format(number))):
            number += 1
        aside, partial = self._path("aside-{0}".format(number)), self._path("aside.partial")
        tools.remove_entry(partial)
        os.mkdir(partial, 0o700)
        for entry in self._kept():
            if os.path.exists(entry["path"]):
                tools.copy_entry(entry["path"], os.path.join(partial, os.path.basename(entry["copy"])))
        tools.sync_tree(partial)
        os.rename(partial, aside)
        return aside

    def mark_served(self):
        # type: () -> None
        if os.path.isdir(self.folder):
            write_json(self._path("served"), {"served": True}, durable=True)

    def served(self):
        # type: () -> bool
        return os.path.exists(self._path("served"))

    def listing(self):
        # type: () -> List[str]
        """The paths of which a copy is kept."""
        files = [entry["dest"] for entry in self._taken() if entry["existed"]]
        return files + [entry["path"] for entry in self._kept() if entry["existed"]]


def _to_keep(path, copy):
    # type: (str, str) -> Dict[str, Any]
    return {"path": path, "copy": copy, "existed": os.path.lexists(path)}


def _rename_once(path, aside):
    # type: (str, str) -> None
    """What is in the place of a path that was renamed already is the copy, perhaps in part."""
    if os.path.lexists(path) and not os.path.lexists(aside):
        os.rename(path, aside)
