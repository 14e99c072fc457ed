#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: cloudant_sync
short_description: Wait until a node of a Cloudant Local or Apache CouchDB cluster has caught up with the others
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Waits until the copies of the shards that a node holds have all that the copies on other nodes have, and the other way round. A node
    that leaves maintenance before serves stale data.
  - The number of internal replication jobs cannot tell. It is 0 on all nodes while a node is down, and may be 0 right after its start
    while it lacks thousands of changes. Numbers of documents cannot tell either, for updates do not change them.
  - So the copies are asked themselves. Each keeps, in its C(_local/shard-sync-) documents, up to which of its update sequences it has been
    pushed to each other copy. This is compared with the sequence of the last change of a document, for every database, range and ordered
    pair of copies.
  - Writes may go on. The sequences of all copies are noted at first, and their checkpoints read afterwards, until they are at or after the
    noted ones. This proves that all that was written before the note has arrived. Where that takes longer than O(wait), the sequences are
    noted anew, until the proof is no older than that (RV(lag)).
  - What is written after the note is on its way like any other write. A node out of maintenance gets it at once from the node that
    coordinates the write, a node in maintenance by the next push, which a real cluster begins five seconds after the write.
  - Both ends of a pair keep the checkpoint, and the lower one counts, from which the next push begins. Only checkpoints between these two
    files on these two nodes count. So a copy that was lost and made anew is behind, and a copy from a backup too.
  - Counts as caught up when all pairs are, no node has internal replication jobs, and all nodes know the same databases with the same
    shards.
  - Copies that lag are told to push at once (C(/{db}/_sync_shards)) where the release has it (2.3.1). Some releases sync an idle database
    only when it is written to. This does nothing that the cluster would not do by itself, so the module never reports a change.
  - Shows how far it is, in a line for every O(wait) seconds.
  - A member that is down, not connected, or in maintenance (other than O(node)) is a failure at once. So is a range without copies, or
    with a copy on a node that is no member, and when there is no pair at all to compare, though there are databases.
extends_documentation_fragment:
  - dbfleet.upgrade.cloudant
  - dbfleet.upgrade.cloudant.node_local
attributes:
  check_mode:
    support: full
    description: Looks once, tells no copy to push, and returns the present state, which is no failure whatever it is.
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
  node:
    description:
      - Erlang name of the node that is to catch up. Only its own copies are compared with those of the others, in both directions.
      - It may be in maintenance, and has to be, if it shall not serve stale data meanwhile. Any other member may not.
      - Without it, the copies of all nodes are compared with each other, and no member may be in maintenance.
    type: str
  all_pairs:
    description: Whether to compare the copies of the other nodes with each other too.
    type: bool
    default: false
  databases:
    description: The databases to compare. Without it, all, those of the system among them.
    type: list
    elements: str
  limit:
    description: Seconds after which the module fails, with what it saw last.
    type: int
    default: 3600
  wait:
    description:
      - Seconds after which the sequences are noted anew, and progress is shown.
      - Under load this has to be longer than a change takes to arrive, or nothing ever counts as caught up. A push begins five seconds
        after the write (C([mem3] sync_delay)).
    type: int
    default: 20
  interval:
    description: Seconds between two looks, but at least three times as long as a look takes.
    type: float
    default: 2.0
notes:
  - Asks every node at its own address, all of them at the same time, one request after the other on a kept connection. A look makes two
    requests for each copy of a shard, one more for each that is behind and has changed, and about six for each node.
  - Releases before 3 tell of their copies at O(node_local_port) only, which they open to the node itself unless C([httpd] bind_address)
    says otherwise. The host on which the module runs has to reach that port of all nodes, so open it to that host alone, or wait without
    this module.
  - Releases before 2.0 do not tell their jobs, which are then null, and the copies decide alone.
seealso:
  - module: dbfleet.upgrade.cloudant_cluster_info
  - module: dbfleet.upgrade.cloudant_maintenance
"""

EXAMPLES = r"""
- name: Wait until the upgraded node has caught up, before it leaves maintenance
  dbfleet.upgrade.cloudant_sync:
    nodes:
      - host: couchdb1.example.com
      - host: couchdb2.example.com
      - host: couchdb3.example.com
    node: couchdb@couchdb2.example.com
    username: admin
    password: "{{ couchdb_admin_password }}"
  delegate_to: localhost

- name: See whether all copies are equal before the first node is touched
  dbfleet.upgrade.cloudant_sync:
    nodes: "{{ couchdb_addresses }}"
    limit: 300
    username: admin
    password: "{{ couchdb_admin_password }}"
  delegate_to: localhost

- name: Look at two databases without waiting
  dbfleet.upgrade.cloudant_sync:
    nodes: "{{ couchdb_addresses }}"
    databases: [orders, _users]
    username: admin
    password: "{{ couchdb_admin_password }}"
  delegate_to: localhost
  check_mode: true
  register: couchdb_copies
"""

RETURN = r"""
in_sync:
  description: Whether all have caught up.
  returned: when the cluster could be asked
  type: bool
pairs:
  description: Ordered pairs of copies that have caught up, and all that were compared.
  returned: when the cluster could be asked
  type: dict
  sample: {done: 118, total: 120}
pending:
  description: The update sequences that the pairs are behind, added up. As a document that changed twice counts once, fewer may arrive.
  returned: when the cluster could be asked
  type: int
  sample: 2304
behind:
  description: The first five pairs that are behind.
  returned: when the cluster could be asked
  type: list
  elements: dict
  contains:
    database:
      description: Name of the database.
      type: str
    range:
      description: Range of the shard.
      type: str
      sample: 00000000-7fffffff
    source:
      description: Erlang name of the node that has something to push.
      type: str
    target:
      description: Erlang name of the node that lacks it.
      type: str
    at:
      description: Sequence of the source up to which it has been pushed; null when one of the two copies is not there.
      type: int
    wanted:
      description: Sequence of the source when it was noted, or that of the last change of a document where it is lower.
      type: int
differing_maps:
  description: Databases that not all nodes know, or not with the same shards. A node that was away learns of them after its start.
  returned: when the cluster could be asked
  type: list
  elements: str
jobs:
  description: Changes in waiting internal replication jobs, by Erlang name. 0 does not prove that there is nothing to do.
  returned: when the cluster could be asked
  type: dict
  sample: {couchdb@10.0.0.1: 0, couchdb@10.0.0.2: 0, couchdb@10.0.0.3: 12}
lag:
  description: All that was written until so many seconds before the end has arrived, if RV(in_sync).
  returned: when the cluster could be asked
  type: float
seconds:
  description: How long it took.
  returned: when the cluster could be asked
  type: float
requests:
  description: How many HTTP requests were made.
  returned: when the cluster could be asked
  type: int
problems:
  description: What is wrong with the members, as M(dbfleet.upgrade.cloudant_cluster_info) returns it.
  returned: when RV(reason) is V(members)
  type: list
  elements: dict
reason:
  description:
    - V(behind) when O(limit) was reached, V(members) when the cluster is not whole, V(shards) when there is nothing to compare or copies
      are where they cannot be.
    - Otherwise why a node could not be asked, see the notes.
  returned: failure
  type: str
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_sync import ARGUMENTS, compare
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run

CLOCK = getattr(time, "monotonic", time.time)
"""Python 2.7 has only the one that can be set back."""


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    run(module, lambda: compare(module.params, connect, module.check_mode, CLOCK, time.sleep))


if __name__ == "__main__":
    main()
