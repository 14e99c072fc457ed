#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_shard_info
short_description: Show what lies in the folders of an InfluxDB server
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Walks once through the folders of an InfluxDB server of a release from 0.10 to 1.x, on the node itself, and returns its shards with
    formats and sizes, who owns the files, and the free space.
  - The server may be running or not, and is not asked. Files that it removes during the walk are passed over.
  - Only reads. Needs root, or the user of the service.
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
options:
  meta_dir:
    description: Folder of the metastore (C(dir) in C([meta])).
    type: path
    default: /var/lib/influxdb/meta
  data_dir:
    description: Folder of the data (C(dir) in C([data])).
    type: path
    default: /var/lib/influxdb/data
  wal_dir:
    description: Folder of the write-ahead log (C(wal-dir) in C([data])).
    type: path
    default: /var/lib/influxdb/wal
  state_dir:
    description: Folder for copies and backups, of which only the free space is looked at. It need not exist.
    type: path
    default: /var/lib/dbfleet
  user:
    description: User that everything in the three folders should belong to. Without it, and without O(group), owners are not compared.
    type: str
  group:
    description: Group that everything in the three folders should belong to. Without it, groups are not compared.
    type: str
"""

EXAMPLES = r"""
- name: Look for shards that newer releases cannot read
  dbfleet.upgrade.influxdb_shard_info:
    user: influxdb
  register: influxdb_shards

- name: Stop where there are any
  ansible.builtin.assert:
    that: influxdb_shards.b1 | length == 0
"""

RETURN = r"""
shards:
  description: The shards by number, those of C(_internal) among them.
  returned: success
  type: list
  elements: dict
  contains:
    database:
      description: Its database.
      type: str
    policy:
      description: Its retention policy.
      type: str
    id:
      description: Its number.
      type: int
    path:
      description: Its folder, or in the formats b1 and bz1 its file.
      type: str
    format:
      description:
        - V(tsm1), a folder; V(wal_only), a folder of the format tsm1 without a single tsm file, whose data is in the write-ahead log.
        - V(b1) and V(bz1), a file in a format that releases from 0.11 cannot read; V(unknown), a file in none of these.
      type: str
    index:
      description: V(tsi1) where the index lies in a folder beside the data, V(inmem) where it does not, null for files.
      type: str
    bytes:
      description: Size in the data folder.
      type: int
    wal_bytes:
      description: Size in the write-ahead log.
      type: int
formats:
  description: Number of shards in each format.
  returned: success
  type: dict
  sample: {tsm1: 12, wal_only: 1, b1: 0, bz1: 0, unknown: 0}
b1:
  description: Paths of the shards in the formats b1 and bz1.
  returned: success
  type: list
  elements: str
tsi1:
  description: Paths of the shards with a tsi1 index.
  returned: success
  type: list
  elements: str
others:
  description: Paths of what lies where shards belong and is none, such as the C(NUMBER.tsm) that an interrupted influx_tsm leaves.
  returned: success
  type: list
  elements: str
data_bytes:
  description: Size of all files in O(data_dir), without the sparse series files C(_series) of 1.5 and later, which no backup holds.
  returned: success
  type: int
wal_bytes:
  description: Size of all files in O(wal_dir).
  returned: success
  type: int
meta_bytes:
  description: Size of all files in O(meta_dir).
  returned: success
  type: int
owners:
  description: Who owns each of the folders V(meta), V(data) and V(wal).
  returned: success
  type: dict
  contains:
    path:
      description: The folder.
      type: str
    exists:
      description: Whether it exists. What follows is null where it does not, and foreign is 0.
      type: bool
    user:
      description: Its owner, as a number where there is no name.
      type: str
    group:
      description: Its group, as a number where there is no name.
      type: str
    mode:
      description: Its permissions.
      type: str
      sample: "0755"
    foreign:
      description: How many files and folders do not belong to O(user) and O(group); null if neither is given.
      type: int
    first_foreign:
      description: One of them, null if there is none.
      type: str
disk:
  description: Free and total bytes, and the number of the device, for each of the three folders and for O(state_dir), by path.
  returned: success
  type: dict
  sample: {/var/lib/influxdb/data: {free: 1000000000, total: 2000000000, device: 2049}}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import survey


def main():
    # type: () -> None
    arguments = {
        "meta_dir": {"type": "path", "default": "/var/lib/influxdb/meta"},
        "data_dir": {"type": "path", "default": "/var/lib/influxdb/data"},
        "wal_dir": {"type": "path", "default": "/var/lib/influxdb/wal"},
        "state_dir": {"type": "path", "default": "/var/lib/dbfleet"},
        "user": {"type": "str"},
        "group": {"type": "str"},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    run(module, lambda: survey(module.params))


if __name__ == "__main__":
    main()
