# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From 0.7.3 to 0.8.3 with the lab's stand-in for both, in this process and on one folder, as the upgrade has it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import json
import os
import shutil
import sys
import time

try:
    from urllib.parse import urlencode
except ImportError:  # Python 2.7
    from urllib import urlencode

import pytest
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.common.text.converters import to_bytes, to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import Answer, Client
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_fingerprint import fingerprint
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import plain_version
from ansible_collections.dbfleet.upgrade.plugins.modules import influxdb_legacy_fingerprint

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "lab", "influxdb_legacy"))

from influxdb_sim.api import Api  # noqa: E402 (found by the line above)
from influxdb_sim.config import Config  # noqa: E402
from influxdb_sim.errors import ApiError  # noqa: E402
from influxdb_sim.node import Node  # noqa: E402
from influxdb_sim.release import Release  # noqa: E402
from influxdb_sim.server import Request  # noqa: E402

CONFIG = u"""\
bind-address = "127.0.0.1"
hostname = "127.0.0.1"
[logging]
file = "{0}/log.txt"
[raft]
dir = "{0}/raft"
[storage]
dir = "{0}/db"
[wal]
dir = "{0}/wal"
"""
SECOND = 1000000
WEEK = 7 * 86400 * SECOND
START = 1398902400 * SECOND  # 2014-05-01T00:00:00Z, the first moment of a shard
ODD_NAMES = (u'say "hi"', u"a.b/c d", u"\xe9t\xe9", u"back\\slash", u"it's", u"/x/i", u"root", u"1")


class Transport(object):
    """Takes questions to the server without a network, which would take most of the time."""

    url = "http://db1:8086"

    def __init__(self, node):
        self._api = Api(node)

    def send(self, method, path, query=(), body=None, anonymous=False):
        pairs = list(query) + [("u", "root"), ("p", "root")]
        target = to_text(path + "?" + urlencode([(name, to_bytes(value)) for name, value in pairs]))
        response = self._api.respond(Request(to_text(method), target, {}, json.dumps(body).encode("ascii")))
        return Answer(response.status, response.content.decode("utf-8"), plain_version(response.headers["X-Influxdb-Version"]))


class Running(object):
    """A server of a release on a folder, and a client of it."""

    def __init__(self, folder, release):
        self.folder = str(folder)
        with io.open(os.path.join(self.folder, "config.toml"), "w", encoding="utf-8") as stream:
            stream.write(CONFIG.format(self.folder))
        self.node = Node(Release(release), Config(os.path.join(self.folder, "config.toml")))
        self.node.replay()
        self.node.join()
        self.client = Client(Transport(self.node))

    def stop(self):
        for number in self.node.configuration.shards:
            self.node.datastore[number].close()

    def fingerprint(self, **changes):
        options = influxdb_legacy_fingerprint.OPTIONS
        params = {name: options[name].get("default") for name in options}
        return fingerprint(dict(params, username="root", **dict({"password": "root"}, **changes)), self.client, time.time)

    def compare(self, before, **changes):
        return self.fingerprint(baseline=json.loads(json.dumps(before)), **changes)

    def write(self, database, series, rows):
        """rows: time in microseconds, and a dictionary."""
        self.node.coordinator.write(database, series, [(moment, 0, values) for moment, values in rows])

    def migrate(self):
        """All old shards that are not marked."""
        assert self.client.migrate("0s")
        shards = os.path.join(self.folder, "db", "shard_db")
        deadline = time.time() + 30
        while not all(os.path.exists(os.path.join(shards, name, "MIGRATED")) for name in os.listdir(shards)):
            assert time.time() < deadline
            time.sleep(0.01)


def fill(server):
    """Ten weeks, two databases with data and one without, a series of long-term shards, and one for each odd name."""
    for name in (u"test", u"root", u"empty"):
        server.node.raft.propose("create_database", name=name)
    user = {"name": u"paul", "hash": u"", "isAdmin": True, "writeTo": u".*", "readFrom": u".*"}
    server.node.raft.propose("save_user", database=u"test", user=user)
    server.node.raft.propose("save_cluster_admin", user=dict(user, name=u"root 1"))
    server.node.raft.propose("create_query", database=u"test", query=u"select * from cpu into all")
    weeks = [START + number * WEEK for number in range(10)]
    server.write(u"test", u"cpu", [(week + second * SECOND, {u"value": 1.5, u"n": second}) for week in weeks for second in range(5)])
    server.write(u"test", u"Longterm", [(week, {u"v": True}) for week in weeks])
    server.write(u"test", u"events", [(START, {u"msg": u"a"}), (START, {u"user": u"b"}), (START + 1, {u"msg": u"c", u"user": u""})])
    server.write(u"root", u"disk", [(START, {u"used.percent": 1.0}), (START + SECOND, {u"used.percent": 2.0, u"1": u"x"})])
    for number, name in enumerate(ODD_NAMES):
        server.write(u"test", name, [(START + WEEK + number, {name: number, u"v": 1}), (START + WEEK - 1000, {name: u"x"})])


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """The folder that a 0.7.3 left, and its fingerprint."""
    folder = tmp_path_factory.mktemp("old")
    server = Running(folder, "0.7.3")
    fill(server)
    before = server.fingerprint()["fingerprint"]
    server.stop()
    return str(folder), before


@pytest.fixture
def start(old, tmp_path):
    """Starts releases on a copy of that folder."""
    started = []

    def start(release):
        for server in started:
            server.stop()
        started[:] = [Running(folder, release)]
        return started[0]

    folder = str(tmp_path / "copy")
    shutil.copytree(old[0], folder)
    yield start
    for server in started:
        server.stop()


@pytest.fixture
def migrated(start):
    server = start("0.8.3")
    server.migrate()
    return server


def lost(result):
    """Series and numbers of the differences."""
    return sorted(sentence.split(", ", 1)[1].split(": ", 1) for sentence in result["differences"])


def test_all_is_counted(old):
    before = old[1]
    assert before["rows"]["root"] == {"disk": 2}
    expected = dict.fromkeys(ODD_NAMES, 2)
    expected.update(cpu=50, Longterm=10, events=2)
    assert before["rows"]["test"] == expected
    assert before["totals"] == {
        "databases": 3,
        "cluster_admins": 2,
        "users": 1,
        "continuous_queries": 1,
        "series": 4 + len(ODD_NAMES),
        "rows": 64 + 2 * len(ODD_NAMES),
        "values": 100 + 10 + 4 + 3 + 3 * len(ODD_NAMES),
        "buckets": before["totals"]["covered"],
        "covered": before["totals"]["covered"],
    }


def test_a_migration_that_went_well_is_equal(old, migrated):
    result = migrated.compare(old[1])
    assert (result["equal"], result["differences"], result["difference_count"], result["additions"]) == (True, [], 0, [])
    assert result["fingerprint"]["digest"] == old[1]["digest"]


@pytest.mark.parametrize("password", ["root", "1"])
def test_what_ansible_masks_is_equal_too(start, password):
    server = start("0.7.3")
    server.node.raft.propose("save_cluster_admin", user=dict(server.node.configuration.cluster_admins["root"], name=u"1"))
    taken = server.fingerprint(password=password)["fingerprint"]
    masked = remove_values(taken, [password])
    assert masked["metadata"] != taken["metadata"]
    server = start("0.8.3")
    server.migrate()
    assert server.compare(masked)["equal"] is True
    server.node.raft.propose("drop_cluster_admin", name=u"root 1")
    assert server.compare(masked)["differences"] == ['Cluster administrator "root 1" is gone']


def test_writes_and_late_points_are_no_loss(old, migrated):
    migrated.write(u"test", u"cpu", [(int(time.time() * SECOND), {u"value": 1}), (START + 7, {u"value": 1, u"new": 2})])
    migrated.write(u"test", u"new", [(START, {u"value": 1})])
    assert migrated.compare(old[1])["equal"] is True


def test_what_was_not_migrated_is_all_lost(old, start):
    result = start("0.8.3").compare(old[1], max_differences=100)
    assert result["equal"] is False and result["difference_count"] == 4 + len(ODD_NAMES)
    assert ['series "cpu"', "50 rows before, none after"] in lost(result)


def test_a_release_without_the_migration_says_so_too(old, start):
    assert start("0.8.8").compare(old[1])["difference_count"] == 4 + len(ODD_NAMES)


def test_a_shard_that_is_only_marked_is_a_loss(old, start):
    server = start("0.8.3")
    with io.open(os.path.join(server.folder, "db", "shard_db", "00001", "MIGRATED"), "w", encoding="ascii") as stream:
        stream.write(u"done.\n")
    server.migrate()
    found = lost(server.compare(old[1], max_differences=100))
    for column in ("n", "value"):
        what = 'series "cpu", column "{0}", times from 2014-05-01T00:00:00Z and before 2014-05-08T00:00:00Z'.format(column)
        assert [what, "5 values before, 0 after"] in found
    assert ['series "disk"', "2 rows before, none after"] in found and not [what for what, _numbers in found if "Longterm" in what]


def test_lost_points_are_told_by_bucket_and_column(old, migrated):
    client = migrated.client
    client.query("test", "delete from cpu where time > {0}u and time < {1}u".format(START + WEEK, START + WEEK + 3 * SECOND))
    result = migrated.compare(old[1])
    assert [numbers for _what, numbers in lost(result)] == ["5 values before, 3 after"] * 2
    client.query("test", "drop series events")
    assert ['series "events"', "2 rows before, none after"] in lost(migrated.compare(old[1]))


def test_one_value_of_a_row_that_stays_is_a_loss(old, start):
    server = start("0.7.3")
    points = server.node.coordinator.points(u"test", u"events", [u"events"], 0, 2**62)
    server.node.coordinator.delete(u"test", u"events")
    points = [(moment, number, {u"user": values.get(u"user", u"x")}) for moment, number, values in points]
    server.node.coordinator.write(u"test", u"events", points)
    assert [what.split(", times")[0] for what, _numbers in lost(server.compare(old[1]))] == ['series "events", column "msg"']


def test_metadata_that_is_gone_or_new(old, migrated):
    raft = migrated.node.raft
    raft.propose("drop_user", database=u"test", name=u"paul")
    raft.propose("drop_database", name=u"empty")
    raft.propose("create_database", name=u"weather")
    result = migrated.compare(old[1])
    assert result["differences"] == ['Database "empty" is gone', 'User "paul" of database "test" is gone']
    assert result["additions"] == ['Database "weather"']


def test_times_before_1970_are_counted(start):
    server = start("0.7.3")
    server.write(u"test", u"old", [(moment, {u"v": 1}) for moment in (-WEEK, -1, 0, 1, 90 * WEEK)])
    taken = server.fingerprint()["fingerprint"]
    assert taken["rows"]["test"]["old"] == 5
    server = start("0.8.3")
    server.migrate()
    assert server.compare(taken)["equal"] is True
    server.node.coordinator.delete(u"test", u"old", -WEEK, -WEEK)
    assert lost(server.compare(taken)) == [['series "old", column "v", before 1970-01-08T00:00:00Z', "4 values before, 3 after"]]


@pytest.mark.parametrize("bucket", ["6h", "1d", "30d", "1y"])
def test_every_length_of_bucket_counts_the_same(old, start, bucket):
    server = start("0.7.3")
    assert server.fingerprint(bucket=bucket)["fingerprint"]["rows"] == old[1]["rows"]


def test_what_was_written_since(start):
    server = start("0.8.3")
    server.migrate()
    later = START + 20 * WEEK
    server.write(u"test", u"cpu", [(later - 1, {u"value": 1}), (later, {u"value": 1}), (later + 9 * WEEK, {u"value": 1})])
    taken = server.fingerprint(since="2014-09-18T00:00:00Z")["fingerprint"]
    assert (taken["rows"], taken["since"]) == ({"test": {"cpu": 2}}, "2014-09-18T00:00:00Z")


def test_what_comes_after_until_is_not_counted(start):
    server = start("0.7.3")
    server.write(u"test", u"later", [(int(time.time() + 9e8) * SECOND, {u"v": 1})])
    assert "later" not in server.fingerprint()["fingerprint"]["rows"]["test"]
    taken = server.fingerprint(until="2014-05-01T00:00:03Z")["fingerprint"]
    assert taken["rows"]["test"]["cpu"] == 3


def test_a_series_that_0_7_does_not_list_is_counted(start):
    server = start("0.7.3")
    server.write(u"root", u"spread", [(START + number * WEEK, {u"v": 1}) for number in range(-20, 0)])
    server.node.coordinator.delete(u"root", u"disk")
    assert server.client.query("root", "list series") == []
    assert server.fingerprint()["fingerprint"]["rows"]["root"] == {"spread": 20}


def test_an_error_of_the_server_is_no_empty_database(old, start):
    server = start("0.7.3")

    def names(_database):
        raise ApiError(500, "disk is full")

    server.node.coordinator.names = names
    for baseline in (None, old[1]):
        with pytest.raises(FleetError) as caught:
            server.fingerprint(baseline=baseline)
        assert caught.value.facts["reason"] == "server" and "disk is full" in str(caught.value)


def test_the_defaults_are_those_of_the_documentation():
    options = influxdb_legacy_fingerprint.OPTIONS
    assert options["level"] == {"type": "str", "choices": ["metadata", "points"], "default": "points"}
    assert options["bucket"]["default"] == "7d" and options["password"]["no_log"] is True
