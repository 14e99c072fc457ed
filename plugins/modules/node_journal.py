#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: node_journal
short_description: Write down and show what happens to a node
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Appends one line to the journal in the node's state folder, which is on the disk when the task ends.
  - Shows the end of a phase, or a note, on the controller as one line for people, with the time the phase took.
  - Keeps the fact C(fleet_timeline), the phases of the node in this run.
options:
  state_dir:
    description: The state folder. Made with mode 0700 if it is not there.
    type: path
    default: /var/lib/dbfleet
  run_id:
    description: The id of this run.
    type: str
    required: true
  phase:
    description: The phase, for example C(backup).
    type: str
    required: true
  state:
    description:
      - V(started) opens the phase. V(ok), V(failed) and V(skipped) close it. V(note) is for anything worth keeping in between, such
        as the former value of a setting that is about to be changed.
    type: str
    choices: [started, ok, failed, skipped, note]
    required: true
  detail:
    description: One line for people.
    type: str
    default: ''
  data:
    description: Facts to keep with the line. Values whose keys contain C(password), C(secret) or C(token) are masked.
    type: dict
    default: {}
  write:
    description: V(false) shows the line and keeps the timeline without a connection to the node, for phases that must not touch it.
    type: bool
    default: true
attributes:
  action:
    support: full
    description: The action plugin shows the line and keeps the timeline.
  async:
    support: none
    description: It ends at once.
  check_mode:
    support: full
    description: Shows the line, keeps the timeline, and does not connect to the node.
  diff_mode:
    support: none
    description: Lines are only appended.
  platform:
    support: full
    platforms: posix
    description: Runs on the node as root, with Python 2.7 or 3.6 and newer, standard library only.
"""

EXAMPLES = r"""
- name: Begin
  dbfleet.upgrade.node_journal:
    run_id: "{{ run_id }}"
    phase: backup
    state: started

- name: End
  dbfleet.upgrade.node_journal:
    run_id: "{{ run_id }}"
    phase: backup
    state: ok
    detail: metadata, 5 databases, 41 KiB, verified
"""

RETURN = r"""
entry:
  description:
    - The line, with C(time) (seconds since 1970 by the node's clock), C(run_id), C(event) (started, ended or note), C(phase), C(status)
      (of an ended phase), C(detail) and C(data).
  type: dict
  returned: when it was written
ansible_facts:
  description: The facts.
  type: dict
  returned: always
  contains:
    fleet_timeline:
      description:
        - The phases of the node in this run, each with C(run_id), C(phase), C(started) and C(ended) (seconds since 1970 by the
          controller's clock; C(ended) is null while it lasts), C(status) (started, ok, failed or skipped) and C(detail).
      type: list
      elements: dict
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _journal, _lock
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def write(options, now, check_mode):
    # type: (Dict[str, Any], float, bool) -> Dict[str, Any]
    """Return the result of the module."""
    if check_mode or not options["write"]:
        return {"changed": options["write"]}
    line = _journal.entry(options["run_id"], options["phase"], options["state"], options["detail"], options["data"], now)
    _lock.private_dir(options["state_dir"])
    _journal.append(os.path.join(options["state_dir"], _journal.NAME), line)
    return {"changed": True, "entry": line}


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=_journal.ARGUMENTS, supports_check_mode=True)
    run(module, lambda: write(module.params, time.time(), module.check_mode))


if __name__ == "__main__":
    main()
