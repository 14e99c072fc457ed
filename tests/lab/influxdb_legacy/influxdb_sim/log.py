# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log file."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import os
import time

PROJECT = "github.com/influxdb/influxdb/"


class Log:
    """Lines with the places in the vendor's sources that write them, because people search for those too."""

    def __init__(self, path):
        # type: (str) -> None
        # Without a buffer, and opened to append: lines of several threads do not mix.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def info(self, place, text):
        # type: (str, str) -> None
        self._write("INFO", place, text)

    def error(self, place, text):
        # type: (str, str) -> None
        self._write("EROR", place, text)

    def _write(self, level, place, text):
        # type: (str, str, str) -> None
        now = time.strftime("%Y/%m/%d %H:%M:%S UTC", time.gmtime())
        place = place if place.startswith("main.") else PROJECT + place
        os.write(self._file, ("[%s] [%s] (%s) %s\n" % (now, level, place, text)).encode("utf-8"))
