#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_convert_shards
short_description: Convert the shards of InfluxDB from b1 and bz1 to tsm1
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Runs influx_tsm on the data folder of an InfluxDB server whose shards are in the formats b1 and bz1. No release from 0.11 on reads
    these.
  - The former files are kept beside the data folder, in C(DATA_DIR.dbfleet-b1). They are hard links, which take neither time nor room for
    copying, or copies where the file system has no links. They hold their room until they are removed.
  - Refuses before anything is changed where there is too little room, or where points of a shard are in its log only, which influx_tsm does
    not read. The old release empties the log when it starts.
  - Proved by influx_tsm's own summary (as many points written as read, values that are no numbers left out), by a folder in the place of
    every file, and by former files that were not touched. What it made is given the owner of the former file. When anything is
    not as it should be, all shards are put back as they were.
  - A conversion that was interrupted is put back and done again. What somebody else's interrupted conversion left (C(ID.tsm)) is finished
    where its shard's file is gone, which influx_tsm removes last, and else moved to C(DATA_DIR.dbfleet-aside).
attributes:
  check_mode:
    description: Tells what would be converted or put back, after the same refusals.
    support: full
options:
  state:
    description:
      - V(converted) and V(restored) need a stopped server.
      - V(rehearsed) converts a copy of the smallest shard of each format, while the server runs, to see whether the program does it. The
        influx_tsm of 0.11, for example, fails at the first shard.
    type: str
    choices: [converted, restored, rehearsed]
    default: converted
  data_dir:
    description: Folder of the data (C(dir) in C([data])).
    type: path
    default: /var/lib/influxdb/data
  wal_dir:
    description: Folder of the write-ahead log (C(wal-dir) in C([data])).
    type: path
    default: /var/lib/influxdb/wal
  meta_dir:
    description: Folder of the metadata (C(dir) in C([meta])), by which a running server is known.
    type: path
    default: /var/lib/influxdb/meta
  program:
    description: The influx_tsm to run, of 0.10 or of 0.12 to 1.8.
    type: path
    default: /usr/bin/influx_tsm
  scratch:
    description: Folder for the copies of V(rehearsed), which is removed afterwards.
    type: path
    default: /var/lib/dbfleet/rehearsal
"""

EXAMPLES = r"""
- name: See whether the converter of the new release does its work
  dbfleet.upgrade.influxdb_convert_shards:
    state: rehearsed
    program: /root/influxdb-1.4.3/usr/bin/influx_tsm

- name: Convert, with the service stopped
  dbfleet.upgrade.influxdb_convert_shards:
  register: conversion

- name: Put the former files back
  dbfleet.upgrade.influxdb_convert_shards:
    state: restored
"""

RETURN = r"""
shards:
  description: The shards that were converted, put back or tried, as DATABASE/POLICY/ID.
  returned: success
  type: list
  elements: str
  sample: [metrics/default/1, metrics/default/2]
points:
  description: The points in the converted shards. 0 for V(restored) and in check mode.
  returned: success
  type: int
filtered:
  description: The values that are no numbers (NaN, infinite) and that influx_tsm leaves out. No release answers with these.
  returned: success
  type: int
bytes:
  description: Size of the former files that are kept or were tried.
  returned: success
  type: int
kept:
  description: The folder of the former files.
  returned: success
  type: str
  sample: /var/lib/influxdb/data.dbfleet-b1
notes:
  description: What became of the remains of earlier conversions; of V(restored), which shards stay in the format tsm1.
  returned: success
  type: list
  elements: str
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import local, plain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore_process import refuse_running
from ansible_collections.dbfleet.upgrade.plugins.module_utils._shard_conversion import Conversion, rehearse

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def convert_shards(params, check_mode):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    work = Conversion(params, run_command)
    result = {"changed": False, "kept": plain(work.kept), "shards": [], "points": 0, "filtered": 0, "bytes": 0, "notes": []}
    if params["state"] == "rehearsed":
        return dict(result, **({} if check_mode else rehearse(params, run_command, time.sleep)))
    meta = os.path.realpath(local(params["meta_dir"]))
    refuse_running(meta, os.path.join(meta, "raft.db"))
    if params["state"] == "restored":
        return dict(result, **_restore(work, check_mode))
    work.refuse()
    if check_mode:
        due = [plain(place) for place in work.due()]
        return dict(result, shards=due, changed=bool(due or work.leftovers()))
    made = work.convert()
    return dict(result, changed=bool(made), **made)


def _restore(work, check_mode):
    # type: (Conversion, bool) -> Dict[str, Any]
    back = [plain(place) for place in work.undoable()]
    stay = [] if check_mode else work.undo()
    notes = ["{0} stays in the format tsm1: it was written to since".format(plain(place)) for place in stay]
    return {"changed": bool(back), "shards": back, "notes": notes}


def main():
    # type: () -> None
    arguments = {
        "state": {"type": "str", "choices": ["converted", "restored", "rehearsed"], "default": "converted"},
        "data_dir": {"type": "path", "default": "/var/lib/influxdb/data"},
        "wal_dir": {"type": "path", "default": "/var/lib/influxdb/wal"},
        "meta_dir": {"type": "path", "default": "/var/lib/influxdb/meta"},
        "program": {"type": "path", "default": "/usr/bin/influx_tsm"},
        "scratch": {"type": "path", "default": "/var/lib/dbfleet/rehearsal"},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    run(module, lambda: convert_shards(module.params, module.check_mode))


if __name__ == "__main__":
    main()
