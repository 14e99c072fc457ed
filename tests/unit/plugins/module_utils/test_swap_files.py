# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import stat
import time

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_files import (
    copy_entry,
    copy_settled,
    discard_new,
    mirror_entry,
    remove_file,
    replace_file,
    size_of,
    survey,
)


def put(path, text, mode=0o644):
    with open(str(path), "w") as target:
        target.write(text)
    os.chmod(str(path), mode)


def get(path):
    with open(str(path)) as source:
        return source.read()


@pytest.fixture
def folder(tmp_path):
    """A folder with what metadata folders hold, and more."""
    made = tmp_path / "meta"
    (made / "snapshots").mkdir(parents=True)
    put(made / "meta.db", "metadata", 0o600)
    put(made / "snapshots" / "1", "snapshot", 0o640)
    os.symlink("meta.db", str(made / "link"))
    os.mkfifo(str(made / "pipe"))
    os.chmod(str(made / "snapshots"), 0o700)
    return made


class TestReplaceFile(object):
    def test_content_and_mode(self, tmp_path):
        put(tmp_path / "src", "new")
        put(tmp_path / "dest", "old", 0o600)
        replace_file(str(tmp_path / "src"), str(tmp_path / "dest"), os.geteuid(), os.getegid(), 0o640)
        assert get(tmp_path / "dest") == "new" and stat.S_IMODE(os.stat(str(tmp_path / "dest")).st_mode) == 0o640
        assert sorted(os.listdir(str(tmp_path))) == ["dest", "src"]

    def test_a_link_is_followed(self, tmp_path):
        (tmp_path / "shared").mkdir()
        put(tmp_path / "src", "new")
        put(tmp_path / "shared" / "real", "old")
        os.symlink(str(tmp_path / "shared" / "real"), str(tmp_path / "dest"))
        replace_file(str(tmp_path / "src"), str(tmp_path / "dest"), os.geteuid(), os.getegid(), 0o644)
        assert os.path.islink(str(tmp_path / "dest")) and get(tmp_path / "shared" / "real") == "new"

    def test_what_an_interrupted_one_left_is_no_hindrance(self, tmp_path):
        put(tmp_path / "src", "new")
        put(tmp_path / "precious", "precious")
        os.symlink(str(tmp_path / "precious"), str(tmp_path / "dest.dbfleet-new"))
        replace_file(str(tmp_path / "src"), str(tmp_path / "dest"), os.geteuid(), os.getegid(), 0o644)
        assert get(tmp_path / "dest") == "new" and get(tmp_path / "precious") == "precious"

    def test_a_failure_leaves_the_old_file(self, tmp_path):
        put(tmp_path / "dest", "old")
        with pytest.raises(EnvironmentError):
            replace_file(str(tmp_path / "none"), str(tmp_path / "dest"), os.geteuid(), os.getegid(), 0o644)
        assert get(tmp_path / "dest") == "old"

    def test_removed_with_its_remains_and_again(self, tmp_path):
        put(tmp_path / "dest", "x")
        put(tmp_path / "dest.dbfleet-new", "y")
        for _time in range(2):
            discard_new(str(tmp_path / "dest"))
            remove_file(str(tmp_path / "dest"))
        assert os.listdir(str(tmp_path)) == []


class TestCopyAndMirror(object):
    def test_a_copy_is_the_same(self, folder, tmp_path):
        copy_entry(str(folder), str(tmp_path / "copy"))
        assert survey(str(tmp_path / "copy")) == survey(str(folder)) != []
        assert not os.path.lexists(str(tmp_path / "copy" / "pipe"))

    def test_mirrored_it_is_the_same_again_and_the_folder_has_stayed(self, folder, tmp_path):
        copy_entry(str(folder), str(tmp_path / "copy"))
        inode = os.stat(str(folder)).st_ino
        put(folder / "meta.db", "changed", 0o644)
        put(folder / "more", "more")
        os.unlink(str(folder / "link"))
        (folder / "link").mkdir()
        put(folder / "link" / "inside", "x")
        os.unlink(str(folder / "snapshots" / "1"))
        os.rmdir(str(folder / "snapshots"))
        put(folder / "snapshots", "a file now")
        mirror_entry(str(tmp_path / "copy"), str(folder))
        assert survey(str(folder)) == survey(str(tmp_path / "copy"))
        assert os.stat(str(folder)).st_ino == inode

    def test_what_settled_is_copied_ahead_and_only_the_rest_is_copied_again(self, folder, tmp_path):
        now = time.time()
        old, copy = now - 100, tmp_path / "copy"
        for name in ("meta.db", "snapshots/1"):
            os.utime(str(folder / name), (old, old))
        put(folder / "log", "young")
        copy_settled(str(folder), str(copy), now - 2)
        assert sorted(os.listdir(str(copy))) == ["meta.db", "snapshots"]
        inode = os.stat(str(copy / "meta.db")).st_ino
        put(folder / "log", "young and longer")
        put(folder / "snapshots" / "1", "1 again")
        os.unlink(str(folder / "link"))
        mirror_entry(str(folder), str(copy), now - 2)
        assert survey(str(copy)) == survey(str(folder))
        assert os.stat(str(copy / "meta.db")).st_ino == inode

    @pytest.mark.parametrize("change", [
        lambda path: put(path, "metadatA+", 0o600),
        lambda path: os.utime(path, (1000, 1000)),
        lambda path: os.chmod(path, 0o644),
        os.unlink,
    ], ids=["size", "time", "mode", "gone"])
    def test_a_settled_file_that_was_changed_after_all_is_copied_again(self, folder, tmp_path, change):
        now = time.time()
        os.utime(str(folder / "meta.db"), (now - 100, now - 100))
        copy_settled(str(folder), str(tmp_path / "copy"), now - 2)
        change(str(folder / "meta.db"))
        mirror_entry(str(folder), str(tmp_path / "copy"), now - 2)
        assert survey(str(tmp_path / "copy")) == survey(str(folder))

    def test_what_vanishes_meanwhile_is_no_error(self, folder, tmp_path, monkeypatch):
        real = os.listdir
        monkeypatch.setattr(os, "listdir", lambda path: real(path) + ["vanished"])
        copy_settled(str(folder), str(tmp_path / "copy"), time.time() + 100)
        assert os.path.exists(str(tmp_path / "copy" / "meta.db"))

    def test_mirrored_where_nothing_is(self, folder, tmp_path):
        mirror_entry(str(folder / "meta.db"), str(tmp_path / "single"))
        assert get(tmp_path / "single") == "metadata"

    @pytest.mark.parametrize("change", [
        lambda folder: put(folder / "meta.db", "metadatA", 0o600),
        lambda folder: os.chmod(str(folder / "meta.db"), 0o644),
        lambda folder: os.unlink(str(folder / "link")),
        lambda folder: put(folder / "snapshots" / "2", ""),
        lambda folder: os.chmod(str(folder / "snapshots"), 0o755),
    ], ids=["content", "mode", "link", "new file", "folder"])
    def test_every_difference_is_seen(self, folder, change):
        before = survey(str(folder))
        change(folder)
        assert survey(str(folder)) != before

    def test_nothing_has_no_survey(self, tmp_path):
        assert survey(str(tmp_path / "none")) == []

    def test_size(self, folder):
        assert size_of(str(folder)) >= len("metadata") + len("snapshot")
