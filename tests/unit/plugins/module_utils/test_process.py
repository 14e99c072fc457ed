# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import os

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _process

STAT = "{0} (in) fluxd) S 1 {0} {0} 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 9 0 {1} 882618368 10681"


class FakeProc(object):
    """A /proc of its own, booted at 1000."""

    def __init__(self, path):
        self.path = str(path)
        (path / "stat").write_bytes(b"cpu 1 2 3\nbtime 1000\n")

    def add(self, pid, exe, args, ticks=0, environ="", cgroup="", ids=(0, 0)):
        folder = os.path.join(self.path, str(pid))
        os.mkdir(folder)
        os.symlink(exe, os.path.join(folder, "exe"))
        texts = {
            "cmdline": "\0".join(args) + "\0",
            "environ": environ,
            "cgroup": cgroup,
            "status": "Name:\tx\nUid:\t7\t{0}\t7\t7\nGid:\t7\t{1}\t7\t7\n".format(*ids),
            "stat": STAT.format(pid, ticks),
        }
        for name, text in texts.items():
            with open(os.path.join(folder, name), "w") as stream:
                stream.write(text)


@pytest.fixture
def proc(tmp_path):
    return FakeProc(tmp_path)


@pytest.mark.parametrize(
    "args, masked",
    [
        (["influxd", "-config", "/a"], ["influxd", "-config", "/a"]),
        (["influx", "-password", "hush", "-host", "h"], ["influx", "-password", "***", "-host", "h"]),
        (["influx", "--password=hush"], ["influx", "--password=***"]),
        (["x", "-http-auth-token", "t"], ["x", "-http-auth-token", "***"]),
        (["x", "-db.pass", "p", "-pass", "p"], ["x", "-db.pass", "***", "-pass", "***"]),
        (["x", "-bypass", "y"], ["x", "-bypass", "y"]),
        (["x", "-ssl-key", "/path"], ["x", "-ssl-key", "/path"]),
        (["x", "-secret", "-token", "a"], ["x", "-secret", "***", "a"]),
        (["x", "http://user:pw@h:5984/db"], ["x", "http://user:***@h:5984/db"]),
        (["x", "--url=http://user:pw@h"], ["x", "--url=http://user:***@h"]),
        (["x", "-password"], ["x", "-password"]),
    ],
)
def test_secrets_in_arguments_are_masked(args, masked):
    assert _process.mask_args(args) == masked


def test_processes_are_found_by_the_name_of_their_program(proc):
    proc.add(30, "/usr/bin/influxd", ["/usr/bin/influxd"], ticks=300)
    proc.add(20, "/usr/bin/influxd (deleted)", ["/usr/bin/influxd", "-password", "x"], ticks=200)
    proc.add(10, "/usr/bin/influx", ["influxd"], ticks=100)
    found = _process.find("influxd", proc.path)
    assert [(one["pid"], one["exe"], one["deleted"]) for one in found] == [
        (20, "/usr/bin/influxd", True),
        (30, "/usr/bin/influxd", False),
    ]
    assert found[0]["args"] == ["/usr/bin/influxd", "-password", "***"]
    assert found[0]["started"] == round(1000 + 200.0 / os.sysconf("SC_CLK_TCK"), 2)


@pytest.mark.parametrize(
    "exe, args, found",
    [
        ("/usr/bin/python3.11", ["/usr/bin/python3", "/usr/bin/influxd-meta", "-config", "x"], True),
        ("/bin/dash", ["/bin/sh", "/etc/init.d/influxd-meta", "start"], False),  # starts services, serves nothing
        ("/usr/bin/vim.basic", ["vim", "/usr/bin/influxd-meta"], False),
        ("/usr/bin/python3.11", ["python3"], False),
    ],
)
def test_a_script_counts_under_its_own_name(proc, exe, args, found):
    proc.add(5, exe, args)
    assert [one["exe"] for one in _process.find("influxd-meta", proc.path)] == ([args[1]] if found else [])


def test_owner_is_the_effective_one_and_unknown_numbers_stay_numbers(proc):
    proc.add(5, "/x/influxd", ["influxd"], ids=(0, 4000111))
    found = _process.find("influxd", proc.path)[0]
    assert (found["user"], found["group"]) == ("root", "4000111")


def test_kernel_threads_and_ended_processes_are_passed_over(proc):
    proc.add(2, "/gone", [])
    os.mkdir(os.path.join(proc.path, "3"))
    assert _process.find("gone", proc.path) == []


def test_environment_has_the_prefix_and_no_secret(proc):
    text = "PATH=/bin\0INFLUXDB_HTTP_AUTH_ENABLED=true\0INFLUXDB_HTTP_SHARED_SECRET=s\0INFLUXDB_X=a=b\0OTHER=1\0"
    proc.add(5, "/x", ["x"], environ=text)
    assert _process.environment(5, "INFLUXDB_", proc.path) == {
        "INFLUXDB_HTTP_AUTH_ENABLED": "true",
        "INFLUXDB_HTTP_SHARED_SECRET": "***",
        "INFLUXDB_X": "a=b",
    }


def test_environment_that_cannot_be_read_is_not_an_empty_one(proc):
    assert _process.environment(5, "INFLUXDB_", proc.path) is None


@pytest.mark.parametrize(
    "text, unit",
    [
        ("9:name=systemd:/libpod_parent/x/system.slice/influxdb.service\n8:pids:/\n", "influxdb.service"),
        ("0::/system.slice/influxdb.service\n", "influxdb.service"),
        ("0::/user.slice/user-0.slice/session-1.scope\n", "session-1.scope"),
    ],
)
def test_units_of_a_process(proc, text, unit):
    proc.add(5, "/x", ["x"], cgroup=text)
    assert unit in _process.units(5, proc.path)


def test_what_root_may_not_see_is_read_as_the_owner(proc):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    proc.add(5, "/x", ["x"], ids=(65534, 65534))
    asked = []

    def read():
        asked.append((os.geteuid(), os.getegid()))
        if os.geteuid() == 0:
            raise OSError(errno.EACCES, "denied")
        return "seen"

    before = (os.geteuid(), os.getegid())
    assert _process.as_owner(os.path.join(proc.path, "5"), read) == "seen"
    assert asked == [before, (65534, 65534)]
    assert (os.geteuid(), os.getegid()) == before


def test_root_stays_root_where_the_owner_cannot_be_seen(proc):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    proc.add(5, "/x", ["x"], ids=(-1, 65534))

    def read():
        raise OSError(errno.EACCES, "denied")

    before = (os.geteuid(), os.getegid())
    with pytest.raises(OSError):
        _process.as_owner(os.path.join(proc.path, "5"), read)
    assert (os.geteuid(), os.getegid()) == before
