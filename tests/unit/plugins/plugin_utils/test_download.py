# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache of downloads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._download import obtain, read_sha256, without_user

BODY = b"the package"
DIGEST = hashlib.sha256(BODY).hexdigest()
URL = "https://mirror.example.com/releases/influxdb_1.4.3_amd64.deb"


class Server:
    """Answers every address with one body, and counts."""

    def __init__(self, *pieces: bytes, breaks: bool = False) -> None:
        self.asked: list[str] = []
        self._pieces = pieces
        self._breaks = breaks

    def __call__(self, url: str) -> Iterator[bytes]:
        self.asked.append(url)
        yield from self._pieces
        if self._breaks:
            raise FleetError("the connection was lost")


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_download_is_kept_under_its_digest(tmp_path: Path) -> None:
    server = Server(b"the ", b"package")
    found = obtain(URL, DIGEST, str(tmp_path / "new"), server)
    assert found.downloaded
    assert Path(found.path).read_bytes() == BODY
    assert files(tmp_path) == [f"new/{DIGEST}/influxdb_1.4.3_amd64.deb"]


def test_it_is_downloaded_once(tmp_path: Path) -> None:
    server = Server(BODY)
    first, second = obtain(URL, DIGEST, str(tmp_path), server), obtain(URL, DIGEST, str(tmp_path), server)
    assert (first.path, second.downloaded, server.asked) == (second.path, False, [URL])


def test_what_was_damaged_in_the_cache_is_downloaded_again(tmp_path: Path) -> None:
    server = Server(BODY)
    Path(obtain(URL, DIGEST, str(tmp_path), server).path).write_bytes(b"damaged")
    found = obtain(URL, DIGEST, str(tmp_path), server)
    assert found.downloaded
    assert Path(found.path).read_bytes() == BODY


def test_another_digest_names_both_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FleetError) as caught:
        obtain(URL, DIGEST, str(tmp_path), Server(b"something else"))
    assert hashlib.sha256(b"something else").hexdigest() in str(caught.value)
    assert DIGEST in str(caught.value)
    assert files(tmp_path) == []


def test_a_download_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="connection was lost"):
        obtain(URL, DIGEST, str(tmp_path), Server(b"the ", breaks=True))
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FleetError) as caught:
        obtain(URL, DIGEST, str(tmp_path / "file"), Server(BODY))
    assert "cannot be kept in" in str(caught.value)
    assert "fleet_cache_dir" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (URL, "influxdb_1.4.3_amd64.deb"),
        ("https://example.com/a/influxdb%7Eb.deb?token=x", "influxdb~b.deb"),
        ("https://example.com/..%2F..%2Fetc%2Fpasswd", "package"),
        ("https://example.com/a/..", "package"),
        ("https://example.com/.hidden", "package"),
        ("https://example.com", "package"),
    ],
)
def test_the_name_of_the_file(tmp_path: Path, url: str, name: str) -> None:
    assert obtain(url, DIGEST, str(tmp_path), Server(BODY)).path == str(tmp_path / DIGEST / name)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, URL),
        ("https://me:secret@example.com:8443/x.deb?token=secret#secret", "https://example.com:8443/x.deb"),
        ("https://me@example.com/x.deb", "https://example.com/x.deb"),
    ],
)
def test_messages_hold_no_secrets(url: str, expected: str) -> None:
    assert without_user(url) == expected


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, DIGEST + "0", "sha256:" + DIGEST])
def test_what_is_no_sha256_is_refused(text: str) -> None:
    with pytest.raises(FleetError, match="64 hexadecimal digits"):
        read_sha256(text)


def test_a_sha256_may_be_in_upper_case() -> None:
    assert read_sha256(DIGEST.upper()) == DIGEST
