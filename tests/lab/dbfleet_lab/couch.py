# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of CouchDB's HTTP API as the lab needs, on the standard library."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dbfleet_lab.shell import LabError

PORT = 5984


@dataclass(frozen=True)
class Couch:
    """One node, spoken to as the cluster's administrator."""

    address: str
    credentials: tuple[str, str]
    port: int = PORT

    def version(self) -> str:
        return str(self.get()["version"])

    def up(self) -> Any:
        """What the node says of itself to balancers."""
        return self._call("GET", ["_up"], tolerate=[404])

    def members(self) -> tuple[list[str], list[str]]:
        """The nodes that are connected, and those that the cluster should have."""
        found = self.get("_membership")
        return sorted(found["all_nodes"]), sorted(found["cluster_nodes"])

    def get(self, *path: str) -> Any:
        return self._call("GET", path)

    def put(self, *path: str, body: Any = None, tolerate: Sequence[int] = ()) -> Any:
        return self._call("PUT", path, {} if body is None else body, tolerate)

    def post(self, *path: str, body: Any) -> Any:
        return self._call("POST", path, body)

    def _call(self, method: str, path: Sequence[str], body: Any = None, tolerate: Sequence[int] = ()) -> Any:
        target = "/" + "/".join(quote(part, safe="") for part in path)
        connection = http.client.HTTPConnection(self.address, self.port, timeout=60)
        try:
            connection.request(method, target, json.dumps(body) if body is not None else None, self._headers())
            answer = connection.getresponse()
            content = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 400 and answer.status not in tolerate:
            raise LabError(f"couchdb on {self.address} answered {method} {target} with {answer.status}: {content}")
        return json.loads(content)

    def _headers(self) -> dict[str, str]:
        login = base64.b64encode(":".join(self.credentials).encode()).decode()
        return {"Content-Type": "application/json", "Accept": "application/json", "Authorization": f"Basic {login}"}
