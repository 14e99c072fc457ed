#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_legacy_fingerprint
short_description: Record what the data of an InfluxDB 0.7 or 0.8 server looks like, and compare it later
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Records databases, users, cluster administrators and continuous queries, and counts the values of each column of each series in
    buckets of time. With O(baseline), counts exactly the same again and says what is missing.
  - Meant to be taken from 0.7 before the upgrade, and compared on 0.8 after the migration, which keeps points, their times and their
    sequence numbers.
  - Counts only times before the moment of the first fingerprint, and takes fewer values for a loss, never more. Whoever writes meanwhile
    gives no false alarm, not even with late points.
  - Values that are null are not counted, as the server cannot count rows. A lost row is a lost value of each column that it had.
  - What 0.8 has not migrated, it does not know. That is a loss here, and no failure. Whatever else the server does not answer is a failure.
  - The module does not fail where it finds differences; it returns them, and the play decides.
  - What it does not see are values that changed while their number stayed the same, passwords, and the rights of users.
  - See M(dbfleet.upgrade.influxdb_fingerprint) for releases from 0.10 on.
extends_documentation_fragment:
  - dbfleet.upgrade.influxdb_legacy
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
  diff_mode:
    support: none
    description: Changes nothing.
options:
  level:
    description:
      - V(metadata) compares databases, users, cluster administrators and continuous queries, by their names or texts.
      - V(points) compares these and the number of values of each column of each series in each bucket. It reads all data once.
      - With O(baseline), its level is used.
    type: str
    choices: [metadata, points]
    default: points
  bucket:
    description:
      - Length of a bucket of time, C(1h) or more, as a number with one of the units s, m, h, d, w, y. The shorter, the more questions.
      - Where shards are of this length, as those of 0.7 are by default, each is asked once for each column.
      - With O(baseline), its buckets are used.
    type: str
    default: 7d
  row_budget:
    description:
      - How many counts are recorded at most, one for each column of a series in a bucket. It bounds memory, and the size of the result, at
        about 100 bytes each.
      - Buckets are counted newest and oldest alternately. Those for which the budget does not last are not counted, and RV(fingerprint)
        tells in C(totals.covered) and C(totals.buckets) how many of how many were.
      - With O(baseline), what it holds is counted again.
    type: int
    default: 50000
  until:
    description:
      - Count only times before this one, RFC3339. Empty for the present time of the host on which the module runs.
      - With O(baseline), its time is used.
    type: str
    default: ""
  since:
    description:
      - Count only times from this one on, RFC3339. Empty for no limit; times before 1970 are counted then, too.
      - Taken before a way back, with the time at which the new release began to serve, it shows which writes are lost by that.
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
seealso:
  - module: dbfleet.upgrade.influxdb_migrate_data
  - module: dbfleet.upgrade.influxdb_legacy_info
notes:
  - Counts what the server answers, and so, in a cluster, what all its servers hold.
  - Columns with a dot, a quote or a backslash in their names cannot be asked for. Their values are counted by reading all rows of their
    series, those of one bucket at a time.
  - Columns are found by a row of each shard. One that only other shards of the same time have, where O(baseline) was taken from
    series that are split or in several servers, is not counted.
  - A database with a slash in its name cannot be asked for anything; the module fails with the reason V(name).
  - Counting holds up the server as any large query does. If one question takes longer than O(timeout), raise that.
"""

EXAMPLES = r"""
- name: Record the data of 0.7
  dbfleet.upgrade.influxdb_legacy_fingerprint:
    username: root
    password: "{{ influxdb_root_password }}"
  register: influxdb_before

- name: Compare it after the migration
  dbfleet.upgrade.influxdb_legacy_fingerprint:
    username: root
    password: "{{ influxdb_root_password }}"
    baseline: "{{ influxdb_before.fingerprint }}"
  register: influxdb_after
  failed_when: influxdb_after.difference_count | default(1) > 0

- name: See which writes a way back would lose
  dbfleet.upgrade.influxdb_legacy_fingerprint:
    username: root
    password: "{{ influxdb_root_password }}"
    since: "{{ influxdb_before.fingerprint.until }}"
  register: influxdb_written
"""

RETURN = r"""
fingerprint:
  description:
    - What was found, to be kept as JSON and given back as O(baseline).
    - The comparison needs C(content) alone. All else is for people, and Ansible blanks out the password in it.
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
    bucket:
      description: The length of a bucket, as it was given.
      type: str
    since:
      description: Times from this one on were counted, RFC3339, UTC; empty for no limit.
      type: str
    until:
      description: Times before this one were counted, RFC3339, UTC, to the microsecond.
      type: str
    taken_at:
      description: When it was taken, RFC3339, by the clock of the host on which the module ran.
      type: str
    metadata:
      description:
        - The keys databases and cluster_admins have names, sorted.
        - The keys users and continuous_queries have, by database, names and texts, sorted.
      type: dict
    rows:
      description:
        - Number of rows per database and series. Where columns are null in some rows, it may be too low, because it is the largest number
          of values of a column, for each bucket.
        - Empty with the level V(metadata).
      type: dict
      sample: {metrics: {cpu: 26000}}
    totals:
      description:
        - Numbers of databases, cluster_admins, users and continuous_queries.
        - V(points) adds series, rows, values (the sum of all counts), buckets (those that there are, each database's by itself) and
          covered (those counted).
      type: dict
    digest:
      description: SHA-256 of what is in content. Equal digests are equal data; different ones may be so only by new data.
      type: str
    content:
      description:
        - All that is compared, as compressed JSON, in one of two alphabets that have no letter in common. Ansible would find a password in
          one of them at most, and the other one is used then. So user C(root) with password C(root) does no harm.
      type: str
differences:
  description:
    - What is missing, a sentence each, the first O(max_differences). Ansible blanks out the password in them.
    - One for a whole series that is gone, else one for each column and bucket that has fewer values.
  returned: success
  type: list
  elements: str
  sample:
    - 'Database "test", series "disk": 400 rows before, none after'
    - >-
      Database "test", series "cpu", column "value", times from 2014-05-29T00:00:00Z and before 2014-06-05T00:00:00Z:
      2000 values before, 1999 after
difference_count:
  description: Number of all differences.
  returned: success
  type: int
additions:
  description: Databases, users and the like that there were not before. People go on working; these are no differences.
  returned: success
  type: list
  elements: str
  sample: ['Database "weather"']
equal:
  description: Whether there is no difference; null without O(baseline).
  returned: success
  type: bool
seconds:
  description: How long it took.
  returned: success
  type: float
reason:
  description:
    - Why the server could not be asked (V(credentials), V(tls), V(unreachable), V(release), V(name) or V(server)), or V(duration) for a
      wrong O(bucket).
    - V(credentials) also where the password is a part of the words True or False, or of RV(difference_count), so that Ansible would blank
      out the verdict. RV(differences) is returned then, too.
  returned: failure
  type: str
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import ARGUMENTS
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_connection import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_fingerprint import LEVELS, fingerprint

OPTIONS = dict(
    ARGUMENTS,
    level={"type": "str", "choices": list(LEVELS), "default": "points"},
    bucket={"type": "str", "default": "7d"},
    row_budget={"type": "int", "default": 50000},
    until={"type": "str", "default": ""},
    since={"type": "str", "default": ""},
    baseline={"type": "dict"},
    max_differences={"type": "int", "default": 20},
)


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    run(module, lambda: fingerprint(module.params, connect(module.params), time.time))


if __name__ == "__main__":
    main()
