# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores a proved backup of the metastore with the new release, between the stop of 0.10 or 0.11 and the start of the new one.

restore and put_back are all that others need. What they keep, in a folder that is used for one restore only:

    former/        the meta folder as it was; appears when it is complete, and is never written again
    restore.json   step changing: put former/ back before anything else; step restored: what was restored
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import grp
import os
import pwd
import stat

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _swap_files as tools
from ansible_collections.dbfleet.upgrade.plugins.module_utils._copies import sha256
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import local, plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import (
    content_of,
    counts,
    load,
    metastore_in,
    parse,
    same_passwords,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore_backup import RAFT, sole_backup
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore_process import refuse_running
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import make_folder, read_json, write_json

try:
    from typing import Any, Callable, Dict, List, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

META_DB = "meta.db"
NODE_JSON = "node.json"
RESTORED_PARTS = ("cluster_id", "databases", "users", "max_shard_id", "max_shard_group_id")
"""What a meta.db has in common with the backup that it was restored from."""


def restore(params, run_command, clock, check_mode=False, proc="/proc"):
    # type: (Dict[str, Any], Callable[..., Any], Callable[[], float], bool, str) -> Dict[str, Any]
    """What influxdb_metastore_restore returns, whose options params holds. clock: seconds since 1970.

    Raises FleetError with the meta folder as it was before.
    """
    started = clock()
    work = Restore(params, run_command, clock)
    if work.is_restored():
        return work.result(False, started)
    work.refuse(proc)
    if not check_mode:
        work.perform()
    return work.result(True, started)


def put_back(meta_dir, keep):
    # type: (str, str) -> bool
    """Make the meta folder what it was before the restore, without what was written there since; False where keep holds nothing.

    No influxd may run on it.
    """
    kept = Kept(local(keep))
    if not os.path.isdir(kept.former):
        return False
    kept.put_back(os.path.realpath(local(meta_dir)))
    return True


class Kept(object):
    """The former meta folder, and how far its restore is."""

    def __init__(self, folder):
        # type: (str) -> None
        self.folder = folder
        self.former = os.path.join(folder, "former")
        self._note = os.path.join(folder, "restore.json")

    def note(self):
        # type: () -> Dict[str, Any]
        return read_json(self._note)

    def write_note(self, **note):
        # type: (**Any) -> None
        write_json(self._note, note, durable=True)

    def is_interrupted(self):
        # type: () -> bool
        return self.note().get("step") == "changing"

    def refuse_other(self, meta):
        # type: (str) -> None
        """The copy is made once: where there is one, it has to be of this very state."""
        if os.path.isdir(self.former) and not self.is_interrupted() and tools.survey(self.former) != tools.survey(meta):
            raise FleetError(
                "{0} holds another state of {1} than the present one".format(plain(self.former), plain(meta)),
                "a new folder, or a copy of just this state",
                "name another folder as keep; what is in this one stays as it is",
            )

    def take(self, meta):
        # type: (str) -> None
        if os.path.isdir(self.former):
            return
        make_folder(self.folder)
        partial = self.former + ".partial"
        tools.remove_entry(partial)
        tools.copy_entry(meta, partial)
        copy_times(meta, partial)
        if tools.survey(partial) != tools.survey(meta):
            raise FleetError("The copy {0} is not what {1} is".format(plain(partial), plain(meta)), "an equal copy", "check both disks")
        tools.sync_tree(partial)
        os.rename(partial, self.former)

    def put_back(self, meta):
        # type: (str) -> None
        """Can be interrupted and called again. The note goes last."""
        if self.note():
            self.write_note(step="changing")
        tools.mirror_entry(self.former, meta)
        copy_times(self.former, meta)
        tools.sync_tree(meta)
        tools.remove_file(self._note)


class Restore(object):
    """One restore. The methods are in the order in which they are called."""

    def __init__(self, params, run_command, clock):
        # type: (Dict[str, Any], Callable[..., Any], Callable[[], float]) -> None
        self.params = params
        self.run_command = run_command
        self.clock = clock
        self.meta = os.path.realpath(local(params["meta_dir"]))
        self.raft = os.path.join(self.meta, RAFT)
        self.meta_db = os.path.join(self.meta, META_DB)
        self.kept = Kept(os.path.realpath(local(params["keep"])))
        self.owner = owner_of(params["owner"], params["group"])
        self.content = expected_backup(local(params["backup"]), params["sha256"])
        self.metastore = parse(self.content, plain(params["backup"]))

    def is_restored(self):
        # type: () -> bool
        """Is the meta.db the one restored from this backup before? The new release goes on with it, by which its index only grows."""
        note = self.kept.note()
        if note.get("step") != "restored" or note["backup"] != self.params["sha256"]:
            return False
        if os.path.exists(self.raft) or not os.path.exists(self.meta_db):
            return False
        found = load(self.meta_db)
        return found["cluster_id"] == self.metastore["cluster_id"] and found["index"] >= note["index"]

    def refuse(self, proc):
        # type: (str) -> None
        """Every reason not to begin."""
        refuse_nested(self.meta, self.kept.folder)
        refuse_running(self.meta, self.raft, proc)
        state = self.kept.former if self.kept.is_interrupted() else self.meta
        refuse_meta_db(os.path.join(state, META_DB))
        refuse_stale(os.path.join(state, RAFT), self.params["raft_sha256"])
        self.kept.refuse_other(self.meta)

    def perform(self):
        # type: () -> None
        if self.kept.is_interrupted():
            self.kept.put_back(self.meta)
        self.kept.take(self.meta)
        self.kept.write_note(step="changing", backup=self.params["sha256"])
        try:
            self._run()
            index = self._prove()
        except Exception as error:  # whatever it is, the node can go back to the release that it had
            self._undo(error)
            raise
        self.kept.write_note(step="restored", backup=self.params["sha256"], index=index, restored_at=int(self.clock()))

    def _run(self):
        # type: () -> None
        """influxd itself looks neither for a running server nor at what it replaces (cmd/influxd/restore/restore.go)."""
        folder = os.path.dirname(local(self.params["backup"]))
        argv = [self.params["program"], "restore", "-metadir=" + self.meta, folder]
        result = self.run_command(["timeout", "-k", "10", str(self.params["timeout"])] + argv)
        if result.rc == 0:
            return
        said = [line for line in (result.out + result.err).splitlines() if line.strip()]
        raise FleetError(
            "{0} failed (exit code {1}): {2}".format(plain(" ".join(argv)), result.rc, " / ".join(said[-3:]) or "no message"),
            "a restored metastore",
            "see that the program is of the new release, 0.12 or later; the meta folder is as it was before",
        )

    def _prove(self):
        # type: () -> int
        """The restored metastore is that of the backup, and in a folder that the new release accepts. Its index."""
        if os.path.exists(self.raft):
            raise FleetError("{0} is still there".format(plain(self.raft)), "that the restore removes it, as that of 0.12 and later does")
        found = load(self.meta_db)
        wrong = [part for part in RESTORED_PARTS if found[part] != self.metastore[part]]
        if not same_passwords(metastore_in(self.content), content_of(self.meta_db)):
            wrong.append("passwords")
        if wrong:
            raise FleetError(
                "{0} differs from the backup in {1}".format(plain(self.meta_db), ", ".join(wrong)),
                "what {0} holds".format(plain(self.params["backup"])),
                "the meta folder is as it was before; see that nothing else works on it",
            )
        # The restore removes it after raft.db, and forgets it where there is none.
        tools.remove_file(os.path.join(self.meta, NODE_JSON))
        for path in everything(self.meta):
            os.lchown(path, *self.owner)
        tools.sync_tree(self.meta)
        return int(found["index"])

    def _undo(self, error):
        # type: (Exception) -> None
        try:
            self.kept.put_back(self.meta)
        except EnvironmentError as second:
            raise FleetError(
                "{0} And the meta folder could not be put back: {1}".format(error, second),
                remedy="run again, which puts it back first, or copy {0} to {1}".format(plain(self.kept.former), plain(self.meta)),
            )

    def result(self, changed, started):
        # type: (bool, float) -> Dict[str, Any]
        restored = self.is_restored()
        return {
            "changed": changed,
            "path": plain(self.meta_db),
            "sha256": sha256(self.meta_db) if restored else None,
            "kept": plain(self.kept.former),
            "counts": counts(self.metastore),
            "restored_at": self.kept.note()["restored_at"] if restored else None,
            "seconds": round(self.clock() - started, 3),
        }


# What has to be so before anything is changed


def expected_backup(path, digest):
    # type: (str, str) -> bytes
    """The backup, which is alone in its folder and what it was when it was proved."""
    if os.path.basename(sole_backup(os.path.dirname(path))) != os.path.basename(path):
        raise FleetError("{0} is not the backup in its folder".format(plain(path)), "the path of a meta.NN", "correct backup")
    if sha256(path) != digest:
        raise FleetError(
            "{0} has the SHA-256 {1}".format(plain(path), sha256(path)),
            digest + ", as when it was proved",
            "take a new backup with the old release",
        )
    return content_of(path)


def refuse_nested(meta, keep):
    # type: (str, str) -> None
    if (keep + os.sep).startswith(meta + os.sep) or (meta + os.sep).startswith(keep + os.sep):
        raise FleetError("{0} and {1} lie in each other".format(plain(keep), plain(meta)), "a folder elsewhere", "name another one as keep")


def refuse_meta_db(path):
    # type: (str) -> None
    if os.path.exists(path):
        raise FleetError(
            "There is a {0}, which no restore from this backup made".format(plain(path)),
            "the meta folder of 0.10 or 0.11",
            "see which release used this folder last: a restore would replace that metastore without a word",
        )


def refuse_stale(raft, digest):
    # type: (str, str) -> None
    """raft.db changes with every change of metadata, and with nothing else (observed with 0.11.1)."""
    if not os.path.isfile(raft):
        raise FleetError(
            "There is no {0}".format(plain(raft)),
            "the metastore of 0.10 or 0.11, which the backup was taken from",
            "correct meta_dir; if the file was deleted, bring the folder back from a copy",
        )
    found = sha256(raft)
    if found != digest:
        raise FleetError(
            "The metadata has changed since the backup was taken: {0} has the SHA-256 {1}".format(plain(raft), found),
            digest,
            "start the old release, take a new backup and go on with that. A restored older one mixes up databases",
            reason="metastore-stale",
        )


def owner_of(owner, group):
    # type: (str, str) -> Tuple[int, int]
    """The numbers of a user and a group, which are given as names or numbers."""
    try:
        uid = int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
        gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise FleetError(
            "This node does not know {0}".format(str(error).strip("'\"")),
            "the user and group of the service",
            "correct owner and group",
        )
    return uid, gid


# Folders


def everything(path):
    # type: (str) -> List[str]
    """A folder and all that lies in it; links are not followed."""
    names = os.listdir(path) if os.path.isdir(path) and not os.path.islink(path) else []
    return [path] + [found for name in names for found in everything(os.path.join(path, name))]


def copy_times(source, target):
    # type: (str, str) -> None
    """Give the copy the times of the original: to the nanosecond where Python can, which 2.7 cannot. Folders come after their content."""
    info = os.lstat(source)
    if stat.S_ISLNK(info.st_mode) or not os.path.lexists(target):
        return
    for name in os.listdir(source) if stat.S_ISDIR(info.st_mode) else []:
        copy_times(os.path.join(source, name), os.path.join(target, name))
    if hasattr(info, "st_mtime_ns"):
        os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
    else:
        os.utime(target, (info.st_atime, info.st_mtime))
