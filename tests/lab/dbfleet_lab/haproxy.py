# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy before a database's clusters, and keepalived where there is more than one."""

from __future__ import annotations

import base64
import csv
import http.client
from dataclasses import dataclass
from functools import partial
from typing import Any

from dbfleet_lab.images import IMAGES
from dbfleet_lab.node import Node
from dbfleet_lab.podman import LABEL, NETWORK, Podman
from dbfleet_lab.product import Database, Fleet, FleetSpec, Product, side_by_side
from dbfleet_lab.shell import wait_until

CONFIG = "/etc/haproxy/haproxy.cfg"
KEEPALIVED = "/etc/keepalived/keepalived.conf"
STATISTICS = ("haproxy_stat", "lab-stats-pw")
# What keepalived needs to take an address and to speak VRRP.
VRRP = ("NET_ADMIN", "NET_RAW")
HIGHEST_PRIORITY = 101

# Words and values of the configuration that CouchDB's sources carry; checks come faster, and statistics ask who is there.
COMMON = """\
global
    maxconn 512
    spread-checks 5
    user haproxy
    group haproxy
    log stdout format raw local0
    stats socket /run/haproxy/admin.sock mode 660 level admin

defaults
    mode http
    log global
    monitor-uri /_haproxy_health_check
    option log-health-checks
    option httplog
    balance roundrobin
    option forwardfor
    option redispatch
    retries 4
    option http-server-close
    timeout client 150000
    timeout server 3600000
    timeout connect 500
    stats enable
    stats uri {uri}
    stats auth {user}:{password}
"""
FAILOVER = """\
global_defs {{
    enable_script_security
    script_user root
}}

vrrp_script haproxy {{
    script "/usr/bin/pgrep -x haproxy"
    interval 1
}}

vrrp_instance balancers {{
    interface eth0
    state {state}
    virtual_router_id {router}
    priority {priority}
    virtual_ipaddress {{
        {address}
    }}
    track_script {{
        haproxy
    }}
}}
"""


@dataclass(frozen=True)
class Balancing:
    """How balancers look before one kind of database."""

    port: int
    stats_uri: str
    backend: str
    section: str = ""
    """The sections of one cluster, to be filled with its port, its servers, and a suffix for all names."""


@dataclass(frozen=True)
class HAProxy(Product):
    """Balancers that all serve all clusters of a fleet: the first at the usual port, each other one port further."""

    database: Database
    balancing: Balancing

    name = "haproxy"
    group = "cloudant_lb"
    prefix = "lb"

    def nodes(self, spec: FleetSpec) -> list[Node]:
        return [
            Node(
                fleet=spec.name,
                name=f"{self.prefix}{number}",
                image="cluster",
                version="2.6",
                cluster="balancers",
                product=self.name,
                domain=f"{spec.name}.test",
                capabilities=VRRP if spec.balancers > 1 else (),
            )
            for number in range(1, spec.balancers + 1)
        ]

    def provision(self, fleet: Fleet) -> None:
        balancers = fleet.of(self)
        if len(balancers) > 1:
            _reserve_address(fleet)
        side_by_side(partial(self._provision, fleet), balancers)
        if len(balancers) > 1:
            address = virtual_address(fleet.podman, fleet.spec.name)
            wait_until(f"a balancer serves {address}", lambda: bool(self.servers(address)))
            print(f"virtual address: {address}", flush=True)

    def host_variables(self, fleet: Fleet, node: Node) -> dict[str, Any]:
        urls = {"cloudant_lb_stats_url": self._stats_url(node), "cloudant_lb_url": self._up_url(node.address)}
        return super().host_variables(fleet, node) | urls

    def variables(self, fleet: Fleet) -> dict[str, Any]:
        user, password = STATISTICS
        variables = {
            "cloudant_db_flavour": self.database.name,
            "cloudant_lb_stats_user": user,
            "cloudant_lb_stats_password": password,
            "cloudant_lb_backends": [self._backend(cluster, fleet) for cluster in fleet.clusters(self.database)],
        }
        if len(fleet.of(self)) < 2:
            return variables
        address = virtual_address(fleet.podman, fleet.spec.name)
        return variables | {"cloudant_lb_virtual_address": address, "cloudant_lb_virtual_url": self._up_url(address)}

    def watched_by(self, fleet: Fleet, cluster: str) -> list[dict[str, str]]:
        """The balancers of a cluster, as the cluster's own nodes are told of them."""
        user, password = STATISTICS
        access = {"stats_user": user, "stats_password": password, "backend": self._backend(cluster, fleet)}
        return [{"stats_url": self._stats_url(node), **access} for node in fleet.of(self)]

    def configure(self, fleet: Fleet, node: Node) -> None:
        """Configure HAProxy and start it."""
        fleet.podman.write(node.container, CONFIG, self._config(fleet))
        node.run(fleet.podman, "systemctl", "enable", "--now", "haproxy")

    def _provision(self, fleet: Fleet, node: Node) -> None:
        self.configure(fleet, node)
        if len(fleet.of(self)) > 1:
            fleet.podman.write(node.container, KEEPALIVED, _keepalived(fleet, node, fleet.of(self).index(node)))
            node.run(fleet.podman, "systemctl", "restart", "keepalived")
        wait_until(f"all servers are up on {node.name}", lambda: set(self.servers(node.address).values()) == {"UP"})
        print(f"{node.name}: {node.image} at {node.address}, {self._stats_url(node)}", flush=True)

    def servers(self, address: str) -> dict[str, str]:
        """The servers that the balancer at an address knows, with their status."""
        login = base64.b64encode(":".join(STATISTICS).encode()).decode()
        connection = http.client.HTTPConnection(address, self.balancing.port, timeout=10)
        try:
            connection.request("GET", f"{self.balancing.stats_uri};csv", headers={"Authorization": f"Basic {login}"})
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        rows = csv.DictReader(text.lstrip("# ").splitlines())
        return {row["svname"]: row["status"] for row in rows if row["svname"] not in ("FRONTEND", "BACKEND")}

    def _config(self, fleet: Fleet) -> str:
        user, password = STATISTICS
        common = COMMON.format(uri=self.balancing.stats_uri, user=user, password=password)
        return common + "".join(
            self.balancing.section.format(
                suffix=self._suffix(cluster, fleet),
                port=self.balancing.port + index,
                servers="\n".join(f"    server {node.name} {node.address}:5984 check inter 1s" for node in nodes),
            )
            for index, (cluster, nodes) in enumerate(fleet.clusters(self.database).items())
        )

    def _suffix(self, cluster: str, fleet: Fleet) -> str:
        return f"-{cluster}" if len(fleet.clusters(self.database)) > 1 else ""

    def _backend(self, cluster: str, fleet: Fleet) -> str:
        return self.balancing.backend + self._suffix(cluster, fleet)

    def _stats_url(self, node: Node) -> str:
        return f"http://{node.address}:{self.balancing.port}{self.balancing.stats_uri}"

    def _up_url(self, address: str) -> str:
        """What is answered by a server behind the balancer."""
        return f"http://{address}:{self.balancing.port}/_up"


def _reserve_address(fleet: Fleet) -> None:
    """Have podman give an address to a container that does not use it, so that no other node ever gets it."""
    fleet.podman.run(
        *["run", "--detach", "--name", _holder(fleet.spec.name), "--network", NETWORK, "--cap-add=NET_ADMIN"],
        *["--label", f"{LABEL}=1", "--label", f"{LABEL}.fleet={fleet.spec.name}", IMAGES["cluster"].tag],
        *["sh", "-c", "ip address flush dev eth0 && exec sleep infinity"],
    )


def _holder(fleet: str) -> str:
    return f"dbfleet-{fleet}-virtual-address"


def virtual_address(podman: Podman, fleet: str) -> str:
    """What the balancers of a fleet share."""
    return podman.address(_holder(fleet))


def _keepalived(fleet: Fleet, node: Node, index: int) -> str:
    """The settings of one balancer; fleets on the same network differ in their router's number."""
    address = virtual_address(fleet.podman, fleet.spec.name)
    return FAILOVER.format(
        state="BACKUP" if index else "MASTER",
        router=address.rpartition(".")[2],
        priority=HIGHEST_PRIORITY - index,
        address=address,
    )
