# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that asks a URL without pause and tries once more where that fails, as long as a file is there.

Arguments: the URL, that file, and the file for what was seen: {asked, retried, lost}.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

# A client waits longer than an address takes to move.
PATIENCE = 5.0
PAUSE = 0.02


def answered(url: str) -> bool:
    """Make one request."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def main(url: str, going_on: str, notes: str) -> None:
    """Ask until the end. The file goes with the scenario, too, so that no client outlives it."""
    seen = {"asked": 0, "retried": 0, "lost": 0}
    while Path(going_on).exists():
        seen["asked"] += 1
        if not answered(url):
            seen["retried"] += 1
            time.sleep(1)
            seen["lost"] += not answered(url)
        time.sleep(PAUSE)
    Path(notes).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
