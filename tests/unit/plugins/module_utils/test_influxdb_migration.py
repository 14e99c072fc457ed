# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import time

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_connection import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_migration import (
    Migration,
    go_duration,
)
from ansible_collections.dbfleet.upgrade.plugins.modules import influxdb_migrate_data
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import influxdb_legacy_folders as real
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_legacy_server import (
    PASSWORD,
    Node,
    Running,
)

RUNS = (403, "{}")
STARTS = (202, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100ms", "100ms"),
        ("0s", "0s"),
        ("0", "0"),
        ("1m30s", "1m30s"),
        ("1.5h", "1.5h"),
        ("500us", "500us"),
        ("7ns", "7ns"),
        ("500u", "500us"),
        ("1u5ms", "1us5ms"),
        (u"5\u00b5s", "5us"),
        (u"5\u03bcs", "5us"),
        (u"1s", "1s"),
    ],
)
def test_the_pause_is_a_duration_of_go(text, expected):
    assert go_duration(text) == expected


@pytest.mark.parametrize("text", ["", "banana", "100", "1d", "-1s", "1 s", "ms", "1uu", "1s\n2s"])
def test_other_pauses_are_refused(text):
    with pytest.raises(FleetError) as caught:
        go_duration(text)
    assert caught.value.facts["reason"] == "pause" and "ns, us, ms, s, m and h" in str(caught.value)


class Setting(object):
    """A server, its folders, and a clock that only sleeping moves; each sleep does one of the steps."""

    def __init__(self, running, folders):
        self.running, self.node, self.folders = running, running.node, folders
        self.now = 1000.0
        self.steps = []
        self.node.on_migrate = self.begin

    def begin(self):
        """A request that starts a migration shows in the log; one that meets one does not."""
        if not self.node.migrating or self.node.migrating[0] == STARTS:
            self.folders.log([real.BEGUN])

    def sleep(self, seconds):
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()

    def params(self, **changes):
        options = {
            "data_dir": self.folders.path,
            "log_file": self.folders.log_file,
            "pause": "100ms",
            "start": True,
            "limit": 100,
            "interval": 1.0,
            "databases": [],
        }
        return self.running.params(**dict(options, **changes))

    def migration(self, **changes):
        params = self.params(**changes)
        return Migration(connect(params), params, lambda: self.now, self.sleep)

    def ensure(self, limit=100, check_mode=False, **changes):
        return self.migration(**changes).ensure(limit, check_mode)

    def failure(self, **changes):
        with pytest.raises(FleetError) as caught:
            self.ensure(**changes)
        return caught.value


@pytest.fixture
def setting(tmp_path):
    with Running(Node()) as running:
        yield Setting(running, real.Folders(tmp_path))


def test_a_migration_is_started_and_waited_for(setting):
    migrate = setting.folders.migrate
    setting.steps = [lambda: migrate("00003"), lambda: migrate("00002"), lambda: migrate("00001")]
    result = setting.ensure(pause="500u")
    assert (result["changed"], result["started"], result["seconds"]) == (True, True, 3.0)
    assert result["progress"] == {
        "shards_total": 3,
        "shards_done": 3,
        "bytes_total": 300,
        "bytes_before": 0,
        "bytes_done": 300,
        "bytes_per_second": 100,
        "seconds_left": 0,
        "shard": None,
    }
    # The second request asks whether it still runs.
    assert setting.node.pauses == ["500us", "500us"]


def test_all_marked_is_not_the_end_while_the_server_says_that_it_runs(setting):
    setting.node.migrating = [STARTS, RUNS, RUNS, STARTS]
    setting.steps = [lambda: setting.folders.migrate("00003", "00002", "00001")]
    assert setting.ensure()["seconds"] == 3.0
    assert len(setting.node.pauses) == 4


def test_a_running_migration_is_joined(setting):
    setting.folders.log([real.BEGUN])
    setting.folders.migrate("00003")
    setting.folders.log([real.migrating("00002")])
    setting.node.migrating = [RUNS, STARTS]
    setting.steps = [lambda: setting.folders.migrate("00002", "00001")]
    result = setting.ensure()
    assert (result["changed"], result["started"]) == (True, False)


def test_a_joined_migration_that_leaves_shards_out_is_told(setting):
    setting.folders.log([real.BEGUN, real.migrating("00003"), real.NOT_OPENED])
    setting.node.migrating = [RUNS]
    setting.steps = [lambda: setting.folders.migrate("00002", "00001")]
    assert setting.failure().facts["unmarked"] == ["00003"]


def test_an_interrupted_migration_is_resumed(setting):
    setting.folders.log([real.BEGUN])
    setting.folders.migrate("00003")
    setting.folders.log([real.migrating("00002"), real.WRITE_FAILED, real.STARTED])
    setting.steps = [lambda: setting.folders.log([real.skipped("00003")]), lambda: setting.folders.migrate("00002", "00001")]
    result = setting.ensure()
    assert (result["changed"], result["started"], result["progress"]["shards_done"]) == (True, True, 3)


def prove(setting, *shards):
    setting.folders.log([real.BEGUN])
    setting.folders.migrate(*shards)


def test_what_is_proved_is_left_alone(setting):
    prove(setting, "00003", "00002", "00001")
    result = setting.ensure()
    assert (result["changed"], result["started"]) == (False, None)
    assert setting.node.changes() == []


def test_nothing_to_migrate_needs_no_log(setting, tmp_path):
    setting.folders = real.Folders(tmp_path / "new", shards=())
    assert setting.ensure(log_file=str(tmp_path / "none"))["changed"] is False
    assert setting.node.changes() == []


def test_check_mode_predicts_and_starts_nothing(setting):
    prove(setting, "00003")
    result = setting.ensure(check_mode=True)
    assert (result["changed"], result["started"], result["progress"]["shards_done"]) == (True, None, 1)
    prove(setting, "00002", "00001")
    assert setting.ensure(check_mode=True)["changed"] is False
    assert setting.node.changes() == []


@pytest.mark.parametrize("version", ["0.7.3", "0.8.4", "0.8.8", "0.8.0-rc.5", "1.4.3"])
def test_other_releases_do_not_migrate(setting, version):
    setting.node.release = version
    error = setting.failure(check_mode=True)
    assert (error.facts["reason"], error.facts["version"]) == ("release", version) and "0.8.3" in str(error)


def test_an_empty_raft_folder_is_told_before_the_start(setting, tmp_path):
    (tmp_path / "raft" / "log").unlink()
    error = setting.failure()
    assert error.facts["reason"] == "raft-missing" and "/raft" in str(error)
    assert setting.node.changes() == []


def test_a_server_that_knows_no_database_has_lost_its_raft_folder(setting):
    setting.node.databases = []
    error = setting.failure()
    assert error.facts["reason"] == "raft-missing" and "no database" in str(error)
    assert setting.node.changes() == []


def test_a_server_that_lacks_a_database_of_0_7_is_told(setting):
    error = setting.failure(databases=["test", "lost"])
    assert error.facts["reason"] == "raft-missing" and "does not know lost" in str(error)
    assert setting.ensure(databases=["other", "test"], check_mode=True)["changed"] is True


def test_markers_that_were_set_without_any_database_prove_nothing(setting):
    setting.folders.log([real.BEGUN] + [real.migrating(shard) for shard in ("00003", "00002", "00001")])
    setting.folders.mark("00003", "00002", "00001")
    error = setting.failure()
    assert error.facts["reason"] == "raft-missing" and "00001, 00002, 00003" in str(error)


def test_markers_without_a_log_prove_nothing(setting):
    setting.folders.mark("00003", "00002", "00001")
    error = setting.failure()
    assert error.facts["reason"] == "log-missing" and "00001" in str(error)


@pytest.mark.parametrize("lines", [None, [real.WARNING]])
def test_without_a_log_that_tells_nothing_is_started(setting, tmp_path, lines):
    (tmp_path / "log.txt").unlink()
    if lines:
        setting.folders.log(lines)
    assert setting.failure().facts["reason"] == "log-missing"
    assert setting.node.changes() == []


def test_errors_in_the_log_are_no_success(setting):
    def work():
        setting.folders.log([real.migrating("00003"), real.database("test"), real.WRITE_FAILED, real.done("test")])
        setting.folders.mark("00003")
        setting.folders.migrate("00002", "00001")

    setting.steps = [work]
    error = setting.failure()
    assert error.facts["reason"] == "log-errors" and error.facts["lines"] == [real.WRITE_FAILED]
    assert "of 00003" in str(error) and "disk is full" in str(error) and "remove the file MIGRATED" in str(error)
    assert error.facts["changed"] is True
    # They do not go away by themselves, and do when the shard is migrated anew.
    assert setting.failure().facts["reason"] == "log-errors"
    setting.folders.log([real.BEGUN])
    setting.folders.migrate("00003")
    assert setting.ensure()["changed"] is False


def test_shards_that_were_left_out_are_told(setting):
    def work():
        setting.folders.migrate("00003")
        setting.folders.log([real.migrating("00002"), real.NOT_OPENED])
        setting.folders.migrate("00001")

    setting.steps = [work]
    error = setting.failure()
    assert (error.facts["reason"], error.facts["unmarked"]) == ("unmarked", ["00002"])
    assert error.facts["lines"] == [real.NOT_OPENED] and "Corruption" in str(error)
    assert error.facts["progress"]["shards_done"] == 2
    # The second attempt is not judged by the first.
    setting.steps = [lambda: setting.folders.log([real.skipped("00003")]), lambda: setting.folders.migrate("00002")]
    assert setting.ensure()["changed"] is True


def test_a_marker_with_something_else_in_it_is_none(setting):
    setting.folders.mark("00001", content=b"")

    def work():
        setting.folders.migrate("00003", "00002")
        setting.folders.log([real.skipped("00001")])

    setting.steps = [work]
    error = setting.failure()
    assert (error.facts["reason"], error.facts["unmarked"]) == ("unmarked", ["00001"])


def test_a_folder_that_cannot_be_read_is_told(setting):
    setting.steps = [lambda: setting.folders.log([real.NO_FOLDER])]
    error = setting.failure()
    assert error.facts["reason"] == "unmarked" and "no such file" in str(error)


@pytest.mark.parametrize("answer", [STARTS, RUNS])
def test_a_start_that_the_log_does_not_show_is_told(setting, answer):
    setting.node.migrating = [answer]
    setting.node.on_migrate = None
    error = setting.failure()
    assert error.facts["reason"] == "not-started" and setting.now == 1011.0


def test_a_server_that_was_started_again_is_told_at_once(setting):
    setting.steps = [lambda: setting.folders.migrate("00003"), lambda: setting.folders.log([real.STARTED])]
    error = setting.failure()
    assert error.facts["reason"] == "interrupted" and "1 of 3" in str(error) and setting.now == 1002.0


def test_a_server_that_died_is_told_at_once(setting):
    setting.steps = [lambda: setattr(setting.node, "release", "")]
    error = setting.failure()
    assert error.facts["reason"] == "server" and setting.now == 1001.0
    assert error.facts["changed"] is True and error.facts["progress"]["shards_done"] == 0


def test_the_limit_leaves_the_migration_running(setting):
    setting.steps = [lambda: setting.folders.migrate("00003"), lambda: setting.folders.log([real.migrating("00002")])]
    error = setting.failure(limit=4)
    assert error.facts["reason"] == "limit" and "1 of 3" in str(error) and setting.now == 1004.0
    assert (error.facts["changed"], error.facts["started"]) == (True, True)
    assert error.facts["progress"] == {
        "shards_total": 3,
        "shards_done": 1,
        "bytes_total": 300,
        "bytes_before": 0,
        "bytes_done": 100,
        "bytes_per_second": 25,
        "seconds_left": 8,
        "shard": "00002",
    }


def test_nobody_waits_longer_than_the_limit(setting):
    assert setting.failure(limit=2.5).facts["reason"] == "limit" and setting.now == 1002.5


def test_a_limit_of_nothing_starts_it_and_looks_once(setting):
    error = setting.failure(limit=0)
    assert error.facts["reason"] == "limit" and error.facts["progress"]["seconds_left"] is None
    assert setting.now == 1000.0 and len(setting.node.pauses) == 1


def test_the_waiting_can_be_called_piece_by_piece(setting):
    migration = setting.migration()
    migration.start()
    for _attempt in range(2):
        with pytest.raises(FleetError, match="0 of 3"):
            migration.wait(2)
    setting.folders.migrate("00003", "00002", "00001")
    migration.wait(2)
    assert migration.progress()["shards_done"] == 3


def test_a_migration_that_must_not_be_started_is_waited_for(setting):
    setting.folders.log([real.BEGUN, real.migrating("00003")])
    setting.steps = [lambda: setting.folders.migrate("00003", "00002", "00001")]
    setting.node.migrating = [RUNS, STARTS]
    result = setting.ensure(start=False)
    assert (result["changed"], result["started"], result["seconds"]) == (True, False, 2.0)
    # Both requests ask whether it still runs, with all shards marked.
    assert len(setting.node.pauses) == 2


@pytest.mark.parametrize("lines", [[], [real.BEGUN, real.STARTED]], ids=["never begun", "server started again"])
def test_nothing_is_started_where_it_must_not_be(setting, lines):
    setting.folders.log(lines)
    error = setting.failure(start=False)
    assert error.facts["reason"] == "interrupted" and "0 of 3" in str(error)
    assert setting.node.changes() == [] and setting.now == 1000.0


def test_a_migration_that_left_shards_out_is_not_started_anew_where_it_must_not_be(setting):
    setting.folders.log([real.BEGUN, real.migrating("00003"), real.NOT_OPENED])
    setting.folders.migrate("00002", "00001")
    assert setting.failure(start=False).facts["unmarked"] == ["00003"]
    assert setting.node.changes() == []


def test_errors_are_told_when_the_migration_is_over_and_not_amid_it(setting):
    setting.folders.log([real.BEGUN, real.migrating("00003"), real.database("test"), real.WRITE_FAILED, real.done("test")])
    setting.folders.mark("00003")
    assert setting.failure(start=False, limit=3).facts["reason"] == "limit"
    setting.folders.migrate("00002", "00001")
    assert setting.failure(start=False).facts["reason"] == "log-errors"


def put_away(setting, number, age=0):
    """As the server does at midnight."""
    path = "{0}.{1:03d}".format(setting.folders.log_file, number)
    os.rename(setting.folders.log_file, path)
    if age:
        os.utime(path, (time.time() - age, time.time() - age))
    setting.folders.log([])


def test_the_log_of_yesterday_counts_too(setting):
    setting.folders.log([real.BEGUN])
    setting.folders.migrate("00003")
    put_away(setting, 2, 7200)
    setting.folders.log([real.migrating("00002"), real.database("test")])
    put_away(setting, 1, 3600)
    setting.folders.log([real.done("test")])
    setting.folders.mark("00002")
    setting.steps = [lambda: setting.folders.migrate("00001")]
    assert setting.ensure(start=False)["progress"]["shards_done"] == 3


def test_midnight_may_come_while_it_is_waited(setting):
    def midnight():
        setting.folders.log([real.done("test"), real.migrating("00002"), real.database("test")])
        put_away(setting, 1)
        setting.folders.log([real.done("test")])
        setting.folders.mark("00003", "00002")
        setting.folders.log([real.OTHER_ERROR] * 20)

    setting.folders.log([real.BEGUN, real.migrating("00003"), real.database("test")])
    setting.steps = [midnight, lambda: setting.folders.migrate("00001")]
    error = setting.failure(start=False)
    assert error.facts["reason"] == "log-errors" and error.facts["lines"] == [real.OTHER_ERROR] * 20


def test_the_module_keeps_the_password_to_itself(setting):
    prove(setting, "00003", "00002", "00001")
    result = influxdb_migrate_data.migrate(setting.params(), False)
    assert result["changed"] is False and PASSWORD not in json.dumps(result)
    assert influxdb_migrate_data.OPTIONS["password"]["no_log"] is True
    assert influxdb_migrate_data.OPTIONS["data_dir"]["default"] == "/opt/influxdb/shared/data"
