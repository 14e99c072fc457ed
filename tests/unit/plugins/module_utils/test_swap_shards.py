# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole swaps that convert shards while the service is down: failures, kills at every effect, and the way back."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import shard_files as shards
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import test_swap as swaps
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import test_swap_metastore as metastores

NEW, OLD = swaps.NEW, swaps.OLD
ONE = "db_b1/default/1"


class ShardHost(swaps.Host):
    """A node with shards of the old formats."""

    def __init__(self, folder):
        super(ShardHost, self).__init__(folder)
        self.folders = shards.Folders(folder)
        shutil.rmtree(self.folders.path("data", "db_bz1"))
        self.folders.before = self.folders.now()
        self.folders.tsm.step = lambda: self.effect("influx_tsm")

    def run_command(self, argv, data=None):
        assert not self.running
        return self.folders.tsm(argv, data)


@pytest.fixture
def host(tmp_path, monkeypatch):
    return swaps.watched(ShardHost(str(tmp_path)), monkeypatch)


def options(folders):
    return {key: value for key, value in folders.params().items() if key != "scratch"}


def swap(host, **changes):
    return swaps.swap(host, shards=options(host.folders), **changes)


def assert_converted(host):
    assert host.running == NEW
    assert host.folders.work().due() == [] and not host.folders.work().is_unproved()
    assert os.path.isfile(host.folders.path("data.dbfleet-b1", ONE))


def assert_as_before(host):
    assert host.running == OLD
    assert host.folders.now() == host.folders.before


def test_shards_are_converted_while_the_service_is_down(host):
    result = swap(host)
    assert result["outcome"] == "swapped", result["error"]
    names = swaps.names(result)
    assert names.index("stop") < names.index("shards") < names.index("start")
    assert "3 shards with 3200 points were converted" in " ".join(result["notes"])
    assert_converted(host)
    assert swap(host)["outcome"] == "unchanged"


def test_what_cannot_be_converted_is_refused_before_anything_is_changed(host):
    os.unlink(host.folders.program)
    with pytest.raises(FleetError) as error:
        swap(host)
    assert "There is no program" in str(error.value)
    assert "stop" not in host.calls and host.running == OLD


def test_points_in_a_log_bring_the_old_release_back_which_empties_it(host):
    host.folders.put("wal/{0}/00.000001.wal".format(ONE))
    host.folders.before = host.folders.now()
    result = swap(host)
    assert (result["outcome"], result["reason"]) == ("restored", "shards-unflushed")
    assert_as_before(host)


def test_a_program_that_fails_leaves_the_old_release_with_its_shards(host):
    host.folders.tsm.fails = "unsupported value type *tsdb.Value"
    result = swap(host)
    assert result["outcome"] == "restored" and "unsupported value type" in result["error"]
    assert_as_before(host)


@pytest.mark.parametrize("behaviour", [swaps.CRASHES, swaps.MUTE])
def test_a_new_release_that_does_not_come_up_leaves_the_former_files(host, behaviour):
    host.behaviour[NEW] = behaviour
    assert swap(host)["outcome"] == "restored"
    assert_as_before(host)


def test_the_way_back_keeps_what_was_written_since(host):
    assert swap(host)["outcome"] == "swapped"
    host.folders.put("wal/{0}/_00001.wal".format(ONE))
    result = swap(host, state="restored")
    assert result["outcome"] == "restored" and "1 shards stay converted" in " ".join(result["notes"])
    assert os.path.isdir(host.folders.path("data", ONE))
    assert len(host.folders.work().due()) == 2
    assert swap(host, state="restored")["outcome"] == "unchanged"


def test_a_way_back_that_has_shards_to_put_back_is_not_done(host):
    assert swap(host)["outcome"] == "swapped"
    host.version, host.running = OLD + "-1", ""
    host.put("etc/influxdb.conf", "old", 0o640)
    os.unlink(host.path("etc", "extra.conf"))
    host.start()
    assert swap(host, state="restored")["outcome"] == "restored"
    assert_as_before(host)


def test_a_stale_backup_of_the_metastore_is_found_before_the_long_work(tmp_path, monkeypatch):
    host = swaps.watched(metastores.OldHost(str(tmp_path)), monkeypatch)
    folders = shards.Folders(str(tmp_path))
    host.changes_while_it_stops = True
    result = swaps.swap(host, metastore=metastores.metastore(host), shards=options(folders))
    assert (result["outcome"], result["reason"]) == ("restored", "metastore-stale")
    assert folders.tsm.calls == []
    assert "shards" in swaps.names(result, "failed")


@pytest.mark.parametrize("state", ["swapped", "restored"])
@pytest.mark.parametrize("behaviour", [swaps.GOOD, swaps.CRASHES])
def test_killed_at_every_effect(tmp_path, monkeypatch, behaviour, state):
    at, inside = 0, 0
    while True:
        at += 1
        folder = str(tmp_path / "{0}".format(at))
        os.mkdir(folder)
        one = swaps.watched(ShardHost(folder), monkeypatch)
        one.behaviour[NEW] = behaviour
        if not swaps.killed_swap(one, at, shards=options(one.folders)):
            break
        inside += one.calls[-1] == "influx_tsm"
        where = list(one.calls)
        one.behaviour[NEW] = swaps.GOOD
        result = swap(one, state=state)
        assert result["outcome"] in (state, "unchanged"), (where, result["error"])
        (assert_converted if state == "swapped" else assert_as_before)(one)
    assert inside == 12


def test_a_new_release_that_was_started_on_half_of_the_shards_is_not_done(host):
    """As when the machine restarts in the middle of a conversion."""

    def dies():
        raise swaps.Killed()

    host.folders.tsm.step, step = dies, host.folders.tsm.step
    with pytest.raises(swaps.Killed):
        swap(host)
    host.folders.tsm.step = step
    host.start()
    assert host.running == NEW
    assert swap(host)["outcome"] == "swapped"
    assert_converted(host)
