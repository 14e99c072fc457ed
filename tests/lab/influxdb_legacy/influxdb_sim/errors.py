# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a request ends that does not succeed."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type


class ApiError(Exception):
    """An answer in plain text with a status other than 200."""

    def __init__(self, status, text):
        # type: (int, str) -> None
        Exception.__init__(self, text)
        self.status, self.text = status, text


class HandlerPanic(Exception):
    """A panic while a request is served: Go's server drops the connection without an answer and goes on."""


class Panic(Exception):
    """A panic anywhere else: the whole process ends."""
