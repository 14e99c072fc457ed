#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_backup
short_description: Back up an InfluxDB server and prove that the backup is whole
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Runs C(influxd backup) on the node of a running server of a release from 0.10 to 1.x, and then opens everything that it wrote.
  - A backup is proved when its metadata can be read and knows every database and shard that it should, every archive is whole to its last
    byte, and no expected shard is missing. A file F(verified.json) with the digests of all files is then written, last of all.
  - Where that file is and fits, nothing is done. What an interrupted run of this module left, which it knows by the file F(unfinished), is
    removed and a new backup taken. Where a file has changed since the backup was proved, or O(dest) holds anything else, the module fails;
    it never replaces a proved backup, nor one that was taken otherwise.
  - Needs root. The user of the service needs no access to O(dest).
attributes:
  check_mode:
    support: full
    description: Reads what is there and predicts whether a backup would be taken. Runs no program and writes nothing.
options:
  kind:
    description:
      - V(metadata) has the metastore only, that is databases, policies, users, grants and continuous queries. A step from 0.10 or 0.11
        needs it.
      - V(portable) has metastore and data in the form that 1.5 and later can read back into a running server. Only from 1.5. Note that
        such a restore leaves out users, grants and continuous queries.
      - V(legacy) has metastore and data of O(databases) in the form of all releases.
      - V(none) does nothing.
      - Shards in the formats b1 and bz1 are in no backup; 0.10 writes empty files for them, and the module fails.
    type: str
    choices: [metadata, portable, legacy, none]
    required: true
  dest:
    description:
      - Folder of this backup alone. It is made with the permissions 0700 where it does not exist.
      - Required unless O(kind=none).
    type: path
  program:
    description: The influxd to run. It has to be of the release that runs, as 1.5 and later cannot ask an older server, nor the reverse.
    type: path
    default: /usr/bin/influxd
  host:
    description: Address and port of the server's backup service (C(bind-address) at the top of its configuration).
    type: str
    default: 127.0.0.1:8088
  databases:
    description:
      - Databases that the metadata has to know.
      - With O(kind=legacy), also those to back up.
    type: list
    elements: str
    default: []
  shards:
    description:
      - The shards that the server shows and that the backup has to hold (V(metadata) has to know), as C(database), C(policy), C(id) and
        C(expiry) of RV(dbfleet.upgrade.influxdb_info#module:shards). Further keys are ignored.
      - Those of C(_internal) and those that have expired are passed over.
    type: list
    elements: dict
    default: []
  data_dir:
    description:
      - Data folder of the server. The server makes shards ahead of time; one that has no folder there yet is in no backup, and is then no
        failure. Without it, every one of O(shards) has to be there.
    type: path
  timeout:
    description: Seconds for each run of influxd, after which it is ended.
    type: int
    default: 3600
  verify_only:
    description: Only open the backup in O(dest) and check it. Writes nothing, not even F(verified.json).
    type: bool
    default: false
seealso:
  - module: dbfleet.upgrade.influxdb_info
  - module: dbfleet.upgrade.influxdb_shard_info
"""

EXAMPLES = r"""
- name: Ask what the backup has to hold
  dbfleet.upgrade.influxdb_info:
    host: "{{ ansible_host }}"
    gather: [version, metadata, shards]
  delegate_to: localhost
  register: influxdb_seen

- name: Back up everything
  dbfleet.upgrade.influxdb_backup:
    kind: legacy
    dest: /var/lib/dbfleet/backup/influxdb-1.3.9-1.4.3/influxd
    data_dir: /var/lib/influxdb/data
    databases: "{{ influxdb_seen.metadata.databases | map(attribute='name') | difference(['_internal']) }}"
    shards: "{{ influxdb_seen.shards }}"

- name: See whether a backup of last year can still be read
  dbfleet.upgrade.influxdb_backup:
    kind: portable
    dest: /srv/backup/2025
    verify_only: true
"""

RETURN = r"""
kind:
  description: Kind of backup.
  returned: success
  type: str
path:
  description: Its folder.
  returned: success
  type: str
files:
  description: Number of files, without F(verified.json).
  returned: success
  type: int
bytes:
  description: Size of all files.
  returned: success
  type: int
shards:
  description: Number of shards whose data it has, those of C(_internal) included.
  returned: success
  type: int
absent:
  description: Numbers of the expected shards that have no folder yet, and are not in the backup.
  returned: success
  type: list
  elements: int
empty:
  description:
    - Numbers of the shards whose archive is whole and has no file in it. That is right for a shard all of whose points were deleted, and
      wrong for one with points; compare it with a fingerprint.
  returned: success
  type: list
  elements: int
taken_at:
  description: When it was taken, in seconds since 1970; null if that is not known. A backup of an earlier run lacks what was written since.
  returned: success
  type: int
verified:
  description: Whether it has been proved. False with O(kind=none), and where check mode predicts a backup.
  returned: success
  type: bool
seconds:
  description: How long it took.
  returned: success
  type: float
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_backup import KINDS, backup

ARGUMENTS = {
    "kind": {"type": "str", "choices": list(KINDS), "required": True},
    "dest": {"type": "path"},
    "program": {"type": "path", "default": "/usr/bin/influxd"},
    "host": {"type": "str", "default": "127.0.0.1:8088"},
    "databases": {"type": "list", "elements": "str", "default": []},
    "shards": {"type": "list", "elements": "dict", "default": []},
    "data_dir": {"type": "path"},
    "timeout": {"type": "int", "default": 3600},
    "verify_only": {"type": "bool", "default": False},
}


def main():
    # type: () -> None
    needs_dest = [("kind", kind, ["dest"]) for kind in KINDS if kind != "none"]
    module = AnsibleModule(argument_spec=ARGUMENTS, required_if=needs_dest, supports_check_mode=True)
    run(module, lambda: backup(module.params, run_command, time.time, module.check_mode))


if __name__ == "__main__":
    main()
