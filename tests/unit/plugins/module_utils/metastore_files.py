# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recorded metastores, what the server said of them, and metastores made field by field."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import struct
import tarfile

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _influxdb_metadata
from ansible_collections.dbfleet.upgrade.plugins.module_utils._metastore import content_of
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils.influxdb_answers import (
    FIXTURES,
    client_of,
    recorded,
)

METASTORE = os.path.join(os.path.dirname(FIXTURES), "metastore")
META = os.path.join(METASTORE, "meta-0.11.1.00")
DAMAGED = os.path.join(METASTORE, "damaged")


def meta_00():
    return content_of(META)


def unpack(name, folder):
    """The recorded folders meta, data and wal of a server."""
    with tarfile.open(os.path.join(METASTORE, name)) as archive:
        archive.extractall(str(folder))


def shown():
    """What influxdb_info returns as metadata for the server of META."""
    return _influxdb_metadata.read_metadata(client_of(transport()))


def shown_shards():
    return _influxdb_metadata.read_shards(client_of(transport()))


def transport():
    """The grants of users that have none were not recorded."""
    found = recorded("0.11.1")
    nothing = [u'{"results":[{"series":[{"columns":["database","privilege"]}]}]}']
    found.answers.update({u'|SHOW GRANTS FOR "admin"': nothing, u'|SHOW GRANTS FOR "we ird"': nothing})
    return found


def varint(value):
    value, parts = value % (1 << 64), bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes(parts + bytearray([value]))


def field(number, value):
    """A protobuf field: an integer, or bytes."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def message(*pairs):
    return b"".join(field(number, value) for number, value in pairs)


def group(number, shards, deleted=0, **more):
    pairs = [(1, number), (2, more.get("start", -1)), (3, 5), (4, deleted)]
    return message(*(pairs + [(5, message((1, shard))) for shard in shards]))


def policy(name, *groups):
    return message((1, name), (2, 0), (3, 7), (4, 1), *[(5, one) for one in groups])


def database(name, *policies):
    return message((1, name), (2, b""), *[(3, one) for one in policies])


def metastore(*pairs, **highest):
    """A bare metastore of these fields and those that it has to have."""
    top = highest.get("highest", 100)
    return message((1, 1), (2, 2), (3, 3), (7, 1), (8, top), (9, top), *pairs)


def backup(bare, node=b'{"ID":1}\n'):
    """meta.NN of a bare metastore."""
    length = struct.Struct(">Q").pack
    return length(0x59590101) + length(len(bare)) + bare + length(len(node)) + node
