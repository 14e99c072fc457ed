# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages: one that dpkg-deb has made, and many that went wrong on their way."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._package import read_package, sha256_of

REAL = Path(__file__).parents[3] / "fixtures" / "packages" / "influxdb_1.4.3_amd64.deb"
CONTROL = "Package: influxdb\nVersion: 1.4.3-1\nArchitecture: amd64\nInstalled-Size: 12\nDescription: A database\n Version: none\n"
CONFIG = b'[meta]\n  dir = "/var/lib/influxdb/meta"\n'


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def ar(members: dict[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, content in members.items():
        out += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
            + content
            + b"\n" * (len(content) % 2)
        )
    return out


def deb(control: str = CONTROL, suffix: str = ".gz", data: bytes | None = None) -> bytes:
    pack: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        ".gz": gzip.compress,
        ".xz": lzma.compress,
        ".lzma": lambda raw: lzma.compress(raw, lzma.FORMAT_ALONE),
    }
    body = tar({"./etc/influxdb/influxdb.conf": CONFIG, "./usr/bin/influxd": b"\x00" * 3000}) if data is None else data
    squeeze = pack.get(suffix, bytes)
    return ar(
        {
            "debian-binary": b"2.0\n",
            f"control.tar{suffix}": squeeze(tar({"./control": control.encode()})),
            f"data.tar{suffix}": squeeze(body),
        }
    )


def saved(folder: Path, content: bytes) -> str:
    path = folder / "influxdb.deb"
    path.write_bytes(content)
    return str(path)


def failure(folder: Path, content: bytes) -> str:
    with pytest.raises(FleetError) as caught:
        read_package(saved(folder, content))
    text = str(caught.value)
    assert "Expected: " in text
    assert "What to do: " in text
    return text


def test_a_package_of_dpkg_deb() -> None:
    package = read_package(str(REAL))
    assert package.sha256 == sha256_of(str(REAL)) == hashlib.sha256(REAL.read_bytes()).hexdigest()
    assert (package.path, package.size, package.manager) == (str(REAL), REAL.stat().st_size, "dpkg")
    assert (package.name, package.package_version, package.version, package.arch) == (
        "influxdb",
        "1.4.3-1",
        "1.4.3",
        "amd64",
    )
    assert package.installed_size == 12 * 1024
    assert package.files == ("/etc/influxdb/influxdb.conf", "/usr/bin/influxd", "/usr/bin/influxd-alias")
    assert package.conffiles == {"/etc/influxdb/influxdb.conf": CONFIG.decode()}


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".lzma"])
def test_compressions(tmp_path: Path, suffix: str) -> None:
    package = read_package(saved(tmp_path, deb(suffix=suffix)))
    assert package.files == ("/etc/influxdb/influxdb.conf", "/usr/bin/influxd")


def test_only_configuration_files_that_are_files_are_read(tmp_path: Path) -> None:
    link = tarfile.TarInfo("./etc/link.conf")
    link.type, link.linkname = tarfile.SYMTYPE, "there.conf"
    data = link.tobuf() + tar({"./etc/there.conf": b"there = \xff", "./etc/other.conf": b"other"})
    control = tar({"./control": CONTROL.encode(), "./conffiles": b"/etc/link.conf\n/etc/there.conf\n/etc/gone.conf\n"})
    package = read_package(saved(tmp_path, ar({"debian-binary": b"2.0\n", "control.tar": control, "data.tar": data})))
    assert package.conffiles == {"/etc/there.conf": "there = \ufffd"}
    assert package.files == ("/etc/link.conf", "/etc/there.conf", "/etc/other.conf")


def test_names_in_the_archive_may_end_with_a_slash(tmp_path: Path) -> None:
    content = deb().replace(b"debian-binary   ", b"debian-binary/  ").replace(b"data.tar.gz     ", b"data.tar.gz/    ")
    assert read_package(saved(tmp_path, content)).name == "influxdb"


@pytest.mark.parametrize("said", ["", "Installed-Size: much\n"])
def test_a_package_that_does_not_say_its_size_is_measured(tmp_path: Path, said: str) -> None:
    control = CONTROL.replace("Installed-Size: 12\n", said)
    assert read_package(saved(tmp_path, deb(control))).installed_size == len(CONFIG) + 3000


def test_every_place_where_a_package_can_be_cut_off_is_noticed(tmp_path: Path) -> None:
    content = deb(suffix="")
    for length in [*range(0, 200, 7), *range(200, len(content), 509), len(content) - 1]:
        failure(tmp_path, content[:length])


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_a_cut_inside_the_compressed_data_is_noticed(tmp_path: Path, suffix: str) -> None:
    whole = gzip.compress(tar({"./f": b"x" * 5000})) if suffix == ".gz" else lzma.compress(tar({"./f": b"x" * 5000}))
    members = {"debian-binary": b"2.0\n", "control.tar": tar({"./control": CONTROL.encode()})}
    for length in (len(whole) - 1, len(whole) // 2, 5):
        assert "damaged or was cut off" in failure(tmp_path, ar({**members, f"data.tar{suffix}": whole[:length]}))


def test_damage_inside_the_compressed_data_is_noticed(tmp_path: Path) -> None:
    content = bytearray(deb())
    content[-20] ^= 0xFF
    assert "damaged or was cut off" in failure(tmp_path, bytes(content))


def test_a_wrong_checksum_is_noticed(tmp_path: Path) -> None:
    content = bytearray(
        ar(
            {
                "debian-binary": b"2.0\n",
                "control.tar": tar({"./control": CONTROL.encode()}),
                "data.tar.gz": gzip.compress(tar({})),
            }
        )
    )
    content[content.rindex(gzip.compress(tar({}))[-8:])] ^= 0xFF
    assert "damaged or was cut off" in failure(tmp_path, bytes(content))


def test_a_tar_archive_without_an_end_is_noticed(tmp_path: Path) -> None:
    body = tar({"./usr/bin/influxd": b"x" * 1024})[: 512 + 1024]
    assert "data.tar.gz has no end" in failure(tmp_path, deb(data=body))


def test_a_tar_archive_that_is_cut_inside_a_file_is_noticed(tmp_path: Path) -> None:
    body = tar({"./usr/bin/influxd": b"\x00" * 4096})[: 512 + 2048]
    assert "damaged or was cut off" in failure(tmp_path, deb(data=body))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"<html><body>Sign in</body></html>", "a web page"),
        (b"\n <!DOCTYPE html>", "a web page"),
        (b'{"message": "not found"}', "a JSON document"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"\xfd7zXZ\x00", "an xz file"),
        (b"PK\x03\x04", "a zip file"),
        (b"\x7fELF", "a program"),
        (b"#!/bin/sh\n", "a script"),
        (b"404 Not Found", "no file of a kind that is known here"),
        (b"\xed\xab\xee\xdb\x03\x00", "rpm packages are not supported yet"),
        (b"!<arch>\n", "not a Debian package"),
        (ar({"libc.o": b"xx"}), "not a Debian package"),
        (ar({"debian-binary": b"2.0\n"}), "has no part control.tar"),
        (ar({"debian-binary": b"2.0\n", "control.tar": tar({"./control": CONTROL.encode()})}), "has no part data.tar"),
        (deb(suffix=".zst"), "compressed in a way that cannot be read here: control.tar.zst"),
        (deb(suffix=".bz2"), "cannot be read here: control.tar.bz2"),
        (deb(control="Package: influxdb\nArchitecture: amd64\n"), "no field Version"),
        (deb(control=""), "no field Package"),
        (deb()[:8] + b"x" * 80, "no header of a part at byte 8"),
        (deb() + b"trailing", "no header of a part"),
    ],
)
def test_what_is_no_package_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    assert expected in failure(tmp_path, content)


def test_a_file_that_is_missing_or_no_file_is_named(tmp_path: Path) -> None:
    for path, expected in ((tmp_path / "none.deb", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(FleetError) as caught:
            read_package(str(path))
        assert str(path) in str(caught.value)
        assert expected in str(caught.value)


def installer(folder: Path, name: str, content: bytes = b"#!/bin/sh\nexit\n") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def test_an_installer_is_read_by_its_name(tmp_path: Path) -> None:
    found = read_package(installer(tmp_path, "cloudant-1.1.0-984-el6-x86_64.bin"))
    assert (found.name, found.version, found.package_version) == ("cloudant", "1.1.0", "1.1.0-984")
    assert (found.manager, found.system, found.arch, found.size) == ("installer", "el6", "x86_64", 15)
    assert found.sha256 == hashlib.sha256(b"#!/bin/sh\nexit\n").hexdigest()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("install.bin", b"#!/bin/sh\n", "does not say which release"),
        ("cloudant-1.1.0-el6-x86_64.bin", b"#!/bin/sh\n", "does not say which release"),
        ("cloudant-1.1.0-984-el6-x86_64.bin", b"<html>Sign in</html>", "is not a program"),
        ("cloudant-1.1.0-984-el6-x86_64.bin", b"", "is not a program"),
    ],
)
def test_what_is_no_installer_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    with pytest.raises(FleetError, match=words):
        read_package(installer(tmp_path, name, content))
