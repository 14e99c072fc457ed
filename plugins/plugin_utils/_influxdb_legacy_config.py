# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server of InfluxDB 0.7 or 0.8 goes by, and the same configuration with every client kept away.

What the file leaves out is empty, 0 or false (influxdb v0.7.3 and v0.8.3, configuration/configuration.go): no port has a default.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import Finding, finding
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._toml_text import Sheet, parse, plain, written

_KINDS = {bool: "true or false", int: "a whole number", str: "text in quotes", list: "a list", dict: "a section"}
_PLUGINS = ("graphite", "udp", "udp_servers")
_PATHS = {"storage_dir": "[storage] dir", "raft_dir": "[raft] dir", "wal_dir": "[wal] dir"}


class _Table:
    """One section: its keys are found whatever their case, as the server does, and what it leaves out is empty."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.name = name
        self._values = {key.lower(): value for key, value in values.items()}

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str) -> str:
        return str(self._get(key, str))

    def number(self, key: str) -> int:
        return int(self._get(key, int))

    def port(self, key: str) -> int | None:
        """Return None where the server listens to nothing: 0 and less is no port."""
        number = self.number(key)
        return number if number > 0 else None

    def flag(self, key: str) -> bool:
        return bool(self._get(key, bool))

    def texts(self, key: str) -> list[str]:
        values: list[Any] = self._get(key, list)
        if not all(isinstance(value, str) for value in values):
            raise _unfit(self._where(key), "a list of texts")
        return values

    def table(self, key: str) -> _Table:
        return _Table(f"{self.name}.{key}".lstrip("."), self._get(key, dict))

    def tables(self, key: str) -> list[_Table]:
        """Return the sections of a name that may be there once, as [NAME], or many times, as [[NAME]]."""
        if not isinstance(self._values.get(key), list):
            return [self.table(key)]
        return [_Table(self.name, {key: entry}).table(key) for entry in self._values[key]]

    def _get(self, key: str, kind: type) -> Any:
        value = self._values.get(key, kind())
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise _unfit(self._where(key), _KINDS[kind])
        return value

    def _where(self, key: str) -> str:
        return f"[{self.name}] {key}" if self.name else key


def _unfit(where: str, expected: str) -> FleetError:
    return FleetError(
        f"{where} is not {expected}", None, "correct it; InfluxDB does not start with it", reason="configuration"
    )


def _read(text: str, path: str) -> _Table:
    return _Table("", plain(parse(text, path)))


def settings(text: str, path: str) -> dict[str, Any]:
    """Return what a server of 0.7 or 0.8 goes by. text is its configuration file, path names it in errors.

    api: port; ssl_port and ssl_cert, both None unless there is a certificate, without which the server speaks no HTTPS, and
    ssl_port None where the system chooses the port; bind_address, where "" means every address, as 0.0.0.0 does.
    ports: raft, protobuf and admin. A port is None where none is set.
    storage_dir, raft_dir, wal_dir, log_file: as written, "" where not set; relative ones begin where the server is started.
    data_dir: the folder whose db and raft they are, None if they are not.
    log_level: debug, info, warn or error; any other word is debug for the server.
    seed_servers: HOST:PORT of raft; hostname: "" where the machine's own counts.
    listeners: the input plugins that are enabled, of graphite, udp and udp_servers.
    sharding: replication_factor (copies), short_term and long_term, each with duration (such as 7d) and split (shards for each
    duration), and split_random, the expressions of both; None where the file has no such section, as in 0.8.

    Raises FleetError for what the server would not start with.
    """
    file = _read(text, path)
    level = file.table("logging").text("level")
    storage_dir, raft_dir = file.table("storage").text("dir"), file.table("raft").text("dir")
    return {
        "path": path,
        "api": _api(file),
        "storage_dir": storage_dir,
        "raft_dir": raft_dir,
        "data_dir": _data_dir(storage_dir, raft_dir),
        "wal_dir": file.table("wal").text("dir"),
        "log_file": file.table("logging").text("file"),
        "log_level": level if level in ("info", "warn", "error") else "debug",
        "seed_servers": file.table("cluster").texts("seed-servers"),
        "hostname": file.text("hostname"),
        "ports": {
            "raft": file.table("raft").port("port"),
            "protobuf": file.table("cluster").port("protobuf_port"),
            "admin": file.table("admin").port("port"),
        },
        "listeners": _listeners(file),
        "sharding": _sharding(file.table("sharding")) if "sharding" in file else None,
    }


def _api(file: _Table) -> dict[str, Any]:
    api = file.table("api")
    certificate = api.text("ssl-cert") or None
    return {
        "port": api.port("port"),
        "ssl_port": api.port("ssl-port") if certificate else None,
        "ssl_cert": certificate,
        "bind_address": file.text("bind-address"),
    }


def _listeners(file: _Table) -> list[str]:
    plugins = file.table("input_plugins")
    return [name for name in _PLUGINS if any(table.flag("enabled") for table in plugins.tables(name))]


def _sharding(table: _Table) -> dict[str, Any]:
    short, long = table.table("short-term"), table.table("long-term")
    return {
        "replication_factor": table.number("replication-factor") or 1,
        "short_term": {"duration": short.text("duration") or "7d", "split": short.number("split") or 1},
        "long_term": {"duration": long.text("duration") or "30d", "split": long.number("split") or 1},
        "split_random": [regex for regex in (short.text("split-random"), long.text("split-random")) if regex],
    }


DEFAULT_SHARDING = _sharding(_Table("sharding", {}))
"""How 0.7 spreads data where its configuration does not say."""


def _data_dir(storage_dir: str, raft_dir: str) -> str | None:
    folder = posixpath.dirname(posixpath.normpath(storage_dir))
    wanted = [posixpath.join(folder, name) for name in ("db", "raft")]
    return folder if [posixpath.normpath(path) for path in (storage_dir, raft_dir)] == wanted else None


def of_settings(settings: Mapping[str, Any]) -> list[Finding]:
    """Return what settings() shows that a migration from 0.7 cannot do with, or that 0.8 does otherwise."""
    return [*_of_paths(settings), *_of_log(settings), *_of_api(settings), *_of_sharding(settings)]


def _of_paths(settings: Mapping[str, Any]) -> Iterator[Finding]:
    remedy = (
        "stop InfluxDB, bring its data to DATA/db and DATA/raft, name these with absolute paths, and start it again"
    )
    relative = [f"{where} is {settings[key]!r}" for key, where in _PATHS.items() if not settings[key].startswith("/")]
    if relative:
        yield finding("layout", "error", f"In {settings['path']}, {', '.join(relative)}: no absolute path", remedy)
    elif settings["data_dir"] is None:
        found = f"[storage] dir is {settings['storage_dir']}, [raft] dir is {settings['raft_dir']}"
        yield finding("layout", "error", f"In {settings['path']}, {found}: not db and raft in one folder", remedy)


def _of_log(settings: Mapping[str, Any]) -> Iterator[Finding]:
    proof = "the migration is proved by what InfluxDB writes to its log"
    if not settings["log_file"].startswith("/"):
        message = f"[logging] file of {settings['path']} is {settings['log_file']!r}, no absolute path, and {proof}"
        yield finding("log-file", "error", message, "set file in [logging] to an absolute path and restart InfluxDB")
    if settings["log_level"] not in ("debug", "info"):
        message = (
            f"[logging] level of {settings['path']} is {settings['log_level']}, and {proof}, in lines of the level info"
        )
        yield finding("log-level", "error", message, 'set level = "info" in [logging] and restart InfluxDB')


def _of_api(settings: Mapping[str, Any]) -> Iterator[Finding]:
    api = settings["api"]
    if api["port"] is None and api["ssl_port"] is None:
        message = f"[api] of {settings['path']} sets neither port nor ssl-port with ssl-cert: nobody can ask InfluxDB"
        yield finding("api-off", "error", message, "set port in [api] and restart InfluxDB")
    elif api["port"] is None:
        message = "InfluxDB is asked by HTTPS only. While its shard spaces are created it answers on another port, without encryption"
        yield finding("ssl-only", "warning", message, "see that a firewall keeps other hosts from that port")


def _of_sharding(settings: Mapping[str, Any]) -> Iterator[Finding]:
    spread = (settings["sharding"] or DEFAULT_SHARDING)["split_random"]
    if spread:
        message = (
            f"Series that match {' or '.join(spread)} are spread over several shards at random, which 0.8 cannot do"
        )
        remedy = "nothing has to be done: each of them goes to one shard of its time. See that its server can take what is written"
        yield finding("split-random", "warning", message, remedy)


def quiet(text: str, port: int) -> str:
    """Return the configuration with which 0.8 can be started so that no client finds it: its comments stay.

    The API listens to port alone, without HTTPS, and no input plugin is enabled. All else is as it was: other members of a
    cluster need the ports of raft and protobuf. port is one that no client knows. A quiet text is returned as it is.

    Why: 0.8 stores and finds the points of a series in the first shard space that matches its name, and the newest comes first.
    What a client writes before there are spaces makes a space "default", and is hidden as soon as the wanted spaces come before it.

    Raises FleetError for a port that is none, or that another setting names, and for a text that cannot be changed.
    """
    what = "The configuration"
    before, file, sheet = settings(text, what), _read(text, what), Sheet(text)
    _refuse_port(file, port)
    sheet.put("api", "port", str(port))
    for key, off in (("ssl-port", "0"), ("ssl-cert", '""')):
        if key in file.table("api"):
            sheet.put("api", key, off)
    result = _without_listeners(str(sheet))
    api = {**before["api"], "port": port, "ssl_port": None, "ssl_cert": None}
    if settings(result, what) != {**before, "api": api, "listeners": []}:
        raise FleetError(
            "The configuration cannot be changed so that clients are kept away",
            "a text that names each setting once",
            "see whether [api] has one key in two spellings, such as port and Port",
            reason="configuration",
        )
    return result


def _refuse_port(file: _Table, port: int) -> None:
    names = [where for where, other in _other_ports(file) if other == port]
    if names or not 0 < port < 65536:
        raise FleetError(
            f"{port} is the port of {', '.join(names)}" if names else f"{port} is no port",
            "a port from 1 to 65535 that nothing else uses",
            "choose another one",
            reason="port",
        )


def _other_ports(file: _Table) -> Iterator[tuple[str, int]]:
    """Yield every port of the file but that of the API, whether it is in use or not: a client may know it."""
    plugins = file.table("input_plugins")
    tables = [file.table("admin"), file.table("raft"), *(one for name in _PLUGINS for one in plugins.tables(name))]
    yield from ((f"[{table.name}] port", table.number("port")) for table in tables)
    yield "[cluster] protobuf_port", file.table("cluster").number("protobuf_port")
    yield "[api] ssl-port", file.table("api").number("ssl-port")


def _without_listeners(text: str) -> str:
    document = parse(text, "The configuration")
    for section, plugins in document.items():
        if section.lower() == "input_plugins":
            _disable(plugins)
    return written(document)


def _disable(item: Any) -> None:
    """Set enabled to false in a section, and in all below it."""
    if isinstance(item, list):
        for entry in item:
            _disable(entry)
    elif isinstance(item, MutableMapping):
        for key in list(item):
            if key.lower() == "enabled":
                item[key] = False
            else:
                _disable(item[key])
