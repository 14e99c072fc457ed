# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that speaks to Cloudant Local or Apache CouchDB over HTTP."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  port:
    description: Port of the clustered HTTP interface.
    type: int
    default: 5984
  ssl:
    description: Whether the nodes speak HTTPS (port 6984, as a rule).
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
      - A server administrator. Release 3 shows members, configuration and databases to nobody else.
      - The release and C(/_up) are asked for without credentials, unless the server insists on them (C(require_valid_user)).
    type: str
  password:
    description: Password of O(username). It is sent in a header or a body, never as a part of the URL.
    type: str
  auth:
    description:
      - How to log in.
      - With V(cookie) the password is sent once to C(/_session), and again only when the cookie has expired. Through a load balancer it
        needs the same secret and the same hash of the password on all nodes.
    type: str
    choices: [basic, cookie]
    default: basic
  timeout:
    description: Seconds to wait for a connection, and for the next byte of an answer.
    type: int
    default: 30
  retries:
    description:
      - How often a request that only reads is repeated, half a second later, when the connection is refused or breaks.
      - A request that changes something is made once, and one that timed out is not repeated.
    type: int
    default: 2
requirements:
  - requests >= 2.20.0 (Python library), on the host on which the module runs
notes:
  - Proxies, certificate bundles and C(.netrc) named by the environment are not used.
  - >-
    A failure returns RV(ignore:reason), so that a play can decide without reading prose.
    V(credentials) means that the user or password is wrong or not an administrator's;
    V(tls) that the certificate is not trusted, has expired or belongs to another name;
    V(unreachable) that nobody answers in time;
    V(node-down) that the node that answers has no connection to the one that is asked for;
    V(not-found) that there is no such node or database;
    V(library) that a Python library is missing;
    V(server) that the answer is another error or cannot be understood.
"""

    HOST = r"""
options:
  host:
    description:
      - Name or address of a node, as seen from the host on which the module runs.
      - It has to be a node's own, not a load balancer's, behind which another node may answer each time.
    type: str
    default: localhost
"""

    NODE_LOCAL = r"""
options:
  node_local_port:
    description:
      - Port of the node-local HTTP interface (the C(backdoor)) of releases before 3, which tells of the copies of shards.
      - These releases open it to the node itself only, unless their configuration says otherwise. Release 3 has none and needs none.
    type: int
    default: 5986
"""
