# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sequences of a clustered feed: a number for people, and where the feed stands in one copy of each range."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from couchdb_sim.errors import CouchError


@dataclass(frozen=True)
class Position:
    """A sequence in one copy of a range."""

    node: str = ""
    uuid: str = ""
    seq: int = 0


def pack(positions: Mapping[str, Position]) -> str:
    content = {range_: [at.node, at.uuid, at.seq] for range_, at in positions.items()}
    packed = base64.urlsafe_b64encode(zlib.compress(json.dumps(content, separators=(",", ":")).encode()))
    return f"{sum(at.seq for at in positions.values())}-g{packed.decode().rstrip('=')}"


def unpack(text: str) -> dict[str, Position]:
    """The positions in a sequence; 0 is the start of every range."""
    number, _dash, packed = text.strip('"').partition("-g")
    if number == "0":
        return {}
    try:
        content = json.loads(zlib.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))))
    except (ValueError, binascii.Error, zlib.error) as error:
        raise CouchError(400, "bad_request", "Malformed sequence supplied in 'since' parameter.") from error
    return {range_: Position(*at) for range_, at in content.items()}
