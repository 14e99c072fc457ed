# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are not as the package left them: old ones, guarded ones, those whose files lie elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import BAD, Fleet, Run, lab, packages


def upgraded(one: Fleet, run: Run) -> None:
    assert run.code == 0, run.text
    assert run.statuses() == {"influx1": "done"}
    assert run.nodes["influx1"]["fingerprint"]["differences"] == []
    assert run.nodes["influx1"]["fingerprint"]["before"]["values"] > 1000
    assert one.sh("influx1", "dpkg-query -W -f '${Version}' influxdb") == "1.4.3-1"


@pytest.mark.sample
def test_an_old_host(fleet: Callable[..., Fleet]) -> None:
    """Python 2.7, init scripts, ansible-core 2.16; then the way back."""
    one = fleet("--nodes", "1", "--image", "oldhost", core="2.16")
    upgraded(one, one.run())
    back = one.run(playbook="rollback", fleet_hosts="influxdb")
    assert back.code == 0, back.text
    assert one.version("influx1") == "1.3.9"


def test_an_old_host_and_a_release_that_cannot_start(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", "--image", "oldhost", core="2.16")
    run = one.run(**BAD)
    assert run.statuses() == {"influx1": "rolled_back"}, run.text
    assert one.version("influx1") == "1.3.9"


@pytest.mark.sample
def test_authentication_and_https_with_a_private_authority(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", "--auth", "--https")
    run = one.run()
    upgraded(one, run)
    assert "lab-admin-pw" not in run.text


def test_a_configuration_data_and_port_elsewhere(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    one.sh(
        "influx1",
        "set -e; systemctl stop influxdb; mkdir -p /srv/conf; mv /var/lib/influxdb /srv/influx;"
        ' sed -e \'s#/var/lib/influxdb#/srv/influx#; s/^ *#* *bind-address = ":8086"/bind-address = ":9086"/\''
        " /etc/influxdb/influxdb.conf > /srv/conf/tsdb.toml;"
        " mkdir -p /etc/systemd/system/influxdb.service.d;"
        " printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/influxd -config /srv/conf/tsdb.toml\\n'"
        " > /etc/systemd/system/influxdb.service.d/where.conf; systemctl daemon-reload; systemctl start influxdb; sleep 1",
    )
    upgraded(one, one.run())
    assert one.sh("influx1", "curl -s -o /dev/null -D - http://127.0.0.1:9086/ping | grep -ci 'version: 1.4.3'") == "1"
    assert "ifql" in one.sh("influx1", "cat /srv/conf/tsdb.toml")


def test_a_server_that_only_its_own_host_can_ask(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    one.sh(
        "influx1",
        'sed -i \'s/^ *#* *bind-address = ":8086"/bind-address = "127.0.0.1:8086"/\' /etc/influxdb/influxdb.conf;'
        " systemctl restart influxdb; sleep 2",
    )
    from_outside = one.run()
    assert from_outside.code != 0
    assert "api-unreachable" in from_outside.text
    upgraded(one, one.run(influxdb_api_delegate="{{ inventory_hostname }}"))


def test_a_package_from_a_server(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    sums = (packages() / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    [digest] = [line.split()[0] for line in sums if line.split()[1].lstrip("*./") == "influxdb_1.4.3_amd64.deb"]
    package = {"url": f"{lab('serve')}/influxdb_1.4.3_amd64.deb", "sha256": digest}
    upgraded(one, one.run(fleet_package=package))


def test_that_there_is_no_way_back_has_to_be_accepted(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    one.sh("influx1", "rm /etc/logrotate.d/influxdb /usr/lib/influxdb/scripts/init.sh")
    refused = one.run()
    assert refused.code != 0
    assert "rollback-none" in refused.text
    run = one.run(fleet_accept="rollback-none")
    upgraded(one, run)
    assert "way back none" in run.text


REPOSITORY = """
set -e
mkdir -p /srv/repository && cd /srv/repository
deb=influxdb_1.4.3_amd64.deb
curl -sfO "$server/$deb"
dpkg-deb -f $deb > Packages
printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n' $deb "$(stat -c %s $deb)" "$(sha256sum $deb | cut -d ' ' -f 1)" >> Packages
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/repository ./' > /etc/apt/sources.list
apt-get update
"""
"""A repository of one package on the node itself."""


def test_a_package_from_the_repositories_of_the_node(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    wanted = {"repository": "influxdb"}
    refused = one.run(fleet_package=wanted)
    assert refused.code != 0
    assert "package-repository" in refused.text
    assert one.version("influx1") == "1.3.9"

    one.sh("influx1", f"server={lab('serve')}" + REPOSITORY)
    before = one.effects("influx1")
    rehearsal = one.run("--check", "--diff", fleet_package=wanted)
    assert rehearsal.code == 0, rehearsal.text
    assert "+  # max-body-size = 25000000" in rehearsal.text
    assert one.effects("influx1") == before

    run = one.run(fleet_package=wanted)
    upgraded(one, run)
    assert run.report["plan"]["nodes"][0]["package"]["version"] == "1.4.3"


@pytest.mark.parametrize("backup", ["legacy", "none-acknowledged"])
def test_a_kind_of_backup(fleet: Callable[..., Fleet], backup: str) -> None:
    one = fleet("--nodes", "1")
    run = one.run(influxdb_backup=backup)
    upgraded(one, run)
    assert run.nodes["influx1"]["backup"]["kind"] == backup


def test_a_backup_that_the_release_cannot_make(fleet: Callable[..., Fleet]) -> None:
    refused = fleet("--nodes", "1").run(influxdb_backup="portable")
    assert refused.code != 0
    assert "backup-kind" in refused.text


def test_a_newer_core(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1", core="2.21")
    upgraded(one, one.run())
