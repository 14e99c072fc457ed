# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of files and folders, made once, complete or not at all, and proved by their digests."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import io
import json
import os
import shutil
import stat

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Dict, List  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

MANIFEST = "copies.json"
"""A folder that holds it holds every copy it lists."""


def sha256(path):
    # type: (str) -> str
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with io.open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def regular_files(path):
    # type: (str) -> List[str]
    """Return the regular files at or below path, in order; sockets, pipes and links are not data."""
    if os.path.islink(path):
        return []
    if os.path.isdir(path):
        return [found for name in sorted(os.listdir(path)) for found in regular_files(os.path.join(path, name))]
    return [path] if os.path.isfile(path) else []


def read(dest):
    # type: (str) -> Dict[str, Any]
    """Return what a folder of copies lists, or an empty dict where none was completed."""
    try:
        with io.open(os.path.join(dest, MANIFEST), encoding="utf-8") as stream:
            return json.load(stream)
    except (IOError, OSError, ValueError):
        return {}


def verify(dest):
    # type: (str) -> Dict[str, Any]
    """Return the manifest of a folder of copies after reading every copy again.

    Raises FleetError naming the first copy that is missing or not what was copied.
    """
    manifest = read(dest)
    for entry in manifest["files"]:
        copy = os.path.join(dest, entry["copy"])
        if not os.path.isfile(copy) or sha256(copy) != entry["sha256"]:
            raise FleetError(
                "The kept copy {0} of {1} is missing or damaged".format(copy, entry["path"]),
                "sha256 " + entry["sha256"],
                "move {0} aside and run again: a new copy is taken while the node still runs the old release".format(dest),
            )
    return manifest


def keep(paths, dest):
    # type: (List[str], str) -> Dict[str, Any]
    """Copy the regular files at or below paths into the new folder dest, with owner and mode, and return the manifest.

    A path that does not exist is listed as absent. The folder appears when it is complete; what a dead run left beside
    it under the name dest.partial is taken anew. Raises FleetError where dest holds something else.
    """
    if os.path.isdir(dest) and os.listdir(dest):
        raise FleetError(
            "{0} holds files that are no set of copies".format(dest),
            "a folder that does not exist yet",
            "move it aside or name another folder",
        )
    partial = dest.rstrip("/") + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial, 0o700)
    files = [_copy(path, partial) for base in paths for path in regular_files(base)]
    manifest = {"files": files, "absent": [path for path in paths if not os.path.exists(path)]}  # type: Dict[str, Any]
    with io.open(os.path.join(partial, MANIFEST), "w", encoding="utf-8") as stream:
        stream.write(u"" + json.dumps(manifest, indent=1, sort_keys=True))
        stream.flush()
        os.fsync(stream.fileno())
    verify(partial)
    os.rename(partial, dest)
    return manifest


def _copy(path, dest):
    # type: (str, str) -> Dict[str, Any]
    copy = os.path.join(dest, path.lstrip("/"))
    if not os.path.isdir(os.path.dirname(copy)):
        os.makedirs(os.path.dirname(copy), 0o700)
    before = os.stat(path)
    shutil.copy2(path, copy)
    os.chown(copy, before.st_uid, before.st_gid)
    return {
        "path": path,
        "copy": os.path.relpath(copy, dest),
        "sha256": sha256(copy),
        "bytes": os.path.getsize(copy),
        "mode": "%04o" % stat.S_IMODE(before.st_mode),
        "uid": before.st_uid,
        "gid": before.st_gid,
    }
