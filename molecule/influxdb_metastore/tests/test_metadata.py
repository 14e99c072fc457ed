# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The new release holds what was recorded of the old one, and its users log in with the passwords that they had."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

TREE = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TREE / "tests" / "lab"))

from dbfleet_lab.influx import Influx  # noqa: E402  (the path above is needed first)

RECORDED = TREE / "tests" / "fixtures" / "influxdb-0.11.1"
ADMIN = ("admin", "adminpw")
META = "/var/lib/influxdb/meta"


@pytest.fixture(scope="module")
def address(host: Host) -> str:
    """Where the node is asked from the controller."""
    return str(host.ansible.get_variables()["ansible_host"])


def rows(series: list[dict[str, Any]]) -> list[str]:
    """Return the rows in an order of their own: those of equal time may come in another one (observed)."""
    return sorted(json.dumps(dict(zip(one["columns"], row, strict=True))) for one in series for row in one["values"])


def recorded(measurement: str) -> list[str]:
    """Return the rows that the real 0.11.1 answered with."""
    with gzip.open(RECORDED / f"{measurement}.json.gz", "rt", encoding="utf-8") as stream:
        return rows(json.load(stream)["results"][0]["series"])


@pytest.mark.parametrize(("database", "measurement", "count"), [("metrics", "cpu", 1200), ("app", "events", 60)])
def test_every_row_is_there(address: str, database: str, measurement: str, count: int) -> None:
    found = rows(Influx(address, ADMIN).query(f'SELECT * FROM "{database}"..{measurement}'))
    assert len(found) == count
    assert found == recorded(measurement)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SHOW DATABASES", {"metrics", "app", "odd name-db"}),
        ("SHOW USERS", {"admin", "reader", "writer", "we ird"}),
    ],
)
def test_names_are_there(address: str, statement: str, expected: set[str]) -> None:
    [series] = Influx(address, ADMIN).query(statement)
    assert {row[0] for row in series["values"]} - {"_internal"} == expected


@pytest.mark.parametrize(
    ("user", "grants"), [("reader", {"metrics": "READ"}), ("writer", {"metrics": "WRITE", "app": "ALL PRIVILEGES"})]
)
def test_grants_are_there(address: str, user: str, grants: dict[str, str]) -> None:
    [series] = Influx(address, ADMIN).query(f'SHOW GRANTS FOR "{user}"')
    assert dict(series["values"]) == grants


@pytest.mark.parametrize("statement", ["SHOW CONTINUOUS QUERIES", "SHOW SUBSCRIPTIONS"])
def test_queries_and_subscriptions_are_there(address: str, statement: str) -> None:
    assert sum(len(series.get("values", [])) for series in Influx(address, ADMIN).query(statement)) == 1


@pytest.mark.parametrize("login", [ADMIN, ("reader", "readerpw"), ("writer", "wr it'er"), ("we ird", "x")])
def test_users_log_in_with_their_passwords(address: str, login: tuple[str, str]) -> None:
    Influx(address, login).query("SHOW DATABASES")


def test_the_metadata_is_in_the_new_form_and_the_services_own(host: Host) -> None:
    assert sorted(host.check_output(f"ls {META}").split()) == ["meta.db", "snapshots"]
    owners = host.check_output(f"find {META} -printf '%u:%g\\n' | sort -u").split()
    assert owners == ["influxdb:influxdb"]


def test_the_old_metadata_is_kept_for_the_way_back(host: Host) -> None:
    kept = "/var/lib/dbfleet/backup/influxdb_metastore-0.11.1-1.4.3"
    assert host.file(f"{kept}/metastore/verified.json").exists
    assert host.file(f"{kept}/files{META}/raft.db").size > 0


def test_the_listeners_configuration_was_mended(host: Host) -> None:
    """1.4 does not start on the single brackets of 0.11."""
    config = host.file("/etc/influxdb/influxdb.conf").content_string.splitlines()
    assert "[[collectd]]" in config
    assert "[collectd]" not in config
