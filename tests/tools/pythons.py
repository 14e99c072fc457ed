# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find an installed Python of a wanted release."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from common import ToolError


def candidates(version: str) -> Iterator[Path]:
    """Yield the files that may be this Python: on PATH, under pyenv, in the system's folders."""
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += sorted(pyenv.glob(f"versions/{version}.*/bin"), reverse=True)
    folders += [Path("/usr/local/bin"), Path("/usr/bin")]
    for folder in folders:
        program = folder / f"python{version}"
        if program.exists():
            yield program


def real_program(program: Path, version: str) -> Path | None:
    """Ask the program what it is. A pyenv shim is there for every release and works for few of them."""
    question = "import sys; print('%d.%d %s' % (sys.version_info[0], sys.version_info[1], sys.executable))"
    try:
        result = subprocess.run([program, "-c", question], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found, _space, path = result.stdout.strip().partition(" ")
    return Path(path) if result.returncode == 0 and found == version else None


def find_python(version: str) -> Path:
    """Return the real program of Python X.Y."""
    for candidate in candidates(version):
        program = real_program(candidate, version)
        if program:
            return program
    raise ToolError(
        f"Python {version} was not found: no working python{version} on PATH, in ~/.pyenv/versions/{version}.*/bin "
        f"(or $PYENV_ROOT), in /usr/local/bin or in /usr/bin. Install it with 'pyenv install {version}' or from the "
        "system's packages; to go without it, name those to use, as in: make units PYTHONS=3.11 or make sanity CORES=2.19"
    )


def find_first(versions: list[str]) -> tuple[str, Path]:
    """Return the first of several acceptable releases that is installed."""
    errors = []
    for version in versions:
        try:
            return version, find_python(version)
        except ToolError as error:
            errors.append(str(error))
    raise ToolError("\n".join(errors))
