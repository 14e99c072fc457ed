# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine and the versions that the numbers belong to."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

import common
import user


def facts(installation: user.Installation) -> dict[str, str]:
    """Describe this machine and what runs on it."""
    return {
        "processor": first_match(Path("/proc/cpuinfo"), r"^model name\s*: (.+)$"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": first_match(Path("/proc/meminfo"), r"^MemTotal:\s+(.+)$"),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "collection": first_match(common.REPOSITORY / "galaxy.yml", r"^version: (.+)$"),
        "ansible": first_line(installation.tools / "ansible", "--version"),
        "python": first_line(installation.tools / "python", "--version"),
        "podman": first_line("podman", "--version"),
        "ssh": first_line("ssh", "-V"),
    }


def load() -> str:
    """Return the processes that wanted a core in the last 1, 5 and 15 minutes: more than there are cores, and times grow."""
    return " ".join(f"{average:.1f}" for average in os.getloadavg())


def first_match(file: Path, pattern: str) -> str:
    found = re.search(pattern, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found.group(1) if found else "unknown"


def first_line(*command: str | Path) -> str:
    """Return the first line a program says of itself; ssh says it on the error stream."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return (result.stdout + result.stderr).partition("\n")[0].strip()
