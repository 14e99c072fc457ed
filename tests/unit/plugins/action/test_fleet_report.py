# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task fleet_report: what it writes, shows and returns."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.playbook.task import Task

from ansible_collections.dbfleet.upgrade.plugins.action import fleet_report
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_origin
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_model import build
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_summary import summary

FIXTURES = Path(__file__).parents[3] / "fixtures" / "report"
FILES = ["junit.xml", "report.html", "report.json", "report.md"]

# A connection that nothing is asked of.
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))


def given(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def run(check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
    task = Task()
    task.args = arguments
    task.check_mode = check_mode
    action = fleet_report.ActionModule(task, CONNECTION, SimpleNamespace(), None, None, None)
    action._load_name = "fleet_report"  # set by the plugin loader
    return action.run(task_vars={})


def test_everything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dest = tmp_path / "reports" / "today"
    result = run(dest=str(dest), **given("green"))
    assert sorted(path.name for path in dest.iterdir()) == FILES
    assert result["ok"] and not result["changed"]
    assert result["verdict"] == "3 of 3 nodes run InfluxDB 1.4.3 and hold everything they held before."
    named = {"report": "report.json", "html": "report.html", "markdown": "report.md", "junit": "junit.xml"}
    assert {key: result[key] for key in named} == {key: str(dest / name) for key, name in named.items()}
    shown = capsys.readouterr().out
    assert result["verdict"] in shown
    assert "influx-1  1.3.9  1.4.3  done    0.24 s    the same (points)" in shown
    assert f"Report: {dest / 'report.html'}" in shown


def test_a_bad_run_is_no_failure_of_the_task(tmp_path: Path) -> None:
    result = run(dest=str(tmp_path), **given("mixed"))
    assert result["ok"] is False
    assert not result.get("failed")


@pytest.mark.parametrize("arguments", [{}, {"run": "", "plan": "", "nodes": ""}, {"nodes": [{"name": "a"}]}])
def test_nothing_is_known(tmp_path: Path, arguments: dict[str, Any]) -> None:
    assert run(dest=str(tmp_path), **arguments)["ok"] is False
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_check_mode_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dest = tmp_path / "reports"
    result = run(check_mode=True, dest=str(dest), **given("green"))
    assert result["ok"] and not dest.exists()
    assert "No report was written" in capsys.readouterr().out


def test_written_again_from_the_saved_report(tmp_path: Path) -> None:
    first = run(dest=str(tmp_path), **given("mixed"))
    texts = {name: (tmp_path / name).read_text(encoding="utf-8") for name in FILES}
    (tmp_path / "report.html").write_text("damaged", encoding="utf-8")
    again = run(source=first["report"])
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in FILES} == texts
    assert (again["ok"], again["verdict"], again["report"]) == (first["ok"], first["verdict"], first["report"])


def test_written_elsewhere(tmp_path: Path) -> None:
    first = run(dest=str(tmp_path / "a"), **given("mixed"))
    run(source=first["report"], dest=str(tmp_path / "b"))
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["junit.xml", "report.html", "report.md"]


@pytest.mark.parametrize("text", [None, "no report"])
def test_what_is_no_report(tmp_path: Path, text: str | None) -> None:
    source = tmp_path / "report.json"
    if text:
        source.write_text(text, encoding="utf-8")
    result = run(source=str(source))
    assert result["failed"]
    assert str(source) in result["msg"] and "What to do" in result["msg"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = run(dest=str(tmp_path / "file" / "reports"), **given("green"))
    assert result["failed"]
    assert "fleet_report_dir" in result["msg"]


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    assert run(dest=str(tmp_path), **given("green"))["failed"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "arguments", [{}, {"source": "x", "run": {}}, {"source": "x", "nodes": []}, {"dest": "x", "unknown": 1}]
)
def test_wrong_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises((AnsibleActionFail, AnsibleError)):
        run(**arguments)


def test_what_the_run_leaves_out_is_filled_in(tmp_path: Path) -> None:
    run(dest=str(tmp_path), run={"id": "r", "started": 5.0, "user": "marta"}, plan={}, nodes=[])
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["run"]
    assert found["ended"] > 5.0 and found["controller"] and found["user"] == "marta"


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("MANIFEST.json", '{"collection_info": {"version": "1.2.3"}}', "1.2.3"),
        ("MANIFEST.json", "{}", None),
        ("galaxy.yml", "namespace: dbfleet\nversion: 0.1.0\n", "0.1.0"),
        ("other", "", None),
    ],
)
def test_the_version_of_the_collection(tmp_path: Path, name: str, text: str, version: str | None) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert _report_origin.completed({}, 1.0, tmp_path).get("collection_version") == version


@pytest.mark.parametrize(
    ("bad", "shown", "rest"),
    [
        (5, 30, "and 20 nodes more, done or with nothing to do"),
        (40, 40, "and 10 nodes more, done or with nothing to do"),
    ],
)
def test_the_terminal_shows_all_that_went_wrong_and_some_that_did_not(bad: int, shown: int, rest: str) -> None:
    names = [f"n{number:02}" for number in range(50)]
    plan = {"verdict": "go", "nodes": [{"name": name, "state": "upgrade"} for name in names]}
    nodes = [{"name": name, "outcome": {"status": "failed" if name < f"n{bad:02}" else "done"}} for name in names]
    lines = summary(build({}, plan, nodes), "x.html").splitlines()
    assert sum("  failed  " in line for line in lines) == bad
    assert sum("  not compared" in line for line in lines) == shown
    assert rest in lines
