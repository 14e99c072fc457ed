# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real node behind a swap, and the request as the module's parameters give it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re
import time

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._dpkg import Dpkg
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import Probe
from ansible_collections.dbfleet.upgrade.plugins.module_utils._service import manager
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_process import Processes, finish, launch, monotonic
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import (
    Node,
    Request,
    file_from,
    package_from,
)

try:
    from typing import Any, Callable, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Log  # noqa: F401
except ImportError:  # Python 2.7 on the node has no typing
    pass

SAFE_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+-]*\Z")
INSTALL_LIMIT = 7200.0
"""Seconds. Scripts of the package give every file of a data folder its owner again, which takes its time on a big one."""


def request_from(parameters):
    # type: (Dict[str, Any]) -> Request
    if not SAFE_ID.match(parameters["id"]):
        raise FleetError("the id is {0!r}".format(parameters["id"]), "letters, digits and . _ + -, for it names a folder")
    return Request(
        parameters["id"],
        parameters["state"],
        parameters["run"],
        package_from(parameters["package"]),
        package_from(parameters["rollback_package"]),
        [file_from(value) for value in parameters["files"]],
        parameters["keep"],
        parameters["metastore"],
        parameters["shards"],
        parameters["rollback"],
        parameters["stop_first"],
        parameters["serving"],
        parameters["put_back"],
    )


def probes_from(ready, rollback_ready):
    # type: (Dict[str, Any], Optional[Dict[str, Any]]) -> Tuple[Probe, Probe]
    """Of the new release and of the old one, which is asked at the same place for any version unless told otherwise."""
    return Probe(**ready), Probe(**(rollback_ready or dict(ready, version="")))


def node_from(parameters, log):
    # type: (Dict[str, Any], Log) -> Node
    probe, old_probe = probes_from(parameters["ready"], parameters["rollback_ready"])

    def start(argv):
        # type: (List[str]) -> Any
        return launch(argv, log.path)

    service = manager(parameters["service"], start, finish)
    packages = Dpkg(installer(log, start), time.sleep)
    return Node(service, packages, Processes(), probe, old_probe, log, run_command, finish, time.time, monotonic, time.sleep)


def installer(log, start):
    # type: (Log, Callable[[List[str]], Any]) -> Callable[[List[str]], Tuple[Optional[int], str]]
    """Run a package manager to its end: the exit code and what it printed, which stays in the log."""

    def install(argv):
        # type: (List[str]) -> Tuple[Optional[int], str]
        position = log.position()
        code = finish(start(argv), INSTALL_LIMIT)
        return code, log.text(position)

    return install
