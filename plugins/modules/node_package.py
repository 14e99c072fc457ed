#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: node_package
short_description: Keep a proved package file of a release ready on a node
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Brings the package of one release into a folder of the node, from the first source that has it. It is the new release to install,
    or the old one to go back to.
  - Every package is proved. Name, version and architecture are the ones asked for, and its content can be read to the end. Of one
    made from the installed files, every file, the program among them, equals the installed one.
  - A package that is there already, as its note tells (C(.json) beside it, with the digest), is used again.
  - Run in check mode it answers, without any effect, whether and from where the package can be had.
  - Debian packages only.
options:
  name:
    description: Name of the package.
    type: str
    required: true
  version:
    description: The release, as upstream calls it (C(1.3.9)) or with the package's build number (C(1.3.9-1)).
    type: str
    required: true
  arch:
    description: Architecture of the package. The node's own if left out.
    type: str
  dest:
    description: The folder that receives the package, below the state folder. Made with mode 0700.
    type: path
    required: true
  sources:
    description:
      - Where to look, in this order.
      - V(file) is the file in O(path).
      - V(cache) is what apt keeps of its downloads in C(/var/cache/apt/archives).
      - V(repository) is C(apt-get download) from the node's own repositories, with the lists as they are.
      - V(installed) makes the package anew from the installed files and dpkg's records. Configuration files are packed as they are now.
        Configuration files that were removed, and documentation that the system keeps off the disk, are left out.
    type: list
    elements: str
    choices: [file, cache, repository, installed]
    default: [file, cache, repository, installed]
  path:
    description: A package file that is on the node already. In O(dest) it is used as it lies there, elsewhere it is copied.
    type: path
  sha256:
    description: The digest of the package as published. Required with O(path); demanded of every source but V(installed).
    type: str
attributes:
  check_mode:
    support: full
    description: Says from which source the package would come, and has no effect.
  diff_mode:
    support: none
    description: A package has no lines to compare.
  platform:
    support: full
    platforms: posix
    description: Runs on the node as root, with Python 2.7 or 3.6 and newer, standard library only.
"""

EXAMPLES = r"""
- name: Is there a way back to the release that runs now?
  dbfleet.upgrade.node_package:
    name: influxdb
    version: 1.3.9
    dest: /var/lib/dbfleet/backup/influxdb-1.3.9-1.4.3
    sources: [cache, repository, installed]
  check_mode: true
  register: way_back

- name: Keep the package for the way back
  dbfleet.upgrade.node_package:
    name: influxdb
    version: 1.3.9
    dest: /var/lib/dbfleet/backup/influxdb-1.3.9-1.4.3
    sources: [cache, repository, installed]

- name: Stage the new release
  dbfleet.upgrade.node_package:
    name: influxdb
    version: 1.4.3
    dest: /var/lib/dbfleet/stage
    sources: [file]
    path: /root/influxdb_1.4.3_amd64.deb
    sha256: 6bf4a7a0e7b2b8a0ab4d6a0b4dd0ec7e0a2d8f5d3c6a1d9b0e4f3a2c1b0d9e8f
"""

RETURN = r"""
path:
  description: The package file; in check mode where it would be.
  type: str
  returned: success
sha256:
  description: Its digest. Null in check mode for a package that is not there yet.
  type: str
  returned: success
size:
  description: Its size in bytes. Null in check mode for a package that is not there yet.
  type: int
  returned: success
name:
  description: Name of the package.
  type: str
  returned: success
version:
  description: Version of the package, with its build number.
  type: str
  returned: success
  sample: 1.3.9-1
arch:
  description: Architecture of the package.
  type: str
  returned: success
source:
  description: Where it came from, V(file), V(cache), V(repository) or V(rebuilt).
  type: str
  returned: success
reason:
  description: C(no-rollback-package) where no source has the package.
  type: str
  returned: failure
tried:
  description: Why each source could not give the package.
  type: dict
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _node, _repack
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run

try:
    from typing import Any, Dict  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

SOURCES = ["file", "cache", "repository", "installed"]


def keep(options, check_mode):
    # type: (Dict[str, Any], bool) -> Dict[str, Any]
    """Return the result of the module."""
    sources = {
        "file": _repack.File(options["path"], run_command),
        "cache": _repack.Cache(run_command),
        "repository": _repack.Repository(run_command),
        "installed": _repack.Installed(run_command),
    }
    arch = options["arch"] or _node.architecture(run_command)
    wanted = _repack.Wanted(options["name"], options["version"], arch, options["sha256"])
    chosen = [sources[name] for name in options["sources"]]
    return _repack.obtain(chosen, wanted, options["dest"], run_command, check_mode)


def main():
    # type: () -> None
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "arch": {"type": "str"},
            "dest": {"type": "path", "required": True},
            "sources": {"type": "list", "elements": "str", "choices": SOURCES, "default": SOURCES},
            "path": {"type": "path"},
            "sha256": {"type": "str"},
        },
        required_by={"path": ["sha256"]},
        supports_check_mode=True,
    )
    run(module, lambda: keep(module.params, module.check_mode))


if __name__ == "__main__":
    main()
