# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merges the configuration of a node on the controller: reads it and the old defaults there, writes and checks a candidate there."""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
import tempfile
from collections.abc import Sequence
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import PATH, Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_keys as keys
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_config import Merge, merge
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._toml_text import decode, mask

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "str", "default": "/etc/influxdb/influxdb.conf"},
    "program": {"type": "str", "default": "/usr/bin/influxd"},
    "packaged": {"type": "str", "required": True},
    "from_version": {"type": "str", "required": True},
    "to_version": {"type": "str", "required": True},
    "dest": {"type": "str"},
    "validate_with": {"type": "str"},
}


def clean_command(argv: Sequence[str], quiet: bool = False) -> str:
    """Return argv as a shell command with an environment of its own.

    INFLUXDB_* of whoever runs it would change what influxd prints. The folders are named because a release without them in
    its defaults refuses to print anything. quiet drops the standard output, where influxd prints secrets as well.
    """
    variables = {
        f"INFLUXDB_{section}_{key}".upper().replace("-", "_"): path for (section, key), path in keys.PATHS.items()
    }
    clean = [
        "env",
        "-i",
        f"PATH={PATH}",
        "LC_ALL=C",
        "HOME=/root",
        "USER=root",
        *(f"{key}={value}" for key, value in variables.items()),
    ]
    return shlex.join([*clean, *argv]) + (" >/dev/null" if quiet else "")


def defaults_command(program: str, version: str) -> list[str]:
    """Return the command that prints the program's own defaults.

    From 0.13 on influxd config would read /etc/influxdb/influxdb.conf by itself; up to 0.12 only the call without arguments
    knows the defaults of a server.
    """
    return [program, "config"] if keys.release(version) < (0, 13) else [program, "config", "-config", "/dev/null"]


def refused(program: str, result: Result) -> FleetError | None:
    """Return why the new program does not take the candidate, None where it does."""
    if result.rc == 0 and "deprecated" not in result.err.lower():
        return None
    said = mask(result.err.strip()) or f"exit code {result.rc}"
    return FleetError(
        f"{program} does not accept the merged configuration: {said}",
        "exit code 0 and no word of deprecated settings",
        "correct the node's configuration accordingly and run again; nothing but the candidate was written",
    )


class ActionModule(ActionBase):
    """See plugins/modules/influxdb_config.py for the documentation."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the documented result; a FleetError becomes the failure of the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            result.update(self._merge(options, task_vars or {}))
        except FleetError as error:
            raise AnsibleActionFail(str(error)) from error
        return result

    def _merge(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        old = self._read(options["path"], task_vars)
        if old is None:
            raise FleetError(
                f"There is no file {options['path']} on the node",
                "the configuration that influxd reads",
                "say where it is (influxdb_config_path of the role, path of the module)",
            )
        defaults = self._defaults(options["program"], options["from_version"])
        merged = merge(old, defaults, options["packaged"], options["from_version"], options["to_version"])
        changed = bool(options["dest"]) and self._read(options["dest"], task_vars) != merged.text
        if changed and not self._task.check_mode:
            self._write(options["dest"], merged.text, task_vars)
        return {
            "changed": changed,
            "diff": self._diff(options, old, merged),
            "carried": merged.carried,
            "renamed": merged.renamed,
            "dropped": merged.dropped,
            "unchanged_defaults_that_change": merged.unchanged_defaults_that_change,
            "findings": merged.findings,
            "candidate": self._candidate(options, merged, there=not (changed and self._task.check_mode)),
        }

    @staticmethod
    def _diff(options: dict[str, Any], old: str, merged: Merge) -> dict[str, str]:
        header = options["dest"] or f"{options['path']} for {options['to_version']}"
        return {
            "before_header": options["path"],
            "before": mask(old),
            "after_header": header,
            "after": mask(merged.text),
        }

    def _candidate(self, options: dict[str, Any], merged: Merge, there: bool) -> dict[str, Any] | None:
        if not options["dest"]:
            return None
        program = options["validate_with"]
        if (
            program
            and there
            and (error := refused(program, self._command([program, "config", "-config", options["dest"]], quiet=True)))
        ):
            raise error
        sha256 = hashlib.sha256(merged.text.encode()).hexdigest()
        return {"dest": options["dest"], "sha256": sha256, "validated": bool(program and there)}

    def _defaults(self, program: str, version: str) -> str:
        result = self._command(defaults_command(program, version))
        if result.rc != 0:
            raise FleetError(
                f"{program} config ended with exit code {result.rc}: {mask(result.err.strip())}",
                f"the defaults of {version}",
                "say where the program of the old release is (influxdb_program of the role, program of the module)",
            )
        return result.out

    def _command(self, argv: Sequence[str], quiet: bool = False) -> Result:
        result = self._low_level_execute_command(clean_command(argv, quiet))
        return Result(int(result["rc"]), str(result["stdout"]), str(result["stderr"]))

    def _read(self, path: str, task_vars: dict[str, Any]) -> str | None:
        """Return the text of a file of the node, None where there is none. Works in check mode too."""
        if not self._execute_remote_stat(path, all_vars=task_vars, follow=True, checksum=False).get("exists"):
            return None
        result = self._execute_module(
            module_name="ansible.legacy.slurp", module_args={"src": path}, task_vars=task_vars
        )
        if result.get("failed"):
            said = result.get("msg") or result.get("module_stderr")
            raise FleetError(
                f"{path} cannot be read: {said}", "a file that the user of the task can read", "use become: true"
            )
        return decode(base64.b64decode(result["content"]), path)

    def _write(self, path: str, text: str, task_vars: dict[str, Any]) -> None:
        """Write a file that only its owner can read, in one step."""
        descriptor, local = tempfile.mkstemp(dir=constants.DEFAULT_LOCAL_TMP)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            task = self._task.copy()
            task.diff = False
            task.args = {"src": local, "dest": path, "mode": "0600"}
            result = self._copy_action(task).run(task_vars=task_vars)
        finally:
            os.unlink(local)
        if result.get("failed"):
            raise FleetError(
                f"{path} cannot be written: {result.get('msg')}",
                "a folder that exists",
                "see that the state folder is there",
            )

    def _copy_action(self, task: Any) -> Any:
        return self._shared_loader_obj.action_loader.get(
            "ansible.legacy.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
