#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_migrate_data
short_description: Have InfluxDB 0.8 migrate the data of 0.7, and prove that it did
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Starts the migration of one node, or joins the one that runs, and waits for its end. Every node of a cluster migrates its own shards.
  - The server goes on to take writes and questions meanwhile.
  - That the server marks a shard is no proof. It does so even where it could not read or write series, and where it found no raft folder
    and so no database.
  - So the module ends well only if every old shard is marked, the log shows for each of them that it came through a database and has no
    error, and the server says that no migration runs.
  - Where all that is so already, nothing is changed. After an interruption, by whatever, run it again; shards that are marked are passed
    over, and the one that was being migrated is migrated anew, which makes no duplicates.
  - The controller asks again every 20 seconds at the latest, and shows how far it is, in a line for every change. A lost connection is
    tried again for O(reconnect_timeout); the migration goes on meanwhile.
extends_documentation_fragment:
  - dbfleet.upgrade.influxdb_legacy
  - dbfleet.upgrade.influxdb_legacy.storage
attributes:
  check_mode:
    support: full
    description: Says whether there is anything to migrate, and refuses what would be refused. Starts nothing.
  diff_mode:
    support: none
    description: The data is the same before and after.
options:
  pause:
    description:
      - How long the server rests after every 10,000 points, in durations of Go, C(0s) for not at all.
      - The units are ns, us, ms, s, m and h. The C(u) of the vendor's page, which the server refuses, is sent as C(us).
      - Has no effect on a migration that runs already.
    type: str
    default: 100ms
  start:
    description:
      - Whether to start the migration where none runs.
      - With V(false), the module waits for the one that runs, by O(log_file), and fails with the reason V(interrupted) if there is none.
    type: bool
    default: true
  limit:
    description:
      - Seconds to wait for the end. After that the module fails with the reason V(limit), and the migration goes on; run again to join it.
      - With V(0) it is started, or joined, and looked at once.
    type: float
    default: 3600
  interval:
    description: Seconds between two looks.
    type: float
    default: 1.0
  databases:
    description:
      - Databases that 0.7 had, as RV(dbfleet.upgrade.influxdb_legacy_info#module:metadata.databases) showed them.
      - If the server does not know all of them, nothing is started.
    type: list
    elements: str
    default: []
  reconnect_timeout:
    description: Seconds that the controller tries to reach the node again after a lost connection, before it counts as unreachable.
    type: int
    default: 300
seealso:
  - module: dbfleet.upgrade.influxdb_shard_space
    description: Create the shard spaces first.
  - module: dbfleet.upgrade.influxdb_legacy_info
notes:
  - The old data stays where it is, with the marker in each shard. The server opens it, so that its files change, and not what they hold.
  - To ask whether a migration runs is to start one. With all shards marked it passes over them at once, with a line for each in the log.
  - At midnight the server puts its log away, as O(log_file) with C(.001) or the next free number. These files are read too, from a day
    before the first marker on.
"""

EXAMPLES = r"""
- name: Migrate the data of 0.7
  dbfleet.upgrade.influxdb_migrate_data:
    username: root
    password: "{{ influxdb_root_password }}"
    pause: 500ms
    limit: 86400
    databases: "{{ influxdb_before.metadata.databases }}"
  become: true
"""

RETURN = r"""
started:
  description:
    - Whether the migration was started; false where one ran already, null where there was nothing to do and in check mode.
    - That is what the first answer says, so that it may be false where a connection was lost before.
  returned: success
  type: bool
progress:
  description:
    - How far the migration is. On failure too.
    - The log does not tell how many points there are, so that bytes of the old shards are counted.
  returned: success
  type: dict
  contains:
    shards_total:
      description: Number of old shards.
      type: int
    shards_done:
      description: Number of those that are marked.
      type: int
    bytes_total:
      description: Size of the old shards, before the migration.
      type: int
    bytes_before:
      description: Size of those that were marked when the module began.
      type: int
    bytes_done:
      description: Size of those that are marked.
      type: int
    bytes_per_second:
      description: What was migrated in each second since the module began, 0 until a shard is done.
      type: int
    seconds_left:
      description: At this speed; null until a shard is done.
      type: int
    shard:
      description: The shard that the log named last, null when all are done.
      type: str
  sample:
    shards_total: 13
    shards_done: 10
    bytes_total: 8388608
    bytes_before: 0
    bytes_done: 4194304
    bytes_per_second: 65536
    seconds_left: 64
    shard: "00003"
seconds:
  description: From the beginning to the end. Not a part of the state.
  returned: success
  type: float
lines:
  description: The errors in the log.
  returned: with the reasons V(log-errors) and V(unmarked)
  type: list
  elements: str
unmarked:
  description: The shards that were not migrated.
  returned: with the reason V(unmarked)
  type: list
  elements: str
reason:
  description:
    - V(release), it is not 0.8.0 to 0.8.3; V(raft-missing), the server knows no database or not all of O(databases), or knew none when it
      marked shards; V(log-missing), the log lacks the migration of marked shards, or is not there; V(pause), O(pause) is no duration.
    - V(not-started), the log shows no migration though the server took the request; V(interrupted), the server was started again
      meanwhile, or none runs with O(start=false); V(limit), it is not over yet.
    - V(unmarked), the migration ended and left shards out; V(log-errors), it went through, with errors.
    - V(credentials), V(tls), V(unreachable) or V(server), the server could not be asked.
  returned: failure
  type: str
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_connection import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_migration import OPTIONS, Migration

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def migrate(params, check_mode):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    return Migration(connect(params), params, time.time, time.sleep).ensure(params["limit"], check_mode)


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    run(module, lambda: migrate(module.params, module.check_mode))


if __name__ == "__main__":
    main()
