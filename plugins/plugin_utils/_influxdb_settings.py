# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running influxd goes by: its configuration file, overridden by its environment, over its release's defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_keys as keys
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_keys import Place
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._toml_text import parse, plain
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import Release

PACKAGED_PATH = "/etc/influxdb/influxdb.conf"

_OPTION = re.compile(r"""(?:^|[\s"'])--?config(?:=|\s+)["']?(?P<path>[^\s"';]+)""")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_ADDRESS = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*):(?P<port>\d{1,5})")


def config_path(args: Sequence[str], unit_exec: str, environment: Mapping[str, str]) -> str:
    """Return the path of the configuration file that influxd reads.

    args: the arguments of the running process; where there is none, unit_exec is read instead: the start command of the
    service as its unit says it, in which variables such as $INFLUXD_OPTS are looked up in environment. Then comes
    $INFLUXDB_CONFIG_PATH, then the packaged place. The last -config counts, as in Go's flag package.
    """
    said = _from_args(args) if args else _from_command(unit_exec, environment)
    return said or environment.get("INFLUXDB_CONFIG_PATH") or PACKAGED_PATH


def _from_args(args: Sequence[str]) -> str:
    found = ""
    for number, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        if option in ("-config", "--config"):
            found = value if equals else "".join(args[number + 1 : number + 2])
    return found


def _from_command(command: str, environment: Mapping[str, str]) -> str:
    known = _VARIABLE.sub(lambda match: environment.get(match[1] or match[2], ""), command)
    return ([match["path"] for match in _OPTION.finditer(known)] or [""])[-1]


def settings(
    text: str, environment: Mapping[str, str], version: str, what: str = "The configuration"
) -> dict[str, Any]:
    """Return what influxd of this version goes by.

    text is the configuration file, environment the variables of the process; INFLUXDB_* override the file, as
    INFLUXDB_HTTP_BIND_ADDRESS does. bind_host is "" where every address is meant; host is then the loopback address, under
    which a program on the node reaches the service. what names the file in errors.
    """
    look = _Lookup(parse(text, what), environment, keys.release(version))
    http = _address(look.text(("http", "bind-address"), ":8086"), "[http] bind-address")
    rpc = _address(_rpc_bind(look), "bind-address")
    return {
        "http": {
            "enabled": look.flag(("http", "enabled"), True),
            **http,
            "https": look.flag(("http", "https-enabled"), False),
            "certificate": look.text(("http", "https-certificate"), "/etc/ssl/influxdb.pem"),
            "auth_enabled": look.flag(("http", "auth-enabled"), False),
        },
        "rpc": rpc,
        "meta_dir": look.text(("meta", "dir"), keys.PATHS["meta", "dir"]),
        "data_dir": look.text(("data", "dir"), keys.PATHS["data", "dir"]),
        "wal_dir": look.text(("data", "wal-dir"), keys.PATHS["data", "wal-dir"]),
        "index_version": look.text(("data", "index-version"), "inmem"),
        "max_row_limit": look.number(("http", "max-row-limit"), 10000 if (0, 12) <= look.release < (1, 2, 2) else 0),
    }


class _Lookup:
    """One value: of the environment, else of the file, else the default."""

    def __init__(self, document: Mapping[str, Any], environment: Mapping[str, str], release: Release) -> None:
        self._document = document
        self._environment = environment
        self.release = release

    def text(self, place: Place, default: str) -> str:
        return str(self._value(place, default, str, str))

    def flag(self, place: Place, default: bool) -> bool:
        return bool(self._value(place, default, bool, _flag))

    def number(self, place: Place, default: int) -> int:
        return int(self._value(place, default, int, lambda value: int(value, 0)))

    def _value(self, place: Place, default: Any, kind: type, read: Callable[[str], Any]) -> Any:
        section, key = place
        variable = "_".join(part for part in ("INFLUXDB", section, key) if part).upper().replace("-", "_")
        if self._environment.get(variable):  # an empty variable overrides nothing
            try:
                return read(self._environment[variable])
            except ValueError as error:
                raise _unfit(f"the environment variable {variable}", kind) from error
        value = _fold(_fold(self._document).get(section, {}) if section else self._document).get(key, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise _unfit(f"[{section}] {key}" if section else key, kind)
        return value


def _fold(table: Any) -> dict[str, Any]:
    """Return a table with lower-case keys: influxd finds Bind-Address as well."""
    return {str(key).lower(): plain(value) for key, value in table.items()} if isinstance(table, Mapping) else {}


def _flag(value: str) -> bool:
    """Read a boolean as Go's strconv.ParseBool does."""
    words = {"1": True, "t": True, "T": True, "TRUE": True, "true": True, "True": True}
    words.update({"0": False, "f": False, "F": False, "FALSE": False, "false": False, "False": False})
    if value not in words:
        raise ValueError(value)
    return words[value]


def _rpc_bind(look: _Lookup) -> str:
    """Return the address of the service that answers backups.

    0.10 and 0.11 take the one of [meta] unless it is empty (influxdata/influxdb v0.10.3 cmd/influxd/run/server.go).
    """
    default = ":8088" if look.release < (1, 3) else "127.0.0.1:8088"
    old = look.text(("meta", "bind-address"), ":8088") if look.release < (0, 12) else ""
    return old or look.text(("", "bind-address"), default)


def _address(bind: str, what: str) -> dict[str, Any]:
    match = _ADDRESS.fullmatch(bind)
    if match is None or int(match["port"]) > 65535:
        raise FleetError(
            f"{what} is {bind!r}", "an address such as 127.0.0.1:8086 or :8086", "correct it in the configuration"
        )
    host = match["host"].strip("[]")
    loopback = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
    return {"bind_host": host, "host": loopback.get(host, host), "port": int(match["port"])}


def _unfit(what: str, kind: type) -> FleetError:
    name = {bool: "true or false", int: "a whole number", str: "text in quotes"}[kind]
    return FleetError(f"{what} is not {name}", None, "correct it; influxd refuses to start with it")
