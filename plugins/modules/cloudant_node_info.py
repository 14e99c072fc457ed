#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: cloudant_node_info
short_description: Show release, name and maintenance of a node of Cloudant Local or Apache CouchDB
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Asks one node of Cloudant Local, or of Apache CouchDB 2 or 3, over HTTP. Only reads.
extends_documentation_fragment:
  - dbfleet.upgrade.cloudant
  - dbfleet.upgrade.cloudant.host
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
options:
  name:
    description:
      - Erlang name of the node, for a release before 2.2 that does not tell it, where no single member's host is O(host).
      - A name that the node tells, or that its host does, goes before.
    type: str
  gather:
    description:
      - What to ask for. The release (V(version)) is always returned. It and V(up) need no credentials; the others need an administrator's.
    type: list
    elements: str
    choices: [version, up, name, membership, maintenance, replication, databases]
    default: [version, up, name, membership, maintenance, replication]
"""

EXAMPLES = r"""
- name: See which release answers, and whether a load balancer would use it
  dbfleet.upgrade.cloudant_node_info:
    host: "{{ ansible_host }}"
    gather: [version, up]
  delegate_to: localhost

- name: See all of a node
  dbfleet.upgrade.cloudant_node_info:
    host: "{{ ansible_host }}"
    username: admin
    password: "{{ couchdb_admin_password }}"
    gather: [version, up, name, membership, maintenance, replication, databases]
  delegate_to: localhost
  register: couchdb_node
"""

RETURN = r"""
product:
  description: V(cloudant) or V(couchdb), from the name of the vendor.
  returned: success
  type: str
  sample: couchdb
version:
  description:
    - The release. That of Cloudant Local is its vendor's; Cloudant Local 1.1.0 calls its API 2.0.0.
  returned: success
  type: str
  sample: 3.4.3
api_version:
  description: The release of CouchDB whose API the node has, as C(GET /) says.
  returned: success
  type: str
  sample: 3.4.3
vendor:
  description: Name of the vendor; null where the node does not tell.
  returned: success
  type: str
  sample: The Apache Software Foundation
uuid:
  description: Identity of the server, which the nodes of a cluster should share; null where the node does not tell.
  returned: success
  type: str
  sample: 0000000000000000000000000000000a
features:
  description: What the node says it can do.
  returned: success
  type: list
  elements: str
  sample: [access-ready, partitioned, pluggable-storage-engines, reshard, scheduler]
up:
  description: What a load balancer sees at C(/_up).
  returned: when O(gather) has V(up)
  type: dict
  contains:
    status:
      description:
        - V(ok); V(maintenance_mode) and V(nolb), see M(dbfleet.upgrade.cloudant_maintenance); V(seeding) while a node with a C(seedlist)
          still copies from its seeds.
      type: str
    code:
      description: Status of HTTP, 200 for V(ok) and 404 for the others.
      type: int
name:
  description:
    - Erlang name of the node that answers.
    - Releases before 2.2 (Cloudant Local 1.1.0 among them) do not tell it. There it is the one member whose host is O(host), and O(name)
      where no single member is.
  returned: when O(gather) has V(name), V(maintenance) or V(replication)
  type: str
  sample: couchdb@10.0.0.1
membership:
  description: The members as this node sees them, sorted.
  returned: when O(gather) has V(membership)
  type: dict
  contains:
    all_nodes:
      description: Nodes to which this one is connected now, itself among them.
      type: list
      elements: str
    cluster_nodes:
      description: Members of the cluster, connected or not.
      type: list
      elements: str
maintenance:
  description:
    - The key C(maintenance_mode) in each of the sections in which releases and documents have it, null where it is not set.
    - The key tells what was set, RV(up) what it does. Apache CouchDB reads the section C(couchdb).
    - Null as a whole where the name is not known, or the release has no C(/_node).
  returned: when O(gather) has V(maintenance)
  type: dict
  sample: {couchdb: "true", cloudant: null}
internal_replication_jobs:
  description:
    - Jobs between copies of shards that wait. 0 is needed before a node may leave maintenance, but proves nothing; a node that came back is
      stale for a while with 0 jobs everywhere.
    - Null where the name is not known, or the release has no C(/_node).
  returned: when O(gather) has V(replication)
  type: int
database_count:
  description: Number of databases, those of the system among them.
  returned: when O(gather) has V(databases)
  type: int
reason:
  description:
    - Why the node could not be asked (V(credentials), V(tls), V(library), V(unreachable), V(node-down), V(not-found) or V(server)).
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import ARGUMENTS, connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_node import read_node
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run


def main():
    # type: () -> None
    gather = {
        "type": "list",
        "elements": "str",
        "choices": ["version", "up", "name", "membership", "maintenance", "replication", "databases"],
        "default": ["version", "up", "name", "membership", "maintenance", "replication"],
    }
    module = AnsibleModule(argument_spec=dict(ARGUMENTS, gather=gather, name={"type": "str"}), supports_check_mode=True)
    params = module.params
    run(module, lambda: dict(read_node(connect(params), params["host"], params["gather"], params["name"]), changed=False))


if __name__ == "__main__":
    main()
