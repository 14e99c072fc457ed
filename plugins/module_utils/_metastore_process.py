# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an influxd works on a meta folder. In doubt it does: nobody may replace the metastore of a running server."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import os
import re

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _process
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._node import locked

try:
    from typing import Any, Dict, List, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

VARIABLE = "INFLUXDB_META_DIR"
SECTION = re.compile(r"^\s*\[meta\][^\n]*\n(.*?)(?=^\s*\[|\Z)", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"^\s*dir\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.MULTILINE)


def refuse_running(meta, raft, proc="/proc"):
    # type: (str, str, str) -> None
    """raft: the raft.db in the folder meta, which a running 0.10 or 0.11 keeps locked (bolt, flock)."""
    running = users_of(meta, proc)
    if not running and not locked(raft):
        return
    named = ", ".join("{0} ({1})".format(process["pid"], " ".join(process["args"])) for process in running)
    raise FleetError(
        "influxd is running on {0}: {1}".format(plain(meta), "process " + named if named else "its raft.db is locked"),
        "a stopped server",
        "stop the service, and see that nothing starts it again",
    )


def users_of(meta, proc="/proc"):
    # type: (str, str) -> List[Dict[str, Any]]
    """The processes of influxd but for those whose configuration names another folder."""
    return [process for process in _process.find("influxd", proc) if may_use(process, meta, proc)]


def may_use(process, meta, proc="/proc"):
    # type: (Dict[str, Any], str, str) -> bool
    """Paths are looked at as the process sees them, which may run in a container."""
    root = "{0}/{1}/root".format(proc, process["pid"])
    root = root if os.path.isdir(root) else ""
    environ = _process.environment(process["pid"], VARIABLE, proc) or {}
    folder = environ.get(VARIABLE) or meta_dir_in(_process.read_text(root + config_in(process["args"])))
    return folder is None or _is_same(root + folder, meta)


def _is_same(path, meta):
    # type: (str, str) -> bool
    try:
        return os.path.samefile(path, meta)
    except OSError as error:
        return error.errno != errno.ENOENT


def config_in(args):
    # type: (List[str]) -> str
    """The path of the configuration on a command line, empty where none is named."""
    for arg, following in zip(args, args[1:] + [""]):
        name, equals, value = arg.partition("=")
        if name in ("-config", "--config"):
            return value if equals else following
    return ""


def meta_dir_in(text):
    # type: (str) -> Optional[str]
    """dir in the section [meta] of a configuration."""
    section = SECTION.search(text)
    setting = SETTING.search(section.group(1)) if section else None
    return (setting.group(1) or setting.group(2)) if setting else None
