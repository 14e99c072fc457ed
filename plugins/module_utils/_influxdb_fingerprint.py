# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the data of an InfluxDB server looks like, and in what two such pictures differ.

Values are counted per shard group, measurement and field, for times before the fingerprint was taken. Whoever writes meanwhile can
only add to them, so that fewer values afterwards are always a loss.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import datetime
import hashlib
import json
import re

from ansible.module_utils.common.text.converters import container_to_text, to_bytes, to_native, to_text

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_client import quote
from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_metadata import (
    INTERNAL,
    read_metadata,
    read_shards,
    version_tuple,
)

try:
    from typing import Any, Dict, Iterator, List, Optional, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

SCHEMA = 1
LEVELS = ("metadata", "series", "points")
QUERY_LENGTH = 3000
"""Characters after which a query gets no further statement: it is sent as a URL, and what stands between may cut long ones."""

BILLION = 10**9
EPOCH = datetime.datetime(1970, 1, 1)
TIME = re.compile(r"^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$")
FIRST_TIME = -(2**63)
"""The server knows no earlier time. Of the shard group around it, in September 1677, one and the same server finds points in some queries
and not in others, and differently after a restart (observed), so that it is not counted."""


def fingerprint(params, client, clock):
    # type: (Dict[str, Any], Any, Any) -> Dict[str, Any]
    """What influxdb_fingerprint returns. clock: seconds since 1970."""
    started = clock()
    if params["baseline"] is None:
        after = take(client, params["level"], params["until"], params["row_budget"], started)
        refuse_masking(after, params["password"])
        return dict(_verdict(None, 0, 0), additions=[], fingerprint=after, seconds=round(clock() - started, 3))
    # Python 2.7 hands over bytes, which are not equal to the text that the server sends
    baseline = container_to_text(params["baseline"])
    check_baseline(baseline)
    after = take_again(client, baseline, started)
    ended = clock()
    verdict = _verdict(differences(baseline, after, ended), params["max_differences"], expired_buckets(baseline, ended))
    return dict(verdict, additions=additions(baseline, after), fingerprint=after, seconds=round(ended - started, 3))


def refuse_masking(taken, password):
    # type: (Dict[str, Any], Optional[str]) -> None
    """Ansible masks the password wherever it occurs in a result, in numbers too. Such a fingerprint would compare as a loss."""
    if password and to_text(password) in json.dumps(taken, ensure_ascii=False):
        raise FleetError(
            "The password of the administrator is also a part of a name or number in the data, where Ansible would mask it",
            "a password that the fingerprint does not contain",
            "use an administrator with a longer password",
            reason="credentials",
        )


def _verdict(found, most, expired):
    # type: (Optional[List[str]], int, int) -> Dict[str, Any]
    return {
        "changed": False,
        "differences": (found or [])[:most],
        "difference_count": len(found or []),
        "expired_buckets": expired,
        "equal": None if found is None else not found,
    }


def take(client, level, until, row_budget, now):
    # type: (Any, str, str, int, float) -> Dict[str, Any]
    """A fingerprint of the server. until: RFC3339, or empty for now (seconds since 1970)."""
    ends = parse_time(until) if until else int(now * 1000000) * 1000
    metadata = read_user_metadata(client)
    found = {"metadata": metadata, "buckets": [], "series": {}}  # type: Dict[str, Any]
    parts = 0
    if level == "points":
        groups = shard_groups(read_shards(client), ends)
        parts = len(groups)
        found["buckets"] = _count_within(client, alternating(groups), ends, row_budget)
    if level == "series":
        parts = len(metadata["databases"])
        found["series"] = _series_within(client, metadata, row_budget)
    return _finished(found, level, ends, now, parts)


def take_again(client, baseline, now):
    # type: (Any, Dict[str, Any], float) -> Dict[str, Any]
    """A fingerprint of exactly what baseline counted."""
    ends = parse_time(baseline["until"])
    metadata = read_user_metadata(client)
    there = {(db["name"], policy["name"]) for db in metadata["databases"] for policy in db["retention_policies"]}
    contents = Contents(client)
    found = {"metadata": metadata, "series": {}, "buckets": []}  # type: Dict[str, Any]
    for bucket in baseline["buckets"]:
        known = (bucket["database"], bucket["policy"]) in there
        counts = count_bucket(client, contents, bucket, ends, None) if known and not _expired(bucket, now) else {}
        found["buckets"].append(dict(bucket, counts=counts))
    for database in metadata["databases"]:
        if database["name"] in baseline["series"]:
            found["series"][database["name"]] = count_series(client, database, None)
    return _finished(found, baseline["level"], ends, now, baseline["totals"].get("buckets", 0))


def check_baseline(baseline):
    # type: (Dict[str, Any]) -> None
    if baseline.get("schema") != SCHEMA or baseline.get("level") not in LEVELS:
        raise FleetError(
            "The baseline is not a fingerprint of schema {0}".format(SCHEMA),
            "what this module returned as fingerprint",
            "pass it unchanged, or take a new one before the change",
        )


def read_user_metadata(client):
    # type: (Any) -> Dict[str, Any]
    """The metadata without the database that the server keeps for itself."""
    metadata = read_metadata(client)
    return dict(metadata, databases=[db for db in metadata["databases"] if db["name"] != INTERNAL])


def shard_groups(shards, ends):
    # type: (List[Dict[str, Any]], int) -> List[Dict[str, Any]]
    """The time ranges to count, each once however many shards share it, in the order of time."""
    groups = {}
    for shard in shards:
        if shard["database"] != INTERNAL and FIRST_TIME <= parse_time(shard["start"]) < ends:
            group = {key: shard[key] for key in ("database", "policy", "start", "end", "expiry")}
            groups[tuple(group[key] for key in ("database", "policy", "start", "end"))] = group
    return sorted(groups.values(), key=lambda group: (parse_time(group["start"]), group["database"], group["policy"]))


def alternating(items):
    # type: (List[Any]) -> List[Any]
    """Last, first, last but one, second and so on: a budget that ends early has then seen both ends."""
    half = (len(items) + 1) // 2
    newest, oldest = items[::-1][:half], items[: len(items) - half]
    mixed = [item for pair in zip(newest, oldest) for item in pair]
    return mixed + newest[len(oldest) :]


def _count_within(client, groups, ends, budget):
    # type: (Any, List[Dict[str, Any]], int, int) -> List[Dict[str, Any]]
    """The counted groups, as far as the budget of counts goes."""
    contents, buckets = Contents(client), []
    for group in groups:
        if contents.hidden(group["database"]):
            continue
        counts = count_bucket(client, contents, group, ends, budget)
        if counts is None:
            break
        budget -= sum(len(of_measurement) for of_measurement in counts.values())
        buckets.append(dict(group, counts=counts))
    return buckets


class Contents(object):
    """The measurements of each database, asked once, and what to count of them.

    count(*) came with 1.0 (influxdata/influxdb#5750). It goes by measurement, as one query for all would have a column for every field of
    every measurement. Older releases have to be told the fields. They list those of the whole database, whereas later ones list those of
    the default policy only (observed), unless that policy has no shard group: 0.12 and 0.13 then list nothing.
    """

    def __init__(self, client):
        # type: (Any) -> None
        self._client = client
        self._known = {}  # type: Dict[str, Dict[str, Optional[List[str]]]]
        self._by_field = version_tuple(client.ping()["version"]) < [1, 0, 0]

    def of(self, database):
        # type: (str) -> Dict[str, Optional[List[str]]]
        """{measurement: its fields, None for all that there are}."""
        if database not in self._known:
            self._known[database] = (self._fields if self._by_field else self._measurements)(database)
        return self._known[database]

    def hidden(self, database):
        # type: (str) -> bool
        """Whether there may be more than the server tells."""
        return self._by_field and not self.of(database)

    def _measurements(self, database):
        # type: (str) -> Dict[str, Optional[List[str]]]
        return {row["name"]: None for row in self._client.stream(u"SHOW MEASUREMENTS", database=database)}

    def _fields(self, database):
        # type: (str) -> Dict[str, Optional[List[str]]]
        found = {}  # type: Dict[str, Any]
        for row in self._client.stream(u"SHOW FIELD KEYS", database=database):
            found.setdefault(row["_name"], set()).add(row["fieldKey"])
        return {measurement: sorted(found[measurement]) for measurement in found}


def count_bucket(client, contents, bucket, ends, budget):
    # type: (Any, Contents, Dict[str, Any], int, Optional[int]) -> Optional[Dict[str, Dict[str, int]]]
    """{measurement: {field: number of values}} of one time range, without zeros; None if there are more than budget."""
    counts, rows = {}, 0
    measurements = contents.of(bucket["database"])
    for text in statements(measurements, bucket, ends):
        for row in client.stream(text, database=bucket["database"]):
            numbers = _numbers(measurements[row["_name"]], row)
            if numbers:
                counts[row["_name"]] = numbers
            rows += len(numbers)
            if budget is not None and rows > budget:
                return None
    return counts


def _numbers(fields, row):
    # type: (Optional[List[str]], Dict[str, Any]) -> Dict[str, int]
    """Values by field. The columns are count_FIELD of count(*), or n0, n1, ... A field without values is null, 0 or missing."""
    if fields is None:
        columns = [(name, name[len("count_") :]) for name in row if name.startswith("count_")]
    else:
        columns = [("n{0}".format(index), field) for index, field in enumerate(fields)]
    return {field: row[column] for column, field in columns if row.get(column)}


def statements(measurements, bucket, ends):
    # type: (Dict[str, Optional[List[str]]], Dict[str, Any], int) -> Iterator[str]
    """Queries that count every field of every measurement in the bucket's time range, as many statements in each as fit."""
    parts, length = [], 0  # type: List[str], int
    for name in sorted(measurements):
        parts.append(_statement(name, measurements[name], bucket, ends))
        length += len(parts[-1])
        if length > QUERY_LENGTH:
            yield u"; ".join(parts)
            parts, length = [], 0
    if parts:
        yield u"; ".join(parts)


def _statement(measurement, fields, bucket, ends):
    # type: (str, Optional[List[str]], Dict[str, Any], int) -> str
    counts = u"count(*)"
    if fields is not None:
        counts = u", ".join(u"count({0}) AS n{1}".format(quote(field), index) for index, field in enumerate(fields))
    source = u".".join(quote(name) for name in (bucket["database"], bucket["policy"], measurement))
    last = format_time(min(ends, parse_time(bucket["end"])))
    return u"SELECT {0} FROM {1} WHERE time >= '{2}' AND time < '{3}'".format(counts, source, bucket["start"], last)


def _series_within(client, metadata, budget):
    # type: (Any, Dict[str, Any], int) -> Dict[str, Dict[str, int]]
    """{database: {measurement: number of series}}, as far as the budget of series goes."""
    series = {}
    for database in metadata["databases"]:
        counts = count_series(client, database, budget)
        if counts is None:
            break
        budget -= sum(counts.values())
        series[database["name"]] = counts
    return series


def count_series(client, database, budget):
    # type: (Any, Dict[str, Any], Optional[int]) -> Optional[Dict[str, int]]
    """{measurement: number of series}; None if there are more than budget.

    Asked for each policy, of which the largest number is taken: an index in memory has the series of the whole database and shows them for
    every policy that has a shard group, an index on disk shows those of the policy (observed).
    """
    most = {}  # type: Dict[str, int]
    for policy in database["retention_policies"]:
        counts = _count_series_of(client, database["name"], policy["name"], budget)
        if counts is None:
            return None
        for measurement in counts:
            most[measurement] = max(counts[measurement], most.get(measurement, 0))
    return most


def _count_series_of(client, database, policy, budget):
    # type: (Any, str, str, Optional[int]) -> Optional[Dict[str, int]]
    counts = {}  # type: Dict[str, int]
    text = u"SHOW SERIES FROM {0}.{1}./.*/".format(quote(database), quote(policy))
    for rows, row in enumerate(client.stream(text, database=database), 1):
        # 0.10 has a series of rows per measurement and the column _key, later releases only the column key
        measurement = measurement_of(row["_key"] if "_key" in row else row["key"])
        counts[measurement] = counts.get(measurement, 0) + 1
        if budget is not None and rows > budget:
            return None
    return counts


def measurement_of(key):
    # type: (str) -> str
    """The measurement of a series key: all before the first comma that is not escaped."""
    measurement = re.sub(r"(?s)^((?:\\.|[^,\\])*),.*", r"\1", key)
    return re.sub(r"\\([, ])", r"\1", measurement)


def _finished(found, level, ends, now, parts):
    # type: (Dict[str, Any], str, int, float, int) -> Dict[str, Any]
    """The fingerprint. parts: how many shard groups, or databases at the level series, there were to count."""
    body = dict(found, schema=SCHEMA, level=level, until=format_time(ends))
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return dict(
        body,
        taken_at=format_time(int(now) * BILLION),
        totals=dict(_metadata_totals(found["metadata"]), **_counted(found, level, parts)),
        digest=hashlib.sha256(to_bytes(text)).hexdigest(),
    )


def _metadata_totals(metadata):
    # type: (Dict[str, Any]) -> Dict[str, int]
    databases = metadata["databases"]
    return {
        "databases": len(databases),
        "policies": sum(len(database["retention_policies"]) for database in databases),
        "users": len(metadata["users"]),
        "continuous_queries": sum(len(database["continuous_queries"]) for database in databases),
        "subscriptions": sum(len(database["subscriptions"]) for database in databases),
    }


def _counted(found, level, parts):
    # type: (Dict[str, Any], str, int) -> Dict[str, int]
    """The totals of what the level counts; of what it does not count there are none."""
    if level == "points":
        counts = [(b["database"], name, sum(b["counts"][name].values())) for b in found["buckets"] for name in b["counts"]]
        things, covered = "values", found["buckets"]
    elif level == "series":
        counts = [(database, name, one[name]) for database, one in found["series"].items() for name in one]
        things, covered = "series", found["series"]
    else:
        return {}
    return {
        "measurements": len({count[:2] for count in counts}),
        things: sum(count[2] for count in counts),
        "buckets": parts,
        "covered": len(covered),
    }


def differences(before, after, now):
    # type: (Dict[str, Any], Dict[str, Any], float) -> List[str]
    """What after lacks of before, a sentence each; [] where nothing was lost. now: seconds since 1970."""
    found = metadata_differences(before["metadata"], after["metadata"])
    found.extend(_bucket_differences(before, after, now))
    found.extend(_series_differences(before, after))
    return found


def _bucket_differences(before, after, now):
    # type: (Dict[str, Any], Dict[str, Any], float) -> Iterator[str]
    counted = {_bucket_key(bucket): bucket["counts"] for bucket in after["buckets"]}
    for bucket in before["buckets"]:
        if _expired(bucket, now):
            continue
        there = counted.get(_bucket_key(bucket), {})
        for measurement, field, number in _each_count(bucket["counts"]):
            left = there.get(measurement, {}).get(field, 0)
            if left < number:
                yield to_native(
                    u'Database "{0}", policy "{1}", measurement "{2}", field "{3}", from {4} to {5}: '
                    u"{6} values before, {7} after".format(
                        bucket["database"],
                        bucket["policy"],
                        measurement,
                        field,
                        bucket["start"],
                        bucket["end"],
                        number,
                        left,
                    )
                )


def _bucket_key(bucket):
    # type: (Dict[str, Any]) -> Tuple[str, ...]
    return tuple(bucket[key] for key in ("database", "policy", "start", "end"))


def _each_count(counts):
    # type: (Dict[str, Dict[str, int]]) -> Iterator[Tuple[str, str, int]]
    for measurement in sorted(counts):
        for field in sorted(counts[measurement]):
            yield measurement, field, counts[measurement][field]


def _series_differences(before, after):
    # type: (Dict[str, Any], Dict[str, Any]) -> Iterator[str]
    for database in sorted(before["series"]):
        there = after["series"].get(database, {})
        for measurement in sorted(before["series"][database]):
            number, left = before["series"][database][measurement], there.get(measurement, 0)
            if left < number:
                yield to_native(
                    u'Database "{0}", measurement "{1}": {2} series before, {3} after'.format(
                        database, measurement, number, left
                    )
                )


def expired_buckets(baseline, now):
    # type: (Dict[str, Any], float) -> int
    """How many of its buckets the retention policy has removed since, or is about to."""
    return sum(_expired(bucket, now) for bucket in baseline["buckets"])


def _expired(bucket, now):
    # type: (Dict[str, Any], float) -> bool
    return bucket["expiry"] is not None and parse_time(bucket["expiry"]) <= now * BILLION


def metadata_differences(before, after):
    # type: (Dict[str, Any], Dict[str, Any]) -> List[str]
    """Databases, policies, continuous queries, subscriptions, users and grants have to be what they were; their order does not matter."""
    was, now = _flat(before), _flat(after)
    found = []
    for thing in sorted(was):
        if thing not in now:
            found.append(u"{0} is gone".format(thing))
        else:
            found.extend(_changes(thing, was[thing], now[thing]))
    return [to_native(sentence) for sentence in found]


def additions(before, after):
    # type: (Dict[str, Any], Dict[str, Any]) -> List[str]
    """What metadata there is that was not before: people go on working, and nothing is lost by that."""
    return [to_native(thing) for thing in sorted(set(_flat(after["metadata"])) - set(_flat(before["metadata"])))]


def _changes(thing, was, now):
    # type: (str, Dict[str, Any], Dict[str, Any]) -> List[str]
    """Properties that one of the two releases does not show (None) are no difference."""
    return [
        u"{0}: {1} was {2}, is {3}".format(thing, key, _shown(was[key]), _shown(now[key]))
        for key in sorted(was)
        if was[key] != now[key] and was[key] is not None and now[key] is not None
    ]


def _shown(value):
    # type: (Any) -> str
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _flat(metadata):
    # type: (Dict[str, Any]) -> Dict[str, Dict[str, Any]]
    """Every thing by what a person calls it, with the properties to compare."""
    things = {}  # type: Dict[str, Dict[str, Any]]
    for database in metadata["databases"]:
        name = database["name"]
        things[u'Database "{0}"'.format(name)] = {}
        for kind, items in (
            (u"Retention policy", database["retention_policies"]),
            (u"Continuous query", database["continuous_queries"]),
            (u"Subscription", database["subscriptions"]),
        ):
            for item in items:
                path = u" of policy ".join(u'"{0}"'.format(item[key]) for key in ("name", "policy") if key in item)
                things[u'{0} {1} of database "{2}"'.format(kind, path, name)] = _properties(item)
    for user in metadata["users"]:
        things[u'User "{0}"'.format(user["name"])] = _properties(user)
    return things


def _properties(item):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    return {key: item[key] for key in item if key not in ("name", "policy")}


def parse_time(text):
    # type: (str) -> int
    """Nanoseconds since 1970 of an RFC3339 time. Exact, which floating point is not; years before 1900 included."""
    try:
        moment, fraction, sign, hours, minutes = TIME.findall(text)[0]
        seconds = int((datetime.datetime.strptime(moment.upper(), "%Y-%m-%dT%H:%M:%S") - EPOCH).total_seconds())
    except (IndexError, ValueError):
        raise FleetError(
            "{0!r} is not a time".format(to_native(text)), "RFC3339, such as 2026-11-21T06:00:00Z", "correct it"
        )
    if sign:
        seconds -= int(sign + "1") * (int(hours) * 3600 + int(minutes) * 60)
    return seconds * BILLION + int((fraction or "0").ljust(9, "0"))


def format_time(nanoseconds):
    # type: (int) -> str
    """RFC3339 in UTC, with a fraction only where there is one."""
    seconds, fraction = divmod(nanoseconds, BILLION)
    text = (EPOCH + datetime.timedelta(seconds=seconds)).isoformat()
    return text + (".{0:09d}".format(fraction).rstrip("0") if fraction else "") + "Z"
