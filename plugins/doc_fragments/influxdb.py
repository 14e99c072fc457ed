# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that speaks to InfluxDB over HTTP."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description: Name or address of the server, as seen from the host on which the module runs.
    type: str
    default: localhost
  port:
    description: Port of the HTTP interface.
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
      - Without it, those that the Python library C(requests) trusts.
    type: path
  username:
    description:
      - An administrator of the server. Others see only a part of the databases.
      - Needed only where the server asks for a password (C(auth-enabled = true)).
    type: str
  password:
    description:
      - Password of O(username).
      - It is sent in a header, never as a part of the URL, which the server would write to its log.
    type: str
  timeout:
    description:
      - Seconds to wait for a connection, and for the next byte of an answer. A request is made once and not tried again.
      - The server is silent while it counts; a folder of very large shards needs a longer time.
    type: int
    default: 30
requirements:
  - influxdb >= 5.3.0 (Python library), on the host on which the module runs
notes:
  - Proxies, certificate bundles and C(.netrc) named by the environment are not used.
  - >-
    A failure returns RV(ignore:reason), so that a play can decide without reading prose.
    V(credentials) means that the user or password is wrong or not an administrator's;
    V(tls) that the certificate is not trusted, has expired or belongs to another name;
    V(unreachable) that nobody answers in time;
    V(server) that the answer is an error or cannot be understood.
"""
