# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the users of a database do while it is upgraded: one client asks whether it answers, one writes and remembers."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.parse
from dataclasses import dataclass, field


@dataclass
class Prober:
    """Ask a server every 10 ms, each time on a new connection, and note when it does not answer; /ping unless told."""

    host: str
    port: int = 8086
    path: str = "/ping"
    status: int = 204
    interval: float = 0.01
    outages: list[tuple[float, float]] = field(default_factory=list)
    """Start and end (epoch seconds): from the last answer before to the first answer after."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Prober:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        answered, out = time.time(), False
        while not self._stop.is_set():
            if self._answers():
                now = time.time()
                if out:
                    self.outages.append((answered, now))
                answered, out = now, False
            else:
                out = True
            self._stop.wait(self.interval)
        if out:
            self.outages.append((answered, time.time()))

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=1)
        try:
            connection.request("GET", self.path)
            return connection.getresponse().status == self.status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @property
    def downtime(self) -> float:
        """All outages together, in seconds."""
        return sum(end - start for start, end in self.outages)


@dataclass
class Writer:
    """Write one point after the other and remember those that the server acknowledged with 204."""

    host: str
    port: int = 8086
    database: str = "metrics"
    user: str = ""
    password: str = ""
    interval: float = 0.005
    acknowledged: list[int] = field(default_factory=list)
    """Timestamps (ns) of the acknowledged points; the value of a point is its place in this order."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Writer:
        self._thread = threading.Thread(target=self._write_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(timeout=10)

    def _write_on(self) -> None:
        while not self._stop.is_set():
            stamp = time.time_ns()
            if self._post(f"/write?{self._query()}", f"acknowledged value=1i {stamp}") == 204:
                self.acknowledged.append(stamp)
            self._stop.wait(self.interval)

    def lost(self) -> list[int]:
        """Return the acknowledged timestamps that the server no longer holds.

        Raises OSError where it cannot be asked: no answer is no proof.
        """
        query = self._query(q="SELECT value FROM acknowledged", epoch="ns")
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request("GET", f"/query?{query}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        series = answer["results"][0].get("series") or [{"values": []}]
        stored = {row[0] for row in series[0]["values"]}
        return [stamp for stamp in self.acknowledged if stamp not in stored]

    def _query(self, **parameters: str) -> str:
        if self.user:
            parameters.update(u=self.user, p=self.password)
        return urllib.parse.urlencode({"db": self.database, **parameters})

    def _post(self, path: str, body: str) -> int:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.request("POST", path, body.encode())
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
