# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server holds, asked over its HTTP API without any code of the collection. Prints JSON; the argument is its address."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "lab"))

from dbfleet_lab.influxdb_legacy_clients import LegacyWriter, holdings
from dbfleet_lab.influxdb_legacy_fixture import LegacyInflux


def writer(address: str, name: str) -> LegacyWriter:
    """Return the client that writes to a node, by its address and name."""
    return LegacyWriter(LegacyInflux(address), f"written by {name}")


if __name__ == "__main__":
    print(json.dumps(holdings(LegacyInflux(sys.argv[1]))))
