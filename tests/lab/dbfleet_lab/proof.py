# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proofs of the lab's own stand-ins have in common."""

from __future__ import annotations

from dataclasses import dataclass

from dbfleet_lab.fleet import Fleets
from dbfleet_lab.node import Node
from dbfleet_lab.shell import LabError

NAME = "check"


@dataclass(frozen=True)
class Host:
    """A node to run commands in."""

    fleets: Fleets
    node: Node

    def shell(self, command: str) -> tuple[int, str]:
        """Run a command; returns its exit code and all of its output."""
        done = self.fleets.podman.run("exec", self.node.container, "sh", "-c", f"{command} 2>&1", check=False)
        return done.returncode, done.stdout

    def run(self, command: str) -> str:
        code, output = self.shell(command)
        if code:
            raise LabError(f"exit code {code} from {command!r}: {output}")
        return output


def prove(what: str, proved: bool, found: object = "") -> None:
    if not proved:
        raise LabError(f"not so: {what}. Found: {found!r}. Look into the nodes with: lab exec {NAME} NODE")
    print(what, flush=True)
