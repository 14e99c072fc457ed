# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Molecule's scenarios, one after the other, in a copy of the tree. SCENARIO="influxdb" narrows them.

What a scenario finds in its environment: DBFLEET_LAB, the lab's program; ANSIBLE_COLLECTIONS_PATH, where the copy is
installed as dbfleet.upgrade; and a MOLECULE_EPHEMERAL_DIRECTORY of its own.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import common
import venvs
from common import ToolError


def scenarios(tree: Path) -> list[str]:
    """Return the names of all scenarios, or of those asked for."""
    found = sorted(file.parent.name for file in tree.glob("molecule/*/molecule.yml"))
    wanted = common.chosen("SCENARIO", found)
    missing = sorted(set(wanted).difference(found))
    if missing or not wanted:
        raise ToolError(
            f"no such scenario: {', '.join(missing) or '(none asked for)'}; there are: {', '.join(found) or 'none'}"
        )
    return wanted


def run_scenario(tools: Path, tree: Path, name: str) -> None:
    """Run one scenario from create to destroy."""
    settings = {
        **common.ansible_settings(tools, common.collections_path(tree)),
        "MOLECULE_COMMAND_BORDERS": "false",
        "DBFLEET_LAB": str(common.REPOSITORY / "tests" / "lab" / "lab"),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(common.empty_folder(f"molecule-{name}")),
    }
    config = tree / ".config" / "molecule" / "config.yml"
    base: list[str | Path] = ["--base-config", config] if config.exists() else []
    common.run(tools / "molecule", *base, "test", "--scenario-name", name, cwd=tree, env=settings)


def molecule() -> bool:
    """Run all scenarios asked for."""
    tools = venvs.environment("molecule") / "bin"
    tree = common.copy_tree("molecule")
    return common.attempt_all(
        {f"scenario {name}": partial(run_scenario, tools, tree, name) for name in scenarios(tree)}
    )


if __name__ == "__main__":
    common.main(molecule)
