# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timeline as inline SVG: a row for each node, a bar for each phase, the downtime on top, waves behind.

It is drawn twice from one geometry, wide for a screen and paper, narrow for a phone, so that text is never scaled beyond reading.
Colors are classes of the page's style sheet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _report_words as words
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_shape import PHASES

# Distances between ticks that people can count in, in seconds.
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)

# Phases that belong to a node's wave; the earlier ones are done for all nodes together.
_WAVE_PHASES = ("backup", "upgrade", "verify", "rollback")


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Where things are, in SVG units. A label above its bar needs no column of its own."""

    name: str
    width: float
    left: float
    right: float
    row: float
    label_above: bool
    letters: int
    ticks: int

    @property
    def plot(self) -> float:
        """Return the width of the part where bars are."""
        return self.width - self.left - self.right


WIDE = Geometry("wide", 1040, 206, 104, 27, False, 26, 9)
NARROW = Geometry("narrow", 350, 2, 8, 44, True, 30, 4)

_TOP = 44
_BAR = 11


@dataclasses.dataclass(frozen=True)
class Axis:
    """The common time axis."""

    start: float
    end: float
    geometry: Geometry

    def x(self, moment: float) -> float:
        """Return where a point in time is."""
        share = (moment - self.start) / (self.end - self.start)
        return self.geometry.left + self.geometry.plot * min(max(share, 0.0), 1.0)

    @property
    def step(self) -> float:
        """Return the distance between ticks, in seconds."""
        return next(
            (tick for tick in _TICKS if (self.end - self.start) / tick <= self.geometry.ticks), self.end - self.start
        )


def timeline(report: Facts, geometry: Geometry) -> Markup:
    """Return the drawing, or nothing when no phase of any node was timed."""
    nodes = sorted(
        (node for node in report["nodes"] if timed(node)),
        key=lambda node: (not node["wave"], node["wave"], known_since(timed(node)[0])),
    )
    if not nodes:
        return Markup("")
    axis = Axis(*_span(report, nodes), geometry)
    height = _TOP + geometry.row * len(nodes) + 6
    parts = [*_waves(nodes, axis, height), *_ticks(axis, height)]
    parts += [_row(node, axis, _TOP + geometry.row * place) for place, node in enumerate(nodes)]
    return Markup(
        '<svg class="timeline {name}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="tl-{name} td-{name}">'
        '<title id="tl-{name}">Timeline of the run</title><desc id="td-{name}">{desc}</desc>{body}</svg>'
    ).format(
        name=geometry.name,
        width=geometry.width,
        height=height,
        desc=_description(nodes, axis),
        body=Markup("").join(parts),
    )


def timed(node: Facts) -> list[Facts]:
    """Return the phases of a node of which a start or an end is known."""
    return [entry for entry in node["timeline"] if entry["started"] is not None or entry["ended"] is not None]


def known_since(entry: Facts) -> float:
    """Return when a phase began; where only its end is known, that."""
    return float(entry["ended"] if entry["started"] is None else entry["started"])


def _span(report: Facts, nodes: Sequence[Facts]) -> tuple[float, float]:
    """Return when the drawing begins and ends: with the first and last thing known of any node."""
    starts = [known_since(entry) for node in nodes for entry in timed(node)]
    ends = [entry["ended"] for node in nodes for entry in timed(node) if entry["ended"] is not None]
    start = min(starts)
    unfinished = any(entry["ended"] is None for node in nodes for entry in timed(node))
    end = max([*starts, *ends, *([report["run"]["ended"]] if unfinished and report["run"]["ended"] else [])])
    return start, max(end, start + 0.1)


def _description(nodes: Sequence[Facts], axis: Axis) -> str:
    """Say in words what the drawing shows, for those who do not see it."""
    said = [
        f"{node['name']}: {words.STATUS_WORDS[node['status']]}, down for {words.seconds(node['downtime'])}"
        for node in nodes
    ]
    return (
        f"{words.amount(len(nodes), 'node')} over {words.seconds(axis.end - axis.start)}, from {words.moment(axis.start)}. "
        f"{'; '.join(said)}. The phases are in the details of each node."
    )


def _waves(nodes: Sequence[Facts], axis: Axis, height: float) -> list[Markup]:
    """Return a band for each wave, from the first to the last thing done in it."""
    bands = []
    for wave in sorted({node["wave"] for node in nodes if node["wave"]}):
        phases = [
            entry for node in nodes if node["wave"] == wave for entry in timed(node) if entry["phase"] in _WAVE_PHASES
        ]
        if phases:
            left = axis.x(min(known_since(entry) for entry in phases))
            right = axis.x(max(_end(entry, axis) for entry in phases))
            bands.append(_band(wave, left, max(right - left, 2), height))
    return bands


def _band(wave: int, left: float, width: float, height: float) -> Markup:
    label = f"wave {wave}" if width > 46 else str(wave) if width > 14 else ""
    return Markup(
        '<g class="wave {parity}"><title>wave {wave}</title><rect x="{x:.1f}" y="6" width="{w:.1f}" height="{h:.1f}" rx="4"/>'
        '<text x="{mid:.1f}" y="19" text-anchor="middle">{label}</text></g>'
    ).format(
        wave=wave,
        parity="odd" if wave % 2 else "even",
        x=left,
        w=width,
        h=height - 8,
        mid=left + width / 2,
        label=label,
    )


def _ticks(axis: Axis, height: float) -> list[Markup]:
    number = int((axis.end - axis.start) / axis.step + 1e-9)
    return [
        _tick(axis.x(axis.start + place * axis.step), place * axis.step, place == 0, height)
        for place in range(number + 1)
    ]


def _tick(x: float, elapsed: float, first: bool, height: float) -> Markup:
    label = "0" if first else f"{elapsed:.1f} s" if elapsed < 1 else words.span(elapsed)
    return Markup(
        '<g class="tick"><line x1="{x:.1f}" x2="{x:.1f}" y1="38" y2="{bottom:.1f}"/>'
        '<text x="{x:.1f}" y="33" text-anchor="{anchor}">{label}</text></g>'
    ).format(x=x, bottom=height - 4, anchor="start" if first else "middle", label=label)


def _row(node: Facts, axis: Axis, top: float) -> Markup:
    """Return a node's name, its bars and its downtime."""
    geometry = axis.geometry
    y = top + (22 if geometry.label_above else (geometry.row - _BAR) / 2)
    text = top + 15 if geometry.label_above else y + 10
    bars = Markup("").join([*(_phase(entry, axis, y) for entry in _ordered(node)), _downtime(node, axis, y)])
    label = words.shortened(node["name"], geometry.letters)
    down = f"{words.seconds(node['downtime'])} down" if node["downtime"] is not None else ""
    return Markup(
        '<g class="row"><line class="rule" x1="0" x2="{width:.0f}" y1="{rule:.1f}" y2="{rule:.1f}"/>'
        '<g class="tone-{tone}"><title>{full}: {word}</title><circle cx="6" cy="{dot:.1f}" r="4"/>'
        '<text class="name" x="16" y="{text:.1f}">{label}</text></g>{bars}'
        '<text class="down-text" x="{right:.1f}" y="{text:.1f}" text-anchor="end">{down}</text></g>'
    ).format(
        width=geometry.width,
        rule=top,
        dot=text - 4,
        text=text,
        right=geometry.width - 2,
        tone=words.tone(node["status"]),
        full=node["name"],
        word=words.STATUS_WORDS[node["status"]],
        label=label,
        bars=bars,
        down=down,
    )


def _ordered(node: Facts) -> list[Facts]:
    return [entry for entry in timed(node) if entry["status"] != "skipped"]


def _end(entry: Facts, axis: Axis) -> float:
    """Return when a phase ended; one that never did is open until the end of what is known."""
    return axis.end if entry["ended"] is None else float(entry["ended"])


def _phase(entry: Facts, axis: Axis, y: float) -> Markup:
    left = axis.x(known_since(entry))
    width = max(axis.x(_end(entry, axis)) - left, 2.0)
    state = {"unfinished": "open", "failed": "bad"}.get(entry["status"], "fine")
    phase = entry["phase"] if entry["phase"] in PHASES else "other"
    cross = (
        Markup('<path class="cross" d="M{x:.1f} {y:.1f}l6 6m0 -6l-6 6"/>').format(x=left + width + 3, y=y + 3)
        if state == "bad"
        else Markup("")
    )
    return Markup(
        '<g class="phase {state}"><title>{name}: {took}, {status}{detail}</title>'
        '<rect class="ph-{phase}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h}" rx="2"/>{cross}</g>'
    ).format(
        state=state,
        name=entry["phase"] or "a phase",
        took=words.took(entry),
        status=entry["status"],
        detail=f" – {entry['detail']}" if entry["detail"] else "",
        phase=phase,
        x=left,
        y=y,
        w=width,
        h=_BAR,
        cross=cross,
    )


def outages(node: Facts) -> list[tuple[float, float]]:
    """Return when a node's service stopped and for how long: each "stop" of its swap, or the downtime before the swap's end.

    A swap and the rollback that followed it are two outages, which the one number of the downtime does not tell apart: each is
    taken to last until its last step ended.
    """
    swap = node["swap"] or {"steps": [], "downtime": None}
    steps = [step for step in swap["steps"] if step["started"] is not None and step["status"] != "skipped"]
    down = swap["downtime"] if swap["downtime"] is not None else node["downtime"]
    stops = [place for place, step in enumerate(steps) if (step["name"] or "").startswith("stop")]
    if len(stops) > 1:
        lasts = [*(place - 1 for place in stops[1:]), len(steps) - 1]
        return [
            (steps[stop]["started"], _ends(steps[last]) - steps[stop]["started"])
            for stop, last in zip(stops, lasts, strict=True)
        ]
    if not steps or not down:
        return []
    return [(steps[stops[0]]["started"] if stops else _ends(steps[-1]) - down, down)]


def _ends(step: Facts) -> float:
    return float(step["started"] + (step["seconds"] or 0.0))


def _downtime(node: Facts, axis: Axis, y: float) -> Markup:
    """Return the marks of the downtime: an upright where it began, to be seen however short it was, and a line below the bars."""
    return Markup("").join(_outage(since, took, axis, y) for since, took in outages(node))


def _outage(since: float, took: float, axis: Axis, y: float) -> Markup:
    left = axis.x(since)
    return Markup(
        '<g class="down"><title>not serving for {took} from {clock} UTC</title>'
        '<rect x="{x:.1f}" y="{top:.1f}" width="2.5" height="{h}" rx="1"/>'
        '<rect x="{x:.1f}" y="{under:.1f}" width="{w:.1f}" height="3.5" rx="1"/></g>'
    ).format(
        took=words.seconds(took),
        clock=words.clock(since),
        x=left,
        top=y - 4,
        h=_BAR + 8,
        under=y + _BAR + 0.5,
        w=max(axis.x(since + took) - left, 2.0),
    )
