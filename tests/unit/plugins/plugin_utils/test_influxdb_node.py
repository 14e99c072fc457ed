# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _changes, _influxdb_node
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import speaking_against

LOOK: dict[str, Any] = {
    "machine": {"arch": "amd64"},
    "package": {"manager": "dpkg", "name": "influxdb", "version": "1.3.9-1", "upstream": "1.3.9", "arch": "amd64"},
    "service": {
        "name": "influxdb",
        "exists": True,
        "active": True,
        "user": "influxdb",
        "group": "influxdb",
        "exec": "/usr/bin/influxd -config /etc/influxdb/influxdb.conf $INFLUXD_OPTS",
        "environment_files": ["/etc/default/influxdb"],
        "unit_files": ["/lib/systemd/system/influxdb.service"],
        "scripts": [],
    },
    "processes": [
        {"pid": 7, "user": "influxdb", "service": True, "args": ["/usr/bin/influxd", "-config", "/srv/influxdb.toml"]}
    ],
    "environment": {},
    "state": {"swap": None, "lock": None, "backups": []},
    "disk": {"state_dir": {"free": 10**9, "total": 10**10}},
}
CONFIG = b'[meta]\n  dir = "/srv/meta"\n[http]\n  bind-address = ":9086"\n'
SHARDS: dict[str, Any] = {
    "formats": {"tsm1": 2, "b1": 0, "bz1": 0, "wal_only": 0, "unknown": 0},
    "b1": [],
    "tsi1": [],
    "others": [],
    "data_bytes": 5000,
    "wal_bytes": 300,
    "meta_bytes": 20,
    "shards": [
        {"id": 1, "database": "metrics", "policy": "autogen", "format": "tsm1", "bytes": 4000},
        {"id": 3, "database": "_internal", "policy": "monitor", "format": "tsm1", "bytes": 1000},
    ],
    "disk": {"/var/lib/influxdb/data": {"free": 9000}},
    "owners": {
        part: {"path": f"/srv/{part}", "user": "influxdb", "foreign": 0, "first_foreign": None}
        for part in ("meta", "data", "wal")
    },
}
ANSWER: dict[str, Any] = {
    "version": "1.3.9",
    "metadata": {"databases": [{"name": "_internal"}, {"name": "metrics"}]},
    "shards": [
        {"id": 1, "database": "metrics", "policy": "autogen", "start": "x"},
        {"id": 2, "database": "metrics", "policy": "autogen", "start": "made ahead of time"},
        {"id": 3, "database": "_internal", "policy": "monitor", "start": "x"},
    ],
}
DIED = {"id": "influxdb-1.3.9-1.4.3", "finished": False, "running": False}


def slurped(content: bytes) -> dict[str, Any]:
    return {"content": base64.b64encode(content).decode()}


def configured(**changes: Any) -> dict[str, Any]:
    return _influxdb_node.configured({**LOOK, **changes}, slurped(CONFIG), "/srv/influxdb.toml")


ALONE: dict[str, Any] = {"raft": False, "meta": True, "peers": {}, "release": ""}
WISHES: dict[str, Any] = {"backup_kind": "metadata", "convert_shards": False}


def known(**changes: Any) -> dict[str, Any]:
    return _influxdb_node.asked(configured(**changes), ANSWER, SHARDS, ALONE, WISHES)


def state(**changes: Any) -> dict[str, Any]:
    return {**LOOK["state"], **changes}


def test_the_configuration_is_the_one_that_the_process_reads() -> None:
    assert _influxdb_node.config_path(LOOK) == "/srv/influxdb.toml"
    stopped = {**LOOK, "processes": []}
    assert _influxdb_node.config_path(stopped) == "/etc/influxdb/influxdb.conf"


def test_settings_come_from_the_configuration() -> None:
    node = configured()
    assert (node["settings"]["http"]["port"], node["settings"]["meta_dir"]) == (9086, "/srv/meta")
    assert (node["config_error"], node["resume"], node["version"]) == (None, None, "1.3.9")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (slurped(b"[http\n"), "line 1"),
        ({"msg": "file not found: /srv/influxdb.toml"}, "file not found"),
        ({}, "no reason was given"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told(config: dict[str, Any], message: str) -> None:
    node = _influxdb_node.configured(LOOK, config, "/srv/influxdb.toml")
    assert node["settings"] is None
    assert message in node["config_error"]


@pytest.mark.parametrize(
    ("swap", "resumed"),
    [
        (None, False),
        ({**DIED, "finished": True, "outcome": "swapped"}, False),
        ({**DIED, "finished": True, "outcome": "restored"}, False),
        ({**DIED, "id": "couchdb-3.3.0-3.4.3"}, False),
        (DIED, True),
        ({**DIED, "finished": True, "outcome": "failed"}, True),
    ],
)
def test_only_a_change_that_did_not_end_well_is_taken_up(swap: dict[str, Any] | None, resumed: bool) -> None:
    node = configured(state=state(swap=swap), package={**LOOK["package"], "upstream": "1.4.3"})
    assert bool(node["resume"]) is resumed
    assert node["version"] == ("1.3.9" if resumed else "1.4.3")


def test_what_the_server_says_counts_more_than_the_package() -> None:
    node = _influxdb_node.asked(configured(), {**ANSWER, "version": "1.3.8"}, SHARDS, ALONE, WISHES)
    assert (node["version"], node["api"]["reached"]) == ("1.3.8", True)


@pytest.mark.parametrize("answer", [None, {"reason": "credentials", "msg": "wrong password", "failed": False}])
def test_no_answer_is_never_taken_for_one(answer: dict[str, Any] | None) -> None:
    node = _influxdb_node.asked(configured(), answer, SHARDS, ALONE, WISHES)
    assert node["api"]["reached"] is False
    found = {
        one["id"]
        for one in _influxdb_node.preflight(
            node, "1.4.3", {}, {"findings": []}, {"source": "cache", "version": "1.3.9-1"}
        )
    }
    assert found == {"api-credentials" if answer else "api-unreachable"}


def test_a_sound_node_has_no_findings() -> None:
    assert (
        _influxdb_node.preflight(known(), "1.4.3", {}, {"findings": []}, {"source": "cache", "version": "1.3.9-1"})
        == []
    )


@pytest.mark.parametrize(
    ("merged", "way_back", "expected"),
    [
        ({"msg": "no program", "failed": False}, {"source": "cache", "version": "1.3.9-1"}, "config-unreadable"),
        ({"findings": []}, {"msg": "no source has it", "failed": False}, "rollback-none"),
        ({"findings": []}, {"source": "file", "version": "1.3.8-1"}, "rollback-none"),
        (
            {"findings": [{"id": "config-ifql", "message": "m"}]},
            {"source": "file", "version": "1.3.9-1"},
            "config-ifql",
        ),
    ],
)
def test_what_speaks_against_the_upgrade_is_found(
    merged: dict[str, Any], way_back: dict[str, Any], expected: str
) -> None:
    assert [one["id"] for one in _influxdb_node.preflight(known(), "1.4.3", {}, merged, way_back)] == [expected]


def test_a_package_that_the_node_fetches_itself_is_merged_later() -> None:
    found = _influxdb_node.preflight(known(), "1.4.3", {}, {"skipped": True}, {"source": "cache", "version": "1.3.9-1"})
    assert found == []


def test_a_node_at_the_target_is_only_asked_whether_it_is_well() -> None:
    node = _influxdb_node.asked(configured(), {**ANSWER, "version": "1.4.3"}, SHARDS, ALONE, WISHES)
    assert _influxdb_node.preflight(node, "1.4.3", {}, {"skipped": True}, {"skipped": True}) == []
    lost = _influxdb_node.asked(
        configured(package={**LOOK["package"], "upstream": "1.4.3"}), None, SHARDS, ALONE, WISHES
    )
    assert [one["id"] for one in _influxdb_node.preflight(lost, "1.4.3", {}, {"skipped": True}, {"skipped": True})] == [
        "api-unreachable"
    ]


@pytest.mark.parametrize(("target", "expected"), [("1.4.3", []), ("1.8.10", ["swap-unfinished"])])
def test_an_interrupted_change_is_finished_or_undone_first(target: str, expected: list[str]) -> None:
    node = _influxdb_node.asked(configured(state=state(swap=DIED)), None, SHARDS, ALONE, WISHES)
    assert [
        one["id"] for one in _influxdb_node.preflight(node, target, {}, {"skipped": True}, {"skipped": True})
    ] == expected


TRAPPED: dict[str, Any] = {"raft": True, "meta": False, "peers": {}, "release": "0.11.1"}
NEWER = {**LOOK["package"], "upstream": "1.4.3"}


def trapped(**changes: Any) -> dict[str, Any]:
    return _influxdb_node.asked(configured(package=NEWER), None, SHARDS, {**TRAPPED, **changes}, WISHES)


def found_on(node: dict[str, Any]) -> list[str]:
    given = {"source": "file", "version": "0.11.1-1"}
    return [one["id"] for one in _influxdb_node.preflight(node, "1.4.3", {}, {"skipped": True}, given)]


def test_a_newer_release_over_raft_db_is_planned_from_the_old_one_whose_package_is_given() -> None:
    node = trapped()
    assert (node["version"], node["trap"]) == ("0.11.1", {"installed": "1.4.3", "swap": "revive-0.11.1"})
    assert found_on(node) == ["metastore-trap", "series-limits"]


@pytest.mark.parametrize("changes", [{"release": ""}, {"release": "1.3.9"}, {"meta": True}])
def test_without_the_right_package_the_trap_is_an_error(changes: dict[str, Any]) -> None:
    node = trapped(**changes)
    assert node["trap"] == {}
    assert found_on(node) == ["metastore-raft"]


@pytest.mark.parametrize(
    ("swap", "expected"),
    [
        ({"id": "revive-0.11.1", "finished": False, "outcome": ""}, True),
        ({"id": "revive-0.11.1", "finished": True, "outcome": "failed"}, True),
        ({"id": "revive-0.11.1", "finished": True, "outcome": "swapped"}, False),
        (None, False),
    ],
)
def test_an_old_release_that_was_being_brought_up_is_brought_up(swap: dict[str, Any] | None, expected: bool) -> None:
    look = configured(package={**LOOK["package"], "upstream": "0.11.1"}, state=state(swap=swap))
    node = _influxdb_node.asked(look, None, SHARDS, TRAPPED, WISHES)
    assert bool(node["trap"]) is expected


def test_a_server_that_answers_is_in_no_trap() -> None:
    assert _influxdb_node.asked(configured(), ANSWER, SHARDS, TRAPPED, WISHES)["trap"] == {}


def test_what_stops_an_upgrade_is_said_with_what_to_do() -> None:
    findings = [
        {"id": id_, "severity": severity, "message": "m", "remedy": "r"}
        for id_, severity in (("a", "error"), ("b", "blocker"), ("c", "blocker"), ("d", "warning"))
    ]
    assert speaking_against(findings, ["a", "c"]) == ["a: m. What to do: r", "b: m. What to do: r"]


def test_copies_of_lost_metadata_are_named() -> None:
    findings = [{"id": "metastore-lost", "message": "m"}, {"id": "x", "message": "y"}]
    found = {"files": [{"path": f"/srv/{number}"} for number in range(7)]}
    assert [one["message"] for one in _influxdb_node.with_copies(findings, found)] == [
        "m. Copies of metadata may be: /srv/0, /srv/1, /srv/2, /srv/3, /srv/4",
        "y",
    ]
    assert "No copy of it was found" in _influxdb_node.with_copies(findings, {"files": []})[0]["message"]


@pytest.mark.parametrize(("kind", "backup"), [("metadata", 20), ("legacy", 5320), ("none-acknowledged", 20)])
def test_the_disk_that_is_needed(kind: str, backup: int) -> None:
    node = _influxdb_node.asked(configured(), ANSWER, SHARDS, ALONE, {**WISHES, "backup_kind": kind})
    assert _influxdb_node.disk_needed(node, {"size": 100, "installed_size": 400}) == 1000 + backup


def test_a_release_that_no_repository_offers_is_found() -> None:
    offer = {
        "reason": "package-repository",
        "why": "The package cannot be had",
        "msg": "The package cannot be had. ...",
    }
    found = _influxdb_node.preflight(
        known(), "1.4.3", offer, {"skipped": True}, {"source": "cache", "version": "1.3.9"}
    )
    assert [(one["id"], one["message"]) for one in found] == [("package-repository", "The package cannot be had")]


def test_the_planner_gets_what_it_compares() -> None:
    package = {"name": "influxdb", "version": "1.4.3", "arch": "amd64", "sha256": "ab", "size": 7}
    facts = _influxdb_node.summary(known(), {**package, "path": "/x.deb", "source": "file"}, "east", 2)
    assert facts["package"] == package
    assert _influxdb_node.summary(known(), {}, "east", 2) == {
        "product": "influxdb",
        "package": None,
        "version": "1.3.9",
        "arch": "amd64",
        "package_manager": "dpkg",
        "cluster": "east",
        "rank": 2,
        "state_dir_free": 10**9,
        "disk_needed": 20,
    }


def test_a_full_backup_has_to_hold_what_is_on_disk() -> None:
    assert _influxdb_node.expected_shards(known()) == [{"database": "metrics", "policy": "autogen", "id": 1}]
    assert _influxdb_node.databases(known()) == ["metrics"]


def test_the_files_of_the_service_are_named_once() -> None:
    assert _influxdb_node.files_of_service(known()) == [
        "/srv/influxdb.toml",
        "/srv/meta",
        "/etc/default/influxdb",
        "/lib/systemd/system/influxdb.service",
    ]


def test_the_node_itself_is_asked_whether_it_is_ready() -> None:
    assert _influxdb_node.ready(known(), "1.4.3", 60) == {
        "url": "http://127.0.0.1:9086/ping",
        "version": "1.4.3",
        "timeout": 60,
    }
    secure = _influxdb_node.configured(
        LOOK, slurped(b'[http]\nhttps-enabled = true\nhttps-certificate = "/etc/ssl/i.pem"\n'), "/srv/influxdb.toml"
    )
    probe = _influxdb_node.ready(secure, "1.4.3", 60)
    assert (probe["url"], probe["certificate"]) == ("https://127.0.0.1:8086/ping", "/etc/ssl/i.pem")


@pytest.mark.parametrize(
    ("backups", "last"),
    [
        ([], None),
        (["influxdb-1.3.9-1.4.3"], "influxdb-1.3.9-1.4.3"),
        (["influxdb-1.3.9-1.4.3~20261121T000000Z-1", "influxdb-1.2.4-1.3.9"], None),
    ],
)
def test_the_last_change_is_the_one_that_brought_the_release(backups: list[str], last: str | None) -> None:
    node = _influxdb_node.asked(
        configured(state=state(backups=backups)), {**ANSWER, "version": "1.4.3"}, SHARDS, ALONE, WISHES
    )
    assert (_influxdb_node.kept(node)["last"] or {}).get("id") == last
    assert _influxdb_node.copies_id(node, {"state": "nothing"}) == (last or "none")
    assert (
        _influxdb_node.copies_id(node, {"state": "upgrade", "backup_id": "influxdb-1.4.3-1.8.10"})
        == "influxdb-1.4.3-1.8.10"
    )


UP = {"steps": [{"name": "stop"}], "notes": ["one"], "downtime": 0.5, "error": "", "outcome": "swapped"}
BACK = {"steps": [{"name": "start"}], "notes": ["two"], "downtime": 0.25, "error": "", "outcome": "restored"}


def test_an_upgrade_and_its_way_back_are_told_as_one() -> None:
    both = _changes.swaps(UP, BACK)
    assert both["notes"] == ["one", "two"]
    assert ([step["name"] for step in both["steps"]], both["downtime"], both["outcome"]) == (
        ["stop", "start"],
        0.75,
        "restored",
    )
    assert _changes.swaps({**UP, "downtime": None}, BACK)["downtime"] is None
    again = _changes.swaps({**BACK, "error": "The metadata has changed."}, UP)
    assert (again["error"], again["outcome"], again["downtime"]) == ("", "swapped", UP["downtime"] + BACK["downtime"])
    assert _changes.swaps({}, BACK) == BACK
    assert _changes.swaps(UP, {**BACK, "outcome": "unchanged"}) == UP


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, []),
        (b'["127.0.0.1:8088"]', ["127.0.0.1:8088"]),
        (b'["a:1", "b:1"]', ["a:1", "b:1"]),
        (b"[", None),
        (b"{}", None),
    ],
)
def test_who_else_is_in_the_cluster(content: bytes | None, expected: list[str] | None) -> None:
    result = {"failed": False} if content is None else {"content": base64.b64encode(content).decode()}
    assert _influxdb_node.peers(result) == expected


@pytest.mark.parametrize(
    ("version", "expected"), [("0.10.3", True), ("0.11.1", True), ("0.12.2", False), ("1.4.3", False), ("", False)]
)
def test_which_releases_have_a_raft_db(version: str, expected: bool) -> None:
    assert _influxdb_node.has_raft(version) is expected


def test_the_swap_gets_the_proved_backup_and_the_user_of_the_service() -> None:
    note = {"attempt": "attempt-2", "file": "meta.00", "sha256": "ab", "raft_sha256": "cd", "taken_at": 1}
    facts = _influxdb_node.metastore(known(), note, "/b/metastore", "/usr/bin/influxd")
    assert facts["backup"] == "/b/metastore/attempt-2/meta.00"
    assert (facts["sha256"], facts["raft_sha256"], facts["program"]) == ("ab", "cd", "/usr/bin/influxd")
    assert (facts["owner"], facts["group"]) == ("influxdb", "influxdb")
    assert facts["meta_dir"].endswith("/meta")


def metadata(*names: str, shards: tuple[int, ...] = (1,)) -> dict[str, Any]:
    policy = {"name": "default", "shard_groups": [{"shards": list(shards)}], "subscriptions": []}
    databases = [
        {"name": name, "continuous_queries": [], "retention_policies": [policy]} for name in (*names, "_internal")
    ]
    return {"users": [{"name": "admin"}], "databases": databases}


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        (metadata("a"), None),
        (metadata("a", shards=(1, 2)), "shard 2 of a.default"),
        (metadata("a", "b"), "database b, retention policy b.default, shard 1 of b.default"),
        (metadata("a", *"bcd"), "and 4 more"),
    ],
)
def test_what_the_way_back_would_lose_has_to_be_accepted(now: dict[str, Any], lost: str | None) -> None:
    found = _influxdb_node.lost_on_the_way_back(metadata("a"), now, "0.11.1")
    assert [(one["id"], one["severity"], lost in one["message"]) for one in found if lost] == (
        [("metadata-since", "blocker", True)] if lost else []
    )
    assert bool(found) is bool(lost)


@pytest.mark.parametrize(("seconds", "told"), [(0.244, "0.24 s"), (0.0, "0.00 s"), (None, "an unknown time")])
def test_a_downtime_that_nobody_measured_is_called_so(seconds: float | None, told: str) -> None:
    assert _changes.downtime({"downtime": seconds}) == told


@pytest.mark.parametrize(
    ("level", "count", "new", "sentence"),
    [
        ("points", 0, [], "all 9 values in 2 databases are there"),
        ("metadata", 0, [], "all 2 databases are there"),
        ("metadata", 0, ["User a"], "all 2 databases are there (new since then: User a)"),
        ("metadata", 0, ["a", "b", "c", "d"], "all 2 databases are there (new since then: a, b, c and more)"),
        ("points", 3, ["User a"], "3 differences"),
    ],
)
def test_the_comparison_is_told_in_a_sentence(level: str, count: int, new: list[str], sentence: str) -> None:
    before = {"level": level, "totals": {"values": 9, "databases": 2}}
    result = {
        "fingerprint": {"totals": {"values": 9}},
        "difference_count": count,
        "differences": ["x"] * count,
        "additions": new,
    }
    assert _influxdb_node.compared(before, result)["sentence"] == sentence


def test_the_change_of_the_configuration_is_a_unified_diff() -> None:
    merged = {
        "carried": [],
        "renamed": [],
        "dropped": [],
        "unchanged_defaults_that_change": [{"key": "x", "old": 1, "new": 2}],
        "diff": {"before": "a = 1\n", "after": "a = 2\n", "before_header": "old", "after_header": "new"},
    }
    assert _influxdb_node.config_summary(merged)["diff"].splitlines() == [
        "--- old",
        "+++ new",
        "@@ -1 +1 @@",
        "-a = 1",
        "+a = 2",
    ]
    assert _influxdb_node.config_summary(merged)["defaults"] == [{"key": "x", "old": 1, "new": 2}]
    assert _influxdb_node.config_summary({"skipped": True}) == {}
