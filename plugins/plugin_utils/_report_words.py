# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the report says numbers, times and states to people; the same in the page, the Markdown and the terminal."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts

# More names than these are not read in a sentence.
FEW = 3

TITLES = {"upgrade": "Upgrade report", "recover": "Recovery report", "rollback": "Rollback report"}

STATUS_WORDS = {
    "done": "done",
    "nothing": "nothing to do",
    "planned": "planned",
    "later": "later, as asked",
    "held": "held back",
    "refused": "refused",
    "rolled_back": "rolled back",
    "unreachable": "unreachable",
    "unknown": "not known",
    "failed": "failed",
    "rollback_failed": "rollback failed",
}

_STATUS_TONES = {
    "done": "good",
    "nothing": "good",
    "planned": "wait",
    "later": "wait",
    "held": "warn",
    "refused": "warn",
    "rolled_back": "warn",
}

DATA_WORDS = {
    "same": "the same",
    "partly": "the same where compared",
    "differs": "differs",
    "not_compared": "not compared",
}

CONFIG_TERMS = {
    "renamed": "Renamed",
    "dropped": "Dropped",
    "carried": "Carried",
    "defaults": "Defaults that change",
}
# The products by the beginning of a path's or package's name, the more exact first.
_PRODUCTS = (
    ("influxdb_enterprise", "InfluxDB Enterprise"),
    ("influxdb_to_enterprise", "InfluxDB Enterprise"),
    ("influxdb", "InfluxDB"),
    ("cloudant_lb", "the load balancer of Cloudant Local"),
    ("cloudant", "Cloudant Local"),
    ("couchdb", "Apache CouchDB"),
    ("haproxy", "HAProxy"),
)
# Products whose way back is named after a role that serves another product too.
_BY_PRODUCT = ("couchdb", "haproxy")


def tone(status: str) -> str:
    """Return the tone in which a status is shown: good, wait, warn or bad."""
    return _STATUS_TONES.get(status, "bad")


def product(*names: str | None) -> str | None:
    """Return the product that the first known of these names (of a path, of a package) stands for."""
    for name in names:
        for beginning, label in _PRODUCTS:
            if name and name.lower().replace("-", "_").startswith(beginning):
                return label
    return None


def title(plan: Facts | None) -> str:
    """Return what a report calls itself."""
    return TITLES[plan["direction"] if plan else "upgrade"]


def release(node: Facts) -> str:
    """Return the product and release that a node is to run, such as "InfluxDB 1.4.3"; empty where it is not known."""
    called = (node["product"],) if node["product"] in _BY_PRODUCT else (node["path"], node["product"])
    return " ".join(part for part in (product(*called), node["to"]) if part) if node["to"] else ""


def releases(nodes: Iterable[Facts]) -> str:
    """Return the releases that nodes are to run: a few are named, more are counted; empty where none is known."""
    found = list(dict.fromkeys(release(node) for node in nodes if release(node)))
    return amount(len(found), "release") if len(found) > FEW else names(found) if found else ""


def targets(plan: Facts | None) -> str:
    """Return the releases that a plan leads to; where it changes no node, those that its nodes run."""
    nodes = plan["nodes"] if plan else []
    return releases([node for node in nodes if node["state"] in ("upgrade", "later")] or nodes)


def packages(plan: Facts) -> list[Facts]:
    """Return the packages of a plan as {said, sha256, nodes}, once each; nodes are the names of those it is for."""
    found: dict[str, Facts] = {}
    for node in plan["nodes"]:
        if node["package"]:
            entry = {"said": package(node["package"]), "sha256": node["package"]["sha256"], "nodes": []}
            found.setdefault(repr(node["package"]), entry)["nodes"].append(node["name"])
    return list(found.values())


def package(facts: Facts) -> str:
    """Return what there is to say of a package on one line."""
    weight = size(facts["size"]) if facts["size"] is not None else None
    return " ".join(part for part in (facts["name"], facts["version"], facts["arch"], weight) if part)


def amount(number: int, noun: str) -> str:
    """Return "1 node", "2 nodes"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def seconds(value: float | None) -> str:
    """Return a duration as precisely as somebody wants to know it."""
    if value is None:
        return "–"
    if value < 9.995:
        return f"{value:.2f} s" if value < 0.9995 else f"{value:.1f} s"
    if value < 59.5:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def moment(value: float | None) -> str:
    """Return a point in time, in UTC: nodes and readers may live in different zones."""
    return _format(value, "%Y-%m-%d %H:%M:%S UTC")


def clock(value: float | None) -> str:
    """Return the time of day of a point in time, in UTC."""
    return _format(value, "%H:%M:%S")


def _format(value: float | None, form: str) -> str:
    try:
        return "–" if value is None else datetime.datetime.fromtimestamp(value, datetime.timezone.utc).strftime(form)
    except (OverflowError, ValueError, OSError):
        return f"{value} (no time)"


def size(value: float | None) -> str:
    """Return a number of bytes in decimal units, as disks are sold and df -H counts."""
    if value is None:
        return "–"
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 99.95 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def count(value: float | str | None) -> str:
    """Return a count with its thousands apart; a share below 1 as percent."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.1%}" if 0 < value < 1 else f"{value:,.2f}"
    return f"{value:,.0f}" if isinstance(value, (int, float)) else value or "–"


def names(found: Sequence[str], most: int = FEW) -> str:
    """Return "a", "a and b", "a, b and c", or, when there are more than most, "a, b, c and 4 more"."""
    shown = list(found if len(found) <= most else found[:most])
    last = shown.pop() if len(found) <= most else f"{len(found) - most} more"
    return f"{', '.join(shown)} and {last}" if shown else last


def sentence(text: str | None) -> str:
    """Return a text without the full stop at its end, to be used inside another sentence."""
    return (text or "").strip().rstrip(".")


def data(node: Facts) -> str:
    """Return in a few words what the comparison of a node's data found."""
    level = (node["fingerprint"] or {}).get("level")
    rolled_back = node["data"] == "differs" and node["status"] == "rolled_back"
    word = "differed on the new release" if rolled_back else DATA_WORDS[node["data"]]
    return f"{word} ({level})" if level and node["data"] != "not_compared" else word


def compared(node: Facts) -> list[tuple[str, str, str, bool]]:
    """Return a row (what, before, after, equal) for every count of a node's fingerprints."""
    fingerprint = node["fingerprint"] or {"before": {}, "after": {}}
    before, after = fingerprint["before"], fingerprint["after"]
    keys = [*before, *(key for key in after if key not in before)]
    return [(key, count(before.get(key)), count(after.get(key)), before.get(key) == after.get(key)) for key in keys]


def took(entry: Facts) -> str:
    """Return how long a phase took."""
    if entry["status"] == "skipped" or (entry["started"] is None and entry["ended"] is None):
        return "–"
    if entry["started"] is None:
        return "start not known"
    return "did not end" if entry["ended"] is None else seconds(entry["ended"] - entry["started"])


def finding(entry: Facts) -> str:
    """Return a finding as a sentence or two."""
    accepted = ", accepted" if entry["accepted"] else ""
    parts = [f"{entry['id']} ({entry['severity']}{accepted}): {sentence(entry['message'])}."]
    if entry["remedy"]:
        parts.append(f"What to do: {sentence(entry['remedy'])}.")
    return " ".join(parts)


def span(value: float) -> str:
    """Return a whole number of seconds for a tick: seconds, then minutes, then hours."""
    if value < 60:
        return f"{value:g} s"
    return f"{value / 60:g} min" if value < 3600 or value % 3600 else f"{value / 3600:g} h"


def shortened(text: str, letters: int) -> str:
    """Return a text with its middle left out: host names differ at the beginning or at the end."""
    if len(text) <= letters:
        return text
    head = (letters - 1) * 2 // 3
    return f"{text[:head]}…{text[head + 1 - letters :]}"
