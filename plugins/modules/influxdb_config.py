#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation of the action plugin of the same name, which does the work.

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: influxdb_config
short_description: Carry the configuration of InfluxDB onto the packaged one of a newer release
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Merges three texts. What differs between the node's configuration and the defaults of the program it has is the user's;
    that is carried onto the packaged configuration of the new release, whose comments stay.
  - Values are compared by meaning, so that V(1m) is V(1m0s) and V(25m) is V(26214400).
  - Settings that have another place in the new release are moved, for example from C([cluster]) to C([coordinator]). Settings that
    it no longer reads are left out. Both are reported, and so are defaults that change under settings which the file leaves to the
    program.
  - The folders of metadata, data and write-ahead log are always written down.
  - Comments of the node's file are not carried. The file itself is never changed.
  - Values whose key contains secret, password, token or credential are shown as V(***) everywhere.
  - The merge happens on the controller, which needs the Python library tomlkit.
options:
  path:
    description: The configuration on the node.
    type: str
    default: /etc/influxdb/influxdb.conf
  program:
    description:
      - The C(influxd) of the installed release on the node, which is asked for its defaults with C(influxd config).
      - After the package of the new release was installed, the kept copy of the old program.
    type: str
    default: /usr/bin/influxd
  packaged:
    description: The text of the configuration in the package of the new release.
    type: str
    required: true
  from_version:
    description: The release of O(program), for example V(1.3.9).
    type: str
    required: true
  to_version:
    description: The release of O(packaged), for example V(1.4.3).
    type: str
    required: true
  dest:
    description:
      - Where on the node the merged configuration is written, with mode 0600. Its folder must exist.
      - Without it nothing is written.
    type: str
  validate_with:
    description:
      - The C(influxd) of the new release on the node. It is run as C(influxd config -config DEST), and must end with exit code 0
        without a word of deprecated settings, otherwise the task fails.
      - Needs O(dest). Without it the merged configuration is not checked by a program.
    type: str
attributes:
  action:
    support: full
    description: The merge happens on the controller.
  check_mode:
    support: full
    description: Reads and merges, writes nothing. Does not validate unless O(dest) holds the merged text already.
  diff_mode:
    support: full
    description: Shows the node's configuration and the merged one, without secrets.
  platform:
    support: full
    platforms: posix
    description: Needs nothing on the node but Python, the program and the usual C(env).
"""

EXAMPLES = r"""
- name: See what an upgrade does to the configuration
  dbfleet.upgrade.influxdb_config:
    from_version: 1.3.9
    to_version: 1.4.3
    packaged: "{{ lookup('ansible.builtin.file', 'influxdb-1.4.3.conf') }}"
  register: config

- name: Write it beside the staged package and let the new program read it
  dbfleet.upgrade.influxdb_config:
    from_version: 1.3.9
    to_version: 1.4.3
    packaged: "{{ lookup('ansible.builtin.file', 'influxdb-1.4.3.conf') }}"
    dest: /var/lib/dbfleet/stage/influxdb.conf
    validate_with: /var/lib/dbfleet/stage/usr/bin/influxd
"""

RETURN = r"""
changed:
  description: Whether O(dest) was written, in check mode whether it would be. False without O(dest).
  type: bool
  returned: always
diff:
  description: The node's configuration (before) and the merged one (after), without secrets.
  type: dict
  returned: always
carried:
  description: The user's values that the merged configuration holds.
  type: list
  elements: dict
  returned: success
  contains:
    key:
      description: Where it stands, for example C([http] auth-enabled), or C([[udp]] 1:) with its key for the first table of an array.
      type: str
    value:
      description: The value.
      type: raw
  sample:
    - key: "[http] auth-enabled"
      value: true
renamed:
  description: The user's values that have another place in the merged configuration.
  type: list
  elements: dict
  returned: success
  contains:
    from:
      description: Where it stood.
      type: str
    to:
      description: Where it stands.
      type: str
    value:
      description: The value; null for a section that became an array.
      type: raw
  sample:
    - from: "[cluster] query-timeout"
      to: "[coordinator] query-timeout"
      value: 30s
dropped:
  description: The values of the node's configuration that the merged one does not hold.
  type: list
  elements: dict
  returned: success
  contains:
    key:
      description: Where it stood.
      type: str
    value:
      description: The value.
      type: raw
    release:
      description: The first release that ignores it; null where no release reads such a key.
      type: str
    reason:
      description: Why it is dropped and what follows.
      type: str
    default:
      description: Whether nothing changes by it, because it was the default of the old release or already ignored.
      type: bool
  sample:
    - key: "[admin] enabled"
      value: true
      release: "1.3"
      reason: the web administration interface is gone and its port (8083) stays closed
      default: true
unchanged_defaults_that_change:
  description: What the node's configuration leaves to the program, and the new release does in another way.
  type: list
  elements: dict
  returned: success
  contains:
    key:
      description: The setting.
      type: str
    old:
      description: What the old program does; null for a limit that it did not have.
      type: raw
    new:
      description: What the new release does.
      type: raw
    release:
      description: The release that changed it.
      type: str
    consequence:
      description: What follows.
      type: str
  sample:
    - key: bind-address
      old: ":8088"
      new: "127.0.0.1:8088"
      release: "1.3"
      consequence: backups are possible from the node itself only
findings:
  description:
    - What an owner of the node should know, each with C(id), C(severity) (V(warning) or V(info)), C(message) and C(remedy).
    - The ids are C(config-backup-address), C(config-max-row-limit), C(series-limits), C(config-admin), C(config-ifql),
      C(config-set-twice), C(config-dropped) and C(config-unknown).
  type: list
  elements: dict
  returned: success
candidate:
  description: The merged configuration on the node; null without O(dest).
  type: dict
  returned: success
  contains:
    dest:
      description: Its path.
      type: str
    sha256:
      description: The SHA-256 of the merged text. In check mode the file need not be there yet.
      type: str
    validated:
      description: Whether O(validate_with) has accepted it.
      type: bool
"""
