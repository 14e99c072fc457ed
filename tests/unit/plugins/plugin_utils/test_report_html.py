# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report.html: well-formed, self-contained, and safe whatever a host said."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_html import banner, page
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_model import build

FIXTURES = Path(__file__).parents[3] / "fixtures" / "report"
VOID = ("meta", "br", "wbr", "link", "hr", "img", "input")
EVIL = "<script>alert(1)</script>\"'&\x1b[31m]]>"


def given(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def evil(value: Any) -> Any:
    """Put markup into every text, except where a word is looked up."""
    if isinstance(value, dict):
        return {
            key: entry if key in ("status", "state", "verdict", "phase", "direction") else evil(entry)
            for key, entry in value.items()
        }
    if isinstance(value, list):
        return [evil(entry) for entry in value]
    return value + EVIL if isinstance(value, str) else value


class Parser(HTMLParser):
    """Checks the nesting, and keeps tags, attributes and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


EMPTY: dict[str, Any] = {"run": {}, "plan": {}, "nodes": []}
INPUTS = {
    "mixed": given("mixed"),
    "green": given("green"),
    "fleet": given("fleet"),
    "rollback": given("rollback"),
    "nothing": EMPTY,
    "evil": {**evil(given("mixed"))},
    "plan only": {**given("mixed"), "nodes": [], "run": {**given("mixed")["run"], "plan_only": True}},
    "plan of a rollback": {**given("rollback"), "nodes": [], "run": {"id": "r", "plan_only": True}},
    "refused at once": {
        "run": {"id": "r", "path": "influxdb"},
        "plan": {"verdict": "refused", "nodes": []},
        "nodes": [],
    },
    "refused": {"run": {}, "plan": {"verdict": "refused", "verdict_reason": "no"}, "nodes": []},
    "times beyond all time": {**EMPTY, "run": {"id": "r", "started": 1e300, "ended": -1e300}},
}


@pytest.fixture(params=INPUTS, name="parsed")
def _parsed(request: pytest.FixtureRequest) -> Parser:
    return Parser(page(build(**INPUTS[request.param])))


def test_nothing_is_fetched(parsed: Parser) -> None:
    assert not [
        tag for tag, _attributes in parsed.tags if tag in ("link", "img", "iframe", "object", "embed", "base", "form")
    ]
    for _tag, attributes in parsed.tags:
        assert not {"src", "srcset", "action", "poster", "xlink:href"} & set(attributes)
        assert str(attributes.get("href", "#")).startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(" not in parsed.text
    assert "@import" not in parsed.text


def test_links_have_targets(parsed: Parser) -> None:
    ids = [attributes["id"] for _tag, attributes in parsed.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for _tag, attributes in parsed.tags:
        if "href" in attributes:
            assert str(attributes["href"])[1:] in ids
        for reference in str(attributes.get("aria-labelledby") or "").split():
            assert reference in ids


def test_headings_and_table_heads(parsed: Parser) -> None:
    assert len(parsed.all("h1")) == 1
    assert {attributes.get("scope") for attributes in parsed.all("th")} <= {"col", "row"}
    assert parsed.all("html") == [{"lang": "en"}]


def test_what_hosts_say_is_text() -> None:
    text = page(build(**INPUTS["evil"]))
    assert len(Parser(text).all("script")) == 1
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in text


def test_what_is_to_be_read() -> None:
    report = build(**given("mixed"))
    parsed = Parser(page(report))
    for said in [
        report["verdict"],
        "1,000,000 → 999,874 values",
        "What to do next",
        "disk-tight",
        "a note about <this> swap",
        "2 min 22 s",
        "rollback failed",
    ]:
        assert said in parsed.text
    assert "do-not-show-me" not in parsed.text
    assert len(parsed.all("svg")) > 2


@pytest.mark.parametrize(
    ("name", "said", "unsaid"),
    [
        (
            "green",
            ["Upgrade report · InfluxDB 1.4.3 · ", "Upgraded", "for influx-1, influx-2 and influx-3"],
            ["go back"],
        ),
        (
            "rollback",
            [
                "Rollback report · InfluxDB 1.3.9 · ",
                "Taken back",
                "1.4.3 → 1.3.9 go back",
                "verify only",
                "nodes taken back",
                "start not known",
                "Time since 2018-03-20 12:00:00 UTC",
            ],
            ["pgraded", "SHA-256"],
        ),
        ("plan of a rollback", ["Rollback report", "To take back2 of 3"], []),
        ("refused at once", ["Upgrade report · InfluxDB · r"], []),
        (
            "fleet",
            [
                "Upgrade report · InfluxDB 1.4.3, InfluxDB 1.8.10 and Apache CouchDB 3.3.3 · ",
                "influxdb 1.4.3 arm64 19.8 MB for tsdb2",
                "Data proved the same2 of 4",
                "2 nodes compared in part",
            ],
            ["1.4.3 → 1.4.3", "0 bytes"],
        ),
        (
            "mixed",
            [
                "[http] auth-enabled = true",
                "[http] max-body-size: no limit → 25000000 since 1.4",
                '[cluster] query-timeout → [coordinator] query-timeout = "30s"',
                "and its port (8083) stays closed (since 1.3; nothing changes by it)",
                "[meta] internal-shared-secret = ***",
            ],
            ["= None", "{'", "null"],
        ),
    ],
)
def test_what_kind_of_run_it_was(name: str, said: list[str], unsaid: list[str]) -> None:
    text = " ".join(Parser(page(build(**INPUTS[name]))).text.split())
    assert [one for one in said if one not in text] == []
    assert [one for one in unsaid if one in text] == []


def test_those_in_trouble_are_unfolded() -> None:
    details = [entry for entry in Parser(page(build(**given("mixed")))).all("details") if entry.get("class") == "node"]
    assert ["open" in entry for entry in details] == [True, True, True, False, False, False, False]


@pytest.mark.parametrize(
    ("name", "word", "tone"),
    [
        ("mixed", "Needs attention", "bad"),
        ("green", "All is well", "good"),
        ("rollback", "All is well", "good"),
        ("nothing", "Nothing was done", "bad"),
        ("plan only", "Plan only", "wait"),
        ("refused", "Refused", "warn"),
    ],
)
def test_banner(name: str, word: str, tone: str) -> None:
    found = banner(build(**INPUTS[name]))
    assert (found["word"], found["tone"]) == (word, tone)


def test_a_rollback_alone_is_no_disaster() -> None:
    facts = given("green")
    facts["nodes"][1]["outcome"] = {"status": "rolled_back"}
    assert banner(build(**facts))["tone"] == "warn"


def test_a_hundred_nodes() -> None:
    names = [f"node-{number:03}" for number in range(100)]
    plan = {"verdict": "go", "waves": [names], "nodes": [{"name": name, "state": "upgrade"} for name in names]}
    nodes = [{"name": name, "outcome": {"status": "failed" if name > "node-089" else "done"}} for name in names]
    parsed = Parser(page(build({"id": "r"}, plan, nodes)))
    details = [entry for entry in parsed.all("details") if entry.get("class") == "node"]
    assert len(details) == 100
    assert sum("open" in entry for entry in details) == 5
    assert re.search(r"and \d+ more", parsed.text)
