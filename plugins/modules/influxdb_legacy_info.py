#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_legacy_info
short_description: Show databases, users, shard spaces and shards of an InfluxDB 0.7 or 0.8 server
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Asks a server of release 0.7 or 0.8 over HTTP, and looks into its folders. Only reads.
  - See M(dbfleet.upgrade.influxdb_info) for releases from 0.10 on.
extends_documentation_fragment:
  - dbfleet.upgrade.influxdb_legacy
  - dbfleet.upgrade.influxdb_legacy.storage
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
  diff_mode:
    support: none
    description: Changes nothing.
options:
  gather:
    description:
      - What to ask for. The version is always returned, and needs no credentials.
      - V(metadata) and V(shards) need a cluster administrator's; V(storage) needs none, and the right to read the folders of the server.
    type: list
    elements: str
    choices: [metadata, shards, storage]
    default: [metadata, shards, storage]
seealso:
  - module: dbfleet.upgrade.influxdb_migrate_data
  - module: dbfleet.upgrade.influxdb_shard_space_info
"""

EXAMPLES = r"""
- name: See which release answers
  dbfleet.upgrade.influxdb_legacy_info:
    gather: []
  register: influxdb_seen

- name: Read all there is
  dbfleet.upgrade.influxdb_legacy_info:
    username: root
    password: "{{ influxdb_root_password }}"
  become: true
  register: influxdb_before
"""

RETURN = r"""
version:
  description: Release, from the header of C(/ping).
  returned: success
  type: str
  sample: 0.8.3
version_tuple:
  description: The release as a list of three numbers, for comparisons.
  returned: success
  type: list
  elements: int
  sample: [0, 8, 3]
metadata:
  description: What the cluster has in its raft log. Passwords and their hashes are not shown by the server.
  returned: when O(gather) has V(metadata)
  type: dict
  contains:
    databases:
      description: Names of the databases, sorted.
      type: list
      elements: str
    users:
      description: Names of the users of each database, sorted.
      type: dict
      sample: {metrics: [paul, reader]}
    cluster_admins:
      description: Names of the cluster administrators, sorted.
      type: list
      elements: str
    servers:
      description: Number of servers in the cluster.
      type: int
    shard_spaces:
      description:
        - The shard spaces by database, those of one database in the order in which the server evaluates them; null with 0.7.
        - As RV(dbfleet.upgrade.influxdb_shard_space_info#module:spaces).
      type: list
      elements: dict
shards:
  description: The shards that the cluster knows, by number.
  returned: when O(gather) has V(shards)
  type: list
  elements: dict
  contains:
    id:
      description: Number of the shard.
      type: int
    database:
      description: Its database; null with 0.7, whose shards hold those of all.
      type: str
    space:
      description: Its shard space; with 0.7 V(short_term) or V(long_term).
      type: str
    start:
      description: First time, in seconds since 1970.
      type: int
    end:
      description: First time after it, in seconds since 1970.
      type: int
    servers:
      description: Numbers of the servers that hold it.
      type: list
      elements: int
storage:
  description: What lies in the folders.
  returned: when O(gather) has V(storage)
  type: dict
  contains:
    raft:
      description: Whether there is anything in the folder C(raft), without which the server knows no database.
      type: bool
    old_shards:
      description: The shards of 0.7, by number.
      type: list
      elements: dict
      contains:
        id:
          description: Name of its folder.
          type: str
          sample: "00001"
        path:
          description: Its folder.
          type: str
        bytes:
          description: Size of all its files.
          type: int
        marked:
          description: Whether 0.8 has marked it as migrated. That alone is no proof, see M(dbfleet.upgrade.influxdb_migrate_data).
          type: bool
    new_shards:
      description: The shards of 0.8, by number. The server makes an empty one with the number of every old one.
      type: list
      elements: dict
      contains:
        id:
          description: Name of its folder.
          type: str
        path:
          description: Its folder.
          type: str
        bytes:
          description: Size of all its files.
          type: int
        engine:
          description: The engine that its file C(type) names, V(leveldb) where there is none.
          type: str
    migrating:
      description:
        - Whether the migration runs, as far as O(log_file) and the markers tell; null without such a log.
        - The API does not tell without starting a migration.
      type: bool
reason:
  description:
    - Why the server could not be asked. V(release), it is not of 0.7 or 0.8; V(credentials), V(tls), V(unreachable) or V(server).
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import ARGUMENTS
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_connection import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_info import read_legacy
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_storage import STORAGE_ARGUMENTS

PARTS = ["metadata", "shards", "storage"]
OPTIONS = dict(
    ARGUMENTS, gather={"type": "list", "elements": "str", "choices": PARTS, "default": PARTS}, **STORAGE_ARGUMENTS
)


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    run(module, lambda: read_legacy(connect(module.params), module.params))


if __name__ == "__main__":
    main()
