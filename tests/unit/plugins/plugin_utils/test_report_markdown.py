# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report.md: tables that stay tables, and texts that stay texts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_markdown import block, code, escaped, markdown
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_model import build

FIXTURES = Path(__file__).parents[3] / "fixtures" / "report"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("influx_1", r"influx\_1"),
        ("a|b", r"a\|b"),
        ("two\nlines", "two lines"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("[link](x) `code` *bold* #1 ~no~", r"\[link\](x) \`code\` \*bold\* \#1 \~no\~"),
        (7, "7"),
    ],
)
def test_escaped(text: object, expected: str) -> None:
    assert escaped(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("a_b", "`a_b`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a|b", r"`a\|b`")]
)
def test_code(text: str, expected: str) -> None:
    assert code(text) == expected


def test_a_block_cannot_be_left() -> None:
    assert block("```\nout", "diff") == "````diff\n```\nout\n````"


@pytest.mark.parametrize("name", ["mixed", "green", "fleet", "rollback"])
def test_tables_have_as_many_cells_as_heads(name: str) -> None:
    text = markdown(build(**json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))))
    tables = [part.splitlines() for part in text.split("\n\n") if part.startswith("| ")]
    assert tables
    for lines in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_what_is_to_be_read() -> None:
    report = build(**json.loads((FIXTURES / "mixed.json").read_text(encoding="utf-8")))
    text = markdown(report)
    assert f"❌ **{escaped(report['verdict'])}**" in text
    assert "- a note about &lt;this&gt; swap" in text
    row = "| metrics-b1.rack7.berlin.example.net | metrics-b | 1 | 1.3.9 | 1.4.3 | done | 0.24 s | the same (points) |"
    for said in [
        row,
        "- **edge-1** (rollback failed): See to this node first",
        "```diff\n--- influxdb.conf (1.3.9)",
        "shared-secret = ***",
    ]:
        assert said in text
    assert text.count("<details>") == text.count("</details>") == 7


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "rollback",
            [
                "# Rollback report",
                "Verdict: go (2 nodes to go back to 1.3.9 in 2 waves).",
                "- Target: InfluxDB 1.3.9",
                "| preflight | ok | start not known |",
            ],
        ),
        (
            "fleet",
            [
                "# Upgrade report",
                "- Target: InfluxDB 1.4.3, InfluxDB 1.8.10 and Apache CouchDB 3.3.3\n"
                "- Package: influxdb 1.4.3 amd64 21.4 MB for tsdb1\n",
            ],
        ),
        (
            "mixed",
            [
                r"- \[http\] auth-enabled = true",
                r"- \[http\] max-body-size: no limit → 25000000 since 1.4",
                r'- \[cluster\] query-timeout → \[coordinator\] query-timeout = "30s"',
                r"and its port (8083) stays closed (since 1.3; nothing changes by it)",
            ],
        ),
    ],
)
def test_what_kind_of_run_it_was(name: str, expected: list[str]) -> None:
    text = markdown(build(**json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))))
    assert [one for one in expected if one not in text] == []


def test_nothing_known() -> None:
    assert markdown(build({}, {}, [])).startswith("# Upgrade report\n\n❌ **No plan could be made")
