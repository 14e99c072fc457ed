# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one node of CouchDB or Cloudant Local says of itself."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import release
from ansible_collections.dbfleet.upgrade.plugins.module_utils._haproxy import resolve

try:
    from typing import Any, Callable, Dict, List, Optional  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import Client  # noqa: F401
except ImportError:  # Python 2.7 on the node has no typing
    pass

# CouchDB reads the flag in the first, some of Cloudant's documentation sets it in the second.
SECTIONS = ("couchdb", "cloudant")
KEY = "maintenance_mode"

NODE_API = (2, 0)
"""The first release with /_node/{name}/; Cloudant Local 1.1.0 has it, 1.0.0.5 is older."""


def own_name(client, host, resolve=resolve):
    # type: (Client, str, Callable[[str], List[str]]) -> Optional[str]
    """The Erlang name of the node that answers: as its release tells, else the only member that lives at this host."""
    name = client.node_name()
    if name is not None:
        return name
    members = client.membership()["all_nodes"]
    addresses = set([host.lower()] + resolve(host))
    own = [member for member in members if addresses & set(_addresses(member, resolve))] if len(members) > 1 else members
    return own[0] if len(own) == 1 else None


def _addresses(member, resolve):
    # type: (str, Callable[[str], List[str]]) -> List[str]
    host = member.partition("@")[2]
    return [host.lower()] + resolve(host)


def read_flags(client, name):
    # type: (Client, str) -> Dict[str, Optional[str]]
    """The key maintenance_mode in each section, None where it is not set."""
    return {section: client.config(name, section, KEY) for section in SECTIONS}


def read_node(client, host, gather, name=None):
    # type: (Client, str, List[str], Optional[str]) -> Dict[str, Any]
    """What cloudant_node_info returns for the parts named in gather. name is that of a node which does not tell it."""
    welcome = client.welcome()
    found = _version(welcome)
    if "up" in gather:
        found["up"] = client.up()
    if "membership" in gather:
        found["membership"] = client.membership()
    if set(gather) & {"name", "maintenance", "replication"}:
        found.update(_of_name(client, own_name(client, host) or name, gather))
    if "databases" in gather:
        found["database_count"] = len(client.all_dbs())
    return found


def _version(welcome):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    found = release(welcome)
    return {
        "product": found["product"],
        "version": found["version"],
        "vendor": found["vendor"],
        "api_version": found["api"],
        "uuid": welcome.get("uuid"),
        "features": welcome.get("features", []),
    }


def _of_name(client, name, gather):
    # type: (Client, Optional[str], List[str]) -> Dict[str, Any]
    """What is asked for by the node's name."""
    found = {"name": name}  # type: Dict[str, Any]
    asked = name if client.api() >= NODE_API else None
    if "maintenance" in gather:
        found["maintenance"] = read_flags(client, asked) if asked else None
    if "replication" in gather:
        found["internal_replication_jobs"] = client.system(asked)["internal_replication_jobs"] if asked else None
    return found
