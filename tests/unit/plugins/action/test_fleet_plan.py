# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task fleet_plan: what it shows, writes and returns."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.playbook.task import Task

from ansible_collections.dbfleet.upgrade.plugins.action import fleet_plan

# A connection that nothing is asked of.
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))


class Name(str):
    """A string as ansible-core hands them over: of a class of its own."""

    __slots__ = ()


def node(name: str, **facts: Any) -> dict[str, Any]:
    return {
        "name": Name(name),
        "cluster": "c",
        "product": "influxdb",
        "version": Name("1.3.9"),
        "target_version": "1.4.3",
        "arch": "amd64",
        "package_manager": "dpkg",
        "reachable": True,
        **facts,
    }


def run(
    *nodes: dict[str, Any], check_mode: bool = False, options: dict[str, Any] | None = None, **arguments: Any
) -> dict[str, Any]:
    task = Task()
    task.args = {"nodes": list(nodes), "options": options or {}, **arguments}
    task.check_mode = check_mode
    task.async_val = 0
    action = fleet_plan.ActionModule(
        task, connection=CONNECTION, play_context=None, loader=None, templar=None, shared_loader_obj=None
    )
    action._load_name = "fleet_plan"
    result: dict[str, Any] = action.run(task_vars={})
    return result


def test_the_plan_is_shown_written_and_returned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dest = tmp_path / "new" / "plan.json"
    result = run(node("a"), node("b"), dest=str(dest))
    assert (result["changed"], result["verdict"]) == (False, "go")
    assert result["plan"]["waves"] == [["a"], ["b"]]
    assert json.loads(dest.read_text()) == result["plan"]
    assert result["reason"] == result["plan"]["verdict_reason"] == "2 nodes to be upgraded to 1.4.3 in 2 waves."
    assert result["table"] in capsys.readouterr().out
    assert [path.name for path in dest.parent.iterdir()] == ["plan.json"]


def test_the_answer_is_plain() -> None:
    first = run(node("a"))["plan"]["nodes"][0]
    assert type(first["name"]) is type(first["from"]) is str


def test_nothing_is_written_in_check_mode(tmp_path: Path) -> None:
    assert run(node("a"), check_mode=True, dest=str(tmp_path / "plan.json"))["verdict"] == "go"
    assert not list(tmp_path.iterdir())


def test_a_refusal_is_an_answer_and_no_failure(tmp_path: Path) -> None:
    result = run(node("a", version="0.8.3"), dest=str(tmp_path / "plan.json"))
    assert not result.get("failed")
    assert (result["verdict"], result["plan"]["waves"]) == ("refused", [])
    assert (tmp_path / "plan.json").exists()


def test_options_may_come_out_of_templates() -> None:
    result = run(node("a"), node("b"), options={"canary": "1", "wave_limit": "0", "path": None})
    assert (result["plan"]["canary"], result["plan"]["direction"]) == (1, "upgrade")


def test_a_saved_plan_that_fits_is_followed(tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    run(node("a"), node("b"), dest=str(saved))
    before = saved.read_text()
    result = run(node("a", version="1.4.3"), node("b"), saved=str(saved), dest=str(saved))
    assert (result["verdict"], result["plan"]["waves"]) == ("go", [["b"]])
    assert saved.read_text() == before


def test_a_saved_plan_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    run(node("a"), dest=str(saved))
    result = run(node("a", version="1.3.8"), saved=str(saved), dest=str(tmp_path / "new.json"))
    assert (result["verdict"], result["plan"]["verdict"], result["plan"]["waves"]) == ("refused", "refused", [])
    assert result["reason"] == "The saved plan does not fit what was found: a ran 1.3.9 and runs 1.3.8."
    assert result["reason"].split()[-1] in result["table"]


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "{", '{"schema": 1}', "\xff"])
def test_a_saved_plan_that_cannot_be_read_is_a_failure(tmp_path: Path, content: str | None) -> None:
    saved = tmp_path / "plan.json"
    if content is not None:
        saved.write_text(content, encoding="latin-1")
    result = run(node("a"), saved=str(saved))
    assert result["failed"]
    assert "saved plan" in result["msg"]
    assert "What to do: " in result["msg"]


def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(node("a"), dest=str(tmp_path / "file" / "plan.json"))
    assert result["failed"]
    assert "fleet_report_dir" in result["msg"]


@pytest.mark.parametrize("target", ["", "newest"])
def test_a_target_that_is_none_goes_nowhere(target: str) -> None:
    assert run(node("a", target_version=target))["verdict"] == "refused"


def test_nodes_that_make_no_sense_are_a_failure() -> None:
    result = run(node("a"), node("a"))
    assert result["failed"]
    assert "given twice" in result["msg"]


@pytest.mark.parametrize("options", [{"canary": "many"}, {"direction": "sideways"}, {"colour": "red"}])
def test_options_that_are_none_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        run(node("a"), options=options)
