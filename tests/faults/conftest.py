# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of real nodes, the collection as a user installs it, and what a node looks like from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "tools"), str(TESTS / "lab")]

import user  # noqa: E402  (the path above is needed first)

from dbfleet_lab.clients import Prober, Writer  # noqa: E402

LAB = TESTS / "lab" / "lab"
CORE = os.environ.get("CORE", "2.19")
PATIENCE = 900
"""Seconds after which something hangs. No test is about time: a slow machine fails none."""


def lab(*arguments: str) -> str:
    """Run a command of the lab and return what it printed."""
    result = subprocess.run([LAB, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"lab {' '.join(arguments)}: {result.stdout}{result.stderr}"
    return result.stdout.strip()


@cache
def packages() -> Path:
    """Return the folder of the lab's packages."""
    return Path(lab("packages"))


BAD: dict[str, Any] = {"fleet_package": {"file": str(packages() / "bad" / "influxdb_1.4.3_amd64.deb")}}
"""A release that can be installed and cannot start."""


@cache
def installation(core: str) -> user.Installation:
    """Return the collection installed beside this ansible-core."""
    return user.install(core)


@dataclass
class Run:
    """A playbook that ran, or runs."""

    process: subprocess.Popen[bytes]
    output: Path
    reports: Path

    def wait(self) -> Run:
        self.process.wait(PATIENCE)
        return self

    def kill(self) -> None:
        """End the controller as a power cut does: every process of it, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    @property
    def code(self) -> int:
        return self.process.returncode

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    @property
    def report(self) -> dict[str, Any]:
        return json.loads((self.reports / "report.json").read_text(encoding="utf-8"))

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        return {node["name"]: node for node in self.report["nodes"]}

    def statuses(self) -> dict[str, str]:
        return {name: (node["outcome"] or {"status": "none"})["status"] for name, node in self.nodes.items()}


@dataclass
class Fleet:
    """Nodes of the lab, and the runs on them."""

    name: str
    inventory: Path
    folder: Path
    core: str = CORE
    count: int = 0
    variables: dict[str, Any] = field(default_factory=dict)
    playbook: ClassVar[str] = "influxdb"
    """The playbook of an upgrade, which is named as the group of its nodes."""
    release: ClassVar[tuple[str, str]] = ("1.4.3", "influxdb_1.4.3_amd64.deb")
    """What an upgrade leads to, where a test says nothing else, and its package in the lab."""
    processes: ClassVar[str] = "pgrep -x influxd"

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        return yaml.safe_load(self.inventory.read_text(encoding="utf-8"))[self.playbook]["hosts"]

    def address(self, node: str) -> str:
        return self.hosts[node]["ansible_host"]

    def start(self, *options: str, playbook: str = "", **extra: Any) -> Run:
        """Start a playbook; what is not told is an upgrade to the usual release."""
        self.count += 1
        reports = self.folder / f"reports-{self.count}"
        version, package = self.release
        settings = {
            "fleet_target_version": version,
            "fleet_package": {"file": str(packages() / package)},
            "fleet_report_dir": str(reports),
            "fleet_cache_dir": str(self.folder / "cache"),
            **self.variables,
            **extra,
        }
        output = self.folder / f"output-{self.count}.txt"
        there = installation(self.core)
        command = there.command(playbook or self.playbook, self.inventory, settings, *options)
        return Run(there.start(command, output), output, reports)

    def run(self, *options: str, playbook: str = "", **extra: Any) -> Run:
        return self.start(*options, playbook=playbook, **extra).wait()

    def sh(self, node: str, script: str) -> str:
        """Run a shell script in a node and return what it printed."""
        return lab("exec", self.name, node, "--", "sh", "-c", script)

    def version(self, node: str) -> str:
        """Return the version that the node serves, as a client sees it."""
        return self.sh(
            node, "curl -sk -o /dev/null -D - -m 5 http://127.0.0.1:8086/ping | sed -n 's/^X-Influxdb-Version: //Ip'"
        )

    def effects(self, node: str) -> list[str]:
        """Return every file that a run could change, with time and size, the packages, and the server's process.

        The server itself writes to its folders at any time: they are left out.
        """
        seen = self.sh(
            node,
            "find /etc /usr /opt /var/lib/dpkg /var/lib/dbfleet /root /home -xdev"
            " -not -path '/root/.ansible*' -printf '%p %T@ %s %m %u\\n' 2>/dev/null | sort;"
            f" dpkg-query -W; {self.processes}; ls /tmp /var/tmp",
        )
        return seen.splitlines()

    def writer(self, node: str) -> Writer:
        return Writer(self.address(node), user=self.variables.get("writer", ""), password="")

    def prober(self, node: str) -> Prober:
        return Prober(self.address(node))


def fleets(folder: Path, prefix: str) -> Iterator[Callable[..., Fleet]]:
    """Yield what starts fleets, and take them down in the end."""
    names: list[str] = []

    def start(*options: str, core: str = CORE, kind: type[Fleet] = Fleet, **variables: Any) -> Fleet:
        name = f"{prefix}{len(names)}"
        names.append(name)
        inventory = folder / f"{name}.yml"
        lab("up", name, "--inventory", str(inventory), *options)
        return kind(name, inventory, folder, core, variables=variables)

    yield start
    for name in names:
        lab("down", name)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    """Start fleets for one test."""
    yield from fleets(tmp_path, "faults")


@pytest.fixture(scope="module")
def lasting_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Fleet]]:
    """Start fleets for all tests of a file: those that prove that nothing is changed."""
    yield from fleets(tmp_path_factory.mktemp("lasting"), "lasting")
