# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancer nodes: HAProxy, configured from the template that the package brings."""

from __future__ import annotations

from pathlib import Path
from string import Template

import yaml

from cast import host

PACKAGE = "cloudant-lbnode"
TEMPLATE = Path("/etc/haproxy/haproxy-cloudant.cfg")
CONFIG = Path("/etc/haproxy/haproxy.cfg")
SAMPLE = Path("/opt/cloudant/cast/samples/lbnode.yaml")


def installed() -> bool:
    return host.has(PACKAGE)


def install(file: Path | None) -> None:
    """Install the package, configure HAProxy and start it."""
    host.install(PACKAGE)
    host.run("systemctl", "enable", "haproxy")
    configure(file or SAMPLE)


def uninstall() -> None:
    """Stop HAProxy and remove the package; the configuration stays."""
    host.run("systemctl", "disable", "--now", "haproxy")
    host.remove(PACKAGE)


def configure(file: Path) -> None:
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))["lbnode"]
    [[user, password]] = settings["users"].items()
    servers = [f"    server {node['hostname']} {node['ipaddress']}:5984 check inter 1s" for node in settings["nodes"]]
    text = Template(TEMPLATE.read_text(encoding="utf-8"))
    CONFIG.write_text(text.substitute(user=user, password=password, servers="\n".join(servers)), encoding="utf-8")
    restart()


def start() -> None:
    host.run("systemctl", "start", "haproxy")


def stop() -> None:
    host.run("systemctl", "stop", "haproxy")


def restart() -> None:
    host.run("systemctl", "restart", "haproxy")
