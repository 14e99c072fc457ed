#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: node_package_info
short_description: Read what the package of a release holds that the node's own repositories offer
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Fetches the package of one release from the repositories that the node is set up to use, with C(apt-get download) and the lists
    as they are, reads it from end to end, and removes it again.
  - Says of it what M(dbfleet.upgrade.fleet_package) says of a package on the controller, so that an upgrade can be planned with
    either.
  - Debian packages only.
options:
  name:
    description: Name of the package.
    type: str
    required: true
  version:
    description: The release, as upstream calls it (C(1.4.3)) or with the package's build number (C(1.4.3-1)).
    type: str
    required: true
  arch:
    description: Architecture of the package. The node's own if left out.
    type: str
attributes:
  check_mode:
    support: full
    description: The same in check mode. Only a temporary folder is written to, and removed.
  diff_mode:
    support: none
    description: Nothing is changed that a difference could be shown of.
  platform:
    support: full
    platforms: posix
    description: Runs on the node, with Python 2.7 or 3.6 and newer, standard library only.
seealso:
  - module: dbfleet.upgrade.fleet_package
  - module: dbfleet.upgrade.node_package
"""

EXAMPLES = r"""
- name: What would the upgrade install?
  dbfleet.upgrade.node_package_info:
    name: influxdb
    version: 1.4.3
  register: offered
"""

RETURN = r"""
source:
  description: Always V(repository).
  type: str
  returned: success
name:
  description: Name of the package.
  type: str
  returned: success
  sample: influxdb
version:
  description: The release it holds.
  type: str
  returned: success
  sample: 1.4.3
package_version:
  description: Version of the package, with its build number.
  type: str
  returned: success
  sample: 1.4.3-1
arch:
  description: Architecture of the package.
  type: str
  returned: success
  sample: amd64
sha256:
  description: The SHA-256 of the file.
  type: str
  returned: success
size:
  description: The size of the file in bytes.
  type: int
  returned: success
installed_size:
  description: The bytes it needs when it is installed, as it says itself; 0 where it does not say.
  type: int
  returned: success
conffiles:
  description: The text of each configuration file in the package, by its path.
  type: dict
  returned: success
reason:
  description: C(package-repository) where the repositories do not offer it, or what they offer is damaged.
  type: str
  returned: failure
why:
  description: What stood in the way, in one sentence.
  type: str
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _node, _offer, _repack
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def offered(options):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return the result of the module."""
    arch = options["arch"] or _node.architecture(run_command)
    return dict(_offer.offered(_repack.Wanted(options["name"], options["version"], arch, None), run_command), changed=False)


def main():
    # type: () -> None
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "arch": {"type": "str"},
        },
        supports_check_mode=True,
    )
    run(module, lambda: offered(module.params))


if __name__ == "__main__":
    main()
