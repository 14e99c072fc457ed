# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache CouchDB on the nodes of a fleet."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from dbfleet_lab import couch_fixture, couch_packages, packages
from dbfleet_lab.clustered import Clustered, client
from dbfleet_lab.couch import PORT
from dbfleet_lab.haproxy import Balancing, HAProxy
from dbfleet_lab.node import Node
from dbfleet_lab.product import Fleet, side_by_side
from dbfleet_lab.shell import wait_until

ETC = "/opt/couchdb/etc"
# The names are those of the configuration that CouchDB's sources carry.
BALANCING = Balancing(
    port=PORT,
    stats_uri="/_haproxy_stats",
    backend="couchdbs",
    section="""
frontend http-in{suffix}
    bind *:{port}
    default_backend couchdbs{suffix}

backend couchdbs{suffix}
    option httpchk GET /_up
    http-check disable-on-404
{servers}
""",
)
LOCAL_INI = """\
[couchdb]
uuid = {uuid}

[chttpd]
bind_address = 0.0.0.0

[chttpd_auth]
secret = {secret}

[cluster]
q = 2
n = 3

[admins]
{admin} = {password}
"""


class CouchDB(Clustered):
    """Clusters of the simulator, in packages like the project's."""

    name = erlang_user = "couchdb"
    versions = tuple(couch_packages.RELEASES)
    default = "3.3.3"

    @property
    def balancers(self) -> HAProxy:
        return HAProxy(self, BALANCING)

    def make(self, fleet: Fleet, nodes: Sequence[Node]) -> None:
        side_by_side(partial(self._install, fleet, _Identity()), nodes)
        for node in nodes[1:]:
            client(nodes[0]).put("_node", "_local", "_nodes", self.erlang_name(node))

    def _install(self, fleet: Fleet, identity: _Identity, node: Node) -> None:
        """Configure, then install: the package starts the server, which may never have had another name."""
        podman = fleet.podman
        node.run(podman, "mkdir", "-p", ETC)
        podman.write(node.container, f"{ETC}/vm.args", self._vm_args(node, identity))
        podman.write(node.container, f"{ETC}/local.ini", identity.local_ini())
        node.install(podman, packages.folder(fleet.cache) / couch_packages.file_name(node.version), "--force-confold")
        wait_until(f"couchdb on {node.name} answers", lambda: bool(client(node).version()))

    def _vm_args(self, node: Node, identity: _Identity) -> str:
        """The packaged file, changed as a person with an editor does it."""
        packaged = (couch_packages.COUCHDB / f"vm.args-{node.version}").read_text(encoding="ascii")
        named = re.sub("^-name .*$", f"-name {self.erlang_name(node)}", packaged, flags=re.MULTILINE)
        return re.sub("^-setcookie .*$", f"-setcookie {identity.cookie}", named, flags=re.MULTILINE)


@dataclass(frozen=True)
class _Identity:
    """What all nodes of a cluster must have in common, so that they are one and a session holds on each."""

    cookie: str = field(default_factory=partial(secrets.token_hex, 16))
    uuid: str = field(default_factory=partial(secrets.token_hex, 16))
    secret: str = field(default_factory=partial(secrets.token_hex, 16))
    salt: str = field(default_factory=partial(secrets.token_hex, 16))

    def local_ini(self) -> str:
        user, password = couch_fixture.ADMIN
        return LOCAL_INI.format(uuid=self.uuid, secret=self.secret, admin=user, password=self._hash(password))

    def _hash(self, password: str) -> str:
        """A password as a server keeps it."""
        rounds = 10
        digest = hashlib.pbkdf2_hmac("sha1", password.encode(), self.salt.encode(), rounds, 20)
        return f"-pbkdf2-{digest.hex()},{self.salt},{rounds}"
