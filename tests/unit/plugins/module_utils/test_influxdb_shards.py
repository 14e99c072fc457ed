# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import grp
import io
import os
import pwd
import struct
import tarfile

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _influxdb_shards as influxdb_shards
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_answers import FIXTURES

ME = pwd.getpwuid(os.getuid()).pw_name
MY_GROUP = grp.getgrgid(os.getgid()).gr_name


def survey(root, **changes):
    params = {part + "_dir": str(root / part) for part in ("meta", "data", "wal", "state")}
    params.update({"user": None, "group": None}, **changes)
    return influxdb_shards.survey(params)


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """The folder of a real 0.10.3 with shards of all formats."""
    root = tmp_path_factory.mktemp("old")
    with tarfile.open(os.path.join(FIXTURES, "datadir-0.10.3.tar.gz")) as archive:
        archive.extractall(str(root))
    return root


def make(root, path, content=b""):
    file = root.joinpath(*path.split("/"))
    if not file.parent.is_dir():
        file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


@pytest.fixture
def new(tmp_path):
    """A folder as a later release leaves it."""
    make(tmp_path, "data/metrics/keep/1/000000001-000000001.tsm", b"x" * 10)
    make(tmp_path, "data/metrics/keep/1/fields.idx", b"x" * 5)
    make(tmp_path, "data/metrics/keep/2/fields.idx", b"x")
    make(tmp_path, "data/metrics/keep/12/000000001-000000001.tsm", b"x")
    make(tmp_path, "data/metrics/keep/12/index/0/MANIFEST", b"xx")
    make(tmp_path, "data/metrics/_series/00/0000", b"x" * 1000)
    make(tmp_path, "wal/metrics/keep/2/_00001.wal", b"x" * 7)
    make(tmp_path, "wal/metrics/keep/1/_00001.wal", b"x" * 3)
    make(tmp_path, "meta/meta.db", b"x" * 20)
    (tmp_path / "data/metrics/keep/3").mkdir()
    return tmp_path


def test_formats_of_real_shards(old):
    found = survey(old)
    assert [(shard["id"], shard["database"], shard["format"]) for shard in found["shards"]] == [
        (1, "db_b1", "b1"),
        (2, "db_b1", "b1"),
        (3, "db_b1", "b1"),
        (4, "db_bz1", "bz1"),
        (5, "db_bz1", "bz1"),
        (6, "db_bz1", "bz1"),
        (7, "db_tsm1", "wal_only"),
        (8, "db_tsm1", "wal_only"),
        (9, "db_tsm1", "wal_only"),
    ]
    assert found["formats"] == {"b1": 3, "bz1": 3, "tsm1": 0, "wal_only": 3, "unknown": 0}
    assert found["b1"] == [shard["path"] for shard in found["shards"][:6]]
    assert found["b1"][0] == str(old / "data/db_b1/default/1")
    assert found["shards"][0]["index"] is None
    assert (found["shards"][6]["bytes"], found["shards"][6]["wal_bytes"]) == (0, 3095)
    assert (found["data_bytes"], found["wal_bytes"], found["meta_bytes"]) == (491520, 7630, 65599)


def test_shards_of_later_releases(new):
    found = survey(new)
    assert [(shard["id"], shard["format"], shard["index"]) for shard in found["shards"]] == [
        (1, "tsm1", "inmem"),
        (2, "wal_only", "inmem"),
        (3, "tsm1", "inmem"),
        (12, "tsm1", "tsi1"),
    ]
    assert found["tsi1"] == [str(new / "data/metrics/keep/12")]
    assert found["shards"][0] == {
        "database": "metrics",
        "policy": "keep",
        "id": 1,
        "path": str(new / "data/metrics/keep/1"),
        "format": "tsm1",
        "index": "inmem",
        "bytes": 15,
        "wal_bytes": 3,
    }
    assert found["changed"] is False


def test_the_series_file_is_neither_a_shard_nor_counted(new):
    found = survey(new)
    assert found["data_bytes"] == 19
    assert found["others"] == []


@pytest.mark.parametrize("name", ["5.tsm/000000001-000000001.tsm", "notes.txt"])
def test_what_is_no_shard_is_told(new, name):
    make(new, "data/metrics/keep/" + name, b"x")
    assert survey(new)["others"] == [str(new / "data/metrics/keep" / name.split("/")[0])]


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"text " * 3000, struct.pack("<QHHI", 0, 4, 0, 0) + struct.pack("<IIII", 0xED0CDAED, 3, 4096, 0) + b"\0" * 9000],
)
def test_a_file_that_is_no_bolt_database_is_unknown(new, content):
    make(new, "data/metrics/keep/6", content)
    found = survey(new)
    assert found["formats"]["unknown"] == 1
    assert found["b1"] == []


def bolt(pages):
    """A bolt database of pages of 512 bytes, given as (flags, elements); the root is page 2."""
    meta = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, 512, 0, 2, 0, 0, len(pages) + 2, 1) + b"\0" * 8
    out = [struct.pack("<QHHI", number, 4, 0, 0) + meta for number in (0, 1)]
    for number, (flags, elements) in enumerate(pages, 2):
        out.append(struct.pack("<QHHI", number, flags, len(elements), 0) + body(flags, elements))
    return io.BytesIO(b"".join(page.ljust(512, b"\0") for page in out))


def body(flags, elements):
    heads, data = b"", b""
    for index, (key, value) in enumerate(elements):
        position = (len(elements) - index) * 16 + len(data)
        if flags == 1:
            heads += struct.pack("<IIQ", position, len(key), value)
            data += key
        else:
            heads += struct.pack("<IIII", 0, position, len(key), len(value))
            data += key + value
    return heads + data


BUCKET_AT_4 = struct.pack("<QQ", 4, 0)


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([(2, [(b"a", b"1"), (b"series", b"2")])], "b1"),
        ([(2, [])], "b1"),
        ([(2, [(b"meta", BUCKET_AT_4)]), (2, []), (2, [(b"format", b"bz1")])], "bz1"),
        ([(2, [(b"meta", BUCKET_AT_4)]), (2, []), (2, [(b"format", b"v1")])], "b1"),
        ([(2, [(b"meta", BUCKET_AT_4)]), (2, []), (2, [(b"format", b"b1")])], "b1"),
        ([(2, [(b"meta", BUCKET_AT_4)]), (2, []), (2, [(b"other", b"x")])], "b1"),
        ([(2, [(b"meta", BUCKET_AT_4)]), (2, []), (2, [(b"format", b"zz9")])], "unknown"),
        ([(1, [(b"a", 5), (b"m", 3)]), (2, [(b"meta", BUCKET_AT_4)]), (2, [(b"format", b"bz1")]), (2, [(b"a", b"")])], "bz1"),
        ([(1, [(b"a", 3), (b"n", 5)]), (2, [(b"b", b"")]), (2, []), (2, [(b"n", b"")])], "b1"),
    ],
)
def test_the_format_is_found_wherever_bolt_keeps_it(pages, expected):
    assert influxdb_shards.bolt_format(bolt(pages)) == expected


def test_pages_that_lead_in_a_circle_end():
    with pytest.raises(ValueError):
        influxdb_shards.bolt_format(bolt([(1, [(b"a", 2)])]))


def test_owners(new):
    owners = survey(new, user=ME, group=MY_GROUP)["owners"]
    os.chmod(str(new / "meta"), 0o750)
    assert survey(new, user=ME)["owners"]["meta"] == {
        "path": str(new / "meta"),
        "exists": True,
        "user": ME,
        "group": MY_GROUP,
        "mode": "0750",
        "foreign": 0,
        "first_foreign": None,
    }
    assert [owners[part]["foreign"] for part in ("meta", "data", "wal")] == [0, 0, 0]
    assert survey(new)["owners"]["data"]["foreign"] is None


def test_files_of_others_are_counted(new, monkeypatch):
    monkeypatch.setattr(influxdb_shards, "owner_ids", lambda user, group: (os.getuid() + 1, None))
    meta = survey(new, user="somebody")["owners"]["meta"]
    assert (meta["foreign"], meta["first_foreign"]) == (2, str(new / "meta"))
    monkeypatch.setattr(influxdb_shards, "owner_ids", lambda user, group: (None, os.getgid() + 1))
    assert survey(new, group="somebody")["owners"]["data"]["foreign"] == 17


def test_an_unknown_user_is_told(new):
    with pytest.raises(FleetError) as caught:
        survey(new, user="no-such-user")
    assert "no-such-user" in str(caught.value)


def test_folders_that_are_not_there(tmp_path):
    found = survey(tmp_path, user=ME)
    assert (found["shards"], found["data_bytes"]) == ([], 0)
    data = found["owners"]["data"]
    assert (data["exists"], data["user"], data["foreign"]) == (False, None, 0)
    here = found["disk"][str(tmp_path / "state")]
    assert 0 < here["free"] <= here["total"]
    assert here["device"] == os.stat(str(tmp_path)).st_dev
    assert len(found["disk"]) == 4


def test_links_to_other_disks_are_followed(new, tmp_path):
    (new / "data/metrics").rename(tmp_path / "elsewhere")
    (new / "data/metrics").symlink_to(tmp_path / "elsewhere")
    assert len(survey(new)["shards"]) == 4
    (tmp_path / "elsewhere").rename(tmp_path / "unmounted")
    with pytest.raises(FleetError) as caught:
        survey(new)
    assert str(new / "data/metrics") in str(caught.value)


def test_files_that_go_away_meanwhile_are_passed_over(new, monkeypatch):
    names = influxdb_shards.listed
    monkeypatch.setattr(influxdb_shards, "listed", lambda folder: names(folder) + ["gone.tmp"])
    assert len(survey(new)["shards"]) == 4


def test_what_cannot_be_read_is_a_failure(new):
    """A folder in place of a file: root may read everything else."""
    with pytest.raises(FleetError) as caught:
        influxdb_shards.file_format(str(new / "data"))
    assert "cannot be read" in str(caught.value)


def test_names_that_are_not_ascii(tmp_path):
    make(tmp_path, u"data/d\xe9/p\xe9/1/000000001-000000001.tsm", b"x")
    [shard] = survey(tmp_path)["shards"]
    assert shard["database"] == influxdb_shards.to_native(u"d\xe9")
    assert shard["policy"] == influxdb_shards.to_native(u"p\xe9")
