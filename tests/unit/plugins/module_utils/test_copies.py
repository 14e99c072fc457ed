# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import stat

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _copies
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.modules import node_copies


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "etc"
    (folder / "sub dir").mkdir(parents=True)
    (folder / "a.conf").write_bytes(b"a = 1\n")
    (folder / "sub dir" / "b").write_bytes(b"\x00\xff")
    os.chmod(str(folder / "a.conf"), 0o640)
    os.symlink("a.conf", str(folder / "link"))
    return folder


def test_files_are_copied_with_mode_and_listed(source, tmp_path):
    dest = str(tmp_path / "copies")
    manifest = _copies.keep([str(source), str(tmp_path / "missing")], dest)
    assert [os.path.relpath(entry["path"], str(source)) for entry in manifest["files"]] == ["a.conf", "sub dir/b"]
    assert manifest["absent"] == [str(tmp_path / "missing")]
    copy = os.path.join(dest, manifest["files"][0]["copy"])
    assert stat.S_IMODE(os.stat(copy).st_mode) == 0o640
    assert stat.S_IMODE(os.stat(dest).st_mode) == 0o700
    assert _copies.verify(dest) == manifest


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_a_damaged_copy_is_named(source, tmp_path, damage):
    dest = str(tmp_path / "copies")
    copy = os.path.join(dest, _copies.keep([str(source)], dest)["files"][0]["copy"])
    if damage == "remove":
        os.remove(copy)
    else:
        with open(copy, "ab") as stream:
            stream.write(b"x")
    with pytest.raises(FleetError) as caught:
        _copies.verify(dest)
    assert copy in str(caught.value)


def test_what_a_dead_run_left_is_taken_anew(source, tmp_path):
    partial = tmp_path / "copies.partial"
    partial.mkdir()
    (partial / "half").write_bytes(b"")
    _copies.keep([str(source)], str(tmp_path / "copies"))
    assert not partial.exists()
    assert not (tmp_path / "copies" / "half").exists()


def test_a_folder_of_something_else_is_refused_and_left_alone(source, tmp_path):
    dest = tmp_path / "precious"
    dest.mkdir()
    (dest / "file").write_bytes(b"keep me")
    with pytest.raises(FleetError) as caught:
        _copies.keep([str(source)], str(dest))
    assert "no set of copies" in str(caught.value)
    assert (dest / "file").read_bytes() == b"keep me"


def test_the_module_never_replaces_a_complete_set(source, tmp_path):
    dest = str(tmp_path / "copies")
    assert node_copies.keep([str(source)], dest, check_mode=True) == {"changed": True, "path": dest}
    assert not os.path.exists(dest)
    first = node_copies.keep([str(source)], dest, check_mode=False)
    (source / "a.conf").write_bytes(b"a = 2\n")
    second = node_copies.keep([str(source)], dest, check_mode=False)
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["files"] == second["files"]
    assert first["bytes"] == 8
