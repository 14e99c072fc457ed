# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's gate cloudant_sync, for questions of the benchmark: in the controller's Python, with the installed collection in reach.

Each line of standard input is a question, the options of the module as JSON; its answer is a line of standard output.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_sync import ARGUMENTS, compare
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

INTERVAL = 0.1
"""Seconds between two looks: less than a user's, so that none waits for the next one where all are in sync."""


def ask(nodes: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    """Return what the module returns, with its seconds in full and those of the processor."""
    params = {name: option.get("default") for name, option in ARGUMENTS.items()}
    params.update(options, nodes=[{"port": None, "name": None, **node} for node in nodes], interval=INTERVAL)
    begun, used = time.monotonic(), time.process_time()
    found = compare(params, connect, False, time.monotonic, time.sleep)
    return {**found, "seconds": time.monotonic() - begun, "cpu_seconds": time.process_time() - used}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return what was found, or why nothing could be."""
    try:
        return ask(**question)
    except FleetError as error:
        return {"in_sync": False, "error": str(error)}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
