# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and folders of a node: copied with owner and mode, compared, and replaced in one step."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import hashlib
import os
import shutil
import stat

try:
    from typing import Any, Dict, List, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

NEW = ".dbfleet-new"
"""Ending of a file that is about to replace another of the same folder."""

TIME_SLACK = 0.001
"""Seconds by which the time of a copy may differ from the one that it was given: Python 2.7 keeps no nanoseconds."""


def digest_of(path):
    # type: (str) -> str
    """The SHA-256 of a file, read in pieces."""
    found = hashlib.sha256()
    with open(path, "rb") as source:
        for piece in iter(lambda: source.read(1 << 20), b""):
            found.update(piece)
    return found.hexdigest()


def properties(path):
    # type: (str) -> Dict[str, Any]
    """What names a file's state: content, owner, mode."""
    info = os.stat(path)
    return {"sha256": digest_of(path), "uid": info.st_uid, "gid": info.st_gid, "mode": stat.S_IMODE(info.st_mode)}


def replace_file(source, dest, uid, gid, mode):
    # type: (str, str, int, int, int) -> None
    """Put a copy of source in the place of dest: at any moment there is the whole old file or the whole new one.

    Nobody but root can read the new file before it has its owner and mode; a link is followed, not replaced.
    """
    discard_new(dest)
    dest = os.path.realpath(dest)
    descriptor = os.open(dest + NEW, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target, open(source, "rb") as origin:
        shutil.copyfileobj(origin, target)
        target.flush()
        os.fchown(target.fileno(), uid, gid)
        os.fchmod(target.fileno(), mode)
        os.fsync(target.fileno())
    os.rename(dest + NEW, dest)


def discard_new(dest):
    # type: (str) -> None
    """Remove what a replace_file that was interrupted left beside dest."""
    _discard(os.path.realpath(dest) + NEW)


def remove_file(dest):
    # type: (str) -> None
    _discard(dest)


def _discard(path):
    # type: (str) -> None
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


def copy_entry(source, target):
    # type: (str, str) -> None
    """Copy a file, link or folder with owners, modes and times; sockets and pipes hold nothing and are left out."""
    info = os.lstat(source)
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISDIR(info.st_mode):
        os.mkdir(target, 0o700)
        for name in os.listdir(source):
            copy_entry(os.path.join(source, name), os.path.join(target, name))
    elif stat.S_ISREG(info.st_mode):
        shutil.copyfile(source, target)
    else:
        return
    _like(target, info)


def _like(target, info):
    # type: (str, os.stat_result) -> None
    os.lchown(target, info.st_uid, info.st_gid)
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(target, stat.S_IMODE(info.st_mode))
        os.utime(target, (info.st_atime, info.st_mtime))


def copy_settled(source, target, before):
    # type: (str, str, float) -> None
    """Copy the files that were last changed before a time (since 1970), of a folder that is in use: files of it may vanish meanwhile."""
    try:
        info = os.lstat(source)
        if stat.S_ISDIR(info.st_mode):
            os.mkdir(target, 0o700)
            for name in os.listdir(source):
                copy_settled(os.path.join(source, name), os.path.join(target, name), before)
        elif stat.S_ISREG(info.st_mode) and info.st_mtime < before:
            shutil.copyfile(source, target)
            _like(target, info)
    except EnvironmentError as error:
        if error.errno != errno.ENOENT:
            raise


def mirror_entry(source, target, settled=None):
    # type: (str, str, Optional[float]) -> None
    """Make target what source is. A folder stays and its content is replaced, so that a mount point can be one.

    settled: a time since 1970. Files that were last changed before it, and have the same size and time in target, are the same.
    """
    info = os.lstat(source)
    if not stat.S_ISDIR(info.st_mode):
        if (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)) and not _is_settled(info, target, settled):
            _replace_entry(source, target)
        return
    if os.path.islink(target) or not os.path.isdir(target):
        remove_entry(target)
        os.mkdir(target, 0o700)
    wanted = set(os.listdir(source))
    for name in set(os.listdir(target)) - wanted:
        remove_entry(os.path.join(target, name))
    for name in sorted(wanted):
        mirror_entry(os.path.join(source, name), os.path.join(target, name), settled)
    _like(target, info)


def _is_settled(info, target, settled):
    # type: (os.stat_result, str, Optional[float]) -> bool
    if settled is None or not stat.S_ISREG(info.st_mode) or info.st_mtime >= settled or not os.path.isfile(target):
        return False
    copy = os.stat(target)
    same = all(getattr(copy, name) == getattr(info, name) for name in ("st_size", "st_mode", "st_uid", "st_gid"))
    return same and abs(copy.st_mtime - info.st_mtime) < TIME_SLACK


def _replace_entry(source, target):
    # type: (str, str) -> None
    remove_entry(target + NEW)
    copy_entry(source, target + NEW)
    if os.path.isdir(target) and not os.path.islink(target):
        shutil.rmtree(target)
    os.rename(target + NEW, target)


def remove_entry(path):
    # type: (str) -> None
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        _discard(path)


def survey(path):
    # type: (str) -> List[List[Any]]
    """Everything that makes a file or folder what it is, times left out, in a fixed order; [] where there is nothing."""
    return sorted(_survey(path, "")) if os.path.lexists(path) else []


def _survey(path, name):
    # type: (str, str) -> List[List[Any]]
    info = os.lstat(path)
    owner = [info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)]
    if stat.S_ISLNK(info.st_mode):
        return [[name, "link", os.readlink(path)] + owner[:2]]
    if stat.S_ISREG(info.st_mode):
        return [[name, "file", digest_of(path)] + owner]
    if not stat.S_ISDIR(info.st_mode):
        return []
    children = [_survey(os.path.join(path, child), os.path.join(name, child)) for child in os.listdir(path)]
    return [[name, "folder", ""] + owner] + [found for child in children for found in child]


def size_of(path):
    # type: (str) -> int
    """Bytes of all files below path."""
    if not os.path.isdir(path) or os.path.islink(path):
        return os.lstat(path).st_size
    return sum(size_of(os.path.join(path, name)) for name in os.listdir(path))


def sync_tree(path):
    # type: (str) -> None
    """Wait until everything below path is on disk."""
    if os.path.islink(path):
        return
    for name in os.listdir(path) if os.path.isdir(path) else []:
        sync_tree(os.path.join(path, name))
    sync_folder(path)


def sync_folder(path):
    # type: (str) -> None
    """Wait until a file, or the list of what is in a folder, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
