#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_metastore_backup
short_description: Back up the metastore of InfluxDB 0.10 or 0.11 and prove that nothing is missing
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Runs C(influxd backup) of the installed release on the node, against the running server, into a new folder below O(dest) for each
    attempt.
  - The backup is proved when it can be read to its last byte; when it holds every database, policy, user, grant, continuous query and
    subscription of O(expect) and no other; when it knows every shard of O(shards) and every shard that lies on disk; and when F(raft.db),
    the metastore of 0.10 and 0.11, is the same before and after. A restored backup that lacks a shard does worse than lose it, as the new
    release gives its number to another.
  - Where F(raft.db) changed meanwhile, the backup is taken again. A backup that could not be proved is removed. A file F(verified.json)
    in O(dest) names the one that was.
  - A proved backup is used again as long as F(raft.db) is still the same. It then holds everything, whenever it was taken.
  - Needs root. The user of the service needs no access to O(dest).
attributes:
  check_mode:
    support: full
    description: Reads what is there and predicts whether a backup would be taken. Runs no program and writes nothing.
options:
  dest:
    description: Folder for the backups, made with the permissions 0700 where it does not exist.
    type: path
    required: true
  expect:
    description: What the server shows, as RV(dbfleet.upgrade.influxdb_info#module:metadata), of just before.
    type: dict
    required: true
  shards:
    description:
      - The shards that the server shows, as RV(dbfleet.upgrade.influxdb_info#module:shards), of just before.
      - Those of C(_internal) and those that have expired are passed over, as the server removes them at any time.
    type: list
    elements: dict
    required: true
  meta_dir:
    description: Folder of the metastore (C(dir) in C([meta])).
    type: path
    default: /var/lib/influxdb/meta
  data_dir:
    description: Folder of the data (C(dir) in C([data])), in which shards are looked for. C(_internal) is passed over.
    type: path
    default: /var/lib/influxdb/data
  wal_dir:
    description: Folder of the write-ahead log (C(wal-dir) in C([data])), in which shards are looked for too. It need not exist.
    type: path
    default: /var/lib/influxdb/wal
  program:
    description: The influxd to run, of the release that runs.
    type: path
    default: /usr/bin/influxd
  host:
    description: Address and port of the server's backup service (C(bind-address) at the top of its configuration).
    type: str
    default: 127.0.0.1:8088
  attempts:
    description: How many backups to take at most.
    type: int
    default: 3
  timeout:
    description: Seconds for each run of influxd, after which it is ended.
    type: int
    default: 300
seealso:
  - module: dbfleet.upgrade.influxdb_metastore_info
  - module: dbfleet.upgrade.influxdb_metastore_restore
"""

EXAMPLES = r"""
- name: Ask what the backup has to hold
  dbfleet.upgrade.influxdb_info:
    host: "{{ ansible_host }}"
    gather: [version, metadata, shards]
  delegate_to: localhost
  register: influxdb_seen

- name: Back up the metastore
  dbfleet.upgrade.influxdb_metastore_backup:
    dest: /var/lib/dbfleet/backup/influxdb-0.11.1-1.4.3/metastore
    expect: "{{ influxdb_seen.metadata }}"
    shards: "{{ influxdb_seen.shards }}"
  register: influxdb_metastore
"""

RETURN = r"""
path:
  description: The proved backup; null where check mode predicts one, as is all that follows but for attempts.
  returned: success
  type: str
  sample: /var/lib/dbfleet/backup/influxdb-0.11.1-1.4.3/metastore/attempt-1/meta.00
sha256:
  description: Its SHA-256, in hexadecimal.
  returned: success
  type: str
raft_sha256:
  description: The SHA-256 of F(raft.db) before and after. As long as F(raft.db) has it, the backup holds everything.
  returned: success
  type: str
taken_at:
  description: When it was taken, in seconds since 1970.
  returned: success
  type: int
attempts:
  description: How many backups were taken for it; 0 where check mode predicts one.
  returned: success
  type: int
counts:
  description: How much of each it holds, C(_internal) included.
  returned: success
  type: dict
  sample: {databases: 4, retention_policies: 7, continuous_queries: 1, subscriptions: 1, shards: 21, users: 4}
differences:
  description: What the backup lacks, has too much or has otherwise than the server shows, as sentences.
  returned: failure, where the backup is not the metadata of this server
  type: list
  elements: str
on_disk:
  description: The databases with their policies, as the names of folders tell.
  returned: failure, where there is no F(raft.db)
  type: dict
  sample: {metrics: [default, one_week]}
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore_backup import backup

ARGUMENTS = {
    "dest": {"type": "path", "required": True},
    "expect": {"type": "dict", "required": True},
    "shards": {"type": "list", "elements": "dict", "required": True},
    "meta_dir": {"type": "path", "default": "/var/lib/influxdb/meta"},
    "data_dir": {"type": "path", "default": "/var/lib/influxdb/data"},
    "wal_dir": {"type": "path", "default": "/var/lib/influxdb/wal"},
    "program": {"type": "path", "default": "/usr/bin/influxd"},
    "host": {"type": "str", "default": "127.0.0.1:8088"},
    "attempts": {"type": "int", "default": 3},
    "timeout": {"type": "int", "default": 300},
}


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    run(module, lambda: backup(module.params, run_command, time.time, module.check_mode))


if __name__ == "__main__":
    main()
