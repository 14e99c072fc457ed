# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman, with settings that work on this machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbfleet_lab.cache import LAB_DIR, Cache
from dbfleet_lab.shell import LabError, as_root, run

LABEL = "dbfleet.lab"
NETWORK = "dbfleet-lab"
OWN_SETTINGS = LAB_DIR / "containers.conf"


@dataclass(frozen=True)
class Podman:
    """Runs podman as root (addresses of rootless containers cannot be reached from the host)."""

    cache: Cache

    def argv(self, *arguments: str) -> list[str]:
        return as_root(["podman", *arguments], self._environment())

    def run(self, *arguments: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run(self.argv(*arguments), stdin=stdin, check=check)

    def containers(self, **labels: str) -> list[dict[str, Any]]:
        """The lab's containers, running or not, that carry all these labels (given without their prefix)."""
        filters = [
            f"--filter=label={LABEL}=1",
            *(f"--filter=label={LABEL}.{name}={value}" for name, value in labels.items()),
        ]
        found: list[dict[str, Any]] = json.loads(self.run("ps", "--all", "--format", "json", *filters).stdout or "[]")
        return found

    def remove(self, names: list[str]) -> None:
        """Remove containers at once, whatever state they are in."""
        if names:
            self.run("rm", "--force", "--time", "0", "--volumes", "--ignore", *names)

    def address(self, container: str) -> str:
        networks = json.loads(self.run("inspect", "--format", "{{json .NetworkSettings.Networks}}", container).stdout)
        return str(networks[NETWORK]["IPAddress"])

    def write(self, container: str, path: str, content: str, append: bool = False) -> None:
        """Give a file in a container this content, keeping owner and mode of one that exists."""
        self.run("exec", "-i", container, "tee", *(["-a"] if append else []), path, stdin=content)

    def ensure_network(self) -> None:
        with self.cache.lock("network"):
            if self.run("network", "exists", NETWORK, check=False).returncode:
                self.run("network", "create", "--disable-dns", "--label", f"{LABEL}=1", NETWORK)

    def settle(self, image: str) -> None:
        """Find out, once per boot, whether podman runs containers as it is or needs the lab's own settings."""
        if self._memory().get("boot") == _boot_id():
            return
        errors = []
        for own in (False, True):
            probe = as_root(["podman", "run", "--rm", "--network=none", image, "/bin/true"], _environment(own))
            done = run(probe, check=False)
            if done.returncode == 0:
                self._remember(own)
                return
            errors.append(done.stderr.strip())
        raise LabError(f"podman cannot run a container here.\nAs it is: {errors[0]}\nWith {OWN_SETTINGS}: {errors[1]}")

    def _environment(self) -> Mapping[str, str]:
        return _environment(bool(self._memory().get("own_settings")))

    @property
    def _memory_file(self) -> Path:
        return self.cache.root / "podman.json"

    def _memory(self) -> dict[str, Any]:
        try:
            remembered: dict[str, Any] = json.loads(self._memory_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return remembered

    def _remember(self, own: bool) -> None:
        fresh = self._memory_file.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"boot": _boot_id(), "own_settings": own}), encoding="utf-8")
        fresh.replace(self._memory_file)


def _environment(own: bool) -> Mapping[str, str]:
    """The settings file to name: the lab's, or the one the caller has set, which sudo would drop."""
    chosen = str(OWN_SETTINGS) if own else os.environ.get("CONTAINERS_CONF")
    return {"CONTAINERS_CONF": chosen} if chosen else {}


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
