# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that one benchmark found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dbfleet_bench.cost import Size
from dbfleet_bench.downtime import Downtime
from dbfleet_bench.legacy import Copying
from dbfleet_bench.rotation import Rotation
from dbfleet_bench.sync import Growth


@dataclass(frozen=True)
class Result:
    """The content of bench.json; schema grows by one when the meaning of a field changes."""

    schema: int
    repeat: int
    machine: Mapping[str, str]
    downtime: list[Downtime]
    """One entry for each release of InfluxDB that was upgraded from."""
    copying: Copying | None
    """Of InfluxDB 0.7; None where it was not measured."""
    sizes: list[Size]
    rotation: list[Rotation]
    """One entry for each release of CouchDB that was upgraded from."""
    sync: Growth | None
    """None where it was not measured."""
