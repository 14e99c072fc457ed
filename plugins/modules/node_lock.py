#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: node_lock
short_description: Let one run at a time work on a node
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Takes, renews or gives back the lock of a node, a file in the state folder that says which run works on it, for which target,
    since when, and which process on which controller drives it.
  - A run that ends cleanly gives its lock back. One that dies leaves it, and the node perhaps unfinished. Such a lock is taken over
    by a run with the same target, which resumes; a run with another target is refused.
  - The controller judges whether the holder is dead. A run of the same controller is dead if its process is. Nobody can look at
    the processes of another controller, so its runs count as alive until O(ttl) seconds after they last renewed the lock or wrote
    into the journal, by the node's clock.
  - A run is known by its id together with the process that drives it, so two processes with the same id do not share a lock.
options:
  state_dir:
    description: The state folder. Made with mode 0700 if it is not there.
    type: path
    default: /var/lib/dbfleet
  state:
    description: V(held) takes or renews the lock. V(free) gives it back if this run holds it and leaves everybody else's.
    type: str
    choices: [held, free]
    default: held
  run_id:
    description: The id of this run.
    type: str
    required: true
  target:
    description: What this run upgrades to. Left out, the target of a dead run does not matter and is kept, as recovery needs it.
    type: str
  path:
    description: The upgrade path, for people who read the lock.
    type: str
  ttl:
    description: Seconds without a sign of life after which a run of another controller counts as dead.
    type: int
    default: 900
  break_lock:
    description:
      - Take the lock although its holder, on another controller, may be alive, or although it was going to another target.
      - Without effect on a run of this controller whose process is alive.
    type: bool
    default: false
  takeover_from:
    description: Filled in by the action plugin. The run that was judged dead; the lock is taken over only if that run still holds it.
    type: str
  controller:
    description: Filled in by the action plugin. The process that drives this run, with its host, boot, process namespace and start.
    type: dict
  user:
    description: Filled in by the action plugin. Who started this run.
    type: str
attributes:
  action:
    support: full
    description: The action plugin says which process drives the run and judges whether the holder of a lock is alive.
  async:
    support: none
    description: It ends at once.
  check_mode:
    support: full
    description: Fails like the real run where the lock could not be had, and has no effect.
  diff_mode:
    support: none
    description: The lock itself is returned.
  platform:
    support: full
    platforms: posix
    description: Runs on the node as root, with Python 2.7 or 3.6 and newer, standard library only.
"""

EXAMPLES = r"""
- name: Lock the node
  dbfleet.upgrade.node_lock:
    run_id: "{{ run_id }}"
    target: 1.4.3
    path: influxdb

- name: Give the lock back
  dbfleet.upgrade.node_lock:
    run_id: "{{ run_id }}"
    state: free
"""

RETURN = r"""
lock:
  description:
    - The lock as it is now, with C(run_id), C(target), C(path), C(user), C(controller), C(acquired) and C(renewed) (seconds since 1970
      by the node's clock). Null if there is none.
  type: dict
  returned: success
resumed:
  description: Whether the lock was taken over from a dead run with the same target.
  type: bool
  returned: success
former:
  description: The lock that was taken over or given back.
  type: dict
  returned: success
reason:
  description: V(lock-held) where another run holds the lock, V(lock-target) where a dead one was going to another target.
  type: str
  returned: failure
held_by:
  description: The lock of the other run.
  type: dict
  returned: failure
age:
  description: Seconds since the last sign of life of the other run, by the node's clock.
  type: float
  returned: if reason is lock-held
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _lock
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def lock(options, now, check_mode):
    # type: (Dict[str, Any], float, bool) -> Dict[str, Any]
    """Return the result of the module."""
    claim = {key: options[key] for key in ("run_id", "target", "path", "controller", "user")}
    if options["state"] == "free":
        return _lock.free(options["state_dir"], claim, check_mode)
    return _lock.hold(options["state_dir"], claim, now, options["takeover_from"], options["break_lock"], check_mode)


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=_lock.ARGUMENTS, supports_check_mode=True)
    run(module, lambda: lock(module.params, time.time(), module.check_mode))


if __name__ == "__main__":
    main()
