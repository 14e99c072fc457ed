# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server holds, asked over its HTTP API without any code of the collection. Prints JSON; the argument is its address."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "lab"))

from dbfleet_lab.influx import Influx

# The server's measurements of itself go on while it is looked at.
OWN = "_internal"


def quoted(name: str) -> str:
    """Return a name as InfluxQL wants it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def rows(influx: Influx, statement: str) -> list[dict[str, Any]]:
    """Return the rows of an answer; "of" is the series a row belongs to."""
    return [
        {"of": series.get("name", ""), **dict(zip(series["columns"], values, strict=True))}
        for series in influx.query(statement)
        for values in series.get("values", [])
    ]


def holdings(influx: Influx) -> dict[str, Any]:
    """Return databases, policies, users, grants, continuous queries, subscriptions and counts of points."""
    databases = [row["name"] for row in rows(influx, "SHOW DATABASES")]
    users = rows(influx, "SHOW USERS")
    policies = {name: rows(influx, f"SHOW RETENTION POLICIES ON {quoted(name)}") for name in databases}
    return {
        "databases": databases,
        "policies": policies,
        "users": users,
        "grants": {user["user"]: rows(influx, f"SHOW GRANTS FOR {quoted(user['user'])}") for user in users},
        "continuous queries": rows(influx, "SHOW CONTINUOUS QUERIES"),
        "subscriptions": rows(influx, "SHOW SUBSCRIPTIONS"),
        "points": {
            f"{name} {policy['name']}": rows(
                influx, f"SELECT count(*) FROM {quoted(name)}.{quoted(policy['name'])}./.*/"
            )
            for name in databases
            if name != OWN
            for policy in policies[name]
        },
    }


if __name__ == "__main__":
    server = Influx(sys.argv[1])
    server.wait()
    print(json.dumps(holdings(server)))
