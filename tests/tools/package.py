# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the collection, import it as Galaxy does, install it in a clean place and look at it with every ansible-core."""

from __future__ import annotations

import json
import os
import subprocess
from functools import partial
from pathlib import Path

import common
import venvs
from common import ToolError
from sanity import CORES

NAME = "dbfleet.upgrade"


def output_of(*command: str | Path, cwd: Path, env: dict[str, str]) -> str:
    """Run a command and return what it wrote; both streams are shown where it fails."""
    result = subprocess.run(command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ToolError(f"{result.stdout}{result.stderr}exit code {result.returncode}")
    return result.stdout


def build(tools: Path, folder: Path) -> Path:
    """Build the tarball and return it."""
    common.run(tools / "ansible-galaxy", "collection", "build", "--output-path", folder, cwd=common.copy_tree("build"))
    [tarball] = folder.glob("*.tar.gz")
    return tarball


def galaxy_import(tools: Path, tarball: Path) -> None:
    """Let galaxy-importer read the tarball. What it only warns of there is a failure here."""
    settings = {
        **common.ansible_settings(tools, tarball.parent),
        "GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true",
        "GALAXY_IMPORTER_ANSIBLE_LOCAL_TMP": str(tarball.parent / "tmp"),
    }
    text = output_of(tools / "python", "-m", "galaxy_importer.main", tarball.name, cwd=tarball.parent, env=settings)
    print(text, flush=True)
    complaints = [line for line in text.splitlines() if line.startswith(("ERROR", "WARNING"))]
    if complaints:
        raise ToolError(f"{len(complaints)} complaints of galaxy-importer")


def install(tools: Path, tarball: Path, place: Path) -> None:
    """Install the tarball in a place where nothing else is."""
    settings = common.ansible_settings(tools, place)
    command: list[str | Path] = [tools / "ansible-galaxy", "collection", "install", "--offline", "-p", place, tarball]
    print(output_of(*command, cwd=place, env=settings), flush=True)


def names(doc: partial[str], installed: Path) -> dict[str, list[str]]:
    """Return what must have documentation, by its type: every module and role, and the filters that Ansible finds."""
    return {
        "module": sorted(f"{NAME}.{file.stem}" for file in installed.glob("plugins/modules/[a-z]*.py")),
        "role": sorted(f"{NAME}.{folder.name}" for folder in installed.glob("roles/*")),
        "filter": sorted(json.loads(doc("--type", "filter", "--list", "--json", NAME))),
    }


def look(core: str, place: Path) -> None:
    """Read all documentation and the syntax of all playbooks with one ansible-core."""
    tools = venvs.environment(f"core-{core}") / "bin"
    settings = common.ansible_settings(tools, place)
    installed = place / "ansible_collections" / "dbfleet" / "upgrade"
    doc = partial(output_of, tools / "ansible-doc", cwd=place, env=settings)
    for kind, wanted in names(doc, installed).items():
        found = json.loads(doc("--type", kind, "--json", *wanted)) if wanted else {}
        missing = sorted(set(wanted).difference(found))
        if missing:
            raise ToolError(f"no documentation of these {kind}s: {', '.join(missing)}")
        print(f"{len(wanted)} {kind}s documented")
    for file in sorted(installed.glob("playbooks/[a-z]*.yml")):
        output_of(
            tools / "ansible-playbook",
            "--syntax-check",
            "-i",
            "localhost,",
            f"{NAME}.{file.stem}",
            cwd=place,
            env=settings,
        )
        print(f"{NAME}.{file.stem}: syntax checked")


def package() -> bool:
    """Build, and where that works do the rest."""
    tools = venvs.environment("package") / "bin"
    folder, place = common.empty_folder("package"), common.empty_folder("installed")
    tarball = build(tools, folder)
    jobs = {
        "import as Galaxy does": partial(galaxy_import, tools, tarball),
        "install": partial(install, tools, tarball, place),
    }
    for core in common.chosen("CORES", CORES):
        jobs[f"look with ansible-core {core}"] = partial(look, core, place)
    return common.attempt_all(jobs)


if __name__ == "__main__":
    common.main(package)
