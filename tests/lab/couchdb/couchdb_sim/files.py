# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database files of a node: those of shards and those that only this node has."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from couchdb_sim.errors import not_found
from couchdb_sim.shardfile import ShardFile

NAME = re.compile(r"[a-z0-9_$()+/.-]+")


class Files:
    """Opens each file once and keeps it open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, ShardFile] = {}
        self._lock = threading.Lock()

    def open(self, name: str, create: bool = False) -> ShardFile:
        with self._lock:
            file = self._open.get(name)
            if file is None:
                path = self._path(name)
                if not create and not path.exists():
                    raise not_found("no_db_file")
                file = self._open[name] = ShardFile(path, name)
            return file

    def delete(self, name: str) -> None:
        with self._lock:
            file = self._open.pop(name, None)
            if file:
                file.close()
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name) or ".." in name:
            raise not_found("no_db_file")
        return self._folder / f"{name}.couch"
