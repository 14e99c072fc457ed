# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a user's configuration of influxd onto the packaged one of a newer release.

A three-way merge: what differs from the old program's own defaults is the user's and is carried, through the table of moved
and removed keys, into the new packaged text, whose comments stay. Everything that is not carried is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_keys as keys
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import Finding, finding
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_checks import series_limits
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_keys import Move, Place
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._toml_text import Sheet, is_secret, parse, plain, written
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import Release, dotted

Told = dict[str, Any]

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_SIZE = re.compile(r"(\d+)([kmg]?)", re.IGNORECASE)
_BYTES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}


@dataclass(frozen=True)
class Merge:
    """The merged text, and what became of every value. Values of secret keys are shown as ***."""

    text: str
    carried: list[Told]
    """{key, value}: the user's values that the new text holds."""
    renamed: list[Told]
    """{from, to, value}: those that have another place now."""
    dropped: list[Told]
    """{key, value, release, reason, default}: what the new text does not hold. release is the first one that ignores the key,
    None where no release reads it; default says that nothing changes: it was the old default, or already ignored."""
    unchanged_defaults_that_change: list[Told]
    """{key, old, new, release, consequence}: what the user left to the program, and the program now does in another way."""
    findings: list[Finding]


def same(one: Any, other: Any) -> bool:
    """Say whether two values mean the same: "1m" is "1m0s", "25m" is 26214400, "30s" is 30000000000."""
    if isinstance(one, bool) or isinstance(other, bool):
        return str(one).lower() == str(other).lower()
    if one == other:
        return True
    return any(read(one) is not None and read(one) == read(other) for read in (_nanoseconds, _bytes))


def _nanoseconds(value: Any) -> float | None:
    if isinstance(value, int):
        return value
    text = str(value)
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return 0 if text == "0" else None
    return sum(float(number) * _NANOSECONDS[unit] for number, unit in parts)


def _bytes(value: Any) -> int | None:
    match = _SIZE.fullmatch(str(value))
    return int(match[1]) * _BYTES[match[2].lower()] if match else None


def where(place: Place, entry: int | None = None) -> str:
    """Name a key as people find it in the file: [http] auth-enabled."""
    section, key = place
    if not section:
        return key
    return f"[{section}] {key}" if entry is None else f"[[{section}]] {entry + 1}: {key}"


def merge(old_text: str, old_defaults_text: str, new_text: str, from_version: str, to_version: str) -> Merge:
    """Merge the user's configuration into the packaged one of the new release.

    old_text: the user's file; old_defaults_text: what "influxd config" of the old program prints; new_text: the packaged
    file of the new release. Merging the result again gives the same text.
    """
    return _Merger(
        old=_Config(parse(old_text, "The configuration")),
        defaults=_Config(parse(old_defaults_text, 'What "influxd config" of the old release prints')),
        new=_Config(parse(new_text, "The packaged configuration of the new release")),
        sheet=Sheet(new_text),
        source=keys.release(from_version),
        target=keys.release(to_version),
    ).run()


class _Config:
    """A parsed configuration: values by section and key, and the entries of the listeners."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.values: dict[Place, Any] = {}
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.single: set[str] = set()
        for name, value in document.items():
            self._take(name.lower(), value)

    def _take(self, name: str, value: Any) -> None:
        if name in keys.LISTENERS:
            tables = [value] if isinstance(value, Mapping) else list(value) if isinstance(value, list) else []
            self.entries[name] = [{key.lower(): item for key, item in table.items()} for table in tables]
            self.single.update({name} if isinstance(value, Mapping) else ())
        elif isinstance(value, Mapping):
            self.values.update(_flat(name, value))
        else:
            self.values["", name] = value


def _flat(section: str, table: Mapping[str, Any]) -> Iterator[tuple[Place, Any]]:
    for key, item in table.items():
        if isinstance(item, Mapping):
            yield from _flat(f"{section}.{key.lower()}", item)
        else:
            yield (section, key if section in keys.FREE_SECTIONS else key.lower()), item


@dataclass
class _Merger:
    old: _Config
    defaults: _Config
    new: _Config
    sheet: Sheet
    source: Release
    target: Release
    chosen: dict[Place, tuple[Place, Any]] = field(default_factory=dict)
    """Where a value of the user goes to: where it comes from, and the value."""
    listeners: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    dropped: list[Told] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)

    def run(self) -> Merge:
        moves = {place: keys.move(place, self.target) for place in self.old.values}
        for place, value in self.old.values.items():
            if moves[place] is None:
                self._stay(place, value)
        for place, value in self.old.values.items():
            if step := moves[place]:
                self._move(step, value)
        for name, entries in self.old.entries.items():
            self._listener(name, entries)
        self._write()
        text = str(self.sheet)
        self._prove(text)
        return Merge(text, self._carried(), self._renamed(), self.dropped, self._changes(), list(self._findings()))

    def _stay(self, place: Place, value: Any) -> None:
        if self._readable(place, value) and (place in keys.PATHS or not self._is_default(place, value)):
            self.chosen[place] = place, value

    def _move(self, step: Move, value: Any) -> None:
        if self._is_default(step.source, value) or plain(value) == "":
            return
        if step.target in self.old.values and not step.wins:
            self.superseded.append(where(step.source))
            self._drop(
                where(step.source), value, step.release, f"{where(step.target)} is set as well, and counts", False
            )
            return
        self.chosen[step.target] = step.source, value

    def _is_default(self, place: Place, value: Any) -> bool:
        return place in self.defaults.values and same(plain(value), plain(self.defaults.values[place]))

    def _readable(self, place: Place, value: Any, entry: int | None = None) -> bool:
        """Say whether the target reads a key, and note it as dropped where it does not."""
        gone = keys.removal(place, self.target)
        if gone:
            dead = gone.release <= self.source or (entry is None and self._is_default(place, value))
            self._drop(where(place, entry), value, gone.release, gone.consequence, dead)
        elif not keys.is_known(place) and not self.sheet.mentions(*place):
            self._drop(where(place, entry), value, None, "no release reads it, so it had no effect", False)
        else:
            return True
        return False

    def _drop(self, key: str, value: Any, release: Release | None, reason: str, default: bool) -> None:
        told = {"key": key, "value": _shown(key, value), "release": dotted(release) if release else None}
        self.dropped.append({**told, "reason": reason, "default": default})

    def _listener(self, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Carry the entries as a whole, unless they are one that the program makes by itself."""
        ours = {"enabled": False, **(self.defaults.entries.get(name) or [{}])[0]}
        if len(entries) == 1 and all(
            key in ours and same(plain(item), plain(ours[key])) for key, item in entries[0].items()
        ):
            return
        kept = [
            {key: item for key, item in entry.items() if self._readable((name, key), item, number)}
            for number, entry in enumerate(entries)
        ]
        if kept:
            self.listeners[name] = kept

    def _write(self) -> None:
        for place, packaged in keys.PATHS.items():
            if place not in self.chosen and plain(self.new.values.get(place)) != packaged:
                self.chosen[place] = place, packaged
        # Sorted, so that merging again writes them in the same order.
        for place, (_spelling, value) in sorted(self.chosen.items()):
            if place not in self.new.values or plain(self.new.values[place]) != plain(value):
                self.sheet.put(*place, written(value))
        for name, entries in self.listeners.items():
            texts = [{key: written(item) for key, item in entry.items()} for entry in entries]
            self.sheet.replace_array(name, texts, single=self._is_single(name))

    def _is_single(self, name: str) -> bool:
        return name in ("collectd", "opentsdb") and self.target < keys.ARRAYS_SINCE

    def _prove(self, text: str) -> None:
        """Read the result back: what cannot be placed in a text must not be lost in silence."""
        result = _Config(parse(text, "The merged configuration"))
        lost = [
            where(place)
            for place, (_spelling, value) in self.chosen.items()
            if result.values.get(place) != plain(value)
        ]
        lost += [
            f"[[{name}]]"
            for name, entries in self.listeners.items()
            if plain_all(result.entries.get(name)) != plain_all(entries)
        ]
        lost += [where(place) for place in self.new.values if place not in result.values]
        if lost:
            raise FleetError(
                f"The packaged configuration of the new release cannot take {', '.join(lost)}",
                "a text in which every section has a header of its own",
                "give the packaged file as the package ships it",
            )

    def _carried(self) -> list[Told]:
        told = [
            {"key": where(target), "value": _shown(target[1], value)}
            for target, (source, value) in self.chosen.items()
            if source == target
        ]
        return told + [
            {"key": where((name, key), number), "value": _shown(key, item)}
            for name, entries in self.listeners.items()
            for number, entry in enumerate(entries)
            for key, item in entry.items()
        ]

    def _renamed(self) -> list[Told]:
        told = [
            {"from": where(source), "to": where(target), "value": _shown(target[1], value)}
            for target, (source, value) in self.chosen.items()
            if source != target
        ]
        return told + [
            {"from": f"[{name}]", "to": f"[[{name}]]", "value": None}
            for name in self.listeners
            if name in self.old.single and not self._is_single(name)
        ]

    def _old_default(self, place: Place, otherwise: Any) -> Any:
        """Return what the old program does by itself: as it prints it, under the key's old name too, else as the table says."""
        sources = [place, *(one.source for one in keys.MOVES if one.target == place)]
        return next((plain(self.defaults.values[one]) for one in sources if one in self.defaults.values), otherwise)

    def _changes(self) -> list[Told]:
        told = []
        for change in keys.default_changes(self.source, self.target):
            old = self._old_default(change.place, change.old)
            if change.place not in self.chosen and not same(old, change.new):
                one = {"key": where(change.place), "old": old, "new": change.new}
                told.append({**one, "release": dotted(change.release), "consequence": change.consequence})
        return told

    def _passes(self, release: Release) -> bool:
        return self.source < release <= self.target

    def _findings(self) -> Iterator[Finding]:
        changed = {one["key"]: one for one in self._changes()}
        if "bind-address" in changed:
            yield self._backup_address(changed["bind-address"])
        yield from self._row_limit()
        if limits := series_limits(self.source, self.target):
            yield limits
        yield from self._admin()
        if self._passes((1, 4)) and self.target < (1, 7):
            yield self._ifql()
        yield from self._losses()

    def _backup_address(self, change: Told) -> Finding:
        return finding(
            "config-backup-address",
            "warning",
            f"Backups were answered on {change['old']}, the old default; from {change['release']} the default is {change['new']}",
            'where backups are taken over the network, set bind-address = ":8088" in the configuration before the upgrade together'
            " with a firewall rule (the port has no authentication); otherwise nothing is to be done",
        )

    def _row_limit(self) -> Iterator[Finding]:
        place = ("http", "max-row-limit")
        if place not in self.old.values:
            return
        value = plain(self.old.values[place])
        if place not in self.chosen and self._passes((1, 2, 2)):
            told = f"max-row-limit = {value} is the old default and is not carried: answers are no longer cut off at {value} rows"
            yield finding("config-max-row-limit", "info", told, "set another limit before the upgrade if it was meant")
        elif place in self.chosen and value and (value == 10000 or self._passes((1, 2, 2))):
            told = f"max-row-limit = {value} is carried: answers are cut off after {value} rows, marked partial (influxdata/influxdb#8050)"
            yield finding("config-max-row-limit", "warning", told, "set it to 0 before the upgrade unless it is meant")

    def _admin(self) -> Iterator[Finding]:
        place = ("admin", "enabled")
        if self._passes((1, 3)) and plain(self.old.values.get(place, self.defaults.values.get(place))) is True:
            told = "The web administration interface is on, and gone from 1.3: its port (8083 unless set otherwise) will be closed"
            yield finding(
                "config-admin", "warning", told, "tell those who use it; Chronograf is the vendor's replacement"
            )

    def _ifql(self) -> Finding:
        return finding(
            "config-ifql",
            "info",
            "1.4 brings the section [ifql], a service on port 8082 without authentication. Its sample says enabled, the program"
            " itself says disabled (observed on 1.4.3)",
            "set [ifql] enabled = false to be sure of it whatever the release",
        )

    def _losses(self) -> Iterator[Finding]:
        if self.superseded:
            told = f"Both the old and the new name are set; the new one counts, and these are dropped: {', '.join(self.superseded)}"
            yield finding("config-set-twice", "warning", told, "remove the value that is not meant before the upgrade")
        gone = [
            one for one in self.dropped if one["release"] and not one["default"] and one["key"] not in self.superseded
        ]
        if gone:
            reasons = "; ".join(f"{one['key']} (from {one['release']}: {one['reason']})" for one in gone)
            told = f"These settings are no longer read and are dropped: {reasons}"
            yield finding("config-dropped", "warning", told, "see that none of them is missed")
        unknown = [one["key"] for one in self.dropped if not one["release"]]
        if unknown:
            told = f"No release of influxd reads these keys, and they are dropped: {', '.join(unknown)}"
            yield finding(
                "config-unknown",
                "warning",
                told,
                "see whether one of them is a misspelt name of a setting that was meant",
            )


def plain_all(entries: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Return entries with plain Python values."""
    return [{key: plain(item) for key, item in entry.items()} for entry in entries or ()]


def _shown(key: str, value: Any) -> Any:
    """Return a value as a report may show it."""
    bare = key.rsplit(" ", 1)[-1]
    return "***" if is_secret(bare) and plain(value) else plain(value)
