#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_shard_space_info
short_description: Show the shard spaces of InfluxDB 0.8 in the order of their evaluation, and what is wrong with them
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Reads the shard spaces of one database or of all, and says which of them no series reaches, which overlap, and which lose old data.
  - Regular expressions of characters, dots and plain classes, with or without an anchor, are compared. Of others it is said that nothing
    can be told.
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
  database:
    description: The database whose spaces to show; those of all if not given.
    type: str
  data_age:
    description:
      - How old the oldest data is that has to stay, such as V(3y). A number with one of the units u, ms, s, m, h, d, w and y.
      - Without it nothing is said of data that expires.
    type: str
seealso:
  - module: dbfleet.upgrade.influxdb_shard_space
"""

EXAMPLES = r"""
- name: Look for what is wrong before the migration
  dbfleet.upgrade.influxdb_shard_space_info:
    username: root
    password: "{{ influxdb_root_password }}"
    data_age: 3y
  register: spaces
  failed_when: spaces.findings | selectattr('severity', 'eq', 'error') | length > 0
"""

RETURN = r"""
spaces:
  description: The shard spaces by database, those of one database in the order in which the server evaluates them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the space.
      type: str
    database:
      description: Its database.
      type: str
    regex:
      description: The regular expression.
      type: str
    retention_policy:
      description: How long data is kept, as the server shows it.
      type: str
    shard_duration:
      description: The time that one shard spans, as the server shows it.
      type: str
    replication_factor:
      description: Number of servers that hold each shard.
      type: int
    split:
      description: Number of shards for each span of time.
      type: int
  sample:
    - name: long_term
      database: metrics
      regex: /^[A-Z].*/
      retention_policy: inf
      shard_duration: 30d
      replication_factor: 1
      split: 1
findings:
  description: What is wrong with them, and what cannot be told.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(unreachable), a space before it matches everything that it matches; V(overlap), some of it.
        - V(unknown), whether it does cannot be told.
        - V(expires), data younger than O(data_age) is removed.
        - V(no-catch-all), the server will create a space C(default), which comes before all others.
      type: str
    severity:
      description: V(error), V(warning) or V(info).
      type: str
    database:
      description: The database.
      type: str
    space:
      description: The space that is concerned; null with V(no-catch-all).
      type: str
    by:
      description: The space that comes before it, null where none is concerned.
      type: str
    text:
      description: The finding in words.
      type: str
  sample:
    - kind: unreachable
      severity: error
      database: metrics
      space: long_term
      by: short_term
      text: >-
        no series ever goes to long_term (/^[A-Z].*/): short_term (/.*/) comes first and matches all that it matches. Create the less
        specific space first
reason:
  description:
    - V(database), there is no such database; V(duration), O(data_age) is none; V(release), the release has no shard spaces.
    - V(credentials), V(tls), V(unreachable) or V(server), the server could not be asked.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import ARGUMENTS
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_connection import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_space import read_spaces

OPTIONS = dict(ARGUMENTS, database={"type": "str"}, data_age={"type": "str"})


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    params = module.params
    run(module, lambda: read_spaces(connect(params), params["database"], params["data_age"]))


if __name__ == "__main__":
    main()
