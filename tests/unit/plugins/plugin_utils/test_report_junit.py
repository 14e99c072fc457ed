# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""junit.xml: well-formed for any text, and never green for a run that is not well."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_junit import junit
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_model import build

FIXTURES = Path(__file__).parents[3] / "fixtures" / "report"


def parsed(**given: Any) -> ET.Element:
    return ET.fromstring(junit(build(**given)).encode())


def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def case(root: ET.Element, node: str, name: str) -> ET.Element:
    [found] = [
        entry
        for entry in root.iter("testcase")
        if entry.get("classname", "").endswith(node) and entry.get("name") == name
    ]
    return found


def test_suites_are_clusters() -> None:
    root = parsed(**fixture("mixed"))
    assert sorted(str(suite.get("name")) for suite in root) == ["edge", "fleet", "metrics-a", "metrics-b"]
    assert [
        entry.get("name") for entry in root.iter("testcase") if entry.get("classname") == "metrics-a.metrics-a1"
    ] == [
        "detect",
        "preflight",
        "stage",
        "backup",
        "upgrade",
        "verify",
        "rollback",
        "outcome",
    ]


def test_times_failures_and_what_was_skipped() -> None:
    root = parsed(**fixture("mixed"))
    assert case(root, "metrics-a1", "backup").get("time") == "55.000"
    failure = case(root, "metrics-a1", "verify").find("failure")
    assert failure is not None and failure.get("message") == "2 measurements differ"
    failure = case(root, "edge-1", "outcome").find("failure")
    assert failure is not None and failure.get("type") == "rollback_failed"
    assert case(root, "metrics-b2.rack7.berlin.example.net", "upgrade").find("failure") is not None
    for held in ("metrics-a2", "metrics-b3.rack7.berlin.example.net"):
        assert case(root, held, "outcome").find("skipped") is not None
    assert len(case(root, "edge-2", "outcome")) == 0


@pytest.mark.parametrize("name", ["mixed", "green", "fleet", "rollback"])
def test_suites_add_up(name: str) -> None:
    root = parsed(**fixture(name))
    for suite in [root, *root]:
        cases = list(suite.iter("testcase"))
        assert suite.get("tests") == str(len(cases))
        assert suite.get("failures") == str(len(list(suite.iter("failure"))))
        assert suite.get("skipped") == str(len(list(suite.iter("skipped"))))
        assert float(str(suite.get("time"))) == pytest.approx(
            sum(float(str(entry.get("time"))) for entry in cases), abs=0.01
        )


@pytest.mark.parametrize(
    ("given", "failures"),
    [
        (fixture("green"), 0),
        (fixture("rollback"), 0),
        ({"run": {}, "plan": {}, "nodes": []}, 1),
        ({"run": {}, "plan": {"verdict": "refused"}, "nodes": [{"name": "a"}]}, 1),
    ],
)
def test_the_fleet_fails_when_the_run_is_not_well(given: dict[str, Any], failures: int) -> None:
    assert parsed(**given).get("failures") == str(failures)


def test_odd_characters() -> None:
    reason = "\x00\x0b\x1b[31mred\ufffe\udcff <&>\"' ]]> 数据"
    root = parsed(run={}, plan={}, nodes=[{"name": reason, "outcome": {"status": "failed", "reason": reason}}])
    [failure, _verdict] = root.iter("failure")
    assert failure.get("message") == "failed: red\ufffd\ufffd <&>\"' ]]> 数据"
