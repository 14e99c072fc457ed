# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run upgrades of real nodes in which something goes wrong. Arguments are pytest's; "-m sample" takes one of each kind."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))

import common  # noqa: E402  (the path above is needed first)
import venvs  # noqa: E402


@contextmanager
def alone() -> Iterator[None]:
    """Wait for other runs: the names of fleets are the same in each."""
    with open(common.CACHE / "faults.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def faults() -> bool:
    """Run the tests in an environment of their own."""
    python = venvs.environment("faults") / "bin" / "python"
    with alone():
        folder = common.empty_folder("faults")
        common.run(python, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={folder}", *sys.argv[1:], cwd=HERE)
    return True


if __name__ == "__main__":
    common.main(faults)
