# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.dbfleet.upgrade.plugins.filter.influxdb_legacy import FUNCTIONS
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_legacy

DATA = "/srv/influxdb/data"
PATH = "/srv/influxdb/config.toml"
CONFIG = f"""bind-address = "0.0.0.0"
[logging]
level = "info"
file = "/srv/influxdb/log.txt"
[api]
port = 8086
[raft]
port = 8090
dir = "{DATA}/raft"
[storage]
dir = "{DATA}/db"
[cluster]
protobuf_port = 8099
[wal]
dir = "{DATA}/wal"
[sharding]
replication-factor = 1
"""
HTTPS = 'ssl-port = 8087\nssl-cert = "/srv/influxdb/own.pem"'
LOOK: dict[str, Any] = {
    "machine": {"arch": "amd64"},
    "package": {"manager": "dpkg", "name": "influxdb", "version": "0.7.3", "upstream": "0.7.3", "arch": "amd64"},
    "service": {"name": "influxdb", "exists": True, "active": True},
    "state": {"swap": None, "lock": None, "backups": []},
    "disk": {"state_dir": {"free": 10**9}},
}
SHARDS: list[dict[str, Any]] = [
    {"id": number, "database": None, "space": "short_term", "start": start, "end": start + 604800, "servers": [1]}
    for number, start in ((1, 1401321600), (2, 1400716800))
]


def old_shard(number: int, size: int = 1000, marked: bool = False) -> dict[str, Any]:
    return {
        "id": f"{number:05}",
        "path": f"{DATA}/db/shard_db/{number:05}",
        "bytes": size,
        "marked": marked,
    }


def new_shard(number: int, size: int = 700) -> dict[str, Any]:
    return {
        "id": f"{number:05}",
        "path": f"{DATA}/db/shard_db_v2/{number:05}",
        "bytes": size,
        "engine": "leveldb",
    }


STORAGE: dict[str, Any] = {
    "raft": True,
    "old_shards": [old_shard(1), old_shard(2, 500)],
    "new_shards": [],
    "migrating": None,
}
METADATA: dict[str, Any] = {
    "databases": ["metrics", "other"],
    "users": {"metrics": ["paul"], "other": []},
    "cluster_admins": ["root"],
    "servers": 1,
    "shard_spaces": None,
}
ANSWER: dict[str, Any] = {"version": "0.7.3", "metadata": METADATA, "shards": SHARDS, "storage": STORAGE}
MIGRATED: dict[str, Any] = {
    **STORAGE,
    "old_shards": [old_shard(1, marked=True), old_shard(2, 500, marked=True)],
    "new_shards": [new_shard(3)],
}
REFUSED: dict[str, Any] = {
    "reason": "credentials",
    "msg": "The server answers 401. Expected: a cluster administrator. What to do: x.",
}
NOTE = {"id": "influxdb_legacy-0.7.3-0.8.3", "source": "0.7.3", "target": "0.8.3"}
DIED: dict[str, Any] = {"id": NOTE["id"], "finished": False, "running": False}
ROOM = """Filesystem     1024-blocks    Used Available Capacity Mounted on
/dev/sda1        104857600 2097152 102760448       2% /srv"""


def slurped(text: str) -> dict[str, Any]:
    return {"content": base64.b64encode(text.encode()).decode()}


def df(text: str) -> dict[str, Any]:
    return {"stdout_lines": text.splitlines()}


def looked_at(
    config: str = CONFIG, note: dict[str, Any] | None = None, hosts: tuple[str, ...] = ("db1",), **look: Any
) -> dict[str, Any]:
    noted = slurped(json.dumps(note)) if note else {"msg": "file not found"}
    return _influxdb_legacy.looked_at({**LOOK, **look}, slurped(config), PATH, noted, hosts)


def known(answer: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return _influxdb_legacy.asked(looked_at(**changes), ANSWER if answer is None else answer)


def later(storage: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A node of 0.8.3."""
    package = {**LOOK["package"], "version": "0.8.3", "upstream": "0.8.3"}
    answer = {**ANSWER, "version": "0.8.3", "storage": MIGRATED if storage is None else storage}
    return known(answer, package=package, **changes)


def stored(**changes: Any) -> dict[str, Any]:
    return {**ANSWER, "storage": {**STORAGE, **changes}}


def member_of(servers: int) -> dict[str, Any]:
    return {**ANSWER, "metadata": {**METADATA, "servers": servers}}


def state(**changes: Any) -> dict[str, Any]:
    return {**LOOK["state"], **changes}


def preflight(node: dict[str, Any], target: str = "0.8.3", **wish: Any) -> list[dict[str, str]]:
    usual = {
        "name": "db1",
        "given": {},
        "pause": "100ms",
        "forks": 5,
        "room": df(ROOM),
        "now": 1416441600,
        "proofs": [],
        "way_back": {"source": "cache", "version": "0.7.3"},
    }
    return _influxdb_legacy.preflight(node, target, {**usual, **wish})


def ids(findings: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(one["id"], one["severity"]) for one in findings]


# The node


def test_a_node_is_what_its_package_its_file_and_its_server_say() -> None:
    node = known(hosts=("db1", "db2"))
    assert (node["installed"], node["version"], node["resume"]) == ("0.7.3", "0.7.3", None)
    assert (node["config_path"], node["config_error"], node["hosts"]) == (PATH, None, ["db1", "db2"])
    assert (node["settings"]["data_dir"], node["service"]) == (DATA, LOOK["service"])
    assert node["server"] == ANSWER


def test_the_server_knows_better_than_the_package_which_release_runs() -> None:
    node = known({**ANSWER, "version": "0.7.2"})
    assert (node["installed"], node["version"]) == ("0.7.3", "0.7.2")


def test_what_only_the_packager_adds_is_no_part_of_the_release() -> None:
    assert looked_at(package={**LOOK["package"], "upstream": "0.7.3-1"})["version"] == "0.7.3"
    assert looked_at(package={"manager": "none"})["version"] == ""


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (slurped("[api\n"), "line 1"),
        (slurped('[api]\nport = "8086"\n'), "[api] port is not a whole number"),
        ({"content": base64.b64encode(b"\xef\xbb\xbf[api]").decode()}, "byte order mark"),
        ({"msg": "file not found: /srv/influxdb/config.toml"}, "cannot be read: file not found"),
        ({}, "no reason was given"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told_and_nothing_else(config: dict[str, Any], message: str) -> None:
    node = _influxdb_legacy.looked_at(LOOK, config, PATH, {}, ["db1"])
    assert node["settings"] is None and message in node["config_error"]
    assert ids(preflight(node)) == [("config-unusable", "error")]


@pytest.mark.parametrize(
    ("note", "swap", "expected"),
    [
        (None, None, None),
        (NOTE, None, NOTE),
        (None, DIED, NOTE),
        (None, {**DIED, "finished": True, "outcome": "failed"}, NOTE),
        (None, {**DIED, "finished": True, "outcome": "swapped"}, None),
        (None, {**DIED, "finished": True, "outcome": "restored"}, None),
        (None, {**DIED, "id": "influxdb-0.12.2-1.8.10"}, None),
        (
            None,
            {**DIED, "id": "influxdb_legacy_later-0.8.3-0.8.8"},
            {"id": "influxdb_legacy_later-0.8.3-0.8.8", "source": "0.8.3", "target": "0.8.8"},
        ),
        (NOTE, {**DIED, "id": "influxdb_legacy_later-0.8.3-0.8.8"}, NOTE),
        # The swap ended, and what comes after it did not: the note stays until all is proved.
        (NOTE, {**DIED, "finished": True, "outcome": "swapped"}, NOTE),
    ],
)
def test_a_note_or_a_swap_that_did_not_end_is_taken_up(
    note: dict[str, Any] | None, swap: dict[str, Any] | None, expected: dict[str, str] | None
) -> None:
    assert looked_at(note=note, state=state(swap=swap))["resume"] == expected


@pytest.mark.parametrize("running", ["0.7.3", "0.8.3"])
def test_a_change_under_way_goes_on_from_the_former_release_whatever_runs(running: str) -> None:
    node = known({**ANSWER, "version": running}, note=NOTE, package={**LOOK["package"], "upstream": running})
    assert (node["installed"], node["version"], node["server"]["version"]) == (running, "0.7.3", running)


@pytest.mark.parametrize("answer", [{}, REFUSED, {"version": "0.8.3", "msg": "The folder cannot be read."}])
def test_half_an_answer_is_none(answer: dict[str, Any]) -> None:
    node = known(answer)
    assert (node["server"], node["version"]) == (None, "0.7.3")
    assert node["api"] == {"reason": answer.get("reason"), "message": answer.get("msg")}


# Where it answers


@pytest.mark.parametrize(
    ("api", "bound", "given", "expected"),
    [
        ("port = 9086", "", "", ("127.0.0.1", 9086, False, "")),
        ("port = 9086", "0.0.0.0", "", ("127.0.0.1", 9086, False, "")),
        ("port = 9086", "[::]", "", ("127.0.0.1", 9086, False, "")),
        ("port = 9086", "10.0.0.1", "", ("10.0.0.1", 9086, False, "")),
        ("port = 9086", "[2001:db8::1]", "", ("2001:db8::1", 9086, False, "")),
        ("port = 9086", "10.0.0.1", "db1.lan", ("db1.lan", 9086, False, "")),
        ("port = 9086", "10.0.0.1", "[::1]", ("::1", 9086, False, "")),
        ("port = 9086\n" + HTTPS, "", "", ("127.0.0.1", 9086, False, "")),
        (HTTPS, "", "db1.lan", ("db1.lan", 8087, True, "/srv/influxdb/own.pem")),
        (HTTPS.replace("/srv", ".."), "", "db1.lan", ("db1.lan", 8087, True, "")),
        ("ssl-port = 8087", "", "", ("127.0.0.1", 8086, False, "")),
        ("", "", "", ("127.0.0.1", 8086, False, "")),
    ],
)
def test_the_server_is_asked_where_its_configuration_says(
    api: str, bound: str, given: str, expected: tuple[str, int, bool, str]
) -> None:
    config = slurped(f'bind-address = "{bound}"\n[api]\n{api}\n')
    place = _influxdb_legacy.address(config, PATH, given)
    assert place == dict(zip(("host", "port", "ssl", "certificate"), expected, strict=True))


def test_a_configuration_that_cannot_be_read_has_no_address() -> None:
    with pytest.raises(FleetError, match="cannot be read: no such file"):
        _influxdb_legacy.address({"msg": "no such file"}, PATH, "db1")


QUIET = {"host": "127.0.0.1", "port": 18086, "ssl": False}
SECURE = {"host": "db1.lan", "port": 8087, "ssl": True, "certificate": "/srv/influxdb/own.pem"}


@pytest.mark.parametrize(
    ("place", "ca_path", "url", "trust"),
    [
        (QUIET, "", "http://127.0.0.1:18086/ping", {}),
        (QUIET, "/etc/ca.pem", "http://127.0.0.1:18086/ping", {}),
        ({**QUIET, "host": "::1"}, "", "http://[::1]:18086/ping", {}),
        (SECURE, "", "https://db1.lan:8087/ping", {"certificate": "/srv/influxdb/own.pem"}),
        (SECURE, "/etc/ca.pem", "https://db1.lan:8087/ping", {"ca_path": "/etc/ca.pem"}),
        ({**SECURE, "certificate": ""}, "", "https://db1.lan:8087/ping", {}),
    ],
)
def test_the_swap_asks_the_same_address(place: dict[str, Any], ca_path: str, url: str, trust: dict[str, str]) -> None:
    found = _influxdb_legacy.ready(place, "0.8.3", 600, ca_path)
    assert found == {"url": url, "version": "0.8.3", "timeout": 600, **trust}


def test_the_quiet_configuration_is_that_of_the_server_on_another_port() -> None:
    quiet = _influxdb_legacy.quiet_config(slurped(CONFIG), PATH, 18086)
    assert quiet == CONFIG.replace("port = 8086", "port = 18086")
    assert _influxdb_legacy.address(slurped(quiet), PATH, "")["port"] == 18086


# What is kept, and what the planner reads

RAFT, WAL, OLD, NEW = f"{DATA}/raft", f"{DATA}/wal", f"{DATA}/db/shard_db", f"{DATA}/db/shard_db_v2"


@pytest.mark.parametrize(
    ("path_id", "kind", "expected"),
    [
        ("influxdb_legacy", "copy", [RAFT, WAL, NEW, OLD]),
        ("influxdb_legacy", "none-acknowledged", [RAFT, WAL, NEW]),
        ("influxdb_legacy_later", "copy", [RAFT, WAL, NEW]),
        ("influxdb_legacy_later", "none-acknowledged", [RAFT, WAL]),
    ],
)
def test_what_the_way_back_needs_is_copied(path_id: str, kind: str, expected: list[str]) -> None:
    assert _influxdb_legacy.kept_paths(looked_at(), path_id, kind) == expected


def test_a_folder_without_a_name_is_not_copied() -> None:
    node = looked_at(CONFIG.replace(f'dir = "{WAL}"', ""))
    assert _influxdb_legacy.kept_paths(node, "influxdb_legacy_later", "copy") == [RAFT, NEW]


def test_the_planner_gets_what_it_compares() -> None:
    package = {"name": "influxdb", "version": "0.8.3", "arch": "amd64", "sha256": "ab", "size": 7}
    found = _influxdb_legacy.summary(
        known(), {**package, "installed_size": 3, "path": "/x.deb", "source": "file"}, "east", 2, "copy"
    )
    assert found == {
        "product": "influxdb",
        "version": "0.7.3",
        "arch": "amd64",
        "package_manager": "dpkg",
        "package": package,
        "cluster": "east",
        "rank": 2,
        "state_dir_free": 10**9,
        "disk_needed": 1520,
    }


@pytest.mark.parametrize(
    ("node", "kind", "needed"),
    [
        (known(), "copy", 1500),
        (known(), "none-acknowledged", 0),
        (later(), "copy", 700),
        (known(REFUSED), "copy", 0),
        (known(note=NOTE), "copy", 0),
        (known({**ANSWER, "storage": {**STORAGE, "old_shards": [old_shard(1), {"bytes": "********"}]}}), "copy", 1000),
    ],
)
def test_the_disk_that_the_copies_need(node: dict[str, Any], kind: str, needed: int) -> None:
    assert _influxdb_legacy.summary(node, {}, "db1", 0, kind)["disk_needed"] == needed


def test_without_a_package_the_machine_tells_the_architecture() -> None:
    found = _influxdb_legacy.summary(looked_at(package={}), {}, "db1", 0, "copy")
    assert (found["arch"], found["package_manager"], found["package"], found["version"]) == ("amd64", "", None, "")


@pytest.mark.parametrize(
    ("installed", "backups", "last"),
    [
        ("0.7.3", [], None),
        ("0.7.3", ["influxdb_legacy-0.7.3-0.8.3"], None),
        ("0.8.3", ["influxdb_legacy-0.7.3-0.8.3"], ("influxdb_legacy-0.7.3-0.8.3", "0.7.3", "0.8.3")),
        ("0.8.3-1", ["influxdb_legacy-0.7.3-0.8.3"], ("influxdb_legacy-0.7.3-0.8.3", "0.7.3", "0.8.3")),
        (
            "0.8.8",
            ["influxdb_legacy-0.7.3-0.8.3", "influxdb_legacy_later-0.8.3-0.8.8"],
            ("influxdb_legacy_later-0.8.3-0.8.8", "0.8.3", "0.8.8"),
        ),
        (
            "0.8.3",
            [
                "influxdb_legacy-0.7.2-0.8.3",
                "influxdb_legacy-0.7.3-0.8.3",
                "influxdb_legacy-0.7.3-0.8.3~20261121T000000Z-1",
            ],
            ("influxdb_legacy-0.7.3-0.8.3", "0.7.3", "0.8.3"),
        ),
        ("0.8.3", ["influxdb_legacy-0.7.3-0.8.3~20261121T000000Z-1", "influxdb-0.7.3-0.8.3"], None),
    ],
)
def test_the_last_change_is_the_one_that_brought_the_release(
    installed: str, backups: list[str], last: tuple[str, str, str] | None
) -> None:
    node = looked_at(state=state(backups=backups), package={**LOOK["package"], "upstream": installed})
    expected = dict(zip(("id", "source", "target"), last, strict=True)) if last else None
    assert _influxdb_legacy.kept(node) == {"unfinished": None, "last": expected, "locked": False}


def test_a_change_under_way_is_what_recover_undoes() -> None:
    note = {**NOTE, "more": "that the engine does not read"}
    node = looked_at(
        note=note,
        state=state(lock={"run": "r"}, backups=[NOTE["id"]]),
        package={**LOOK["package"], "upstream": "0.8.3"},
    )
    found = _influxdb_legacy.kept(node)
    assert (found["unfinished"], found["last"], found["locked"]) == (NOTE, NOTE, True)


PLANNED = {"backup_id": NOTE["id"], "to": "0.8.3"}
SWAPPED: dict[str, Any] = {"id": NOTE["id"], "finished": True, "outcome": "swapped"}


@pytest.mark.parametrize(
    ("swap", "installed", "due"),
    [
        (SWAPPED, "0.8.3", False),
        (SWAPPED, "0.8.3-1", False),
        (SWAPPED, "0.7.3", True),
        (None, "0.8.3", True),
        (DIED, "0.8.3", True),
        ({**SWAPPED, "outcome": "restored"}, "0.8.3", True),
        ({**SWAPPED, "outcome": "failed"}, "0.8.3", True),
        ({**SWAPPED, "finished": False}, "0.8.3", True),
        ({**SWAPPED, "id": "influxdb_legacy-0.7.2-0.8.3"}, "0.8.3", True),
    ],
)
def test_the_release_is_changed_unless_this_very_swap_did(
    swap: dict[str, Any] | None, installed: str, due: bool
) -> None:
    node = looked_at(state=state(swap=swap), package={**LOOK["package"], "upstream": installed})
    assert _influxdb_legacy.swap_due(node, PLANNED) is due


# What the nodes of a cluster do together


def test_a_cluster_is_all_hosts_with_its_name_in_the_order_of_the_inventory() -> None:
    hostvars = {
        "db3": {"fleet_cluster": "a"},
        "db1": {"fleet_cluster": "a"},
        "db2": {"fleet_cluster": "b"},
        "db4": {},
        "db5": {"fleet_cluster": ""},
        "db6": {"fleet_cluster": ""},
    }
    found = {host: _influxdb_legacy.cluster_of(host, hostvars, list(hostvars)) for host in hostvars}
    assert found == {
        "db3": ["db3", "db1"],
        "db1": ["db3", "db1"],
        **{host: [host] for host in ("db2", "db4", "db5", "db6")},
    }


def test_a_host_outside_of_the_group_is_a_cluster_of_its_own() -> None:
    assert _influxdb_legacy.cluster_of("db9", {"db1": {"fleet_cluster": "a"}}, ["db1"]) == ["db9"]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (["db1", "db2"], "The change began on the whole cluster, and db2 is not in this run"),
        (["db3", "db1", "db2"], "The change began on the whole cluster, and db3, db2 are not in this run"),
        (["db1"], None),
        (None, None),
    ],
)
def test_a_change_is_ended_by_the_nodes_that_began_it(nodes: list[str] | None, message: str | None) -> None:
    found = _influxdb_legacy.absent(looked_at(hosts=("db1",)), {"nodes": nodes} if nodes else {})
    assert [(one["id"], one["severity"], one["message"]) for one in found] == (
        [("cluster-members", "error", message)] if message else []
    )


PLAN = {
    "nodes": [
        {"name": "db2", "cluster": "a", "state": "upgrade"},
        {"name": "db9", "cluster": "b", "state": "upgrade"},
        {"name": "db1", "cluster": "a", "state": "upgrade"},
        {"name": "db3", "cluster": "a", "state": "nothing"},
    ]
}


@pytest.mark.parametrize(
    ("name", "expected"), [("db1", ["db2", "db1"]), ("db2", ["db2", "db1"]), ("db9", ["db9"]), ("db3", ["db3"])]
)
def test_the_nodes_of_a_cluster_that_change_do_so_at_once_and_agree_on_the_first(
    name: str, expected: list[str]
) -> None:
    assert _influxdb_legacy.turn(PLAN, name) == expected


def test_who_is_behind_is_named() -> None:
    hostvars: dict[str, Any] = {
        "db1": {"influxdb_legacy_steps": ["backed up", "stopped"]},
        "db2": {"influxdb_legacy_steps": ["backed up"]},
        "db3": {"influxdb_legacy_steps": None},
        "db4": {},
    }
    assert _influxdb_legacy.behind(["db1", "db2", "db3", "db4"], hostvars, "stopped") == ["db2", "db3", "db4"]
    assert _influxdb_legacy.behind(["db1", "db2"], hostvars, "backed up") == []


# Findings before an upgrade


@pytest.mark.parametrize("node", [known(), known(stored(old_shards=[]))])
def test_a_sound_node_has_no_findings(node: dict[str, Any]) -> None:
    assert preflight(node) == []


def test_numbers_may_be_text() -> None:
    assert preflight(known(), forks="5", now="1416441600") == []


def test_a_node_of_0_8_with_a_proved_migration_has_none_either() -> None:
    proof = "/var/lib/dbfleet/backup/influxdb_legacy-0.7.3-0.8.3/proved.json"
    assert preflight(later(), "0.8.8", proofs=[proof]) == []
    assert preflight(later({**MIGRATED, "old_shards": []}), "0.8.8") == []


@pytest.mark.parametrize(
    ("service", "note", "expected"),
    [
        ({"exists": False, "active": False}, None, [("service-unknown", "error")]),
        ({"exists": True, "active": False}, None, [("service-not-running", "error")]),
        ({"exists": False, "active": False}, NOTE, [("service-unknown", "error")]),
        ({"exists": True, "active": False}, NOTE, []),
    ],
)
def test_the_service_has_to_run_unless_its_change_began(
    service: dict[str, Any], note: dict[str, Any] | None, expected: list[tuple[str, str]]
) -> None:
    found = preflight(known(service={"name": "influxdb", **service}, note=note))
    assert ids(found) == expected and all("influxdb" in one["message"] for one in found)


def test_a_stopped_server_is_told_beside_its_silence() -> None:
    node = known({"reason": "unreachable", "msg": "no"}, service={**LOOK["service"], "active": False})
    assert ids(preflight(node)) == [("service-not-running", "error"), ("api-unreachable", "error")]


@pytest.mark.parametrize(
    ("reason", "expected", "advice"),
    [
        ("credentials", "api-credentials", "influxdb_legacy_admin_password"),
        ("tls", "api-tls", "influxdb_legacy_ca_path"),
        ("unreachable", "api-unreachable", "influxdb_legacy_host"),
        ("release", "api-unreachable", "influxdb_legacy_host"),
        (None, "api-unreachable", "influxdb_legacy_host"),
    ],
)
def test_a_server_that_could_not_be_asked_is_an_error_with_the_right_advice(
    reason: str | None, expected: str, advice: str
) -> None:
    [found] = preflight(known({"reason": reason, "msg": "It said no. Expected: an answer. What to do: x."}))
    assert (found["id"], found["severity"], found["message"]) == (expected, "error", "It said no")
    assert advice in found["remedy"]


def test_no_answer_without_a_reason_is_an_error_too() -> None:
    assert [one["message"] for one in preflight(known({}))] == ["the server was not asked"]


def test_a_server_at_the_target_has_to_answer_and_is_asked_nothing_more() -> None:
    at_target = later({**MIGRATED, "raft": False, "old_shards": [old_shard(1)]})
    assert preflight(at_target, way_back={}, forks=0, room={}) == []
    assert ids(preflight(_influxdb_legacy.asked(at_target, REFUSED))) == [("api-credentials", "error")]


@pytest.mark.parametrize(("target", "expected"), [("0.8.3", []), ("0.8.2", [("swap-unfinished", "error")])])
@pytest.mark.parametrize("answer", [ANSWER, REFUSED])
def test_a_change_under_way_is_finished_or_undone_first(
    answer: dict[str, Any], target: str, expected: list[tuple[str, str]]
) -> None:
    found = preflight(known(answer, note=NOTE), target, way_back={}, room={})
    assert ids(found) == expected
    assert all("fleet_target_version=0.8.3" in one["remedy"] for one in found)


@pytest.mark.parametrize(
    ("servers", "hosts", "told"),
    [
        (3, ("db1", "db2"), "its cluster has 3 servers, and the inventory has 2 of it (db1, db2)"),
        (3, ("db1",), "its cluster has 3 servers, and the inventory has 1 of it (db1)"),
        (1, ("db1", "db2"), "its cluster has 1 server, and the inventory has 2 of it (db1, db2)"),
    ],
)
@pytest.mark.parametrize("version", ["0.7.3", "0.8.2"])
def test_a_cluster_changes_as_a_whole_or_not_at_all(
    servers: int, hosts: tuple[str, ...], told: str, version: str
) -> None:
    answer = {**member_of(servers), "version": version, "storage": {**STORAGE, "old_shards": []}}
    for host in hosts:
        [found] = preflight(known(answer, hosts=hosts), "0.8.3" if version == "0.7.3" else "0.8.8", name=host)
        assert ids([found]) == [("cluster-members", "error")] and told in found["message"]
        assert "fleet_cluster" in found["remedy"]


@pytest.mark.parametrize(("forks", "expected"), [(3, []), (2, [("forks-few", "error")]), ("10", [])])
def test_all_nodes_of_a_cluster_have_to_be_started_at_once(forks: Any, expected: list[tuple[str, str]]) -> None:
    found = preflight(known(member_of(3), hosts=("db1", "db2", "db3")), forks=forks)
    assert ids(found) == expected
    assert all("--forks 3" in one["remedy"] for one in found)


def blanked(password: str, answer: dict[str, Any] | None = None) -> dict[str, Any]:
    """What Ansible makes of a result where it finds the password."""
    found: dict[str, Any] = remove_values(ANSWER if answer is None else answer, {password})
    return found


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("metric", "the name of 1 database,"),
        ("metrics", "the name of 1 database,"),
        ("t", "the name of 2 databases,"),
    ],
)
def test_a_password_that_is_a_part_of_the_name_of_a_database_is_an_error(password: str, message: str) -> None:
    found = preflight(known(blanked(password)), given={"metrics": [{"name": "all", "regex": "/.*/"}]})
    assert ids(found) == [("password-in-names", "error")] and message in found[0]["message"]


@pytest.mark.parametrize(
    ("password", "answer"),
    [
        ("1401", ANSWER),
        ("1401321600", ANSWER),
        ("6543", stored(old_shards=[old_shard(1, 1654321)])),
        ("6543", stored(new_shards=[new_shard(1, 1654321)])),
        ("17", member_of(17)),
    ],
)
def test_a_password_that_is_a_part_of_a_number_is_an_error(password: str, answer: dict[str, Any]) -> None:
    assert ids(preflight(known(blanked(password, answer)))) == [("password-in-numbers", "error")]


@pytest.mark.parametrize("password", ["root", "paul", "influxdb", "srv", "short_term", "00001"])
def test_a_password_that_is_a_part_of_what_nobody_needs_does_no_harm(password: str) -> None:
    assert blanked(password) != ANSWER
    assert preflight(known(blanked(password))) == []


def test_a_way_back_that_cannot_be_had_has_to_be_accepted() -> None:
    refusal = {"msg": "No source has it. Expected: one."}
    assert ids(preflight(known(), way_back=refusal)) == [("rollback-none", "blocker")]
    assert ids(preflight(later({**MIGRATED, "old_shards": []}), "0.8.8", way_back=refusal)) == [
        ("rollback-none", "blocker")
    ]


def test_what_the_file_says_against_a_migration_is_told_before_it_only() -> None:
    quiet_log = CONFIG.replace('"info"', '"error"')
    assert ids(preflight(known(config=quiet_log))) == [("log-level", "error")]
    assert preflight(later({**MIGRATED, "old_shards": []}, config=quiet_log), "0.8.8") == []


@pytest.mark.parametrize("setting", ["/raft", "/db"])
def test_folders_where_nobody_looks_are_an_error_on_both_paths(setting: str) -> None:
    config = CONFIG.replace(DATA + setting, "/mnt/else" + setting)
    empty = {**STORAGE, "old_shards": []}
    assert ids(preflight(known({**ANSWER, "storage": empty}, config=config))) == [("layout", "error")]
    assert ids(preflight(later(empty, config=config), "0.8.8")) == [("layout", "error")]


def test_without_raft_nothing_would_be_migrated() -> None:
    [found] = preflight(known(stored(raft=False)))
    assert ids([found]) == [("raft-missing", "error")] and f"There is nothing in {RAFT}" in found["message"]


def test_shards_of_an_earlier_try_would_come_back() -> None:
    [found] = preflight(known(stored(new_shards=[new_shard(1), new_shard(2)])))
    assert ids([found]) == [("new-shards-left", "error")] and "2 shards of 0.8" in found["message"]
    assert NEW in found["remedy"]


def line(free: str, device: str = "/dev/sda1", folder: str = "/srv", capacity: str = "2%") -> str:
    return f"Filesystem 1024-blocks Used Available Capacity Mounted on\n{device} 104857600 2097152 {free} {capacity} {folder}"


LARGE = stored(old_shards=[old_shard(1, 10 * 1024**2)])
LONG = "/dev/mapper/vg--of--the--machine--with--a--long--name-lv--of--the--data"


@pytest.mark.parametrize(
    "room",
    [
        line("12288"),
        line("12288", LONG),
        line("12288", "//nas/my share"),
        line("12288", folder="/srv/my data", capacity="-"),
    ],
)
def test_migrated_shards_need_the_room_of_the_old_ones_and_a_fifth_more(room: str) -> None:
    assert preflight(known(LARGE), room=df(room)) == []
    [found] = preflight(known(LARGE), room=df(room.replace("12288", "12287")))
    assert ids([found]) == [("disk-data", "error")]
    assert "about 12,582,912 bytes, and 12,581,888 are free where /srv/influxdb/data/db is" in found["message"]


def test_what_cannot_be_renamed_is_told_before_anything_is_stopped() -> None:
    room = df(line("12288"))
    room["stdout_lines"].append("/dev/sdb1 100 1 99 1% /srv/influxdb/data/raft")
    [found] = preflight(known(), room=room)
    assert ids([found]) == [("mount-point", "error")]
    assert found["message"].startswith("/srv/influxdb/data/raft: 1 file system")


def test_what_is_marked_would_be_passed_over() -> None:
    shard = {"id": "00001", "path": "/srv/influxdb/data/db/shard_db/00001", "bytes": 1, "marked": True}
    [found] = preflight(known(stored(old_shards=[shard])))
    assert ids([found]) == [("markers-left", "error")]


@pytest.mark.parametrize(
    "room",
    [
        {},
        {"skipped": True},
        {"rc": 1, "stdout_lines": []},
        {"rc": 1, "stdout_lines": ["Filesystem 1024-blocks Used Available Capacity Mounted on"]},
        df(line("-")),
        df(line("-12")),
    ],
)
def test_room_that_nobody_can_tell_is_none(room: dict[str, Any]) -> None:
    [found] = preflight(known(), room=room)
    assert ids([found]) == [("disk-data", "error")] and "nobody can tell" in found["message"]
    assert "df -Pk /srv/influxdb/data/db" in found["remedy"]


@pytest.mark.parametrize(("pause", "expected"), [("0s", []), ("1m30s", []), ("soon", [("pause", "error")])])
def test_the_pause_is_judged_beforehand(pause: str, expected: list[tuple[str, str]]) -> None:
    found = preflight(known(), pause=pause)
    assert ids(found) == expected
    assert all(one["message"] == "influxdb_legacy_pause is 'soon'" for one in found)


def test_the_first_node_tells_of_the_shard_spaces_of_its_cluster() -> None:
    node = known(member_of(2), hosts=("db2", "db1"))
    given = {"metric": [{"name": "all", "regex": "/.*/"}]}
    assert ids(preflight(node, name="db2", given=given)) == [("shard-space-database", "error")]
    assert preflight(node, name="db1", given=given) == []


@pytest.mark.parametrize(
    ("servers", "oldest", "retention", "expected"),
    [
        (1, 1400716800, "inf", []),
        (1, 1400716800, "100d", [("shard-space-expires", "blocker")]),
        (1, 1416355200, "100d", []),
        (2, 1400716800, "inf", [("shard-space-fewer-copies", "warning")]),
    ],
)
def test_the_shard_spaces_are_judged_by_the_oldest_shard_and_the_size_of_the_cluster(
    servers: int, oldest: int, retention: str, expected: list[tuple[str, str]]
) -> None:
    shards = [{**SHARDS[0], "start": 1416355200}, {**SHARDS[0], "start": oldest}]
    node = known(
        {**member_of(servers), "shards": shards},
        config=CONFIG.replace("factor = 1", "factor = 2"),
        hosts=("db1", "db2")[:servers],
    )
    given = {name: [{"name": "all", "regex": "/.*/", "retentionPolicy": retention}] for name in METADATA["databases"]}
    assert sorted(set(ids(preflight(node, given=given)))) == expected


def test_a_server_without_shards_is_judged_too() -> None:
    given = {"metrics": [{"name": "all", "regex": "/.*/", "retentionPolicy": "1d"}]}
    assert preflight(known({**ANSWER, "shards": []}), given=given) == []


def test_everything_is_told_at_once() -> None:
    answer = {**stored(raft=False, new_shards=[new_shard(1)]), "metadata": {**METADATA, "servers": 3}}
    found = preflight(known(answer), way_back={}, room={}, pause="x", given={"x": []})
    assert [one["id"] for one in found] == [
        "cluster-members",
        "rollback-none",
        "raft-missing",
        "new-shards-left",
        "disk-data",
        "pause",
        "shard-space-database",
    ]


# What of 0.7 is left

HALF = {**MIGRATED, "old_shards": [old_shard(number, marked=number == 1) for number in range(1, 7)]}
LEFT = "5 shards of 0.7 are not migrated (00002, 00003, 00004 and 2 more)"


def test_no_release_from_0_8_4_on_can_migrate_what_is_left() -> None:
    proof = "/var/lib/dbfleet/backup/influxdb_legacy-0.7.3-0.8.3/proved.json"
    [found] = preflight(later(HALF), "0.8.8", proofs=[proof])
    assert ids([found]) == [("not-migrated", "error")] and found["message"].startswith(LEFT)


@pytest.mark.parametrize(
    ("proofs", "expected"),
    [
        (["/state/backup/influxdb_legacy-0.7.3-0.8.3/proved.json"], []),
        ([], [("migration-unproved", "blocker")]),
        (
            ["/state/backup/influxdb_legacy-0.7.3-0.8.3~20261126T131500Z-4711-1/proved.json"],
            [("migration-unproved", "blocker")],
        ),
        (["/state/backup/influxdb_legacy_later-0.8.2-0.8.3/proved.json"], [("migration-unproved", "blocker")]),
        (
            ["/srv/influxdb_legacy-state/backup/influxdb_legacy_later-0.8.2-0.8.3/proved.json"],
            [("migration-unproved", "blocker")],
        ),
    ],
)
def test_a_marker_is_no_proof(proofs: list[str], expected: list[tuple[str, str]]) -> None:
    assert ids(preflight(later(), "0.8.8", proofs=proofs)) == expected


def test_after_the_migration_nothing_is_left() -> None:
    assert _influxdb_legacy.not_all_migrated(later()) == ""
    assert _influxdb_legacy.not_all_migrated(later({**MIGRATED, "old_shards": []})) == ""
    assert _influxdb_legacy.not_all_migrated(later(HALF)).startswith(LEFT + ". What to do: have them migrated")


# The way back

LATER = {"id": "influxdb_legacy_later-0.8.3-0.8.8", "source": "0.8.3", "target": "0.8.8"}
COPIES = {"keep": [{"path": RAFT, "existed": True}, {"path": OLD, "existed": True}]}


def counted(rows: Any) -> dict[str, Any]:
    return {"fingerprint": {"totals": {"rows": rows}}}


def lost(change: dict[str, Any] | None = None, **changes: Any) -> list[dict[str, str]]:
    seen = {"first": True, "copied": COPIES, "closed": False, "old_shards": 2, "since": counted(0), **changes}
    return _influxdb_legacy.lost_on_the_way_back(later(), change or NOTE, seen)


def test_a_way_back_that_loses_nothing_needs_no_question() -> None:
    assert lost() == [] and lost(LATER) == []


@pytest.mark.parametrize(
    ("since", "told"),
    [
        (counted(1234567), "since the upgrade, and the server has 1,234,567"),
        (counted(blanked("1234", {"rows": 12345})["rows"]), "since the upgrade, and the server has ********"),
        (REFUSED, "Nobody can tell which points were written"),
        ({"skipped": True}, "Nobody can tell which points were written"),
    ],
)
def test_points_that_the_way_back_loses_have_to_be_accepted(since: dict[str, Any], told: str) -> None:
    [found] = lost(since=since)
    assert ids([found]) == [("writes-since", "blocker")] and told in found["message"]


@pytest.mark.parametrize("changes", [{"first": False}, {"copied": {}}, {"closed": True}])
def test_points_are_told_once_and_only_where_clients_were_let_in(changes: dict[str, Any]) -> None:
    assert lost(since=counted(5), **changes) == []


def kept_shards(*paths: str, existed: bool = True) -> dict[str, Any]:
    return {"keep": [{"path": path, "existed": existed} for path in paths]}


@pytest.mark.parametrize(
    ("change", "copied", "old_shards", "gone"),
    [
        (NOTE, kept_shards(RAFT, NEW), 0, True),
        (NOTE, kept_shards(RAFT, OLD, existed=False), 0, True),
        (NOTE, {"files": []}, 0, True),
        (NOTE, {"files": []}, "0", True),
        (NOTE, kept_shards(RAFT, OLD), 0, False),
        (NOTE, kept_shards(RAFT, NEW), 2, False),
        (LATER, kept_shards(RAFT, NEW), 0, False),
    ],
)
def test_without_the_old_shards_and_a_copy_of_them_nothing_leads_back(
    change: dict[str, Any], copied: dict[str, Any], old_shards: Any, gone: bool
) -> None:
    found = lost(change, copied=copied, old_shards=old_shards, first=False)
    assert ids(found) == ([("old-shards-gone", "error")] if gone else [])


# What the report says


@pytest.mark.parametrize(("stopped", "downtime"), [(100.0, 12.35), (0, None), (0.0, None)])
def test_the_clients_are_out_from_the_stop_until_they_are_let_in(stopped: float, downtime: float | None) -> None:
    swap = {"outcome": "swapped", "downtime": 3.0, "notes": ["one"]}
    assert _influxdb_legacy.timed(swap, stopped, 112.3456) == {**swap, "downtime": downtime}
    assert swap["downtime"] == 3.0


def compared(level: str = "points", count: int = 0, new: tuple[str, ...] = (), **totals: Any) -> dict[str, Any]:
    before = {"level": level, "totals": {"rows": 26540, "series": 4, "databases": 2, **totals}}
    result = {
        "fingerprint": {"totals": {"databases": 2}},
        "difference_count": count,
        "differences": ["x"] * count,
        "additions": list(new),
    }
    return _influxdb_legacy.compared(before, result)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "all 26,540 points of 4 series in 2 databases are there"),
        ({"databases": 1}, "all 26,540 points of 4 series in 1 database are there"),
        ({"level": "metadata"}, "all 2 databases are there"),
        ({"level": "metadata", "new": ("User a",)}, "all 2 databases are there (new since then: User a)"),
        ({"level": "metadata", "new": tuple("abcd")}, "all 2 databases are there (new since then: a, b, c and 1 more)"),
        ({"count": 1}, "1 difference"),
        ({"count": 3, "new": ("User a",)}, "3 differences"),
        (
            {"rows": blanked("65", {"rows": 26540})["rows"]},
            "all ******** points of 4 series in 2 databases are there",
        ),
    ],
)
def test_the_comparison_is_told_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    assert compared(**changes)["sentence"] == sentence


def test_the_report_has_both_totals_and_what_differs() -> None:
    found = compared("metadata", 2, rows=0)
    assert found["before"] == {"rows": 0, "series": 4, "databases": 2}
    assert (found["level"], found["after"], found["differences"]) == ("metadata", {"databases": 2}, ["x", "x"])


def test_the_role_reaches_every_function() -> None:
    public = {
        name
        for name, value in vars(_influxdb_legacy).items()
        if callable(value) and not name.startswith("_") and value.__module__ == _influxdb_legacy.__name__
    }
    assert public <= set(FUNCTIONS["_influxdb_legacy"])
