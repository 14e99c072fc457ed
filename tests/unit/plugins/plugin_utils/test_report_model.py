# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as data: who is judged how, when a run is well, and what the sentence and the advice say."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_files import dumped
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_model import build, load
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_status import BAD, GOOD, STATUSES, WAITING

ROOT = Path(__file__).parents[4]
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))

VERIFIED = [{"phase": "verify", "started": 1.0, "ended": 2.0, "status": "ok"}]
COUNTS = {"databases": 1, "values": 7, "buckets": 2, "covered": 2}
SAME = {"level": "points", "before": COUNTS, "after": COUNTS, "differences": []}
RUN = {"id": "r", "started": 0.0, "ended": 60.0, "path": "influxdb"}


def fixture(name: str) -> dict[str, Any]:
    text = (ROOT / "tests" / "fixtures" / "report" / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def row(name: str, state: str = "upgrade", **more: Any) -> dict[str, Any]:
    return {"name": name, "cluster": "c", "from": "1.3.9", "to": "1.4.3", "path": "influxdb", "state": state, **more}


def plan(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    waves = [[entry["name"]] for entry in rows if entry["state"] == "upgrade"]
    return {"schema": 1, "verdict": "go", "nodes": list(rows), "waves": waves, "findings": [], **more}


def done(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "outcome": {"status": "done"}, "fingerprint": SAME, "timeline": VERIFIED, **more}


def judged(facts: dict[str, Any], state: str = "upgrade", **run: Any) -> tuple[str, bool]:
    report = build({**RUN, **run}, plan(row("a", state)), [facts] if facts else [])
    return report["nodes"][0]["status"], report["ok"]


def stopping(node: str, severity: str, **more: Any) -> dict[str, Any]:
    return {"node": node, "id": "odd", "severity": severity, "message": f"{node} is odd", "remedy": "Mend it", **more}


def test_a_refused_plan_tells_the_nodes_that_stopped_it_from_those_that_wait() -> None:
    findings = [
        stopping("a", "error"),
        stopping("b", "blocker"),
        stopping("c", "blocker", accepted=True),
        stopping("d", "warning"),
        stopping("", "error"),
    ]
    refused = plan(*(row(name) for name in "abcd"), verdict="refused", findings=findings)
    nodes = {node["name"]: (node["status"], node["reason"]) for node in build(RUN, refused, [])["nodes"]}
    held = ("held", "The plan was refused, so nothing was done to it")
    assert nodes == {"a": ("refused", "a is odd"), "b": ("refused", "b is odd"), "c": held, "d": held}


STAGED = [{"phase": "stage", "started": 1.0, "ended": 2.0, "status": "ok"}]
LOST = [*STAGED, {"phase": "upgrade", "started": 3.0, "ended": None, "status": "started"}]
FAILED_VERIFY = [{"phase": "verify", "started": 1.0, "ended": 2.0, "status": "failed", "detail": "it does not answer"}]


@pytest.mark.parametrize(
    ("facts", "state", "expected"),
    [
        # What is reported, and believed.
        ({"outcome": {"status": "done"}}, "upgrade", ("done", True)),
        ({"outcome": {"status": "done"}}, "nothing", ("done", True)),
        ({"outcome": {"status": "nothing"}, "timeline": VERIFIED}, "nothing", ("nothing", True)),
        ({"outcome": {"status": "nothing", "phase": "verify"}}, "nothing", ("nothing", True)),
        ({"outcome": {"status": "later"}}, "upgrade", ("later", True)),
        *(({"outcome": {"status": status}}, "upgrade", (status, False)) for status in BAD),
        # What is reported, and contradicted.
        ({"outcome": {"status": "nothing"}}, "nothing", ("unknown", False)),
        ({"outcome": {"status": "nothing"}, "timeline": FAILED_VERIFY}, "nothing", ("failed", False)),
        ({"outcome": {"status": "done"}, "timeline": FAILED_VERIFY}, "upgrade", ("failed", False)),
        ({"outcome": {"status": "done"}, "timeline": FAILED_VERIFY + VERIFIED}, "upgrade", ("done", True)),
        ({"outcome": {"status": "done"}, "fingerprint": {**SAME, "differences": ["x"]}}, "upgrade", ("failed", False)),
        ({"outcome": {"status": "fine"}}, "upgrade", ("unknown", False)),
        # What is not reported.
        ({}, "upgrade", ("unknown", False)),
        ({"timeline": LOST}, "upgrade", ("unknown", False)),
        ({"timeline": STAGED}, "upgrade", ("held", False)),
        ({"outcome": ""}, "nothing", ("unknown", False)),
        ({}, "refused", ("refused", False)),
        ({}, "later", ("later", True)),
        ({}, "a new state", ("unknown", False)),
    ],
)
def test_a_node_is_judged_by_its_evidence(facts: dict[str, Any], state: str, expected: tuple[str, bool]) -> None:
    assert judged({"name": "a", **facts} if facts else {}, state) == expected


@pytest.mark.parametrize("mode", ["check", "plan_only"])
@pytest.mark.parametrize(
    ("facts", "state", "expected"),
    [
        ({}, "upgrade", ("planned", True)),
        ({}, "nothing", ("nothing", True)),
        ({}, "later", ("later", True)),
        ({}, "refused", ("refused", False)),
        ({"outcome": {"status": "unreachable"}}, "upgrade", ("unreachable", False)),
        ({"timeline": LOST}, "upgrade", ("unknown", False)),
    ],
)
def test_a_dry_run_needs_no_outcome(mode: str, facts: dict[str, Any], state: str, expected: tuple[str, bool]) -> None:
    assert judged({"name": "a", **facts} if facts else {}, state, **{mode: "True"}) == expected


def test_every_status_is_good_waiting_or_bad() -> None:
    assert sorted(STATUSES) == sorted({*GOOD, *WAITING, *BAD})


@pytest.mark.parametrize(
    ("the_plan", "nodes", "verdict"),
    [
        (plan(), [], "There was no node: nothing was changed and nothing was proved."),
        (
            None,
            [{"name": "a"}],
            "No plan could be made, so nothing was changed.",
        ),
        ("", [done()], "1 of 1 node upgraded, but no plan that allowed it is known."),
        (
            plan(row("a"), verdict="refused", verdict_reason="It is raining."),
            [],
            "The plan was refused, so nothing was changed: It is raining.",
        ),
        (
            {"verdict": "refused", "verdict_reason": "No package."},
            [],
            "The plan was refused, so nothing was changed: No package.",
        ),
        (plan(row("a"), verdict=None), [done()], "1 of 1 node upgraded, but no plan that allowed it is known."),
        (
            plan(row("a")),
            [done(), {"name": "b"}],
            "1 of 2 nodes upgraded; b is in a state that is not known: It is not part of the plan.",
        ),
    ],
)
def test_what_can_never_be_well(the_plan: Any, nodes: list[Any], verdict: str) -> None:
    report = build(RUN, the_plan, nodes)
    assert (report["ok"], report["verdict"]) == (False, verdict)


METADATA = {**SAME, "level": "metadata"}
SERIES = {**SAME, "level": "series"}
PARTLY = {**SAME, "after": {**COUNTS, "covered": 1}}


def nothing(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "outcome": {"status": "nothing"}, "timeline": VERIFIED, **more}


@pytest.mark.parametrize(
    ("rows", "nodes", "verdict"),
    [
        ([row("a")], [done()], "a runs InfluxDB 1.4.3 and holds everything it held before."),
        (
            [row("a"), row("b"), row("c")],
            [done("a"), done("b"), done("c")],
            "3 of 3 nodes run InfluxDB 1.4.3 and hold everything they held before.",
        ),
        (
            [row("a"), row("b", "nothing")],
            [done("a"), nothing("b")],
            "1 of 2 nodes runs InfluxDB 1.4.3 and holds everything it held before; b ran it already and answers.",
        ),
        (
            [row("a"), row("b", "nothing"), row("c", "nothing")],
            [done("a"), nothing("b"), nothing("c", fingerprint=SAME)],
            "1 of 3 nodes runs InfluxDB 1.4.3 and holds everything it held before;"
            " b and c ran it already: c holds everything it held before; b answers.",
        ),
        (
            [row("a"), row("b", "nothing", to="1.8.10")],
            [done("a"), nothing("b")],
            "1 of 2 nodes runs InfluxDB 1.4.3 and holds everything it held before; b ran InfluxDB 1.8.10 already and answers.",
        ),
        ([row("a", "nothing")], [nothing()], "a ran InfluxDB 1.4.3 already and answers; nothing was changed."),
        (
            [row("a", "nothing")],
            [nothing(fingerprint=SAME)],
            "a ran InfluxDB 1.4.3 already and holds everything it held before; nothing was changed.",
        ),
        (
            [row("a"), row("b", "later")],
            [done("a")],
            "1 of 2 nodes runs InfluxDB 1.4.3 and holds everything it held before. 1 node is left for later, as asked.",
        ),
        ([row("a", "later")], [], "Nothing was changed. 1 node is left for later, as asked."),
        (
            [row("a"), row("b")],
            [done("a"), done("b", fingerprint=METADATA)],
            "2 of 2 nodes run InfluxDB 1.4.3: a holds everything it held before;"
            " on b the metadata is what it was before (points were not compared).",
        ),
        (
            [row("a"), row("b")],
            [done("a", fingerprint=METADATA), done("b", fingerprint=METADATA)],
            "2 of 2 nodes run InfluxDB 1.4.3; the metadata is what it was before (points were not compared).",
        ),
        (
            [row("a")],
            [done("a", fingerprint=SERIES)],
            "a runs InfluxDB 1.4.3; metadata and series are what they were before (points were not compared).",
        ),
        (
            [row("a")],
            [done("a", fingerprint={**PARTLY, "level": "series"})],
            "a runs InfluxDB 1.4.3; what was compared of the data is what it was before.",
        ),
        (
            [row("a")],
            [done("a", fingerprint={**SAME, "level": "a new level"})],
            "a runs InfluxDB 1.4.3; what was compared of the data is what it was before.",
        ),
        (
            [row("a"), row("b")],
            [done("a"), done("b", fingerprint=PARTLY)],
            "2 of 2 nodes run InfluxDB 1.4.3: a holds everything it held before;"
            " on b what was compared of the data is what it was before.",
        ),
        (
            [row("a"), row("b")],
            [done("a"), done("b", fingerprint=None)],
            "2 of 2 nodes run InfluxDB 1.4.3: a holds everything it held before; on b the data was not compared.",
        ),
        (
            [row(name) for name in "abcdefgh"],
            [*map(done, "abcd"), *(done(name, fingerprint=None) for name in "efgh")],
            "8 of 8 nodes run InfluxDB 1.4.3: 4 nodes hold everything they held before;"
            " on 4 nodes the data was not compared.",
        ),
        ([row("a")], [done("a", fingerprint="")], "a runs InfluxDB 1.4.3; the data was not compared."),
        (
            [row("a"), row("b", to="3.3.3", path="couchdb")],
            [done("a"), done("b")],
            "2 of 2 nodes run the release planned for them (InfluxDB 1.4.3 and Apache CouchDB 3.3.3)"
            " and hold everything they held before.",
        ),
        (
            [row(name, to=f"1.{name}") for name in "4567"],
            [*map(done, "4567")],
            "4 of 4 nodes run the release planned for them (4 releases) and hold everything they held before.",
        ),
        ([row("a", to="")], [done()], "a runs the release planned for it and holds everything it held before."),
    ],
)
def test_a_good_verdict_claims_of_each_node_what_was_proved(rows: list[Any], nodes: list[Any], verdict: str) -> None:
    report = build(RUN, plan(*rows), nodes)
    assert (report["ok"], report["verdict"]) == (True, verdict)


ROLLED_BACK = [*({"phase": phase, "started": 1.0, "ended": 2.0, "status": "ok"} for phase in ("stage", "rollback"))]


def undone(name: str, state: str = "upgrade", **more: Any) -> dict[str, Any]:
    return row(name, state, **{"from": "1.4.3", "to": "1.4.3" if state == "nothing" else "1.3.9", **more})


def back(name: str = "a", **more: Any) -> dict[str, Any]:
    return done(name, timeline=ROLLED_BACK, **more)


@pytest.mark.parametrize("direction", ["recover", "rollback"])
@pytest.mark.parametrize(
    ("rows", "nodes", "ok", "verdict"),
    [
        ([undone("a")], [back()], True, "a is back on InfluxDB 1.3.9 and holds everything it held before."),
        (
            [undone("a", to="1.4.3", one_way=True)],
            [back()],
            True,
            "a runs InfluxDB 1.4.3 and holds everything it held before.",
        ),
        (
            [undone("a", to="1.4.3", one_way=True)],
            [{"name": "a", "outcome": {"status": "rollback_failed", "reason": "no room"}}],
            False,
            "0 of 1 node taken back; a could not be recovered: no room.",
        ),
        (
            [undone("a"), undone("b"), undone("c", "nothing")],
            [back("a"), back("b"), nothing("c")],
            True,
            "2 of 3 nodes are back on InfluxDB 1.3.9 and hold everything they held before; c had nothing to undo and answers.",
        ),
        (
            [undone("a"), undone("b")],
            [back("a"), back("b", fingerprint=None)],
            True,
            "2 of 2 nodes are back on InfluxDB 1.3.9: a holds everything it held before; on b the data was not compared.",
        ),
        (
            [undone(name, "nothing") for name in "abc"],
            [*map(nothing, "abc")],
            True,
            "There was nothing to undo: a, b and c run InfluxDB 1.4.3 and answer.",
        ),
        (
            [undone("a", "nothing")],
            [nothing(fingerprint=SAME)],
            True,
            "There was nothing to undo: a runs InfluxDB 1.4.3 and holds everything it held before.",
        ),
        (
            [undone("a", "nothing"), undone("b", "nothing", to="1.3.9")],
            [nothing("a"), nothing("b")],
            True,
            "There was nothing to undo: a and b run the release planned for them (InfluxDB 1.4.3 and InfluxDB 1.3.9) and answer.",
        ),
        (
            [undone("a"), undone("b"), undone("c", "nothing"), undone("d", "refused")],
            [back("a"), {"name": "b", "outcome": {"status": "rollback_failed", "reason": "no package"}}, nothing("c")],
            False,
            "1 of 4 nodes taken back, 1 had nothing to undo; b could not be taken back; d was refused.",
        ),
        (
            [undone("a", "nothing")],
            [{"name": "a", "outcome": {"status": "nothing"}}],
            False,
            "0 of 1 node taken back; a is in a state that is not known:"
            " Nothing had to be done, but that the node works was not verified.",
        ),
        (
            [undone("a")],
            [done(timeline=[{**ROLLED_BACK[1], "status": "failed", "detail": "it does not answer"}])],
            False,
            "0 of 1 node taken back; a failed in the phase rollback: Its rollback did not succeed: it does not answer.",
        ),
    ],
)
def test_the_verdict_of_a_way_back(direction: str, rows: list[Any], nodes: list[Any], ok: bool, verdict: str) -> None:
    report = build(RUN, plan(*rows, direction=direction), nodes)
    assert (report["ok"], report["verdict"]) == (ok, verdict)


@pytest.mark.parametrize(
    ("direction", "read"), [("recover", "recover"), ("rollback", "rollback"), (None, "upgrade"), ("away", "upgrade")]
)
def test_the_direction(direction: Any, read: str) -> None:
    the_plan = build(RUN, plan(row("a"), direction=direction), [])["plan"]
    assert the_plan["direction"] == read


def bad(name: str, status: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "outcome": {"status": status, **more}}


@pytest.mark.parametrize(
    ("nodes", "verdict"),
    [
        (
            [done("a"), bad("b", "rolled_back", reason="Points are missing."), done("c")],
            "2 of 3 nodes upgraded; b was rolled back to 1.3.9 and serves: Points are missing.",
        ),
        (
            [done("a"), bad("b", "failed", phase="backup", reason="the disk is full"), bad("c", "held")],
            "1 of 3 nodes upgraded; b failed in the phase backup: the disk is full. c was held back.",
        ),
        (
            [bad("a", "unreachable"), bad("b", "rollback_failed"), bad("c", "held", reason="b stopped it")],
            "0 of 3 nodes upgraded; b failed and could not be rolled back; a could not be reached; c was held back.",
        ),
        ([bad("a", "held"), bad("b", "held"), bad("c", "held")], "0 of 3 nodes upgraded; a, b and c were held back."),
        (
            [bad("a", "refused"), done("b"), bad("c", "later")],
            "1 of 3 nodes upgraded, 1 left for later, as asked; a was refused.",
        ),
    ],
)
def test_a_bad_verdict_names_the_nodes(nodes: list[Any], verdict: str) -> None:
    report = build(RUN, plan(row("a"), row("b"), row("c")), nodes)
    assert (report["ok"], report["verdict"]) == (False, verdict)


@pytest.mark.parametrize(
    ("rows", "direction", "verdict"),
    [
        (
            [row("a", wave=1), row("b", wave=1), row("c", wave=2), row("d", "nothing"), row("e", "later")],
            "upgrade",
            "3 of 5 nodes would be upgraded to InfluxDB 1.4.3 in 2 waves, d runs it already, 1 node is left for later, as asked.",
        ),
        ([row("a", "nothing"), row("b", "nothing")], "upgrade", "a and b run InfluxDB 1.4.3 already."),
        (
            [row("a", wave=1), row("b", "nothing", to="3.3.3", path="couchdb")],
            "upgrade",
            "1 of 2 nodes would be upgraded to InfluxDB 1.4.3 in 1 wave, b runs Apache CouchDB 3.3.3 already.",
        ),
        (
            [undone("a", wave=1), undone("b", "nothing")],
            "rollback",
            "1 of 2 nodes would go back to InfluxDB 1.3.9 in 1 wave, there is nothing to undo on b.",
        ),
    ],
)
def test_the_verdict_of_a_plan(rows: list[Any], direction: str, verdict: str) -> None:
    waves = [[one["name"] for one in rows if one.get("wave") == number] for number in (1, 2)]
    report = build({**RUN, "plan_only": True}, plan(*rows, direction=direction, waves=waves), [])
    assert (report["ok"], report["verdict"]) == (True, f"Plan only, nothing was changed: {verdict}")


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (
            [undone("a", wave=1), undone("b", "nothing"), undone("c", "refused"), undone("d", "refused")],
            "1 of 4 nodes would go back to InfluxDB 1.3.9 in 1 wave, there is nothing to undo on b; c and d were refused.",
        ),
        (
            [undone("a", wave=1), undone("b", "refused", reason="The disk is full.")],
            "1 of 2 nodes would go back to InfluxDB 1.3.9 in 1 wave; b was refused: The disk is full.",
        ),
    ],
)
def test_the_verdict_of_a_plan_without_some_nodes(rows: list[Any], verdict: str) -> None:
    report = build({**RUN, "check": True}, plan(*rows, direction="rollback", waves=[["a"]]), [])
    assert (report["ok"], report["verdict"]) == (False, f"Check mode, nothing was changed: {verdict}")


def test_what_was_done_is_said_even_of_a_run_that_was_to_do_nothing() -> None:
    assert "a runs InfluxDB 1.4.3" in build({**RUN, "check": True}, plan(row("a")), [done()])["verdict"]


@pytest.mark.parametrize(
    ("covered", "buckets", "data"),
    [
        (2, 2, "same"),
        (1, 2, "partly"),
        (0, 2, "partly"),
        (True, 2, "same"),
        (False, 2, "partly"),
        (0.5, None, "partly"),
        (1.0, None, "same"),
        ("all", 2, "same"),
        ("2 of 3", 2, "partly"),
        (None, 2, "same"),
    ],
)
def test_how_much_was_compared(covered: Any, buckets: Any, data: str) -> None:
    counts = {"values": 7, "covered": covered, "buckets": buckets}
    facts = done(fingerprint={"level": "points", "before": counts, "after": counts, "differences": []})
    assert build(RUN, plan(row("a")), [facts])["nodes"][0]["data"] == data


def steps(report: dict[str, Any]) -> dict[str, str]:
    return {", ".join(entry["nodes"]): " ".join(entry["steps"]) for entry in report["next"]}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (bad("a", "unreachable"), "instead: ansible-playbook dbfleet.upgrade.recover -e fleet_hosts=a"),
        (
            {"name": "a", "timeline": LOST, "backup": {"path": "/b", "verified": True}},
            "Kept on the node: the backup in /b.",
        ),
        (bad("a", "failed", phase="backup"), "It was not changed"),
        (
            {**bad("a", "failed"), "timeline": FAILED_VERIFY},
            "before anything else. To have the old release back: ansible-playbook dbfleet.upgrade.rollback -e fleet_hosts=a ",
        ),
        (bad("a", "rolled_back"), "It serves 1.3.9 again"),
        (
            {
                **bad("a", "rollback_failed"),
                "backup": {"path": "/b", "verified": False},
                "rollback_package": {"path": "/p.deb", "version": "1.3.9"},
            },
            "Kept on the node: the backup in /b (not verified) and the package of 1.3.9 in /p.deb.",
        ),
        (bad("a", "rollback_failed"), "No backup of this run is known"),
        (bad("a", "held"), "It was not touched: b (rolled back) stopped the cluster c."),
        (bad("a", "later"), "Run the same playbook again to go on."),
        (
            {
                **bad("a", "refused"),
                "findings": [
                    {"id": "x", "severity": "blocker", "message": "m", "remedy": "Do it."},
                    {"id": "y", "severity": "error", "message": "Is wrong."},
                    {"id": "z", "severity": "blocker", "remedy": "no", "accepted": True},
                    {"id": "w", "severity": "warning", "remedy": "no"},
                    {"id": "v", "severity": "blocker", "remedy": "Do it, or put v into fleet_accept"},
                ],
            },
            "x: Do it. Or accept it: add x to fleet_accept. y: Is wrong. v: Do it, or put v into fleet_accept. Run",
        ),
    ],
)
def test_what_to_do_next(facts: dict[str, Any], expected: str) -> None:
    assert (
        expected
        in steps(build(RUN, plan(row("a"), row("b")), [facts, bad("b", "rolled_back")]))[
            "a" if "rolled_back" not in str(facts) else "a, b"
        ]
    )


def test_the_node_that_stopped_the_own_cluster_is_named_alone() -> None:
    the_plan = plan(row("a"), row("b"), row("x", cluster="other"))
    report = build(RUN, the_plan, [bad("a", "held"), bad("b", "failed"), bad("x", "rolled_back")])
    assert steps(report)["a"].startswith("It was not touched: b (failed) stopped the cluster c. Settle")


def test_a_node_made_ready_waits_for_the_others() -> None:
    the_plan = plan(row("a"), row("x", cluster="other"))
    report = build(RUN, the_plan, [{"name": "a", "timeline": STAGED}, bad("x", "refused")])
    assert steps(report)["a"].startswith("It was not touched. Settle x (refused) first.")


def test_one_command_brings_all_lost_nodes_back_that_have_a_way_back() -> None:
    lost = {"name": "b", "timeline": LOST}
    the_plan = plan(row("a"), row("b"), row("c", one_way=True), row("d"))
    told = steps(build(RUN, the_plan, [bad("a", "unreachable"), lost, {**lost, "name": "c"}, done("d")]))
    command = "ansible-playbook dbfleet.upgrade.recover -e fleet_hosts=a,b"
    assert [text.endswith(command) for text in told.values()] == [True, True, False]


@pytest.mark.parametrize(
    ("facts", "expected", "without"),
    [
        (bad("a", "unreachable"), "Run the same playbook again", "dbfleet.upgrade.recover"),
        (bad("a", "rollback_failed"), "The copies that the upgrade kept are below backup", "No backup of this run"),
        ({**bad("a", "failed"), "timeline": FAILED_VERIFY}, "Find out what it runs", "It was not rolled back"),
        (back(), "Nothing. The copies stay on the nodes", "Keep the backups"),
    ],
)
def test_what_to_do_next_on_a_way_back(facts: dict[str, Any], expected: str, without: str) -> None:
    [said] = steps(build(RUN, plan(undone("a"), direction="rollback"), [facts])).values()
    assert expected in said
    assert without not in said


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        ({"started": 1.0, "ended": 2.0, "status": "ok"}, "ok"),
        ({"ended": 2.0, "status": "ok"}, "ok"),
        ({"status": "ok"}, "ok"),
        ({"started": 1.0, "ended": 2.0, "status": "skipped"}, "skipped"),
        ({"started": 1.0, "status": "ok"}, "unfinished"),
        ({"started": 1.0, "status": "started"}, "unfinished"),
        ({"started": 1.0, "status": "failed"}, "failed"),
        ({"started": 1.0, "ended": 2.0, "status": "fine"}, "failed"),
        ({"started": 1.0, "ended": 2.0}, "failed"),
    ],
)
def test_how_a_phase_ended(entry: dict[str, Any], status: str) -> None:
    [node] = build(RUN, plan(row("a")), [{"name": "a", "timeline": [{"phase": "backup", **entry}]}])["nodes"]
    assert [phase["status"] for phase in node["timeline"]] == [status]


def test_one_way_is_said() -> None:
    report = build(RUN, plan(row("a", one_way=True)), [{**bad("a", "failed"), "timeline": FAILED_VERIFY}])
    assert "because the change is one-way" in steps(report)["a"]


def test_nodes_with_the_same_steps_share_them() -> None:
    report = build(RUN, plan(*map(row, "abcd")), [bad("a", "failed"), *(bad(name, "held") for name in "bcd")])
    assert list(steps(report)) == ["a", "b, c, d"]


def test_a_refused_plan_is_settled_as_a_whole() -> None:
    findings = [{"node": "a", "id": "disk", "severity": "error", "message": "Full.", "remedy": "Free some."}]
    report = build(RUN, plan(row("a", "refused"), row("b"), verdict="refused", findings=findings), [])
    assert list(steps(report)) == [""]
    assert "a, disk: Free some." in steps(report)[""]


def test_the_worst_come_first_and_then_the_plan_decides() -> None:
    facts = [done("a"), bad("b", "held"), done("c"), bad("d", "rollback_failed")]
    report = build(RUN, plan(*map(row, "cbad")), facts)
    assert [node["name"] for node in report["nodes"]] == ["d", "b", "c", "a"]


def test_waves_and_totals() -> None:
    report = build(
        RUN,
        plan(row("a"), row("b")),
        [done("a", swap={"downtime": 0.3}), done("b", outcome={"status": "done", "downtime": "0.2"})],
    )
    assert [(node["wave"], node["downtime"]) for node in report["nodes"]] == [(1, 0.3), (2, 0.2)]
    assert report["totals"] == {
        "nodes": 2,
        "status": {"done": 2},
        "data": {"same": 2},
        "longest_downtime": 0.3,
        "total_downtime": 0.5,
    }


def test_findings_of_plan_and_node_are_told_once() -> None:
    found = {"id": "x", "severity": "blocker", "message": "m", "remedy": "r"}
    the_plan = plan(row("a"), findings=[{"node": "a", **found, "accepted": True}, {"node": "b", **found}])
    [node] = build(RUN, the_plan, [done(findings=[found, {**found, "id": "y"}])])["nodes"]
    assert [(entry["id"], entry["accepted"]) for entry in node["findings"]] == [("x", True), ("y", False)]


CASES = {
    "mixed": fixture("mixed"),
    "green": fixture("green"),
    "fleet": fixture("fleet"),
    "rollback": fixture("rollback"),
    "nothing known": {"run": {}, "plan": {}, "nodes": []},
    "nonsense": {
        "run": "x",
        "plan": [1],
        "nodes": [1, {}, {"name": "a", "outcome": [], "timeline": "x", "swap": {"steps": 3}}],
    },
    "empty templates": {"run": {"check": ""}, "plan": "", "nodes": ""},
}


@pytest.mark.parametrize("name", CASES)
def test_the_report_follows_its_schema(name: str) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    validator.validate(json.loads(dumped(build(**CASES[name]))))


def described(schema: Any) -> bool:
    """Say whether every property below has a description."""
    own = schema.get("properties", {})
    return all(("description" in entry or "$ref" in entry) and described(entry) for entry in own.values())


def test_every_property_is_described() -> None:
    assert described(SCHEMA)
    assert all(described(entry) and "description" in entry for entry in SCHEMA["$defs"].values())


@pytest.mark.parametrize("name", CASES)
def test_a_saved_report_is_read_back_unchanged(name: str) -> None:
    report = build(**CASES[name])
    assert load(dumped(report), "report.json") == json.loads(dumped(report))


@pytest.mark.parametrize("text", ["no json", "[]", '{"schema": 2}', "{}"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(FleetError, match=r"^old\.json is no"):
        load(text, "old.json")


def test_the_input_is_left_as_it_was() -> None:
    given = fixture("mixed")
    before = copy.deepcopy(given)
    build(**given)
    assert given == before


def test_no_secret_comes_through() -> None:
    given = fixture("mixed")
    assert "do-not-show-me" in json.dumps(given)
    assert "do-not-show-me" not in dumped(build(**given))


def test_the_mixed_run() -> None:
    report = build(**fixture("mixed"))
    assert {node["name"].split(".")[0]: node["status"] for node in report["nodes"]} == {
        "edge-1": "rollback_failed",
        "metrics-b2": "unknown",
        "metrics-a1": "rolled_back",
        "metrics-a2": "held",
        "metrics-b3": "later",
        "metrics-b1": "done",
        "edge-2": "nothing",
    }
    assert not report["ok"]
