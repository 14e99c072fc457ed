# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All products that the lab knows."""

from __future__ import annotations

from dbfleet_lab.cloudant import Cloudant
from dbfleet_lab.couchdb import CouchDB
from dbfleet_lab.influxdb import InfluxDB
from dbfleet_lab.influxdb_legacy import InfluxDBLegacy
from dbfleet_lab.product import Database

DATABASES: dict[str, Database] = {
    product.name: product for product in (InfluxDB(), InfluxDBLegacy(), CouchDB(), Cloudant())
}
