#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: fleet_plan
short_description: Plan the upgrade of a fleet, or its way back
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Says for every node of a fleet which upgrade path it takes, in which wave, and which nodes have to be done before it, and gives
    one verdict about the whole run.
  - Runs on the controller and looks at no host. The same nodes and options always give the same plan.
  - A refused plan is an answer, not a failure of the task, so that it can be reported. The task fails where its input makes no
    sense, or where the saved plan cannot be read.
  - Shows the plan as a table.
options:
  nodes:
    description:
      - The nodes in the inventory's order, as they were detected. Keys that are not listed here are ignored.
      - C(name) (string, required) is the host.
      - C(cluster) (string) is its cluster, by default the node itself. Two nodes of a cluster are never in the same wave.
      - C(rank) (integer, default 0) orders the nodes of a cluster, lower first.
      - C(product) (string) is one of C(influxdb), C(influxdb_enterprise), C(cloudant) and C(couchdb).
      - C(version) (string) is the release that runs, for example C(1.3.9), and C(target_version) (string) the one it is to have.
      - C(package) is a dictionary with C(name), C(version), C(arch), C(sha256) and C(size) in bytes, as
        M(dbfleet.upgrade.fleet_package) returns it, of the package to install. Without it, nothing is compared with it.
      - C(accept) (list of strings) names the blockers that do not stop the run. Errors cannot be accepted.
      - C(role) (string) is the role that takes the node, where detection knows better than the version; by default the path decides.
      - C(arch) and C(package_manager) (strings) are compared with the package. Only C(dpkg) is supported so far.
      - C(disk) is a dictionary with C(state_dir_free) and C(needed), in bytes.
      - C(findings) is a list of dictionaries with C(id), C(severity) (C(error), C(blocker), C(warning) or C(info)), C(message)
        and C(remedy).
      - C(unfinished) and C(last) are the changes of the node that can be undone, the one that did not end and the last one that did,
        each a dictionary with C(id), C(source) and C(target). They matter only where O(options.direction) is not V(upgrade).
        With C(one_way) (boolean, false if missing), nothing leads back any more, and the change is finished instead.
      - C(reachable) (boolean, required), and C(reason) (string) why it is not.
    type: list
    elements: dict
    required: true
  options:
    description: What the user wants.
    type: dict
    required: true
    suboptions:
      direction:
        description:
          - V(upgrade) takes each node to its target.
          - V(recover) takes a node back from a change that did not end, V(rollback) from the last one that did as well.
            What speaks against one node does not stop the others there.
        type: str
        choices: [upgrade, recover, rollback]
        default: upgrade
      path:
        description: The role, or the path, that every node has to take. Not given, or empty, means that each node takes its own.
        type: str
      canary:
        description:
          - So many nodes, each of another cluster, make up the first wave. No other node starts before they have proved
            themselves. V(0) means that there are none.
        type: int
        default: 0
      wave_limit:
        description: The most nodes in one wave. V(0) means any number.
        type: int
        default: 10
      pause_after:
        description: End the run after this wave. V(0) means that it does not pause.
        type: int
        default: 0
  saved:
    description:
      - A plan.json of an earlier run. The plan is refused if it differs in anything that matters from the saved one.
      - A node that has reached the saved plan's target in the meantime is no difference.
    type: path
  dest:
    description: Where to write the plan as JSON. Not written in check mode, nor over O(saved).
    type: path
attributes:
  action:
    support: full
    description: Runs on the controller.
  async:
    support: none
    description: It ends at once.
  check_mode:
    support: full
    description: Writes no file; the plan is the same.
  diff_mode:
    support: none
    description: Nothing is changed that a difference could be shown of.
seealso:
  - module: dbfleet.upgrade.fleet_package
notes:
  - The ids of its own findings are C(node-unreachable) and C(one-way), which are blockers; C(version-path), C(package-manager),
    C(package-arch), C(package-version), C(package-product) and C(disk-space), which are errors; and C(accept-unknown), a warning.
"""

EXAMPLES = r"""
- name: Plan
  dbfleet.upgrade.fleet_plan:
    nodes:
      - name: influx1
        cluster: metrics
        product: influxdb
        version: 1.3.9
        target_version: 1.4.3
        arch: amd64
        package_manager: dpkg
        disk:
          state_dir_free: 20000000000
          needed: 150000000
        findings: []
        reachable: true
    options:
      canary: 1
    dest: fleet-report/plan.json
  delegate_to: localhost
  register: planning

- name: Stop before anything is changed
  ansible.builtin.fail:
    msg: "{{ planning.reason }}"
  when: planning.verdict == 'refused'
"""

RETURN = r"""
plan:
  description: The plan, which is also the content of O(dest).
  returned: success
  type: dict
  contains:
    schema:
      description: The version of this structure.
      type: int
      sample: 1
    path:
      description: The role or path that the run is pinned to, or an empty string.
      type: str
      sample: influxdb
    direction:
      description: As O(options.direction).
      type: str
      sample: upgrade
    canary:
      description: As O(options.canary).
      type: int
      sample: 0
    wave_limit:
      description: As O(options.wave_limit).
      type: int
      sample: 10
    pause_after:
      description: As O(options.pause_after).
      type: int
      sample: 0
    nodes:
      description: What happens to each node, in the order of O(nodes).
      type: list
      elements: dict
      contains:
        name:
          description: The host.
          type: str
          sample: influx1
        cluster:
          description: Its cluster.
          type: str
          sample: metrics
        product:
          description: Its product.
          type: str
          sample: influxdb
        from:
          description: The release that runs, or that a change left half-way; empty if that is not known.
          type: str
          sample: 1.3.9
        to:
          description: The release that the node is taken to.
          type: str
          sample: 1.4.3
        path:
          description: The path it takes; empty if it takes none.
          type: str
          sample: influxdb
        role:
          description: The role that takes it.
          type: str
          sample: influxdb
        state:
          description:
            - V(upgrade) in this run, V(nothing) to do as it runs the target, V(refused) as there is no path or it cannot be reached,
              or V(later) in a run after the pause.
          type: str
          sample: upgrade
        reason:
          description: Why the state is not V(upgrade).
          type: str
          sample: ''
        wave:
          description: The number of its wave, from 1, or null.
          type: int
          sample: 1
        after:
          description: The nodes that have to prove themselves done before it starts.
          type: list
          elements: str
        steps:
          description: The steps of its path, each with C(name) and whether it is C(reversible).
          type: list
          elements: dict
        one_way:
          description: Whether there is no way back.
          type: bool
          sample: false
        disk_needed:
          description: Bytes that the backup and the staged package need in the state folder.
          type: int
          sample: 150000000
        backup_id:
          description: The name of its folder below backup in the state folder.
          type: str
          sample: influxdb-1.3.9-1.4.3
        package:
          description: What is known of the package that it takes, or null.
          type: dict
    waves:
      description: The names of the nodes that this run upgrades, wave by wave. Empty unless the verdict is V(go).
      type: list
      elements: list
      sample: [[influx1]]
    verify_only:
      description: The nodes that run the target already.
      type: list
      elements: str
    findings:
      description:
        - All findings of all nodes, each with C(id), C(severity), C(message), C(remedy), whether it is C(accepted), and its
          C(node), which is empty for the run itself.
      type: list
      elements: dict
    notes:
      description: What to know about the releases on the way.
      type: list
      elements: str
    verdict:
      description: As RV(verdict).
      type: str
      sample: go
    verdict_reason:
      description: As RV(reason).
      type: str
      sample: 1 node to be upgraded to 1.4.3 in 1 wave.
verdict:
  description: V(go), V(refused), or V(nothing) where every node runs the target already.
  returned: success
  type: str
  sample: go
reason:
  description: One sentence that explains the verdict.
  returned: success
  type: str
  sample: 1 node to be upgraded to 1.4.3 in 1 wave.
table:
  description: The plan as text of at most 110 columns.
  returned: success
  type: str
"""
