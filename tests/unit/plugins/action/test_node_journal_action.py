# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.action.node_journal import advance, former, line


def said(phase: str, state: str, detail: str = "") -> dict[str, Any]:
    return {"run_id": "r1", "phase": phase, "state": state, "detail": detail}


def phase(name: str, started: float, ended: float | None, status: str, detail: str = "") -> dict[str, Any]:
    return {"run_id": "r1", "phase": name, "started": started, "ended": ended, "status": status, "detail": detail}


OPEN = phase("backup", 10.0, None, "started", "begin")


@pytest.mark.parametrize(
    ("before", "event", "now", "after", "took"),
    [
        ([], said("backup", "started", "begin"), 10.0, [OPEN], 0.0),
        ([OPEN], said("backup", "ok", "41 KiB"), 12.5, [phase("backup", 10.0, 12.5, "ok", "41 KiB")], 2.5),
        ([], said("preflight", "ok"), 10.0, [phase("preflight", 10.0, 10.0, "ok")], 0.0),
        ([OPEN], said("backup", "note", "x"), 12.0, [OPEN], 0.0),
        # the last open phase of the name is closed, and stays in its place
        (
            [phase("backup", 1.0, 2.0, "failed"), OPEN, phase("rollback", 11.0, 12.0, "ok")],
            said("backup", "failed", "why"),
            13.0,
            [
                phase("backup", 1.0, 2.0, "failed"),
                phase("backup", 10.0, 13.0, "failed", "why"),
                phase("rollback", 11.0, 12.0, "ok"),
            ],
            3.0,
        ),
        # a clock set back
        ([OPEN], said("backup", "skipped"), 3.0, [phase("backup", 10.0, 10.0, "skipped")], 0.0),
        ([OPEN], said("verify", "started"), 3.0, [OPEN, phase("verify", 10.0, None, "started")], 0.0),
    ],
)
def test_timeline(
    before: list[dict[str, Any]], event: dict[str, Any], now: float, after: list[dict[str, Any]], took: float
) -> None:
    kept = [dict(one) for one in before]
    assert advance(before, event, now) == (after, took)
    assert before == kept


def test_the_timeline_of_an_earlier_run_is_forgotten() -> None:
    known = {"ansible_facts": {"fleet_timeline": [{**OPEN, "run_id": "r0"}, OPEN]}}
    assert former(known, "r1") == [OPEN]
    assert former({}, "r1") == []


@pytest.mark.parametrize(
    ("event", "took", "text"),
    [
        (
            said("backup", "ok", "metadata, 5 databases, 41 KiB, verified"),
            2.13,
            "influx-1          backup      ok          2.1 s  metadata, 5 databases, 41 KiB, verified",
        ),
        (said("preflight", "failed"), 0.0, "influx-1          preflight   failed"),
        (said("upgrade", "note", "text"), 0.0, "influx-1          upgrade     note               text"),
    ],
)
def test_line_for_people(event: dict[str, Any], took: float, text: str) -> None:
    assert line("influx-1", event, took) == text
