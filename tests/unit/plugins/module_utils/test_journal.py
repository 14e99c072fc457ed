# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import fcntl
import json
import os
import stat
import time

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _journal


def test_lines_are_appended_and_read_back(tmp_path):
    path = str(tmp_path / "journal.jsonl")
    for number in range(3):
        _journal.append(path, {"n": number})
    assert _journal.read_journal(path) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_no_journal_has_no_lines(tmp_path):
    assert _journal.read_journal(str(tmp_path / "journal.jsonl")) == []


@pytest.mark.parametrize("torn", [b'{"n": 1, "det', b"\xff\xfe", b"[1, 2]", b"null"])
def test_a_torn_line_is_ended_and_passed_over(tmp_path, torn):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"n": 0}\n' + torn)
    assert _journal.read_journal(str(path)) == [{"n": 0}]
    _journal.append(str(path), {"n": 2})
    assert path.read_bytes() == b'{"n": 0}\n' + torn + b"\n" + b'{"n": 2}\n'
    assert _journal.read_journal(str(path)) == [{"n": 0}, {"n": 2}]


def test_many_writers_do_not_mix_their_lines(tmp_path):
    path = str(tmp_path / "journal.jsonl")
    children = []
    for writer in range(4):
        child = os.fork()
        if not child:
            for number in range(50):
                _journal.append(path, {"writer": writer, "n": number, "data": "x" * 9000})
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    lines = _journal.read_journal(path)
    assert len(lines) == 200
    assert [line["n"] for line in lines if line["writer"] == 2] == list(range(50))


def test_a_writer_waits_for_the_one_before(tmp_path):
    path = str(tmp_path / "journal.jsonl")
    with open(path, "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        child = os.fork()
        if not child:
            stream.close()
            _journal.append(path, {"n": 1})
            os._exit(0)
        time.sleep(0.2)
        assert os.path.getsize(path) == 0
        fcntl.flock(stream, fcntl.LOCK_UN)
    assert os.waitpid(child, 0)[1] == 0
    assert _journal.read_journal(path) == [{"n": 1}]


@pytest.mark.parametrize(
    "state, event, status",
    [
        ("started", "started", None),
        ("ok", "ended", "ok"),
        ("failed", "ended", "failed"),
        ("skipped", "ended", "skipped"),
        ("note", "note", None),
    ],
)
def test_entry_names_event_and_status(state, event, status):
    line = _journal.entry("r1", "backup", state, "text", {}, 12.34567)
    assert line == {
        "time": 12.346,
        "run_id": "r1",
        "event": event,
        "phase": "backup",
        "status": status,
        "detail": "text",
        "data": {},
    }


def test_secrets_are_masked_at_any_depth():
    data = {"a": [{"Password": "x", "n": 1}], "my_secret_key": {"b": 2}, "api-token": None, "key": "kept"}
    masked = _journal.mask_secrets(data)
    assert masked == {"a": [{"Password": "***", "n": 1}], "my_secret_key": "***", "api-token": "***", "key": "kept"}
    assert data["a"][0]["Password"] == "x"
    assert json.dumps(_journal.entry("r", "p", "note", "", data, 0)["data"], sort_keys=True) == json.dumps(masked, sort_keys=True)
