# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_settings import config_path, settings

DEFAULTS = {
    "http": {
        "enabled": True,
        "bind_host": "",
        "host": "127.0.0.1",
        "port": 8086,
        "https": False,
        "certificate": "/etc/ssl/influxdb.pem",
        "auth_enabled": False,
    },
    "rpc": {"bind_host": "127.0.0.1", "host": "127.0.0.1", "port": 8088},
    "meta_dir": "/var/lib/influxdb/meta",
    "data_dir": "/var/lib/influxdb/data",
    "wal_dir": "/var/lib/influxdb/wal",
    "index_version": "inmem",
    "max_row_limit": 0,
}


def at(result: Any, path: str) -> Any:
    for part in path.split("."):
        result = result[part]
    return result


def test_defaults() -> None:
    assert settings("", {}, "1.3.9") == DEFAULTS


@pytest.mark.parametrize(
    ("text", "environment", "version", "path", "expected"),
    [
        ("[http]\nenabled = false", {}, "1.3.9", "http.enabled", False),
        ('[http]\nbind-address = "10.0.0.1:9999"', {}, "1.3.9", "http.bind_host", "10.0.0.1"),
        ('[http]\nbind-address = "10.0.0.1:9999"', {}, "1.3.9", "http.host", "10.0.0.1"),
        ('[http]\nbind-address = "10.0.0.1:9999"', {}, "1.3.9", "http.port", 9999),
        ('[http]\nbind-address = "0.0.0.0:1"', {}, "1.3.9", "http.host", "127.0.0.1"),
        ('[http]\nbind-address = "[::]:1"', {}, "1.3.9", "http.host", "::1"),
        ('[http]\nbind-address = "[fe80::1]:1"', {}, "1.3.9", "http.bind_host", "fe80::1"),
        ("[http]\nhttps-enabled = true", {}, "1.3.9", "http.https", True),
        ('[http]\nhttps-certificate = "/c"', {}, "1.3.9", "http.certificate", "/c"),
        ("[http]\nauth-enabled = true", {}, "1.3.9", "http.auth_enabled", True),
        ("[HTTP]\nAuth-Enabled = true", {}, "1.3.9", "http.auth_enabled", True),
        ("[http]\nauth-enabled = true", {"INFLUXDB_HTTP_AUTH_ENABLED": "F"}, "1.3.9", "http.auth_enabled", False),
        ("", {"INFLUXDB_HTTP_AUTH_ENABLED": "TRUE"}, "1.3.9", "http.auth_enabled", True),
        ("[http]\nauth-enabled = true", {"INFLUXDB_HTTP_AUTH_ENABLED": ""}, "1.3.9", "http.auth_enabled", True),
        ('[http]\nbind-address = ":1"', {"INFLUXDB_HTTP_BIND_ADDRESS": "h:2"}, "1.3.9", "http.port", 2),
        ("", {"INFLUXDB_BIND_ADDRESS": "1.2.3.4:9088"}, "1.3.9", "rpc.port", 9088),
        ("", {"INFLUXDB_DATA_WAL_DIR": "/w"}, "1.3.9", "wal_dir", "/w"),
        ('[meta]\ndir = "/m"', {}, "1.3.9", "meta_dir", "/m"),
        ('[data]\ndir = "/d"', {}, "1.3.9", "data_dir", "/d"),
        ('[data]\nindex-version = "tsi1"', {}, "1.3.9", "index_version", "tsi1"),
        ("", {}, "1.2.4", "rpc.bind_host", ""),
        ("", {}, "1.2.4", "rpc.host", "127.0.0.1"),
        ('bind-address = "10.0.0.1:8099"', {}, "1.3.9", "rpc.host", "10.0.0.1"),
        # 0.10 and 0.11 listen where [meta] says, whatever the top of the file says
        ('bind-address = ":1"', {}, "0.11.1", "rpc.port", 8088),
        ('bind-address = ":1"\n[meta]\nbind-address = ":2"', {}, "0.11.1", "rpc.port", 2),
        ('bind-address = ":1"\n[meta]\nbind-address = ""', {}, "0.11.1", "rpc.port", 1),
        ('bind-address = ":1"\n[meta]\nbind-address = ":2"', {}, "0.12.2", "rpc.port", 1),
        ("", {}, "0.11.1", "max_row_limit", 0),
        ("", {}, "0.12.2", "max_row_limit", 10000),
        ("", {}, "1.2.1", "max_row_limit", 10000),
        ("", {}, "1.2.2", "max_row_limit", 0),
        ("", {"INFLUXDB_HTTP_MAX_ROW_LIMIT": "5"}, "1.3.9", "max_row_limit", 5),
        ("[http]\nmax-row-limit = 7", {}, "1.3.9", "max_row_limit", 7),
    ],
)
def test_the_file_is_read_and_the_environment_overrides_it(
    text: str, environment: dict[str, str], version: str, path: str, expected: Any
) -> None:
    assert at(settings(text, environment, version), path) == expected


@pytest.mark.parametrize(
    ("text", "environment", "version", "message"),
    [
        ('[http]\nbind-address = "8086"', {}, "1.3.9", r"\[http\] bind-address is '8086'"),
        ('bind-address = "h:99999"', {}, "1.3.9", "bind-address is 'h:99999'"),
        ("[http]\nauth-enabled = 1", {}, "1.3.9", r"\[http\] auth-enabled is not true or false"),
        ('[http]\nmax-row-limit = "1"', {}, "1.3.9", r"\[http\] max-row-limit is not a whole number"),
        ("", {"INFLUXDB_HTTP_AUTH_ENABLED": "yes"}, "1.3.9", "INFLUXDB_HTTP_AUTH_ENABLED is not true or false"),
        ("", {"INFLUXDB_HTTP_MAX_ROW_LIMIT": "many"}, "1.3.9", "INFLUXDB_HTTP_MAX_ROW_LIMIT is not a whole number"),
        ("[http", {}, "1.3.9", "The configuration is not valid TOML at line 1"),
        ("", {}, "1.3", "'1.3' is not a version of InfluxDB"),
    ],
)
def test_what_influxd_would_refuse_is_refused(
    text: str, environment: dict[str, str], version: str, message: str
) -> None:
    with pytest.raises(FleetError, match=message):
        settings(text, environment, version)


UNIT = (
    "{ path=/usr/bin/influxd ; argv[]=/usr/bin/influxd -config /etc/influxdb/influxdb.conf $INFLUXD_OPTS ; ignore_errors=no ;"
    " start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }"
)
SHELL = '/bin/sh -c "/usr/bin/influxd -config /srv/i.conf ${INFLUXD_OPTS} >> ${STDOUT} 2>> ${STDERR}"'


@pytest.mark.parametrize(
    ("args", "unit_exec", "environment", "expected"),
    [
        (["influxd", "-config", "/a"], "", {}, "/a"),
        (["influxd", "--config", "/a"], "", {}, "/a"),
        (["influxd", "-config=/a"], "", {}, "/a"),
        (["influxd", "run", "--config=/a b"], "", {}, "/a b"),
        (["influxd", "-config", "/a", "-config", "/b"], "", {}, "/b"),
        (["influxd", "-pidfile", "/a", "-config", "/b"], "", {}, "/b"),
        (["influxd", "-pidfile", "/run/x"], "influxd -config /other", {}, "/etc/influxdb/influxdb.conf"),
        (["influxd"], "", {"INFLUXDB_CONFIG_PATH": "/env"}, "/env"),
        (["influxd", "-config", "/a"], "", {"INFLUXDB_CONFIG_PATH": "/env"}, "/a"),
        (["influxd", "-config"], "", {}, "/etc/influxdb/influxdb.conf"),
        ([], UNIT, {}, "/etc/influxdb/influxdb.conf"),
        ([], UNIT, {"INFLUXD_OPTS": "-config=/opts.conf"}, "/opts.conf"),
        ([], SHELL, {}, "/srv/i.conf"),
        ([], SHELL, {"INFLUXD_OPTS": "--config '/opts.conf'"}, "/opts.conf"),
        ([], "", {}, "/etc/influxdb/influxdb.conf"),
    ],
)
def test_the_configuration_that_influxd_reads(
    args: list[str], unit_exec: str, environment: dict[str, str], expected: str
) -> None:
    assert config_path(args, unit_exec, environment) == expected
