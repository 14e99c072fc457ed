# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration: a chain of ini files of which the last one is written, and vm.args."""

from __future__ import annotations

import os
import re
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

DIST_PORT = 9100
SECTION = re.compile(r"\[(.+)\]\s*$")


def chain(etc: Path) -> list[Path]:
    """The files in the order in which they are read; a later one wins."""
    files: list[Path] = []
    for kind in ("default", "local"):
        files += [etc / f"{kind}.ini", *sorted((etc / f"{kind}.d").glob("*.ini"))]
    return [file for file in files if file.is_file()]


class Config:
    """The settings in force. Changes go to the last file unless they are for the memory only."""

    def __init__(self, files: list[Path]) -> None:
        if not files:
            raise ValueError("there are no ini files: default.ini or local.ini is missing in etc")
        self.files = files
        self._lock = threading.RLock()
        self._values: dict[str, dict[str, str]] = {}
        self._origin: dict[tuple[str, str], Path] = {}
        for file in files:
            for section, key, value in _settings(file):
                self._values.setdefault(section, {})[key] = value
                self._origin[section, key] = file

    def get(self, section: str, key: str, default: str = "") -> str:
        return self.find(section, key) or default

    def find(self, section: str, key: str) -> str | None:
        """The value, or None where it is not set."""
        with self._lock:
            return self._values.get(section, {}).get(key)

    def section(self, name: str) -> dict[str, str]:
        with self._lock:
            return dict(self._values.get(name, {}))

    def everything(self) -> dict[str, dict[str, str]]:
        with self._lock:
            return {name: dict(values) for name, values in self._values.items() if values}

    def set(self, section: str, key: str, value: str, persist: bool = True) -> None:
        with self._lock:
            self._values.setdefault(section, {})[key] = value
            if persist:
                self._write(self.files[-1], section, key, value)

    def delete(self, section: str, key: str, persist: bool = True) -> None:
        with self._lock:
            self._values.get(section, {}).pop(key, None)
            if persist:
                self._write(self.files[-1], section, key, None)

    def rewrite(self, section: str, key: str, value: str) -> None:
        """Change a setting in the file in which it stands."""
        with self._lock:
            self._values[section][key] = value
            self._write(self._origin.get((section, key), self.files[-1]), section, key, value)

    def _write(self, file: Path, section: str, key: str, value: str | None) -> None:
        lines = _with_setting(file.read_text(encoding="utf-8").splitlines(), section, key, value)
        scratch = file.with_name(f".{file.name}.new")
        scratch.write_text("\n".join(lines) + "\n", encoding="utf-8")
        scratch.chmod(file.stat().st_mode)
        os.replace(scratch, file)
        self._origin[section, key] = file


def _settings(file: Path) -> list[tuple[str, str, str]]:
    found = []
    section = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := SECTION.match(line):
            section = match.group(1)
        elif parsed := _setting(line):
            found.append((section, *parsed))
    return found


def _setting(line: str) -> tuple[str, str] | None:
    if line.startswith((";", "#")) or "=" not in line:
        return None
    key, value = line.split("=", 1)
    return key.strip(), value.partition(" ;")[0].partition("\t;")[0].strip()


def _with_setting(lines: list[str], section: str, key: str, value: str | None) -> list[str]:
    """The lines of a file with one setting changed, added or, where the value is None, removed."""
    kept: list[str] = []
    header = None
    current = ""
    for line in lines:
        match = SECTION.match(line)
        current = match.group(1) if match else current
        parsed = _setting(line)
        if current == section and parsed and parsed[0] == key:
            continue
        kept.append(line)
        if match and current == section:
            header = len(kept)
    if value is None:
        return kept
    if header is None:
        kept += ["", f"[{section}]"]
        header = len(kept)
    return [*kept[:header], f"{key} = {value}", *kept[header:]]


@dataclass(frozen=True)
class VmArgs:
    """How the node is called and how it talks to others, as vm.args says it."""

    name: str
    cookie: str
    dist_port: int

    @classmethod
    def of(cls, etc: Path) -> VmArgs:
        text = (etc / "vm.args").read_text(encoding="utf-8")
        name = _argument(text, "-name") or _argument(text, "-sname")
        if "@" not in name:
            raise ValueError(f"{etc / 'vm.args'} has no -name with a host in it")
        port = _argument(text, "-kernel inet_dist_listen_min")
        return cls(name, _argument(text, "-setcookie") or _own_cookie(etc.parent), int(port or DIST_PORT))


def _argument(text: str, option: str) -> str:
    match = re.search(rf"^\s*{option}\s+(\S+)", text, re.MULTILINE)
    return match.group(1) if match else ""


def _own_cookie(home: Path) -> str:
    """A node without -setcookie keeps a random one in the home of its user, as Erlang does."""
    file = home / ".erlang.cookie"
    if not file.exists():
        file.write_text(secrets.token_hex(10), encoding="ascii")
        file.chmod(0o400)
    return file.read_text(encoding="ascii").strip()
