#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_metastore_info
short_description: Show what the metastore of InfluxDB holds, from a file
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Reads a backup of the metastore of a release from 0.10 to 1.x, or the F(meta.db) of 0.12 and later. No server is asked.
  - The file is read to its last byte. One that is cut off or damaged, or that holds what no server writes (two shards of one number, for
    example), is a failure. A changed letter in a name is nothing that can be seen here; for a backup, see
    M(dbfleet.upgrade.influxdb_metastore_backup).
  - Hashes of passwords are not returned.
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
options:
  path:
    description: The file. It is taken for a F(meta.db) if its name begins like that, and for a backup F(meta.NN) otherwise.
    type: path
    required: true
seealso:
  - module: dbfleet.upgrade.influxdb_info
  - module: dbfleet.upgrade.influxdb_metastore_backup
"""

EXAMPLES = r"""
- name: See what a backup holds
  dbfleet.upgrade.influxdb_metastore_info:
    path: /var/lib/dbfleet/backup/influxdb-0.11.1-1.4.3/metastore/attempt-1/meta.00
  register: influxdb_metastore

- name: Name the users without a password
  ansible.builtin.debug:
    msg: "{{ influxdb_metastore.users | rejectattr('has_password') | map(attribute='name') }}"
"""

RETURN = r"""
databases:
  description: The databases by name, C(_internal) among them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the database.
      type: str
    default_policy:
      description: Name of its default retention policy, empty for none.
      type: str
    retention_policies:
      description: Its retention policies by name.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the policy.
          type: str
        duration_ns:
          description: How long data is kept, in nanoseconds; 0 for ever.
          type: int
        shard_group_duration_ns:
          description: Span of a shard group in nanoseconds.
          type: int
        replica_n:
          description: Number of replicas.
          type: int
        shard_groups:
          description: The shard groups by number.
          type: list
          elements: dict
          contains:
            id:
              description: Its number.
              type: int
            start_ns:
              description: First time, in nanoseconds since 1970.
              type: int
            end_ns:
              description: First time after it, in nanoseconds since 1970.
              type: int
            deleted_ns:
              description: When it was deleted, in nanoseconds since 1970; null if it was not. Its files may lie on disk for a while.
              type: int
            truncated_ns:
              description: When it was cut off to change a cluster, in nanoseconds since 1970; null if it was not.
              type: int
            shards:
              description: Numbers of its shards.
              type: list
              elements: int
        subscriptions:
          description: Name, mode and destinations.
          type: list
          elements: dict
          sample: [{name: sub0, mode: ALL, destinations: ["udp://127.0.0.1:9999"]}]
    continuous_queries:
      description: Name and query.
      type: list
      elements: dict
users:
  description: The users by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the user.
      type: str
    admin:
      description: Whether the user has all privileges on the server.
      type: bool
    has_password:
      description: Whether there is a hash of a password.
      type: bool
    grants:
      description: Privilege on each database, in the words of C(SHOW GRANTS).
      type: dict
      sample: {metrics: READ}
max_shard_id:
  description: The highest number that a shard was given so far. The next one gets the number after it.
  returned: success
  type: int
max_shard_group_id:
  description: The highest number that a shard group was given so far.
  returned: success
  type: int
cluster_id:
  description: Number that a metastore gets when it is made and keeps for ever.
  returned: success
  type: int
index:
  description: Number of the last change. It only grows.
  returned: success
  type: int
data_nodes:
  description: Number (C(id)) and addresses (C(host), C(tcp_host)) of the nodes with data. 0.10 and 0.11 name themselves here.
  returned: success
  type: list
  elements: dict
meta_nodes:
  description: The same of the nodes with metadata.
  returned: success
  type: list
  elements: dict
node:
  description: The F(node.json) in a backup. Null for a F(meta.db), and for a server that has none, which is so from 0.12.
  returned: success
  type: dict
  sample: {ID: 1}
counts:
  description: How much there is of each. Shards of deleted groups are not counted.
  returned: success
  type: dict
  sample: {databases: 4, retention_policies: 7, continuous_queries: 1, subscriptions: 1, shards: 21, users: 4}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import local
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import counts, load

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def info(path):
    # type: (str) -> Dict[str, Any]
    """Return the result of the module."""
    found = load(local(path))
    return dict(found, counts=counts(found), changed=False)


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    run(module, lambda: info(module.params["path"]))


if __name__ == "__main__":
    main()
