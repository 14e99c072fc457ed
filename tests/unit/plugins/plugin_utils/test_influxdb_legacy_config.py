# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_legacy_config import (
    DEFAULT_SHARDING,
    of_settings,
    quiet,
    settings,
)

PACKAGES = Path(__file__).parents[3] / "lab" / "influxdb_legacy" / "package"
SHARED = "/opt/influxdb/shared"

PACKAGED = {
    "path": "/c",
    "api": {"port": 8086, "ssl_port": None, "ssl_cert": None, "bind_address": "0.0.0.0"},
    "storage_dir": f"{SHARED}/data/db",
    "raft_dir": f"{SHARED}/data/raft",
    "wal_dir": f"{SHARED}/data/wal",
    "data_dir": f"{SHARED}/data",
    "log_file": f"{SHARED}/log.txt",
    "log_level": "info",
    "seed_servers": [],
    "hostname": "",
    "ports": {"raft": 8090, "protobuf": 8099, "admin": 8083},
    "listeners": [],
    "sharding": {
        "replication_factor": 1,
        "short_term": {"duration": "7d", "split": 1},
        "long_term": {"duration": "30d", "split": 1},
        "split_random": [],
    },
}

BUSY = """\
bind-address = "10.0.0.5"

[api]
port     = 8086    # for the old agents
ssl-port = 8084    # for the new ones
ssl-cert = "/etc/cert.pem"

[input_plugins]

  # What the switches send
  [input_plugins.graphite]
  enabled = true # since May
  port = 2003
  database = "graphite"

  [[input_plugins.udp_servers]]
  enabled = false
  port = 5551

[raft]
port = 8090

  [[input_plugins.udp_servers]]
  # of the second building
  Enabled = true
  port = 5552

[input_plugins.udp]
port = 4444

[admin]
port = 8083

[cluster]
protobuf_port = 8099
"""

QUIET = """\
bind-address = "10.0.0.5"

[api]
port = 18086    # for the old agents
ssl-port = 0    # for the new ones
ssl-cert = ""

[input_plugins]

  # What the switches send
  [input_plugins.graphite]
  enabled = false # since May
  port = 2003
  database = "graphite"

  [[input_plugins.udp_servers]]
  enabled = false
  port = 5551

[raft]
port = 8090

  [[input_plugins.udp_servers]]
  # of the second building
  Enabled = false
  port = 5552

[input_plugins.udp]
port = 4444

[admin]
port = 8083

[cluster]
protobuf_port = 8099
"""


def packaged(version: str) -> str:
    return (PACKAGES / f"config-{version}.toml").read_text(encoding="utf-8")


def at(result: Any, path: str) -> Any:
    for part in path.split("."):
        result = result[part]
    return result


@pytest.mark.parametrize(("version", "changes"), [("0.7.3", {}), ("0.8.3", {"sharding": None})])
def test_the_packaged_configuration(version: str, changes: dict[str, Any]) -> None:
    assert settings(packaged(version), "/c") == {**PACKAGED, **changes}


def test_what_an_empty_file_leaves_to_the_server() -> None:
    assert settings("", "/c") == {
        "path": "/c",
        "api": {"port": None, "ssl_port": None, "ssl_cert": None, "bind_address": ""},
        **dict.fromkeys(("storage_dir", "raft_dir", "wal_dir", "log_file", "hostname"), ""),
        "data_dir": None,
        "log_level": "debug",
        "seed_servers": [],
        "ports": {"raft": None, "protobuf": None, "admin": None},
        "listeners": [],
        "sharding": None,
    }


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("[api]\nport = 0", "api.port", None),
        ("[API]\nPort = 1", "api.port", 1),
        # The server speaks HTTPS where it has a certificate, whatever the port.
        ("[api]\nssl-port = 8084", "api.ssl_port", None),
        ('[api]\nssl-port = 8084\nssl-cert = ""', "api.ssl_port", None),
        ('[api]\nssl-port = 8084\nssl-cert = "/c"', "api.ssl_port", 8084),
        ('[api]\nssl-cert = "/c"', "api.ssl_port", None),
        ('[api]\nssl-cert = "/c"', "api.ssl_cert", "/c"),
        ('[storage]\ndir = "/d/db/"\n[raft]\ndir = "/d/./raft"', "data_dir", "/d"),
        ('[storage]\ndir = "d/db"\n[raft]\ndir = "d/raft"', "data_dir", "d"),
        ('[storage]\ndir = "/d/db"\n[raft]\ndir = "/e/raft"', "data_dir", None),
        ('[storage]\ndir = "/d/data"\n[raft]\ndir = "/d/raft"', "data_dir", None),
        ('[storage]\ndir = "/d/db"\n[raft]\ndir = "/d/db/raft"', "data_dir", None),
        ('[logging]\nlevel = "warn"', "log_level", "warn"),
        ('[logging]\nlevel = "error"', "log_level", "error"),
        ('[logging]\nlevel = "WARN"', "log_level", "debug"),
        ('[cluster]\nseed-servers = ["a:8090", "b:8090"]', "seed_servers", ["a:8090", "b:8090"]),
        ('hostname = "a"', "hostname", "a"),
        ("[admin]\nport = -1", "ports.admin", None),
        (BUSY, "listeners", ["graphite", "udp_servers"]),
        ("[input_plugins.udp]\nenabled = true", "listeners", ["udp"]),
        ("[sharding]", "sharding", DEFAULT_SHARDING),
        ("[sharding]\nreplication-factor = 2", "sharding.replication_factor", 2),
        ("[sharding.short-term]\nsplit = 3", "sharding.short_term", {"duration": "7d", "split": 3}),
        ('[sharding.long-term]\nduration = "90d"', "sharding.long_term", {"duration": "90d", "split": 1}),
        ('[sharding.short-term]\nsplit-random = "/^h/"', "sharding.split_random", ["/^h/"]),
        ('[sharding.long-term]\nsplit-random = "/^H/"', "sharding.split_random", ["/^H/"]),
    ],
)
def test_what_a_setting_means(text: str, path: str, expected: Any) -> None:
    assert at(settings(text, "/c"), path) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[api]\nport = "8086"', "[api] port is not a whole number"),
        ("[api]\nport = true", "[api] port is not a whole number"),
        ("[logging]\nlevel = 1", "[logging] level is not text in quotes"),
        ("[input_plugins.udp]\nenabled = 1", "[input_plugins.udp] enabled is not true or false"),
        ("[[input_plugins.udp_servers]]\nport = ''\nenabled = ''", "[input_plugins.udp_servers] enabled is not true"),
        ("[input_plugins]\nudp_servers = [1]", "[input_plugins] udp_servers is not a section"),
        ("api = 1", "api is not a section"),
        ('[cluster]\nseed-servers = "a"', "[cluster] seed-servers is not a list"),
        ("[cluster]\nseed-servers = [1]", "[cluster] seed-servers is not a list of texts"),
        ('password = "geheim', "/c is not valid TOML at line 1"),
    ],
)
def test_what_the_server_would_not_start_with(text: str, found: str) -> None:
    with pytest.raises(FleetError) as caught:
        settings(text, "/c")
    assert found in str(caught.value) and "geheim" not in str(caught.value)


def changed(**changes: Any) -> list[tuple[str, str]]:
    return [(one["id"], one["severity"]) for one in of_settings({**PACKAGED, **changes})]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"log_level": "debug"}, []),
        ({"sharding": None}, []),
        ({"data_dir": None}, [("layout", "error")]),
        ({"storage_dir": "data/db", "data_dir": "data"}, [("layout", "error")]),
        ({"raft_dir": ""}, [("layout", "error")]),
        ({"wal_dir": "wal"}, [("layout", "error")]),
        ({"log_file": "stdout"}, [("log-file", "error")]),
        ({"log_file": ""}, [("log-file", "error")]),
        ({"log_level": "warn"}, [("log-level", "error")]),
        ({"log_level": "error"}, [("log-level", "error")]),
        ({"api": {"port": None, "ssl_port": None}}, [("api-off", "error")]),
        ({"api": {"port": None, "ssl_port": 8084}}, [("ssl-only", "warning")]),
        ({"api": {"port": 8086, "ssl_port": 8084}}, []),
        ({"sharding": {**DEFAULT_SHARDING, "split_random": ["/^h/"]}}, [("split-random", "warning")]),
    ],
)
def test_what_a_migration_cannot_do_with(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert changed(**changes) == expected


def test_findings_name_what_was_found() -> None:
    [found] = of_settings({**PACKAGED, "raft_dir": "raft", "wal_dir": ""})
    assert "/c, [raft] dir is 'raft', [wal] dir is ''" in found["message"]


def test_a_quiet_configuration_keeps_all_but_the_ways_of_clients() -> None:
    assert quiet(BUSY, 18086) == QUIET


@pytest.mark.parametrize("text", [BUSY, packaged("0.7.3"), packaged("0.8.3"), ""])
def test_a_quiet_text_stays(text: str) -> None:
    once = quiet(text, 18086)
    assert quiet(once, 18086) == once


@pytest.mark.parametrize("version", ["0.7.3", "0.8.3"])
def test_one_line_of_the_packaged_file_changes(version: str) -> None:
    text = packaged(version)
    assert quiet(text, 18086) == text.replace("port = 8086", "port = 18086")


@pytest.mark.parametrize("text", ["", "[input_plugins]\nother = 1\nlist = [1]\n"])
def test_a_missing_section_is_made(text: str) -> None:
    assert settings(quiet(text, 18086), "/c")["api"]["port"] == 18086


@pytest.mark.parametrize(
    ("port", "found"),
    [
        (8083, "[admin] port"),
        (8084, "[api] ssl-port"),
        (8090, "[raft] port"),
        (8099, "[cluster] protobuf_port"),
        (2003, "[input_plugins.graphite] port"),
        (4444, "[input_plugins.udp] port"),
        (5551, "[input_plugins.udp_servers] port"),
        (5552, "[input_plugins.udp_servers] port"),
        (0, "0 is no port"),
        (65536, "65536 is no port"),
    ],
)
def test_a_port_that_is_in_use_is_refused(port: int, found: str) -> None:
    with pytest.raises(FleetError) as caught:
        quiet(BUSY, port)
    assert caught.value.facts["reason"] == "port" and found in str(caught.value)


def test_what_cannot_be_made_quiet_is_refused() -> None:
    with pytest.raises(FleetError) as caught:
        quiet("[api]\nport = 1\nPort = 8086\n", 18086)
    assert caught.value.facts["reason"] == "configuration"
