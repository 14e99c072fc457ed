# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From 0.11.1 to 1.4.3: the metadata of the recorded folder comes through whole, or the old release serves as before."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import BAD, PATIENCE, Fleet, lab, packages
from test_resume import frozen_swap, kill_at, kill_swap, wait_for_workers

RECORDED = ("--version", "0.11.1", "--data", "recorded")


def ask(fleet: Fleet, query: str) -> list[dict[str, Any]]:
    """Return what a query answers on the node, series by series, without what differs between the releases."""
    answer = json.loads(fleet.sh("influx1", f"curl -sG http://127.0.0.1:8086/query --data-urlencode 'q={query}'"))
    assert "error" not in json.dumps(answer), answer
    series = [one for result in answer["results"] for one in result.get("series", [])]
    return sorted(({**one, "values": sorted(map(json.dumps, one.get("values", [])))} for one in series), key=json.dumps)


QUERIES = [
    "SHOW DATABASES",
    "SHOW USERS",
    'SHOW GRANTS FOR "reader"',
    'SHOW GRANTS FOR "writer"',
    "SHOW CONTINUOUS QUERIES",
    "SHOW SUBSCRIPTIONS",
    'SELECT * FROM "metrics".."cpu"',
    'SELECT * FROM "app".."events"',
]


def holdings(fleet: Fleet) -> dict[str, Any]:
    return {query: ask(fleet, query) for query in QUERIES}


@pytest.mark.sample
def test_everything_comes_through_and_back_again(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *RECORDED)
    before = holdings(one)
    assert len(before[QUERIES[-2]][0]["values"]) == 1200
    run = one.run()
    assert run.code == 0, run.text
    assert one.version("influx1") == "1.4.3"
    assert holdings(one) == before
    assert run.nodes["influx1"]["data"] == "same"
    assert one.sh("influx1", "ls /var/lib/influxdb/meta; stat -c %U /var/lib/influxdb/meta/meta.db").split() == [
        "meta.db", "snapshots", "influxdb",
    ]  # fmt: skip

    back = one.run(playbook="rollback", fleet_hosts="influxdb")
    assert back.code == 0, back.text
    assert one.version("influx1") == "0.11.1"
    assert holdings(one) == before


def test_a_release_that_cannot_start_leaves_the_old_metadata(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *RECORDED)
    before = holdings(one)
    run = one.run(**BAD)
    assert run.statuses() == {"influx1": "rolled_back"}, run.text
    assert one.version("influx1") == "0.11.1"
    assert holdings(one) == before


CREATE = "curl -s -XPOST http://127.0.0.1:8086/query --data-urlencode 'q=CREATE DATABASE {name}'"


def test_metadata_that_changes_at_the_last_moment_is_not_lost(fleet: Callable[..., Fleet]) -> None:
    """A database that appears once the package is being installed: the first attempt goes back, the second has it."""
    one = fleet("--nodes", "1", *RECORDED)
    run = one.start()
    one.sh(
        "influx1",
        'until grep -q \'"step": "install"\' /var/lib/dbfleet/swap.json 2>/dev/null; do sleep 0.01; done;'
        f" {CREATE.format(name='late')}",
    )
    run.wait()
    assert run.code == 0, run.text
    assert one.version("influx1") == "1.4.3"
    assert ["late"] in [json.loads(row) for series in ask(one, "SHOW DATABASES") for row in series["values"]]
    steps = [step["name"] for step in run.nodes["influx1"]["swap"]["steps"] if step["status"] != "skipped"]
    assert steps.count("stop") == 2, "it was not the last moment"


RESTLESS = """
n=0
while [ $n -lt 9 ]; do
    if grep -q '"step": "install"' /var/lib/dbfleet/swap.json 2> /dev/null; then
        n=$((n + 1))
        curl -s -XPOST http://127.0.0.1:8086/query --data-urlencode "q=CREATE DATABASE n$n" > /dev/null
        sleep 1
    fi
done
"""
"""Makes a database whenever a package is being installed."""


def test_metadata_that_never_rests_leaves_the_node_as_it_was(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *RECORDED)
    one.sh(
        "influx1",
        f"cat > /root/restless.sh <<'END'\n{RESTLESS}END\nnohup timeout {PATIENCE} sh /root/restless.sh > /dev/null 2>&1 &",
    )
    run = one.run()
    assert run.statuses() == {"influx1": "rolled_back"}, run.text
    assert "The metadata has changed since the backup was taken" in run.nodes["influx1"]["outcome"]["reason"]
    stops = [
        step for step in run.nodes["influx1"]["swap"]["steps"] if step["name"] == "stop" and step["status"] == "ok"
    ]
    assert len(stops) == 3
    assert one.version("influx1") == "0.11.1"
    assert len(ask(one, 'SELECT * FROM "metrics".."cpu"')[0]["values"]) == 1200


def test_the_way_back_asks_before_it_loses_metadata(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *RECORDED)
    assert one.run().code == 0
    one.sh("influx1", CREATE.format(name="since"))
    refused = one.run(playbook="rollback", fleet_hosts="influxdb")
    assert refused.code != 0
    assert "database since" in refused.text
    assert one.version("influx1") == "1.4.3"
    back = one.run(playbook="rollback", fleet_hosts="influxdb", fleet_accept=["metadata-since"])
    assert back.code == 0, back.text
    assert one.version("influx1") == "0.11.1"


def test_an_old_host(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", "--image", "oldhost", *RECORDED, core="2.16")
    before = holdings(one)
    run = one.run()
    assert run.code == 0, run.text
    assert one.version("influx1") == "1.4.3"
    assert holdings(one) == before


OLD_SHARDS = ("--version", "0.10.3", "--data", "recorded")
CONVERT: dict[str, Any] = {"influxdb_convert_shards": True}


def rows(fleet: Fleet) -> dict[str, list[str]]:
    """Return the rows of the databases that were recorded with each of the engines."""
    return {name: ask(fleet, f'SELECT * FROM "{name}".."cpu"')[0]["values"] for name in ("db_b1", "db_bz1", "db_tsm1")}


def settle(fleet: Fleet) -> None:
    """Wait for the server's own database, which it makes some seconds after its start: a change of the metadata as any other."""
    end = time.monotonic() + PATIENCE
    while '["_internal"]' not in json.dumps(ask(fleet, "SHOW DATABASES")).replace("\\", ""):
        assert time.monotonic() < end
        time.sleep(0.2)


def shard_files(fleet: Fleet) -> str:
    """Return the checksums of the shards that are files."""
    return fleet.sh(
        "influx1", "cd /var/lib/influxdb/data; find . -path './*/*/[0-9]*' -prune -type f | sort | xargs -r sha256sum"
    )


@pytest.mark.sample
def test_shards_of_old_engines_are_converted_and_come_back(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *OLD_SHARDS)
    before, files = rows(one), shard_files(one)
    assert [len(values) for values in before.values()] == [400, 400, 400]
    assert len(files.splitlines()) == 6
    refused = one.run()
    assert refused.code != 0
    assert "shards-b1" in refused.text
    assert one.version("influx1") == "0.10.3"

    run = one.run(**CONVERT)
    assert run.code == 0, run.text
    assert one.version("influx1") == "1.4.3"
    assert rows(one) == before
    assert shard_files(one) == ""
    assert one.sh("influx1", "find /var/lib/influxdb/data -not -user influxdb") == ""
    assert "6 shards with 3200 points were converted" in " ".join(run.nodes["influx1"]["swap"]["notes"])

    back = one.run(playbook="rollback", fleet_hosts="influxdb")
    assert back.code == 0, back.text
    assert one.version("influx1") == "0.10.3"
    assert rows(one) == before
    assert shard_files(one) == files


def test_a_converter_that_is_broken_is_found_before_anything_is_changed(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *OLD_SHARDS)
    one.sh(
        "influx1",
        f"curl -sfo /root/old.deb {lab('serve')}/influxdb_0.11.1-1_amd64.deb; dpkg-deb -x /root/old.deb /root/0.11",
    )
    process = one.sh("influx1", "pgrep -x influxd")
    run = one.run(**CONVERT, influxdb_tsm_program="/root/0.11/usr/bin/influx_tsm")
    assert run.statuses() == {"influx1": "refused"}, run.text
    assert "unsupported value type" in run.nodes["influx1"]["outcome"]["reason"]
    assert one.sh("influx1", "pgrep -x influxd") == process


SLOW = """
printf '#!/bin/sh\\nDBFLEET_LAB_TSM_DELAY=1s exec /usr/bin/influx_tsm "$@"\\n' > /root/influx_tsm
chmod +x /root/influx_tsm
"""
"""Makes a converter that can be interrupted in the middle of a shard."""


@pytest.mark.parametrize("step", ["stop", "shards", "ready"])
@pytest.mark.parametrize("end", ["finish", "recover"])
def test_a_swap_with_a_conversion_that_was_killed(fleet: Callable[..., Fleet], step: str, end: str) -> None:
    """Of a killed swap, influx_tsm works on: it is ended before the shards are touched."""
    one = fleet("--nodes", "1", *OLD_SHARDS)
    one.sh("influx1", SLOW)
    settle(one)
    before, files = rows(one), shard_files(one)
    settings: dict[str, Any] = {**CONVERT, "influxdb_tsm_program": "/root/influx_tsm"}
    frozen = frozen_swap(one, step)
    run = one.start(**settings)
    frozen.wait()
    run.kill()
    kill_swap(one, frozen, step)
    wait_for_workers(one)
    last = one.run(**settings) if end == "finish" else one.run(playbook="recover")
    assert last.code == 0, last.text
    assert rows(one) == before
    assert one.version("influx1") == ("1.4.3" if end == "finish" else "0.10.3")
    assert shard_files(one) == ("" if end == "finish" else files)


@pytest.mark.parametrize("step", ["install", "stop", "copy_keep", "metastore", "ready"])
@pytest.mark.parametrize("end", ["finish", "recover"])
def test_a_swap_from_0_11_that_was_killed(fleet: Callable[..., Fleet], step: str, end: str) -> None:
    """A large file makes the steps that copy the metadata folder long enough to be seen."""
    one = fleet("--nodes", "1", *RECORDED)
    one.sh("influx1", "cd /var/lib/influxdb/meta; head -c 150M /dev/zero > large; chown influxdb: large")
    settle(one)
    before = holdings(one)
    frozen = frozen_swap(one, step)
    run = one.start()
    frozen.wait()
    run.kill()
    kill_swap(one, frozen, step)
    wait_for_workers(one)
    last = one.run() if end == "finish" else one.run(playbook="recover")
    assert last.code == 0, last.text
    assert one.version("influx1") == ("1.4.3" if end == "finish" else "0.11.1")
    assert holdings(one) == before


@pytest.mark.parametrize(
    "words", ["Take the backup of the metastore", "Change the release", "Prove that the node holds"]
)
def test_a_controller_that_was_killed_on_the_way_from_0_11(fleet: Callable[..., Fleet], words: str) -> None:
    one = fleet("--nodes", "1", *RECORDED)
    before = holdings(one)
    kill_at(one.start(), words)
    again = one.run()
    assert again.code == 0, again.text
    assert one.version("influx1") == "1.4.3"
    assert holdings(one) == before


def old_release() -> dict[str, Any]:
    return {"fleet_rollback_package": {"file": str(packages() / "influxdb_0.11.1-1_amd64.deb")}}


def spring(fleet: Fleet) -> None:
    """Do what people do who do not know: install the newer release over the raft.db, on which it does not start."""
    fleet.sh(
        "influx1",
        f"curl -sfo /root/new.deb {lab('serve')}/influxdb_1.4.3_amd64.deb; dpkg --force-confold -i /root/new.deb;"
        " systemctl daemon-reload; systemctl restart influxdb || true",
    )


@pytest.mark.sample
def test_a_newer_release_that_was_installed_over_raft_db(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *RECORDED)
    before = holdings(one)
    spring(one)
    refused = one.run()
    assert refused.code != 0
    assert "metastore-raft" in refused.text
    assert "do not delete it" in refused.text
    assert "raft.db" in one.sh("influx1", "ls /var/lib/influxdb/meta")

    checked = one.run("--check", **old_release())
    assert checked.code == 0, checked.text
    assert one.sh("influx1", "dpkg-query -W -f '${Version}' influxdb") == "1.4.3-1"
    run = one.run(**old_release())
    assert run.code == 0, run.text
    assert one.version("influx1") == "1.4.3"
    assert holdings(one) == before
    assert run.nodes["influx1"]["data"] == "same"


def test_what_speaks_against_the_upgrade_leaves_the_revived_release_serving(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *RECORDED, "--auth")
    spring(one)
    run = one.run(**old_release(), influxdb_admin_password="wrong")
    assert run.statuses() == {"influx1": "refused"}, run.text
    assert "0.11.1 serves again" in run.nodes["influx1"]["outcome"]["reason"]
    assert one.version("influx1") == "0.11.1"
    again = one.run(**old_release())
    assert again.code == 0, again.text
    assert one.version("influx1") == "1.4.3"


def test_metadata_that_somebody_deleted_is_told_and_nothing_touched(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *RECORDED)
    one.sh(
        "influx1",
        "service influxdb stop; cd /var/lib/influxdb; cp meta/raft.db raft.db.old; rm -r meta;"
        " install -d -o influxdb -g influxdb meta; service influxdb start",
    )
    end = time.monotonic() + PATIENCE
    while not one.version("influx1"):
        assert time.monotonic() < end
    before = one.sh("influx1", "cd /var/lib/influxdb; find . -type f | grep -v _internal | sort")
    run = one.run()
    assert run.code != 0
    (found,) = [one for one in run.nodes["influx1"]["findings"] if one["id"] == "metastore-lost"]
    for said in ("metrics (forever, one_week)", "app (default, two_hours)", "/var/lib/influxdb/raft.db.old"):
        assert said in found["message"]
    assert one.sh("influx1", "cd /var/lib/influxdb; find . -type f | grep -v _internal | sort") == before
    assert one.version("influx1") == "0.11.1"
