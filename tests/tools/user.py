# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do what a user does: install the built collection and its Python packages, and run its playbooks."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common
import package
import venvs


@dataclass(frozen=True)
class Installation:
    """The collection, installed from its tarball, beside one ansible-core; nothing of the checkout is in reach."""

    tools: Path
    settings: Mapping[str, str]
    folder: Path

    def command(self, playbook: str, inventory: Path, extra: Mapping[str, Any], *options: str) -> list[str]:
        """Return the command line that runs a playbook of the collection."""
        return [
            str(self.tools / "ansible-playbook"),
            f"dbfleet.upgrade.{playbook}",
            "-i",
            str(inventory),
            "-e",
            json.dumps(extra),
            *options,
        ]

    def start(self, command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
        """Start a command line in a process group of its own, with both its streams in a file."""
        with open(output, "wb") as stream:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **self.settings},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def install(core: str) -> Installation:
    """Build the collection, install it from its tarball and return it beside an ansible-core, "2.19" for example."""
    tools = venvs.environment(f"run-{core}") / "bin"
    folder = common.empty_folder(f"user-{core}")
    with tempfile.TemporaryDirectory() as builds:
        tarball = package.build(tools, Path(builds))
        package.install(tools, tarball, folder)
    settings = {
        **common.ansible_settings(tools, folder),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOLOR": "1",
    }
    return Installation(tools, settings, folder)
