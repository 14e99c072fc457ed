# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._service import (
    State,
    Systemd,
    Sysv,
    failure,
    manager,
    systemd_state,
    sysv_state,
)

UP, DOWN = State(True, False, False, 7), State(False, False, False, 0)
FAILED, AGAIN = State(False, True, False, 0), State(False, False, True, 0)


@pytest.mark.parametrize(
    "states,reason",
    [
        ([UP], ""),
        ([UP, UP, UP], ""),
        ([State(True, False, False, 0), UP], ""),
        ([FAILED], "the service failed"),
        ([UP, FAILED], "the service failed"),
        ([UP, DOWN], "the service ended"),
        ([UP, AGAIN], ""),
        ([UP, AGAIN, UP._replace(pid=8)], "the service crashes and is restarted again and again"),
        ([AGAIN, AGAIN], "the service crashes and is restarted again and again"),
        ([UP, UP._replace(pid=8)], ""),
        ([UP, UP._replace(pid=8), UP._replace(pid=9)], "the service crashes and is restarted again and again"),
    ],
)
def test_failure(states, reason):
    assert failure(states) == reason


@pytest.mark.parametrize(
    "active,sub,pid,state",
    [
        ("active", "running", "7", UP),
        ("active", "exited", "0", State(True, False, False, 0)),
        ("activating", "start", "7", UP),
        ("activating", "auto-restart", "0", AGAIN),
        ("reloading", "reload", "7", UP),
        ("inactive", "dead", "0", DOWN),
        ("failed", "failed", "", FAILED),
        ("deactivating", "stop-sigterm", "7", State(False, False, False, 7)),
    ],
)
def test_systemd_state(active, sub, pid, state):
    assert systemd_state({"ActiveState": active, "SubState": sub, "MainPID": pid}) == state


def test_systemd_state_of_nothing():
    assert systemd_state({}) == DOWN


@pytest.mark.parametrize(
    "rc,out,running",
    [
        (0, "influxdb process is running [ OK ]\n", True),
        (1, "influxdb process is not running [ FAILED ]\n", False),
        (3, "influxdb process is not running [ FAILED ]\n", False),
        (0, "influxdb start/running, process 1234\n", True),
        (0, "influxdb stop/waiting\n", False),
    ],
)
def test_sysv_state(rc, out, running):
    assert sysv_state(Result(rc, out, "")) == State(running, False, False, 0)


class Programs(object):
    """Answers for programs by their arguments; remembers what was started."""

    def __init__(self, answers=None, code=0):
        self.answers = answers or {}
        self.code = code
        self.started = []

    def run(self, argv):
        self.started.append(" ".join(argv))
        return self.answers.get(" ".join(argv), Result(0, "", ""))

    def launch(self, argv):
        self.started.append(" ".join(argv))
        return "job"

    def finish(self, job, _limit):
        assert job == "job"
        return self.code


def service(kind, programs):
    return kind("influxdb", programs.launch, programs.finish, programs.run)


def test_systemd_asks_for_what_it_needs():
    shown = Result(0, "ActiveState=active\nSubState=running\nMainPID=7\n", "")
    programs = Programs({"systemctl show -p ActiveState -p SubState -p MainPID influxdb": shown})
    assert service(Systemd, programs).state() == UP


@pytest.mark.parametrize("word,enabled", [("enabled", True), ("disabled", False), ("static", None), ("", None)])
def test_systemd_enabled(word, enabled):
    assert service(Systemd, Programs({"systemctl is-enabled influxdb": Result(1, word + "\n", "")})).enabled() is enabled


def test_systemd_forgets_crashes_before_a_start():
    programs = Programs()
    service(Systemd, programs).reload()
    assert programs.started == ["systemctl daemon-reload", "systemctl reset-failed influxdb"]


def test_systemd_reload_that_fails():
    with pytest.raises(FleetError) as caught:
        service(Systemd, Programs({"systemctl daemon-reload": Result(1, "", "no such bus")})).reload()
    assert "no such bus" in str(caught.value)


def test_systemd_last_lines_are_the_services_own():
    lines = "".join("line {0}\n".format(number) for number in range(30))
    argv = "journalctl --no-pager -o cat --since @12 _SYSTEMD_UNIT=influxdb.service"
    found = service(Systemd, Programs({argv: Result(0, "-- Logs begin --\n\n" + lines, "")})).last_lines(12.9)
    assert found == ["line {0}".format(number) for number in range(20, 30)]


@pytest.mark.parametrize(
    "kind,start,stop",
    [
        (Systemd, "systemctl start influxdb", "systemctl stop influxdb"),
        (Sysv, "service influxdb start", "service influxdb stop"),
    ],
)
def test_start_does_not_wait_and_stop_does(kind, start, stop):
    programs = Programs({"service influxdb status": Result(3, "", "")})
    assert service(kind, programs).start() == "job"
    service(kind, programs).stop()
    assert programs.started[:2] == [start, stop]


@pytest.mark.parametrize("code,words", [(None, "did not stop within"), (5, "exit code 5")])
def test_a_stop_that_fails(code, words):
    with pytest.raises(FleetError) as caught:
        service(Systemd, Programs(code=code)).stop()
    assert words in str(caught.value)


def test_upstart_cannot_stop_what_is_stopped_and_that_is_well():
    service(Sysv, Programs({"service influxdb status": Result(0, "influxdb stop/waiting\n", "")}, code=1)).stop()


def test_a_sysv_stop_that_leaves_it_running():
    with pytest.raises(FleetError):
        service(Sysv, Programs({"service influxdb status": Result(0, "running", "")}, code=1)).stop()


@pytest.mark.parametrize(
    "shown,called", [("SourcePath=/etc/init.d/influxdb", ["/etc/init.d/influxdb stop"]), ("SourcePath=", []), ("", [])]
)
def test_a_unit_made_of_a_script_is_stopped_by_the_script(shown, called):
    programs = Programs({"systemctl show -p SourcePath influxdb": Result(0, shown + "\n", "")})
    service(Systemd, programs).stop_by_script()
    assert programs.started[1:] == called


def test_a_process_is_moved_out_of_the_login_session():
    programs = Programs()
    service(Systemd, programs).adopt(42)
    assert "StartTransientUnit ssa(sv)a(sa(sv)) dbfleet-swap-42.scope fail 1 PIDs au 1 42 0" in programs.started[0]


def test_the_manager_of_this_node(tmp_path):
    assert isinstance(manager("x", None, None, systemd=str(tmp_path)), Systemd)
    assert isinstance(manager("x", None, None, systemd=str(tmp_path / "none")), Sysv)
