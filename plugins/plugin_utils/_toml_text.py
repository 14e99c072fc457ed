# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TOML as people write it: mistakes are told with their place, changes leave every comment, and secrets are not shown."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    import tomlkit
    from tomlkit.exceptions import ParseError, TOMLKitError

    HAS_TOMLKIT = True
except ImportError:
    HAS_TOMLKIT = False

_SECRET = re.compile(
    r"""(?P<key>[\w."'-]*(?:secret|password|token|credential)[\w."'-]*[ \t]*=[ \t]*)(?!\s)"""
    r"""(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|\[[^\]]*\]|(?!""\s*$|''\s*$)[^\n])[^\n]*""",
    re.IGNORECASE | re.MULTILINE,
)

_HEADER = re.compile(r"^\s*(?P<off>#\s*)?\[\[?\s*(?P<name>[\w.-]+)\s*\]\]?\s*(?:#.*)?$")
_KEY_LINE = re.compile(r"^(?P<indent>\s*)(?P<off>#\s*)?(?P<key>[\w-]+|\"[^\"]+\"|'[^']+')\s*=")

_OPENS = re.compile(r"""=\s*(?:\[|\"{3}|'{3})""")


def decode(data: bytes, what: str) -> str:
    """Return the text of a file. what names it in errors.

    influxd reads a UTF-8 byte order mark from 1.0 (influxdata/influxdb#6900) and UTF-16 from 1.4 (#8965). Neither is
    guessed around: a candidate in another encoding than its original would be a change that nobody asked for.
    """
    marks = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
    for mark, name in marks.items():
        if data.startswith(mark):
            raise _encoding(what, f"begins with a byte order mark ({name})", name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _encoding(what, f"is not UTF-8 (byte {error.start + 1})", "ISO-8859-1") from error


def slurped(result: Mapping[str, Any], path: str) -> str:
    """Return the text of a file of a node. result is that of slurp, failed or not."""
    if "content" not in result:
        raise FleetError(f"{path} cannot be read: {result.get('msg') or 'no reason was given'}")
    return decode(base64.b64decode(result["content"]), path)


def parse(text: str, what: str) -> Mapping[str, Any]:
    """Return the TOML document. what names it in errors, which say line and column and never quote a value."""
    if not HAS_TOMLKIT:
        raise FleetError(
            "The Python library tomlkit is missing on the Ansible controller",
            "tomlkit 0.11.0 or newer, for the Python that runs ansible-playbook",
            "install the collection's requirements.txt",
        )
    if text.startswith("\ufeff") or "\x00" in text:
        raise _encoding(what, "begins with a byte order mark or is UTF-16", "UTF-16" if "\x00" in text else "UTF-8")
    try:
        return tomlkit.parse(text.replace("\r\n", "\n"))
    except ParseError as error:
        place = f"line {error.line}, column {error.col + 1}"
        reason = re.sub(r" at line \d+ col \d+$", "", str(error))
    except TOMLKitError as error:
        place, reason = "a place that the parser does not name", str(error)
    raise FleetError(
        f"{what} is not valid TOML at {place}: {reason}",
        "TOML 1.0",
        "correct that line; old releases of influxd read some things that TOML forbids, such as numbers with leading zeros",
    )


def plain(value: Any) -> Any:
    """Return the plain Python value of a TOML item."""
    return value.unwrap() if hasattr(value, "unwrap") else value


def written(value: Any) -> str:
    """Return a value as its author wrote it."""
    return str((value if hasattr(value, "as_string") else tomlkit.item(value)).as_string())


def mask(text: str) -> str:
    """Return the text with every secret replaced by ***. Empty ones stay: that nothing is set is no secret."""
    return _SECRET.sub(r"\g<key>***", text)


def is_secret(key: str) -> bool:
    """Say whether the value of a key must not be shown."""
    return mask(f"{key} = 1") != f"{key} = 1"


@dataclass(frozen=True)
class Section:
    """The lines of one table: [start, end) is its body, below its header. The top of the file has the name ""."""

    name: str
    start: int
    end: int
    commented: bool = False


class Sheet:
    """A TOML text that can be filled in: values go beside the commented sample of their key, and nothing else moves."""

    def __init__(self, text: str) -> None:
        self._lines = text.replace("\r\n", "\n").split("\n")

    def __str__(self) -> str:
        return "\n".join(self._lines).rstrip("\n") + "\n"

    def mentions(self, section: str, key: str) -> bool:
        """Say whether the text knows a key, as a value or in a comment."""
        return any(self._find(one, key) for one in self._sections() if one.name == section)

    def put(self, section: str, key: str, value: str) -> None:
        """Set one value; value is TOML text. The section is made where it is missing."""
        self._put(self._open(section, f"[{section}]"), key, value)

    def replace_array(self, name: str, entries: Sequence[Mapping[str, str]], single: bool = False) -> None:
        """Make entries the tables of an array; single says that the release wants one plain table."""
        header = f"[{name}]" if single else f"[[{name}]]"
        first, *others = entries
        self._open(name, header)
        for extra in reversed(self._active(name)[1:]):
            self._drop_values(extra)
            del self._lines[extra.start - 1]
        self._drop_values(self._active(name)[0], keep=first)
        for key, value in first.items():
            self._put(self._active(name)[0], key, value)
        end = self._last_key(self._active(name)[0])[0]
        block = [
            line for entry in others for line in ("", header, *(f"  {key} = {value}" for key, value in entry.items()))
        ]
        self._lines[end:end] = "\n".join(block).split("\n") if block else []

    def _put(self, section: Section, key: str, value: str) -> None:
        places = self._find(section, key)
        active = [place for place in places if not place[2]]
        if active:
            at, length, _rest = active[0]
        elif places:
            at, length = places[0][0] + places[0][1], 0
        else:
            at, length = self._last_key(section)[0], 0
        indent = self._indent(section, active or places)
        comment = _comment(self._lines[at]) if length == 1 else ""
        self._lines[at : at + length] = f"{indent}{key} = {value}{comment}".split("\n")

    def _indent(self, section: Section, places: Sequence[tuple[int, int, bool]]) -> str:
        match = _KEY_LINE.match(self._lines[places[0][0]]) if places else None
        return match["indent"] if match else self._last_key(section)[1]

    def _sections(self) -> list[Section]:
        headers = [(index, match) for index, line in enumerate(self._lines) if (match := _HEADER.match(line))]
        ends = [index for index, _header in headers] + [len(self._lines)]
        return [Section("", 0, ends[0])] + [
            Section(match["name"].lower(), index + 1, end, bool(match["off"]))
            for (index, match), end in zip(headers, ends[1:], strict=True)
        ]

    def _active(self, name: str) -> list[Section]:
        return [section for section in self._sections() if section.name == name and not section.commented]

    def _open(self, name: str, header: str) -> Section:
        """Return the section; make it where the text has none or only a commented one."""
        samples = [one for one in self._sections() if one.name == name and one.commented and not self._values(one)]
        if not self._active(name) and samples:
            self._lines.insert(samples[0].start, header)
        elif name and not self._active(name):
            self._lines = [*str(self).rstrip().split("\n"), "", header, ""]
        return self._active(name)[0]

    def _keys(self, section: Section) -> list[tuple[int, int, bool, str]]:
        """Return (line, number of lines, commented, key) for every value and sample of a value in a section."""
        found: list[tuple[int, int, bool, str]] = []
        index = section.start
        while index < section.end:
            match = _KEY_LINE.match(self._lines[index])
            length = self._length(index, section.end, bool(match["off"])) if match else 1
            if match:
                found.append((index, length, bool(match["off"]), match["key"].strip("\"'").lower()))
            index += length
        return found

    def _find(self, section: Section, key: str) -> list[tuple[int, int, bool]]:
        return [(at, length, off) for at, length, off, name in self._keys(section) if name == key.lower()]

    def _values(self, section: Section) -> list[tuple[int, int, str]]:
        return [(at, length, name) for at, length, off, name in self._keys(section) if not off]

    def _length(self, index: int, end: int, commented: bool) -> int:
        """Return how many lines a value takes: an array or a long string as many as TOML needs to be complete, else one."""
        if not _OPENS.search(self._lines[index]):
            return 1
        lines: list[str] = []
        for line in self._lines[index:end]:
            if commented and not line.lstrip().startswith("#"):
                break
            lines.append(re.sub(r"^\s*#\s?", "", line) if commented else line)
            try:
                parse("\n".join(lines), "")
            except FleetError:
                continue
            return len(lines)
        return 1

    def _last_key(self, section: Section) -> tuple[int, str]:
        """Return the line after the last value or sample of a section, and the indentation of values there."""
        keys = self._keys(section)
        if not keys:
            return section.start, "  " if section.name else ""
        match = _KEY_LINE.match(self._lines[keys[-1][0]])
        return keys[-1][0] + keys[-1][1], match["indent"] if match else ""

    def _drop_values(self, section: Section, keep: Mapping[str, str] | None = None) -> None:
        for at, length, name in reversed(self._values(section)):
            if name not in (keep or {}):
                del self._lines[at : at + length]


def _comment(line: str) -> str:
    """Return the comment behind the value of a line, with the space before it."""
    ((_key, item),) = tomlkit.parse(line).body[:1]
    return str(item.trivia.comment_ws + item.trivia.comment)


def _encoding(what: str, found: str, encoding: str) -> FleetError:
    return FleetError(
        f"{what} {found}",
        "UTF-8 without a byte order mark",
        f"convert it (for example iconv -f {encoding} -t UTF-8, then remove the mark) and see that influxd still starts with it",
    )
