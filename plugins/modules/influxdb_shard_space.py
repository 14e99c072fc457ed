#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_shard_space
short_description: Create, change or remove a shard space of InfluxDB 0.8
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - A shard space says for how long the series whose names match a regular expression are kept, and in shards of what duration.
  - The space that was created last is evaluated first. So create the least specific one (C(/.*/)) first.
  - Create the spaces before the data of 0.7 is migrated. Points go to the space that matches at that moment; where none does, the server
    creates a space C(default) for everything, which comes before all others.
  - What would be taken and done otherwise is refused before anything is sent, and the effect of a change is read back.
  - Many databases cost little more time than one, as the server is asked once for all of them.
extends_documentation_fragment:
  - dbfleet.upgrade.influxdb_legacy
attributes:
  check_mode:
    support: full
    description: Reads and compares, and refuses what would be refused.
  diff_mode:
    support: full
    description: The space before and after.
options:
  state:
    description:
      - V(present) creates the space, or changes those of its values that are given and differ. Needs 0.8.2 for a change, which does not
        touch the order.
      - V(absent) removes it. B(That destroys its shards), see O(force).
    type: str
    choices: [present, absent]
    default: present
  database:
    description: The databases, which have to exist. The space is the same in each.
    type: list
    elements: str
    required: true
  name:
    description: Name of the space.
    type: str
    required: true
  regex:
    description:
      - Regular expression of Go (RE2), written as C(/text/), C(/text/i) or C(text). It is searched for anywhere in the name of a series.
      - Needed for a new space.
    type: str
  retention_policy:
    description:
      - How long data is kept, C(inf) for ever. A number with one of the units u, ms, s, m, h, d, w and y (365 days).
      - Older data that is migrated into the space is removed some minutes later.
      - V(inf) for a new space if not given.
    type: str
    aliases: [retentionPolicy]
  shard_duration:
    description:
      - The time that one shard spans, with the same units. A change counts for new shards.
      - V(7d) for a new space if not given.
    type: str
    aliases: [shardDuration]
  replication_factor:
    description:
      - Number of servers that hold each shard. A change counts for new shards.
      - V(1) for a new space if not given.
    type: int
    aliases: [replicationFactor]
  split:
    description:
      - Number of shards for each span of time.
      - V(1) for a new space if not given.
    type: int
  force:
    description: Remove a space even if it holds shards. Their data is destroyed.
    type: bool
    default: false
seealso:
  - module: dbfleet.upgrade.influxdb_shard_space_info
  - module: dbfleet.upgrade.influxdb_migrate_data
notes:
  - A removal is never sent for a name that the server does not show, as 0.8 falls over it, and again with every start.
"""

EXAMPLES = r"""
- name: Create the spaces that 0.7 had built in, the least specific first
  dbfleet.upgrade.influxdb_shard_space:
    username: root
    password: "{{ influxdb_root_password }}"
    database: metrics
    name: "{{ item.name }}"
    regex: "{{ item.regex }}"
    shard_duration: "{{ item.shard_duration }}"
  loop:
    - {name: short_term, regex: "/.*/", shard_duration: 7d}
    - {name: long_term, regex: "/^[A-Z].*/", shard_duration: 30d}
  loop_control:
    label: "{{ item.name }}"

- name: Keep what is measured for 90 days in three databases
  dbfleet.upgrade.influxdb_shard_space:
    username: root
    password: "{{ influxdb_root_password }}"
    database: [north, south, west]
    name: measured
    regex: /^measured/
    retention_policy: 90d

- name: Remove a space with all its data
  dbfleet.upgrade.influxdb_shard_space:
    username: root
    password: "{{ influxdb_root_password }}"
    database: metrics
    name: scratch
    state: absent
    force: true
"""

RETURN = r"""
before:
  description: The spaces before, by database. There is none of a database that had none.
  returned: success
  type: list
  elements: dict
  sample: []
spaces:
  description: The spaces afterwards, by database, as the server shows them; in check mode as they would be.
  returned: success
  type: list
  elements: dict
  sample:
    - name: long_term
      database: metrics
      regex: /^[A-Z].*/
      retention_policy: inf
      shard_duration: 30d
      replication_factor: 1
      split: 1
reason:
  description:
    - V(regex), V(duration), V(replication-factor), V(split) or V(name), a value that the server would misread or refuse.
    - V(database), there is no such database; V(exists), somebody else created the space meanwhile.
    - V(data), a space to be removed holds shards; their number is returned as C(shards).
    - V(no-effect), the server took the change and does not show it.
    - V(release), the release has no shard spaces or cannot change one; V(credentials), V(tls), V(unreachable) or V(server).
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import ARGUMENTS
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_connection import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_space import VALUES, ShardSpace

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

OPTIONS = dict(
    ARGUMENTS,
    state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    database={"type": "list", "elements": "str", "required": True},
    name={"type": "str", "required": True},
    regex={"type": "str"},
    retention_policy={"type": "str", "aliases": ["retentionPolicy"]},
    shard_duration={"type": "str", "aliases": ["shardDuration"]},
    replication_factor={"type": "int", "aliases": ["replicationFactor"]},
    split={"type": "int"},
    force={"type": "bool", "default": False}
)


def change(params, check_mode):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    space = ShardSpace(connect(params), params["database"], params["name"])
    if params["state"] == "absent":
        return space.absent(params["force"], check_mode)
    return space.present({name: params[name] for name in VALUES if params[name] is not None}, check_mode)


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    run(module, lambda: change(module.params, module.check_mode))


if __name__ == "__main__":
    main()
