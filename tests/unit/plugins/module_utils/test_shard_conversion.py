# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conversion of the shards that a real 0.10.3 left, by an influx_tsm that does the real one's steps, killed at each of them."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil
import subprocess
import time

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _shard_conversion as conversion
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import shard_files as shards

SHARDS, ONE = shards.SHARDS, shards.ONE


class Killed(BaseException):
    pass


def dying_at(number):
    """Steps of which that one is the last."""
    left = [number]

    def step():
        left[0] -= 1
        if not left[0]:
            raise Killed()

    return step


@pytest.fixture
def server(tmp_path):
    return shards.Folders(str(tmp_path))


def assert_converted(server):
    for place in SHARDS:
        assert os.listdir(server.path("data", place)) == ["000000001-000000001.tsm"]
        assert os.path.isfile(server.path("data.dbfleet-b1", place))
    assert [place for place in conversion.places(server.path("data")) if place.endswith(".tsm")] == []


def test_every_shard_is_converted_and_its_file_kept_without_a_copy(server):
    inodes = [os.stat(server.path("data", place)).st_ino for place in SHARDS]
    assert server.work().due() == SHARDS
    made = server.work().convert()
    assert made["shards"] == SHARDS and (made["points"], made["filtered"], made["notes"]) == (3200, 0, [])
    assert_converted(server)
    assert [os.stat(server.path("data.dbfleet-b1", place)).st_ino for place in SHARDS] == inodes
    assert server.work().convert() == {}
    assert len(server.tsm.calls) == 1


def test_the_way_back_leaves_everything_as_it_was(server):
    server.work().convert()
    assert server.work().undo() == []
    assert server.now() == server.before
    assert server.work().convert()["shards"] == SHARDS


def test_where_no_link_can_be_the_files_are_copied(server, monkeypatch):
    def no_links(source, target):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(conversion.os, "link", no_links)
    server.work().convert()
    assert_converted(server)
    assert server.work().undo() == []
    assert server.now() == server.before


@pytest.mark.parametrize("die_at", range(1, 25))
def test_a_conversion_that_was_killed_is_done_again_or_undone(server, die_at):
    server.tsm.step = dying_at(die_at)
    with pytest.raises(Killed):
        server.work().convert()
    server.tsm.step = lambda: None
    assert server.work().is_unproved()
    work = server.work()
    if die_at % 2:
        assert work.convert()["shards"] == SHARDS
        assert_converted(server)
        assert not work.is_unproved()
    else:
        assert work.undo() == []
        assert server.now() == server.before


@pytest.mark.parametrize("name", ["unlink", "rename", "link"])
def test_a_way_back_that_was_killed_goes_on(server, monkeypatch, name):
    server.work().convert()
    real, step = getattr(os, name), dying_at(3)

    def dies(*paths, **more):
        step()
        return real(*paths, **more)

    monkeypatch.setattr(conversion.os, name, dies)
    with pytest.raises(Killed):
        server.work().undo()
    monkeypatch.undo()
    assert server.work().undo() == []
    assert server.now() == server.before


@pytest.mark.parametrize("summary, text", [({"written": 3199}, "Points written: 3199"), ({"shards": 5}, "Shards converted: 5")])
def test_a_summary_that_does_not_add_up_undoes_everything(server, summary, text):
    server.tsm.summary = summary
    with pytest.raises(FleetError) as error:
        server.work().convert()
    assert text in str(error.value)
    assert server.now() == server.before


def test_values_that_are_no_numbers_are_told_and_not_missed(server):
    server.tsm.summary = {"written": 3190, "nan": 10}
    assert server.work().convert()["filtered"] == 10


def test_a_program_without_a_summary_is_not_believed(server, monkeypatch):
    monkeypatch.setattr(server.tsm, "summary", {"shards": "all"})
    with pytest.raises(FleetError):
        server.work().convert()
    assert server.now() == server.before


def test_a_file_that_the_program_changes_is_found(server):
    def scribble(path):
        os.utime(path, (1, 1))

    server.tsm.breaks = scribble
    with pytest.raises(FleetError) as error:
        server.work().convert()
    assert "was changed by its conversion" in str(error.value)


def test_a_broken_program_leaves_everything_as_it_was(server):
    server.tsm.fails = "2016/04/01 Failed to convert /x: unsupported value type *tsdb.Value\n"
    with pytest.raises(FleetError) as error:
        server.work().convert()
    assert "unsupported value type" in str(error.value) and "0.11 is broken" in str(error.value)
    assert server.now() == server.before


def test_points_in_the_log_of_a_shard_are_not_left_behind(server):
    server.put("wal/{0}/00.000001.wal".format(ONE))
    before = server.now()
    with pytest.raises(FleetError) as error:
        server.work().convert()
    assert error.value.facts["reason"] == "shards-unflushed"
    assert server.now() == before


def test_room_and_program_are_looked_at_first(server, monkeypatch):
    with pytest.raises(FleetError) as error:
        server.work(program=server.path("nothing")).refuse()
    assert "There is no program" in str(error.value)
    monkeypatch.setattr(conversion, "free_space", lambda path: {"free": conversion.SPARE + 491519})
    with pytest.raises(FleetError) as error:
        server.work().refuse()
    assert "MiB free" in str(error.value)
    monkeypatch.setattr(conversion, "free_space", lambda path: {"free": conversion.SPARE + 491520})
    server.work().refuse()


def test_a_shard_that_was_written_to_since_stays_converted(server):
    server.work().convert()
    server.put("wal/{0}/_00001.wal".format(ONE))
    assert server.work().undo() == [ONE]
    assert os.path.isdir(server.path("data", ONE))
    assert server.work().due() == [place for place in SHARDS if place != ONE]
    assert server.work().convert()["shards"] == server.work().undoable()
    assert_converted(server)


def test_a_deletion_since_counts_as_a_write(server):
    server.work().convert()
    server.put("data/{0}/000000001-000000001.tombstone".format(ONE))
    assert server.work().undo() == [ONE]


def test_a_new_index_is_no_write(server):
    server.work().convert()
    server.put("data/{0}/fields.idx".format(ONE))
    assert server.work().undo() == []


def leave(server, place, file_is_gone):
    """What somebody's influx_tsm left when it was killed."""
    shutil.copytree(os.path.join(server.tsm.made, place), server.path("data", place + ".tsm"))
    if file_is_gone:
        os.unlink(server.path("data", place))


def test_an_earlier_conversion_is_finished_where_only_the_last_step_is_missing(server):
    leave(server, ONE, file_is_gone=True)
    made = server.work().convert()
    assert made["shards"] == [place for place in SHARDS if place != ONE]
    assert "was finished" in made["notes"][0]
    assert os.listdir(server.path("data", ONE)) == ["000000001-000000001.tsm"]


def test_what_an_earlier_conversion_left_half_done_is_moved_away(server):
    leave(server, ONE, file_is_gone=False)
    made = server.work().convert()
    assert made["shards"] == SHARDS
    assert os.listdir(server.path("data.dbfleet-aside", ONE + ".tsm")) == ["000000001-000000001.tsm"]
    assert_converted(server)


def test_a_rehearsal_converts_the_smallest_shard_of_each_format_elsewhere(server):
    tried = conversion.rehearse(server.params(), server.tsm, lambda seconds: None)
    assert tried["shards"] == ["db_b1/default/2", "db_bz1/default/5"]
    assert tried["bytes"] == 65536 + 32768
    assert server.now() == server.before
    assert not os.path.exists(server.params()["scratch"])


def test_a_rehearsal_with_a_broken_program_says_so(server):
    server.tsm.fails = "unsupported value type *tsdb.Value"
    with pytest.raises(FleetError):
        conversion.rehearse(server.params(), server.tsm, lambda seconds: None)
    assert not os.path.exists(server.params()["scratch"])


def test_a_file_that_changes_while_it_is_copied_is_not_rehearsed_with(server):
    path = server.path("data", ONE)
    target = os.path.join(server.folder, "copy")
    times = iter(range(100))
    real = conversion.tools.copy_entry

    def busy(source, copy):
        real(source, copy)
        os.utime(source, (1, next(times)))

    conversion.tools.copy_entry, slept = busy, []
    try:
        assert not conversion.copy_at_rest(path, target, slept.append)
    finally:
        conversion.tools.copy_entry = real
    assert len(slept) == 4 and not os.path.exists(target)
    assert conversion.copy_at_rest(path, target, slept.append)


def works_on(server):
    """Start a process that looks like an influx_tsm at work on the data folder."""
    with open(server.program, "w") as target:
        target.write("#!/bin/sh\nsleep 60\n")
    found = subprocess.Popen([server.program, "-nobackup", server.path("data")])
    while not server.work().running():
        time.sleep(0.01)
    return found


def test_the_program_of_a_conversion_that_was_killed_is_ended_before_anything_else(server):
    server.tsm.step = dying_at(5)
    with pytest.raises(Killed):
        server.work().convert()
    server.tsm.step = lambda: None
    orphan = works_on(server)
    assert server.work().convert()["shards"] == SHARDS
    assert orphan.wait() == -9


def test_somebody_elses_conversion_is_not_disturbed(server):
    other = works_on(server)
    with pytest.raises(FleetError) as error:
        server.work().refuse()
    assert "process {0}".format(other.pid) in str(error.value)
    other.kill()
    other.wait()
    server.work().refuse()
