# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import copy
import os

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _metastore_proof as proof
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import load
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import metastore_files as files


@pytest.fixture
def shown():
    return files.shown()


@pytest.fixture
def found():
    return load(files.META)


def test_the_recorded_backup_is_what_the_server_shows(shown, found):
    assert proof.differences(shown, found) == []


def test_a_changed_byte_in_a_name_is_found(shown):
    """The restore of influxd takes this backup and exits with 0."""
    found = load(os.path.join(files.DAMAGED, "onebyte.meta.00"))
    told = proof.differences(shown, found)
    assert len(told) >= 2
    assert any("is missing" in text for text in told)
    assert any("is not one that the server shows" in text for text in told)


def database(metadata, name):
    return [one for one in metadata["databases"] if one["name"] == name][0]


def drop_database(metadata):
    metadata["databases"] = [one for one in metadata["databases"] if one["name"] != "odd name-db"]


def drop_user(metadata):
    del metadata["users"][0]


def drop_grant(metadata):
    metadata["users"][-1]["grants"].pop("app")


def change_grant(metadata):
    metadata["users"][-1]["grants"]["app"] = "READ"


def demote(metadata):
    metadata["users"][0]["admin"] = False


def drop_policy(metadata):
    del database(metadata, "metrics")["retention_policies"][2]


def drop_query(metadata):
    database(metadata, "metrics")["continuous_queries"] = []


def change_query(metadata):
    database(metadata, "metrics")["continuous_queries"][0]["query"] += " "


def lengthen(metadata):
    policy = database(metadata, "metrics")["retention_policies"][2]
    policy.update(duration="169h0m0s") if "duration" in policy else policy.update(duration_ns=1)


def replicate(metadata):
    database(metadata, "metrics")["retention_policies"][2]["replica_n"] = 2


CHANGES = [
    (drop_database, ['database "odd name-db"', 'policy "odd name-db"."default"']),
    (drop_user, ['user "admin"']),
    (drop_grant, ['grant "writer"."app"']),
    (change_grant, ['grant "writer"."app" has another privilege']),
    (demote, ['user "admin" has another role of administrator']),
    (drop_policy, ['policy "metrics"."one_week"']),
    (drop_query, ['continuous query "metrics"."cq_cpu"']),
    (change_query, ['continuous query "metrics"."cq_cpu" has another query']),
    (lengthen, ['policy "metrics"."one_week" has another duration']),
    (replicate, ['policy "metrics"."one_week" has another number of replicas']),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES, ids=[row[0].__name__ for row in CHANGES])
@pytest.mark.parametrize("side", ["shown", "found"])
def test_every_difference_is_told_whichever_side_has_it(shown, found, change, expected, side):
    change(shown if side == "shown" else found)
    told = sorted(proof.differences(shown, found))
    assert len(told) == len(expected)
    for text, start in zip(told, expected):
        assert text.startswith(start)


def test_subscriptions_and_the_default_policy_are_compared(shown, found):
    metrics = database(found, "metrics")
    metrics["default_policy"] = "default"
    metrics["retention_policies"][1]["subscriptions"][0]["destinations"] = []
    assert [text.split(":")[0] for text in proof.differences(shown, found)] == [
        'policy "metrics"."default" has another use as default',
        'policy "metrics"."forever" has another use as default',
        'subscription "metrics"."forever"."sub0" has another list of destinations',
    ]
    metrics["retention_policies"][1]["subscriptions"] = []
    assert 'subscription "metrics"."forever"."sub0" is missing' in proof.differences(shown, found)


def test_the_duration_of_groups_is_compared_where_it_is_shown(shown, found):
    for one in shown["databases"]:
        for policy in one["retention_policies"]:
            policy["shard_group_duration"] = {"one_week": "24h0m0s", "monitor": "24h0m0s", "two_hours": "1h0m0s"}.get(
                policy["name"], "168h0m0s"
            )
    assert proof.differences(shown, found) == []
    database(shown, "app")["retention_policies"][0]["shard_group_duration"] = "24h0m0s"
    assert len(proof.differences(shown, found)) == 1


def test_names_that_are_not_ascii():
    name = proof.to_native(u"caf\xe9")
    shown = {"databases": [], "users": [{"name": name, "admin": False, "grants": {}}]}
    found = {"databases": [], "users": [{"name": name, "admin": False, "grants": {}}]}
    assert proof.differences(shown, found) == []
    assert proof.differences(dict(shown, users=[]), found) == [
        'user "{0}" is not one that the server shows'.format(name)
    ]


@pytest.mark.parametrize("shown", [{}, {"databases": []}, {"databases": [{"name": "x"}], "users": []}, {"databases": 1}])
def test_what_is_no_metadata_is_refused(shown, found):
    with pytest.raises(FleetError) as caught:
        proof.differences(shown, found)
    assert "influxdb_info" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (u"0s", 0),
        (u"168h0m0s", 604800 * 10**9),
        (u"1m30.5s", 905 * 10**8),
        (u"1.000000001s", 10**9 + 1),
        (u"1.5\xb5s", 1500),
        (u"500ms", 5 * 10**8),
        (u"-1h0m0s", -3600 * 10**9),
    ],
)
def test_durations(text, expected):
    assert proof.nanoseconds(text) == expected


@pytest.mark.parametrize("text", [u"", u"INF", u"7d", u"1h 2m", u"12"])
def test_what_is_no_duration(text):
    with pytest.raises(FleetError):
        proof.nanoseconds(text)


@pytest.fixture
def folders(tmp_path):
    files.unpack("folders-0.11.1.tar.gz", tmp_path)
    return [str(tmp_path / "data"), str(tmp_path / "wal")]


def test_the_recorded_folders_hold_nothing_that_the_backup_does_not_know(folders, found):
    on_disk = proof.shards_on_disk(folders)
    assert on_disk == {shard for shard in proof.shards_of(found) if shard[0] != "_internal"}
    assert proof.unknown_on_disk(on_disk, found) == []


def test_what_a_stale_backup_loses_is_found(tmp_path):
    files.unpack("folders-stale.tar.gz", tmp_path)
    on_disk = proof.shards_on_disk([str(tmp_path / "data"), str(tmp_path / "wal")])
    assert on_disk == {("early", "default", 1), ("early", "default", 3), ("late", "default", 2)}
    assert proof.unknown_on_disk(on_disk, load(str(tmp_path / "meta" / "meta.db"))) == [
        'shard 3 of "early"."default" lies on disk, and is missing',
        'shard 2 of "late"."default" lies on disk, and is missing',
    ]


def test_files_and_wal_folders_are_shards_too(tmp_path):
    (tmp_path / "data" / "d" / "p").mkdir(parents=True)
    (tmp_path / "data" / "d" / "p" / "1").write_bytes(b"bolt")
    for path in ("wal/d/p/2", "data/d/p/3.tsm", "data/_internal/monitor/4", "data/d/_series/00"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "data" / "d" / "file").write_bytes(b"")
    (tmp_path / "data" / "file").write_bytes(b"")
    folders = [str(tmp_path / name) for name in ("data", "wal", "nosuch")]
    assert proof.shards_on_disk(folders) == {("d", "p", 1), ("d", "p", 2)}
    assert proof.named_on_disk(folders) == {"d": ["p"]}


def test_shards_of_deleted_groups_may_lie_on_disk_and_are_not_listed(found):
    changed = copy.deepcopy(found)
    group = database(changed, "metrics")["retention_policies"][2]["shard_groups"][0]
    group["deleted_ns"] = 5
    shard = ("metrics", "one_week", group["shards"][0])
    assert proof.unknown_on_disk({shard}, changed) == []
    assert proof.unknown_to_backup({shard}, found) == []
    assert proof.unknown_to_backup({shard}, changed) == ['shard 7 of "metrics"."one_week" is missing']


def test_a_shard_under_another_policy_is_another_shard(found):
    assert proof.unknown_on_disk({("metrics", "forever", 7)}, found) == ['shard 7 of "metrics"."forever" lies on disk, and is missing']


def test_what_can_be_named_without_a_metastore(folders):
    assert proof.named_on_disk(folders) == {
        "app": ["default", "two_hours"],
        "metrics": ["forever", "one_week"],
        "odd name-db": ["default"],
    }
