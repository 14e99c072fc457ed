#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: cloudant_install
short_description: Replace the release of Cloudant Local on a node
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Uninstalls the release of Cloudant Local on one node, runs the installer of a newer one, and carries the configuration over. The data
    stay where they are.
  - "The configuration is kept first. CAST is given users, cookie, uuid, quorum and secret of a database node as they were, or
    statistics user and servers of a load balancer node."
  - A database node comes back as the member that it was, and in maintenance. What else C(local.ini) had is merged into the new one, and
    kept files that are gone are put back; C(default.ini) and C(default.d) are the new release's. The node is stopped meanwhile; take it out
    of service before.
  - A load balancer node gets its own C(haproxy.cfg) back, if its HAProxy takes it. The one that CAST made stays beside it.
  - "A call that was cut off, or failed, is called again with the same O(id): it goes on from there. A second call waits for a first that
    still runs."
  - There is no way back to the former release.
options:
  kind:
    description: V(db) for a database node, V(lb) for a load balancer node. A node that is both is refused.
    type: str
    choices: [db, lb]
    required: true
  version:
    description: The vendor's release that O(installer) brings.
    type: str
    required: true
  installer:
    description: The vendor's installer on the node. It is made executable.
    type: path
    required: true
  id:
    description: Name of the change. The copies of the configuration are in C(backup/ID/cloudant) below O(state_dir).
    type: str
    required: true
  state_dir:
    description:
      - Folder for copies, how far the change is (C(cloudant_install.json)) and what its commands print (C(cloudant_install.log)).
        Only root can read it.
    type: path
    default: /var/lib/dbfleet
  cast_path:
    description: Where C(cast) lies on the node.
    type: path
    default: /opt/cloudant/bin/cast
  user:
    description: The user of the database server, whose processes are ended after the uninstallation.
    type: str
    default: cloudant
  timeout:
    description: Seconds for one command, and for the end of another call or of a command that a former call left running.
    type: int
    default: 1800
attributes:
  check_mode:
    support: full
    description: Checks what is checked beforehand, predicts C(changed) and RV(steps), and changes nothing.
  diff_mode:
    support: none
    description: What was kept and what is new are both on the node.
  platform:
    support: full
    platforms: posix
    description: Runs on the node as root, with Python 2.7 or 3.6 and newer, standard library only.
seealso:
  - module: dbfleet.upgrade.cloudant_maintenance
  - module: dbfleet.upgrade.cloudant_node_info
"""

EXAMPLES = r"""
- name: Upgrade a database node that is out of service
  dbfleet.upgrade.cloudant_install:
    kind: db
    version: 1.1.0
    installer: /root/cloudant-1.1.0-984-el6-x86_64.bin
    id: cloudant-1.0.0.5-1.1.0
  become: true

- name: Upgrade a load balancer node whose address is elsewhere
  dbfleet.upgrade.cloudant_install:
    kind: lb
    version: 1.1.0
    installer: /root/cloudant-1.1.0-984-el6-x86_64.bin
    id: cloudant-1.0.0.5-1.1.0
  become: true
"""

RETURN = r"""
version:
  description: The release that is installed; in check mode the one that would be.
  returned: success
  type: str
  sample: 1.1.0
former:
  description: The release before. Null where a former call left nothing that tells it.
  returned: success
  type: str
  sample: 1.0.0.5
kept:
  description: Folder of the copies. In check mode, and where nothing was to be done, the folder where they would be.
  returned: always
  type: str
  sample: /var/lib/dbfleet/backup/cloudant-1.0.0.5-1.1.0/cloudant
steps:
  description: What this call did, of V(keep), V(uninstall), V(install) and V(configure); in check mode what it would do.
  returned: always
  type: list
  elements: str
notes:
  description: What a person may want to look at.
  returned: success
  type: list
  elements: str
  sample: ["vm.args had also: +K true"]
downtime:
  description:
    - Seconds from the beginning of the uninstallation to the end of the installation, with the time between two calls.
    - Null if nothing was stopped.
  returned: success
  type: float
  sample: 12.4
stopped:
  description: Whether the node is without a running product.
  returned: failure
  type: bool
reason:
  description:
    - V(installer), it is not there, is no program, or brought another release; V(package), the product of this kind is not installed, is
      newer, or is not alone; V(name), the host's name makes another Erlang name; V(credentials), a password is not hashed, or there is
      no cookie; V(config), a file is missing or cannot be understood; V(unfinished), another change was cut off.
    - V(copies), the kept files are missing; V(command), a command failed; V(processes), some do not end; V(busy), another call or command
      still runs; V(identity), CAST gave the node another name or cookie; V(haproxy), HAProxy does not take the kept file;
      V(maintenance), the node is not in maintenance; V(system), the operating system refused something.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_host import Host
from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_install import ARGUMENTS, Installation
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def install(options, check_mode):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    """Return the result of the module."""
    return Installation(options, Host(options["state_dir"], options["timeout"])).ensure(check_mode)


def main():
    # type: () -> None
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    run(module, lambda: install(module.params, module.check_mode))


if __name__ == "__main__":
    main()
