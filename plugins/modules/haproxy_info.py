#!/usr/bin/python
# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: haproxy_info
short_description: Show the backends of an HAProxy, and which servers are given requests
version_added: 0.1.0
author:
  - dbfleet contributors (@dbfleet)
description:
  - Reads the statistics of an HAProxy as CSV, from its page or from its socket. Only reads.
  - Works with HAProxy 1.4 and later. What a release does not tell is null.
  - HAProxy sees a change after the next checks of a server only. Ask until the state is there (C(until)), never once.
attributes:
  check_mode:
    support: full
    description: Reads only, so that check mode makes no difference.
options:
  url:
    description:
      - The statistics page, as C(stats uri) in C(haproxy.cfg) names it. The C(;csv) is added.
      - Either this or O(socket) is needed.
      - Redirects are not followed, and proxies of the environment are not used.
    type: str
  username:
    description: The user, where the page has C(stats auth).
    type: str
  password:
    description: Password of O(username). It is sent in a header.
    type: str
  validate_certs:
    description: Whether the certificate of an HTTPS page is verified.
    type: bool
    default: true
  ca_path:
    description:
      - PEM file with the certificate authorities to trust, on the host on which the module runs.
      - Without it, those that the Python library C(requests) trusts.
    type: path
  socket:
    description:
      - The C(stats socket) on the host on which the module runs, for example V(/run/haproxy/admin.sock). Of its levels, V(user) is enough.
    type: path
  backend:
    description:
      - The only backend to show. It is a failure if HAProxy does not show it.
      - Without it, all are shown.
    type: str
  timeout:
    description: Seconds to wait for a connection, and for the next byte of the answer.
    type: int
    default: 10
requirements:
  - requests (Python library), on the host on which the module runs, for O(url)
notes:
  - Addresses of servers are shown since HAProxy 1.7, by a page with C(stats show-legends) and by a socket of level C(operator) or C(admin).
    C(stats admin) and C(stats auth) do not bring them.
  - Counters are those since HAProxy was started, and begin at 0 again after a reload.
    A reading of a page is itself one of the requests that its frontend counts, but not one of a backend's.
  - >-
    A failure returns RV(ignore:reason), so that a play can decide without reading prose.
    V(credentials) means that the page asks for another user or password;
    V(tls) that the certificate is not trusted, has expired or belongs to another name;
    V(unreachable) that nobody answers in time;
    V(backend) that O(backend) does not exist;
    V(server) that the answer is no CSV of HAProxy.
"""

EXAMPLES = r"""
- name: See which servers of a backend take requests
  dbfleet.upgrade.haproxy_info:
    url: http://lb1:8404/_haproxy_stats
    username: haproxy_stat
    password: "{{ haproxy_stats_password }}"
    backend: couchdbs
  delegate_to: localhost
  register: seen

- name: Wait until a server is out of rotation
  dbfleet.upgrade.haproxy_info:
    socket: /run/haproxy/admin.sock
    backend: couchdbs
  register: seen
  until: seen.backends[0].servers | selectattr('name', 'eq', 'couchdb2') | map(attribute='out') is all
  retries: 30
  delay: 2
"""

RETURN = r"""
backends:
  description: The backends, and those of C(listen) sections, in the order of C(haproxy.cfg).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the backend.
      type: str
    status:
      description: V(UP), or V(DOWN) when none of its servers is up. Servers that are V(NOLB) are not.
      type: str
    sessions:
      description: Sessions at this moment.
      type: int
    requests:
      description: Requests since the start; before 2.0, sessions since the start, which in HTTP mode are as many.
      type: int
    servers:
      description: Its servers.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the server.
          type: str
        address:
          description: Address and port. Null where HAProxy does not show it.
          type: str
          sample: 10.0.0.2:5984
        status:
          description:
            - As HAProxy shows it. V(UP 1/3) is a server whose checks begin to fail, V(DOWN 1/2) one whose checks begin to pass.
            - With C(http-check disable-on-404), a server that was up and answers its check with 404 becomes V(NOLB). One that comes
              up while it answers 404 stays V(DOWN), with RV(backends[].servers[].check_status) V(L7STS) and the code 404.
          type: str
          sample: NOLB
        out:
          description: Whether the server is given no new requests. So it is with V(NOLB), V(DRAIN), V(MAINT), V(DOWN), and a weight of 0.
          type: bool
        up:
          description: Whether the server is given requests and no check of it fails. A server on its way down is neither out nor up.
          type: bool
        check_status:
          description: Result of the last check, for example V(L7OK), V(L7OKC), V(L7STS), V(L4CON). Null without checks.
          type: str
          sample: L7OKC
        check_code:
          description: HTTP status that the last check got, if it got one.
          type: int
          sample: 404
        check_description:
          description: The result of the last check in words.
          type: str
          sample: Layer7 check conditionally passed
        weight:
          description: Weight at this moment.
          type: int
        active:
          description: Whether the server is an active one.
          type: bool
        backup:
          description: Whether the server is a backup.
          type: bool
        sessions:
          description: Sessions at this moment.
          type: int
        requests:
          description: Requests since the start, as for the backend.
          type: int
        downtime:
          description: Seconds for which the server was down since the start. Null without checks.
          type: int
        last_change:
          description: Seconds since the last change between up and down.
          type: int
frontends:
  description: The frontends, and those of C(listen) sections.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the frontend.
      type: str
    status:
      description: For example V(OPEN).
      type: str
    sessions:
      description: Sessions at this moment.
      type: int
    requests:
      description: Requests since the start; sessions for a frontend in TCP mode.
      type: int
reason:
  description: Why HAProxy could not be asked.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import run
from ansible_collections.dbfleet.upgrade.plugins.module_utils._haproxy import ARGUMENTS, overview, read


def main():
    # type: () -> None
    module = AnsibleModule(
        argument_spec=dict(ARGUMENTS, backend={"type": "str"}),
        mutually_exclusive=[["url", "socket"]],
        required_one_of=[["url", "socket"]],
        supports_check_mode=True,
    )
    run(module, lambda: dict(overview(read(module.params), module.params["backend"]), changed=False))


if __name__ == "__main__":
    main()
