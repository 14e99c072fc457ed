# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole swaps from 0.11.1, whose metastore is restored in between: stale backups, kills at every effect, and the way back."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._copies import sha256
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import metastore_in
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import metastore_files as files
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import test_swap as swaps

NEW, OLD = swaps.NEW, swaps.OLD
META = ["node.json", "raft.db", "snapshots"]


class OldHost(swaps.Host):
    """A node whose old release keeps its metadata in raft.db, and whose new one does not start where there is one."""

    def __init__(self, folder):
        self.changes_while_it_stops = False
        super(OldHost, self).__init__(folder)
        for name in ("data", "wal", "backup"):
            os.mkdir(self.path(name))
        os.unlink(self.path("meta", "meta.db"))
        os.mkdir(self.path("meta", "snapshots"))
        self.put("meta/raft.db", "raft", 0o600)
        self.put("meta/node.json", "{}")
        shutil.copy(files.META, self.path("backup", "meta.00"))

    def _write(self, release):
        """0.11 starts empty on a folder without its file; points that are written change neither file."""
        if release == NEW and os.path.exists(self.path("meta", "raft.db")):
            self.running = ""
        elif release == OLD and self.calls and not os.path.exists(self.path("meta", "raft.db")):
            self.put("meta/raft.db", "empty")

    def stop(self):
        super(OldHost, self).stop()
        if self.changes_while_it_stops:
            self.put("meta/raft.db", "raft and one database more", 0o600)

    def run_command(self, argv):
        """The new release's restore (observed with 1.4.3)."""
        assert argv[-2:] == ["-metadir=" + self.path("meta"), self.path("backup")]
        self.effect("restore")
        with open(self.path("meta", "meta.db"), "wb") as target:
            target.write(metastore_in(files.meta_00()))
        self.effect("half restored")
        os.unlink(self.path("meta", "raft.db"))
        self.effect("restored")
        return Result(0, "", "")

    def shard(self, *place):
        os.makedirs(self.path(*place))

    def meta(self):
        return sorted(os.listdir(self.path("meta")))


@pytest.fixture
def host(tmp_path, monkeypatch):
    return swaps.watched(OldHost(str(tmp_path)), monkeypatch)


def metastore(host, **changes):
    values = {name + "_dir": host.path(name) for name in ("meta", "data", "wal")}
    values.update(backup=host.path("backup", "meta.00"), sha256=sha256(files.META), raft_sha256=RAFT_SHA256)
    values.update(program="/usr/bin/influxd", owner=str(os.geteuid()), group=str(os.getegid()))
    return dict(values, **changes)


RAFT_SHA256 = "76a35072df72591a656e69cab6f6fa99aa386fd5ace35c9042851eb324ec16b5"


def swap(host, **changes):
    return swaps.swap(host, metastore=metastore(host), **changes)


def assert_new(host):
    assert host.running == NEW and host.meta() == ["meta.db", "snapshots"]


def assert_old(host):
    assert host.running == OLD and host.meta() == META and host.get("meta/raft.db") == "raft"


def test_the_metastore_is_restored_while_the_service_is_down(host):
    result = swap(host)
    assert (result["outcome"], result["reason"]) == ("swapped", "")
    names = swaps.names(result)
    assert names.index("stop") < names.index("metastore") < names.index("start")
    assert_new(host)
    assert swap(host)["outcome"] == "unchanged"


def test_a_backup_that_is_stale_is_refused_before_anything_is_changed(host):
    host.put("meta/raft.db", "raft and one database more", 0o600)
    result = swap(host)
    assert (result["outcome"], result["reason"]) == ("restored", "metastore-stale")
    assert [call for call in host.calls if call.startswith("install") or call == "stop"] == []
    assert host.running == OLD


def test_metadata_that_changes_at_the_very_end_brings_the_old_release_back_with_it(host):
    host.changes_while_it_stops = True
    result = swap(host)
    assert (result["outcome"], result["reason"]) == ("restored", "metastore-stale")
    assert host.running == OLD and host.meta() == META
    assert host.get("meta/raft.db") == "raft and one database more"


@pytest.mark.parametrize("behaviour", [swaps.CRASHES, swaps.MUTE])
def test_a_new_release_that_does_not_come_up_leaves_the_old_metastore(host, behaviour):
    host.behaviour[NEW] = behaviour
    assert swap(host)["outcome"] == "restored"
    assert_old(host)


def test_a_restore_that_fails_leaves_the_old_metastore(host):
    host.failing = {"half restored": OSError("no space left on device")}
    result = swap(host)
    assert result["outcome"] == "restored" and "no space left" in result["error"]
    assert_old(host)


def test_the_way_back_of_a_release_that_served_never_lets_the_old_one_start_empty(host):
    assert swap(host)["outcome"] == "swapped"
    for folder in ("data", "wal"):
        host.shard(folder, "app", "default", "9")
        host.shard(folder, "app", "default", "999")
    result = swap(host, state="restored")
    assert result["outcome"] == "restored"
    assert_old(host)
    for folder in ("data", "wal"):
        assert os.listdir(host.path(folder, "app", "default")) == ["9"]
        assert os.path.isdir(host.path(folder + ".dbfleet-aside", "app", "default", "999"))
    told = " ".join(result["notes"])
    assert "data.dbfleet-aside/app/default/999" in told and "aside-1" in told
    assert swap(host, state="restored")["outcome"] == "unchanged"


def test_the_old_release_that_somebody_started_on_the_new_metastore_does_not_count_as_back(host):
    assert swap(host)["outcome"] == "swapped"
    host.version, host.running = OLD + "-1", ""
    host.put("etc/influxdb.conf", "old", 0o640)
    os.unlink(host.path("etc", "extra.conf"))
    host.start()
    assert (host.running, host.get("meta/raft.db")) == (OLD, "empty")
    assert swap(host, state="restored")["outcome"] == "restored"
    assert_old(host)


@pytest.mark.parametrize("state", ["swapped", "restored"])
@pytest.mark.parametrize("behaviour", [swaps.GOOD, swaps.CRASHES])
def test_killed_at_every_effect(tmp_path, monkeypatch, host, behaviour, state):
    at = 0
    while True:
        at += 1
        folder = str(tmp_path / "{0}".format(at))
        os.mkdir(folder)
        one = swaps.watched(OldHost(folder), monkeypatch)
        one.behaviour[NEW] = behaviour
        if not swaps.killed_swap(one, at, metastore=metastore(one)):
            break
        where = list(one.calls)
        one.behaviour[NEW] = swaps.GOOD
        result = swap(one, state=state)
        assert result["outcome"] in (state, "unchanged"), (where, result["error"])
        (assert_new if state == "swapped" else assert_old)(one)
    assert at > 30
