# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From 0.11.1 to 1.4.3: the metadata of the recorded folder comes through whole, or the old release serves as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import BAD, Fleet, lab

RECORDED = ("--version", "0.11.1", "--data", "recorded")
PASSWORDS = {"admin": "adminpw", "reader": "readerpw", "writer": "wr it'er", "we ird": "x"}


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
        f"cat > /root/restless.sh <<'END'\n{RESTLESS}END\nnohup timeout 200 sh /root/restless.sh > /dev/null 2>&1 &",
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


def test_shards_of_old_engines_are_refused(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", "--version", "0.10.3", "--data", "recorded")
    run = one.run()
    assert run.code != 0
    assert "shards-b1" in run.text
    assert one.version("influx1") == "0.10.3"


def test_a_newer_release_that_was_installed_over_raft_db_is_told_apart(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", *RECORDED)
    one.sh(
        "influx1",
        f"curl -sfo /root/new.deb {lab('serve')}/influxdb_1.4.3_amd64.deb; dpkg --force-confold -i /root/new.deb;"
        " systemctl daemon-reload; systemctl restart influxdb || true",
    )
    run = one.run()
    assert run.code != 0
    assert "metastore-raft" in run.text
    assert "do not delete it" in run.text
    assert "raft.db" in one.sh("influx1", "ls /var/lib/influxdb/meta")
