# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of the lab to measure on, and the controller's processes that change them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import common
import user
from common import ToolError

from dbfleet_lab import keys
from dbfleet_lab.cache import Cache
from dbfleet_lab.fleet import Fleets
from dbfleet_lab.inventory import SSH_OPTIONS
from dbfleet_lab.podman import Podman

LAB = common.REPOSITORY / "tests" / "lab" / "lab"
NAME = "bench"
NEW = "1.4.3"
RELEASES: Mapping[str, Sequence[str]] = {"1.3.9": (), "0.11.1": ("--data", "recorded")}
"""The releases to upgrade from, and how the lab sets up their nodes."""
PATIENCE = 900.0
"""Seconds after which a command is taken for dead."""


def lab(*arguments: str) -> str:
    """Run a command of the lab and return what it printed."""
    result = subprocess.run([LAB, *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE)
    if result.returncode != 0:
        raise ToolError(f"lab {' '.join(arguments)}: {result.stdout}{result.stderr}")
    return result.stdout.strip()


@dataclass(frozen=True)
class Bench:
    """What stays the same from the first fleet to the last."""

    installation: user.Installation
    packages: Path
    folder: Path
    """Where results and the output of every run go."""


@dataclass(frozen=True)
class Fleet:
    """Nodes of the old release with data, fresh from the lab."""

    bench: Bench
    release: str
    inventory: Path
    label: str
    """Names the output of what runs on it."""
    product: ClassVar[str] = "influxdb"
    playbook_name: ClassVar[str] = "influxdb"
    """The collection's playbook for it."""
    package_name: ClassVar[str] = "influxdb"
    new: ClassVar[str] = NEW
    releases: ClassVar[Mapping[str, Sequence[str]]] = RELEASES

    @cached_property
    def addresses(self) -> list[str]:
        """Those of the nodes with the product; balancers are not among them."""
        cache = Cache.of_user()
        nodes = Fleets(cache, Podman(cache)).nodes()
        return [node.address for node in nodes if (node.fleet, node.product) == (NAME, self.product)]

    def package(self, version: str) -> Path:
        return self.bench.packages / f"{self.package_name}_{version}_amd64.deb"

    def ssh(self, script: str, given: bytes = b"", node: int = 0) -> str:
        """Run a shell script on a node, as a person does, and return what it printed."""
        options = [f"-o{option}" for option in SSH_OPTIONS if not option.startswith("Control")]
        key = keys.ssh_key(Cache.of_user())
        command = ["ssh", "-i", str(key), *options, f"root@{self.addresses[node]}", script]
        result = subprocess.run(command, input=given, capture_output=True, check=False, timeout=PATIENCE)
        if result.returncode != 0:
            raise ToolError(f"exit code {result.returncode} from {script!r}: {result.stderr.decode(errors='replace')}")
        return result.stdout.decode()

    def upgrade(self, **more: Any) -> list[str]:
        """Return the command line that upgrades the fleet with the collection."""
        settings = {
            "fleet_target_version": self.new,
            "fleet_package": {"file": str(self.package(self.new))},
            "fleet_report_dir": str(self.bench.folder / "reports" / self.label),
            "fleet_cache_dir": str(self.bench.folder / "cache"),
            **more,
        }
        return self.bench.installation.command(self.playbook_name, self.inventory, settings)

    def playbook(self, file: Path, **extra: Any) -> list[str]:
        """Return the command line that runs a playbook from outside the collection."""
        program = self.bench.installation.tools / "ansible-playbook"
        variables = [word for name, value in extra.items() for word in ("-e", f"{name}={value}")]
        return [str(program), str(file), "-i", str(self.inventory), *variables]

    def run(self, command: list[str], name: str = "run") -> Finished:
        """Run a command line on the controller to its good end."""
        output = self.bench.folder / "output" / f"{self.label}-{name}.txt"
        output.parent.mkdir(parents=True, exist_ok=True)
        return finish(self.bench.installation.start(command, output), output)


@dataclass(frozen=True)
class Finished:
    """What the kernel says of a process that ended and of all its children that it waited for."""

    cpu_seconds: float
    largest_mib: float
    """Resident memory of the largest single process."""


def finish(process: subprocess.Popen[bytes], output: Path) -> Finished:
    """Wait for the end of a process; anything but exit code 0 is a ToolError."""
    alarm = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
    alarm.daemon = True
    alarm.start()
    try:
        _pid, status, usage = os.wait4(process.pid, 0)
    finally:
        alarm.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise ToolError(f"exit code {process.returncode}, see {output}")
    return Finished(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


Kind = TypeVar("Kind", bound=Fleet)


@contextmanager
def fleet(bench: Bench, kind: type[Kind], nodes: int, label: str, release: str) -> Iterator[Kind]:
    """Start a fleet in place of the last one, and take it down in the end."""
    inventory = bench.folder / "inventory.yml"
    wanted = ["--product", kind.product, "--nodes", str(nodes), "--version", release, *kind.releases[release]]
    lab("up", NAME, *wanted, "--inventory", str(inventory))
    try:
        yield kind(bench, release, inventory, label)
    finally:
        lab("down", NAME)
