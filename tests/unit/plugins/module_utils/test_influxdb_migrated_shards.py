# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil
import stat

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_migrated_shards import MigratedShards
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import influxdb_legacy_folders as real

ALL = ["00001", "00002", "00003"]
EACH = 106
"""Bytes of a shard with its marker."""


class Killed(BaseException):
    """kill -9: nothing in the code can catch it."""


@pytest.fixture
def folders(tmp_path):
    """A server that has migrated all shards: as real ones, from the highest down, with an empty new shard for each old one."""
    made = real.Folders(tmp_path)
    made.log([real.BEGUN])
    made.migrate("00003", "00002", "00001")
    for shard in ALL:
        made.write("db/shard_db_v2/{0}/000003.log".format(shard), b"")
        made.write("db/shard_db_v2/{0}/CURRENT".format(shard), b"MANIFEST-000002\n")
    made.write("db/shard_db_v2/00004/000003.log", b"y" * 70)
    return made


def place(folders, *names):
    return os.path.join(folders.path, "db", *names)


def shards(folders):
    return MigratedShards(folders.path, folders.log_file)


def remove(folders, check_mode=False):
    return shards(folders).remove(check_mode)


def refusal(folders):
    """The error of a removal that changed nothing, which a look and check mode see too."""
    before = tree(folders)
    with pytest.raises(FleetError) as caught:
        remove(folders)
    with pytest.raises(FleetError) as foreseen:
        remove(folders, True)
    look = shards(folders).look()
    assert (look["reason"], look["refusal"]) == (caught.value.facts["reason"], str(caught.value))
    assert str(foreseen.value) == str(caught.value) and tree(folders) == before
    return caught.value


def tree(folders):
    return sorted(os.path.join(where, name) for where, _folders, names in os.walk(place(folders)) for name in names)


def kill(monkeypatch, function, after=0):
    """Kill the removal at the call of a function, or after so many calls of it."""
    module, name = function
    original, calls = getattr(module, name), []

    def die(*arguments, **options):
        calls.append(arguments)
        if len(calls) > after:
            raise Killed()
        return original(*arguments, **options)

    monkeypatch.setattr(module, name, die)


def test_all_are_removed_and_counted(folders):
    result = remove(folders)
    assert result == {
        "changed": True,
        "shards": [{"id": name, "bytes": EACH} for name in ALL],
        "bytes": 3 * EACH,
        "removed": ALL,
    }
    assert os.listdir(place(folders, "shard_db")) == [] and sorted(os.listdir(place(folders))) == ["shard_db", "shard_db_v2"]
    assert sorted(os.listdir(place(folders, "shard_db_v2"))) == ALL + ["00004"]


def test_what_is_removed_stays_removed(folders):
    remove(folders)
    assert remove(folders) == {"changed": False, "shards": [], "bytes": 0, "removed": []}


def test_a_node_without_old_shards_is_left_alone(tmp_path):
    none = real.Folders(tmp_path, shards=())
    none.path = str(tmp_path / "none")
    assert remove(none)["changed"] is False
    assert shards(none).look() == {"changed": False, "shards": [], "bytes": 0, "removed": [], "reason": None, "refusal": None}


def test_a_look_and_check_mode_remove_nothing(folders):
    before = tree(folders)
    look, foreseen = shards(folders).look(), remove(folders, True)
    assert (look["changed"], look["reason"], look["refusal"]) == (False, None, None)
    assert (foreseen["changed"], foreseen["removed"], look["removed"]) == (True, [], [])
    assert look["shards"] == foreseen["shards"] and look["bytes"] == foreseen["bytes"] == 3 * EACH
    assert tree(folders) == before


@pytest.mark.parametrize("content", [None, b"", b"done."], ids=["none", "empty", "cut off"])
def test_nothing_is_removed_while_a_shard_is_not_migrated(folders, content):
    os.remove(place(folders, "shard_db", "00002", "MIGRATED"))
    if content is not None:
        folders.mark("00002", content=content)
    error = refusal(folders)
    assert (error.facts["reason"], error.facts["unmarked"]) == ("unmarked", ["00002"]) and "1 of 3" in str(error)
    assert [shard["id"] for shard in shards(folders).look()["shards"]] == ["00001", "00003"]


def test_shards_of_which_none_is_migrated_are_no_success(tmp_path):
    folders = real.Folders(tmp_path)
    assert refusal(folders).facts["reason"] == "unmarked"


def test_a_folder_that_is_no_shard_is_not_removed(folders):
    os.mkdir(place(folders, "shard_db", "kept"))
    assert refusal(folders).facts["unmarked"] == ["kept"]


def test_nothing_is_removed_while_a_migration_runs(folders):
    folders.log([real.BEGUN, real.skipped("00003")])
    assert refusal(folders).facts["reason"] == "migrating"
    folders.log([real.skipped("00002"), real.skipped("00001")])
    assert remove(folders)["changed"] is True


def test_a_log_that_tells_nothing_any_more_is_no_obstacle(folders):
    os.remove(folders.log_file)
    assert remove(folders)["removed"] == ALL


def test_nothing_is_removed_without_the_raft_folder(folders):
    shutil.rmtree(os.path.join(folders.path, "raft"))
    assert refusal(folders).facts["reason"] == "raft-missing"


def test_markers_alone_are_not_believed_where_no_new_shard_holds_data(folders):
    shutil.rmtree(place(folders, "shard_db_v2", "00004"))
    error = refusal(folders)
    assert error.facts["reason"] == "not-migrated" and "3 shards of 0.7 hold data" in str(error)


def test_data_in_a_new_shard_of_an_old_number_is_not_what_was_migrated(folders):
    """A server that lost its raft folder counts from 1 again."""
    shutil.rmtree(place(folders, "shard_db_v2", "00004"))
    folders.write("db/shard_db_v2/00001/000003.log", b"new")
    assert refusal(folders).facts["reason"] == "not-migrated"


def test_old_shards_without_data_need_no_new_ones(folders):
    shutil.rmtree(place(folders, "shard_db_v2"))
    for shard in ALL:
        folders.write("db/shard_db/{0}/000003.log".format(shard), b"")
        folders.write("db/shard_db/{0}/CURRENT".format(shard), b"MANIFEST-000002\n")
    assert remove(folders)["removed"] == ALL


@pytest.mark.parametrize(
    "lines",
    [[real.database("test"), real.WRITE_FAILED, real.done("test")], []],
    ids=["errors", "no database"],
)
def test_markers_that_the_log_speaks_against_are_not_believed(folders, lines):
    folders.log([real.BEGUN, real.migrating("00003")] + lines + [real.skipped("00002"), real.skipped("00001")])
    error = refusal(folders)
    assert error.facts["reason"] == "not-migrated" and "00003" in str(error)


def test_errors_in_the_log_of_yesterday_count_too(folders):
    folders.log([real.BEGUN, real.migrating("00003"), real.database("test"), real.WRITE_FAILED, real.skipped("00001")])
    os.rename(folders.log_file, folders.log_file + ".001")
    folders.log([real.STARTED])
    error = refusal(folders)
    assert error.facts["reason"] == "not-migrated" and "00003" in str(error)


def test_a_linked_folder_of_all_shards_is_what_it_points_to(folders, tmp_path, monkeypatch):
    """A rename to where the link is could lead to another file system."""
    large = os.path.realpath(str(tmp_path / "large"))
    os.rename(place(folders, "shard_db"), large)
    os.symlink(large, place(folders, "shard_db"))
    moved = []
    original = os.rename

    def rename(source, dest):
        moved.append(dest)
        original(source, dest)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        assert remove(folders)["removed"] == ALL
    assert [os.path.dirname(dest) for dest in moved] == [large + ".migrated"] * 3
    assert os.path.islink(place(folders, "shard_db")) and os.listdir(large) == []


def test_a_shard_that_is_a_link_is_left_with_all_others(folders, tmp_path):
    os.rename(place(folders, "shard_db", "00002"), str(tmp_path / "elsewhere"))
    os.symlink(str(tmp_path / "elsewhere"), place(folders, "shard_db", "00002"))
    error = refusal(folders)
    assert error.facts["reason"] == "place" and place(folders, "shard_db", "00002") in str(error)
    assert os.listdir(str(tmp_path / "elsewhere"))


def test_a_link_in_a_shard_is_removed_and_not_what_it_points_to(folders, tmp_path):
    folders.write("precious/file", b"x")
    os.symlink(str(tmp_path / "precious"), place(folders, "shard_db", "00002", "link"))
    remove(folders)
    assert (tmp_path / "precious" / "file").exists()


def test_what_is_to_be_removed_cannot_be_exchanged_for_a_link(folders, tmp_path):
    os.symlink(str(tmp_path / "raft"), place(folders, "shard_db.migrated"))
    assert refusal(folders).facts["reason"] == "place"


@pytest.mark.parametrize("mounted", [("shard_db",), ("shard_db", "00002")])
def test_a_file_system_of_its_own_is_left_alone(folders, monkeypatch, mounted):
    path = os.path.realpath(place(folders, *mounted))
    monkeypatch.setattr(os.path, "ismount", lambda asked: os.path.realpath(asked) == path)
    error = refusal(folders)
    assert error.facts["reason"] == "place" and path in str(error)


def test_a_removal_that_is_killed_never_leaves_half_a_shard_to_the_server(folders, monkeypatch):
    """The marker goes first, as it may."""
    lost = []

    def half(path):
        lost.append(path)
        os.remove(os.path.join(path, "MIGRATED"))
        raise Killed()

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", half)
        with pytest.raises(Killed):
            remove(folders)
    assert lost == [os.path.realpath(place(folders, "shard_db.migrated", "00003"))]
    assert stat.S_IMODE(os.stat(place(folders, "shard_db.migrated")).st_mode) == 0o700
    assert sorted(os.listdir(place(folders, "shard_db"))) == ["00001", "00002"]
    # What is left is shown and removed, though the log says that a shard below it was the last one.
    assert shards(folders).look()["shards"] == [{"id": name, "bytes": size} for name, size in zip(ALL, (EACH, EACH, 100))]
    assert remove(folders)["removed"] == ALL
    assert sorted(os.listdir(place(folders))) == ["shard_db", "shard_db_v2"]


@pytest.mark.parametrize("function", [(os, "mkdir"), (os, "chmod"), (os, "rename"), (shutil, "rmtree"), (os, "rmdir")])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_removal_goes_on_wherever_it_was_killed(folders, monkeypatch, function, after):
    with monkeypatch.context() as patch:
        kill(patch, function, after)
        try:
            remove(folders)
        except Killed:
            pass
    for name in os.listdir(place(folders, "shard_db")):
        assert sorted(os.listdir(place(folders, "shard_db", name))) == ["000003.log", "MIGRATED"]
    remove(folders)
    assert os.listdir(place(folders, "shard_db")) == [] and shards(folders).look()["shards"] == []


def test_what_cannot_be_removed_is_told_with_what_was(folders, monkeypatch):
    original = shutil.rmtree

    def stuck(path):
        if path.endswith("00002"):
            raise OSError(1, "Operation not permitted", os.path.join(path, "000003.log"))
        original(path)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", stuck)
        with pytest.raises(FleetError) as caught:
            remove(folders)
    error = caught.value
    assert error.facts["reason"] == "not-removed" and "00002/000003.log cannot be removed: Operation not permitted" in str(error)
    assert (error.facts["changed"], error.facts["removed"]) == (True, ["00003"])
    assert remove(folders)["removed"] == ["00001", "00002"]


def test_what_cannot_be_moved_was_not_changed(folders, monkeypatch):
    def refuse(*_paths):
        raise OSError(13, "Permission denied", "x")

    monkeypatch.setattr(os, "rename", refuse)
    before = tree(folders)
    with pytest.raises(FleetError) as caught:
        remove(folders)
    assert (caught.value.facts["changed"], caught.value.facts["removed"]) == (False, []) and tree(folders) == before


def test_what_somebody_else_put_aside_stays(folders):
    folders.write("db/shard_db.migrated/notes.txt", b"x")
    assert remove(folders)["removed"] == ALL
    assert os.listdir(place(folders, "shard_db.migrated")) == ["notes.txt"]


def test_a_look_does_not_hide_what_cannot_be_read(folders):
    shutil.rmtree(os.path.join(folders.path, "raft"))
    folders.write("raft", b"no folder")
    with pytest.raises(FleetError, match="cannot be read"):
        shards(folders).look()
