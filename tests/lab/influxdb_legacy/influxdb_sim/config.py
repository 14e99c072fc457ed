# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file: as much of TOML as the vendor's files use."""

from __future__ import absolute_import, division, print_function, unicode_literals

__metaclass__ = type

import io
import json
import re
import socket

from influxdb_sim import durations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple  # noqa: F401 (read by type comments)

SECTION = re.compile(r"\[([\w.-]+)\]$")
SETTING = re.compile(r"([\w-]+)\s*=\s*(.+)$")
COMMENT = re.compile(r"^((?:[^\"#]|\"[^\"]*\")*)#.*")


class Config:
    """Settings by section and name; what is not known is ignored, as the real server does."""

    def __init__(self, path):
        # type: (str) -> None
        with io.open(path, encoding="utf-8") as stream:
            self._sections = parse(stream.read())

    def get(self, section, name, default):
        # type: (str, str, Any) -> Any
        return self._sections.get(section, {}).get(name, default)

    @property
    def hostname(self):
        # type: () -> str
        return self.get("", "hostname", "") or socket.gethostname()

    @property
    def bind_address(self):
        # type: () -> str
        return self.get("", "bind-address", "0.0.0.0")

    @property
    def seeds(self):
        # type: () -> List[str]
        return self.get("cluster", "seed-servers", [])

    @property
    def raft_port(self):
        # type: () -> int
        return self.get("raft", "port", 8090)

    @property
    def protobuf_port(self):
        # type: () -> int
        return self.get("cluster", "protobuf_port", 8099)

    @property
    def connect_strings(self):
        # type: () -> Tuple[str, str]
        """Where the others find this server's raft and its data."""
        return "http://%s:%d" % (self.hostname, self.raft_port), "%s:%d" % (self.hostname, self.protobuf_port)

    def shard_duration(self, kind):
        # type: (str) -> int
        """Microseconds of a shard of 0.7, whose kinds are short-term and long-term."""
        usual = {"short-term": "7d", "long-term": "30d"}[kind]
        return durations.microseconds(self.get("sharding.%s" % kind, "duration", usual))

    @property
    def retention_sweep_period(self):
        # type: () -> float
        return durations.go_seconds(self.get("storage", "retention-sweep-period", "10m"))


def parse(text):
    # type: (str) -> Dict[str, Dict[str, Any]]
    """The settings of each section; ValueError where a line is none."""
    section = {}  # type: Dict[str, Any]
    sections = {"": section}
    for number, line in enumerate(text.splitlines(), 1):
        line = COMMENT.sub(r"\1", line).strip()
        header, setting = SECTION.match(line), SETTING.match(line)
        if header:
            section = sections.setdefault(header.group(1), {})
        elif setting:
            section[setting.group(1)] = _value(setting.group(2), number)
        elif line:
            raise ValueError("Near line %d: cannot read %r" % (number, line))
    return sections


def _value(text, number):
    # type: (str, int) -> Any
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("Near line %d: cannot read the value %r" % (number, text))
