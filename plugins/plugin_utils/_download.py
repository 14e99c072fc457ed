# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetch a file once and keep it, under its digest, on the controller."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._package import sha256_of

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*")

Fetch = Callable[[str], Iterable[bytes]]
"""Returns the body of an address in pieces; raises FleetError if it cannot be had."""


@dataclass(frozen=True)
class Fetched:
    """A file that is there, and whether it had to be downloaded."""

    path: str
    downloaded: bool


def read_sha256(text: str) -> str:
    """Check that a text is a SHA-256 and return it in lower case."""
    if not _SHA256.fullmatch(text):
        raise FleetError(
            f"The sha256 {text!r} is not a SHA-256", "64 hexadecimal digits", "Copy it from the vendor's download page"
        )
    return text.lower()


def compare(what: str, found: str, expected: str) -> None:
    """Refuse content that is not what the digest says."""
    if found != expected:
        raise FleetError(
            f"{what} has the SHA-256 {found}",
            expected,
            "Compare the digest with the vendor's; if it is right, the file is damaged or another one, so fetch it again",
        )


def obtain(url: str, sha256: str, cache_dir: str, fetch: Fetch) -> Fetched:
    """Return the file at url from the cache, or download it there first. Nothing with another digest is ever kept."""
    folder = os.path.join(cache_dir, sha256)
    path = os.path.join(folder, _file_name(url))
    if os.path.isfile(path) and sha256_of(path) == sha256:
        return Fetched(path, downloaded=False)
    try:
        os.makedirs(folder, exist_ok=True)
        _download(url, sha256, path, fetch)
    except OSError as error:
        raise FleetError(
            f"{without_user(url)} cannot be kept in {cache_dir}: {error.strerror or error}",
            "a folder on the controller that can be written",
            "Make room there, or name another folder with fleet_cache_dir",
        ) from error
    return Fetched(path, downloaded=True)


def _download(url: str, sha256: str, path: str, fetch: Fetch) -> None:
    """Write a file of another name first, so that a run that is cut off leaves nothing that looks complete."""
    digest = hashlib.sha256()
    handle, partial = tempfile.mkstemp(prefix=".partial-", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in fetch(url):
                digest.update(chunk)
                file.write(chunk)
        compare(without_user(url), digest.hexdigest(), sha256)
        os.replace(partial, path)
    finally:
        with suppress(FileNotFoundError):
            os.remove(partial)


def _file_name(url: str) -> str:
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return name if _FILE_NAME.fullmatch(name) else "package"


def without_user(url: str) -> str:
    """Return the address without user, password and query, which are secrets or may hold some."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
