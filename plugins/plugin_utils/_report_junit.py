# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""junit.xml: the report for pipelines. A suite for each cluster, a case for each phase of a node, and one for its outcome.

The last suite is the fleet itself: its case fails whenever the run is not ok, so that no pipeline calls a run good that is not.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_words as words
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_status import GOOD, WAITING

_SKIPPED = (*WAITING, "held")


def junit(report: Facts) -> str:
    """Return junit.xml. Its texts hold no character that XML forbids: they were cleaned when the report was built."""
    clusters: dict[str, list[Facts]] = {}
    for node in report["nodes"]:
        clusters.setdefault(node["cluster"] or node["name"], []).append(node)
    root = ET.Element("testsuites", name="dbfleet.upgrade")
    for cluster, nodes in clusters.items():
        _suite(root, cluster, [case for node in nodes for case in _cases(node, cluster)])
    _suite(root, "fleet", [_verdict(report)])
    _count(root, list(root.iter("testcase")))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _suite(root: ET.Element, name: str, cases: Sequence[ET.Element]) -> None:
    suite = ET.SubElement(root, "testsuite", name=name)
    suite.extend(cases)
    _count(suite, cases)


def _count(element: ET.Element, cases: Sequence[ET.Element]) -> None:
    """Add up what is in a suite."""
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")


def _case(
    place: str, name: str, seconds: float, failure: tuple[str, str] | None = None, skipped: str | None = None
) -> ET.Element:
    """Return a case; failure is what kind it is of, and why."""
    case = ET.Element("testcase", classname=place, name=name, time=f"{max(seconds, 0.0):.3f}")
    if failure:
        ET.SubElement(case, "failure", type=failure[0], message=failure[1]).text = failure[1]
    elif skipped is not None:
        ET.SubElement(case, "skipped", message=skipped)
    return case


def _cases(node: Facts, cluster: str) -> list[ET.Element]:
    place = f"{cluster}.{node['name']}"
    return [*(_phase(entry, place) for entry in node["timeline"]), _outcome(node, place)]


def _phase(entry: Facts, place: str) -> ET.Element:
    name, detail = entry["phase"] or "phase", entry["detail"] or ""
    timed = entry["started"] is not None and entry["ended"] is not None
    seconds = entry["ended"] - entry["started"] if timed else 0.0
    if entry["status"] in ("failed", "unfinished"):
        return _case(place, name, seconds, failure=(entry["status"], detail or f"{name}: {entry['status']}"))
    return _case(place, name, seconds, skipped=detail if entry["status"] == "skipped" else None)


def _outcome(node: Facts, place: str) -> ET.Element:
    """Return the case that says what became of a node; it takes no time of its own."""
    status = node["status"]
    said = words.STATUS_WORDS[status] + (f": {node['reason']}" if node["reason"] else "")
    if status in GOOD:
        return _case(place, "outcome", 0.0)
    if status in _SKIPPED:
        return _case(place, "outcome", 0.0, skipped=said)
    return _case(place, "outcome", 0.0, failure=(status, said))


def _verdict(report: Facts) -> ET.Element:
    seconds = report["run"]["seconds"] or 0.0
    return _case("fleet", "verdict", seconds, failure=None if report["ok"] else ("verdict", report["verdict"]))
