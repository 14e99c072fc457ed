# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a package file on the controller, where there may be no dpkg.

A .deb is an ar archive of debian-binary, control.tar.* and data.tar.* (deb(5)). Every member is read to its end, so that a
file that was cut off or damaged on its way is found here and not on the first node. Of an installer (.bin) only the name can be read.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._installer import SUFFIX, read_installer
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import canonical

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_AR_HEADER_END = b"`\n"
_RPM_MAGIC = b"\xed\xab\xee\xdb"
_CHUNK = 1 << 20
# A tar archive ends with two blocks of zeros; tarfile takes an archive without them for complete.
_TAR_END = bytes(1024)
_DAMAGED = (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile)
_AGAIN = "Fetch the package again and compare its digest with the vendor's"

_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a gzip file, perhaps a tarball"),
    (b"\xfd7zXZ", "an xz file, perhaps a tarball"),
    (b"PK\x03\x04", "a zip file"),
    (b"\x7fELF", "a program"),
    (b"#!", "a script"),
    (b"<", "a web page, perhaps an error or a login page"),
    (b"{", "a JSON document, perhaps an error message"),
)


@dataclass(frozen=True)
class Package:
    """What a package file says of itself.

    version is package_version without what the packager adds: 1.4.3 for 1.4.3-1. Sizes are bytes; files are absolute paths.
    manager is dpkg, or installer where the file installs itself; system, of an installer, is the system that it is made for.
    """

    path: str
    sha256: str
    size: int
    manager: str
    name: str
    package_version: str
    version: str
    arch: str
    installed_size: int
    files: tuple[str, ...]
    conffiles: dict[str, str]
    """Text of each configuration file, by its path."""
    system: str = ""


def read_package(path: str) -> Package:
    """Read a package file from end to end."""
    with _opened(path) as file:
        digest, size = _digest(file)
        if path.endswith(SUFFIX):
            return _installer(path, file, digest, size)
        members = _members(path, file, size)
        fields, listed = _control(path, file, members)
        sizes, conffiles = {}, {}
        for name, entry, stream in _walk(file, members, path, "data.tar"):
            if not entry.isdir():
                sizes[name] = entry.size
            if name in listed and stream:  # a link has no text of its own
                conffiles[name] = stream.read().decode("utf-8", "replace")
    said = fields.get("Installed-Size", "")  # KiB
    return Package(
        path=path,
        sha256=digest,
        size=size,
        manager="dpkg",
        name=_field(path, fields, "Package"),
        package_version=_field(path, fields, "Version"),
        version=canonical(_field(path, fields, "Version")),
        arch=_field(path, fields, "Architecture"),
        installed_size=int(said) * 1024 if said.isdecimal() else sum(sizes.values()),
        files=tuple(sizes),
        conffiles=conffiles,
    )


def _installer(path: str, file: BinaryIO, digest: str, size: int) -> Package:
    """Describe an installer. How much room it takes is not known; twice its size is a guess for what it unpacks."""
    file.seek(0)
    said = read_installer(path, file.read(4))
    return Package(
        path=path,
        sha256=digest,
        size=size,
        manager="installer",
        name="cloudant",
        package_version=f"{said.version}-{said.build}",
        version=said.version,
        arch=said.arch,
        installed_size=2 * size,
        files=(),
        conffiles={},
        system=said.system,
    )


def sha256_of(path: str) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with _opened(path) as file:
        return _digest(file)[0]


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """Open a package; what goes wrong while it is read becomes a FleetError."""
    try:
        with open(path, "rb") as file:
            yield file
    except _DAMAGED as error:
        raise _damaged(path, f"a part of it cannot be unpacked ({error})") from error
    except OSError as error:
        raise FleetError(
            f"{path} cannot be read: {error.strerror or error}",
            "a package file on the controller",
            "Check the path and its permissions",
        ) from error


def _digest(file: BinaryIO) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    for chunk in iter(lambda: file.read(_CHUNK), b""):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _damaged(path: str, what: str) -> FleetError:
    return FleetError(f"{path} is damaged or was cut off: {what}", "a whole package", _AGAIN)


# The ar archive.


@dataclass(frozen=True)
class _Member:
    name: str
    offset: int
    size: int


def _members(path: str, file: BinaryIO, size: int) -> list[_Member]:
    file.seek(0)
    _check_kind(path, file.read(512))
    offset = len(_AR_MAGIC)
    members = []
    while offset < size:
        member = _member(path, file, offset, size)
        members.append(member)
        offset = member.offset + member.size + member.size % 2
    if not members or members[0].name != "debian-binary":
        raise FleetError(
            f"{path} is an ar archive, but not a Debian package", "a .deb package", "Give the package file"
        )
    return members


def _check_kind(path: str, head: bytes) -> None:
    if head.startswith(_AR_MAGIC):
        return
    if head.startswith(_RPM_MAGIC):
        raise FleetError(
            f"{path} is an rpm package, and rpm packages are not supported yet", "a .deb package", "Give the .deb"
        )
    if not head:
        raise FleetError(f"{path} is empty", "a .deb package", _AGAIN)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    kind = next((text for magic, text in _KINDS if start.startswith(magic)), "no file of a kind that is known here")
    raise FleetError(
        f"{path} is not a package: it is {kind}",
        "a .deb package",
        "Check where it came from and fetch the package itself",
    )


def _member(path: str, file: BinaryIO, offset: int, size: int) -> _Member:
    file.seek(offset)
    header = file.read(_AR_HEADER)
    length = header[48:58].strip()
    if len(header) < _AR_HEADER or header[58:] != _AR_HEADER_END or not length.isdigit():
        raise _damaged(path, f"there is no header of a part at byte {offset}")
    member = _Member(header[:16].decode("ascii", "replace").strip().rstrip("/"), offset + _AR_HEADER, int(length))
    there = size - member.offset
    if member.size > there:
        raise _damaged(path, f"its part {member.name} has {member.size} bytes, of which {there} are there")
    return member


class _Slice(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        super().__init__()
        file.seek(offset)
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


# The tar archives inside.


_UNPACK: dict[str, Callable[[io.BufferedReader], io.BufferedIOBase]] = {
    "": lambda stream: stream,
    ".gz": lambda stream: gzip.GzipFile(fileobj=stream),
    ".xz": lzma.LZMAFile,
    ".lzma": lzma.LZMAFile,
}


class _Watched(io.BufferedIOBase):
    """A stream that remembers how it ended."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        super().__init__()
        self._stream = stream
        self._tail = b""

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._stream.read(size)
        self._tail = (self._tail + data)[-len(_TAR_END) :]
        return data

    def drain(self) -> bytes:
        """Read what is left, which makes the unpacker compare its checksum, and return the last bytes."""
        while self.read(_CHUNK):
            pass
        return self._tail


def _walk(
    file: BinaryIO, members: list[_Member], path: str, what: str
) -> Iterator[tuple[str, tarfile.TarInfo, IO[bytes] | None]]:
    """Yield every entry of one of the tar archives, and then make sure that the archive ended as it should.

    A stream cannot be skipped: what the caller leaves unread of an entry is read here, so a cut inside of it is found.
    """
    member = next((one for one in members if posixpath.splitext(one.name)[0] == what or one.name == what), None)
    if member is None:
        raise _damaged(path, f"it has no part {what}")
    stream = _Watched(_unpacked(path, file, member, member.name[len(what) :]))
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isreg() else None
            yield posixpath.normpath("/" + entry.name), entry, content
    if stream.drain() != _TAR_END:
        raise _damaged(path, f"the archive {member.name} has no end")


def _unpacked(path: str, file: BinaryIO, member: _Member, suffix: str) -> io.BufferedIOBase:
    unpack = _UNPACK.get(suffix)
    if unpack is None:
        raise FleetError(
            f"{path} is compressed in a way that cannot be read here: {member.name}",
            "a package that is compressed with gzip or xz",
            "Give another build of the package, or pack it anew (dpkg-deb -R and dpkg-deb -Zxz -b)",
        )
    return unpack(io.BufferedReader(_Slice(file, member.offset, member.size)))


def _control(path: str, file: BinaryIO, members: list[_Member]) -> tuple[dict[str, str], list[str]]:
    """Return the fields of the control file and the paths of the configuration files."""
    texts = {"/control": "", "/conffiles": ""}
    for name, _entry, stream in _walk(file, members, path, "control.tar"):
        if name in texts and stream:
            texts[name] = stream.read().decode("utf-8", "replace")
    lines = (line.split(":", 1) for line in texts["/control"].splitlines() if ":" in line and not line[0].isspace())
    return {key: value.strip() for key, value in lines}, texts["/conffiles"].split("\n")


def _field(path: str, fields: dict[str, str], name: str) -> str:
    if not fields.get(name):
        raise _damaged(path, f"its control file has no field {name}")
    return fields[name]
