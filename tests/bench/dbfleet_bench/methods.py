# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to upgrade one node of InfluxDB. Whatever is done before the service has to go down is done before the clock starts."""

from __future__ import annotations

from pathlib import Path

import common

from dbfleet_bench.comparison import FLOOR, Method
from dbfleet_bench.fleets import NEW, RELEASES, Fleet
from dbfleet_lab.influx import Influx

PLAYBOOK = Path(__file__).resolve().parents[1] / "plain.yml"
SAMPLE = common.REPOSITORY / "tests" / "lab" / "packages" / "influxdb" / f"influxdb-{NEW}.conf"
CONFIG = "/etc/influxdb/influxdb.conf"
STAGED_PACKAGE, STAGED_CONFIG, BACKUP = "/root/influxdb.deb", "/root/influxdb.conf", "/root/metastore"
META = "/var/lib/influxdb/meta"
PACKAGED_LINE, OWN_LINE = '# query-timeout = "0s"', 'query-timeout = "60s"'
OWN = {
    "1.3.9": (PACKAGED_LINE, OWN_LINE),
    # What was recorded may not expire: so the lab sets up nodes with a recorded folder.
    "0.11.1": ("[retention]\n  # enabled = true", "[retention]\n  enabled = false"),
}
"""The one setting that a node has changed, as the new release's sample says it and as the node has it."""

INSTALL = f"dpkg -i --force-confold {STAGED_PACKAGE}"
PLACE = f"cp {STAGED_CONFIG} {CONFIG}"
RESTORE = f"influxd restore -metadir={META} {BACKUP} && chown -R influxdb:influxdb {META}"


def age(fleet: Fleet) -> None:
    """Give the node a setting of its own, as every node that was lived with has, where the lab gave it none; it needs a restart."""
    if RELEASES[fleet.release]:
        return
    fleet.ssh(f"sed -i 's/{PACKAGED_LINE}/{OWN_LINE}/' {CONFIG} && grep -q '^ *{OWN_LINE}' {CONFIG}")
    fleet.ssh("systemctl restart influxdb")
    Influx(fleet.addresses[0]).wait()


def new_config(fleet: Fleet) -> Path:
    """Return the new release's configuration with the node's own setting."""
    file = fleet.bench.folder / "influxdb.conf"
    file.write_text(SAMPLE.read_text(encoding="utf-8").replace(*OWN[fleet.release]), encoding="utf-8")
    return file


def stage(fleet: Fleet) -> None:
    """Copy package and configuration to the node."""
    fleet.ssh(f"cat > {STAGED_PACKAGE}", fleet.package(NEW).read_bytes())
    fleet.ssh(f"cat > {STAGED_CONFIG}", new_config(fleet).read_bytes())


def by_hand(fleet: Fleet) -> None:
    """Do what the vendor's page says, in one shell, without a pause for thought."""
    fleet.ssh(f"systemctl stop influxdb && {INSTALL} && {PLACE} && systemctl start influxdb")


def prepare_playbook(fleet: Fleet) -> None:
    new_config(fleet)


def plain_playbook(fleet: Fleet) -> None:
    config = fleet.bench.folder / "influxdb.conf"
    fleet.run(fleet.playbook(PLAYBOOK, new_package=fleet.package(NEW), new_config=config))


def prepare_floor(fleet: Fleet) -> None:
    """Install while the old program still runs: no way can be down for less than one restart."""
    stage(fleet)
    fleet.ssh(f"{INSTALL} && {PLACE} && systemctl daemon-reload")


def floor(fleet: Fleet) -> None:
    fleet.ssh("systemctl restart influxdb")


def metastore_by_hand(fleet: Fleet) -> None:
    """Do what the vendor's page says for 0.10 and 0.11, and the change of owner that it leaves out."""
    fleet.ssh(
        f"influxd backup {BACKUP} && systemctl stop influxdb && {INSTALL} && {PLACE} && {RESTORE} && systemctl start influxdb"
    )


def prepare_metastore_floor(fleet: Fleet) -> None:
    """Export with the old program, install while it still runs: only the restore needs a server that is down."""
    stage(fleet)
    fleet.ssh(f"influxd backup {BACKUP} && {INSTALL} && {PLACE} && systemctl daemon-reload")


def metastore_floor(fleet: Fleet) -> None:
    fleet.ssh(f"systemctl stop influxdb && {RESTORE} && systemctl start influxdb")


def nothing(_fleet: Fleet) -> None:
    """The collection stages what it needs by itself, while the node serves."""


def collection(fleet: Fleet) -> None:
    fleet.run(fleet.upgrade())


COLLECTION = Method("collection", "dbfleet.upgrade.influxdb", nothing, collection)
METHODS = {
    "1.3.9": [
        Method("by_hand", "by hand: stop, install, configure, start", stage, by_hand),
        Method("playbook", "a plain playbook of the same steps", prepare_playbook, plain_playbook),
        Method(FLOOR, "installed before, then one restart (the floor)", prepare_floor, floor),
        COLLECTION,
    ],
    "0.11.1": [
        Method("by_hand", "by hand: export, stop, install, configure, restore, chown, start", stage, metastore_by_hand),
        Method(
            FLOOR,
            "exported and installed before, then stop, restore, chown, start (the floor)",
            prepare_metastore_floor,
            metastore_floor,
        ),
        COLLECTION,
    ],
}
"""The ways to compare, by the release to upgrade from."""
