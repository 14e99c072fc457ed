# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of InfluxDB's HTTP API as the lab needs, on the standard library."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from dbfleet_lab.shell import LabError

PORT = 8086


@dataclass
class Influx:
    """One server, spoken to over one connection."""

    address: str
    credentials: tuple[str, str] | None = None
    ca: Path | None = None
    _connection: http.client.HTTPConnection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.ca:
            context = ssl.create_default_context(cafile=str(self.ca))
            self._connection = http.client.HTTPSConnection(self.address, PORT, timeout=60, context=context)
        else:
            self._connection = http.client.HTTPConnection(self.address, PORT, timeout=60)

    def wait(self, limit: float = 60) -> str:
        """Wait until the server answers /ping; returns the version it gives."""
        deadline = time.monotonic() + limit
        while True:
            try:
                return self._call("GET", "/ping", {}).headers["X-Influxdb-Version"]
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if time.monotonic() > deadline:
                    raise LabError(
                        f"influxd on {self.address} does not answer /ping after {limit:.0f} s: {error}"
                    ) from error
                time.sleep(0.1)

    def query(self, statement: str, tolerate: str | None = None) -> list[dict[str, Any]]:
        """Run one InfluxQL statement; an error that holds the text `tolerate` counts as an empty answer."""
        form = urlencode({"q": statement}).encode()
        response = self._call("POST", "/query", {}, form, "application/x-www-form-urlencoded")
        answer = json.loads(response.body)
        result = answer["results"][0] if "results" in answer else answer
        if error := result.get("error"):
            if tolerate and tolerate in error:
                return []
            raise LabError(f"influxd on {self.address} refused {statement!r}: {error}")
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def write(self, database: str, policy: str, lines: Iterable[str]) -> None:
        """Write points given in line protocol."""
        target = {"db": database, "rp": policy, "precision": "ns"}
        response = self._call("POST", "/write", target, "\n".join(lines).encode())
        if response.status != 204:
            raise LabError(
                f"influxd on {self.address} refused points for {database!r}: {response.status} {response.body}"
            )

    def _call(
        self, method: str, path: str, parameters: Mapping[str, str], body: bytes = b"", kind: str = "text/plain"
    ) -> _Response:
        headers = {"Content-Type": kind}
        if self.credentials:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()
        self._connection.request(method, f"{path}?{urlencode(parameters)}", body, headers)
        answer = self._connection.getresponse()
        return _Response(answer.status, answer.headers, answer.read().decode())


@dataclass(frozen=True)
class _Response:
    status: int
    headers: http.client.HTTPMessage
    body: str
