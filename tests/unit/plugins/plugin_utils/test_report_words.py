# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How numbers and times are said."""

from __future__ import annotations

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_words as words
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_status import STATUSES


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (0.0, "0.00 s"),
        (0.244, "0.24 s"),
        (1.42, "1.4 s"),
        (9.996, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (192, "3 min 12 s"),
        (3600, "1 h"),
        (7380, "2 h 3 min"),
    ],
)
def test_seconds(value: float | None, said: str) -> None:
    assert words.seconds(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1500, "1.5 kB"),
        (21_400_000, "21.4 MB"),
        (412_000_000_000, "412 GB"),
        (5e15, "5,000.0 TB"),
    ],
)
def test_size(value: float | None, said: str) -> None:
    assert words.size(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(1000000, "1,000,000"), (7.0, "7"), (0.973, "97.3%"), (True, "yes"), ("all", "all"), (None, "–"), (2.5, "2.50")],
)
def test_count(value: float | str | None, said: str) -> None:
    assert words.count(value) == said


@pytest.mark.parametrize(
    ("found", "said"),
    [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"), (list("abcde"), "a, b, c and 2 more")],
)
def test_names(found: list[str], said: str) -> None:
    assert words.names(found) == said


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["influxdb"], "InfluxDB"),
        (["influxdb_to_enterprise"], "InfluxDB Enterprise"),
        (["influxdb-enterprise"], "InfluxDB Enterprise"),
        (["auto", "couchdb"], "Apache CouchDB"),
        (["cloudant_db"], "Cloudant Local"),
        ([None, "other"], None),
    ],
)
def test_product(names: list[str | None], label: str | None) -> None:
    assert words.product(*names) == label


def test_a_moment_is_in_utc() -> None:
    assert words.moment(1521460803.2) == "2018-03-19 12:00:03 UTC"
    assert words.clock(1521460803.2) == "12:00:03"


def test_every_status_has_a_word_and_a_tone() -> None:
    assert set(words.STATUS_WORDS) == set(STATUSES)
    assert {words.tone(status) for status in STATUSES} == {"good", "wait", "warn", "bad"}


def test_the_middle_is_left_out() -> None:
    assert words.shortened("influx-1", 8) == "influx-1"
    assert words.shortened("metrics-b1.rack7.berlin.example.net", 20) == "metrics-b1.r…ple.net"
    assert len(words.shortened("x" * 50, 26)) == 26


@pytest.mark.parametrize(
    ("started", "ended", "status", "said"),
    [
        (1.0, 3.0, "ok", "2.0 s"),
        (1.0, None, "unfinished", "did not end"),
        (None, 3.0, "ok", "start not known"),
        (None, None, "ok", "–"),
        (1.0, 3.0, "skipped", "–"),
    ],
)
def test_how_long_a_phase_took(started: float | None, ended: float | None, status: str, said: str) -> None:
    assert words.took({"started": started, "ended": ended, "status": status}) == said


def planned(state: str, to: str | None, package: dict[str, object] | None = None) -> dict[str, object]:
    return {"name": to, "state": state, "to": to, "path": None, "product": "influxdb", "package": package}


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([], ""),
        ([planned("upgrade", None)], ""),
        ([planned("upgrade", "1.4.3"), planned("upgrade", "1.4.3")], "InfluxDB 1.4.3"),
        ([planned("upgrade", "1.4.3"), planned("later", "1.8.10")], "InfluxDB 1.4.3 and InfluxDB 1.8.10"),
        ([planned("upgrade", "1.3.9"), planned("nothing", "1.4.3")], "InfluxDB 1.3.9"),
        ([planned("nothing", "1.4.3")], "InfluxDB 1.4.3"),
        ([planned("upgrade", f"1.{number}") for number in range(4)], "4 releases"),
    ],
)
def test_the_releases_that_a_plan_leads_to(nodes: list[dict[str, object]], said: str) -> None:
    assert words.targets({"nodes": nodes}) == said
    assert words.targets(None) == ""


def test_each_package_is_told_once_with_its_nodes() -> None:
    amd, arm = (
        {"name": "influxdb", "version": "1.4.3", "arch": arch, "sha256": arch, "size": size}
        for arch, size in (("amd64", 21400000), ("arm64", None))
    )
    nodes = [
        planned("upgrade", "1", amd),
        planned("upgrade", "2", arm),
        planned("upgrade", "3", amd),
        planned("nothing", "4"),
    ]
    assert words.packages({"nodes": nodes}) == [
        {"said": "influxdb 1.4.3 amd64 21.4 MB", "sha256": "amd64", "nodes": ["1", "3"]},
        {"said": "influxdb 1.4.3 arm64", "sha256": "arm64", "nodes": ["2"]},
    ]


@pytest.mark.parametrize(
    ("path", "product", "said"),
    [
        ("couchdb", "couchdb", "Apache CouchDB 3.4.3"),
        ("cloudant_db", "couchdb", "Apache CouchDB 3.4.3"),
        ("cloudant_lb", "haproxy", "HAProxy 3.4.3"),
        ("cloudant_db", "cloudant", "Cloudant Local 3.4.3"),
        ("influxdb_to_enterprise", "influxdb", "InfluxDB Enterprise 3.4.3"),
    ],
)
def test_a_role_that_serves_two_products_does_not_name_a_release(path: str, product: str, said: str) -> None:
    assert words.release({"path": path, "product": product, "to": "3.4.3"}) == said
