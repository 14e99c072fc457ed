# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.modules import influxdb_metastore_info
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import metastore_files as files


def test_a_backup_becomes_json_without_secrets():
    result = influxdb_metastore_info.info(files.META)
    assert (result["changed"], result["counts"]["shards"], result["max_shard_id"]) == (False, 21, 21)
    assert json.loads(json.dumps(result)) == result
    assert "$2a$" not in json.dumps(result)


def test_a_meta_db_becomes_json(tmp_path):
    files.unpack("folders-stale.tar.gz", tmp_path)
    result = influxdb_metastore_info.info(str(tmp_path / "meta" / "meta.db"))
    assert [database["name"] for database in result["databases"]] == ["early"]


def test_a_damaged_file_is_a_failure():
    with pytest.raises(FleetError, match="notail"):
        influxdb_metastore_info.info(os.path.join(files.DAMAGED, "notail.meta.00"))
