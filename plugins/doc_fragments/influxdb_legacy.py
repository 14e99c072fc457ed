# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that speaks to InfluxDB 0.7 or 0.8."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description: Name or address of the server, as seen from the host on which the module runs.
    type: str
    default: localhost
  port:
    description: Port of the HTTP API; C(8084) as a rule where it speaks HTTPS.
    type: int
    default: 8086
  ssl:
    description: Whether the server speaks HTTPS.
    type: bool
    default: false
  validate_certs:
    description: Whether the certificate of an HTTPS server is verified.
    type: bool
    default: true
  ca_path:
    description:
      - PEM file with the certificate authorities to trust, on the host on which the module runs.
      - Without it, those that this host trusts.
    type: path
  username:
    description: A cluster administrator. Users of a database have no access.
    type: str
  password:
    description:
      - Password of O(username).
      - It is sent in a header. Only where user or password has a colon, which these releases cannot read there, both are a part of the URL;
        that is never shown, and the server does not write it to its log.
    type: str
  timeout:
    description: Seconds to wait for a connection, and for the next byte of an answer. A request is made once and not tried again.
    type: int
    default: 30
notes:
  - Needs nothing but Python on the host on which it runs, from 2.7 on.
  - Ansible blanks out the password wherever a result has it. As long as it is C(root), the name of the user that every server begins with,
    that name is blanked out too.
  - Proxies and C(.netrc) named by the environment are not used.
"""

    STORAGE = r"""
options:
  data_dir:
    description: Folder of the server with C(db) and C(raft) in it, on the host on which the module runs.
    type: path
    default: /opt/influxdb/shared/data
  log_file:
    description:
      - The log of the server (C([logging]) C(file)), which has to be written with C(level = "info").
      - Where a migration may run, the logs that 0.8 put away at midnight (C(log.txt.001)) are read as well.
    type: path
    default: /opt/influxdb/shared/log.txt
"""
