# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one node of a cluster holds, asked without any code of the collection. Prints JSON.

Arguments: its address, and the number of members that have to be connected before it is asked.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "lab"))

from dbfleet_lab.couch import Couch
from dbfleet_lab.couch_fixture import ADMIN
from dbfleet_lab.shell import wait_until


def holdings(couch: Couch) -> dict[str, Any]:
    """Return the members that the node knows, and of every database who may use it and the revision of every document.

    A feed of changes is read from the node's own copies, and has what was deleted too.
    """
    return {
        "members": list(couch.members()),
        "databases": {
            name: {
                "security": couch.get(name, "_security"),
                "documents": {row["id"]: row["changes"] for row in couch.get(name, "_changes")["results"]},
            }
            for name in couch.get("_all_dbs")
        },
    }


if __name__ == "__main__":
    node = Couch(sys.argv[1], ADMIN)
    wait_until(f"{sys.argv[2]} members are connected", lambda: len(node.members()[0]) == int(sys.argv[2]))
    print(json.dumps(holdings(node)))
