#!/usr/bin/python

# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: node_swap
short_description: Bring a node from the old release to the new one, or back, as one operation on the node
version_added: 0.1.0
description:
  - Installs the package while the old process still serves, puts files in their place, restarts the service and polls until the new
    release answers. When anything fails, all of it is undone in reverse and the old release is started again.
  - All of this happens in a process of its own on the node. It goes on when the connection is lost or the controller is killed. The next
    call with the same O(id) and O(state) joins it and returns its result.
  - When that process itself is killed, the next call looks at the node and goes on from what is really there. With O(state=restored) it
    goes back from there.
  - Every refusal comes before any change. Copies for the way back are made before the first change and are never overwritten.
  - While the service is away, nothing else is done than stopping it, copying O(keep) and starting it.
  - Works on nodes with Debian packages, and with systemd, upstart or sysv scripts. Needs nothing but Python on the node.
author:
  - dbfleet contributors (@dbfleet)
attributes:
  check_mode:
    description: Predicts RV(ignore:changed) by looking only. Nothing is written on the node.
    support: full
  diff_mode:
    description: Not supported.
    support: none
options:
  state:
    description:
      - V(swapped) brings the node to the new release.
      - V(restored) brings it back to the old one, at any later time, from what was kept.
    type: str
    choices: [swapped, restored]
    default: swapped
  id:
    description:
      - Names this swap, for example V(influxdb-1.3.9-1.4.3). Copies are kept below O(state_dir) in C(backup/ID/swap).
      - A further attempt after a complete way back makes its own copies. Those of the former attempt are kept as C(swap.1) and so on.
    type: str
    required: true
  state_dir:
    description: Folder for copies, the state of the swap (C(swap.json)) and what its programs print (C(swap.log)). Readable by root only.
    type: path
    default: /var/lib/dbfleet
  service:
    description: Name of the service. With O(state=swapped) it has to be running, unless O(serving=false).
    type: str
    required: true
  package:
    description:
      - The new release, as a file on the node. Required with O(state=swapped).
      - It is installed with the user's configuration files kept (dpkg's C(--force-confold)).
    type: dict
    suboptions: &package
      path:
        description: The package file on the node.
        type: path
        required: true
      name:
        description: Name of the package.
        type: str
        required: true
      version:
        description: Version of the package with its iteration, for example V(1.4.3-1).
        type: str
        required: true
      sha256:
        description: SHA-256 of the file. Not compared when it is missing.
        type: str
  rollback_package:
    description: The old release, for the way back. Without it, there is none once the new package is installed.
    type: dict
    suboptions: *package
  files:
    description:
      - Files that are put in place after the installation and before the restart, each in one step.
      - Their former content, owner and mode are kept first. A file that did not exist is removed on the way back.
      - What dpkg leaves beside them (C(.dpkg-dist) and the like) is removed, in both directions. What was there before stays as it was.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: The prepared file on the node.
        type: path
        required: true
      dest:
        description: Its place.
        type: path
        required: true
      owner:
        description: Name or number of the owner. That of the former file when it is missing.
        type: str
      group:
        description: Name or number of the group. That of the former file when it is missing.
        type: str
      mode:
        description: Mode in octal digits, for example V('0640'). That of the former file when it is missing, V('0644') for a new one.
        type: str
  keep:
    description:
      - Files and folders that are copied while the service is stopped, such as the folder of the metadata. Keep them small, for the time
        of copying is downtime. With O(stop_first), files that did not change for two seconds are copied before the stop, and only the
        rest after it.
      - On the way back they are put in place only if the new release never became ready. If it did, what is there holds acknowledged
        changes. Then the old release is tried on it first. Only if it does not come up, the copy is put back, after what was there is
        copied aside, and RV(notes) say so.
      - See O(put_back) for releases whose data the old one does not read.
    type: list
    elements: path
    default: []
  put_back:
    description:
      - V(always), for a release that changes what the old one does not read any more (InfluxDB 0.8), puts the copy of O(keep) back on
        every way back. What was there is renamed, with the ending C(.dbfleet-aside-1) and so on, and RV(notes) say so.
      - A path of O(keep) that did not exist before is renamed likewise. None of them may be a mount point. Needs O(stop_first).
    type: str
    choices: [if_needed, always]
    default: if_needed
  metastore:
    description:
      - For InfluxDB 0.10 and 0.11, whose metastore later releases do not read. After the stop, the new program restores it from a backup,
        as M(dbfleet.upgrade.influxdb_metastore_restore) does; O(metastore.meta_dir) has to be among O(keep).
      - A backup that is out of date is refused before anything is changed, and once more after the stop.
      - On the way back the copy of the folder is always put back, for the old release would start empty on what the new one left. What was
        there is copied aside. Shards that the backup does not know are moved beside their folder (C(.dbfleet-aside)), or their numbers
        would be given twice.
    type: dict
    suboptions:
      meta_dir:
        description: The server's metadata folder.
        type: path
        required: true
      data_dir:
        description: Its data folder.
        type: path
        required: true
      wal_dir:
        description: Its WAL folder.
        type: path
        required: true
      backup:
        description: The proved backup, a meta.NN, alone in its folder. See M(dbfleet.upgrade.influxdb_metastore_backup).
        type: path
        required: true
      sha256:
        description: Its SHA-256.
        type: str
        required: true
      raft_sha256:
        description: The SHA-256 of raft.db at the time of the backup.
        type: str
        required: true
      program:
        description: The server program of the new release, once it is installed.
        type: path
        default: /usr/bin/influxd
      owner:
        description: The user of the service, who is given the metadata folder.
        type: str
        required: true
      group:
        description: The group of the service.
        type: str
        required: true
  shards:
    description:
      - For InfluxDB. Shards in the formats b1 and bz1, which no release from 0.11 on reads, are converted while the service is stopped, as
        M(dbfleet.upgrade.influxdb_convert_shards) does.
      - On the way back the former files are put back, except for shards that were written to since. These stay in the format tsm1, which
        0.10 reads too.
    type: dict
    suboptions:
      data_dir:
        description: The server's data folder.
        type: path
        required: true
      wal_dir:
        description: Its WAL folder.
        type: path
        required: true
      program:
        description: The influx_tsm that converts them. Not needed on the way back.
        type: path
  ready:
    description: How to know that the new release serves.
    type: dict
    required: true
    suboptions: &ready
      url:
        description: URL on the node that is read until it answers with a status of 2xx. Proxies are never used.
        type: str
        required: true
      version:
        description: Version that the answer has to name in O(ready.header). A leading V(v) does not matter. Any version when empty.
        type: str
        default: ""
      header:
        description: The header of the answer that names the version.
        type: str
        default: X-Influxdb-Version
      field:
        description:
          - Where the version stands in a JSON object that is the body of the answer, keys joined by dots, for example V(vendor.version).
            The header does not count then.
        type: str
      certificate:
        description:
          - For https, the file on the node that holds the server's own certificate as its first one. The server has to show this very
            certificate. Nothing else is verified then.
          - Without it, chain and host name are verified as usual.
        type: path
      ca_path:
        description: File with the authorities to trust, for https without O(ready.certificate). Those of the system when it is missing.
        type: path
      timeout:
        description: Seconds to wait at most. A service that fails or crashes again and again is not waited for.
        type: float
        default: 600
  rollback_ready:
    description:
      - The same for the old release. It has to answer so before a swap begins, too.
      - O(ready) without its version when it is missing.
    type: dict
    suboptions: *ready
  rollback:
    description:
      - V(auto) undoes everything when something fails.
      - V(manual) leaves the node as it is then and says where it stands.
    type: str
    choices: [auto, manual]
    default: auto
  stop_first:
    description:
      - Stop the service before the installation, and keep it down until all files are in place, for packages whose own scripts start it
        (InfluxDB 0.7 and 0.8, CouchDB).
      - With systemd, the unit is masked until the next boot at most (C(--runtime)) while the package is installed. If it runs afterwards
        nonetheless, it is stopped, and RV(notes) say so.
    type: bool
    default: false
  serving:
    description:
      - Whether the swap begins on a node that serves. V(false) is for one whose release cannot start, for example because it was installed
        over data that it does not read. Its way back leads to what did not serve before, so O(rollback=manual) suits it.
    type: bool
    default: true
  wait:
    description: Seconds that one call on the node waits for the end. RV(finished) says whether it was reached.
    type: float
    default: 20
  run:
    description:
      - Any text that is the same for calls that belong together. The result of a finished swap is returned again to its own run. For any
        other run, the node is looked at anew.
      - The controller part of this module sets it.
    type: str
  timeout:
    description: Seconds until the controller stops waiting for the end and fails. The swap itself goes on.
    type: int
    default: 3600
  reconnect_timeout:
    description: Seconds that the controller tries to reach the node again after a lost connection, before it counts as unreachable.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: From InfluxDB 1.3.9 to 1.4.3
  dbfleet.upgrade.node_swap:
    id: influxdb-1.3.9-1.4.3
    service: influxdb
    package:
      path: /var/lib/dbfleet/stage/influxdb_1.4.3_amd64.deb
      name: influxdb
      version: 1.4.3-1
      sha256: "{{ influxdb_sha256 }}"
    rollback_package:
      path: /var/lib/dbfleet/stage/influxdb_1.3.9_amd64.deb
      name: influxdb
      version: 1.3.9-1
    files:
      - src: /var/lib/dbfleet/stage/influxdb.conf
        dest: /etc/influxdb/influxdb.conf
    keep:
      - /var/lib/influxdb/meta
    ready:
      url: http://127.0.0.1:8086/ping
      version: 1.4.3
    rollback_ready:
      url: http://127.0.0.1:8086/ping
      version: 1.3.9
  register: swap

- name: A swap that failed and was undone has not failed as a task
  ansible.builtin.fail:
    msg: "{{ swap.error }}"
  when: swap.outcome == 'restored'
"""

RETURN = r"""
finished:
  description: Whether the end was reached. Always true for a task, false only where the module is called without its controller part.
  returned: always
  type: bool
  sample: true
outcome:
  description:
    - V(swapped), V(restored) (with an empty RV(error) when that was wanted, else after a failure), V(failed) (the task fails,
      RV(error) says
      where the node stands) or V(unchanged) (everything was as wanted). Empty while not finished.
  returned: always
  type: str
  sample: swapped
steps:
  description: The steps in their order. Those of the way back begin with C(undo_).
  returned: always
  type: list
  elements: dict
  sample: [{name: install, started: 1510000000.25, seconds: 2.1, status: ok}]
  contains:
    name:
      description: Name of the step.
      type: str
    started:
      description: When it began, in seconds since 1970.
      type: float
    seconds:
      description: How long it took.
      type: float
    status:
      description: V(ok), V(skipped) (there was nothing to do), V(failed) or V(running).
      type: str
step:
  description: The step being done, empty at the end.
  returned: always
  type: str
  sample: install
downtime:
  description:
    - Seconds from just before the stop of the service to the first ready answer, of the new release or of the restored one.
    - 0 when the service was not stopped, V(null) when it is not known because the process of the swap was killed.
  returned: always
  type: float
  sample: 0.24
reason:
  description:
    - A word for why the swap failed, where there is one. V(metastore-stale) when the metadata changed since its backup was taken,
      V(shards-unflushed) when points of a shard to be converted were in its log only.
  returned: always
  type: str
  sample: ""
error:
  description: Why the swap failed, in a sentence. Empty when nothing failed.
  returned: always
  type: str
  sample: ""
notes:
  description: What else is worth knowing, such as a process that the package's own scripts restarted.
  returned: always
  type: list
  elements: str
  sample: []
served_by_new:
  description: Whether the new release was ready at any time, so that it may hold acknowledged changes.
  returned: always
  type: bool
  sample: true
kept:
  description: The copies for the way back.
  returned: always
  type: dict
  sample: {dir: /var/lib/dbfleet/backup/influxdb-1.3.9-1.4.3/swap, files: [/etc/influxdb/influxdb.conf, /var/lib/influxdb/meta]}
  contains:
    dir:
      description: Folder of the copies.
      type: str
    files:
      description: The files and folders of which it holds a copy.
      type: list
      elements: str
log_tail:
  description: The last lines, at most ten, of the service's log or of the failed program. Empty when nothing failed.
  returned: always
  type: list
  elements: str
  sample: []
run:
  description: The run that did the work, see the option of the same name.
  returned: always
  type: str
  sample: 6a5c1f4b0d6c4f0c8f6f0c3a7a8a9c11
disconnected:
  description: Seconds that the controller could not reach the node.
  returned: always, by the controller part
  type: float
  sample: 0.0
"""

import uuid

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError, run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_node import node_from, request_from
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_run import Call, detach
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Store

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

PACKAGE = {
    "path": {"type": "path", "required": True},
    "name": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "sha256": {"type": "str"},
}
FILE = {
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str"},
}
METASTORE = {
    "meta_dir": {"type": "path", "required": True},
    "data_dir": {"type": "path", "required": True},
    "wal_dir": {"type": "path", "required": True},
    "backup": {"type": "path", "required": True},
    "sha256": {"type": "str", "required": True},
    "raft_sha256": {"type": "str", "required": True},
    "program": {"type": "path", "default": "/usr/bin/influxd"},
    "owner": {"type": "str", "required": True},
    "group": {"type": "str", "required": True},
}
SHARDS = {
    "data_dir": {"type": "path", "required": True},
    "wal_dir": {"type": "path", "required": True},
    "program": {"type": "path"},
}
READY = {
    "url": {"type": "str", "required": True},
    "version": {"type": "str", "default": ""},
    "header": {"type": "str", "default": "X-Influxdb-Version"},
    "field": {"type": "str"},
    "certificate": {"type": "path"},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 600},
}
ARGUMENTS = {
    "state": {"type": "str", "choices": ["swapped", "restored"], "default": "swapped"},
    "id": {"type": "str", "required": True},
    "state_dir": {"type": "path", "default": "/var/lib/dbfleet"},
    "service": {"type": "str", "required": True},
    "package": {"type": "dict", "options": PACKAGE},
    "rollback_package": {"type": "dict", "options": PACKAGE},
    "files": {"type": "list", "elements": "dict", "options": FILE, "default": []},
    "keep": {"type": "list", "elements": "path", "default": []},
    "metastore": {"type": "dict", "options": METASTORE},
    "shards": {"type": "dict", "options": SHARDS},
    "ready": {"type": "dict", "options": READY, "required": True},
    "rollback_ready": {"type": "dict", "options": READY},
    "rollback": {"type": "str", "choices": ["auto", "manual"], "default": "auto"},
    "put_back": {"type": "str", "choices": ["if_needed", "always"], "default": "if_needed"},
    "stop_first": {"type": "bool", "default": False},
    "serving": {"type": "bool", "default": True},
    "wait": {"type": "float", "default": 20},
    "run": {"type": "str"},
    "timeout": {"type": "int", "default": 3600},
    "reconnect_timeout": {"type": "int", "default": 300},
}


def swap(parameters, check_mode):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    """timeout and reconnect_timeout are read by the controller part of the module."""
    parameters = dict(parameters, run=parameters["run"] or uuid.uuid4().hex)
    store = Store(parameters["state_dir"], parameters["id"])
    call = Call(request_from(parameters), node_from(parameters, store.log), store, detach)
    result = call.predict() if check_mode else call.perform(parameters["wait"])
    if result["outcome"] == "failed":
        raise FleetError(result["error"], **result)
    return result


def main():
    # type: () -> None
    module = AnsibleModule(ARGUMENTS, required_if=[("state", "swapped", ["package"])], supports_check_mode=True)
    run(module, lambda: swap(module.params, module.check_mode))


if __name__ == "__main__":
    main()
