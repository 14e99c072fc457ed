# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From 0.11.1 to 1.4.3: the metadata of the recorded folder comes through whole, or the old release serves as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import BAD, Fleet

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
