# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of paths: every pair of releases has an answer, and the answers agree with one another."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._paths import (
    KNOWN,
    PATHS,
    PRODUCTS,
    ROLES,
    Nothing,
    Path,
    Refusal,
    Span,
    resolve,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import parse

# What a release in the world may be. The table lists series only, so each series is here with its first and a later release.
_WRITTEN = {
    "influxdb": (
        "0.7.0 0.7.3 0.8.0 0.8.1 0.8.2 0.8.3 0.8.4 0.8.8 0.8.9 0.9.0 0.9.6 0.10.0 0.10.3 0.11.0 0.11.1 0.12.0 0.12.2 0.13.0 "
        "1.0.0 1.0.2 1.1.0 1.1.5 1.2.0 1.2.4 1.3.0 1.3.9 1.4.0 1.4.3 1.5.0 1.5.4 1.6.0 1.6.6 1.7.0 1.7.9 1.7.10 1.7.11 1.8.0 1.8.10 "
        "1.11.7 1.11.8 1.12.2 1.12.4"
    ),
    "influxdb_enterprise": (
        "1.0.2-c1.0.4 1.1.0-c1.1.0 1.1.1-c1.1.1 1.1.5-c1.1.5 1.2.0-c1.2.0 1.2.0-c1.2.1 1.2.1-c1.2.2 1.2.4-c1.2.5 1.2.5 1.3.8-c1.3.8 "
        "1.6.0-c1.6.0 1.9.6-c1.9.6 1.10.0-c1.10.0 1.11.5-c1.11.5 1.12.4-c1.12.4"
    ),
    "cloudant": "1.0.0.3 1.0.0.4 1.0.0.5 1.1.0",
    "couchdb": "1.6.1 1.7.2 2.0.0 2.1.2 2.3.1 3.0.0 3.1.2 3.2.2 3.3.3 3.4.3 3.5.1",
    "haproxy": "1.4.27 1.8.19 2.2.9 2.6.12 2.6.13 3.2.0",
}
RELEASES = {product: text.split() for product, text in _WRITTEN.items()}
NO_RELEASES = (
    "",
    "1",
    "1.4",
    "latest",
    "1.4.3; rm -rf /",
    "0.6.5",
    "0.14.0",
    "1.4.0rc1",
    "1.6.7~rc0",
    "1.9.3",
    "1.10.1",
    "1.99.0",
    "2.7.1",
    "3.0.0",
    "4.0.0",
    "1.8.10-c1.8.10",
    "1.99.0-c1.99.0",
)
BUILT = tuple(replace(path, built=True) for path in PATHS)
PAIRS = [
    (product, start, target)
    for product, releases in RELEASES.items()
    for start, target in itertools.product((*releases, *NO_RELEASES), repeat=2)
]
KNOWN_PAIRS = [
    (product, *pair) for product, releases in RELEASES.items() for pair in itertools.product(releases, repeat=2)
]
NAMES = ["", *ROLES, *(path.id for path in PATHS), "no_such_role"]


def answer(product: str, start: str, target: str, role: str = "") -> Path | Nothing | Refusal:
    """Resolve as if every role were built."""
    return resolve(product, start, target, role, BUILT)


def refusal(product: str, start: str, target: str, role: str = "", paths: tuple[Path, ...] = PATHS) -> Refusal:
    found = resolve(product, start, target, role, paths)
    assert isinstance(found, Refusal), found
    return found


def older(first: str, second: str) -> bool:
    one, other = parse(first), parse(second)
    assert one is not None
    assert other is not None
    return one.release < other.release


def check_refusal(found: Refusal) -> None:
    for text in (found.reason, found.remedy):
        assert len(text) > 15
        assert text[0].isupper() or text[0].isdigit()
        assert not text.endswith(".")
        assert "None" not in text.replace("None of", "")
        assert "()" not in text
        assert "\n" not in text


@pytest.mark.parametrize("paths", [PATHS, BUILT], ids=["as it is", "as if all roles were built"])
@pytest.mark.parametrize("role", NAMES)
def test_every_pair_has_one_answer(role: str, paths: tuple[Path, ...]) -> None:
    for product, start, target in PAIRS:
        found = resolve(product, start, target, role, paths)
        if isinstance(found, Refusal):
            check_refusal(found)
        elif isinstance(found, Path):
            assert found.built
            assert found.product == product
            assert role in ("", found.role, found.id)
        else:
            assert isinstance(found, Nothing)


def test_a_release_that_runs_already_needs_nothing() -> None:
    for product, start, target in KNOWN_PAIRS:
        at_target = not older(start, target) and not older(target, start)
        assert isinstance(resolve(product, start, target), Nothing) is at_target, (product, start, target)


def test_paths_lead_forward_unless_they_say_otherwise() -> None:
    for product, start, target in KNOWN_PAIRS:
        found = answer(product, start, target)
        if isinstance(found, Path):
            assert older(target, start) if found.back else older(start, target), (found.id, start, target)


def test_a_node_on_the_way_takes_the_same_path() -> None:
    for product, releases in RELEASES.items():
        for first, between, last in itertools.combinations(releases, 3):
            found = answer(product, first, last)
            version = parse(between)
            assert version is not None
            if (
                isinstance(found, Path)
                and older(first, between)
                and older(between, last)
                and version.release in found.from_range
            ):
                assert answer(product, between, last) == found, (product, first, between, last)


def test_releases_of_a_series_share_their_path() -> None:
    assert answer("influxdb", "1.3.0", "1.4.0") == answer("influxdb", "1.3.9", "1.4.99")


@pytest.mark.parametrize("path", BUILT, ids=[path.id for path in BUILT])
def test_every_row_is_reached_and_its_best_target_is_one(path: Path) -> None:
    releases = RELEASES[path.product]
    assert any(answer(path.product, start, path.best, path.id) == path for start in releases)


@pytest.mark.parametrize("path", PATHS, ids=[path.id for path in PATHS])
def test_every_row_is_complete(path: Path) -> None:
    assert path.product in PRODUCTS
    assert path.role in ROLES
    assert path.steps
    assert all(step.reversible for step in path.steps) or path.one_way
    for release in path.skip:
        version = parse(release)
        assert version is not None
        assert any(version.release in span for span in path.to_ranges)


def test_ids_are_unique() -> None:
    assert len({path.id for path in PATHS}) == len(PATHS)


def test_what_is_built_is_given() -> None:
    found = resolve("influxdb", "1.3.9", "1.4.3")
    assert isinstance(found, Path)
    assert found.role == "influxdb"


@pytest.mark.parametrize(
    ("product", "start", "target", "expected"),
    [
        ("influxdb", "0.12.2", "1.4.3", "influxdb"),
        ("influxdb", "0.13.0", "1.0.0", "influxdb"),
        ("influxdb", "1.3.9", "1.4.3", "influxdb"),
        ("influxdb", "1.4.2", "1.4.3-1", "influxdb"),
        ("influxdb", "1.8.10", "1.12.4", "influxdb"),
        ("influxdb", "0.10.3", "1.4.3", "influxdb_metastore"),
        ("influxdb", "0.11.1", "1.8.10", "influxdb_metastore"),
        ("influxdb", "0.7.3", "0.8.3", "influxdb_legacy"),
        ("influxdb", "0.8.3", "0.8.8", "influxdb_legacy_later"),
        ("influxdb", "0.7.0", "0.8.1", "influxdb_legacy"),
        ("influxdb_enterprise", "1.1.1-c1.1.1", "1.2.5", "influxdb_enterprise"),
        ("influxdb_enterprise", "1.1.1_c1.1.1", "1.2.4-c1.2.5", "influxdb_enterprise"),
        ("influxdb_enterprise", "1.2.0-c1.2.1", "1.2.5", "influxdb_enterprise"),
        ("influxdb_enterprise", "1.2.4-c1.2.5", "1.1.1", "influxdb_enterprise_back"),
        ("cloudant", "1.0.0.5", "1.1.0", "cloudant_db"),
        ("couchdb", "2.3.1", "3.3.3", "couchdb"),
        ("couchdb", "3.3.3", "3.4.3", "couchdb"),
    ],
)
def test_paths(product: str, start: str, target: str, expected: str) -> None:
    found = answer(product, start, target)
    assert isinstance(found, Path), found
    assert found.id == expected


@pytest.mark.parametrize(
    ("product", "start", "target", "role", "expected"),
    [
        ("cloudant", "1.0.0.5", "1.1.0", "cloudant_lb", "cloudant_lb"),
        ("cloudant", "1.0.0.3", "1.1.0", "cloudant_to_new_cluster", "cloudant_to_new_cluster"),
        ("cloudant", "1.1.0", "3.5.1", "cloudant_to_new_cluster", "cloudant_to_new_cluster"),
        ("cloudant", "1.1.0", "1.1.0", "cloudant_to_new_cluster", "cloudant_to_new_cluster"),
        ("couchdb", "2.3.1", "3.3.3", "cloudant_db", "couchdb"),
        ("influxdb", "0.11.1", "1.4.3", "influxdb", "influxdb_metastore"),
        ("influxdb", "1.8.10", "1.9.6-c1.9.6", "influxdb_to_enterprise", "influxdb_to_enterprise"),
        ("influxdb", "1.8.10", "1.8.10-c1.8.10", "influxdb_to_enterprise", "influxdb_to_enterprise"),
    ],
)
def test_paths_that_are_asked_for_by_name(product: str, start: str, target: str, role: str, expected: str) -> None:
    found = answer(product, start, target, role)
    assert isinstance(found, Path), found
    assert found.id == expected


@pytest.mark.parametrize(
    ("product", "start", "target", "reason", "remedy"),
    [
        ("influxdb", "1.4.3", "1.3.9", "1.3.9 is older than 1.4.3", "rollback"),
        ("influxdb_enterprise", "1.3.8-c1.3.8", "1.2.5", "older", "Form a cluster of the older release anew"),
        ("cloudant", "1.1.0", "1.0.0.5", "older", "new cluster"),
        ("couchdb", "3.4.3", "3.3.3", "older", "replicate"),
        ("influxdb", "0.8.3", "0.9.6", "storage, the API and the query language", "0.8.9 exists for that export only"),
        ("influxdb", "0.8.9", "1.4.3", "storage, the API and the query language", "0.8.9"),
        ("influxdb", "0.7.3", "1.4.3", "no later release reads", "Bring 0.7 to 0.8.3 first"),
        ("influxdb", "0.7.3", "0.8.8", "0.8.4 and later can no longer read", "Choose 0.8.3"),
        ("influxdb", "0.7.3", "0.8.0", "influxdata/influxdb#868", "Choose 0.8.3"),
        ("influxdb", "0.7.0", "0.7.3", "two releases of 0.7", "0.8.3"),
        ("influxdb", "0.8.1", "0.8.3", "to one before 0.8.4", "0.8.8"),
        ("influxdb", "0.8.3", "0.8.9", "for the export to 0.9 only", "0.8.8"),
        ("influxdb", "0.9.6", "1.4.3", "no path from 0.9", "0.10.3"),
        ("influxdb", "0.10.3", "0.13.0", "straight to 1.x", "from 1.0 to 1.8"),
        ("influxdb", "0.11.1", "1.12.4", "after 1.8", "1.8.10 first"),
        ("influxdb", "0.12.2", "0.13.0", "before 1.0", "from 1.0"),
        ("influxdb", "1.8.10", "2.7.1", "another product", "1.12"),
        ("influxdb", "1.8.10", "3.0.0", "another product", "1.x"),
        ("influxdb", "1.8.10", "1.99.0", "does not know InfluxDB OSS 1.99.0, the version asked for", "1.12"),
        ("influxdb", "1.99.0", "1.99.1", "does not know InfluxDB OSS 1.99.0, the version installed", "1.12"),
        ("influxdb", "0.12.2", "0.14.0", "does not know", "0.13 and 1.0"),
        ("influxdb", "1.8.10", "1.9.3", "as InfluxDB Enterprise only", "1.8 and 1.11"),
        ("influxdb", "1.10.0", "1.11.8", "as InfluxDB Enterprise only", "1.8 and 1.11"),
        ("influxdb", "0.6.5", "0.8.3", "does not know", "0.7"),
        ("influxdb", "1.3.9", "1.4.0rc1", "release candidate", "1.4.0"),
        ("influxdb", "1.6.7~rc0", "1.8.10", "1.6.7rc0, is a release candidate", "1.6.7"),
        ("influxdb", "1.3.9", "1.4", "'1.4', which is not the number of a release", "1.4.3"),
        ("influxdb", "", "1.4.3", "installed is ''", "Look at what is installed"),
        ("influxdb", "1.8.10", "1.8.10-c1.8.10", "influxdb_to_enterprise", "within the same product"),
        ("influxdb", "1.3.9", "1.8.10-c1.8.10", "no path from InfluxDB OSS 1.3.9", "a target that a path leads to"),
        ("influxdb_enterprise", "1.1.1-c1.1.1", "1.2.0", "advised against 1.2.0", "1.2.5"),
        ("influxdb_enterprise", "1.1.1-c1.1.1", "1.2.0-c1.2.1", "advised against", "1.2.5"),
        ("influxdb_enterprise", "1.1.1-c1.1.1", "1.2.2", "#8022", "1.2.5"),
        ("influxdb_enterprise", "1.1.1-c1.1.1", "1.2.4", "inside Enterprise 1.2.5", "1.2.5"),
        ("influxdb_enterprise", "1.2.4-c1.2.5", "1.1.2", "never released", "1.1.5"),
        ("influxdb_enterprise", "1.1.1-c1.1.1", "1.1.5-c1.1.5", "only from 1.1 or 1.2 to 1.2.5", "1.2.5"),
        ("influxdb_enterprise", "1.2.4-c1.2.5", "1.8.10-c1.8.10", "only from 1.1 or 1.2 to 1.2.5", "upgrade page"),
        ("influxdb_enterprise", "1.2.4-c1.2.5", "2.0.0", "another product", "1.x"),
        ("cloudant", "1.0.0.3", "1.1.0", "1.0.0.5 to 1.1.0 only", "1.0.0.5 first"),
        ("cloudant", "1.1.0", "3.5.1", "cloudant_to_new_cluster", "within the same product"),
        ("couchdb", "1.7.2", "3.3.3", "cannot be upgraded in place", "replicate"),
        ("couchdb", "3.3.3", "4.0.0", "does not know", "3.5"),
        ("mysql", "5.7.0", "8.0.0", "mysql is not one", "influxdb, influxdb_enterprise"),
        ("", "1.3.9", "1.4.3", "(none)", "known products"),
    ],
)
def test_refusals(product: str, start: str, target: str, reason: str, remedy: str) -> None:
    found = refusal(product, start, target)
    assert reason in found.reason
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("product", "start", "target", "role", "path"),
    [
        ("influxdb", "0.11.1", "1.4.3", "", "influxdb_metastore"),
        ("influxdb", "0.7.3", "0.8.3", "", "influxdb_legacy"),
        ("influxdb_enterprise", "1.1.1", "1.2.5", "", "influxdb_enterprise"),
        ("influxdb_enterprise", "1.2.5", "1.1.1", "", "influxdb_enterprise_back"),
        ("influxdb", "1.8.10", "1.8.10-c1.8.10", "influxdb_to_enterprise", "influxdb_to_enterprise"),
        ("cloudant", "1.0.0.5", "1.1.0", "", "cloudant_db"),
        ("cloudant", "1.0.0.5", "1.1.0", "cloudant_lb", "cloudant_lb"),
    ],
)
def test_a_path_without_a_role_is_refused_by_name(product: str, start: str, target: str, role: str, path: str) -> None:
    unbuilt = tuple(replace(row, built=False) for row in PATHS)
    found = refusal(product, start, target, role, unbuilt)
    assert f"The path {path} (role " in found.reason
    assert "not built yet" in found.reason


def test_a_migration_is_never_chosen_by_itself() -> None:
    found = answer("cloudant", "1.1.0", "3.5.1")
    assert isinstance(found, Refusal)
    assert found.remedy == "Run the playbook cloudant_to_new_cluster.yml if that is what you want"
    chosen = [answer(*pair) for pair in PAIRS]
    assert not [path for path in chosen if isinstance(path, Path) and path.to_product]


def test_a_pinned_path_refuses_other_products() -> None:
    assert (
        "influxdb_legacy does not upgrade Apache CouchDB"
        in refusal("couchdb", "2.3.1", "3.3.3", "influxdb_legacy").reason
    )


def test_a_migration_does_not_lead_to_an_older_release() -> None:
    assert "older" in refusal("influxdb", "1.12.4", "1.8.10-c1.8.10", "influxdb_to_enterprise", BUILT).reason


def test_a_pinned_path_takes_nothing_else() -> None:
    assert "no path" in refusal("influxdb", "1.3.9", "1.4.3", "influxdb_legacy").reason


def test_what_cannot_be_undone_says_why() -> None:
    one_way = {path.id for path in PATHS if path.one_way}
    assert one_way == {"influxdb_enterprise_back", "cloudant_db", "cloudant_lb"}


@pytest.mark.parametrize(
    ("start", "target", "words"),
    [
        ("1.3.9", "1.4.3", ["8082", "tsi1"]),
        ("1.4.2", "1.4.3", []),
        ("1.2.4", "1.3.0", ["8083", "going back"]),
        ("0.13.0", "1.0.0", ["journal"]),
        ("1.8.10", "1.12.4", ["large jump"]),
    ],
)
def test_notes_are_about_the_releases_on_the_way(start: str, target: str, words: list[str]) -> None:
    path = answer("influxdb", start, target)
    assert isinstance(path, Path)
    notes = path.notes_for(start, target)
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))


@pytest.mark.parametrize(
    ("span", "release", "expected"),
    [
        (Span((0, 12), (1, 8)), (0, 12, 0), True),
        (Span((0, 12), (1, 8)), (1, 8, 10), True),
        (Span((0, 12), (1, 8)), (1, 9, 0), False),
        (Span((0, 12), (1, 8)), (0, 11, 1), False),
        (Span((0, 8, 0), (0, 8, 3)), (0, 8, 3), True),
        (Span((0, 8, 0), (0, 8, 3)), (0, 8, 4), False),
        (Span((1, 0, 0, 5), (1, 0, 0, 5)), (1, 0, 0, 5), True),
        (Span((1, 0, 0, 5), (1, 0, 0, 5)), (1, 0, 0), False),
    ],
)
def test_span(span: Span, release: tuple[int, ...], expected: bool) -> None:
    assert (release in span) is expected


def test_known_series_are_in_order() -> None:
    assert set(KNOWN) == set(PRODUCTS)
    assert all(list(series) == sorted(set(series)) for series in KNOWN.values())
