# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong from the start is refused with a message worth reading, and nothing on any node changes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import PATIENCE, Fleet, Run, lab, packages

WRONG_DIGEST = "0" * 64


@pytest.fixture(scope="module")
def node(lasting_fleet: Callable[..., Fleet]) -> Fleet:
    return lasting_fleet("--nodes", "1")


def refused(fleet: Fleet, *expected: str, **extra: Any) -> Run:
    """Run and prove that the run was refused, why, and that no file and no process changed."""
    before = {host: fleet.effects(host) for host in fleet.hosts}
    run = fleet.run(**extra)
    assert run.code != 0, run.text
    for words in expected:
        assert words in run.text
    assert "Nothing was changed" in run.text
    assert {host: fleet.effects(host) for host in fleet.hosts} == before
    return run


def package(name: str) -> dict[str, str]:
    return {"file": str(packages() / name)}


PACKAGES = {
    "wrong-sha256": ({**package("influxdb_1.4.3_amd64.deb"), "sha256": WRONG_DIGEST}, ["sha256", WRONG_DIGEST]),
    "missing": (package("influxdb_1.4.4_amd64.deb"), ["influxdb_1.4.4_amd64.deb", "cannot be read"]),
    "another-product": (package("other/telegraf_1.4.3_amd64.deb"), ["telegraf", "influxdb"]),
    "another-architecture": (package("other/influxdb_1.4.3_armhf.deb"), ["armhf", "amd64"]),
    "another-version": (package("influxdb_1.8.10_amd64.deb"), ["1.8.10", "1.4.3"]),
}


@pytest.mark.parametrize("case", PACKAGES)
def test_a_wrong_package(node: Fleet, case: str) -> None:
    asked, expected = PACKAGES[case]
    refused(node, *expected, fleet_package=asked)


@pytest.mark.sample
def test_a_truncated_package(node: Fleet, tmp_path: Path) -> None:
    whole = (packages() / "influxdb_1.4.3_amd64.deb").read_bytes()
    cut = tmp_path / "influxdb_1.4.3_amd64.deb"
    cut.write_bytes(whole[: len(whole) // 2])
    refused(node, str(cut), "truncated", fleet_package={"file": str(cut)})


def test_a_download_with_another_digest(node: Fleet) -> None:
    url = f"{lab('serve')}/influxdb_1.4.3_amd64.deb"
    refused(node, WRONG_DIGEST, fleet_package={"url": url, "sha256": WRONG_DIGEST})


TARGETS = {
    "unknown": ("1.99.0", ["1.99.0"]),
    "another-product": ("2.7.1", ["2.7.1"]),
    "no-version": ("newest", ["newest"]),
}


def test_a_target_that_is_older(fleet: Callable[..., Fleet]) -> None:
    newer = fleet("--nodes", "1", "--version", "1.4.3")
    refused(
        newer,
        "1.4.3",
        "1.3.9",
        "rollback",
        fleet_target_version="1.3.9",
        fleet_package=package("influxdb_1.3.9_amd64.deb"),
    )


@pytest.mark.parametrize("case", TARGETS)
def test_a_target_that_cannot_be_reached(node: Fleet, case: str) -> None:
    target, expected = TARGETS[case]
    refused(node, *expected, fleet_target_version=target)


def test_nothing_said_about_the_package(node: Fleet) -> None:
    refused(node, "fleet_package", fleet_package={})


def test_too_little_disk(node: Fleet) -> None:
    """A state folder on the 64 MiB that a container has for shared memory."""
    refused(node, "disk-space", fleet_state_dir="/dev/shm/dbfleet")


def test_a_configuration_that_is_not_toml(fleet: Callable[..., Fleet]) -> None:
    broken = fleet("--nodes", "1")
    [host] = broken.hosts
    broken.sh(host, "printf '[http\\nbind-address = \":8086\"\\n' > /etc/influxdb/influxdb.conf")
    refused(broken, "/etc/influxdb/influxdb.conf", "line 1")


@pytest.mark.sample
def test_a_node_that_cannot_be_reached(fleet: Callable[..., Fleet]) -> None:
    two = fleet("--nodes", "2")
    lab("exec", two.name, "influx2", "--", "systemctl", "stop", "ssh")
    run = refused(two, "node-unreachable", "influx2")
    assert run.report["ok"] is False


def test_an_unreachable_node_can_be_left_out(fleet: Callable[..., Fleet]) -> None:
    two = fleet("--nodes", "2")
    lab("exec", two.name, "influx2", "--", "systemctl", "stop", "ssh")
    run = two.run(fleet_accept=["node-unreachable"])
    assert two.version("influx1") == "1.4.3"
    assert two.version("influx2") == "1.3.9"
    assert run.statuses()["influx1"] == "done"


@pytest.fixture(scope="module")
def guarded(lasting_fleet: Callable[..., Fleet]) -> Iterator[Fleet]:
    yield lasting_fleet("--nodes", "1", "--auth", "--https")


def test_a_wrong_password(guarded: Fleet) -> None:
    run = refused(guarded, "api-credentials", influxdb_admin_password="not-the-password")
    assert "not-the-password" not in run.text + json.dumps(run.report)


def test_an_untrusted_certificate(guarded: Fleet) -> None:
    refused(guarded, "api-tls", influxdb_ca_path="/etc/ssl/certs/ca-certificates.crt")


def test_an_expired_certificate(fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    expired = fleet("--nodes", "1", "--https")
    [host] = expired.hosts
    authority = yaml.safe_load(expired.inventory.read_text(encoding="utf-8"))["influxdb"]["vars"]["influxdb_ca_path"]
    request, signed = tmp_path / "request", tmp_path / "signed"
    request.write_text(
        expired.sh(host, "openssl req -new -key /etc/influxdb/tls/server.key -subj /CN=influx1"), "ascii"
    )
    sign = ["openssl", "x509", "-req", "-in", request, "-CA", authority, "-CAkey", Path(authority).with_suffix(".key")]
    subprocess.run([*sign, "-set_serial", "7", "-days", "-1", "-out", signed], check=True, capture_output=True)
    expired.sh(
        host, f"echo '{signed.read_text('ascii')}' > /etc/influxdb/tls/server.pem; systemctl restart influxdb; sleep 2"
    )
    refused(expired, "api-tls", "expired")


@pytest.mark.sample
def test_two_runs_at_once(fleet: Callable[..., Fleet]) -> None:
    one = fleet("--nodes", "1")
    [host] = one.hosts
    one.sh(host, "mkdir -p /etc/systemd/system/influxdb.service.d && printf '[Service]\\nExecStartPre=/bin/sleep 15\\n'"
           " > /etc/systemd/system/influxdb.service.d/slow.conf && systemctl daemon-reload")  # fmt: skip
    first = one.start()
    wait_for(lambda: "swap" in one.sh(host, "cat /var/lib/dbfleet/swap.json 2>/dev/null || true"))
    second = one.run()
    assert second.code != 0
    assert "lock-held" in second.text
    assert "Nothing was changed" in second.text
    assert first.wait().code == 0, first.text


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "gave up waiting"
        time.sleep(0.2)


@pytest.mark.sample
def test_a_saved_plan_that_no_longer_matches(node: Fleet) -> None:
    saved = node.run(fleet_plan_only=True)
    assert saved.code == 0, saved.text
    plan = json.loads((saved.reports / "plan.json").read_text(encoding="utf-8"))
    plan["nodes"][0]["from"] = "1.2.4"
    changed = saved.reports / "changed.json"
    changed.write_text(json.dumps(plan), encoding="utf-8")
    refused(node, "1.2.4", "1.3.9", fleet_plan=str(changed))
