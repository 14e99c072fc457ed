# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import fcntl
import json
import os
import shutil
import stat

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _metastore_restore as metastore_restore
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._copies import sha256
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import content_of, fields, metastore_in
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import metastore_files as files


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


def clock():
    return 1795243800.0


def nothing(meta):
    pass


class Program(object):
    """Stands for influxd restore of 1.4.3. after: what else happens to the meta folder before it ends."""

    def __init__(self, after=nothing, result=None):
        self.after = after
        self.result = result or Result(0, "Using metastore snapshot: DIR/meta.00\n", "")
        self.ran = []

    def __call__(self, argv):
        self.ran.append(argv)
        meta = argv[-2].split("=", 1)[1]
        backup = content_of(os.path.join(argv[-1], "meta.00"))
        write(os.path.join(meta, "meta.db"), metastore_in(backup))
        for name in ("raft.db", "node.json"):
            os.remove(os.path.join(meta, name))
        self.after(meta)
        return self.result


def write(path, content):
    with open(path, "wb") as stream:
        stream.write(content)


def never(argv):
    raise AssertionError("nothing may run")


@pytest.fixture
def site(tmp_path):
    """A node with the stopped 0.11.1: the options, and proc with no process in it."""
    files.unpack("folders-0.11.1.tar.gz", tmp_path / "influxdb")
    (tmp_path / "backup").mkdir()
    shutil.copy(files.META, str(tmp_path / "backup" / "meta.00"))
    (tmp_path / "proc").mkdir()
    write(str(tmp_path / "proc" / "stat"), b"btime 1700000000\n")
    meta = os.path.realpath(str(tmp_path / "influxdb" / "meta"))
    return {
        "backup": str(tmp_path / "backup" / "meta.00"),
        "sha256": sha256(files.META),
        "raft_sha256": sha256(os.path.join(meta, "raft.db")),
        "keep": str(tmp_path / "state" / "meta-before"),
        "owner": str(os.geteuid()),
        "group": str(os.getegid()),
        "meta_dir": meta,
        "program": "/usr/bin/influxd",
        "timeout": 60,
    }


def run(site, program, check_mode=False, **changes):
    params = dict(site, **changes)
    proc = os.path.join(os.path.dirname(os.path.dirname(site["backup"])), "proc")
    return metastore_restore.restore(params, program, clock, check_mode, proc)


def picture(path):
    """Everything of a folder: names, kinds, owners, modes, times, content."""
    found = {}
    for name in metastore_restore.everything(path):
        info = os.lstat(name)
        content = content_of(name) if stat.S_ISREG(info.st_mode) else None
        # Python 2.7 gives times back to the microsecond.
        found[name[len(path) :]] = (info.st_uid, info.st_gid, info.st_mode, round(info.st_mtime, 5), content)
    return found


def refused(site, program=never, **changes):
    """The message of a refusal, before which nothing may be changed."""
    before = picture(os.path.dirname(os.path.dirname(site["meta_dir"])))
    for check_mode in (True, False):
        with pytest.raises(FleetError) as caught:
            run(site, program, check_mode, **changes)
    assert picture(os.path.dirname(os.path.dirname(site["meta_dir"]))) == before
    return str(caught.value)


def test_the_metastore_is_restored(site):
    program = Program()
    before = picture(site["meta_dir"])
    result = run(site, program)
    argv = ["/usr/bin/influxd", "restore", "-metadir=" + site["meta_dir"], os.path.dirname(site["backup"])]
    assert program.ran == [["timeout", "-k", "10", "60"] + argv]
    assert result == {
        "changed": True,
        "path": os.path.join(site["meta_dir"], "meta.db"),
        "sha256": sha256(os.path.join(site["meta_dir"], "meta.db")),
        "kept": os.path.join(os.path.realpath(site["keep"]), "former"),
        "counts": {
            "databases": 4,
            "retention_policies": 7,
            "continuous_queries": 1,
            "subscriptions": 1,
            "shards": 21,
            "users": 4,
        },
        "restored_at": 1795243800,
        "seconds": 0.0,
    }
    assert sorted(os.listdir(site["meta_dir"])) == ["meta.db", "snapshots"]
    assert picture(result["kept"]) == before
    assert stat.S_IMODE(os.stat(site["keep"]).st_mode) == 0o700


def test_what_was_restored_is_not_restored_again(site):
    first = run(site, Program())
    for check_mode in (True, False):
        assert run(site, never, check_mode) == dict(first, changed=False)


def later(bare, index):
    """The metastore of another index, as after more changes."""
    return files.message(*[(number, index if number == 2 else value) for number, _kind, value in fields(bare)])


def test_the_new_release_may_have_gone_on_with_it(site):
    result = run(site, Program())
    write(result["path"], later(content_of(result["path"]), 99))
    assert run(site, never)["changed"] is False


def test_an_older_metastore_is_not_the_one_that_was_restored(site):
    result = run(site, Program())
    write(result["path"], later(content_of(result["path"]), 43))
    assert "no restore from this backup" in refused(site)


def test_check_mode_predicts_and_writes_nothing(site):
    before = picture(os.path.dirname(os.path.dirname(site["meta_dir"])))
    result = run(site, never, check_mode=True)
    assert (result["changed"], result["sha256"], result["restored_at"]) == (True, None, None)
    assert picture(os.path.dirname(os.path.dirname(site["meta_dir"]))) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others")
def test_the_whole_folder_is_given_to_the_service(site):
    os.chmod(site["meta_dir"], 0o700)
    os.symlink("/etc/passwd", os.path.join(site["meta_dir"], "link"))
    owner = os.stat("/etc/passwd").st_uid
    run(site, Program(), owner="12345", group="54321")
    for path in metastore_restore.everything(site["meta_dir"]):
        assert (os.lstat(path).st_uid, os.lstat(path).st_gid) == (12345, 54321)
    assert stat.S_IMODE(os.stat(site["meta_dir"]).st_mode) == 0o700
    assert os.stat("/etc/passwd").st_uid == owner


def test_owners_are_names_or_numbers(site):
    assert metastore_restore.owner_of("root", "root") == (0, 0)
    assert metastore_restore.owner_of("12", "34") == (12, 34)
    assert "does not know" in refused(site, owner="no such user")
    assert "does not know" in refused(site, group="no such group")


def test_node_json_that_is_left_behind_is_removed(site):
    run(site, Program(lambda meta: write(os.path.join(meta, "node.json"), b'{"ID":1}\n')))
    assert sorted(os.listdir(site["meta_dir"])) == ["meta.db", "snapshots"]


def test_peers_json_and_strange_files_stay(site):
    write(os.path.join(site["meta_dir"], "peers.json"), b'["127.0.0.1:8088"]')
    run(site, Program())
    assert sorted(os.listdir(site["meta_dir"])) == ["meta.db", "peers.json", "snapshots"]


# Refusals


def test_another_file_beside_the_backup(site):
    for name in ("meta.00.pending", "meta.01"):
        path = os.path.join(os.path.dirname(site["backup"]), name)
        write(path, b"")
        assert name in refused(site)
        os.remove(path)


def test_a_backup_that_is_not_the_proved_one(site):
    shutil.copy(os.path.join(files.DAMAGED, "onebyte.meta.00"), site["backup"])
    assert "as when it was proved" in refused(site)
    assert "not the backup in its folder" in refused(site, backup=site["backup"][:-1] + "1")
    os.remove(site["backup"])
    assert "no backup of the metastore" in refused(site)


@pytest.mark.parametrize("name", sorted(set(os.listdir(files.DAMAGED)) - {"onebyte.meta.00"}))
def test_a_damaged_backup_even_if_it_is_the_expected_one(site, name):
    shutil.copy(os.path.join(files.DAMAGED, name), site["backup"])
    assert "no good metastore" in refused(site, sha256=sha256(site["backup"]))


def test_metadata_that_changed_since_the_backup(site):
    write(os.path.join(site["meta_dir"], "raft.db"), b"later")
    assert "has changed since the backup was taken" in refused(site)


def test_a_deleted_raft_db(site):
    os.remove(os.path.join(site["meta_dir"], "raft.db"))
    assert "if the file was deleted" in refused(site)


def test_a_meta_db_of_other_origin(site):
    write(os.path.join(site["meta_dir"], "meta.db"), metastore_in(files.meta_00()))
    assert "no restore from this backup made" in refused(site)


def test_a_meta_folder_that_is_not_there(site):
    assert "There is no" in refused(site, meta_dir=site["meta_dir"] + "-nosuch")


@pytest.mark.parametrize("keep", ["{0}", "{0}/keep", "{0}/.."])
def test_a_copy_inside_the_folder_itself(site, keep):
    assert "lie in each other" in refused(site, keep=keep.format(site["meta_dir"]))


def test_a_copy_of_another_state_is_not_replaced(site):
    run(site, Program())
    assert metastore_restore.put_back(site["meta_dir"], site["keep"]) is True
    write(os.path.join(site["meta_dir"], "raft.db"), b"the old release went on")
    digest = sha256(os.path.join(site["meta_dir"], "raft.db"))
    assert "another state" in refused(site, raft_sha256=digest)
    assert run(site, Program(), raft_sha256=digest, keep=site["keep"] + "-2")["changed"] is True


def process(site, args, environ=b""):
    """A process in the stand-in of /proc."""
    folder = os.path.join(os.path.dirname(os.path.dirname(site["backup"])), "proc", "77")
    os.mkdir(folder)
    write(os.path.join(folder, "cmdline"), b"\0".join(args) + b"\0")
    write(os.path.join(folder, "environ"), environ)
    write(os.path.join(folder, "status"), b"Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n")
    write(os.path.join(folder, "stat"), b"77 (influxd) S" + b" 1" * 40)
    os.symlink("/usr/bin/influxd", os.path.join(folder, "exe"))


def test_a_running_server_whose_folder_cannot_be_told(site):
    process(site, [b"/usr/bin/influxd", b"-config", b"/nosuch/influxdb.conf"])
    message = refused(site)
    assert "influxd is running on" in message
    assert "77 (/usr/bin/influxd -config /nosuch/influxdb.conf)" in message


CONFIG = "[data]\n  dir = \"/elsewhere\"\n[meta] # here\n  # dir = \"/nosuch\"\n  dir = \"{0}\"\n\n[http]\n"


@pytest.mark.parametrize("form", ["-config {0}", "-config={0}", "--config={0}", "run -config {0} -pidfile x"])
@pytest.mark.parametrize("is_this", [True, False])
def test_a_running_server_whose_configuration_tells_the_folder(site, tmp_path, form, is_this):
    config = str(tmp_path / "influxdb.conf")
    folder = site["meta_dir"] if is_this else str(tmp_path / "backup")
    write(config, CONFIG.format(folder).encode())
    process(site, [b"/usr/bin/influxd"] + form.format(config).encode().split(b" "))
    if is_this:
        assert "is running on" in refused(site)
    else:
        assert run(site, Program())["changed"] is True


def test_a_running_server_whose_environment_tells_the_folder(site, tmp_path):
    process(site, [b"/usr/bin/influxd"], b"A=b\0INFLUXDB_META_DIR=" + str(tmp_path / "nosuch").encode() + b"\0")
    assert run(site, Program())["changed"] is True


def test_a_raft_db_that_a_server_has_open(site):
    with open(os.path.join(site["meta_dir"], "raft.db"), "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert "its raft.db is locked" in refused(site)


# Failures in the middle


def leave_raft(meta):
    write(os.path.join(meta, "raft.db"), b"x")


def restore_other(meta):
    write(os.path.join(meta, "meta.db"), metastore_in(content_of(os.path.join(files.DAMAGED, "onebyte.meta.00"))))


def restore_nothing(meta):
    """What 1.x writes where raft.db was deleted: a metastore without databases."""
    write(os.path.join(meta, "meta.db"), files.metastore())


def restore_half(meta):
    path = os.path.join(meta, "meta.db")
    write(path, content_of(path)[:800])


def restore_no_file(meta):
    os.remove(os.path.join(meta, "meta.db"))


def other_passwords(meta):
    path = os.path.join(meta, "meta.db")
    write(path, content_of(path).replace(b"$2a$10$", b"$2a$11$"))


def fail(meta):
    raise OSError(28, "No space left on device")


FAILURES = [
    (leave_raft, None, "raft.db is still there"),
    (restore_other, None, "differs from the backup in databases"),
    (restore_nothing, None, "differs from the backup in cluster_id, databases, users, max_shard_id"),
    (restore_half, None, "no good metastore"),
    (restore_no_file, None, "cannot be read"),
    (other_passwords, None, "differs from the backup in passwords"),
    (fail, None, "No space left"),
    (nothing, Result(1, "", "restore: invalid metadata file\n"), "exit code 1): restore: invalid metadata file"),
    (nothing, Result(124, "", ""), "exit code 124): no message"),
    (nothing, Result(127, "", "/usr/bin/influxd: No such file or directory"), "No such file"),
]


@pytest.mark.parametrize(("after", "result", "expected"), FAILURES, ids=[row[2] for row in FAILURES])
def test_after_a_failure_the_folder_is_as_before(site, after, result, expected):
    os.chmod(site["meta_dir"], 0o750)
    os.utime(os.path.join(site["meta_dir"], "raft.db"), (1479690956.123457, 1479690956.123457))
    before = picture(site["meta_dir"])
    with pytest.raises((FleetError, OSError)) as caught:
        run(site, Program(after, result))
    assert expected in str(caught.value)
    assert picture(site["meta_dir"]) == before
    assert run(site, Program())["changed"] is True


def kill(meta):
    raise Killed


@pytest.mark.parametrize("check_mode", [True, False])
def test_after_a_kill_the_next_run_puts_back_first(site, check_mode):
    before = picture(site["meta_dir"])
    with pytest.raises(Killed):
        run(site, Program(kill))
    assert "raft.db" not in os.listdir(site["meta_dir"])
    if check_mode:
        half = picture(site["meta_dir"])
        assert run(site, never, check_mode=True)["changed"] is True
        assert picture(site["meta_dir"]) == half
        return
    result = run(site, Program())
    assert result["changed"] is True
    assert picture(result["kept"]) == before
    assert sorted(os.listdir(site["meta_dir"])) == ["meta.db", "snapshots"]


def test_a_put_back_that_is_killed_goes_on(site, tmp_path):
    """Whatever of the folder is there by then."""
    before = picture(site["meta_dir"])
    with pytest.raises(Killed):
        run(site, Program(kill))
    shutil.rmtree(site["meta_dir"])
    os.mkdir(site["meta_dir"], 0o700)
    write(os.path.join(site["meta_dir"], "raft.db.dbfleet-new"), b"half")
    assert metastore_restore.put_back(site["meta_dir"], site["keep"]) is True
    assert picture(site["meta_dir"]) == before
    assert os.listdir(site["keep"]) == ["former"]


def test_a_running_server_keeps_an_interrupted_restore_from_being_put_back(site):
    with pytest.raises(Killed):
        run(site, Program(kill))
    process(site, [b"/usr/bin/influxd"])
    assert "is running on" in refused(site)


def test_a_copy_that_was_interrupted_is_made_anew(site):
    os.makedirs(os.path.join(site["keep"], "former.partial", "raft.db"))
    assert run(site, Program())["changed"] is True
    assert sorted(os.listdir(site["keep"])) == ["former", "restore.json"]


def test_put_back_after_the_new_release_has_served(site):
    before = picture(site["meta_dir"])
    result = run(site, Program())
    write(result["path"], b"changed by the new release")
    for _again in range(2):
        assert metastore_restore.put_back(site["meta_dir"], site["keep"]) is True
        assert picture(site["meta_dir"]) == before
    assert run(site, Program())["changed"] is True


def test_put_back_of_nothing(site):
    before = picture(site["meta_dir"])
    assert metastore_restore.put_back(site["meta_dir"], site["keep"]) is False
    assert picture(site["meta_dir"]) == before


def test_the_note_says_how_far_a_restore_is(site):
    notes = []
    path = os.path.join(site["keep"], "restore.json")

    def look(_meta):
        with open(path) as stream:
            notes.append(json.load(stream))

    run(site, Program(look))
    look(None)
    assert [note["step"] for note in notes] == ["changing", "restored"]
    assert notes[1] == {"step": "restored", "backup": site["sha256"], "index": 44, "restored_at": 1795243800}
