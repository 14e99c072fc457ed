# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the virtual environments the tools run in, each on first use.

An environment is described by tests/requirements/NAME.txt, whose "# python:" line lists the Pythons it may use, best
first. It lives in the cache under a name that holds a digest of the requirements, so a change makes a new one.

On the command line: venvs.py NAME [PYTHON] prints the environment's bin folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import common
import pythons
from common import ToolError

STAMP = "complete"


def requirement_file(name: str) -> Path:
    """Return the file that describes an environment."""
    return common.REPOSITORY / "tests" / "requirements" / f"{name}.txt"


def read_requirements(file: Path) -> str:
    """Return the text of a requirement file and of those it includes."""
    text = file.read_text(encoding="utf-8")
    included = re.findall(r"^-r +(\S+)", text, flags=re.MULTILINE)
    return text + "".join(read_requirements(file.parent / path) for path in included)


def acceptable_pythons(name: str) -> list[str]:
    """Return the Pythons that the environment may be made with, best first."""
    match = re.search(r"^# python: (.+)$", requirement_file(name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    if not match:
        raise ToolError(f"{requirement_file(name)} has no line '# python: X.Y ...'")
    return match.group(1).split()


def environment(name: str, version: str | None = None) -> Path:
    """Return the folder of an environment, made now where it is missing or was left unfinished."""
    version, python = pythons.find_first([version] if version else acceptable_pythons(name))
    digest = hashlib.sha256((str(python) + read_requirements(requirement_file(name))).encode()).hexdigest()[:12]
    folder = common.CACHE / "venv" / f"{name}-py{version}-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / STAMP).exists():
            print(f"making the environment {folder.name}", file=sys.stderr, flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            create(folder, version, python)
            pip: list[str | Path] = [
                folder / "bin" / "python",
                "-m",
                "pip",
                "--disable-pip-version-check",
                "install",
                "-qq",
            ]
            common.run(*pip, "--requirement", requirement_file(name))
            (folder / STAMP).touch()
    return folder


def create(folder: Path, version: str, python: Path) -> None:
    """Create an empty environment. The pip of an old Python is too old for today's indexes: virtualenv brings a newer one."""
    if tuple(map(int, version.split("."))) < (3, 7):
        maker = environment("core-2.16") / "bin" / "python"
        common.run(maker, "-m", "virtualenv", "--quiet", "--python", python, folder)
        return
    if subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False).returncode != 0:
        install_packages(f"python{version}-venv")
    common.run(python, "-m", "venv", folder)


def install_packages(*packages: str) -> None:
    """Install Debian packages; Debian's Python keeps venv in a package of its own."""
    if not shutil.which("apt-get"):
        raise ToolError(f"{', '.join(packages)}: please install; there is no apt-get here to do it with")
    root = ["env"] if os.geteuid() == 0 else ["sudo", "env"]
    common.run(*root, "DEBIAN_FRONTEND=noninteractive", "apt-get", "update", "-qq")
    common.run(*root, "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qq", "-y", *packages)


def show() -> bool:
    """Print the bin folder of the environment that the command line names."""
    if not 2 <= len(sys.argv) <= 3:
        raise ToolError("usage: venvs.py NAME [PYTHON]")
    print(environment(*sys.argv[1:]) / "bin")
    return True


if __name__ == "__main__":
    common.main(show)
