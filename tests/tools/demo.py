# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show one upgrade from end to end: a fleet of three nodes with data goes from InfluxDB 1.3.9 to 1.4.3, and stays for a look."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import common
import user
from common import ToolError

LAB = common.REPOSITORY / "tests" / "lab" / "lab"
# Where the lab's program is, as one who stands in the checkout types it.
SHORT_LAB = LAB.relative_to(common.REPOSITORY)
FLEET = "demo"
NODES = 3
OLD, NEW = "1.3.9", "1.4.3"


def say(title: str) -> None:
    """Print what comes next."""
    print(f"\n=== {title}\n", flush=True)


def packages() -> Path:
    """Return the folder of the lab's packages."""
    result = subprocess.run([LAB, "packages"], stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        raise ToolError(f"exit code {result.returncode} from: {LAB} packages")
    return Path(result.stdout.strip())


def settings(there: user.Installation) -> dict[str, str]:
    """Return the environment of the playbook: in color where there is a terminal, without the tasks that are skipped."""
    kept = {name: value for name, value in there.settings.items() if not name.endswith("COLOR")}
    return {**kept, "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false"}


def shown(command: list[str], environment: dict[str, str]) -> str:
    """Return a command line as one can paste it into a shell; the PATH is left out, because the command has its own."""
    variables = [f"{name}={shlex.quote(value)}" for name, value in environment.items() if name != "PATH"]
    lines = [" ".join(variables), shlex.join(command[:2]), shlex.join(command[2:4]), shlex.join(command[4:])]
    return "$ " + " \\\n    ".join(lines)


def upgrade(there: user.Installation, inventory: Path, reports: Path) -> None:
    """Show the command and run it."""
    extra = {
        "fleet_target_version": NEW,
        "fleet_package": {"file": str(packages() / f"influxdb_{NEW}_amd64.deb")},
        "fleet_report_dir": str(reports),
    }
    command, environment = there.command("influxdb", inventory, extra), settings(there)
    print(shown(command, environment), flush=True)
    common.run(*command, cwd=there.folder, env=environment)


def summary(report: dict[str, Any], page: Path) -> str:
    """Return what happened, and what can be done with the fleet now."""
    downtimes = ", ".join(f"{node['name']} {node['downtime']:.2f} s" for node in report["nodes"])
    return f"""\
{report["verdict"]}
The run took {report["run"]["seconds"]:.0f} s. Time without service: {downtimes}.

Read the report       {page.as_uri()}
Look into a node      {SHORT_LAB} exec {FLEET} influx1
  there, try          influx -execute 'SHOW DATABASES'; journalctl -u influxdb; ls -R /var/lib/dbfleet
Go back to {OLD}      the command above with dbfleet.upgrade.rollback in place of dbfleet.upgrade.influxdb, and -e fleet_hosts=influxdb
See it once more      make demo
Take the fleet down   {SHORT_LAB} down {FLEET}
Remove everything     make clean   (fleets, images, packages, environments, this report)
"""


def demo() -> bool:
    """Start the fleet, install the collection, upgrade, and tell where to look."""
    folder = common.empty_folder(FLEET)
    inventory, reports = folder / "inventory.yml", folder / "report"
    say(f"{NODES} nodes with InfluxDB {OLD}: data, policies, users, grants, a continuous query, a subscription")
    common.run(LAB, "up", FLEET, "--nodes", str(NODES), "--version", OLD, "--inventory", inventory)
    say("The collection, built and installed as a user does")
    there = user.install("2.19")
    say(f"The upgrade to {NEW}")
    upgrade(there, inventory, reports)
    say("Done")
    print(summary(json.loads((reports / "report.json").read_text(encoding="utf-8")), reports / "report.html"))
    return True


if __name__ == "__main__":
    common.main(demo)
