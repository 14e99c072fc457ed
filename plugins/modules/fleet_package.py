#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: fleet_package
short_description: Read a package on the controller
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Reads a package file from end to end, so that one that is damaged, cut off or not a package at all is found before any node is
    touched, and returns what it says of itself.
  - Downloads it first if an address is given, and keeps it under its digest.
  - Runs on the controller, without dpkg, and looks at no host.
  - Reads Debian packages that are not compressed or are compressed with gzip or xz. Packages for rpm are not supported yet.
  - Of Cloudant Local's installer (C(.bin)), which only itself can open, it reads the name that IBM gave it. Whether it is whole, only
    C(sha256) can tell.
options:
  package:
    description: Where the package is. Exactly one of C(file), C(url) and C(repository) has to be given.
    type: dict
    required: true
    suboptions:
      file:
        description: A file on the controller. Where it is relative, it is looked up from the folder in which Ansible was started.
        type: path
      url:
        description: An address to download it from, with C(http) or C(https). The environment's proxies are used.
        type: str
      repository:
        description: The name of a package in the repositories of the nodes, which fetch it themselves. Only the name is returned.
        type: str
      sha256:
        description: The SHA-256 that the file must have, 64 hexadecimal digits. Required with O(package.url).
        type: str
      ca_path:
        description: A file or folder with the certificates of the authorities to trust in place of the usual ones.
        type: path
      validate_certs:
        description: Whether the server has to prove who it is. Downloads are compared with O(package.sha256) in any case.
        type: bool
        default: true
  cache_dir:
    description: The folder on the controller where downloads are kept, each below its digest. Made if it is not there.
    type: path
    default: ~/.cache/dbfleet
  expect_name:
    description: The name the package must have. Not given, or empty, means any.
    type: str
  expect_version:
    description: The release the package must hold. Not given, or empty, means any.
    type: str
requirements:
  - requests on the controller, with O(package.url)
attributes:
  action:
    support: full
    description: Runs on the controller.
  async:
    support: none
    description: Long downloads are part of the task.
  check_mode:
    support: partial
    description:
      - A package that has to be downloaded is downloaded into O(cache_dir), as the plan cannot be shown without it.
      - Nothing else changes.
  diff_mode:
    support: none
    description: Nothing is changed that a difference could be shown of.
seealso:
  - module: dbfleet.upgrade.fleet_plan
"""

EXAMPLES = r"""
- name: Read a package
  dbfleet.upgrade.fleet_package:
    package:
      file: influxdb_1.4.3_amd64.deb
    expect_name: influxdb
    expect_version: 1.4.3
  delegate_to: localhost
  register: package

- name: Download and read a package
  dbfleet.upgrade.fleet_package:
    package:
      url: https://mirror.example.com/influxdb_1.4.3_amd64.deb
      sha256: "{{ influxdb_sha256 }}"
      ca_path: /etc/ssl/private-ca.pem
  delegate_to: localhost
"""

RETURN = r"""
changed:
  description: Whether the package was downloaded.
  returned: success
  type: bool
source:
  description: V(file), V(url) or V(repository).
  returned: success
  type: str
  sample: file
name:
  description: The name of the package.
  returned: success
  type: str
  sample: influxdb
path:
  description: The file on the controller, absolute.
  returned: for a file and an address
  type: str
  sample: /home/me/influxdb_1.4.3_amd64.deb
sha256:
  description: The SHA-256 of the file.
  returned: for a file and an address
  type: str
size:
  description: The size of the file in bytes.
  returned: for a file and an address
  type: int
  sample: 9784260
installed_size:
  description: The bytes it needs when it is installed, as it says itself.
  returned: for a file and an address
  type: int
  sample: 25781248
version:
  description: The release it holds.
  returned: for a file and an address
  type: str
  sample: 1.4.3
package_version:
  description: The version of the package, with what the packager adds.
  returned: for a file and an address
  type: str
  sample: 1.4.3-1
arch:
  description: The architecture it is made for, as dpkg names it.
  returned: for a file and an address
  type: str
  sample: amd64
manager:
  description: The package manager it is made for, or V(installer) where it installs itself.
  returned: for a file and an address
  type: str
  sample: dpkg
system:
  description: The system that an installer is made for, as its name says; empty for a package.
  returned: for a file and an address
  type: str
  sample: el6
conffiles:
  description: The text of each configuration file in the package, by its path.
  returned: for a file and an address
  type: dict
"""
