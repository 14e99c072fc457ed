# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.dbfleet.upgrade.plugins.action import influxdb_config
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

DEFAULTS = (Path(__file__).parents[3] / "fixtures" / "influxd-config" / "1.3.9.toml").read_text(encoding="utf-8")
OLD = '[http]\nshared-secret = "hunter2"\nauth-enabled = true\n'
PACKAGED = (
    '[meta]\n  dir = "/var/lib/influxdb/meta"\n[data]\n  dir = "/var/lib/influxdb/data"\n  wal-dir = "/var/lib/influxdb/wal"\n'
    "[http]\n  # auth-enabled = false\n"
)
MERGED = PACKAGED + '  auth-enabled = true\n  shared-secret = "hunter2"\n'
PATH = "/etc/influxdb/influxdb.conf"
DEST = "/var/lib/dbfleet/stage/influxdb.conf"


class Task:
    """What the action asks of its task."""

    def __init__(self, check_mode: bool) -> None:
        self.check_mode = check_mode
        self.diff = True
        self.args: dict[str, Any] = {}

    def copy(self) -> Task:
        return Task(self.check_mode)


class Node(influxdb_config.ActionModule):
    """The action with a node of literals: files by path, and the answer of each program."""

    def __init__(self, files: dict[str, bytes], check_mode: bool = False, **answers: Result) -> None:
        self.files = files
        self.answers = {"/usr/bin/influxd": Result(0, DEFAULTS, "Merging with configuration at: /dev/null\n")}
        self.answers.update({f"/{name}/influxd": answer for name, answer in answers.items()})
        self.commands: list[str] = []
        self.written: list[dict[str, Any]] = []
        self._task = Task(check_mode)

    def merge(self, **options: Any) -> dict[str, Any]:
        given = {"packaged": PACKAGED, "from_version": "1.3.9", "to_version": "1.4.3", **options}
        defaults = {name: spec.get("default") for name, spec in influxdb_config.ARGUMENTS.items()}
        return self._merge({**defaults, **given}, {})

    def _execute_remote_stat(self, path: str, **_: Any) -> dict[str, Any]:
        return {"exists": path in self.files}

    def _execute_module(
        self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        assert module_name == "ansible.legacy.slurp"
        data = self.files[module_args["src"]]
        return (
            {"failed": True, "msg": "no permission"}
            if data == b"locked"
            else {"content": base64.b64encode(data).decode()}
        )

    def _low_level_execute_command(self, command: str) -> dict[str, Any]:
        self.commands.append(command)
        (answer,) = [answer for program, answer in self.answers.items() if f" {program} config" in command]
        return {"rc": answer.rc, "stdout": answer.out, "stderr": answer.err}

    def _copy_action(self, task: Task) -> Node:
        self._copied = task
        return self

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Take the part of the copy action."""
        args = self._copied.args
        self.written.append({**args, "diff": self._copied.diff})
        if args["dest"].startswith("/full"):
            return {"failed": True, "msg": "no space"}
        self.files[args["dest"]] = Path(args["src"]).read_bytes()
        return {"changed": True}


@pytest.fixture(autouse=True)
def local_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def test_the_candidate_is_written_once(local_tmp: Path) -> None:
    node = Node({PATH: OLD.encode()}, new=Result(0, "", "Merging with configuration at: x\n"))
    first = node.merge(dest=DEST, validate_with="/new/influxd")
    assert node.files[DEST].decode() == MERGED
    assert node.written[0]["mode"] == "0600"
    assert node.written[0]["diff"] is False
    assert list(local_tmp.iterdir()) == []
    assert first["changed"] is True
    assert first["candidate"] == {
        "dest": DEST,
        "sha256": hashlib.sha256(MERGED.encode()).hexdigest(),
        "validated": True,
    }
    second = node.merge(dest=DEST, validate_with="/new/influxd")
    assert second["changed"] is False
    assert second["candidate"] == first["candidate"]
    assert len(node.written) == 1


@pytest.mark.parametrize("dest", [None, ""])
def test_without_dest_nothing_is_written(dest: str | None) -> None:
    node = Node({PATH: OLD.encode()})
    result = node.merge(dest=dest, validate_with="/new/influxd")
    assert (result["changed"], result["candidate"], node.written, len(node.commands)) == (False, None, [], 1)


def test_check_mode_reads_and_writes_nothing() -> None:
    node = Node({PATH: OLD.encode()}, check_mode=True)
    result = node.merge(dest=DEST, validate_with="/new/influxd")
    assert result["changed"] is True
    assert result["candidate"]["validated"] is False
    assert (node.written, list(node.files), len(node.commands)) == ([], [PATH], 1)


def test_check_mode_validates_what_is_there() -> None:
    node = Node({PATH: OLD.encode(), DEST: MERGED.encode()}, check_mode=True, new=Result(0, "", ""))
    result = node.merge(dest=DEST, validate_with="/new/influxd")
    assert (result["changed"], result["candidate"]["validated"]) == (False, True)


def test_no_secret_is_returned() -> None:
    result = Node({PATH: OLD.encode()}).merge(dest=DEST)
    assert "hunter2" not in json.dumps(result)
    assert result["diff"]["before_header"] == PATH
    assert result["diff"]["after_header"] == DEST
    assert result["diff"]["before"] == OLD.replace('"hunter2"', "***")
    assert result["diff"]["after"] == MERGED.replace('"hunter2"', "***")


def test_the_result_says_what_became_of_the_settings() -> None:
    result = Node({PATH: OLD.encode() + b"[admin]\nenabled = true\n"}).merge()
    assert {"key": "[http] auth-enabled", "value": True} in result["carried"]
    assert [one["key"] for one in result["dropped"]] == ["[admin] enabled"]
    assert [one["id"] for one in result["findings"]] == ["config-ifql"]
    assert result["renamed"] == []
    assert [one["key"] for one in result["unchanged_defaults_that_change"]] == ["[http] max-body-size"]


@pytest.mark.parametrize(
    ("files", "options", "answers", "message"),
    [
        ({}, {}, {}, "There is no file /etc/influxdb/influxdb.conf on the node"),
        ({PATH: b"locked"}, {}, {}, "influxdb.conf cannot be read: no permission"),
        ({PATH: b"\xff\xfea\x00"}, {}, {}, "byte order mark"),
        ({PATH: b"a ="}, {}, {}, "is not valid TOML at line 1"),
        ({PATH: b""}, {"program": "/old/influxd"}, {"old": Result(127, "", "not found")}, "exit code 127: not found"),
        ({PATH: b""}, {"dest": "/full/x"}, {}, "/full/x cannot be written: no space"),
        (
            {PATH: b""},
            {"dest": DEST, "validate_with": "/new/influxd"},
            {"new": Result(1, "", "config: bad")},
            "config: bad",
        ),
        (
            {PATH: b""},
            {"dest": DEST, "validate_with": "/new/influxd"},
            {"new": Result(0, "", "Deprecated config")},
            "Deprecated config",
        ),
        ({PATH: b""}, {"dest": DEST, "validate_with": "/new/influxd"}, {"new": Result(2, "", "")}, "exit code 2"),
    ],
)
def test_what_stops_the_merge(
    files: dict[str, bytes], options: dict[str, Any], answers: dict[str, Result], message: str
) -> None:
    with pytest.raises(FleetError, match=message):
        Node(files, False, **answers).merge(**options)


def test_a_program_that_quotes_a_secret_is_not_passed_on() -> None:
    error = influxdb_config.refused("influxd", Result(1, "", 'near shared-secret = "hunter2"'))
    assert error is not None
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("version", "command"),
    [
        ("0.10.3", ["influxd", "config"]),
        ("0.12.2", ["influxd", "config"]),
        ("0.13.0", ["influxd", "config", "-config", "/dev/null"]),
        ("1.3.9", ["influxd", "config", "-config", "/dev/null"]),
    ],
)
def test_how_a_program_is_asked_for_its_defaults(version: str, command: list[str]) -> None:
    assert influxdb_config.defaults_command("influxd", version) == command


def test_programs_run_in_an_environment_of_their_own() -> None:
    assert influxdb_config.clean_command(["/a b", "config"]) == (
        "env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root USER=root"
        " INFLUXDB_META_DIR=/var/lib/influxdb/meta INFLUXDB_DATA_DIR=/var/lib/influxdb/data"
        " INFLUXDB_DATA_WAL_DIR=/var/lib/influxdb/wal '/a b' config"
    )
    assert influxdb_config.clean_command(["a"], quiet=True).endswith(" a >/dev/null")


def test_a_mistake_fails_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(Node, "validate_argument_spec", lambda *_, **__: (None, {"path": PATH}), raising=False)
    with pytest.raises(AnsibleActionFail, match="There is no file"):
        influxdb_config.ActionModule.run(Node({}))
