# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of ini files, vm.args, and the administrators in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from couchdb_sim.auth import Authentication
from couchdb_sim.errors import CouchError
from couchdb_sim.ini import Config, VmArgs, chain
from couchdb_sim.release import Release


def etc(folder: Path, **files: str) -> Path:
    """A folder etc with these files; two underscores stand for the slash, and the end is .ini."""
    for name, text in files.items():
        file = folder / "etc" / (name.replace("__", ".d/") + ".ini")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder / "etc"


def test_later_files_win(tmp_path: Path) -> None:
    folder = etc(
        tmp_path,
        default="[a]\none = default\ntwo = default\nthree = default\nfour = default\n",
        default__10="[a]\ntwo = default.d\n",
        local="[a]\nthree = local\n; four = comment\n",
        local__20="[a]\nfour = local.d/20\n",
        local__10="[a]\nfour = local.d/10\nthree = local.d/10 ; said at the end\n",
    )
    config = Config(chain(folder))
    assert config.section("a") == {"one": "default", "two": "default.d", "three": "local.d/10", "four": "local.d/20"}


@pytest.mark.parametrize("files", [{"default": "", "local": ""}, {"default": "", "local": "", "local__10": ""}])
def test_changes_go_to_the_last_file(tmp_path: Path, files: dict[str, str]) -> None:
    folder = etc(tmp_path, **files)
    config = Config(chain(folder))
    config.set("couchdb", "maintenance_mode", "true")
    written = [file.name for file in chain(folder) if "maintenance_mode = true" in file.read_text(encoding="utf-8")]
    assert written == [chain(folder)[-1].name]
    assert Config(chain(folder)).get("couchdb", "maintenance_mode") == "true"
    config.delete("couchdb", "maintenance_mode")
    assert Config(chain(folder)).find("couchdb", "maintenance_mode") is None


def test_a_change_leaves_the_rest_of_the_file_alone(tmp_path: Path) -> None:
    text = "; head\n[a]\n;one = sample\none = 1\ntwo = 2\n\n[b]\none = 3\n"
    config = Config(chain(etc(tmp_path, local=text)))
    config.set("a", "one", "changed")
    config.set("c", "new", "4")
    expected = "; head\n[a]\none = changed\n;one = sample\ntwo = 2\n\n[b]\none = 3\n\n[c]\nnew = 4\n"
    assert config.files[-1].read_text(encoding="utf-8") == expected


def test_a_change_for_the_memory_is_not_written(tmp_path: Path) -> None:
    config = Config(chain(etc(tmp_path, local="[a]\none = 1\n")))
    config.set("a", "one", "2", persist=False)
    assert config.get("a", "one") == "2"
    assert Config(config.files).get("a", "one") == "1"


@pytest.mark.parametrize(
    ("version", "prefix"), [("2.3.1", "-pbkdf2-"), ("3.3.3", "-pbkdf2-"), ("3.4.3", "-pbkdf2:sha256-")]
)
def test_plain_passwords_become_hashes_in_the_file_they_stand_in(tmp_path: Path, version: str, prefix: str) -> None:
    config = Config(chain(etc(tmp_path, local="[admins]\nadmin = secret\n", local__10="[couchdb]\n")))
    authentication = Authentication(config, Release(version))
    authentication.prepare()
    assert config.get("admins", "admin").startswith(prefix)
    assert "secret" not in config.files[0].read_text(encoding="utf-8")
    assert config.get("admins", "admin") in config.files[0].read_text(encoding="utf-8")
    assert authentication.login("admin", "secret", "default").is_admin
    with pytest.raises(CouchError):
        authentication.login("admin", "wrong", "default")


def test_a_hash_of_3_4_is_a_password_in_plain_text_for_3_3(tmp_path: Path) -> None:
    files = chain(etc(tmp_path, local="[admins]\nadmin = secret\n"))
    Authentication(Config(files), Release("3.4.3")).prepare()
    older = Authentication(Config(files), Release("3.3.3"))
    older.prepare()
    with pytest.raises(CouchError):
        older.login("admin", "secret", "default")


def test_a_hash_of_3_3_is_good_for_3_4(tmp_path: Path) -> None:
    files = chain(etc(tmp_path, local="[admins]\nadmin = secret\n"))
    Authentication(Config(files), Release("3.3.3")).prepare()
    before = files[0].read_text(encoding="utf-8")
    newer = Authentication(Config(files), Release("3.4.3"))
    newer.prepare()
    assert newer.login("admin", "secret", "default").is_admin
    assert files[0].read_text(encoding="utf-8") == before


def test_vm_args_tell_name_cookie_and_port(tmp_path: Path) -> None:
    text = "# -name other@host\n-name couchdb@db1.example\n-setcookie monster\n-kernel inet_dist_listen_min 9101\n"
    (etc(tmp_path, local="") / "vm.args").write_text(text, encoding="ascii")
    assert VmArgs.of(tmp_path / "etc") == VmArgs("couchdb@db1.example", "monster", 9101)


def test_a_node_without_a_cookie_makes_one_of_its_own(tmp_path: Path) -> None:
    (etc(tmp_path, local="") / "vm.args").write_text("-name couchdb@db1.example\n", encoding="ascii")
    first = VmArgs.of(tmp_path / "etc")
    assert first == VmArgs.of(tmp_path / "etc")
    assert first.dist_port == 9100
    (tmp_path / ".erlang.cookie").unlink()
    assert VmArgs.of(tmp_path / "etc").cookie != first.cookie


def test_a_name_needs_a_host(tmp_path: Path) -> None:
    (etc(tmp_path, local="") / "vm.args").write_text("-name couchdb\n", encoding="ascii")
    with pytest.raises(ValueError, match="has no -name with a host in it"):
        VmArgs.of(tmp_path / "etc")
