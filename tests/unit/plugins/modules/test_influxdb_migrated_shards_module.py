# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

import pytest

from ansible_collections.dbfleet.upgrade.plugins.modules import influxdb_migrated_shards
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import influxdb_legacy_folders as real


@pytest.mark.parametrize(
    ("state", "check_mode", "changed", "left"),
    [("present", False, False, 1), ("present", True, False, 1), ("absent", True, True, 1), ("absent", False, True, 0)],
)
def test_only_what_is_asked_for_is_removed(tmp_path, state, check_mode, changed, left):
    folders = real.Folders(tmp_path, shards=("00001",))
    folders.mark("00001")
    folders.write("db/shard_db_v2/00002/000003.log", b"x")
    params = {"data_dir": folders.path, "log_file": folders.log_file, "state": state}
    result = influxdb_migrated_shards.manage(params, check_mode)
    assert (result["changed"], len(os.listdir(os.path.join(folders.path, "db", "shard_db")))) == (changed, left)
    assert result["bytes"] == 106


def test_nothing_is_lost_by_leaving_the_state_out():
    options = influxdb_migrated_shards.OPTIONS
    assert options["state"]["default"] == "present" and options["data_dir"]["default"] == "/opt/influxdb/shared/data"
