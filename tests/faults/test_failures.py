# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade that fails ends on the old release with everything it held, and stops its own cluster only."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import BAD, Fleet


@pytest.mark.sample
def test_a_release_that_cannot_start_is_rolled_back(fleet: Callable[..., Fleet]) -> None:
    cluster = fleet("--nodes", "2", "--cluster", "east")
    with cluster.writer("influx1") as writer:
        run = cluster.run(**BAD)
    assert run.code != 0
    assert run.statuses() == {"influx1": "rolled_back", "influx2": "held"}
    assert cluster.version("influx1") == "1.3.9"
    assert len(writer.acknowledged) > 100
    assert writer.lost() == []
    assert run.nodes["influx1"]["outcome"]["reason"] in run.text
    assert "influx1 was rolled back to 1.3.9" in run.report["verdict"]
    assert run.nodes["influx1"]["fingerprint"]["differences"] == []
    assert not cluster.sh("influx2", "ls /var/lib/dbfleet/lock 2>/dev/null || true")


def test_a_node_that_failed_takes_the_right_release_later(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    assert one.run(**BAD).code != 0
    again = one.run()
    assert again.code == 0, again.text
    assert one.version("influx1") == "1.4.3"


@pytest.mark.sample
def test_a_bad_and_a_lost_node_stop_their_clusters_only(fleet: Callable[..., Fleet]) -> None:
    """Three clusters of two: a1 fails, b1 is cut off in the middle of its upgrade, c is well."""
    six = fleet("--nodes", "6", "--cluster", "a,a,b,b,c,c")
    a1, a2, b1, b2, c1, c2 = six.hosts
    six.sh(a1, "mkdir -p /etc/systemd/system/influxdb.service.d && printf '[Service]\\nExecStartPre=/bin/sh -c"
           " \"! /usr/bin/influxd version | grep -q v1.4\"\\n' > /etc/systemd/system/influxdb.service.d/no.conf"
           " && systemctl daemon-reload")  # fmt: skip
    six.sh(b1, "mkdir -p /etc/systemd/system/influxdb.service.d && printf '[Service]\\nExecStopPost=+/bin/sh -c"
           " \"systemctl --no-block stop ssh; pkill -x sshd\"\\n' > /etc/systemd/system/influxdb.service.d/cut.conf"
           " && systemctl daemon-reload")  # fmt: skip
    run = six.run(fleet_reconnect_timeout=5)
    assert run.code != 0
    assert run.statuses() == {
        a1: "rolled_back", a2: "held", b1: "unreachable", b2: "held", c1: "done", c2: "done",
    }  # fmt: skip
    assert {host: six.version(host) for host in six.hosts} == {
        a1: "1.3.9", a2: "1.3.9", b1: "1.4.3", b2: "1.3.9", c1: "1.4.3", c2: "1.4.3",
    }  # fmt: skip


def test_a_canary_that_fails_holds_everybody(fleet: Callable[..., Fleet]) -> None:
    three = fleet("--nodes", "3")
    run = three.run(fleet_canary=1, **BAD)
    assert sorted(run.statuses().values()) == ["held", "held", "rolled_back"]


@pytest.mark.sample
def test_a_writer_loses_nothing_when_all_goes_well(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    with one.writer("influx1") as writer, one.prober("influx1") as prober:
        run = one.run()
    assert run.code == 0, run.text
    assert len(writer.acknowledged) > 100
    assert writer.lost() == []
    assert len(prober.outages) == 1, "the service was away more than once"
    assert run.nodes["influx1"]["outcome"]["downtime"] > 0
