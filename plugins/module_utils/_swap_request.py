# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a swap is asked to do, and what was seen of the node."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import grp
import os
import pwd

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Dict, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

Package = collections.namedtuple("Package", ["path", "name", "version", "sha256"])
FileSpec = collections.namedtuple("FileSpec", ["src", "dest", "uid", "gid", "mode"])
"""uid, gid and mode: None for those of the file that is replaced."""

Request = collections.namedtuple(
    "Request",
    [
        "id",
        "state",
        "run",
        "package",
        "rollback_package",
        "files",
        "keep",
        "metastore",
        "shards",
        "rollback",
        "stop_first",
        "serving",
        "put_back",
    ],
)
Node = collections.namedtuple(
    "Node", ["service", "packages", "processes", "probe", "old_probe", "log", "run_command", "finish", "now", "clock", "sleep"]
)
"""Everything a swap acts through. probe and old_probe ask for the new and the old release; finish waits for a launched program."""

Look = collections.namedtuple("Look", ["installed", "placed", "state", "process", "answer", "old_answer"])
"""The node at one moment. placed: all files are as requested; process: the one that serves, None where none was found."""


def package_from(value):
    # type: (Optional[Dict[str, Any]]) -> Optional[Package]
    return Package(**value) if value else None


def file_from(value):
    # type: (Dict[str, Any]) -> FileSpec
    mode = value.get("mode")
    try:
        return FileSpec(value["src"], value["dest"], _uid(value.get("owner")), _gid(value.get("group")), mode and int(mode, 8))
    except ValueError:
        raise FleetError("the mode of {0} is {1!r}".format(value["dest"], mode), "octal digits such as '0640'")


def _uid(owner):
    # type: (Optional[str]) -> Optional[int]
    try:
        return None if owner is None else int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise FleetError("there is no user {0} on this node".format(owner))


def _gid(group):
    # type: (Optional[str]) -> Optional[int]
    try:
        return None if group is None else int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise FleetError("there is no group {0} on this node".format(group))


def wanted_properties(spec, former):
    # type: (FileSpec, Dict[str, Any]) -> Dict[str, Any]
    """Owner and mode a file is to have: as requested, else as its predecessor, else those of a new file of ours."""
    return {
        "uid": former.get("uid", os.geteuid()) if spec.uid is None else spec.uid,
        "gid": former.get("gid", os.getegid()) if spec.gid is None else spec.gid,
        "mode": former.get("mode", 0o644) if spec.mode is None else spec.mode,
    }
