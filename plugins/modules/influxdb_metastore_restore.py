#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_metastore_restore
short_description: Restore the metastore of InfluxDB 0.10 or 0.11 for a newer release
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Runs C(influxd restore -metadir) of the new release, 0.12 or later, while no server runs. That makes F(meta.db) out of a backup and
    removes F(raft.db), with which newer releases refuse to start.
  - Nothing is changed where influxd runs on O(meta_dir), where the backup is not the proved one, where F(raft.db) has changed since the
    backup was taken, or where there is a F(meta.db) of other origin.
  - The former folder is copied to O(keep) before. When influxd has ended, F(meta.db) is read and has to hold what the backup holds,
    passwords included. Then the whole folder is given to O(owner) and O(group).
  - Where anything of this fails, the former folder is put back with its owners, permissions and times. Where the module itself was killed
    in the middle, the next run puts it back before it begins anew.
  - Where the metastore was restored from this backup before, nothing is done, even if the new release has changed it since.
  - Needs root.
attributes:
  check_mode:
    support: full
    description: Looks for every reason not to begin, and says whether it would restore. Runs no program and writes nothing.
options:
  backup:
    description: Path of the backup, as RV(dbfleet.upgrade.influxdb_metastore_backup#module:path).
    type: path
    required: true
  sha256:
    description: Its SHA-256, as RV(dbfleet.upgrade.influxdb_metastore_backup#module:sha256).
    type: str
    required: true
  raft_sha256:
    description: The SHA-256 of F(raft.db), as RV(dbfleet.upgrade.influxdb_metastore_backup#module:raft_sha256).
    type: str
    required: true
  keep:
    description:
      - Folder for the copy of the former meta folder, on any file system, made with the permissions 0700. Nothing in it is ever replaced; a
        restore of another state of the folder needs another one.
    type: path
    required: true
  owner:
    description: User of the service, by name or number. Everything in O(meta_dir) is given to this user.
    type: str
    required: true
  group:
    description: Group of the service, by name or number.
    type: str
    required: true
  meta_dir:
    description: Folder of the metastore (C(dir) in C([meta])). Its permissions stay as they are.
    type: path
    default: /var/lib/influxdb/meta
  program:
    description: The influxd to run, of the new release.
    type: path
    default: /usr/bin/influxd
  timeout:
    description: Seconds for influxd, after which it is ended and the former folder put back.
    type: int
    default: 300
notes:
  - With Python 2.7 on the node, times are kept to the microsecond.
seealso:
  - module: dbfleet.upgrade.influxdb_metastore_backup
"""

EXAMPLES = r"""
- name: Restore the metastore for the new release, which is installed and not started yet
  dbfleet.upgrade.influxdb_metastore_restore:
    backup: "{{ influxdb_metastore.path }}"
    sha256: "{{ influxdb_metastore.sha256 }}"
    raft_sha256: "{{ influxdb_metastore.raft_sha256 }}"
    keep: /var/lib/dbfleet/backup/influxdb-0.11.1-1.4.3/meta-before
    owner: influxdb
    group: influxdb
"""

RETURN = r"""
path:
  description: The F(meta.db).
  returned: success
  type: str
  sample: /var/lib/influxdb/meta/meta.db
sha256:
  description: Its SHA-256, in hexadecimal; null where check mode predicts a restore. influxd does not always write the same.
  returned: success
  type: str
kept:
  description: Where the copy of the former folder is.
  returned: success
  type: str
counts:
  description: How much of each the backup holds, C(_internal) included.
  returned: success
  type: dict
  sample: {databases: 4, retention_policies: 7, continuous_queries: 1, subscriptions: 1, shards: 21, users: 4}
restored_at:
  description: When it was restored, in seconds since 1970; null where check mode predicts a restore.
  returned: success
  type: int
seconds:
  description: How long it took.
  returned: success
  type: float
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore_restore import restore

ARGUMENTS = {
    "backup": {"type": "path", "required": True},
    "sha256": {"type": "str", "required": True},
    "raft_sha256": {"type": "str", "required": True},
    "keep": {"type": "path", "required": True},
    "owner": {"type": "str", "required": True},
    "group": {"type": "str", "required": True},
    "meta_dir": {"type": "path", "default": "/var/lib/influxdb/meta"},
    "program": {"type": "path", "default": "/usr/bin/influxd"},
    "timeout": {"type": "int", "default": 300},
}


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    run(module, lambda: restore(module.params, run_command, time.time, module.check_mode))


if __name__ == "__main__":
    main()
