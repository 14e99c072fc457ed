#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: cloudant_cluster_info
short_description: Ask every node of a Cloudant Local or Apache CouchDB cluster, and say what is wrong with it
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Asks each node for its own view of the cluster, and compares the views; one node's view alone cannot show a cluster that has split.
  - Counts the copies of every range of every database that can be used, from the cluster's own map.
  - A node that cannot be asked is a problem in the answer. Only where none can be asked does the module fail.
  - Only reads.
extends_documentation_fragment:
  - dbfleet.upgrade.cloudant
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
options:
  nodes:
    description: The address of every member of the cluster.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Name or address of the node, as seen from the host on which the module runs. Never a load balancer's.
        type: str
        required: true
      port:
        description: Port of its clustered HTTP interface; O(port) if not given.
        type: int
      name:
        description:
          - Its Erlang name, for a release before 2.2 that does not tell it, where the host does not either.
          - A name that the node tells goes before.
        type: str
  members:
    description:
      - The Erlang names that the cluster should have, such as RV(names) of an earlier call. Others are a problem.
      - Without it the names are not compared with any.
    type: list
    elements: str
  databases:
    description:
      - Whether to read shards, C(_security) and format of every database. This takes three requests for each.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Look at the cluster before its first node is touched
  dbfleet.upgrade.cloudant_cluster_info:
    nodes:
      - host: couchdb1.example.com
      - host: couchdb2.example.com
      - host: couchdb3.example.com
    username: admin
    password: "{{ couchdb_admin_password }}"
  delegate_to: localhost
  register: couchdb_before

- name: Stop where something is wrong
  ansible.builtin.assert:
    that: couchdb_before.problems | length == 0
    fail_msg: "{{ couchdb_before.problems | map(attribute='message') | join('\n') }}"

- name: See that all members are those from before, quickly
  dbfleet.upgrade.cloudant_cluster_info:
    nodes: "{{ couchdb_addresses }}"
    members: "{{ couchdb_before.names }}"
    databases: false
    username: admin
    password: "{{ couchdb_admin_password }}"
  delegate_to: localhost
"""

RETURN = r"""
nodes:
  description: What each node says, in the order of O(nodes). On failure too.
  returned: always
  type: list
  elements: dict
  contains:
    host:
      description: The address that was asked.
      type: str
    port:
      description: The port that was asked.
      type: int
    reached:
      description: Whether the node answered everything. What follows RV(nodes[].reason) is there only if it did.
      type: bool
    error:
      description: Why it did not, null if it did.
      type: str
    reason:
      description: >-
        The same in a word (V(credentials), V(tls), V(unreachable), V(node-down), V(not-found) or V(server)), null if it did.
      type: str
    product:
      description: V(cloudant) or V(couchdb).
      type: str
    version:
      description: Its release. That of Cloudant Local is its vendor's.
      type: str
    api_version:
      description: The release of CouchDB whose API it has.
      type: str
    vendor:
      description: Name of the vendor.
      type: str
    uuid:
      description: Identity of the server.
      type: str
    features:
      description: What it says it can do.
      type: list
      elements: str
    name:
      description: Its Erlang name; null where its release does not tell and no single member lives at this address.
      type: str
    up:
      description: Status and code of C(/_up).
      type: dict
      sample: {status: ok, code: 200}
    all_nodes:
      description: Nodes to which it is connected, itself among them, sorted.
      type: list
      elements: str
    cluster_nodes:
      description: Members of the cluster as it knows them, sorted.
      type: list
      elements: str
    maintenance:
      description: The key C(maintenance_mode) by section, null where it is not set.
      type: dict
      sample: {couchdb: null, cloudant: null}
    internal_replication_jobs:
      description: Jobs between copies of shards that wait.
      type: int
names:
  description: Every Erlang name that any node knows, connected or not, sorted.
  returned: success
  type: list
  elements: str
  sample: [couchdb@10.0.0.1, couchdb@10.0.0.2, couchdb@10.0.0.3]
versions:
  description: The hosts by release.
  returned: success
  type: dict
  sample: {3.3.3: [10.0.0.1, 10.0.0.2], 3.4.3: [10.0.0.3]}
databases:
  description: All databases by name, those of the system among them.
  returned: when O(databases) is true
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    n:
      description: How many copies each range should have; the most that the map names for one of its ranges.
      type: int
    shards:
      description: The Erlang names of the nodes that should hold a copy, for each range.
      type: dict
      sample: {00000000-7fffffff: [couchdb@10.0.0.1, couchdb@10.0.0.2, couchdb@10.0.0.3]}
    disk_format:
      description: The version of the format of its files (C(disk_format_version)); null where the release does not tell.
      type: int
      sample: 8
    security:
      description: Its C(_security), who may read and administer it. It holds names and roles, no passwords.
      type: dict
      sample: {members: {roles: [_admin]}, admins: {roles: [_admin]}}
problems:
  description: What is wrong, empty if nothing is.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description:
        - V(member-unreached), a node that cannot be asked. RV(problems[].nodes) then has its host, otherwise Erlang names.
        - V(member-down), a member that no node is connected to.
        - V(membership-differs), nodes that see different members. A node whose cookie changed sees itself only; it looks healthy, takes
          writes and serves stale data.
        - V(member-count-differs), more or fewer members than O(nodes). A node that came back with another name is a member more.
        - V(member-unknown), a connected node that is no member.
        - V(members-changed), names other than O(members).
        - V(name-unknown), a node of which nobody knows which member it is, by its host.
        - V(name-repeated), one node at two addresses.
        - V(in-maintenance), a node whose C(/_up) says maintenance_mode or nolb.
        - V(member-not-ready), a node whose C(/_up) says anything else but ok, such as seeding.
        - V(shard-copies-missing), ranges of which a copy is on a member that is not connected, or in maintenance.
        - V(shard-copies-uneven), databases of which some ranges have fewer copies in the map than others.
        - V(shard-copy-single), databases with one copy of each range, in a cluster of more than one member.
        - V(database-unreadable), databases whose shards or C(_security) cannot be read.
      type: str
    message:
      description: The same as sentences, with what to do.
      type: str
    nodes:
      description: The members it is about.
      type: list
      elements: str
    databases:
      description: The databases it is about.
      type: list
      elements: str
reason:
  description:
    - Why the first node could not be asked (V(credentials), V(tls), V(library), V(unreachable), V(node-down), V(not-found) or V(server)).
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import CLUSTER_ARGUMENTS, connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_cluster import read_cluster
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run


def main():
    # type: () -> None
    address = {"host": {"type": "str", "required": True}, "port": {"type": "int"}, "name": {"type": "str"}}
    arguments = {
        "nodes": {"type": "list", "elements": "dict", "required": True, "options": address},
        "members": {"type": "list", "elements": "str"},
        "databases": {"type": "bool", "default": True},
    }
    module = AnsibleModule(argument_spec=dict(CLUSTER_ARGUMENTS, **arguments), supports_check_mode=True)
    run(module, lambda: dict(read_cluster(module.params, connect), changed=False))


if __name__ == "__main__":
    main()
