# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every linter, each over a copy of the tree, so that none leaves a cache in the checkout.

--format has ruff format the Python code of the checkout instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import common
import venvs

PLUGINS = "ansible_collections/dbfleet/upgrade/plugins"
# Folders of plugins that mypy checks; those that run on nodes have their types in comments.
TYPED_PLUGINS = ["action", "filter", "module_utils", "modules", "plugin_utils"]
# Other typed code, and the folders its imports start from.
TYPED_HELPERS = {
    "tests/tools": "tests/tools",
    "tests/lab/dbfleet_lab": "tests/lab",
    "tests/lab/couchdb/couchdb_sim": "tests/lab/couchdb",
    "tests/lab/cloudant/cast": "tests/lab/cloudant:tests/lab/couchdb",
    "tests/lab/influxdb_legacy/influxdb_sim": "tests/lab/influxdb_legacy",
    "tests/bench/dbfleet_bench": "tests/bench:tests/tools:tests/lab",
    "tests/faults": "tests/faults:tests/tools:tests/lab",
}


def first_line(file: Path) -> bytes:
    """Return the first line of a file."""
    with file.open("rb") as stream:
        return stream.readline(80).strip()


def shell_scripts(collection: Path) -> list[str]:
    """Return the files whose first line names a shell."""
    files = [name for name in common.tracked_files() if (collection / name).is_file()]
    return [name for name in files if first_line(collection / name).endswith((b"/sh", b"bash", b"bash -eu"))]


def type_checks(mypy: Path, collection: Path) -> dict[str, Callable[[], None]]:
    """Return mypy's jobs: the plugins are one program, each helper is one."""
    command: list[str | Path] = [
        mypy,
        "--cache-dir",
        common.CACHE / "mypy",
        "--config-file",
        collection / "pyproject.toml",
    ]
    root = common.collections_path(collection)
    plugins = [f"{PLUGINS}/{kind}" for kind in TYPED_PLUGINS if any((root / PLUGINS / kind).glob("*.py"))]
    jobs: dict[str, Callable[[], None]] = {
        "mypy plugins": partial(common.run, *command, *plugins, cwd=root, env={"MYPYPATH": str(root)})
    }
    for code, base in TYPED_HELPERS.items():
        jobs[f"mypy {code}"] = partial(common.run, *command, code, cwd=collection, env={"MYPYPATH": base})
    return jobs


def check_shell(shellcheck: Path, collection: Path) -> None:
    """Run shellcheck over all shell scripts, where there are any."""
    scripts = shell_scripts(collection)
    if scripts:
        # SC1091: a file that a script reads on its node is not here to be followed.
        common.run(shellcheck, "--exclude=SC1091", *scripts, cwd=collection)


def lint() -> bool:
    """Run all linters, or only the formatter."""
    tools = venvs.environment("lint") / "bin"
    if sys.argv[1:] == ["--format"]:
        common.run(tools / "ruff", "format", "--no-cache", ".", cwd=common.REPOSITORY)
        return True
    tree = common.copy_tree("lint")
    ansible = common.ansible_settings(tools, common.collections_path(tree))
    return common.attempt_all(
        {
            "ruff check": partial(
                common.run, tools / "ruff", "check", "--no-cache", "--output-format", "concise", ".", cwd=tree
            ),
            "ruff format": partial(common.run, tools / "ruff", "format", "--no-cache", "--check", ".", cwd=tree),
            **type_checks(tools / "mypy", tree),
            "yamllint": partial(common.run, tools / "yamllint", "--strict", ".", cwd=tree),
            "shellcheck": partial(check_shell, tools / "shellcheck", tree),
            "ansible-lint": partial(common.run, tools / "ansible-lint", "--nocolor", cwd=tree, env=ansible),
        }
    )


if __name__ == "__main__":
    common.main(lint)
