#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: cloudant_maintenance
short_description: Take a node of Cloudant Local or Apache CouchDB out of service and back
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Sets the flag C(maintenance_mode) of one node, and waits until those who ask the node have seen the effect.
  - What counts is what C(/_up) says. The flag alone proves nothing; in a section that the release does not read it has no effect.
  - "V(enabled): the node answers no part of the cluster's requests, and C(/_up) says so to load balancers. Copies of its shards on other
    nodes go on to be brought to it. A request that is sent to it directly is still answered."
  - "V(nolb): only C(/_up) changes; the node goes on to answer the cluster's requests."
  - "V(disabled): a normal node. Do not bring a node back before it has caught up, or it serves what it has."
  - Never have two nodes of a cluster in maintenance. With two of three, writes are accepted by one node only; with all, nothing can be
    read.
extends_documentation_fragment:
  - dbfleet.upgrade.cloudant
  - dbfleet.upgrade.cloudant.host
attributes:
  check_mode:
    support: full
    description: Reads the present state, and predicts the new one. Waits for nothing.
  diff_mode:
    support: full
    description: Status of C(/_up) and flag, before and after.
options:
  state:
    description:
      - The state to bring about.
      - For V(disabled) the flag is set to C(false) and not removed. CouchDB writes it to the last of its configuration files, so that
        C(true) in an earlier one does not come back with the next start, as it would if the flag were only removed.
    type: str
    choices: [enabled, disabled, nolb]
    required: true
  node:
    description:
      - Erlang name of the node whose flag is set. By default that of the node at O(host), which is found.
      - With O(host) and O(port) those of another member, the flag is set through that one, for a node that can not be reached
        otherwise. O(up) then has to be the address of the node itself.
      - Needed with a release before 2.2 that does not tell its name, where no single member's host is O(host), and for O(observers) with
        O(via=cast).
    type: str
  via:
    description:
      - How the flag is set.
      - V(http), as a value of the node's configuration. Needs O(username) and O(password).
      - V(cast), with Cloudant's command. The module has to run on the node, as root. C(requests) is then needed for O(observers) and
        O(balancers) only.
    type: str
    choices: [http, cast]
    default: http
  cast_path:
    description: Where C(cast) lies on the node.
    type: path
    default: /opt/cloudant/bin/cast
  section:
    description:
      - Section of the configuration, with O(via=http).
      - V(auto) takes the one in which the flag is found, else V(couchdb). If C(/_up) does not follow within five seconds, the flag is put
        back as it was, and the other section is tried.
    type: str
    choices: [auto, couchdb, cloudant]
    default: auto
  up:
    description: The address whose C(/_up) is judged, where it is not O(host) and O(port).
    type: dict
    suboptions:
      host:
        description: Name or address of the node.
        type: str
        required: true
      port:
        description: Its port; O(port) if not given.
        type: int
  observers:
    description: Other members, that have to see the flag of the node over their own connection to it.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Name or address of the member.
        type: str
        required: true
      port:
        description: Its port; O(port) if not given.
        type: int
  balancers:
    description:
      - Statistics pages of every HAProxy in front of the node, that have to show its server out of service, or UP when it comes back.
      - Out is C(NOLB) with the answer 404, and C(DOWN) with the same answer, which HAProxy shows after the node was restarted in
        maintenance.
    type: list
    elements: dict
    default: []
    suboptions:
      stats_url:
        description: URL of the statistics page (C(stats uri)).
        type: str
        required: true
      stats_user:
        description: User of the page (C(stats auth)).
        type: str
      stats_password:
        description: Password of the page.
        type: str
      backend:
        description: Name of the backend, or C(listen) section, that has the node as a server.
        type: str
        required: true
      validate_certs:
        description: Whether the certificate of an HTTPS page is verified.
        type: bool
        default: true
      ca_path:
        description: PEM file with the certificate authorities to trust for the page, on the host on which the module runs.
        type: path
  server:
    description:
      - Names that the node's server may have in O(balancers), or its address there, with or without a port, if that is not the one at
        which the node is asked.
      - The server is the one at the node's address. HAProxy shows addresses with C(stats show-legends) only; where it does not, the one
        with one of these names, or with that of the Erlang node's host.
    type: list
    elements: str
    default: []
  wait:
    description:
      - Seconds until the effect has to be seen by all. A balancer sees it with its next checks.
      - After that the module fails with what each saw last. The flag then stays as it was set; a node in maintenance is safe.
      - A node is not taken out of service at all where one of O(observers) or O(balancers) cannot be asked beforehand.
    type: int
    default: 60
  interval:
    description: Seconds between two looks.
    type: float
    default: 1.0
seealso:
  - module: dbfleet.upgrade.cloudant_cluster_info
  - module: dbfleet.upgrade.haproxy_info
notes:
  - A restarted node comes back in maintenance by itself, because the flag is written to its configuration, unless that file is replaced
    meanwhile.
  - The flag of a node is read from its memory. One that somebody set with C(X-Couch-Persist:false) looks the same, and is lost with a
    restart.
"""

EXAMPLES = r"""
- name: Take the node out of service, seen by a peer and the load balancer
  dbfleet.upgrade.cloudant_maintenance:
    state: enabled
    host: couchdb1.example.com
    username: admin
    password: "{{ couchdb_admin_password }}"
    observers:
      - host: couchdb2.example.com
    balancers:
      - stats_url: http://haproxy.example.com/_haproxy_stats
        stats_user: stats
        stats_password: "{{ haproxy_stats_password }}"
        backend: couchdbs
    server: couchdb1
  delegate_to: localhost

- name: Bring it back
  dbfleet.upgrade.cloudant_maintenance:
    state: disabled
    host: couchdb1.example.com
    username: admin
    password: "{{ couchdb_admin_password }}"
  delegate_to: localhost

- name: Bring a node back through a peer
  dbfleet.upgrade.cloudant_maintenance:
    state: disabled
    node: couchdb@couchdb1.example.com
    host: couchdb2.example.com
    up:
      host: couchdb1.example.com
    username: admin
    password: "{{ couchdb_admin_password }}"
  delegate_to: localhost

- name: Take a node of Cloudant Local out of service, with its own command
  dbfleet.upgrade.cloudant_maintenance:
    state: enabled
    via: cast
  become: true
"""

RETURN = r"""
before:
  description: The node before. On failure too, where it was read.
  returned: success
  type: dict
  contains:
    status:
      description: What C(/_up) said; null where the node did not answer and its flag was read through a peer.
      type: str
    code:
      description: Its status of HTTP.
      type: int
    flag:
      description: The flag in each section, null where it was not set. With O(via=cast) what C(cast) says, V(IN) or V(OUT).
      type: dict
  sample: {status: ok, code: 200, flag: {couchdb: null, cloudant: null}}
after:
  description: The same afterwards. In check mode what it would be.
  returned: success
  type: dict
  sample: {status: maintenance_mode, code: 404, flag: {couchdb: "true", cloudant: null}}
section:
  description:
    - The section in which the flag was set. If it was not touched, the one that holds the value of the state, null if none does.
    - Null with O(via=cast).
  returned: success
  type: str
  sample: couchdb
seen:
  description: What each saw last; null in check mode. On failure too, with the reason V(not-seen).
  returned: success
  type: dict
  contains:
    node:
      description: Status of C(/_up); null where the node did not answer.
      type: str
    peers:
      description: Host, port and RV(before.flag) as each of O(observers) sees it; error instead of a flag where it could not be asked.
      type: list
      elements: dict
      sample: [{host: couchdb2.example.com, port: 5984, flag: {couchdb: "true", cloudant: null}, error: null}]
    balancers:
      description: Server and status on each page of O(balancers); error where it could not be read.
      type: list
      elements: dict
      sample:
        - stats_url: http://haproxy.example.com/_haproxy_stats
          backend: couchdbs
          server: couchdb1
          status: NOLB
          check_status: L7OKC
          check_code: 404
          error: null
seconds:
  description: From the change until all had seen it. Not a part of the state; 0 in check mode.
  returned: success
  type: float
  sample: 2.113
reason:
  description:
    - V(no-effect), C(/_up) did not follow the flag, which was put back as it was; V(not-seen), not everybody saw it in time, and the flag
      stays set; V(name), the Erlang name of the node is not known, or another node answers at O(up); V(cast), the command failed.
    - V(backend) or V(match), HAProxy has no such backend, or no single server is the node.
    - V(credentials), V(tls), V(library), V(unreachable), V(node-down), V(not-found) or V(server), a node or page could not be asked.
  returned: failure
  type: str
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_client import ARGUMENTS, connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._couchdb_maintenance import prepare
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

ADDRESS = {"host": {"type": "str", "required": True}, "port": {"type": "int"}}
PAGE = {
    "stats_url": {"type": "str", "required": True},
    "stats_user": {"type": "str"},
    "stats_password": {"type": "str", "no_log": True},
    "backend": {"type": "str", "required": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
}
OPTIONS = {
    "state": {"type": "str", "choices": ["enabled", "disabled", "nolb"], "required": True},
    "node": {"type": "str"},
    "via": {"type": "str", "choices": ["http", "cast"], "default": "http"},
    "cast_path": {"type": "path", "default": "/opt/cloudant/bin/cast"},
    "section": {"type": "str", "choices": ["auto", "couchdb", "cloudant"], "default": "auto"},
    "up": {"type": "dict", "options": ADDRESS},
    "observers": {"type": "list", "elements": "dict", "default": [], "options": ADDRESS},
    "balancers": {"type": "list", "elements": "dict", "default": [], "options": PAGE},
    "server": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "int", "default": 60},
    "interval": {"type": "float", "default": 1.0},
}


def change(params, check_mode):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    return prepare(params, connect, run_command, time.time, time.sleep).ensure(params["state"], check_mode)


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=dict(ARGUMENTS, **OPTIONS), supports_check_mode=True)
    run(module, lambda: change(module.params, module.check_mode))


if __name__ == "__main__":
    main()
