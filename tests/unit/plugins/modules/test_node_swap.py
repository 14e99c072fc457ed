# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_node import node_from, probes_from, request_from
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import wanted_properties
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Log
from ansible_collections.dbfleet.upgrade.plugins.modules import node_swap

PACKAGE = {"path": "/stage/influxdb.deb", "name": "influxdb", "version": "1.4.3-1", "sha256": None}
READY = {"url": "http://127.0.0.1:8086/ping", "version": "1.4.3", "header": "X-Influxdb-Version", "timeout": 5.0}
FILE = {"src": "/stage/a", "dest": "/etc/a", "owner": None, "group": None, "mode": None}


def parameters(**changes):
    values = {"id": "influxdb-1.3.9-1.4.3", "state": "swapped", "run": "r", "package": PACKAGE, "rollback_package": None}
    values.update(files=[], keep=[], metastore=None, shards=None, rollback="auto", stop_first=False, serving=True, put_back="if_needed")
    values.update(service="influxdb", ready=READY, rollback_ready=None)
    values.update(changes)
    return values


@pytest.mark.parametrize("swap_id", ["", ".", "..", "a/b", "../x", "-x", "a b", "a\n"])
def test_an_id_that_is_no_folder_is_refused(swap_id):
    with pytest.raises(FleetError):
        request_from(parameters(id=swap_id))


def test_the_request():
    request = request_from(parameters(files=[dict(FILE, owner="0", group="0", mode="0640")]))
    assert request.package.version == "1.4.3-1" and request.rollback_package is None
    assert (request.files[0].uid, request.files[0].gid, request.files[0].mode) == (0, 0, 0o640)


@pytest.mark.parametrize(
    "change,words",
    [({"owner": "no such user"}, "no user"), ({"group": "no such group"}, "no group"), ({"mode": "u=rw"}, "octal")],
)
def test_files_that_cannot_be_made_are_refused(change, words):
    with pytest.raises(FleetError) as caught:
        request_from(parameters(files=[dict(FILE, **change)]))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "change,former,wanted",
    [
        ({}, {"uid": 5, "gid": 6, "mode": 0o600}, (5, 6, 0o600)),
        ({}, {}, (os.geteuid(), os.getegid(), 0o644)),
        ({"owner": "0", "group": "7", "mode": "640"}, {"uid": 5, "gid": 6, "mode": 0o600}, (0, 7, 0o640)),
    ],
)
def test_owner_and_mode(change, former, wanted):
    spec = request_from(parameters(files=[dict(FILE, **change)])).files[0]
    found = wanted_properties(spec, former)
    assert (found["uid"], found["gid"], found["mode"]) == wanted


def test_the_old_release_is_asked_at_the_same_place_unless_told_otherwise():
    new, old = probes_from(READY, None)
    assert (new.version, old.version, old.url) == ("1.4.3", "", new.url)
    assert probes_from(READY, dict(READY, version="1.3.9"))[1].version == "1.3.9"


def test_programs_that_install_leave_their_words_in_the_log(tmp_path):
    log = Log(str(tmp_path / "log"))
    with open(log.path, "w") as earlier:
        earlier.write("earlier\n")
    node = node_from(parameters(), log)
    code, text = node.packages._install(["sh", "-c", "echo unpacking; exit 4"])
    assert (code, text) == (4, "unpacking\n")
    assert log.tail(0) == ["earlier", "unpacking"]


def test_each_call_without_a_run_is_a_run_of_its_own(tmp_path, monkeypatch):
    runs = []

    def note(request, node, store, spawn):
        runs.append(request.run)
        raise FleetError("seen")

    monkeypatch.setattr(node_swap, "Call", note)
    for _call in range(2):
        with pytest.raises(FleetError):
            node_swap.swap(parameters(run=None, state_dir=str(tmp_path), wait=1.0), False)
    assert runs[0] != runs[1] and all(runs)


def test_a_failed_swap_fails_and_still_tells_everything(tmp_path, monkeypatch):
    class Failed(object):
        def __init__(self, *_arguments):
            pass

        def perform(self, _wait):
            return {"outcome": "failed", "error": "It stands there.", "finished": True, "changed": True}

    monkeypatch.setattr(node_swap, "Call", Failed)
    with pytest.raises(FleetError) as caught:
        node_swap.swap(parameters(state_dir=str(tmp_path), wait=1.0), False)
    assert str(caught.value) == "It stands there." and caught.value.facts["finished"] is True
