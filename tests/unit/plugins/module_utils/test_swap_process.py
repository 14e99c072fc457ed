# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import socket
import subprocess
import sys
import time

import pytest
from ansible.module_utils.common.text.converters import to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_process import Processes, finish, launch, listening
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_run import detach
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Lock, Log, read_json, write_json

TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F96 00000000:0000 0A 00000000:00000000 00:00000000 00000000   105        0 12345 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F98 00000000:0000 0A 00000000:00000000 00:00000000 00000000   105        0 12346 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F96 0100007F:C350 01 00000000:00000000 00:00000000 00000000   105        0 12347 1 0000000000000000 20 4 30 10 -1
"""


@pytest.mark.parametrize("port,sockets", [(8086, {"socket:[12345]"}), (8088, {"socket:[12346]"}), (80, set())])
def test_listening(port, sockets):
    assert listening(TABLE, port) == sockets


def wait_for(condition):
    deadline = time.time() + 10
    while not condition():
        assert time.time() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="reads /proc of Linux")
class TestProcesses(object):
    def test_the_one_that_listens_is_found(self):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        found = Processes().serving(listener.getsockname()[1])
        listener.close()
        assert found.pid == os.getpid() and not found.replaced
        assert 0 < time.time() - found.started < 7 * 86400

    def test_nobody_listens(self):
        assert Processes().serving(1) is None

    def test_alive_until_it_ended(self):
        child = subprocess.Popen(["sleep", "60"])
        process = Processes().process(child.pid)
        assert Processes().alive(process)
        assert abs(process.started - time.time()) < 2
        assert not Processes().alive(process._replace(ticks=process.ticks + 1))
        child.kill()
        wait_for(lambda: not Processes().alive(process))
        child.wait()
        assert Processes().process(child.pid) is None

    def test_a_program_that_was_replaced_on_disk(self, tmp_path):
        program = str(tmp_path / "sleeper")
        subprocess.check_call(["cp", "/bin/sleep", program])
        child = subprocess.Popen([program, "60"])
        wait_for(lambda: os.readlink("/proc/{0}/exe".format(child.pid)) == program)
        assert Processes().process(child.pid).replaced is False
        os.unlink(program)
        assert Processes().process(child.pid).replaced is True
        child.kill()
        child.wait()


class TestPrograms(object):
    def test_output_goes_to_the_log_and_a_daemon_does_not_hold_the_caller(self, tmp_path):
        log = str(tmp_path / "log")
        job = launch(["sh", "-c", "echo said; echo complained >&2; sleep 60 & echo $! > {0}; exit 3".format(tmp_path / "pid")], log)
        assert finish(job, 10) == 3
        assert Log(log).tail(0) == ["said", "complained"]
        os.kill(int((tmp_path / "pid").read_text()), 9)

    def test_one_that_does_not_end_is_not_waited_for(self, tmp_path):
        job = launch(["sleep", "60"], str(tmp_path / "log"))
        assert finish(job, 0.05) is None
        job.kill()
        assert finish(job, 10) == -9

    def test_a_daemon_does_not_inherit_the_lock(self, tmp_path):
        lock = Lock(str(tmp_path / "lock"))
        assert lock.take({"id": "x"})
        job = launch(["sleep", "60"], str(tmp_path / "log"))
        lock.release()
        assert lock.is_free()
        job.kill()
        job.wait()


class TestLock(object):
    def test_only_one_holds_it_and_says_who(self, tmp_path):
        first, second = Lock(str(tmp_path / "lock")), Lock(str(tmp_path / "lock"))
        assert first.take({"id": "a"})
        assert not second.take({"id": "b"}) and not second.is_free()
        assert second.holder() == {"id": "a"}
        first.release()
        assert second.is_free() and second.take({"id": "b"})
        assert first.holder() == {"id": "b"}
        second.release()


class TestJson(object):
    @pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
    def test_what_cannot_be_read_is_nothing(self, tmp_path, content):
        (tmp_path / "x.json").write_bytes(content)
        assert read_json(str(tmp_path / "x.json")) == {}

    def test_text_is_the_str_of_this_python(self, tmp_path):
        path = str(tmp_path / "x.json")
        write_json(path, {u"\xfc": [u"\xfc", {"a": u"\xfc"}]})
        word = to_native(u"\xfc")
        assert read_json(path) == {word: [word, {"a": word}]}

    def test_so_is_the_text_of_a_log(self, tmp_path):
        (tmp_path / "log").write_bytes(u"\xfc\n".encode("utf-8") + b"\xff\n")
        assert Log(str(tmp_path / "log")).tail(0) == [to_native(u"\xfc"), to_native(u"\ufffd")]

    def test_written_is_read_again_by_nobody_else(self, tmp_path):
        path = str(tmp_path / "x.json")
        write_json(path, {"a": [1, None]}, durable=True)
        assert read_json(path) == {"a": [1, None]} and read_json(path + ".none") == {}
        assert os.stat(path).st_mode & 0o777 == 0o600


def test_detached_it_outlives_its_caller_and_keeps_the_lock(tmp_path):
    """In a process of its own, for this one must not be forked by accident."""
    program = """
import os, sys, time
sys.path.insert(0, {path!r})
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_run import detach
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Lock
lock = Lock("lock")
assert lock.take({{}})
folder = os.getcwd()
def work():
    print("says")
    sys.stdout.flush()
    while not os.path.exists(os.path.join(folder, "go")):
        time.sleep(0.01)
    with open(os.path.join(folder, "done"), "w") as done:
        done.write(str(os.getsid(0)))
detach(work, os.path.abspath("log"))
lock.release()
print("called")
"""
    root = detach.__globals__["__file__"].split("ansible_collections")[0]
    argv = [sys.executable, "-c", program.format(path=root)]
    called = subprocess.Popen(argv, cwd=str(tmp_path), stdout=subprocess.PIPE)
    assert called.communicate()[0].strip() == b"called"
    lock = Lock(str(tmp_path / "lock"))
    assert not lock.is_free()
    (tmp_path / "go").write_bytes(b"")
    wait_for(lock.is_free)
    assert int((tmp_path / "done").read_text()) not in (os.getsid(0), called.pid)
    assert b"says" in (tmp_path / "log").read_bytes()
