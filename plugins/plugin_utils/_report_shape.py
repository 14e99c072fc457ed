# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of a report's run, plan and nodes: every key is there, of the type that docs/report.schema.json promises.

Hosts die half-way and templates turn numbers into strings, so anything may be missing or of another type. What cannot be read
becomes None: never a guess, and never a reason not to write a report.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts, without_secrets

Reader = Callable[[Any], Any]

PHASES = ("detect", "preflight", "stage", "backup", "upgrade", "verify", "rollback")
DIRECTIONS = ("upgrade", "recover", "rollback")


def direction(value: Any) -> str:
    """Read which way a run goes; what is not known is an upgrade."""
    return value if value in DIRECTIONS else DIRECTIONS[0]


def text(value: Any) -> str | None:
    """Read a text; a list or dict of texts becomes one sentence."""
    if isinstance(value, dict):
        return "; ".join(texts(value)) or None
    if isinstance(value, list):
        return "; ".join(texts(value)) or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None or value == "" else str(value)


def setting(value: Any) -> str | None:
    """Read a setting of a configuration, {key, value, ...} or {from, to, value, ...}, the way people write it."""
    if not isinstance(value, dict) or not (value.get("key") or value.get("from")):
        return text(value)
    place = value.get("key") or f"{value['from']} → {value.get('to')}"
    held = "" if value.get("value") is None else f" = {json.dumps(value['value'], ensure_ascii=False)}"
    # Only here the name of a setting and its value meet in one text.
    return str(without_secrets(f"{place}{held}{_why(value)}"))


def changed_default(value: Any) -> str | None:
    """Read a default that the new release has another one for, {key, old, new, release, consequence}, as a sentence."""
    if not isinstance(value, dict) or not value.get("key"):
        return text(value)
    old, new = (json.dumps(value.get(side), ensure_ascii=False) for side in ("old", "new"))
    since = f" since {value['release']}" if value.get("release") else ""
    what = f"{'no limit' if value.get('old') is None else old} → {new}{since}"
    return f"{value['key']}: {what}" + (f": {value['consequence']}" if value.get("consequence") else "")


def _why(value: Facts) -> str:
    """Say why a setting was dropped: {reason, release, default}."""
    since = f"since {value['release']}" if value.get("release") else ""
    notes = [note for note in (since, "nothing changes by it" if flag(value.get("default")) else "") if note]
    return (f": {value['reason']}" if value.get("reason") else "") + (f" ({'; '.join(notes)})" if notes else "")


def texts(value: Any) -> list[str]:
    """Read a list of texts; a dict becomes "key: value" texts, a single value a list of one."""
    if isinstance(value, dict):
        return [f"{key}: {text(entry)}" for key, entry in value.items() if text(entry) is not None]
    entries = [text(entry) for entry in (value if isinstance(value, list) else [value])]
    return [entry for entry in entries if entry is not None]


def number(value: Any) -> float | None:
    """Read a finite number, also out of a string."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    """Read an integer, also out of a string."""
    found = number(value)
    return None if found is None else int(found)


def flag(value: Any) -> bool:
    """Read a boolean, also out of a string; anything else is false."""
    return value is True or (isinstance(value, str) and value.lower() in ("true", "yes", "on", "1"))


def checks(value: Any) -> list[str]:
    """Read how something was verified: sentences, or merely that it was. An empty list means that it was not."""
    if flag(value):
        return ["verified"]
    return [] if isinstance(value, bool) or str(value).lower() in ("false", "no") else texts(value)


def counts(value: Any) -> dict[str, float | str]:
    """Read a dict of counts: numbers and booleans as they are, anything else as text."""
    found = {
        key: entry if isinstance(entry, (int, float)) else text(entry)
        for key, entry in (value if isinstance(value, dict) else {}).items()
    }
    return {key: entry for key, entry in found.items() if entry is not None}


def record(readers: Mapping[str, Reader]) -> Reader:
    """Return a reader of a dict with exactly these keys; anything but a dict with content is None."""

    def read(value: Any) -> Facts | None:
        if not isinstance(value, dict) or not value:
            return None
        return {key: reader(value.get(key)) for key, reader in readers.items()}

    return read


def rows(reader: Reader) -> Reader:
    """Return a reader of a list; what its entries' reader does not know is left out."""

    def read(value: Any) -> list[Any]:
        found = [reader(entry) for entry in (value if isinstance(value, list) else [])]
        return [entry for entry in found if entry is not None]

    return read


_finding = {"id": text, "severity": text, "message": text, "remedy": text, "accepted": flag}
_fingerprint = {"level": text, "before": counts, "after": counts, "differences": texts}
_backup = {"kind": text, "path": text, "bytes": whole, "files": whole, "verified": checks}
_config = {
    "renamed": rows(setting),
    "dropped": rows(setting),
    "carried": rows(setting),
    "defaults": rows(changed_default),
    "diff": text,
}
_swap_step = {"name": text, "started": number, "seconds": number, "status": text}
_swap = {"steps": rows(record(_swap_step)), "downtime": number, "outcome": text, "error": text, "notes": texts}
_phase = {"phase": text, "started": number, "ended": number, "status": text, "detail": text}
_outcome = {"status": text, "phase": text, "reason": text, "downtime": number, "upgrade_seconds": number}
_package = {"name": text, "version": text, "arch": text, "sha256": text, "size": whole}
_plan_node = {
    "name": text,
    "cluster": text,
    "from": text,
    "to": text,
    "path": text,
    "product": text,
    "role": text,
    "state": text,
    "reason": text,
    "wave": whole,
    "steps": rows(record({"name": text, "reversible": flag})),
    "one_way": flag,
    "after": text,
    "disk_needed": whole,
    "backup_id": text,
    "package": record(_package),
}

read_run = record(
    {
        "id": text,
        "started": number,
        "ended": number,
        "controller": text,
        "user": text,
        "collection_version": text,
        "path": text,
        "check": flag,
        "plan_only": flag,
    }
)

read_plan = record(
    {
        "schema": text,
        "direction": direction,
        "path": text,
        "nodes": rows(record(_plan_node)),
        "waves": rows(texts),
        "findings": rows(record({"node": text, **_finding})),
        "notes": texts,
        "verdict": text,
        "verdict_reason": text,
    }
)

read_nodes = rows(
    record(
        {
            "name": text,
            "cluster": text,
            "from": text,
            "to": text,
            "outcome": record(_outcome),
            "fingerprint": record(_fingerprint),
            "backup": record(_backup),
            "rollback_package": record({"path": text, "source": text, "version": text}),
            "config": record(_config),
            "swap": record(_swap),
            "timeline": rows(record(_phase)),
            "findings": rows(record(_finding)),
        }
    )
)
