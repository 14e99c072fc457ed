#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: node_info
short_description: Look at a node before, during and after an upgrade
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Tells what a node is, which release of a package it has, how its service is set up, which processes run, and what earlier
    runs left in the state folder.
  - Changes nothing. Needs root, because processes of other users would otherwise look as if they were not there.
  - Works with systemd, upstart, init scripts and runit, with dpkg and rpm.
options:
  package:
    description: Name of the package, for example C(influxdb).
    type: str
    required: true
  program:
    description: Base name of the executable that serves, for example C(influxd). A script counts under its own name.
    type: str
    required: true
  service:
    description: Name of the service, without C(.service).
    type: str
    required: true
  environment_prefix:
    description: Variables of the running service that begin with this are returned. Empty returns none.
    type: str
    default: ''
  state_dir:
    description: The state folder.
    type: path
    default: /var/lib/dbfleet
  wait:
    description:
      - Seconds to wait for the end of a change that M(dbfleet.upgrade.node_swap) is making on the node, for a run that died may have
        left it at work.
      - One that is still at work afterwards shows as C(running) in the state.
    type: int
    default: 0
attributes:
  check_mode:
    support: full
    description: Reads only.
  diff_mode:
    support: none
    description: Changes nothing.
  platform:
    support: full
    platforms: posix
    description: Runs on the node, with Python 2.7 or 3.6 and newer, standard library only.
"""

EXAMPLES = r"""
- name: Look at the node
  dbfleet.upgrade.node_info:
    package: influxdb
    program: influxd
    service: influxdb
    environment_prefix: INFLUXDB_
  become: true
  register: look

- name: Refuse a node whose package was left half installed
  ansible.builtin.assert:
    that: look.node.package.status == 'install ok installed'
"""

RETURN = r"""
node:
  description: What was found.
  type: dict
  returned: always
  contains:
    machine:
      description:
        - C(hostname), C(arch) (as dpkg calls it, else as the kernel does), C(init) (systemd, upstart or sysv), C(python) (version)
          and C(time), seconds since 1970 by the node's clock.
      type: dict
    package:
      description:
        - C(manager) (dpkg, rpm or none), C(installed), C(name), C(version) (C(1.3.9-1)), C(upstream) (C(1.3.9)), C(arch), C(status)
          (of dpkg, for example C(install ok installed) or C(install ok half-configured)).
        - C(conffiles), a list of C(path) and C(modified), which is null where it cannot be told, as for a file that was removed.
      type: dict
    service:
      description:
        - C(name), C(unit), C(manager) (systemd, sysv or runit), C(exists), C(active), C(enabled), C(pid), C(exec) (the command of the unit,
          secrets masked), C(environment_files) that exist, C(unit_files) (the unit and its drop-ins) and C(scripts) (init script, job).
        - C(user) and C(group) of the unit, else of the running process, else of the init script; null where nothing tells them.
        - C(active) of an init script means that its process was found, whatever the script says.
      type: dict
    processes:
      description:
        - Every process of the program, oldest first, with C(pid), C(exe), C(deleted) (the file was replaced since the start),
          C(args) (values of password-like flags masked), C(user), C(group), C(started) (seconds since 1970) and C(service)
          (whether it belongs to the service).
      type: list
      elements: dict
    environment:
      description: The variables with the prefix in the running service's environment, secrets masked. Empty if it does not run.
      type: dict
    state:
      description:
        - C(exists), C(lock) (as it is in the file), C(swap) (C(id), C(state), C(step), C(finished), C(outcome) and C(running)),
          C(installation) (of Cloudant Local, C(id) and C(finished)), C(journal) (C(entries) and C(last)), each null if there is none,
          and C(backups), the ids of complete backups.
      type: dict
    disk:
      description: C(state_dir) with C(free) and C(total) bytes of the file system that holds the state folder or will hold it.
      type: dict
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _node
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError, run

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def look(options, uid):
    # type: (Dict[str, Any], int) -> Dict[str, Any]
    """Return the result of the module."""
    if uid != 0:
        raise FleetError(
            "The module runs as the user with the number {0}, who cannot see the processes and files of others".format(uid),
            "root",
            "set become: true",
        )
    _node.wait_for_swap(options["state_dir"], options["wait"], time.sleep)
    return {"changed": False, "node": _node.describe(options, run_command, time.time())}


def main():
    # type: () -> None
    module = AnsibleModule(
        argument_spec={
            "package": {"type": "str", "required": True},
            "program": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "environment_prefix": {"type": "str", "default": ""},
            "state_dir": {"type": "path", "default": "/var/lib/dbfleet"},
            "wait": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    run(module, lambda: look(module.params, os.geteuid()))


if __name__ == "__main__":
    main()
