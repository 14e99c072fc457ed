# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import signal
import stat
import subprocess
import sys

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _cloudant_host
from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_host import Host, check_program, owner_of, read
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_process import Processes
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import write_json


def mode(path):
    return stat.S_IMODE(os.stat(str(path)).st_mode)


@pytest.fixture
def host(tmp_path):
    return Host(str(tmp_path), 30, proc=str(tmp_path / "proc"))


def test_a_command_has_no_input_and_what_it_prints_is_kept_private(host, tmp_path):
    assert host.execute(["sh", "-c", "cat; echo one; echo two >&2; exit 3"]) == Result(3, "one\ntwo\n", "")
    assert host.execute(["sh", "-c", "echo three"]).out == "three\n"
    assert read(host.log.path) == "one\ntwo\nthree\n"
    assert mode(host.log.path) == 0o600
    assert not (tmp_path / "cloudant_install.running").exists()


def test_a_missing_program_is_an_answer(host):
    result = host.execute(["/no/such/program"])
    assert result.rc != 0
    assert "/no/such/program" in result.out


def test_a_command_outlives_the_session_of_the_caller(host):
    code = "import os; print(os.getsid(0) == os.getpid(), os.getppid())"
    assert host.execute([sys.executable, "-c", code]).out.strip("()\n").replace(",", "") == "True {0}".format(os.getpid())


def test_a_command_that_does_not_end_goes_on_and_is_waited_for(tmp_path):
    host = Host(str(tmp_path), 1)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ticks = Processes().process(process.pid).ticks
    write_json(str(tmp_path / "cloudant_install.running"), {"pid": process.pid, "ticks": ticks, "command": ["cast", "x"]})
    slept = []
    host.sleep = slept.append
    with pytest.raises(FleetError, match="cast x has not ended") as caught:
        host.wait_for_former()
    assert caught.value.facts["reason"] == "busy"
    host.sleep = lambda seconds: process.communicate(b"\n")
    host.wait_for_former()
    assert len(slept) == 2


def test_the_running_command_is_written_down(host, tmp_path, monkeypatch):
    monkeypatch.setattr(_cloudant_host, "finish", lambda process, limit: None if process.wait() == 0 else 1)
    with pytest.raises(FleetError, match="true has not ended in 30 s; it goes on") as caught:
        host.execute(["true"])
    assert caught.value.facts["reason"] == "busy"
    assert '"command": ["true"]' in (tmp_path / "cloudant_install.running").read_text()


def test_another_process_with_the_number_of_a_former_command_is_none(host, tmp_path):
    write_json(str(tmp_path / "cloudant_install.running"), {"pid": os.getpid(), "ticks": 1, "command": ["cast"]})
    host.wait_for_former()


def test_a_file_is_written_whole_with_owner_and_mode(host, tmp_path):
    path = tmp_path / "sub" / "local.ini"
    os.chmod(str(tmp_path), 0o750)
    host.write(str(path), "text", (os.getuid(), os.getgid(), 0o640))
    assert (path.read_text(), mode(path), mode(tmp_path / "sub")) == ("text", 0o640, 0o750)
    host.write(str(path), "private")
    assert (path.read_text(), mode(path)) == ("private", 0o600)


def test_a_write_that_is_cut_off_leaves_the_former_file(host, tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"former")
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", lambda source, dest: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            host.write(str(path), "new")
    assert path.read_bytes() == b"former"
    host.write(str(path), "new")
    assert path.read_bytes() == b"new"
    assert os.listdir(str(tmp_path)) == ["a"]


def test_a_link_is_followed_and_stays(host, tmp_path):
    (tmp_path / "file").write_bytes(b"former")
    os.symlink("file", str(tmp_path / "link"))
    host.write(str(tmp_path / "link"), "new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert os.readlink(str(tmp_path / "link")) == "file"


def status(tmp_path, pid, real, effective, state="S"):
    folder = tmp_path / "proc" / str(pid)
    folder.mkdir(parents=True)
    (folder / "status").write_bytes(
        "Name:\tx\nState:\t{0} (x)\nUid:\t{1}\t{2}\t0\t0\n".format(state, real, effective).encode("ascii")
    )


def test_the_processes_of_a_user(host, tmp_path):
    uid = os.stat("/").st_uid
    for pid, ids in ((5, (uid, 77)), (6, (77, uid)), (7, (77, 77))):
        status(tmp_path, pid, *ids)
    status(tmp_path, 8, uid, uid, "Z")
    (tmp_path / "proc" / "self").mkdir()
    (tmp_path / "proc" / "9").mkdir()
    assert host.processes("root") == [5, 6]
    assert host.processes("no-such-user") == []


class Stubborn(Host):
    """A host with processes that end by a signal, or by none."""

    def __init__(self, tmp_path, ends_by):
        self.slept = []
        super(Stubborn, self).__init__(str(tmp_path), 30, sleep=self.slept.append)
        self.sent = []
        self.left = dict(ends_by)

    def processes(self, user):
        return sorted(self.left)

    def signal(self, pid, number):
        self.sent.append((pid, number))
        if self.left[pid] == number:
            del self.left[pid]


@pytest.mark.parametrize(
    "ends_by, sent, left, seconds",
    [
        ({}, [], [], 0),
        ({1: signal.SIGTERM, 2: signal.SIGTERM}, [(1, 15), (2, 15)], [], 0),
        ({1: signal.SIGTERM, 2: signal.SIGKILL}, [(1, 15), (2, 15), (2, 9)], [], 10),
        ({1: None}, [(1, 15), (1, 9)], [1], 20),
    ],
)
def test_processes_are_asked_and_then_forced_to_end(tmp_path, ends_by, sent, left, seconds):
    host = Stubborn(tmp_path, ends_by)
    assert host.end("cloudant") == left
    assert host.sent == sent
    assert sum(host.slept) == seconds


def test_a_process_that_is_gone_needs_no_signal(host):
    process = subprocess.Popen(["true"])
    process.wait()
    host.signal(process.pid, 0)


@pytest.mark.parametrize(
    "content, complaint",
    [(None, "There is no file"), (b"<html>", "is no program"), (b"", "is no program"), (b"#!/bin/sh\n", None), (b"\x7fELF..", None)],
)
def test_an_installer_is_a_program(tmp_path, content, complaint):
    path = tmp_path / "installer.bin"
    if content is not None:
        path.write_bytes(content)
    if complaint is None:
        check_program(str(path))
        return
    with pytest.raises(FleetError, match=complaint) as caught:
        check_program(str(path))
    assert caught.value.facts["reason"] == "installer"


def test_an_installer_where_nothing_can_be_run_is_refused(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"#!")
    monkeypatch.setattr(os, "statvfs", lambda path: type("Found", (), {"f_flag": 9}))
    with pytest.raises(FleetError, match="noexec"):
        check_program(str(tmp_path / "x"))


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "local.ini").write_bytes(b"; gr\xfc\xdfe")
    with pytest.raises(FleetError, match="UTF-8") as caught:
        read(str(tmp_path / "local.ini"))
    assert caught.value.facts["reason"] == "config"


def test_owner_and_executable(host, tmp_path):
    (tmp_path / "x").write_bytes(b"")
    os.chmod(str(tmp_path / "x"), 0o640)
    host.make_executable(str(tmp_path / "x"))
    assert owner_of(str(tmp_path / "x")) == (os.getuid(), os.getgid(), 0o740)


def test_the_hosts_name_is_what_cast_asks_for(tmp_path):
    asked = []
    host = Host(str(tmp_path), 1, query=lambda argv: asked.append(argv) or Result(0, "db1.example.com\n", ""))
    assert host.hostname() == "db1.example.com"
    assert asked == [["hostname", "-f"]]
