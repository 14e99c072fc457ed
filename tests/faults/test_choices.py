# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users choose is heeded wherever they say it, or refused; it is never ignored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import PATIENCE, Fleet, installation, packages


def tell(fleet: Fleet, hosts: dict[str, dict[str, Any]] | None = None, **of_group: Any) -> None:
    """Put variables into the inventory: of the group influxdb, and of single hosts."""
    inventory = yaml.safe_load(fleet.inventory.read_text(encoding="utf-8"))
    inventory["influxdb"].setdefault("vars", {}).update(of_group)
    for host, variables in (hosts or {}).items():
        inventory["influxdb"]["hosts"][host].update(variables)
    fleet.inventory.write_text(yaml.safe_dump(inventory), encoding="utf-8")


def test_settings_of_the_run_may_stand_in_the_inventory(fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    two = fleet("--nodes", "2")
    reports = tmp_path / "reports of the group"
    tell(
        two,
        fleet_target_version="1.4.3",
        fleet_package={"file": str(packages() / "influxdb_1.4.3_amd64.deb")},
        fleet_report_dir=str(reports),
        fleet_plan_only=True,
        fleet_wave_limit=1,
    )
    there = installation(two.core)
    output = tmp_path / "output.txt"
    assert there.start(there.command("influxdb", two.inventory, {}), output).wait(PATIENCE) == 0, output.read_text()
    assert "2 nodes to be upgraded to 1.4.3 in 2 waves" in output.read_text()
    assert sorted(file.name for file in reports.iterdir()) == [
        "junit.xml", "plan.json", "report.html", "report.json", "report.md",
    ]  # fmt: skip
    assert two.version("influx1") == "1.3.9"


@pytest.mark.sample
def test_hosts_that_want_different_runs_are_refused(fleet: Callable[..., Fleet]) -> None:
    two = fleet("--nodes", "2")
    tell(two, {"influx1": {"fleet_canary": 1}})
    run = two.run()
    assert run.code != 0
    assert "fleet_canary is 1 for influx1; 0 for influx2" in run.text
    assert "Nothing was changed" in run.text


@pytest.mark.parametrize("limit", ["influx1", "influx1,localhost"])
def test_a_limit_is_refused_with_what_to_do_instead(fleet: Callable[..., Fleet], limit: str) -> None:
    two = fleet("--nodes", "2")
    run = two.run("--limit", limit)
    assert run.code != 0
    assert f"fleet_hosts='{limit}'" in run.text
    assert two.version("influx1") == "1.3.9"


def test_each_host_has_a_target_of_its_own(fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    two = fleet("--nodes", "2")
    for host, version in {"influx1": "1.4.3", "influx2": "1.8.10"}.items():
        wanted = {"file": str(packages() / f"influxdb_{version}_amd64.deb")}
        tell(two, {host: {"fleet_target_version": version, "fleet_package": wanted}})
    there = installation(two.core)
    output = tmp_path / "output.txt"
    settings = {"fleet_hosts": "influxdb", "fleet_report_dir": str(tmp_path / "reports")}
    assert there.start(there.command("fleet", two.inventory, settings), output).wait(PATIENCE) == 0, output.read_text()
    assert {host: two.version(host) for host in two.hosts} == {"influx1": "1.4.3", "influx2": "1.8.10"}


def test_one_playbook_after_the_other_in_one_process_looks_afresh(fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    """The second import finds no evidence of the first one's: a release that cannot start is not called done."""
    one = fleet("--nodes", "1")
    hops = tmp_path / "hops.yml"
    hops.write_text(
        yaml.safe_dump(
            [
                {
                    "import_playbook": "dbfleet.upgrade.influxdb",
                    "vars": {"fleet_target_version": version, "fleet_package": {"file": str(packages() / file)}},
                }
                for version, file in [("1.4.3", "influxdb_1.4.3_amd64.deb"), ("1.8.10", "influxdb_1.8.10_amd64.deb")]
            ]
        ),
        encoding="utf-8",
    )
    there = installation(one.core)
    output = tmp_path / "output.txt"
    command = there.command("influxdb", one.inventory, {"fleet_report_dir": str(tmp_path / "reports")})
    command[1] = str(hops)
    assert there.start(command, output).wait(PATIENCE) == 0, output.read_text()
    assert one.version("influx1") == "1.8.10"
