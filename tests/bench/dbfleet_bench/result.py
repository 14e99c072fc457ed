# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that one benchmark found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dbfleet_bench.cost import Size
from dbfleet_bench.downtime import Downtime


@dataclass(frozen=True)
class Result:
    """The content of bench.json; schema grows by one when the meaning of a field changes."""

    schema: int
    repeat: int
    machine: Mapping[str, str]
    downtime: Downtime
    sizes: list[Size]
