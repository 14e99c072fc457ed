#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_info
short_description: Show version, databases, users and shards of an InfluxDB server
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Asks an InfluxDB server of a release from 0.10 to 1.x over HTTP. Only reads.
  - Passwords and their hashes are not shown by the server, and so not by this module.
extends_documentation_fragment:
  - dbfleet.upgrade.influxdb
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
options:
  gather:
    description:
      - What to ask for. The version is always returned, and needs no credentials; the others need an administrator's.
    type: list
    elements: str
    choices: [version, metadata, shards]
    default: [version, metadata]
"""

EXAMPLES = r"""
- name: See which release answers
  dbfleet.upgrade.influxdb_info:
    host: "{{ ansible_host }}"
    gather: [version]
  delegate_to: localhost

- name: Read databases, users and shards over HTTPS with an authority of our own
  dbfleet.upgrade.influxdb_info:
    host: "{{ inventory_hostname }}"
    ssl: true
    ca_path: /etc/ssl/our-ca.pem
    username: admin
    password: "{{ influxdb_admin_password }}"
    gather: [version, metadata, shards]
  delegate_to: localhost
  register: influxdb_seen
"""

RETURN = r"""
version:
  description: Release, from the header of C(/ping).
  returned: success
  type: str
  sample: 1.4.3
version_tuple:
  description: The release as a list of three numbers, for comparisons; empty where it does not begin with a number.
  returned: success
  type: list
  elements: int
  sample: [1, 4, 3]
build:
  description: Kind of build, from the header of C(/ping); null before 1.4, which does not say.
  returned: success
  type: str
  sample: OSS
auth_enabled:
  description: Whether the server refuses a question without credentials.
  returned: success
  type: bool
authenticated:
  description:
    - Whether the server accepts the credentials as an administrator's. Null where it asks for none.
    - With metadata or shards in O(gather), refused credentials are a failure.
  returned: success
  type: bool
metadata:
  description: Databases and users, each sorted by name.
  returned: when O(gather) has V(metadata)
  type: dict
  contains:
    databases:
      description: The databases, C(_internal) among them.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the database.
          type: str
        retention_policies:
          description:
            - Name, duration, shard_group_duration, replica_n and whether it is the default.
            - Durations are as the server writes them, C(0s) being for ever. Releases before 0.12 do not show shard_group_duration, which
              is then null.
          type: list
          elements: dict
          sample: [{name: autogen, duration: 0s, shard_group_duration: 168h0m0s, replica_n: 1, default: true}]
        continuous_queries:
          description: Name and query.
          type: list
          elements: dict
        subscriptions:
          description: Policy, name, mode and destinations.
          type: list
          elements: dict
    users:
      description: The users.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the user.
          type: str
        admin:
          description: Whether the user has all privileges on the server.
          type: bool
        grants:
          description: Privilege on each database.
          type: dict
          sample: {metrics: READ}
shards:
  description: Rows of C(SHOW SHARDS), by id.
  returned: when O(gather) has V(shards)
  type: list
  elements: dict
  contains:
    id:
      description: Number of the shard.
      type: int
    database:
      description: Its database.
      type: str
    policy:
      description: Its retention policy.
      type: str
    group:
      description: Number of the shard group.
      type: int
    start:
      description: First time, RFC3339.
      type: str
    end:
      description: First time after it, RFC3339.
      type: str
    expiry:
      description: When its retention policy removes it, RFC3339; null for never.
      type: str
    owners:
      description: Nodes that hold it; empty in single servers from 0.12.
      type: str
reason:
  description: Why the server could not be asked (V(credentials), V(tls), V(library), V(unreachable) or V(server)).
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_client import ARGUMENTS, connect
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_metadata import read_info


def main():
    # type: () -> None
    gather = {
        "type": "list",
        "elements": "str",
        "choices": ["version", "metadata", "shards"],
        "default": ["version", "metadata"],
    }
    module = AnsibleModule(argument_spec=dict(ARGUMENTS, gather=gather), supports_check_mode=True)
    params = module.params
    run(module, lambda: dict(read_info(connect(params), params["gather"], bool(params["username"])), changed=False))


if __name__ == "__main__":
    main()
