#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: cloudant_copies_info
short_description: Record what a node of Cloudant Local or Apache CouchDB says of its own copies of shards
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Runs on a node, and records what it says of the cluster and of the copies of shards that it holds itself. The recordings of all nodes
    together tell what M(dbfleet.upgrade.cloudant_sync) finds out over HTTP from one host, whether the copies are in sync.
  - Made for releases before 3, Cloudant Local 1.1.0 among them, which tell of their copies at the node-local port only and open that to
    the node itself.
  - The function V(compared) of the filter P(dbfleet.upgrade.cloudant_db#filter) compares the recordings. It takes those of all members
    twice, and compares the checkpoints of the later ones with the sequences of the earlier ones. This proves that all that was written
    before the earlier ones has arrived.
  - Meant for clusters without traffic, where the same recordings will do for both. With traffic, a push begins five seconds after a write,
    so the later recordings have to be made a good while after the earlier ones, or never count as in sync.
  - Only reads. Needs nothing but Python on the node.
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
  diff_mode:
    support: none
    description: Changes nothing, so there is no difference to show.
options:
  host:
    description: Name or address at which the node answers to itself. With HTTPS, a name that is in its certificate.
    type: str
    default: 127.0.0.1
  port:
    description: Port of the clustered HTTP interface.
    type: int
    default: 5984
  ssl:
    description: Whether O(port) speaks HTTPS. O(node_local_port) never does.
    type: bool
    default: false
  validate_certs:
    description: Whether the certificate of an HTTPS server is verified.
    type: bool
    default: true
  ca_path:
    description: PEM file on the node with the certificate authorities to trust. Without it, those of the system.
    type: path
  node_local_host:
    description: Name or address of the node-local HTTP interface (C([httpd] bind_address)).
    type: str
    default: 127.0.0.1
  node_local_port:
    description: Port of the node-local HTTP interface (the C(backdoor)) of releases before 3. Release 3 has none and needs none.
    type: int
    default: 5986
  name:
    description:
      - Erlang name of the node (C(-name) in C(vm.args)), for a release before 2.2 that does not tell it, where no single member's host
        is O(host).
      - A name that the node tells goes before.
    type: str
  username:
    description: A server administrator.
    type: str
  password:
    description: Password of O(username). It is sent in a header, by basic authentication, and is no part of the result.
    type: str
  timeout:
    description: Seconds to wait for a connection, and for the next byte of an answer.
    type: int
    default: 30
notes:
  - Makes three requests for each copy and about eight for the node, one after the other.
  - Proxies and C(.netrc) named by the environment are not used.
seealso:
  - module: dbfleet.upgrade.cloudant_sync
  - plugin: dbfleet.upgrade.cloudant_db
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Record the copies of every node
  dbfleet.upgrade.cloudant_copies_info:
    name: "cloudant@{{ inventory_hostname }}"
    username: admin
    password: "{{ cloudant_admin_password }}"
  register: cloudant_copies

- name: Stop unless all are in sync
  ansible.builtin.assert:
    that: found.in_sync | default(false)
    fail_msg: "{{ found }}"
  vars:
    recorded: "{{ ansible_play_hosts_all | map('extract', hostvars, 'cloudant_copies') }}"
    found: "{{ recorded | dbfleet.upgrade.cloudant_db('compared', recorded) }}"
  run_once: true
"""

RETURN = r"""
copies:
  description: The recording.
  returned: success
  type: dict
  contains:
    host:
      description: As in O(host).
      type: str
    port:
      description: As in O(port).
      type: int
    name:
      description: Erlang name of the node.
      type: str
      sample: cloudant@db1.example.com
    welcome:
      description: The answer to C(GET /), which has release and vendor.
      type: dict
    up:
      description: What a load balancer sees at C(/_up), RV(ignore:status) and the RV(ignore:code) of HTTP.
      type: dict
      sample: {status: maintenance_mode, code: 404}
    membership:
      description: The members as this node sees them, those that are connected (C(all_nodes)) and all (C(cluster_nodes)).
      type: dict
    internal_replication_jobs:
      description: Changes in jobs between copies that wait; null before release 2.0, or where O(name) is not the node's name.
      type: int
    maps:
      description: By database and range, a list of the name of the shard and the list of nodes that should hold a copy.
      type: dict
      sample:
        default/orders:
          00000000-ffffffff: [shards/00000000-ffffffff/default/orders.1480000000, [cloudant@db1.example.com, cloudant@db2.example.com]]
    shards:
      description: The copies that the node holds, by the name of the shard.
      type: dict
      contains:
        uuid:
          description: Identity of the copy, which one that was made anew does not share.
          type: str
        update_seq:
          description: Sequence of the last change of any kind.
          type: int
        last_seq:
          description: Sequence of the last change of a document, 0 without any; null where the copy vanished meanwhile.
          type: int
        checkpoints:
          description: For each pair with another copy, up to which sequence of the source it was pushed.
          type: list
          elements: dict
reason:
  description:
    - Why the node could not be recorded. V(name) means that its Erlang name is not known; V(credentials) that the user or password is
      wrong or not an administrator's; V(tls) that the certificate is not trusted; V(unreachable) that nobody answers at one of the ports;
      V(server) that the answer is another error or cannot be understood.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_copies import ARGUMENTS, connect, record
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def info(params):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {"changed": False, "copies": record(connect(params), params)}


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    run(module, lambda: info(module.params))


if __name__ == "__main__":
    main()
