#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: node_copies
short_description: Keep proved copies of files and folders of a node
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Copies files and folders with their owners and modes into a folder that only root can read, and reads every copy back.
  - Copies are made once. A folder that holds a complete set is never written again, so that a second run cannot replace
    the state before an upgrade by the state in the middle of it.
  - Regular files are copied. Links, sockets and pipes are not.
options:
  paths:
    description: Files and folders to copy. One that does not exist is reported, not an error.
    type: list
    elements: path
    required: true
  dest:
    description: The folder that receives the copies, below the state folder. Made with mode 0700.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: Says whether copies would be made, and makes none.
  diff_mode:
    support: none
    description: The copies equal their sources.
  platform:
    support: full
    platforms: posix
    description: Runs on the node, with Python 2.7 or 3.6 and newer, standard library only.
"""

EXAMPLES = r"""
- name: Keep the configuration and the metadata
  dbfleet.upgrade.node_copies:
    paths:
      - /etc/influxdb/influxdb.conf
      - /var/lib/influxdb/meta
    dest: /var/lib/dbfleet/backup/influxdb-1.3.9-1.4.3/files
"""

RETURN = r"""
path:
  description: The folder of the copies.
  type: str
  returned: always
files:
  description: The copied files, with path, copy (below the folder), sha256, bytes, mode, uid and gid.
  type: list
  elements: dict
  returned: when copies exist
absent:
  description: The paths that did not exist.
  type: list
  elements: str
  returned: when copies exist
bytes:
  description: Size of all copies in bytes.
  type: int
  returned: when copies exist
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _copies
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run

try:
    from typing import Any, Dict, List  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass


def keep(paths, dest, check_mode):
    # type: (List[str], str, bool) -> Dict[str, Any]
    """Return the result of the module."""
    kept = bool(_copies.read(dest))
    if check_mode and not kept:
        return {"changed": True, "path": dest}
    manifest = _copies.verify(dest) if kept else _copies.keep(paths, dest)
    size = sum(entry["bytes"] for entry in manifest["files"])
    return dict(manifest, changed=not kept, path=dest, bytes=size)


def main():
    # type: () -> None
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "path", "required": True},
            "dest": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    run(module, lambda: keep(module.params["paths"], module.params["dest"], module.check_mode))


if __name__ == "__main__":
    main()
