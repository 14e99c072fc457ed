# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the data of an InfluxDB 0.7 or 0.8 server looks like, and in what two such pictures differ.

Values are counted per range of time, series and column, for times before the fingerprint was taken. Whoever writes meanwhile can only
add to them, so that fewer values afterwards are always a loss.

All series of a range are counted at once, with a regular expression that every name matches: no list of series is needed, and 0.7.3's is
wrong (observed). There is no "group by time()", as each release rounds times before 1970 in a way of its own.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import binascii
import hashlib
import json
import re
import zlib

from ansible.module_utils.common.text.converters import container_to_text, to_bytes, to_native, to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_fingerprint import (
    alternating,
    format_time,
    parse_time,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_client import require_legacy
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_legacy_info import shards_of
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_shard_space import MICROSECONDS, duration

try:
    from typing import Any, Dict, Iterator, List, Optional, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

SCHEMA = 1
LEVELS = ("metadata", "points")
KEYS = ("time", "sequence_number")
SECOND, HOUR = MICROSECONDS["s"], MICROSECONDS["h"]

PLAIN = re.compile(r'^[^."\\]+$')
"""Columns that can be asked for by name. The releases take what is before a dot for a series, lose a backslash, and write beyond their
memory at a quote."""

HEX, OTHER = "0123456789abcdef", "ghijklmnopqrstuv"
"""Two alphabets without a common letter: no password is in a text of the one and in the same text of the other."""


def fingerprint(params, client, clock):
    # type: (Dict[str, Any], Any, Any) -> Dict[str, Any]
    """What influxdb_legacy_fingerprint returns. clock: seconds since 1970."""
    started = clock()
    require_legacy(client.version())
    if params["baseline"] is None:
        content = take(client, params, started)
        verdict = {"equal": None, "differences": [], "difference_count": 0, "additions": []}  # type: Dict[str, Any]
    else:
        before = unpack(params["baseline"])
        content = take_again(client, before)
        verdict = compare(before, content, params["max_differences"])
        refuse_masking(verdict, params["password"])
    shown = show(content, started, params["password"])
    return dict(verdict, changed=False, fingerprint=shown, seconds=round(clock() - started, 3))


def refuse_masking(verdict, password):
    # type: (Dict[str, Any], Optional[str]) -> None
    """Ansible masks the password in truths and numbers too. Who asks for the verdict would then take any text for yes."""
    for key in ("equal", "difference_count"):
        if password and to_text(password) in to_text(verdict[key]):
            raise FleetError(
                "The password of the administrator is a part of {0!r}, which Ansible would mask in the verdict".format(
                    verdict[key]
                ),
                "a password that is no part of a number or a truth",
                "use an administrator with a longer password",
                reason="credentials",
                differences=verdict["differences"],
            )


def take(client, params, now):
    # type: (Any, Dict[str, Any], float) -> Dict[str, Any]
    """What is there. params: level, bucket, since, until and row_budget of the module; now: seconds since 1970."""
    until = microseconds(params["until"], "until") if params["until"] else int(now * SECOND)
    since = microseconds(params["since"], "since") if params["since"] else None
    content = _content(client, params["level"], params["bucket"], since, until)
    if params["level"] == "points":
        spans = _spans(client)
        buckets = bucket_list(content["metadata"]["databases"], spans, bucket_length(params["bucket"]), since, until)
        counted = _count_within(client, alternating(buckets), spans, params["row_budget"])
        content.update(parts=len(buckets), covered=len(counted), buckets=[bucket for bucket in counted if bucket["counts"]])
    return content


def take_again(client, before):
    # type: (Any, Dict[str, Any]) -> Dict[str, Any]
    """Exactly what before counted."""
    content = _content(client, before["level"], before["bucket"], before["since"], before["until"])
    there = content["metadata"]["databases"]
    buckets = [
        dict(bucket, counts=count(client, bucket, bucket["counts"]) if bucket["database"] in there else {})
        for bucket in before["buckets"]
    ]
    return dict(content, parts=before["parts"], covered=before["covered"], buckets=buckets)


def _content(client, level, bucket, since, until):
    # type: (Any, str, str, Optional[int], int) -> Dict[str, Any]
    return {
        "schema": SCHEMA,
        "level": level,
        "bucket": to_text(bucket),
        "since": since,
        "until": until,
        "metadata": read_metadata(client),
        "buckets": [],
        "parts": 0,
        "covered": 0,
    }


def microseconds(text, option):
    # type: (str, str) -> int
    """Since 1970, of an RFC3339 time. The releases have no way to write an earlier one as a number."""
    moment = parse_time(text) // 1000
    if moment <= 0:
        raise FleetError(
            "{0} is {1}".format(option, to_native(text)),
            "a time after 1970-01-01T00:00:00Z",
            "correct it; earlier times are counted in any case where since is empty",
        )
    return moment


def bucket_length(text):
    # type: (str) -> int
    """Microseconds. Each bucket is several questions, so that short ones would be too many."""
    length = int(duration(text, "bucket"))
    if length < HOUR:
        raise FleetError("bucket is {0}".format(to_native(text)), "1h or more", "correct bucket", reason="duration")
    return length


def read_metadata(client):
    # type: (Any) -> Dict[str, Any]
    databases = client.databases()
    found = {
        "databases": databases,
        "users": {database: client.users(database) for database in databases},
        "continuous_queries": {database: client.continuous_queries(database) for database in databases},
        "cluster_admins": client.cluster_admins(),
    }
    # Python 2.7 has bytes here, which are not equal to the text of the baseline
    return container_to_text(found)


def _spans(client):
    # type: (Any) -> List[Tuple[Optional[str], int, int]]
    """Database (None for all), first time and end of each shard. Where there is no shard, there is no data."""
    return [
        (shard["database"], shard["start"] * SECOND, shard["end"] * SECOND) for shard in shards_of(client.shards())
    ]


def bucket_list(databases, spans, length, since, until):
    # type: (List[str], List[Tuple[Optional[str], int, int]], int, Optional[int], int) -> List[Dict[str, Any]]
    """The buckets with shards, in order of time: database, start (None for no limit) and end (the first time after it)."""
    found = {
        (end, start, database)
        for database in databases
        for start, end in _ranges([span[1:] for span in spans if span[0] in (None, database)], length, since, until)
    }
    # None is equal to no number and, since Python 3, not comparable with one
    ordered = sorted(found, key=lambda one: (one[0], one[2]))
    return [{"database": database, "start": start, "end": end} for end, start, database in ordered]


def _ranges(spans, length, since, until):
    # type: (List[Tuple[int, int]], int, Optional[int], int) -> Iterator[Tuple[Optional[int], int]]
    """All that is before the end of the first bucket after 1970 is one bucket: the releases put such times into whatever shard."""
    for first, end in spans:
        for start in range(first // length * length, min(end, until), length):
            last = min(max(start, 0) + length, until)
            if since is None:
                yield start if start > 0 else None, last
            elif last > since:
                yield max(start, since), last


def _within(start, end):
    # type: (Optional[int], int) -> str
    """The releases know > and < only, and take the times that stand there for included."""
    lower = u"" if start is None else u"time > {0}u and ".format(start - 1)
    return u"where {0}time < {1}u".format(lower, end - 1)


def _count_within(client, buckets, spans, budget):
    # type: (Any, List[Dict[str, Any]], List[Tuple[Optional[str], int, int]], int) -> List[Dict[str, Any]]
    """The counted buckets, as far as the budget of counts goes, in order of time."""
    counted = []
    for bucket in buckets:
        counts = count(client, bucket, columns_of(client, bucket, spans))
        budget -= sum(len(counts[series]) for series in counts)
        if budget < 0:
            break
        counted.append(dict(bucket, counts=counts))
    return sorted(counted, key=lambda bucket: (bucket["end"], bucket["database"]))


def columns_of(client, bucket, spans):
    # type: (Any, Dict[str, Any], List[Tuple[Optional[str], int, int]]) -> Dict[str, Any]
    """{series: its columns}. Asked for each shard's part of the bucket: a row shows the columns of its shard, and no others."""
    found = {}  # type: Dict[str, Any]
    for start, end in pieces(bucket, spans):
        statement = u"select * from /.*/ {0} limit 1".format(_within(start, end))
        for table in client.query(bucket["database"], statement):
            found.setdefault(table["name"], set()).update(set(table["columns"]) - set(KEYS))
    return found


def pieces(bucket, spans):
    # type: (Dict[str, Any], List[Tuple[Optional[str], int, int]]) -> List[Tuple[Optional[int], int]]
    """The bucket, cut where a shard begins or ends."""
    edges = {edge for span in spans if span[0] in (None, bucket["database"]) for edge in span[1:]}
    cuts = sorted(edge for edge in edges if (bucket["start"] or 0) < edge < bucket["end"])
    return list(zip([bucket["start"]] + cuts, cuts + [bucket["end"]]))


def count(client, bucket, columns):
    # type: (Any, Dict[str, Any], Dict[str, Any]) -> Dict[str, Dict[str, int]]
    """{series: {column: number of values that are not null}} of a bucket, without zeros. columns: by series."""
    counts = {}  # type: Dict[str, Dict[str, int]]
    for column in sorted({column for series in columns for column in columns[series]}):
        ask = _counted if PLAIN.match(column) else _read
        for series, number in ask(client, bucket, column, [name for name in sorted(columns) if column in columns[name]]):
            if number:
                of_series = counts.setdefault(series, {})
                of_series[column] = of_series.get(column, 0) + number
    return counts


def _counted(client, bucket, column, _series):
    # type: (Any, Dict[str, Any], str, List[str]) -> Iterator[Tuple[str, int]]
    """By the server, for all series at once. It counts one column only: of several, it counts the rows that have any of them."""
    statement = u'select count("{0}") from /.*/ {1}'.format(column, _within(bucket["start"], bucket["end"]))
    for table in client.query(bucket["database"], statement):
        place = table["columns"].index("count")
        for row in table["points"]:
            yield table["name"], row[place] or 0


def _read(client, bucket, column, series):
    # type: (Any, Dict[str, Any], str, List[str]) -> Iterator[Tuple[str, int]]
    """By reading the rows, as the server cannot be asked for the column; in the memory are those of one series in one bucket."""
    for name in series:
        statement = u"select * from {0} {1}".format(exactly(name), _within(bucket["start"], bucket["end"]))
        for table in client.query(bucket["database"], statement):
            if column in table["columns"]:
                place = table["columns"].index(column)
                yield table["name"], sum(row[place] is not None for row in table["points"])


def exactly(name):
    # type: (str) -> str
    """A regular expression that finds this series and no other. Quotes would not do: what they can hold is as for columns."""
    return u"/^{0}$/".format(re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", name))


def show(content, now, password):
    # type: (Dict[str, Any], float, Optional[str]) -> Dict[str, Any]
    """The fingerprint: content for the comparison, all else for people. now: seconds since 1970."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {
        "schema": SCHEMA,
        "level": content["level"],
        "bucket": content["bucket"],
        "since": "" if content["since"] is None else _time(content["since"]),
        "until": _time(content["until"]),
        "taken_at": _time(int(now) * SECOND),
        "metadata": content["metadata"],
        "rows": rows_of(content),
        "totals": totals(content),
        "digest": hashlib.sha256(to_bytes(text)).hexdigest(),
        "content": pack(text, password),
    }


def _time(moment):
    # type: (int) -> str
    return format_time(moment * 1000)


def pack(text, password):
    # type: (str, Optional[str]) -> str
    """A text that is short, and in which Ansible finds no password to mask, whatever that is."""
    packed = to_native(binascii.hexlify(zlib.compress(to_bytes(text))))
    if password and to_native(password) in packed:
        return "".join(OTHER[HEX.index(letter)] for letter in packed)
    return packed


def unpack(baseline):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """What was packed. FleetError where that is not a fingerprint of this form."""
    packed = to_text(baseline.get("content") or "")
    try:
        plain = "".join(HEX[OTHER.index(letter)] if letter in OTHER else letter for letter in packed)
        content = json.loads(to_text(zlib.decompress(binascii.unhexlify(to_bytes(plain)))))
    except (TypeError, ValueError, zlib.error):
        content = {}
    if content.get("schema") != SCHEMA:
        raise FleetError(
            "The baseline is not a fingerprint of schema {0}".format(SCHEMA),
            "what this module returned as fingerprint",
            "pass it unchanged, or take a new one before the change",
        )
    return content


def rows_of(content):
    # type: (Dict[str, Any]) -> Dict[str, Dict[str, int]]
    """{database: {series: rows}}. A row may lack any column, so that there are at least as many as values of one column in a bucket."""
    rows = {}  # type: Dict[str, Dict[str, int]]
    for bucket in content["buckets"]:
        of_database = rows.setdefault(bucket["database"], {})
        for series in bucket["counts"]:
            of_database[series] = of_database.get(series, 0) + max(bucket["counts"][series].values())
    return rows


def totals(content):
    # type: (Dict[str, Any]) -> Dict[str, int]
    """Numbers for people. What the level does not count is not among them."""
    metadata, rows = content["metadata"], rows_of(content)
    found = {
        "databases": len(metadata["databases"]),
        "cluster_admins": len(metadata["cluster_admins"]),
        "users": sum(len(names) for names in metadata["users"].values()),
        "continuous_queries": sum(len(texts) for texts in metadata["continuous_queries"].values()),
    }
    if content["level"] == "points":
        found.update(
            series=sum(len(of_database) for of_database in rows.values()),
            rows=sum(sum(of_database.values()) for of_database in rows.values()),
            values=sum(number for _bucket, _series, _column, number in _each_count(content)),
            buckets=content["parts"],
            covered=content["covered"],
        )
    return found


def compare(before, after, most):
    # type: (Dict[str, Any], Dict[str, Any], int) -> Dict[str, Any]
    """The verdict. most: how many sentences it has."""
    was, now = things(before["metadata"]), things(after["metadata"])
    found = [u"{0} is gone".format(thing) for thing in sorted(was - now)] + list(losses(before, after))
    return {
        "equal": not found,
        "differences": [to_native(sentence) for sentence in found[:most]],
        "difference_count": len(found),
        "additions": [to_native(thing) for thing in sorted(now - was)],
    }


def things(metadata):
    # type: (Dict[str, Any]) -> Any
    """A set of all there is, by what a person calls it."""
    found = {u'Database "{0}"'.format(name) for name in metadata["databases"]}
    found.update(u'Cluster administrator "{0}"'.format(name) for name in metadata["cluster_admins"])
    for kind, key in ((u"User", "users"), (u"Continuous query", "continuous_queries")):
        for database in metadata[key]:
            found.update(u'{0} "{1}" of database "{2}"'.format(kind, name, database) for name in metadata[key][database])
    return found


def losses(before, after):
    # type: (Dict[str, Any], Dict[str, Any]) -> Iterator[str]
    """What after lacks of the counts of before: a sentence for a whole series, or for a column in a bucket."""
    rows, left = rows_of(before), rows_of(after)
    gone = {(base, series) for base in rows for series in rows[base] if series not in left.get(base, {})}
    for database, series in sorted(gone):
        yield u'Database "{0}", series "{1}": {2} rows before, none after'.format(
            database, series, rows[database][series]
        )
    there = {_place(bucket): bucket["counts"] for bucket in after["buckets"]}
    for bucket, series, column, number in _each_count(before):
        rest = there.get(_place(bucket), {}).get(series, {}).get(column, 0)
        if rest < number and (bucket["database"], series) not in gone:
            yield u'Database "{0}", series "{1}", column "{2}", {3}before {4}: {5} values before, {6} after'.format(
                bucket["database"], series, column, _from(bucket["start"]), _time(bucket["end"]), number, rest
            )


def _from(start):
    # type: (Optional[int]) -> str
    return u"" if start is None else u"times from {0} and ".format(_time(start))


def _place(bucket):
    # type: (Dict[str, Any]) -> Tuple[str, Optional[int], int]
    return bucket["database"], bucket["start"], bucket["end"]


def _each_count(content):
    # type: (Dict[str, Any]) -> Iterator[Tuple[Dict[str, Any], str, str, int]]
    for bucket in content["buckets"]:
        for series in sorted(bucket["counts"]):
            for column in sorted(bucket["counts"][series]):
                yield bucket, series, column, bucket["counts"][series][column]
