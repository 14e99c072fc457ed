# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a server of InfluxDB 0.7 gives no answer while it becomes 0.8, and how that grows with what it holds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from common import ToolError

from dbfleet_bench.comparison import Method, in_turn
from dbfleet_bench.fleets import Bench, Fleet, fleet
from dbfleet_bench.gate import PROGRAMS
from dbfleet_lab.clients import Prober
from dbfleet_lab.influxdb_legacy_fixture import ADMIN, LegacyInflux

TARGET = 1.25
"""With the most to copy, the collection may be down for so many times as long as with the least."""

RELEASE = "0.7.3"
STAGED_PACKAGE, CREDENTIALS = "/root/influxdb.deb", "/root/influxdb.curl"
SHARDS = "/opt/influxdb/shared/data/db/shard_db"


@dataclass(frozen=True)
class Server(Fleet):
    """A server alone."""

    product: ClassVar[str] = "influxdb_legacy"
    playbook_name: ClassVar[str] = "influxdb_legacy"
    new: ClassVar[str] = "0.8.3"
    releases: ClassVar[Mapping[str, Sequence[str]]] = {RELEASE: ()}


@dataclass(frozen=True)
class Outage:
    """All changes of servers of one size by one method. ratio: of the median to that with the least to copy."""

    mebibytes: int
    """What lies in the folders of its shards besides the lab's data."""
    method: str
    title: str
    seconds: list[float]
    median: float
    ratio: float


@dataclass(frozen=True)
class Copying:
    """What was measured. ratio: the collection's with the most to copy; met: whether it is as small as it is to be."""

    release: str
    target: float
    ratio: float
    met: bool
    outages: list[Outage]


def stage(server: Server) -> None:
    """Copy package and credentials to the node."""
    server.ssh(f"cat > {STAGED_PACKAGE}", server.package(server.new).read_bytes())
    server.ssh(f"umask 077; cat > {CREDENTIALS}", f'user = "{":".join(ADMIN)}"\n'.encode())


def by_hand(server: Server) -> None:
    server.ssh((PROGRAMS / "influxdb_legacy_by_hand.sh").read_text(encoding="utf-8"))


def nothing(_server: Server) -> None:
    """The collection stages what it needs by itself, while the server serves."""


def collection(server: Server) -> None:
    """Upgrade the server; the migration and its proof come after it answers again, and are not measured."""
    way_back = {"file": str(server.package(server.release))}
    server.run(server.upgrade(fleet_rollback_package=way_back))


COLLECTION = Method("collection", "dbfleet.upgrade.influxdb_legacy", nothing, collection)
METHODS = [
    Method("by_hand", "by hand: stop, copy, install, start, shard spaces", stage, by_hand),
    COLLECTION,
]


def measure(bench: Bench, repeat: int, sizes: list[int]) -> Copying:
    """Take turns: a drift of the machine hits all alike."""
    seconds: dict[tuple[int, str], list[float]] = {}
    for turn in range(repeat):
        for mebibytes in sizes:
            for method in in_turn(METHODS, turn):
                took = measure_once(bench, method, f"{RELEASE}-{mebibytes}-{method.name}-{turn + 1}", mebibytes)
                seconds.setdefault((mebibytes, method.name), []).append(took)
                print(
                    f"{RELEASE} with {mebibytes} MiB, {method.name} {turn + 1}/{repeat}: down for {took:.2f} s",
                    flush=True,
                )
    return judge(seconds)


def measure_once(bench: Bench, method: Method[Server], label: str, mebibytes: int) -> float:
    """Change one fresh server while a client asks it every 10 ms."""
    with fleet(bench, Server, 1, label, RELEASE) as server:
        fill(server, mebibytes)
        method.prepare(server)
        with Prober(server.addresses[0], status=200) as prober:
            method.change(server)
        version = LegacyInflux(server.addresses[0]).version()
        if version != server.new or not prober.outages:
            raise ToolError(
                f"{method.name}: {version} serves after {len(prober.outages)} outages, expected {server.new} after one"
            )
        return prober.downtime


def fill(server: Server, mebibytes: int) -> None:
    """Lay a file of this size into the folder of a shard, where no server minds it."""
    shard = f"$(ls -d {SHARDS}/*/ | head -n 1)"
    server.ssh(f"head -c {mebibytes}M /dev/urandom > {shard}/bench && chown influxdb: {shard}/bench && sync")


def judge(seconds: dict[tuple[int, str], list[float]]) -> Copying:
    """Compare, method by method, the medians with that of the least to copy."""
    medians = {key: statistics.median(taken) for key, taken in seconds.items()}
    least, most = min(key[0] for key in seconds), max(key[0] for key in seconds)
    titles = {method.name: method.title for method in METHODS}
    outages = [
        Outage(size, name, titles[name], taken, medians[size, name], medians[size, name] / medians[least, name])
        for (size, name), taken in sorted(seconds.items())
    ]
    found = medians[most, COLLECTION.name] / medians[least, COLLECTION.name]
    return Copying(RELEASE, TARGET, found, found <= TARGET, outages)
