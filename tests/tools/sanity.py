# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity on every ansible-core, two at a time. CORES="2.19" narrows them.

ansible-test gets a home folder of its own: it keeps its environments there, and fetches a pip for each from a host that
a build machine may not reach. The pip that comes with Python does instead.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import common
import pythons
import venvs
from common import ToolError

CORES = ["2.16", "2.19", "2.21"]
# Pythons of managed nodes that a core must have looked at, beside the one it runs on itself.
NODE_PYTHONS = {"2.16": ["2.7", "3.6"]}
GET_PIP = common.REPOSITORY / "tests" / "tools" / "get_pip.py"


def home_folder(core: str, python: Path) -> Path:
    """Return a home for ansible-test, with pip's settings and with every release of get-pip that it may ask for."""
    home = common.CACHE / "ansible-test" / core
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for release in pip_releases(python):
        shutil.copy(GET_PIP, cache / f"get_pip_{release.replace('.', '_')}.py")
    settings = home / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.touch(mode=0o600)
    settings.write_text(pip_settings(python), encoding="utf-8")
    return home


def pip_releases(python: Path) -> list[str]:
    """Read out of ansible-test which releases of pip it puts into its environments."""
    [source] = python.parents[1].glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py")
    releases = re.findall(r"\bpip='([0-9.]+)'", source.read_text(encoding="utf-8"))
    if not releases:
        raise ToolError(f"{source} names no release of pip in the way that pip_releases() reads")
    return releases


def pip_settings(python: Path) -> str:
    """Return the user's settings of pip as one file: ansible-test passes neither the environment nor the real home on."""
    listing = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    # Variables of the environment come last, as they win over files.
    lines = sorted(listing.splitlines(), key=lambda line: line.startswith(":env:"))
    values = {name.rpartition(".")[2]: value.strip("'") for name, value in (line.split("=", 1) for line in lines)}
    values["quiet"] = "2"
    proxy = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")
    if proxy:
        values.setdefault("proxy", proxy)
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()).replace("\\n", "\n  ")


def search_path(core: str, python: Path) -> str:
    """Return a PATH with the Pythons wanted and without pyenv's shims, which ansible-test takes for Pythons that work."""
    wanted = [python, *map(pythons.find_python, NODE_PYTHONS.get(core, []))]
    others = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(folder).name != "shims"]
    return os.pathsep.join([*(str(program.parent) for program in wanted), *others])


def run_sanity(core: str, python: Path) -> str:
    """Run all sanity tests of one core in a copy of the tree, and return its output where they passed."""
    written = common.output(
        python,
        python.with_name("ansible-test"),
        "sanity",
        "--color",
        "no",
        cwd=common.copy_tree(f"sanity-{core}"),
        env={"HOME": str(home_folder(core, python)), "PATH": search_path(core, python)},
    )
    skipped = re.findall(r"Skipping sanity test \S+ on Python (\S+)", written)
    left_out = sorted(set(skipped).intersection(NODE_PYTHONS.get(core, [])))
    if left_out:
        raise ToolError(f"{written}skipped on these Pythons: {', '.join(left_out)}")
    return written


def sanity() -> bool:
    """Run the tests of all chosen cores."""
    cores = common.chosen("CORES", CORES)
    return common.attempt_side_by_side({f"sanity on ansible-core {core}": partial(run_core, core) for core in cores})


def run_core(core: str) -> str:
    """Run the tests of one core in its own environment."""
    return run_sanity(core, venvs.environment(f"core-{core}") / "bin" / "python")


if __name__ == "__main__":
    common.main(sanity)
