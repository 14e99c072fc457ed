# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Database nodes: their packages, configuration, service and membership."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from couchdb_sim.distribution import ask_hidden
from couchdb_sim.errors import NodeDown
from couchdb_sim.ini import Config, VmArgs, chain

from cast import host
from cast.host import CastError

PACKAGE = "cloudant-dbnode"
HOME = Path("/opt/cloudant")
ETC = HOME / "etc"
BACKUP = HOME / "etc.bak"
SERVICE = Path("/etc/sv/cloudant")
SUPERVISED = Path("/etc/service/cloudant")
DEFAULT_PASSWORD = "pass"
DEFAULT_QUORUM = {"q": 8, "r": 2, "w": 2, "n": 3}
# In place of a value, this has one made up.
GENERATED = "open_ssl"
DISTRIBUTION_PORT = 9000
USERS = ("admin", "cloudant")
HASHED = re.compile("-(hashed|pbkdf2)-")
START_LIMIT, ANSWER_LIMIT = 60, 30

Settings = dict[str, Any]


def installed() -> bool:
    return host.has(PACKAGE)


def install(file: Path | None, password: str | None, maintenance: bool) -> None:
    """Install the package, configure the node and start it."""
    settings = _read(file) if file else _fresh(password or DEFAULT_PASSWORD)
    host.install(PACKAGE)
    _write(settings, {"maintenance_mode": "true"} if maintenance else {})
    SUPERVISED.symlink_to(SERVICE)
    _wait("the service is not supervised", (SERVICE / "supervise/ok").exists)
    start()


def uninstall() -> None:
    """Stop the service and remove the package. Data stay, and the configuration as a backup."""
    SUPERVISED.unlink(missing_ok=True)
    if (SERVICE / "supervise/ok").exists():
        host.run("sv", "-w", "30", "force-shutdown", str(SERVICE))
    shutil.rmtree(BACKUP, ignore_errors=True)
    ETC.rename(BACKUP)
    host.remove(PACKAGE)


def configure(file: Path) -> None:
    """Give an installed node other settings; what it has of its own stays."""
    own = {"maintenance_mode": mode} if (mode := _config().get("couchdb", "maintenance_mode")) else {}
    _write(_read(file), own)
    restart()


def start() -> None:
    host.run("sv", "start", str(SERVICE))
    _wait("the server does not answer", _answers)


def stop() -> None:
    host.run("sv", "-w", "30", "stop", str(SERVICE))


def restart() -> None:
    stop()
    start()


def in_maintenance() -> bool:
    return bool(_ask("config").get("couchdb", {}).get("maintenance_mode") == "true")


def set_maintenance(on: bool) -> None:
    _ask("set_config", "couchdb", "maintenance_mode", "true" if on else "false", True)


def export(file: Path) -> None:
    """Write what further nodes of the cluster need."""
    config = _config()
    settings = {
        "users": {user: config.get("admins", user) for user in USERS},
        "cookie": VmArgs.of(ETC).cookie,
        "uuid": GENERATED,
        "quorum": {name: int(config.get("cluster", name)) for name in DEFAULT_QUORUM},
        "httpd_auth": config.get("couch_httpd_auth", "secret"),
        "monitor_role": GENERATED,
    }
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as output:
        yaml.safe_dump({"dbnode": settings}, output, default_flow_style=False, sort_keys=False)


def add(hosts: list[str]) -> None:
    """Make hosts members of this node's cluster."""
    for name in hosts:
        _nodes("PUT", name, body={})


def remove(hosts: list[str]) -> None:
    for name in hosts:
        _nodes("DELETE", name, rev=_nodes("GET", name)["_rev"])


def members() -> list[tuple[str, bool]]:
    """The hosts of the cluster, and whether this node is connected to them."""
    with urllib.request.urlopen("http://localhost:5984/_membership", timeout=ANSWER_LIMIT) as answer:
        found = json.load(answer)
    return [(name.partition("@")[2], name in found["all_nodes"]) for name in found["cluster_nodes"]]


def _read(file: Path) -> Settings:
    settings: Settings = yaml.safe_load(file.read_text(encoding="utf-8"))["dbnode"]
    plain = [user for user in USERS if not HASHED.match(settings["users"][user])]
    if plain and host.version() != "1.0.0.5":
        raise CastError(f"{file}: plain text passwords are not supported, use hashed values for: {', '.join(plain)}")
    return settings


def _fresh(password: str) -> Settings:
    users = dict.fromkeys(USERS, password)
    return {"users": users, "cookie": GENERATED, "quorum": DEFAULT_QUORUM}


def _write(settings: Settings, own: dict[str, str]) -> None:
    sections = {
        "couchdb": {"uuid": _value(settings, "uuid"), **own},
        "chttpd": {"bind_address": "0.0.0.0"},
        "couch_httpd_auth": {"secret": _value(settings, "httpd_auth")},
        "cluster": settings["quorum"],
        "admins": settings["users"],
    }
    lines = [
        line
        for name, values in sections.items()
        for line in (f"[{name}]", *(f"{key} = {value}" for key, value in values.items()), "")
    ]
    for file, text in (("local.ini", "\n".join(lines)), ("vm.args", _vm_args(_value(settings, "cookie")))):
        (ETC / file).write_text(text, encoding="utf-8")
        (ETC / file).chmod(0o640)
        shutil.chown(ETC / file, "cloudant", "cloudant")


def _vm_args(cookie: str) -> str:
    ports = "".join(f"-kernel inet_dist_listen_{limit} {DISTRIBUTION_PORT}\n" for limit in ("min", "max"))
    return f"-name cloudant@{socket.getfqdn()}\n-setcookie {cookie}\n{ports}"


def _value(settings: Settings, name: str) -> str:
    value = settings.get(name, GENERATED)
    return secrets.token_hex(16) if value == GENERATED else str(value)


def _config() -> Config:
    return Config(chain(ETC))


def _nodes(method: str, name: str, body: Settings | None = None, **query: str) -> Any:
    """Read or change one document of the database of nodes."""
    content = "" if body is None else json.dumps(body)
    status, answer = _ask("backdoor", method, ["nodes", f"cloudant@{name}"], query, content)
    if status >= 400:
        raise CastError(f"{name}: {answer['reason']}")
    return answer


def _answers() -> bool:
    try:
        _ask("config")
    except CastError:
        return False
    return True


def _ask(function: str, *arguments: Any) -> Any:
    """Have the running server do something, as whoever has the cookie may."""
    server = VmArgs.of(ETC)
    try:
        return ask_hidden(server.name, server.cookie, server.dist_port, function, *arguments).result(ANSWER_LIMIT)
    except (NodeDown, TimeoutError) as error:
        raise CastError(f"{server.name} does not answer") from error


def _wait(problem: str, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_LIMIT
    while not reached():
        if time.monotonic() > deadline:
            raise CastError(f"{problem} after {START_LIMIT} s")
        time.sleep(0.1)
