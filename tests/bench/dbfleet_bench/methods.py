# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to upgrade one node. Whatever is done before the service has to go down is done before the clock starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import common

from dbfleet_bench.fleets import NEW, Fleet
from dbfleet_lab.influx import Influx

PLAYBOOK = Path(__file__).resolve().parents[1] / "plain.yml"
SAMPLE = common.REPOSITORY / "tests" / "lab" / "packages" / "influxdb" / f"influxdb-{NEW}.conf"
CONFIG = "/etc/influxdb/influxdb.conf"
STAGED_PACKAGE, STAGED_CONFIG = "/root/influxdb.deb", "/root/influxdb.conf"
PACKAGED_LINE, OWN_LINE = '# query-timeout = "0s"', 'query-timeout = "60s"'

INSTALL = f"dpkg -i --force-confold {STAGED_PACKAGE}"
PLACE = f"cp {STAGED_CONFIG} {CONFIG}"


@dataclass(frozen=True)
class Method:
    """prepare is not measured, change is."""

    name: str
    title: str
    prepare: Callable[[Fleet], None]
    change: Callable[[Fleet], object]


def age(fleet: Fleet) -> None:
    """Give the node a setting of its own, as every node that was lived with has; it needs a restart."""
    fleet.ssh(f"sed -i 's/{PACKAGED_LINE}/{OWN_LINE}/' {CONFIG} && grep -q '^ *{OWN_LINE}' {CONFIG}")
    fleet.ssh("systemctl restart influxdb")
    Influx(fleet.addresses[0]).wait()


def new_config(fleet: Fleet) -> Path:
    """Return the new release's configuration with the node's own setting."""
    file = fleet.bench.folder / "influxdb.conf"
    file.write_text(SAMPLE.read_text(encoding="utf-8").replace(PACKAGED_LINE, OWN_LINE), encoding="utf-8")
    return file


def stage(fleet: Fleet) -> None:
    """Copy package and configuration to the node."""
    fleet.ssh(f"cat > {STAGED_PACKAGE}", fleet.bench.package.read_bytes())
    fleet.ssh(f"cat > {STAGED_CONFIG}", new_config(fleet).read_bytes())


def by_hand(fleet: Fleet) -> None:
    """Do what the vendor's page says, in one shell, without a pause for thought."""
    fleet.ssh(f"systemctl stop influxdb && {INSTALL} && {PLACE} && systemctl start influxdb")


def prepare_playbook(fleet: Fleet) -> None:
    new_config(fleet)


def plain_playbook(fleet: Fleet) -> None:
    config = fleet.bench.folder / "influxdb.conf"
    fleet.run(fleet.playbook(PLAYBOOK, new_package=fleet.bench.package, new_config=config))


def prepare_floor(fleet: Fleet) -> None:
    """Install while the old program still runs: no way can be down for less than one restart."""
    stage(fleet)
    fleet.ssh(f"{INSTALL} && {PLACE} && systemctl daemon-reload")


def floor(fleet: Fleet) -> None:
    fleet.ssh("systemctl restart influxdb")


def nothing(_fleet: Fleet) -> None:
    """The collection stages what it needs by itself, while the node serves."""


def collection(fleet: Fleet) -> None:
    fleet.run(fleet.upgrade())


FLOOR = Method("floor", "installed before, then one restart (the floor)", prepare_floor, floor)
COLLECTION = Method("collection", "dbfleet.upgrade.influxdb", nothing, collection)
METHODS = [
    Method("by_hand", "by hand: stop, install, configure, start", stage, by_hand),
    Method("playbook", "a plain playbook of the same steps", prepare_playbook, plain_playbook),
    FLOOR,
    COLLECTION,
]
