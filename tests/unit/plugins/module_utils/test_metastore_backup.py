# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import os
import shutil
import stat

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _metastore_backup as metastore_backup
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._copies import sha256
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import metastore_files as files

DONE = Result(0, "", "2026/11/21 01:16:14 backing up metastore to DIR/meta.00\n2026/11/21 01:16:14 backup complete\n")


def clock():
    return 1795243800.0  # 2026-11-21T06:50:00Z


class Program(object):
    """Stands for influxd backup. before: called with the number of the run, before it ends."""

    def __init__(self, source=files.META, result=DONE, before=lambda run: None):
        self.source = source
        self.result = result
        self.before = before
        self.ran = []

    def __call__(self, argv):
        self.ran.append(argv)
        self.before(len(self.ran))
        if self.source:
            shutil.copy(self.source, os.path.join(argv[-1], "meta.00"))
        else:
            open(os.path.join(argv[-1], "meta.00.pending"), "w").close()
        return self.result


def never(argv):
    raise AssertionError("nothing may run")


@pytest.fixture
def params(tmp_path):
    files.unpack("folders-0.11.1.tar.gz", tmp_path / "influxdb")
    return {
        "dest": str(tmp_path / "state" / "metastore"),
        "expect": files.shown(),
        "shards": files.shown_shards(),
        "meta_dir": str(tmp_path / "influxdb" / "meta"),
        "data_dir": str(tmp_path / "influxdb" / "data"),
        "wal_dir": str(tmp_path / "influxdb" / "wal"),
        "program": "/usr/bin/influxd",
        "host": "127.0.0.1:8088",
        "attempts": 3,
        "timeout": 60,
    }


def run(params, program, check_mode=False, **changes):
    return metastore_backup.backup(dict(params, **changes), program, clock, check_mode)


def refused(params, program, **changes):
    with pytest.raises(FleetError) as caught:
        run(params, program, **changes)
    return caught.value


def raft(params):
    return os.path.join(params["meta_dir"], "raft.db")


def change_metadata(params):
    with open(raft(params), "ab") as stream:
        stream.write(b"x")


def test_a_backup_is_taken_and_proved(params):
    program = Program()
    result = run(params, program)
    folder = os.path.join(params["dest"], "attempt-1")
    assert program.ran == [["timeout", "-k", "10", "60", "/usr/bin/influxd", "backup", "-host", "127.0.0.1:8088", folder]]
    assert result == {
        "changed": True,
        "path": os.path.join(folder, "meta.00"),
        "sha256": hashlib.sha256(files.meta_00()).hexdigest(),
        "raft_sha256": sha256(raft(params)),
        "taken_at": 1795243800,
        "attempts": 1,
        "counts": {
            "databases": 4,
            "retention_policies": 7,
            "continuous_queries": 1,
            "subscriptions": 1,
            "shards": 21,
            "users": 4,
        },
    }
    assert os.listdir(folder) == ["meta.00"]
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (params["dest"], folder)] == [0o700] * 2


def test_a_proved_backup_is_used_again_while_the_metadata_is_the_same(params):
    first = run(params, Program())
    for check_mode in (False, True):
        assert run(params, never, check_mode) == dict(first, changed=False)


def test_a_new_backup_is_taken_once_the_metadata_changed(params):
    first = run(params, Program())
    change_metadata(params)
    assert run(params, never, check_mode=True)["changed"] is True
    second = run(params, Program())
    assert (second["changed"], os.path.dirname(second["path"])) == (True, os.path.join(params["dest"], "attempt-2"))
    assert second["raft_sha256"] != first["raft_sha256"]
    assert os.path.exists(first["path"])
    assert run(params, never) == dict(second, changed=False)


def test_a_kept_backup_is_proved_again(params):
    run(params, Program())
    shown = dict(params["expect"], users=params["expect"]["users"][1:])
    assert 'user "admin" is not one that the server shows' in str(refused(params, never, expect=shown))


def test_a_kept_backup_that_changed_is_neither_used_nor_replaced(params):
    result = run(params, Program())
    shutil.copy(os.path.join(files.DAMAGED, "onebyte.meta.00"), result["path"])
    assert "has changed since it was proved" in str(refused(params, never))
    os.remove(result["path"])
    assert "cannot be read" in str(refused(params, never))


def test_check_mode_predicts_and_writes_nothing(params):
    result = run(params, never, check_mode=True)
    assert result == dict(metastore_backup.NOTHING, changed=True)
    assert not os.path.exists(os.path.dirname(params["dest"]))


def test_metadata_that_changes_meanwhile_is_backed_up_again(params):
    program = Program(before=lambda number: change_metadata(params) if number < 3 else None)
    result = run(params, program)
    assert (result["attempts"], len(program.ran)) == (3, 3)
    assert result["raft_sha256"] == sha256(raft(params))
    folders = [argv[-1] for argv in program.ran]
    assert os.path.dirname(result["path"]) == folders[-1]
    assert sorted(os.listdir(params["dest"])) == [os.path.basename(folders[-1]), "verified.json"]


def test_metadata_that_changes_every_time_is_a_failure(params):
    program = Program(before=lambda number: change_metadata(params))
    assert "during each of 2 backups" in str(refused(params, program, attempts=2))
    assert len(program.ran) == 2
    assert os.listdir(params["dest"]) == []


def test_every_attempt_has_a_folder_that_was_not_there(params):
    """What a killed run left is the last file, and so what a restore would take."""
    for number in (1, 7):
        os.makedirs(os.path.join(params["dest"], "attempt-{0}".format(number)))
    assert run(params, Program())["path"] == os.path.join(params["dest"], "attempt-8", "meta.00")


@pytest.mark.parametrize("name", sorted(os.listdir(files.DAMAGED)))
def test_damaged_backups_are_refused(params, name):
    """The restore of influxd takes two of them, notail and onebyte, and exits with 0."""
    refused(params, Program(os.path.join(files.DAMAGED, name)))
    assert os.listdir(params["dest"]) == []


def test_the_differences_are_returned(params):
    error = refused(params, Program(os.path.join(files.DAMAGED, "onebyte.meta.00")))
    assert "is not the metadata of this server" in str(error)
    assert error.facts["differences"]


def test_a_failing_program_leaves_nothing(params):
    said = "2026/11/21 01:16:14 backup failed: dial tcp 127.0.0.1:8088: connect: connection refused\n"
    error = refused(params, Program(None, Result(1, "", said)))
    assert "connection refused" in str(error)
    assert os.listdir(params["dest"]) == []


def test_a_program_that_writes_no_backup_is_told(params):
    error = refused(params, Program(None))
    assert "meta.00.pending" in str(error)
    assert os.listdir(params["dest"]) == []


def test_a_shard_on_disk_that_the_backup_does_not_know(params):
    os.makedirs(os.path.join(params["data_dir"], "metrics", "forever", "22"))
    assert 'shard 22 of "metrics"."forever" lies on disk' in str(refused(params, Program()))


def test_a_shard_that_has_nothing_but_a_write_ahead_log(params):
    os.makedirs(os.path.join(params["wal_dir"], "late", "default", "23"))
    assert 'shard 23 of "late"."default" lies on disk' in str(refused(params, Program()))


@pytest.mark.parametrize(
    ("expiry", "database", "accepted"),
    [
        (None, "metrics", False),
        ("2026-11-21T06:50:01Z", "metrics", False),
        ("2026-11-21T06:49:59Z", "metrics", True),
        (None, "_internal", True),
    ],
)
def test_a_shard_that_the_server_lists_and_the_backup_does_not_know(params, expiry, database, accepted):
    shard = {"id": 22, "database": database, "policy": "one_week", "expiry": expiry}
    if accepted:
        assert run(params, Program(), shards=[shard])["changed"] is True
    else:
        assert 'shard 22 of "metrics"."one_week" is missing' in str(refused(params, Program(), shards=[shard]))


@pytest.mark.parametrize("check_mode", [False, True])
def test_without_raft_db_it_is_told_what_can_be_named(params, check_mode):
    os.remove(raft(params))
    error = refused(params, never, check_mode=check_mode)
    assert "metrics (forever, one_week)" in str(error)
    assert error.facts["on_disk"]["app"] == ["default", "two_hours"]


def test_the_data_folder_has_to_be_there(params, tmp_path):
    assert "correct data_dir" in str(refused(params, never, data_dir=str(tmp_path / "nosuch")))


@pytest.mark.parametrize(
    ("names", "accepted"),
    [
        (["meta.00"], True),
        (["meta.07", "other"], True),
        ([], False),
        (["meta.00", "meta.01"], False),
        (["meta.00", "meta.00.pending"], False),
        (["meta.00", "meta.100"], False),
        (["meta.100"], False),
        (["meta.00.pending"], False),
    ],
)
def test_the_one_backup_in_a_folder(tmp_path, names, accepted):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    if accepted:
        assert metastore_backup.sole_backup(str(tmp_path)) == str(tmp_path / names[0])
        return
    with pytest.raises(FleetError):
        metastore_backup.sole_backup(str(tmp_path))


def test_a_folder_that_is_not_there_holds_no_backup(tmp_path):
    with pytest.raises(FleetError):
        metastore_backup.sole_backup(str(tmp_path / "nosuch"))
