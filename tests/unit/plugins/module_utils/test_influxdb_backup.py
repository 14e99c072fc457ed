# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import gzip
import json
import os
import shutil
import stat
import tarfile

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _influxdb_backup as influxdb_backup
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shards import local
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_answers import FIXTURES

METASTORE = os.path.join(FIXTURES, "..", "metastore")
PORTABLE = os.path.join(FIXTURES, "portable-1.8.10")
STAMP = "20261121T012513Z"
ODD = influxdb_backup.to_native(u'odd name"q \xe9.x')


def clock():
    return 1795243800.0  # 2026-11-21T06:50:00Z


def shard(database, policy, number, **more):
    return dict({"database": database, "policy": policy, "id": number}, **more)


PORTABLE_SHARDS = [shard("metrics", "keep", number) for number in (1, 2, 3)]
PORTABLE_SHARDS += [shard("metrics", "one_week", 4)] + [shard("app", "autogen", number) for number in range(5, 10)]
LEGACY_SHARDS = [shard("metrics", "keep", number) for number in (1, 7, 14)] + [shard(ODD, "autogen", 10)]


class Program(object):
    """Stands for influxd: puts the files of a real backup where it is told to."""

    def __init__(self, source, result=None):
        self.source = str(source)
        self.result = result or Result(0, "2026/11/21 01:25:13 backup complete:\n", "")
        self.ran = []

    def __call__(self, argv):
        self.ran.append(argv)
        for name in os.listdir(self.source):
            shutil.copy(os.path.join(self.source, name), os.path.join(argv[-1], name))
        return self.result


@pytest.fixture(scope="module")
def legacy(tmp_path_factory):
    """A backup without -portable, of a database whose name is not ASCII and of a shard all of whose points were deleted."""
    folder = tmp_path_factory.mktemp("legacy")
    with tarfile.open(os.path.join(FIXTURES, "legacy-1.3.9.tar.gz")) as archive:
        archive.extractall(str(folder))
    return folder


@pytest.fixture
def params(tmp_path):
    return {
        "kind": "portable",
        "dest": str(tmp_path / "backup" / "portable"),
        "program": "/usr/bin/influxd",
        "host": "127.0.0.1:8088",
        "databases": ["app", "metrics"],
        "shards": PORTABLE_SHARDS,
        "data_dir": None,
        "timeout": 60,
        "verify_only": False,
    }


def run(params, program=None, check_mode=False, **changes):
    return influxdb_backup.backup(dict(params, **changes), program or Program(PORTABLE), clock, check_mode)


def never(argv):
    raise AssertionError("nothing may run")


def test_a_backup_is_taken_and_proved(params):
    program = Program(PORTABLE)
    result = run(params, program)
    assert program.ran == [
        ["timeout", "-k", "10", "60", "/usr/bin/influxd", "backup", "-portable", "-host", "127.0.0.1:8088", params["dest"]]
    ]
    assert result == {
        "changed": True,
        "kind": "portable",
        "path": params["dest"],
        "files": 11,
        "bytes": 6537,
        "shards": 9,
        "absent": [],
        "empty": [],
        "taken_at": 1795243800,
        "verified": True,
        "seconds": 0.0,
    }
    assert stat.S_IMODE(os.stat(params["dest"]).st_mode) == 0o700
    assert sorted(os.listdir(params["dest"])) == sorted(os.listdir(PORTABLE) + ["verified.json"])


def test_a_proved_backup_is_not_taken_again(params):
    first = run(params)
    again = run(params, never)
    assert again == dict(first, changed=False)
    # what the server shows by now is of no matter
    assert run(params, never, shards=[shard("metrics", "keep", 99)])["changed"] is False


def test_a_proved_backup_that_changed_since_is_not_replaced(params):
    run(params)
    with open(os.path.join(params["dest"], STAMP + ".s3.tar.gz"), "ab") as stream:
        stream.write(b"x")
    with pytest.raises(FleetError) as caught:
        run(params, never)
    assert ".s3.tar.gz" in str(caught.value)
    os.remove(os.path.join(params["dest"], STAMP + ".s3.tar.gz"))
    with pytest.raises(FleetError):
        run(params, never)


def test_a_backup_of_another_kind_is_not_replaced(params):
    run(params)
    with pytest.raises(FleetError) as caught:
        run(params, never, kind="legacy")
    assert "of the kind portable" in str(caught.value)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"kind": "portable"}'])
def test_a_note_that_cannot_be_understood_is_a_failure(params, content):
    run(params)
    with open(os.path.join(params["dest"], "verified.json"), "w") as stream:
        stream.write(content)
    with pytest.raises(FleetError):
        run(params, never)


def test_what_an_interrupted_run_left_is_removed(params):
    failing = Program(PORTABLE, Result(1, "", "2026/11/21 01:25:13 backup failed: EOF\nbackup: EOF\n"))
    with pytest.raises(FleetError) as caught:
        run(params, failing)
    assert "exit code 1" in str(caught.value)
    assert "backup: EOF" in str(caught.value)
    assert "unfinished" in os.listdir(params["dest"])
    open(os.path.join(params["dest"], "meta.00.pending"), "w").close()
    assert run(params)["verified"] is True
    assert "unfinished" not in os.listdir(params["dest"])
    assert "meta.00.pending" not in os.listdir(params["dest"])


@pytest.mark.parametrize("check_mode", [False, True])
def test_what_this_module_did_not_make_is_left_alone(params, check_mode):
    shutil.copytree(PORTABLE, params["dest"])
    with pytest.raises(FleetError) as caught:
        run(params, never, check_mode)
    assert "not empty" in str(caught.value)
    assert len(os.listdir(params["dest"])) == 11
    result = run(params, never, verify_only=True)
    assert (result["verified"], result["changed"], result["taken_at"]) == (True, False, None)
    assert len(os.listdir(params["dest"])) == 11


def test_check_mode_predicts(params):
    result = run(params, never, check_mode=True)
    assert (result["changed"], result["verified"]) == (True, False)
    assert not os.path.exists(os.path.dirname(params["dest"]))
    run(params)
    result = run(params, never, check_mode=True)
    assert (result["changed"], result["verified"]) == (False, True)


def test_none_does_nothing(params):
    result = run(params, never, kind="none", dest=None)
    assert (result["changed"], result["verified"], result["files"]) == (False, False, 0)


def test_a_program_without_end_is_told(params):
    with pytest.raises(FleetError) as caught:
        run(params, Program(PORTABLE, Result(124, "", "")))
    assert "no end after 60 seconds" in str(caught.value)


@pytest.fixture
def damaged(params):
    """A backup to be damaged; yields what to call and the folder."""
    shutil.copytree(PORTABLE, params["dest"])

    def verify(**changes):
        with pytest.raises(FleetError) as caught:
            run(params, never, verify_only=True, **changes)
        return str(caught.value)

    return verify, params["dest"]


@pytest.mark.parametrize(
    ("name", "size"),
    [(".s4.tar.gz", 0), (".s4.tar.gz", 20), (".s4.tar.gz", 287), (".s9.tar.gz", 458), (".meta", 0), (".meta", 737), (".manifest", 100)],
)
def test_a_cut_file_is_found(damaged, name, size):
    verify, dest = damaged
    with open(os.path.join(dest, STAMP + name), "r+b") as stream:
        stream.truncate(size)
    assert STAMP + name in verify()


@pytest.mark.parametrize("name", [".s1.tar.gz", ".s9.tar.gz", ".meta"])
def test_a_missing_file_is_found(damaged, name):
    """The restore passes over a missing archive and exits with 0."""
    verify, dest = damaged
    os.remove(os.path.join(dest, STAMP + name))
    assert "{0}{1} is no good backup: it is missing".format(STAMP, name) in verify()


def test_an_archive_with_other_content_is_found(damaged):
    verify, dest = damaged
    shutil.copy(os.path.join(dest, STAMP + ".s4.tar.gz"), os.path.join(dest, STAMP + ".s5.tar.gz"))
    assert "the manifest says 2560" in verify()


def test_a_flipped_byte_is_found(damaged):
    verify, dest = damaged
    path = os.path.join(dest, STAMP + ".s2.tar.gz")
    with open(path, "r+b") as stream:
        stream.seek(200)
        byte = stream.read(1)
        stream.seek(200)
        stream.write(bytearray([bytearray(byte)[0] ^ 1]))
    assert ".s2.tar.gz" in verify()


@pytest.mark.parametrize("extra", ["meta.00.pending", "metrics.keep.00001.00.pending"])
def test_what_influxd_did_not_finish_is_found(damaged, extra):
    verify, dest = damaged
    open(os.path.join(dest, extra), "w").close()
    assert extra in verify()


def test_the_number_of_manifests(damaged):
    verify, dest = damaged
    os.rename(os.path.join(dest, STAMP + ".manifest"), os.path.join(dest, "other"))
    assert "0 manifests" in verify()


def test_a_manifest_of_nothing(damaged):
    """What influxd leaves for a database that it does not know."""
    verify, dest = damaged
    with open(os.path.join(dest, STAMP + ".manifest"), "w") as stream:
        json.dump({"meta": {"fileName": STAMP + ".meta", "size": 733}, "limited": False, "files": None}, stream)
    assert "shard 5 of 'app', policy 'autogen' is missing" in verify()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"databases": ["nosuch"]}, "does not know the database 'nosuch'"),
        ({"shards": [shard("nosuch", "keep", 1)]}, "does not know the database 'nosuch'"),
        ({"shards": [shard("metrics", "keep", 99)]}, "does not know shard 99"),
        ({"shards": [shard("metrics", "one_week", 1)]}, "does not know shard 1"),
        ({"shards": [{"database": "metrics"}]}, "no 'policy'"),
    ],
)
def test_what_should_be_there_and_is_not(damaged, changes, expected):
    verify, _dest = damaged
    assert expected in verify(**changes)


def without_shard_4(dest):
    path = os.path.join(dest, STAMP + ".manifest")
    with open(path) as stream:
        manifest = json.load(stream)
    manifest["files"] = [entry for entry in manifest["files"] if entry["shardID"] != 4]
    with open(path, "w") as stream:
        json.dump(manifest, stream)


def test_a_metastore_of_another_size_than_the_manifest_says(damaged):
    verify, dest = damaged
    path = os.path.join(dest, STAMP + ".manifest")
    with open(path) as stream:
        text = stream.read()
    with open(path, "w") as stream:
        stream.write(text.replace('"size": 733', '"size": 734'))
    assert "does not hold 734 bytes" in verify()


def test_a_shard_without_a_folder_is_in_no_backup(damaged, params, tmp_path):
    verify, dest = damaged
    without_shard_4(dest)
    assert "shard 4 of 'metrics', policy 'one_week' is missing" in verify()
    data = tmp_path / "data"
    assert "There is no folder" in verify(data_dir=str(data))
    data.mkdir()
    result = run(params, never, verify_only=True, data_dir=str(data))
    assert (result["absent"], result["shards"]) == ([4], 8)
    (data / "metrics" / "one_week" / "4").mkdir(parents=True)
    assert "shard 4" in verify(data_dir=str(data))


@pytest.mark.parametrize(
    ("extra", "there"),
    [
        (shard("_internal", "monitor", 70), True),
        (shard("metrics", "one_week", 71, expiry="2026-11-21T06:50:00Z"), True),
        (shard("metrics", "one_week", 71, expiry="2026-11-21T06:50:01Z"), False),
        (shard("metrics", "one_week", 71, expiry=None), False),
    ],
)
def test_expired_shards_and_those_of_the_server_are_not_expected(extra, there):
    found = influxdb_backup.expected_shards([extra], clock())
    assert (not found) is there


@pytest.fixture
def old_params(params):
    return dict(params, kind="legacy", databases=["metrics", ODD], shards=LEGACY_SHARDS)


def test_a_legacy_backup_takes_the_metastore_and_each_database(old_params, legacy):
    program = Program(legacy)
    result = run(old_params, program)
    assert [argv[6:-1] for argv in program.ran] == [
        ["-host", "127.0.0.1:8088"],
        ["-database", "metrics", "-host", "127.0.0.1:8088"],
        ["-database", local(ODD), "-host", "127.0.0.1:8088"],
    ]
    assert (result["files"], result["shards"], result["empty"], result["verified"]) == (5, 4, [14], True)
    assert run(old_params, never)["changed"] is False


def test_an_empty_file_is_no_backup_of_a_shard(old_params, legacy):
    """0.10 writes these for shards in the formats b1 and bz1, and says that the backup is complete."""
    shutil.copytree(str(legacy), old_params["dest"])
    open(os.path.join(old_params["dest"], "metrics.keep.00002.00"), "w").close()
    with pytest.raises(FleetError) as caught:
        run(old_params, never, verify_only=True)
    assert "metrics.keep.00002.00" in str(caught.value)
    assert "influx_tsm" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("metrics.keep.00001.00", 100),
        ("metrics.keep.00001.00", 512),
        ("metrics.keep.00001.00", 1000),
        ("metrics.keep.00001.00", 2048),
        ("metrics.keep.00001.00", 2560),
        ("metrics.keep.00014.00", 512),
        ("meta.00", 500),
        ("meta.00", 23),
    ],
)
def test_a_cut_file_of_a_legacy_backup_is_found(old_params, legacy, name, size):
    shutil.copytree(str(legacy), old_params["dest"])
    with open(os.path.join(old_params["dest"], name), "r+b") as stream:
        stream.truncate(size)
    with pytest.raises(FleetError) as caught:
        run(old_params, never, verify_only=True)
    assert name in str(caught.value)


def test_more_than_the_lengths_say_is_found(old_params, legacy):
    shutil.copytree(str(legacy), old_params["dest"])
    with open(os.path.join(old_params["dest"], "meta.00"), "ab") as stream:
        stream.write(b"x")
    with pytest.raises(FleetError) as caught:
        run(old_params, never, verify_only=True)
    assert "do not add up" in str(caught.value)


def test_a_missing_file_of_a_legacy_backup_is_found(old_params, legacy):
    shutil.copytree(str(legacy), old_params["dest"])
    os.remove(os.path.join(old_params["dest"], "metrics.keep.00007.00"))
    with pytest.raises(FleetError) as caught:
        run(old_params, never, verify_only=True)
    assert "shard 7 of 'metrics', policy 'keep' is missing" in str(caught.value)


def test_an_archive_under_another_name_is_found(old_params, legacy):
    shutil.copytree(str(legacy), old_params["dest"])
    os.rename(*[os.path.join(old_params["dest"], "metrics.keep.{0}.00".format(number)) for number in ("00001", "00002")])
    with pytest.raises(FleetError) as caught:
        run(old_params, never, verify_only=True)
    assert "it holds metrics/keep/1/" in str(caught.value)


def test_a_metadata_backup(params, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(os.path.join(METASTORE, "meta-0.11.1.00"), str(source / "meta.00"))
    program = Program(source)
    shards = [shard("app", "two_hours", 20), shard("odd name-db", "default", 21)]
    result = run(params, program, kind="metadata", databases=["metrics", "odd name-db"], shards=shards)
    assert [argv[4:] for argv in program.ran] == [["/usr/bin/influxd", "backup", "-host", "127.0.0.1:8088", params["dest"]]]
    assert (result["files"], result["bytes"], result["shards"], result["absent"]) == (1, 1644, 0, [])


def test_a_metadata_backup_of_nothing(params, tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(FleetError) as caught:
        run(params, Program(tmp_path / "source"), kind="metadata")
    assert "no meta.00" in str(caught.value)


@pytest.mark.parametrize("name", sorted(os.listdir(os.path.join(METASTORE, "damaged"))))
def test_damaged_metastores_are_found(params, name):
    """The restore takes two of them, notail and onebyte, and exits with 0."""
    os.makedirs(params["dest"])
    shutil.copy(os.path.join(METASTORE, "damaged", name), os.path.join(params["dest"], "meta.00"))
    with pytest.raises(FleetError):
        run(params, never, kind="metadata", databases=["metrics"], shards=[], verify_only=True)


def test_long_names_in_archives(tmp_path):
    name = "d" * 60 + "/" + "p" * 60 + "/1/000000001-000000001.tsm"
    path = str(tmp_path / "a.tar")
    file = tmp_path / "file"
    file.write_bytes(b"x" * 600)
    for form in (tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        with tarfile.open(path, "w", format=form) as archive:
            archive.add(str(file), arcname=name)
            archive.add(str(file), arcname="d/p/1/2.tsm")
        assert influxdb_backup.read_tar(path, open)[0] == [name, "d/p/1/2.tsm"]


def test_a_cut_between_two_files_is_found(tmp_path):
    """tarfile itself takes it for the end."""
    path = str(tmp_path / "a.tar")
    file = tmp_path / "file"
    file.write_bytes(b"x" * 512)
    with tarfile.open(path, "w") as archive:
        archive.add(str(file), arcname="d/p/1/1.tsm")
        archive.add(str(file), arcname="d/p/1/2.tsm")
    with open(path, "r+b") as stream:
        stream.truncate(1024)
    with pytest.raises(FleetError):
        influxdb_backup.read_tar(path, open)
    with open(path, "rb") as plain, gzip.open(path + ".gz", "wb") as packed:
        packed.write(plain.read())
    with pytest.raises(FleetError):
        influxdb_backup.read_tar(path + ".gz", gzip.open)
