# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timeline: scale, ticks, waves and the marks of the downtime."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_model import build
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_timeline import (
    NARROW,
    WIDE,
    Axis,
    outages,
    timeline,
)

PHASES = [
    {"phase": "detect", "started": 100.0, "ended": 110.0, "status": "ok"},
    {"phase": "stage", "started": 110.0, "ended": 120.0, "status": "skipped"},
    {"phase": "backup", "started": 120.0, "ended": 150.0, "status": "ok"},
    {"phase": "upgrade", "started": 150.0, "ended": 160.0, "status": "failed", "detail": "<no>"},
]
SWAP = {"downtime": 0.25, "steps": [{"name": "stop", "started": 152.0, "seconds": 0.1, "status": "ok"}]}


def report(**facts: Any) -> dict[str, Any]:
    rows = [{"name": name, "state": "upgrade", "to": "2"} for name in ("a", "b")]
    plan = {"verdict": "go", "waves": [["a"], ["b"]], "nodes": rows}
    return build(
        {"id": "r", "ended": 200.0}, plan, [{"name": "a", "timeline": PHASES, "swap": SWAP, **facts}, {"name": "b"}]
    )


def classes(drawing: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in drawing.iter() if name in element.get("class", "").split()]


def boxes(drawing: ET.Element, phase: str) -> list[tuple[float, float]]:
    return [(float(box.get("x", "")), float(box.get("width", ""))) for box in classes(drawing, f"ph-{phase}")]


@pytest.mark.parametrize("geometry", [WIDE, NARROW], ids=lambda geometry: geometry.name)
def test_bars_share_one_scale(geometry: Any) -> None:
    drawing = ET.fromstring(timeline(report(), geometry))
    assert boxes(drawing, "detect") == [pytest.approx((geometry.left, geometry.plot / 6), abs=0.1)]
    assert boxes(drawing, "backup") == [pytest.approx((geometry.left + geometry.plot / 3, geometry.plot / 2), abs=0.1)]
    assert boxes(drawing, "stage") == [], "what was skipped took no time"


def test_what_cannot_be_seen_is_said() -> None:
    drawing = ET.fromstring(timeline(report(), WIDE))
    assert drawing.get("role") == "img"
    labels = str(drawing.get("aria-labelledby")).split()
    assert [element.get("id") for element in drawing if element.tag in ("title", "desc")] == labels
    assert "a: not known, down for 0.25 s" in str(drawing.findtext("desc"))
    assert "upgrade: 10 s, failed – <no>" in [title.text for title in drawing.iter("title")]


def test_only_nodes_with_times_have_a_row() -> None:
    drawing = ET.fromstring(timeline(report(), WIDE))
    assert [text.text for text in classes(drawing, "name")] == ["a"]
    assert timeline(build({"id": "r"}, {"verdict": "go", "nodes": [{"name": "a"}]}, []), WIDE) == ""


def test_the_downtime_is_marked_however_short() -> None:
    [mark] = classes(ET.fromstring(timeline(report(), WIDE)), "down")
    upright, line = mark.iter("rect")
    assert float(upright.get("x", "")) == pytest.approx(WIDE.left + WIDE.plot * 52 / 60, abs=0.1)
    assert float(line.get("width", "")) >= 2


def test_a_phase_without_an_end_lasts_until_the_run_ended() -> None:
    opened = [{"phase": "upgrade", "started": 100.0, "status": "started"}]
    drawing = ET.fromstring(timeline(report(timeline=opened), WIDE))
    assert boxes(drawing, "upgrade") == [pytest.approx((WIDE.left, WIDE.plot), abs=0.1)]
    assert len(classes(drawing, "open")) == 1


def test_a_phase_without_a_start_is_a_mark_at_its_end() -> None:
    ended = [{"phase": "preflight", "ended": 110.0, "status": "ok"}, *PHASES[2:]]
    drawing = ET.fromstring(timeline(report(timeline=ended), WIDE))
    assert boxes(drawing, "preflight") == [pytest.approx((WIDE.left, 2.0), abs=0.1)], "the drawing begins with it"
    assert "preflight: start not known, ok" in [title.text for title in drawing.iter("title")]


def test_waves_reach_from_their_first_to_their_last_phase() -> None:
    [wave] = classes(ET.fromstring(timeline(report(), WIDE)), "wave")
    band = next(wave.iter("rect"))
    assert float(band.get("x", "")) == pytest.approx(WIDE.left + WIDE.plot / 3, abs=0.1)
    assert wave.findtext("title") == "wave 1"


@pytest.mark.parametrize(("seconds", "step"), [(0.5, 0.1), (8, 1), (60, 10), (300, 60), (3700, 600), (86400, 14400)])
def test_ticks_are_few_and_round(seconds: float, step: float) -> None:
    assert Axis(0.0, seconds, WIDE).step == step


def test_a_run_of_no_length_has_a_scale() -> None:
    still = [{"phase": "detect", "started": 5.0, "ended": 5.0, "status": "ok"}]
    drawing = timeline(report(timeline=still, swap=None), WIDE)
    assert not re.search("nan|inf", str(drawing))


@pytest.mark.parametrize(
    ("steps", "downtime", "expected"),
    [
        ([("stop", 10, 1), ("start", 11, 1)], 1.5, [(10.0, 1.5)]),
        ([("install", 10, 5)], 2.0, [(13.0, 2.0)]),
        ([("stop", 10, 1), ("ready", 11, 2), ("stop", 20, 1), ("ready", 21, 3)], 7.0, [(10.0, 3.0), (20.0, 4.0)]),
        ([("stop", 10, 1)], None, []),
        ([], 2.0, []),
    ],
)
def test_outages(steps: list[Any], downtime: float | None, expected: list[Any]) -> None:
    entries = [{"name": name, "started": float(at), "seconds": float(took), "status": "ok"} for name, at, took in steps]
    assert outages({"swap": {"steps": entries, "downtime": downtime}, "downtime": None}) == expected
