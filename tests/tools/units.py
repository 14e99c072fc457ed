# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the unit tests: those of node code on every Python, those of controller code where ansible-core runs.
Two Pythons at a time.

PYTHONS="2.7 3.11" narrows the Pythons, TESTS="tests/unit/plugins/modules/test_x.py" the tests.
"""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

import common
import venvs

NODE_TESTS = ["tests/unit/plugins/module_utils", "tests/unit/plugins/modules"]
ALL_TESTS = ["tests/unit"]


def runs_controller_code(version: str) -> bool:
    """Say whether this Python is new enough for the controller."""
    return tuple(map(int, version.split("."))) >= (3, 10)


def make_packages(collection: Path) -> None:
    """Give every folder of code an __init__.py: Python 2 needs it, and two tests may then have one file name."""
    code = [file.parent for file in collection.rglob("*.py")]
    roots = {folder for start in code for folder in (start, *start.parents) if common.WORK / "units" in folder.parents}
    for folder in roots:
        (folder / "__init__.py").touch()


def node_ansible(folder: Path) -> Path:
    """Lay out the floor's module_utils alone, as a module finds them on a node with an old Python."""
    [core] = (venvs.environment("core-2.16") / "lib").glob("python3*/site-packages/ansible")
    target = folder / "ansible"
    target.mkdir()
    # The package that Ansible sends to a node holds nothing but the version beside module_utils.
    shutil.copy(core / "release.py", target / "__init__.py")
    (target / "module_utils").symlink_to(core / "module_utils")
    return folder


def node_tests(tests: list[str], collection: Path) -> list[str]:
    """Return those of the tests that are of node code."""
    if tests == ALL_TESTS:
        return [folder for folder in NODE_TESTS if (collection / folder).is_dir()]
    return [test for test in tests if test.startswith(tuple(NODE_TESTS))]


def run_tests(version: str, collection: Path, node_path: Path) -> str:
    """Run the tests that this Python can run, and return what pytest wrote."""
    controller = runs_controller_code(version)
    roots = [common.collections_path(collection)] if controller else [common.collections_path(collection), node_path]
    tests = common.chosen("TESTS", ALL_TESTS)
    if not controller:
        tests = node_tests(tests, collection)
        if not tests:
            return "none of these tests is one of node code"
    python = venvs.environment("units", version) / "bin" / "python"
    environment = {"PYTHONPATH": os.pathsep.join(map(str, roots)), "PYTHONDONTWRITEBYTECODE": "1"}
    command: list[str | Path] = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return common.output(*command, cwd=collection, env=environment)


def units() -> bool:
    """Run the unit tests on every chosen Python."""
    collection = common.copy_tree("units")
    make_packages(collection)
    node_path = node_ansible(common.empty_folder("node"))
    versions = common.chosen("PYTHONS", venvs.acceptable_pythons("units"))
    runs = {version: partial(run_tests, version, collection, node_path) for version in versions}
    return common.attempt_side_by_side({f"unit tests on Python {version}": run for version, run in runs.items()})


if __name__ == "__main__":
    common.main(units)
