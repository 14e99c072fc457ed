# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import fcntl
import os
import stat

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _lock
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError


def claim(run_id="r1", target="1.4.3", pid=7):
    controller = {"host": "ctl", "boot_id": "b", "namespace": "n", "pid": pid, "pid_started": "99"}
    return {"run_id": run_id, "target": target, "path": "influxdb", "controller": controller, "user": "alice"}


def refused(folder, wanted, *args, **options):
    before = _lock.read(folder)
    with pytest.raises(FleetError) as caught:
        _lock.hold(folder, wanted, *args, **options)
    assert _lock.read(folder) == before
    return caught.value


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "a" / "state")


def test_a_free_node_is_locked(folder):
    result = _lock.hold(folder, claim(), 100.0)
    assert (result["changed"], result["resumed"], result["former"]) == (True, False, None)
    assert _lock.read(folder) == dict(claim(), acquired=100.0, renewed=100.0) == result["lock"]
    assert os.listdir(folder) == ["lock"]
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(os.path.dirname(folder)).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(os.path.join(folder, "lock")).st_mode) == 0o600


def test_a_state_folder_open_to_others_is_closed(tmp_path):
    os.chmod(str(tmp_path), 0o755)
    _lock.hold(str(tmp_path), claim(), 100.0)
    assert stat.S_IMODE(os.stat(str(tmp_path)).st_mode) == 0o700


def test_a_state_folder_of_another_user_is_refused(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    os.chown(str(tmp_path), 65534, 65534)
    with pytest.raises(FleetError, match="65534"):
        _lock.hold(str(tmp_path), claim(), 100.0)


def test_the_same_run_renews(folder):
    _lock.hold(folder, claim(), 100.0)
    result = _lock.hold(folder, claim(), 160.0)
    assert (result["changed"], result["resumed"]) == (False, False)
    assert (_lock.read(folder)["acquired"], _lock.read(folder)["renewed"]) == (100.0, 160.0)


@pytest.mark.parametrize("other", [claim("r2"), claim("r1", pid=8)])
def test_another_run_or_another_process_of_the_same_name_is_refused(folder, other):
    _lock.hold(folder, claim(), 100.0)
    error = refused(folder, other, 130.0)
    assert (error.facts["reason"], error.facts["held_by"]["run_id"], error.facts["age"]) == ("lock-held", "r1", 30.0)
    for part in ("run r1", "alice", "process 7 on ctl", "target 1.4.3", "1970-01-01 00:01:40 UTC"):
        assert part in str(error)


def test_a_dead_run_with_the_same_target_is_resumed(folder):
    former = _lock.hold(folder, claim(), 100.0)["lock"]
    result = _lock.hold(folder, claim("r2", pid=8), 200.0, takeover_from="r1")
    assert (result["changed"], result["resumed"], result["former"]) == (True, True, former)
    assert (_lock.read(folder)["run_id"], _lock.read(folder)["acquired"]) == ("r2", 200.0)


def test_a_takeover_from_a_run_that_no_longer_holds_it_is_refused(folder):
    _lock.hold(folder, claim("r3", pid=9), 100.0)
    assert refused(folder, claim("r2", pid=8), 200.0, takeover_from="r1").facts["held_by"]["run_id"] == "r3"


def test_a_takeover_of_a_lock_given_back_meanwhile_just_locks(folder):
    result = _lock.hold(folder, claim("r2"), 200.0, takeover_from="r1")
    assert (result["resumed"], result["former"]) == (False, None)


def test_another_target_is_refused_until_told_otherwise(folder):
    _lock.hold(folder, claim(), 100.0)
    error = refused(folder, claim("r2", "1.8.10", 8), 200.0, takeover_from="r1")
    assert error.facts["reason"] == "lock-target"
    assert "1.8.10" in str(error)
    assert "1.4.3" in str(error)
    result = _lock.hold(folder, claim("r2", "1.8.10", 8), 200.0, takeover_from="r1", break_lock=True)
    assert (result["resumed"], result["former"]["run_id"], result["lock"]["target"]) == (False, "r1", "1.8.10")


def test_recovery_keeps_the_target_of_the_dead_run(folder):
    _lock.hold(folder, claim(), 100.0)
    result = _lock.hold(folder, claim("r2", None, 8), 200.0, takeover_from="r1")
    assert (result["resumed"], result["lock"]["target"]) == (True, "1.4.3")


def test_a_journal_written_later_than_the_lock_is_a_sign_of_life(folder):
    _lock.hold(folder, claim(), 100.0)
    journal = os.path.join(folder, "journal.jsonl")
    open(journal, "w").close()
    os.utime(journal, (900, 900))
    assert refused(folder, claim("r2"), 1000.0).facts["age"] == 100.0
    assert refused(folder, claim("r2"), 800.0).facts["age"] == 0.0


@pytest.mark.parametrize("text", [b"", b'{"run_id": "r', b"[]", b"{}"])
def test_what_cannot_be_read_is_held_by_a_run_without_name(folder, text):
    _lock.private_dir(folder)
    with open(os.path.join(folder, "lock"), "wb") as stream:
        stream.write(text)
    assert refused(folder, claim(), 100.0).facts["held_by"] == {"run_id": "", "unreadable": True}
    assert _lock.hold(folder, claim(), 100.0, takeover_from="", break_lock=True)["changed"]


def test_check_mode_answers_alike_and_has_no_effect(folder):
    assert _lock.hold(folder, claim(), 100.0, check_mode=True)["changed"]
    assert not os.path.exists(os.path.dirname(folder))
    _lock.hold(folder, claim(), 100.0)
    assert refused(folder, claim("r2"), 130.0, check_mode=True).facts["reason"] == "lock-held"
    assert _lock.hold(folder, claim("r2"), 130.0, takeover_from="r1", check_mode=True)["resumed"]
    assert _lock.read(folder)["run_id"] == "r1"


def test_only_the_holder_gives_it_back(folder):
    assert _lock.free(folder, claim())["changed"] is False
    assert not os.path.exists(folder)
    _lock.hold(folder, claim(), 100.0)
    for other in (claim("r2"), claim("r1", pid=8)):
        result = _lock.free(folder, other)
        assert (result["changed"], result["lock"]["run_id"], result["former"]) == (False, "r1", None)
    assert _lock.free(folder, claim(), check_mode=True)["changed"]
    assert _lock.read(folder) is not None
    result = _lock.free(folder, claim())
    assert (result["changed"], result["lock"], result["former"]["run_id"]) == (True, None, "r1")
    assert _lock.read(folder) is None


def test_of_many_at_once_one_wins(folder):
    os.makedirs(folder, 0o700)
    children = []
    for number in range(12):
        child = os.fork()
        if not child:
            try:
                _lock.hold(folder, claim("r" + str(number), pid=number), 100.0)
            except FleetError:
                os._exit(1)
            os._exit(0)
        children.append(child)
    codes = [os.WEXITSTATUS(os.waitpid(child, 0)[1]) for child in children]
    assert sorted(codes) == [0] + [1] * 11
    assert _lock.read(folder)["run_id"] == "r" + str(codes.index(0))


def test_a_stuck_guard_is_reported(folder):
    os.makedirs(folder, 0o700)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    ticks = iter([0.0, 5.0, 11.0])
    with pytest.raises(FleetError, match="busy"):
        _lock._guard(folder, lambda: next(ticks), lambda seconds: None)
    os.close(descriptor)
