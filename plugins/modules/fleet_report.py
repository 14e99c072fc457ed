#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: fleet_report
short_description: Report what became of a fleet
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Writes C(report.json), C(report.html), C(report.md) and C(junit.xml), and shows a summary. Runs on the controller and looks at no host.
  - Judges every node from what was reported of it. What is not proved is not done. A node that nothing was heard of, one whose data
    differs, and one whose last verification did not succeed make RV(ok) false, whatever else is said of them.
  - A bad upgrade never fails the task. The playbook decides that from RV(ok).
  - Never counts as a change, as a report tells of the fleet and is no part of it.
  - Values of keys whose names contain password, passwd, passphrase, secret or token, and such settings inside of texts, are replaced by
    C(***) wherever they occur.
  - Terminal sequences and control characters are taken out of texts.
options:
  dest:
    description:
      - The folder on the controller to write to. It is made with its parents.
      - Files of an earlier report in it are replaced, each in one step.
      - Required without O(source). With it, its folder is the default.
    type: path
  run:
    description:
      - What is known of the run as a whole. Any key may be missing.
      - C(id) (string) names it.
      - C(started) and C(ended) (numbers, seconds since 1970). C(ended) is the present time by default.
      - C(controller), C(user) and C(collection_version) (strings); by default the controller's host name, the user who runs the
        task and the version of this collection.
      - C(path) (string), the upgrade path that was asked for.
      - C(check) and C(plan_only) (booleans, default false) say that nothing was to be changed. A node that is planned is then well
        without any outcome.
    type: dict
  plan:
    description:
      - The RV(dbfleet.upgrade.fleet_plan#module:plan) of the run. Empty or not given when none could be made, which is never well.
      - Its C(direction) tells whether nodes were upgraded (V(upgrade), also when it is missing), or taken back (V(recover), V(rollback)).
    type: dict
  nodes:
    description:
      - What is known of each host. Any key but C(name) may be missing, as hosts die half-way.
      - C(name), C(cluster), C(from), C(to) (strings).
      - C(outcome) is a dictionary with C(status), C(phase), C(reason) (strings), C(downtime) and C(upgrade_seconds) (seconds).
        C(status) is one of C(done), C(nothing), C(later), C(held), C(refused), C(rolled_back), C(rollback_failed), C(failed),
        C(unreachable) and C(unknown). C(nothing) counts only if C(phase) is C(verify), or the timeline holds a verification that
        succeeded.
      - C(fingerprint) is a dictionary with C(level) (string), C(before) and C(after) (dictionaries of counts) and C(differences) (list of
        sentences). Of the counts, C(covered) and C(buckets) tell how much of the data was compared.
      - C(backup) is a dictionary with C(kind), C(path), C(bytes), C(files) (a number) and C(verified), a boolean or a list of
        sentences that
        say how.
      - C(rollback_package) is a dictionary with C(path), C(version) and C(source) (C(given), C(cache) or C(rebuilt)).
      - C(config) is a dictionary with C(renamed), C(dropped), C(carried) (lists of texts, or of dictionaries as
        M(dbfleet.upgrade.influxdb_config) returns them) and C(diff) (a unified diff).
      - C(swap) is a dictionary with C(steps), C(downtime) (seconds), C(outcome) and C(error). A step has C(name), C(started) (seconds since
        1970), C(seconds) and C(status). The service stops in a step whose name begins with C(stop).
      - C(timeline) is a list of dictionaries with C(phase), C(started), C(ended) (seconds since 1970), C(status) (C(ok), C(failed) or
        C(skipped)) and C(detail). A phase that began and has no end did not end.
      - C(findings) is a list of dictionaries with C(id), C(severity), C(message), C(remedy) and C(accepted).
    type: list
    elements: dict
  source:
    description:
      - The C(report.json) of an earlier run, to write the other files again. It is not changed itself.
      - Mutually exclusive with O(run), O(plan) and O(nodes).
    type: path
attributes:
  action:
    support: full
    description: Has a part that runs on the controller, and no other.
  check_mode:
    support: full
    description: Shows the summary and writes nothing.
  diff_mode:
    support: none
    description: The files are new with every run.
seealso:
  - module: dbfleet.upgrade.fleet_plan
"""

EXAMPLES = r"""
- name: Report
  dbfleet.upgrade.fleet_report:
    dest: reports/2018-03-19
    run:
      id: 20180319T120003Z-4711
      started: 1521460803.2
      path: influxdb
    plan: "{{ fleet_planning.plan }}"
    nodes: "{{ fleet_nodes }}"
  register: report

- name: Fail unless every planned node is done and proved
  ansible.builtin.fail:
    msg: "{{ report.verdict }}"
  when: not report.ok

- name: Write the pages of an earlier run again
  dbfleet.upgrade.fleet_report:
    source: reports/2018-03-19/report.json
"""

RETURN = r"""
ok:
  description:
    - Whether every node of the plan is done or was verified to be there already, on positive evidence. Nodes that were left for later, as
      asked, do not count against it.
    - Never true without a plan, with a refused plan, or without nodes.
  returned: success
  type: bool
  sample: true
verdict:
  description: The verdict in a sentence, or a few short ones.
  returned: success
  type: str
  sample: 3 of 3 nodes run InfluxDB 1.4.3 and hold everything they held before.
report:
  description:
    - Path of C(report.json), whose form is described in C(docs/report.schema.json) of this collection. O(source) where it was given.
  returned: success
  type: str
  sample: /home/ops/reports/2018-03-19/report.json
html:
  description: Path of C(report.html), one page that needs nothing beside it.
  returned: success
  type: str
  sample: /home/ops/reports/2018-03-19/report.html
markdown:
  description: Path of C(report.md), for merge requests and tickets.
  returned: success
  type: str
  sample: /home/ops/reports/2018-03-19/report.md
junit:
  description: Path of C(junit.xml), for pipelines.
  returned: success
  type: str
  sample: /home/ops/reports/2018-03-19/junit.xml
"""
