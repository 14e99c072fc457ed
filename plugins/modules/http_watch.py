#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: http_watch
short_description: Measure for how long a URL does not answer while other tasks change what is behind it
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Begins to ask a URL again and again, in a process of its own, and goes on while later tasks run. Ends that, and returns what was seen.
  - Each request is made on a new connection. Proxies are never used, and TLS is verified.
  - The process ends by itself when ansible-playbook does, and after O(limit).
  - Made for the controller (C(delegate_to)), from where it sees what clients see.
attributes:
  check_mode:
    support: none
    description: Does nothing.
  diff_mode:
    support: none
    description: There is nothing to compare.
options:
  state:
    description:
      - V(started) begins a watch.
      - V(stopped) ends it, and returns what it saw.
    type: str
    choices: [started, stopped]
    required: true
  path:
    description:
      - The file for what is seen, another one for each watch. Its folder is made where it is missing.
      - It is removed with O(state=stopped).
    type: path
    required: true
  url:
    description: The URL. Required with O(state=started).
    type: str
  ca_path:
    description: File with the authorities to trust, for https. Those of the system when it is missing.
    type: path
  interval:
    description: Seconds from one request to the next.
    type: float
    default: 0.1
  timeout:
    description: Seconds for an answer. One that comes later, or has another status than 2xx, is a failure.
    type: float
    default: 1.0
  limit:
    description: Seconds after which the watch ends by itself.
    type: float
    default: 7200
  driver:
    description:
      - The number of the process with which the watch ends.
      - The controller part of this module sets it to that of ansible-playbook.
    type: int
"""

EXAMPLES = r"""
- name: Watch the virtual address
  dbfleet.upgrade.http_watch:
    state: started
    path: /tmp/watch/lb1.json
    url: http://10.0.0.10:5984/_up
  delegate_to: localhost

- name: Make the other load balancer take over
  ansible.builtin.service:
    name: keepalived
    state: stopped

- name: Ask for how long nobody answered
  dbfleet.upgrade.http_watch:
    state: stopped
    path: /tmp/watch/lb1.json
  delegate_to: localhost
  register: seen
"""

RETURN = r"""
finished:
  description: Whether the watch went on to the end. It did not where its process was killed; then the numbers are from before.
  returned: with O(state=stopped)
  type: bool
  sample: true
requests:
  description: Requests that were made.
  returned: with O(state=stopped)
  type: int
  sample: 412
failures:
  description: Those that failed.
  returned: with O(state=stopped)
  type: int
  sample: 5
slowest:
  description: Seconds that the slowest answer took, of those that came in time.
  returned: with O(state=stopped)
  type: float
  sample: 0.03
away:
  description: Seconds in all for which the URL did not answer.
  returned: with O(state=stopped)
  type: float
  sample: 0.62
outages:
  description: The times in which it did not answer.
  returned: with O(state=stopped)
  type: list
  elements: dict
  contains:
    started:
      description: When the first request was made that failed, in seconds since 1970.
      type: float
    seconds:
      description: From then to the first answer. Null where there was none before the end.
      type: float
    error:
      description: Why the first one failed.
      type: str
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._http_watch import (
    ARGUMENTS,
    END_SLACK,
    Notes,
    is_alive,
    stopped,
    watch,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import Probe
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_run import detach

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def start(parameters, notes):
    # type: (Dict[str, Any], Notes) -> Dict[str, Any]
    probe = Probe(parameters["url"], ca_path=parameters["ca_path"])
    end = time.time() + parameters["limit"]
    driver = parameters["driver"]
    record = notes.begin(parameters["url"])

    def is_over():
        # type: () -> bool
        return notes.is_ended() or time.time() >= end or (driver is not None and not is_alive(driver))

    def work():
        # type: () -> None
        watch(record, probe, parameters["timeout"], notes, is_over, time.time, time.sleep, parameters["interval"])

    detach(work, os.devnull)
    return {"changed": True}


def stop(parameters, notes):
    # type: (Dict[str, Any], Notes) -> Dict[str, Any]
    return dict(stopped(notes, parameters["timeout"] + END_SLACK, time.time, time.sleep), changed=True)


def main():
    # type: () -> None
    module = AnsibleModule(ARGUMENTS, required_if=[("state", "started", ["url"])])
    action = start if module.params["state"] == "started" else stop
    run(module, lambda: action(module.params, Notes(module.params["path"])))


if __name__ == "__main__":
    main()
