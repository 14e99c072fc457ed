# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the benchmark with the tools and the lab in reach. README.md tells what it measures."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "tools"), str(TESTS / "lab")]

import common  # noqa: E402  (the path above is needed first)
from dbfleet_bench.cli import bench  # noqa: E402

if __name__ == "__main__":
    common.main(bench)
