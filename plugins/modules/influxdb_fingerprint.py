#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_fingerprint
short_description: Record what the data of an InfluxDB server looks like, and compare it later
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Records databases, retention policies, continuous queries, subscriptions, users and grants, and counts the values of each field of
    each measurement in each shard group. With O(baseline), counts exactly the same again and says what is missing.
  - Counts only times before the moment of the first fingerprint, and takes fewer values for a loss, never more. Whoever writes meanwhile
    gives no false alarm, not even with late points.
  - Shard groups that their retention policy has removed in the meantime are left out of the comparison and counted in RV(expired_buckets).
  - The module does not fail where it finds differences; it returns them, and the play decides.
  - Works with releases from 0.10 to 1.x, so that a fingerprint of one can be compared with that of another. Only reads.
  - What it does not see are values that changed while their number stayed the same, passwords, and whatever is in C(_internal), which the
    server writes itself. Nor does it count the shard group around the first time that the server can express, in September 1677.
extends_documentation_fragment:
  - dbfleet.upgrade.influxdb
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
options:
  level:
    description:
      - V(metadata) compares databases, policies, continuous queries, subscriptions, users and grants. They have to be equal.
      - V(series) compares these and the number of series of each measurement. It reads the index only. Series also vanish when the last of
        their points expires, or was deleted before a restart, so that this level suits data that is kept for ever.
      - V(points) compares metadata and the number of values of each field of each measurement in each shard group. It reads every block of
        the data once. It implies V(series), as a lost series is lost values.
      - 0.12 and 0.13 name no fields of a database whose default policy holds no data. Its shard groups are then not counted, and
        RV(fingerprint) has C(totals.covered) below C(totals.buckets).
      - With O(baseline), its level is used.
    type: str
    choices: [metadata, series, points]
    default: points
  row_budget:
    description:
      - How many counts (V(points)) or series (V(series)) are recorded at most. It bounds memory, and the size of the result, at about
        100 bytes each.
      - Shard groups (V(points)) are counted newest and oldest alternately, databases (V(series)) one after the other. Those for which
        the budget does not last are not counted, and RV(fingerprint) tells in C(totals.covered) and C(totals.buckets) how many of how
        many were.
      - With O(baseline), what it holds is counted again.
    type: int
    default: 50000
  until:
    description:
      - Count only times before this one, RFC3339. Empty for the present time of the host on which the module runs.
      - With O(baseline), its time is used.
    type: str
    default: ""
  baseline:
    description: The RV(fingerprint) of a former call, unchanged.
    type: dict
  max_differences:
    description: How many differences are returned at most. RV(difference_count) counts all.
    type: int
    default: 20
notes:
  - Counting holds up the server as any large query does. Its own limits (C(query-timeout), C(max-select-point)) apply to it.
"""

EXAMPLES = r"""
- name: Record the data before the upgrade
  dbfleet.upgrade.influxdb_fingerprint:
    host: "{{ ansible_host }}"
    username: admin
    password: "{{ influxdb_admin_password }}"
  delegate_to: localhost
  register: influxdb_before

- name: Compare it after the upgrade
  dbfleet.upgrade.influxdb_fingerprint:
    host: "{{ ansible_host }}"
    username: admin
    password: "{{ influxdb_admin_password }}"
    baseline: "{{ influxdb_before.fingerprint }}"
  delegate_to: localhost
  register: influxdb_after
  failed_when: influxdb_after.difference_count | default(1) > 0
"""

RETURN = r"""
fingerprint:
  description: What was found, to be kept as JSON and given back as O(baseline).
  returned: success
  type: dict
  contains:
    schema:
      description: Version of this form.
      type: int
      sample: 1
    level:
      description: The level.
      type: str
    until:
      description: Times before this one were counted, RFC3339, UTC, to the nanosecond.
      type: str
    taken_at:
      description: When it was taken, RFC3339, by the clock of the host on which the module ran.
      type: str
    metadata:
      description: As RV(dbfleet.upgrade.influxdb_info#module:metadata), without C(_internal).
      type: dict
    buckets:
      description:
        - The counted shard groups with database, policy, start, end, expiry (null for never) and counts.
        - counts has the number of values per measurement and field, without zeros.
      type: list
      elements: dict
    series:
      description: Number of series per database and measurement; empty unless the level is V(series).
      type: dict
    totals:
      description:
        - Numbers of databases, policies, users, continuous_queries and subscriptions. What the level does not count is not in it.
        - V(points) adds measurements, values (the sum of all counts), buckets (shard groups that there are) and covered (those counted).
        - V(series) adds measurements, series, buckets (databases that there are) and covered (those counted).
      type: dict
    digest:
      description: SHA-256 of all of it but taken_at and totals. Equal digests are equal data; different ones may be so only by new data.
      type: str
differences:
  description: What is missing or different, a sentence each, the first O(max_differences).
  returned: success
  type: list
  elements: str
  sample:
    - >-
      Database "metrics", policy "keep", measurement "cpu", field "value", from 2020-07-13T00:00:00Z to 2020-07-20T00:00:00Z:
      204 values before, 203 after
difference_count:
  description: Number of all differences.
  returned: success
  type: int
additions:
  description: Databases, policies, users and the like that there were not before. People go on working; these are no differences.
  returned: success
  type: list
  elements: str
  sample: ['Database "weather"']
equal:
  description: Whether there is no difference; null without O(baseline).
  returned: success
  type: bool
expired_buckets:
  description: Number of shard groups of O(baseline) that have expired since and were not compared.
  returned: success
  type: int
seconds:
  description: How long it took.
  returned: success
  type: float
reason:
  description: Why the server could not be asked (V(credentials), V(tls), V(library), V(unreachable) or V(server)).
  returned: failure
  type: str
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_client import ARGUMENTS, connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_fingerprint import LEVELS, fingerprint


def main():
    # type: () -> None
    arguments = {
        "level": {"type": "str", "choices": list(LEVELS), "default": "points"},
        "row_budget": {"type": "int", "default": 50000},
        "until": {"type": "str", "default": ""},
        "baseline": {"type": "dict"},
        "max_differences": {"type": "int", "default": 20},
    }
    module = AnsibleModule(argument_spec=dict(ARGUMENTS, **arguments), supports_check_mode=True)
    run(module, lambda: fingerprint(module.params, connect(module.params), time.time))


if __name__ == "__main__":
    main()
