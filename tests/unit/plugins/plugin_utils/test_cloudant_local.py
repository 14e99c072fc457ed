# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _cloudant_local

URL = "http://lb1/_haproxy"
EL6 = {"ansible_os_family": "RedHat", "ansible_distribution": "CentOS", "ansible_distribution_major_version": "6"}
OFFER = {"manager": "installer", "name": "cloudant", "system": "el6"}


def page(*servers: dict[str, Any]) -> dict[str, Any]:
    common = {"address": None, "check_code": 200, "out": False, "up": True, "status": "UP", "requests": 0}
    return {"item": {"stats_url": URL}, "backends": [{"servers": [{**common, **server} for server in servers]}]}


def ids(findings: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(one["id"], one["severity"]) for one in findings]


def test_an_erlang_name_is_read_from_vm_args() -> None:
    text = "# -name old@host\n-setcookie secret\n-name cloudant@db1.example.com\n"
    read = {"content": base64.b64encode(text.encode()).decode()}
    short = {"content": base64.b64encode(b"-sname cloudant\n").decode()}
    gone = {"msg": "no such file"}
    assert _cloudant_local.erlang_names([read, gone, short], {}) == ["cloudant@db1.example.com", "", ""]
    assert _cloudant_local.erlang_names([gone, gone], {}) == ["", ""]
    assert _cloudant_local.erlang_names([gone, gone], {"node": "cloudant@db1.lan"}) == ["cloudant@db1.lan", ""]


OUT = {"name": "db1.lan", "out": True, "up": False, "status": "NOLB", "check_code": 404}


@pytest.mark.parametrize(
    ("seen", "state", "words"),
    [
        (page(OUT, {"name": "db2.lan"}), "enabled", ""),
        (
            page({"name": "db1.lan"}, {"name": "db2.lan"}),
            "enabled",
            "shows db1.lan as UP (check 200). Expected: no requests for it",
        ),
        (page({"name": "db1.lan"}), "disabled", ""),
        (page(OUT), "disabled", "shows db1.lan as NOLB (check 404). Expected: UP"),
        (page({**OUT, "name": "s1", "address": "10.0.0.1:5984"}), "enabled", ""),
        (page({"name": "db2.lan"}), "enabled", "shows 0 servers of the node, among: db2.lan. Expected: one"),
        (page(OUT, {"name": "s1", "address": "10.0.0.1:5984"}), "enabled", "shows 2 servers of the node"),
        ({"item": {"stats_url": URL}, "msg": "401"}, "enabled", "cannot be asked: 401"),
    ],
)
def test_a_balancer_shows_the_state_or_what_else(seen: dict[str, Any], state: str, words: str) -> None:
    said = _cloudant_local.not_shown(seen, ["db1.lan", "10.0.0.1"], state)
    assert said.startswith(URL) and words in said if words else said == ""


def test_an_upgrade_under_traffic_is_refused() -> None:
    quiet = [page({"name": "db1.lan", "requests": 7})]
    busy = [page({"name": "db1.lan", "requests": 9})]
    assert ids(_cloudant_local.of_traffic(quiet, quiet, False)) == [("traffic-not-off", "error")]
    assert _cloudant_local.of_traffic(quiet, quiet, True) == []
    assert _cloudant_local.of_traffic([], [], True) == []
    found = _cloudant_local.of_traffic(quiet, busy, True)
    assert ids(found) == [("traffic", "error")] and f"{URL} shows 2 requests" in found[0]["message"]
    blind = [{"item": {"stats_url": URL}, "msg": "401"}]
    assert ids(_cloudant_local.of_traffic(quiet, blind, True)) == [("traffic-unseen", "error")]
    assert ids(_cloudant_local.of_traffic(blind, quiet, True)) == [("traffic-unseen", "error")]
    # A balancer that was restarted counts from the beginning.
    assert _cloudant_local.of_traffic(busy, quiet, True) == []


@pytest.mark.parametrize(
    ("offer", "package", "system", "expected"),
    [
        (OFFER, {"sha256": "ab"}, EL6, []),
        (OFFER, {}, EL6, [("package-unproved", "warning")]),
        (OFFER, {"sha256": "ab"}, {**EL6, "ansible_distribution_major_version": "7"}, [("package-system", "blocker")]),
        (
            {**OFFER, "system": "ubuntu14.04"},
            {"sha256": "ab"},
            {
                "ansible_os_family": "Debian",
                "ansible_distribution": "Ubuntu",
                "ansible_distribution_major_version": "14",
            },
            [],
        ),
        ({"manager": "dpkg", "name": "couchdb"}, {}, EL6, [("package-product", "error")]),
        ({}, "", EL6, [("package-product", "error")]),
    ],
)
def test_the_installer_has_to_fit_the_node(
    offer: dict[str, Any], package: Any, system: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert ids(_cloudant_local.of_installer(offer, package, system)) == expected


def test_there_is_no_way_back() -> None:
    [found] = _cloudant_local.one_way({"version": "1.1.0"})
    assert (found["id"], found["severity"]) == ("one-way", "error") and "1.1.0" in found["message"]


@pytest.mark.parametrize(
    ("journal", "begun"),
    [
        ({"id": "a", "steps": {"uninstall": "began"}}, True),
        ({"id": "a", "steps": {"uninstall": "ended", "install": "ended", "configure": "ended"}}, True),
        ({"id": "b", "steps": {"uninstall": "began"}}, False),
        ({"id": "a", "steps": {}}, False),
    ],
)
def test_nothing_leads_back_once_the_old_release_is_uninstalled(journal: dict[str, Any], begun: bool) -> None:
    read = {"content": base64.b64encode(json.dumps(journal).encode()).decode()}
    assert _cloudant_local.cut_off({"id": "a"}, read) == {"id": "a", "one_way": begun}
    assert _cloudant_local.cut_off({"id": "a"}, {"msg": "no such file"}) == {"id": "a", "one_way": False}
    assert _cloudant_local.cut_off({}, read) == {}


def test_copies_that_did_not_catch_up_are_named() -> None:
    behind = {"database": "metrics", "range": "0-7", "source": "a", "target": "b", "at": 3, "wanted": 5}
    seen = {"pairs": {"done": 1, "total": 2}, "behind": [behind], "differing_maps": ["new"], "jobs": {"a": 0}}
    said = _cloudant_local.not_in_sync(seen, 60)
    assert "After 60 s, 1 of 2 pairs" in said and "metrics 0-7 from a to b at 3 of 5" in said and "only: new" in said
    assert _cloudant_local.not_in_sync({"msg": "a member is away", "reason": "members"}, 60) == "a member is away"
