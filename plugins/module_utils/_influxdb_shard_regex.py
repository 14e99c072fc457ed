# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Regular expressions of shard spaces: those that the server would misread, and how two of them stand to each other.

The server looks for a match anywhere in the name of a series, and divides what is written as /text/, /text/i or text. Only what consists
of characters, dots and plain classes, with or without an anchor, can be compared; of all others nothing is claimed.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import re

from ansible.module_utils.common.text.converters import to_native, to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, FrozenSet, List, Optional, Set, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

NOT_OF_GO = re.compile(r"\(\?(?:[=!(#]|<[=!]|P=)|\\[1-9Z]")
"""Look-arounds, conditions, comments and references back, which Python knows and Go does not."""
ONLY_OF_GO = re.compile(r"\\[pPQECz]|\[\[:|\(\?[a-zA-Z]*[U-]|.\(\?[a-zA-Z]+\)")
"""What only the server can judge."""

TOKEN = re.compile(
    r"(?P<gap>\.\*)|(?P<any>\.)|(?P<start>\^)|(?P<end>\$)|\\(?P<escaped>[^\w\s])|(?P<plain>[^\\.*+?^$()\[\]{}|])"
    r"|\[(?P<class>[^\]\\^\[][^\]\\\[]*)\]",
    re.UNICODE,
)
ALL = re.compile(r"^\^?\.[*+]\$?$|^\^?\.$")

Shape = collections.namedtuple("Shape", ["start", "sets", "end"])
"""A match is a row of characters, each of a set of code points (None: any), bound to the start or the end of the name, or not."""

EVERYTHING = Shape(False, (), False)


def parts_of(regex):
    # type: (str) -> Tuple[str, bool]
    """The expression as the server compiles it, and whether it ignores case."""
    text = to_text(regex)
    if not text.startswith(u"/"):
        return text, False
    return (text[1:-2], True) if text.endswith(u"/i") else (text[1:-1], False)


def check_regex(regex):
    # type: (str) -> None
    """Refuse what is bad, or what the server would read otherwise."""
    text = to_text(regex)
    if text.startswith(u"/") and (len(text) < 2 or text == u"/i" or not text.endswith((u"/", u"/i"))):
        raise _bad(regex, "it begins with a slash and does not end with / or /i, so that the server would cut off its end")
    pattern = parts_of(regex)[0]
    if not pattern:
        raise _bad(regex, "it is empty")
    if NOT_OF_GO.search(pattern):
        raise _bad(regex, "Go, in which the server is written, knows no look-arounds, conditions, comments and references back")
    if not ONLY_OF_GO.search(pattern):
        try:
            re.compile(pattern)
        except re.error as error:
            raise _bad(regex, str(error))


def _bad(regex, why):
    # type: (str, str) -> FleetError
    return FleetError(
        "The regex {0!r} will not do: {1}".format(to_native(regex), why),
        "a regular expression of Go (RE2), such as /^[A-Z].*/, or /.*/ for every series",
        "correct regex",
        reason="regex",
    )


def relation(first, second):
    # type: (str, str) -> str
    """What the first has to do with what the second matches: same, covers, within, overlaps, disjoint or unknown."""
    if parts_of(first) == parts_of(second):
        return "same"
    left, right = shape(first), shape(second)
    if EVERYTHING in (left, right):
        return "same" if left == right else "covers" if left == EVERYTHING else "within"
    if left is None or right is None:
        return "unknown"
    if not _can_meet(left, right):
        return "disjoint"
    covers, within = _covers(left, right), _covers(right, left)
    if covers:
        return "same" if within else "covers"
    if within:
        return "within"
    return "unknown" if None in (covers, within) else "overlaps"


def shape(regex):
    # type: (str) -> Optional[Shape]
    """None where the expression has other parts than those that can be compared."""
    pattern, ignore_case = parts_of(regex)
    if ALL.match(pattern):
        return EVERYTHING
    if ignore_case and re.search(u"[^\\x00-\\x7f]", pattern):
        return None
    kinds, sets = _tokens(pattern, ignore_case)
    start, end = kinds[:1] == ["start"], kinds[-1:] == ["end"]
    kinds, sets = kinds[start : len(kinds) - end], sets[start : len(sets) - end]
    opened, closed = kinds[:1] == ["gap"], kinds[-1:] == ["gap"]
    kinds, sets = kinds[opened : len(kinds) - closed], sets[opened : len(sets) - closed]
    if not any(sets) or set(kinds) - {"set"}:
        return None
    return Shape(start and not opened, tuple(sets), end and not closed)


def _tokens(pattern, ignore_case):
    # type: (str, bool) -> Tuple[List[str], List[Any]]
    """The kinds of the parts (set, gap, start, end), and the code points of the sets."""
    kinds = []  # type: List[str]
    sets = []  # type: List[Any]
    position = 0
    while position < len(pattern):
        found = TOKEN.match(pattern, position)
        if not found:
            return ["other"], [None]
        position = found.end()
        kind = str(found.lastgroup)
        kinds.append(kind if kind in ("gap", "start", "end") else "set")
        sets.append(_points(kind, found.group(kind), ignore_case) if kinds[-1] == "set" else None)
    return kinds, sets


def _points(kind, text, ignore_case):
    # type: (str, str, bool) -> Optional[FrozenSet[int]]
    if kind == "any":
        return None
    points = set()  # type: Set[int]
    for found in re.finditer(u"(.)-(.)|(.)", text if kind == "class" else u"", re.DOTALL):
        first, last = found.group(1) or found.group(3), found.group(2) or found.group(3)
        points.update(range(ord(first), ord(last) + 1))
    if kind != "class":
        points.add(ord(text))
    if ignore_case:
        points.update([point ^ 32 for point in points if chr(point).isalpha()])
    return frozenset(points)


def _covers(one, two):
    # type: (Shape, Shape) -> Optional[bool]
    """Does the first match all that the second matches? None: cannot be told."""
    if (one.start and not two.start) or (one.end and not two.end):
        return False
    if any(_fits(one, two, place, _within) for place in _places(one, len(two.sets))):
        return True
    # Unbound, it could still be found in every name: wherever a name of several possible ones lacks it, others may not.
    is_plain = all(two.sets) and all(len(points) == 1 for points in two.sets) and all(one.sets)
    return False if one.start or one.end or is_plain else None


def _can_meet(one, two):
    # type: (Shape, Shape) -> bool
    """Is there a name that both match?"""
    for bound, other in ((one, two), (two, one)):
        if bound.start and bound.end:
            return any(_fits(other, bound, place, _share) for place in _places(other, len(bound.sets)))
    starts = zip(one.sets, two.sets) if one.start and two.start else ()
    ends = zip(reversed(one.sets), reversed(two.sets)) if one.end and two.end else ()
    return all(_share(points, other) for pairs in (starts, ends) for points, other in pairs)


def _places(inner, length):
    # type: (Shape, int) -> List[int]
    """Where the row of one may begin in a row of this length, as it is bound to start and end."""
    last = length - len(inner.sets)
    return [place for place in range(last + 1) if not (inner.start and place) and not (inner.end and place != last)]


def _fits(inner, outer, place, agree):
    # type: (Shape, Shape, int, Any) -> bool
    return all(agree(outer.sets[place + index], points) for index, points in enumerate(inner.sets))


def _within(points, other):
    # type: (Optional[FrozenSet[int]], Optional[FrozenSet[int]]) -> bool
    return other is None or (points is not None and points <= other)


def _share(points, other):
    # type: (Optional[FrozenSet[int]], Optional[FrozenSet[int]]) -> bool
    return points is None or other is None or bool(points & other)
