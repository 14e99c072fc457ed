#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_migrated_shards
short_description: Remove the shards of InfluxDB 0.7 that 0.8 has migrated
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - InfluxDB 0.8 leaves the shards of 0.7 where they are, beside its own, with a file C(MIGRATED) in each. This module tells what they take,
    and removes them on request. Asks nothing of the server, which may run.
  - There is no way back from that but the backup.
  - A marker is no proof that the data was migrated. Compare it first, with M(dbfleet.upgrade.influxdb_legacy_fingerprint); this module does
    not.
  - What it sees is that all shards are marked, the raft folder is not empty, no migration runs, the log has no errors of them as far as it
    goes back, and new shards hold data. Where one of these is not so, nothing at all is removed.
  - Each folder is moved to C(db/shard_db.migrated) first, by one rename, and removed there. Whatever interrupts that, the server never sees
    a shard that is half removed. What was left there is removed by the next run.
extends_documentation_fragment:
  - dbfleet.upgrade.influxdb_legacy.storage
attributes:
  check_mode:
    support: full
    description: Says what would be removed, and refuses what would be refused. Removes nothing.
  diff_mode:
    support: none
    description: RV(shards) and RV(bytes) tell the difference.
  platform:
    support: full
    platforms: posix
    description: Runs on the node, with Python 2.7 or 3.6 and newer, standard library only.
options:
  state:
    description:
      - V(present) looks only, and says in RV(refusal) why they could not be removed.
      - V(absent) removes them.
    type: str
    choices: [absent, present]
    default: present
notes:
  - C(db/shard_db) may be a link; its folders are then moved beside what it points to. A shard that is a link, or a file system of its own,
    is not removed, nor are the others then.
  - On a node of a cluster it may happen that all of its data went to other nodes. This is refused too (V(not-migrated)), as it looks like
    data that is lost.
seealso:
  - module: dbfleet.upgrade.influxdb_migrate_data
  - module: dbfleet.upgrade.influxdb_legacy_fingerprint
    description: Prove first that the data is the same.
"""

EXAMPLES = r"""
- name: See how much room the shards of 0.7 take
  dbfleet.upgrade.influxdb_migrated_shards:
  become: true
  register: influxdb_old

- name: Remove them, once the data was compared
  dbfleet.upgrade.influxdb_migrated_shards:
    state: absent
  become: true
  when: influxdb_compared is success
"""

RETURN = r"""
shards:
  description:
    - The shards that are marked, or were half removed before. With O(state=absent) those that are removed now.
    - On failure with the reason V(not-removed) too.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Name of its folder.
      type: str
      sample: "00001"
    bytes:
      description: Size of all its files, before it was removed.
      type: int
bytes:
  description: What these shards take, which their removal frees or has freed.
  returned: success
  type: int
  sample: 8388608
removed:
  description:
    - Names of the shards that were removed; none with O(state=present) and in check mode.
    - With the reason V(not-removed), those that were removed before it failed.
  returned: success
  type: list
  elements: str
  sample: ["00001", "00002"]
refusal:
  description: Why nothing could be removed, with what to do; null where all can be.
  returned: with O(state=present)
  type: str
unmarked:
  description: The shards that are not migrated.
  returned: with the reason V(unmarked)
  type: list
  elements: str
reason:
  description:
    - V(raft-missing), there is nothing in the folder C(raft); V(migrating), a migration runs, as far as O(log_file) and the markers tell;
      V(unmarked), shards are not migrated, or there are folders that are no shards.
    - V(not-migrated), the log has errors of shards that are marked, or no new shard holds data though old ones do.
    - V(place), a folder is a link or a file system of its own.
    - V(not-removed), the removal failed. It can be run again.
    - With O(state=present), which does not fail for it, null where there is none.
  returned: failure, and with O(state=present)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_storage import STORAGE_ARGUMENTS
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_migrated_shards import MigratedShards

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

OPTIONS = dict(STORAGE_ARGUMENTS, state={"type": "str", "choices": ["absent", "present"], "default": "present"})


def manage(params, check_mode):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    shards = MigratedShards(params["data_dir"], params["log_file"])
    return shards.remove(check_mode) if params["state"] == "absent" else shards.look()


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    run(module, lambda: manage(module.params, module.check_mode))


if __name__ == "__main__":
    main()
