# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Python 2.7 and Python 3 have under different names."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import sys

if sys.version_info[0] >= 3:
    from http.client import HTTPConnection, HTTPException
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from socketserver import ThreadingMixIn
    from urllib.parse import parse_qsl, unquote
else:
    import urllib

    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer
    from httplib import HTTPConnection, HTTPException
    from SocketServer import ThreadingMixIn
    from urlparse import parse_qsl as _parse_qsl

    def unquote(text):
        return urllib.unquote(bytes(text)).decode("utf-8")

    def parse_qsl(text, keep_blank_values):
        pairs = _parse_qsl(bytes(text), keep_blank_values)
        return [(name.decode("utf-8"), value.decode("utf-8")) for name, value in pairs]


TEXT = type("")
"""The type of text, which is what a literal is here."""

__all__ = [
    "TEXT",
    "BaseHTTPRequestHandler",
    "HTTPConnection",
    "HTTPException",
    "HTTPServer",
    "ThreadingMixIn",
    "parse_qsl",
    "unquote",
]
