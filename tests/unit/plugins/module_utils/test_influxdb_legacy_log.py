# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import os
import time

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_log import MigrationLog, WholeLog
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import influxdb_legacy_folders as real

RECORDED = ["{0:05d}".format(number) for number in range(1, 14)]


def read(path, *parts):
    log = MigrationLog(str(path / "log.txt"))
    for lines in parts:
        with io.open(log.path, "ab") as stream:
            stream.write("".join(line + "\n" for line in lines).encode("utf-8"))
        log.update()
    return log


def recorded(name):
    with io.open(os.path.join(real.FIXTURES, name), encoding="utf-8") as stream:
        return stream.read().splitlines()


def test_a_recorded_migration_is_understood(tmp_path):
    log = read(tmp_path, recorded("log-migration.txt"))
    assert sorted(log.attempts) == RECORDED
    assert all(attempt.databases == {"test", "other"} and not attempt.errors for attempt in log.attempts.values())
    assert (log.begun, log.run.last, log.tells) == (1, "00001", True)
    assert log.has_ended(dict.fromkeys(RECORDED, True)) and not log.has_ended(dict.fromkeys(RECORDED, False))


def test_a_recorded_migration_that_had_nothing_to_do_changes_nothing(tmp_path):
    log = read(tmp_path, recorded("log-migration.txt"), recorded("log-again.txt"))
    assert sorted(log.attempts) == RECORDED and all(attempt.databases for attempt in log.attempts.values())
    assert (log.begun, log.run.last, log.has_ended(dict.fromkeys(RECORDED, True))) == (2, "00001", True)


def test_it_reads_on_where_it_was_and_waits_for_the_end_of_a_line(tmp_path):
    log = read(tmp_path, [real.BEGUN])
    with io.open(log.path, "ab") as stream:
        stream.write(real.migrating("00003").encode("ascii"))
    log.update()
    assert (log.begun, log.attempts) == (1, {})
    with io.open(log.path, "ab") as stream:
        stream.write(b"\n")
    log.update()
    assert (log.begun, list(log.attempts)) == (1, ["00003"])


def test_a_log_that_was_made_anew_is_read_from_its_beginning(tmp_path):
    log = read(tmp_path, [real.WARNING] * 9 + [real.BEGUN] + real.migrated("00003"))
    (tmp_path / "log.txt").unlink()
    log.update()
    (tmp_path / "log.txt").write_text(u"".join(line + "\n" for line in [real.STARTED, real.BEGUN] + real.migrated("00002")))
    log.update()
    assert (log.begun, sorted(log.attempts)) == (2, ["00002", "00003"])


def test_a_log_that_is_not_there_tells_nothing(tmp_path):
    log = read(tmp_path)
    log.update()
    assert (log.exists, log.tells, log.is_at_work({"00001": False})) == (False, False, None)


@pytest.mark.parametrize(
    ("lines", "errors"),
    [
        ([real.WRITE_FAILED, real.done("test")], 1),
        ([real.WRITE_FAILED], 1),
        ([real.OTHER_ERROR, real.done("test")], 1),
        ([real.OTHER_ERROR], 0),
        ([real.done("test"), real.OTHER_ERROR], 0),
        ([real.WARNING, real.done("test")], 0),
        (["panic: of another form"], 0),
        ([real.WRITE_FAILED, real.STARTED, real.BEGUN, real.migrating("00003")], 0),
        ([real.WRITE_FAILED, real.STARTED, real.BEGUN, real.skipped("00003")], 1),
    ],
)
def test_errors_belong_to_the_last_migration_of_a_shard(tmp_path, lines, errors):
    log = read(tmp_path, [real.BEGUN, real.migrating("00003")] + lines)
    assert len(log.attempts["00003"].errors) == errors


def test_errors_outside_of_a_migration_are_nobodys(tmp_path):
    log = read(tmp_path, [real.OTHER_ERROR, real.BEGUN, real.skipped("00003"), real.OTHER_ERROR] + real.migrated("00002"))
    assert not log.attempts["00002"].errors and not log.run.errors


NONE, ALL = {"00001": False, "00002": False}, {"00001": True, "00002": True}


@pytest.mark.parametrize(
    ("lines", "marks", "at_work"),
    [
        ([], NONE, False),
        ([real.BEGUN], NONE, True),
        ([real.BEGUN], {}, False),
        ([real.BEGUN, real.NO_FOLDER], NONE, False),
        ([real.BEGUN, real.migrating("00002")], NONE, True),
        ([real.BEGUN, real.migrating("00002")], {"00001": True, "00002": False}, True),
        ([real.BEGUN, real.migrating("00001")], {"00001": False, "00002": True}, True),
        ([real.BEGUN, real.migrating("00001")], ALL, False),
        ([real.BEGUN, real.migrating("00001"), real.NOT_OPENED], NONE, False),
        ([real.BEGUN, real.migrating("00001"), real.WRITE_FAILED], NONE, True),
        ([real.BEGUN, real.skipped("00001")], {"00001": False, "00002": True}, False),
        ([real.BEGUN, real.migrating("00002"), real.STARTED], NONE, False),
        ([real.BEGUN, real.migrating("00001")], {"00002": True}, False),
        ([real.BEGUN, real.migrating("00003")], {"00002": True}, True),
    ],
)
def test_whether_it_runs_is_told_from_log_and_markers(tmp_path, lines, marks, at_work):
    assert read(tmp_path, [real.STARTED] + lines).is_at_work(marks) is at_work


def test_the_folder_without_a_name_of_the_repository_is_understood_too(tmp_path):
    lines = [line.replace("github.com/influxdb/influxdb/", "") for line in [real.BEGUN] + real.migrated("00003")]
    assert read(tmp_path, lines).attempts["00003"].databases == {"test"}


def put_away(folders, number, age=0):
    """As the server does at midnight. age: seconds since the last line."""
    path = "{0}.{1:03d}".format(folders.log_file, number)
    os.rename(folders.log_file, path)
    os.utime(path, (time.time() - age, time.time() - age))
    folders.log([])


def whole(folders):
    log = WholeLog(folders.log_file, folders.path)
    log.update()
    return log


def test_what_was_put_away_is_read_in_the_order_of_its_lines(tmp_path):
    folders = real.Folders(tmp_path)
    folders.log([real.BEGUN])
    for number in range(6):
        folders.log([real.WARNING] * number + [real.migrating("{0:05d}".format(9 - number)), real.WRITE_FAILED])
        put_away(folders, 6 - number, 7200 - number)
    folders.log([real.done("test")])
    log = whole(folders)
    assert (log.begun, log.run.last, log.path) == (1, "00004", folders.log_file)
    assert sorted(log.attempts) == ["{0:05d}".format(number) for number in range(4, 10)]
    assert all(len(attempt.errors) == 1 for attempt in log.attempts.values())
    assert log.attempts["00004"].databases == {"test"}
    assert MigrationLog(folders.log_file).run is None


def test_nothing_is_read_twice_and_nothing_lost_when_midnight_comes(tmp_path):
    folders = real.Folders(tmp_path)
    folders.log([real.BEGUN, real.migrating("00003")])
    log = whole(folders)
    folders.log([real.WRITE_FAILED])
    put_away(folders, 1)
    for _again in range(2):
        log.update()
        assert (log.begun, len(log.attempts["00003"].errors)) == (1, 1)
    folders.log([real.done("test")])
    log.update()
    assert (log.begun, log.attempts["00003"].databases) == (1, {"test"})


@pytest.mark.parametrize("name", ["log.txt.1", "log.txt.0001", "log.txt.001.gz", "old.txt.001"])
def test_other_files_beside_the_log_are_none_of_it(tmp_path, name):
    folders = real.Folders(tmp_path)
    folders.log([real.BEGUN])
    os.rename(folders.log_file, str(tmp_path / name))
    folders.log([])
    assert whole(folders).begun == 0


@pytest.mark.parametrize(
    ("marked", "age", "begun"),
    [(None, 0.5, 1), (None, 2, 0), (10, 10.5, 1), (10, 12, 0)],
    ids=["no marker", "no marker, old log", "log of the migration", "log of before"],
)
def test_the_log_counts_from_a_day_before_the_first_marker(tmp_path, marked, age, begun):
    folders = real.Folders(tmp_path)
    folders.write("db/shard_db/notes.txt", b"no shard")
    folders.log([real.BEGUN])
    put_away(folders, 1, age * 86400)
    for shard, days in (("00003", marked), ("00002", 1)):
        if marked:
            folders.mark(shard)
            moment = time.time() - days * 86400
            os.utime(os.path.join(folders.path, "db", "shard_db", shard, "MIGRATED"), (moment, moment))
    assert whole(folders).begun == begun


def test_a_log_that_was_only_put_away_counts_too(tmp_path):
    folders = real.Folders(tmp_path)
    folders.log([real.BEGUN])
    put_away(folders, 1, 864000)
    os.remove(folders.log_file)
    assert whole(folders).begun == 1


def test_without_log_and_folders_nothing_is_told(tmp_path):
    log = WholeLog(str(tmp_path / "none" / "log.txt"), str(tmp_path / "none"))
    log.update()
    assert (log.exists, log.tells, log.run) == (False, False, None)
