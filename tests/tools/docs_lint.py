# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the documentation of plugins and roles, the links between them, and the changelog's fragments."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import common
import venvs


def docs_lint() -> bool:
    """Run both of antsibull's checks over a copy of the tree."""
    tools = venvs.environment("lint") / "bin"
    tree = common.copy_tree("docs-lint")
    ansible = common.ansible_settings(tools, common.collections_path(tree))
    docs: list[str | Path] = [
        tools / "antsibull-docs",
        "lint-collection-docs",
        "--plugin-docs",
        "--validate-collection-refs=self",
        ".",
    ]
    return common.attempt_all(
        {
            "antsibull-docs": partial(common.run, *docs, cwd=tree, env=ansible),
            "antsibull-changelog": partial(common.run, tools / "antsibull-changelog", "lint", cwd=tree),
        }
    )


if __name__ == "__main__":
    common.main(docs_lint)
