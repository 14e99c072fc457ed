# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions as CouchDB computes them: the MD5 of the update as an external term of Erlang."""

from __future__ import annotations

import hashlib
import re
import struct
from typing import Any

EMPTY_LIST = b"\x6a"
INT32 = range(-(2**31), 2**31)


def revision(parent: tuple[int, str] | None, deleted: bool, body: dict[str, Any]) -> str:
    """The hash of the revision that follows `parent` with this body, which holds no field with an underscore."""
    start, old = (parent[0], _binary(_revision_bytes(parent[1]))) if parent else (0, _integer(0))
    parts = [_atom("true" if deleted else "false"), _integer(start), old, _term(body), EMPTY_LIST]
    return hashlib.md5(b"\x83" + _list(parts)).hexdigest()


def _revision_bytes(revid: str) -> bytes:
    """What a revision holds: an MD5, unless a client made it up."""
    return bytes.fromhex(revid) if re.fullmatch("[0-9a-f]{32}", revid) else revid.encode("utf-8")


def _term(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return _atom({None: "null", True: "true", False: "false"}[value])
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return b"\x46" + struct.pack(">d", value)
    if isinstance(value, str):
        return _binary(value.encode("utf-8"))
    if isinstance(value, list):
        return _list([_term(item) for item in value])
    pairs = [b"\x68\x02" + _term(key) + _term(item) for key, item in value.items()]
    return b"\x68\x01" + _list(pairs)


def _atom(name: str) -> bytes:
    return b"\x64" + struct.pack(">H", len(name)) + name.encode("ascii")


def _binary(content: bytes) -> bytes:
    return b"\x6d" + struct.pack(">I", len(content)) + content


def _list(items: list[bytes]) -> bytes:
    if not items:
        return EMPTY_LIST
    return b"\x6c" + struct.pack(">I", len(items)) + b"".join(items) + EMPTY_LIST


def _integer(value: int) -> bytes:
    if 0 <= value < 256:
        return b"\x61" + bytes([value])
    if value in INT32:
        return b"\x62" + struct.pack(">i", value)
    digits = abs(value).to_bytes((abs(value).bit_length() + 7) // 8, "little")
    return b"\x6e" + bytes([len(digits), value < 0]) + digits
