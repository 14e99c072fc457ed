# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as HTTP gives them: a status, the name of the error and a reason."""

from __future__ import annotations

import zlib
from typing import Any


class CouchError(Exception):
    """Anything that ends in an answer that is not the one that was asked for."""

    def __init__(self, status: int, error: str, reason: str, *, with_reference: bool = False) -> None:
        super().__init__(status, error, reason, with_reference)
        self.status, self.error, self.reason, self.with_reference = status, error, reason, with_reference

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"error": self.error, "reason": self.reason}
        if self.with_reference:
            body["ref"] = zlib.crc32(f"{self.error}{self.reason}".encode())
        return body


class NodeDown(Exception):
    """A node that this one is not connected to was asked."""


class MaintenanceMode(Exception):
    """A copy on a node in maintenance was asked to take part in a clustered request."""


def bad_request(reason: str) -> CouchError:
    return CouchError(400, "bad_request", reason)


def not_found(reason: str = "missing") -> CouchError:
    return CouchError(404, "not_found", reason)


def conflict() -> CouchError:
    return CouchError(409, "conflict", "Document update conflict.")


def unauthorized(reason: str = "You are not a server admin.") -> CouchError:
    return CouchError(401, "unauthorized", reason)


def not_allowed(methods: str) -> CouchError:
    return CouchError(405, "method_not_allowed", f"Only {methods} allowed")


def in_maintenance(node: str) -> CouchError:
    return CouchError(412, "nodedown", node)


def no_progress() -> CouchError:
    return CouchError(500, "nodedown", "progress not possible")


def no_shards() -> CouchError:
    return CouchError(500, "internal_server_error", "No DB shards could be opened.", with_reference=True)
