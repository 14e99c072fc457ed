# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import fcntl
import hashlib
import os

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _journal, _lock, _node
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result

# Recorded from systemd 252 with the lab's package.
UNIT = """MainPID=347
ExecStart={ path=/usr/bin/influxd ; argv[]=/usr/bin/influxd -config /etc/influxdb/influxdb.conf $INFLUXD_OPTS ; ignore_errors=no ; \
start_time=[Sat 2026-11-21 06:59:28 UTC] ; stop_time=[n/a] ; pid=347 ; code=(null) ; status=0/0 }
EnvironmentFiles=/etc/default/influxdb (ignore_errors=yes)
User=influxdb
Group=influxdb
Id=influxdb.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/lib/systemd/system/influxdb.service
SourcePath=
DropInPaths=/etc/systemd/system/influxdb.service.d/x.conf
UnitFileState=enabled
"""
# Recorded from systemd 252: a unit made from /etc/init.d/oldone.
GENERATED = """MainPID=0
ExecStart={ path=/etc/init.d/oldone ; argv[]=/etc/init.d/oldone start ; ignore_errors=no ; pid=727 ; code=exited ; status=0 }
User=
Group=
Id=oldone.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/run/systemd/generator.late/oldone.service
SourcePath=/etc/init.d/oldone
DropInPaths=
UnitFileState=generated
"""
MISSING = "MainPID=0\nUser=\nId=nothing.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"
SCRIPT = '#!/bin/sh\nname=oldone\nUSER=influxdb\nGROUP="influxdb"\nPIDFILE=/var/run/influxdb/influxd.pid\n'
PROCESS = {"pid": 728, "user": "daemon", "group": "bin"}


class Runner(object):
    """Answers commands by how they begin; a program without an answer does not exist."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, argv):
        self.asked.append(argv)
        return self.answers.get(argv[0].replace("-", "_"), Result(127, "", ""))


def put(root, path, text=""):
    target = os.path.join(str(root), path.lstrip("/"))
    if not os.path.isdir(os.path.dirname(target)):
        os.makedirs(os.path.dirname(target))
    with open(target, "w") as stream:
        stream.write(text)
    return target


def md5(text):
    return hashlib.md5(text.encode("ascii")).hexdigest()


@pytest.mark.parametrize(
    "version, upstream",
    [
        ("1.3.9-1", "1.3.9"),
        ("1.3.9", "1.3.9"),
        ("0.8.3", "0.8.3"),
        ("2:1.6.7~rc0-1+b13", "1.6.7~rc0"),
        ("1.2.4-c1.2.5", "1.2.4-c1.2.5"),
        ("1.2.4-c1.2.5-1", "1.2.4-c1.2.5"),
        ("1.2.4_c1.2.5-1", "1.2.4-c1.2.5"),
        ("3.4.3~bookworm", "3.4.3"),
        ("1.4.0~rc1", "1.4.0~rc1"),
    ],
)
def test_upstream_version(version, upstream):
    assert _node.upstream_version(version) == upstream


@pytest.mark.parametrize(
    "folders, initctl, init",
    [
        (["/run/systemd/system/x"], None, "systemd"),
        ([], Result(0, "init (upstart 1.12.1)\n", ""), "upstart"),
        ([], Result(1, "", "Unable to connect"), "sysv"),
        ([], None, "sysv"),
    ],
)
def test_init_system(tmp_path, folders, initctl, init):
    for path in folders:
        put(tmp_path, path)
    assert _node.init_system(Runner(initctl=initctl) if initctl else Runner(), str(tmp_path)) == init


@pytest.mark.parametrize("answer, arch", [(Result(0, "armhf\n", ""), "armhf"), (Result(127, "", ""), os.uname()[4])])
def test_architecture(answer, arch):
    assert _node.architecture(Runner(dpkg=answer)) == arch


def test_dpkg_package_with_conffiles(tmp_path):
    put(tmp_path, "/etc/influxdb/influxdb.conf", "same")
    put(tmp_path, "/etc/logrotate.d/influxdb", "mine")
    out = "install ok installed\n1.3.9-1\namd64\n /etc/influxdb/influxdb.conf {0}\n /etc/logrotate.d/influxdb {0}\n /etc/gone {0}\n"
    out = out.format(md5("same")) + " /etc/old {0} obsolete\n\n".format(md5("x"))
    found = _node.package("influxdb", Runner(dpkg_query=Result(0, out, "")), str(tmp_path))
    assert found == {
        "manager": "dpkg",
        "installed": True,
        "name": "influxdb",
        "version": "1.3.9-1",
        "upstream": "1.3.9",
        "arch": "amd64",
        "status": "install ok installed",
        "conffiles": [
            {"path": "/etc/influxdb/influxdb.conf", "modified": False},
            {"path": "/etc/logrotate.d/influxdb", "modified": True},
            {"path": "/etc/gone", "modified": None},
        ],
    }


@pytest.mark.parametrize(
    "answer, installed, status",
    [
        (Result(0, "install ok half-configured\n1.4.3-1\namd64\n\n", ""), True, "install ok half-configured"),
        (Result(0, "deinstall ok config-files\n1.4.3-1\namd64\n\n", ""), False, "deinstall ok config-files"),
        (Result(0, "unknown ok not-installed\n\n\n\n", ""), False, "unknown ok not-installed"),
        (Result(1, "", "dpkg-query: no packages found matching x"), False, None),
    ],
)
def test_states_of_dpkg(answer, installed, status):
    found = _node.package("x", Runner(dpkg_query=answer))
    assert (found["manager"], found["installed"], found["status"]) == ("dpkg", installed, status)


def test_rpm_package():
    answers = {"--qf": "1.2.4_c1.2.5-1\nx86_64\n", "--configfiles": "/etc/a.conf\n/etc/b c.conf\n/etc/c.conf\n"}
    checked = "S.5....T.  c /etc/a.conf\nmissing   c /etc/c.conf\n.......T.    /usr/bin/influxd\n"

    def run(argv):
        if argv[:2] == ["rpm", "-V"]:
            return Result(1, checked, "")
        return Result(0, answers[argv[2]], "") if argv[0] == "rpm" else Result(127, "", "")

    found = _node.package("influxdb-data", run)
    assert (found["manager"], found["installed"], found["upstream"]) == ("rpm", True, "1.2.4-c1.2.5")
    assert [conffile["modified"] for conffile in found["conffiles"]] == [True, False, None]


def test_the_manager_that_has_the_package_is_believed():
    run = Runner(dpkg_query=Result(1, "", ""), rpm=Result(0, "1.3.9-1\nx86_64\n", ""))
    assert _node.package("influxdb", run)["manager"] == "rpm"
    assert _node.package("influxdb", Runner())["manager"] == "none"


def systemd(text, tmp_path, processes=(), name="influxdb"):
    run = Runner(systemctl=Result(0, text, ""))
    return _node.service(name, "systemd", list(processes), run, str(tmp_path))


def test_systemd_service(tmp_path):
    put(tmp_path, "/etc/default/influxdb")
    assert systemd(UNIT, tmp_path) == {
        "name": "influxdb",
        "unit": "influxdb.service",
        "manager": "systemd",
        "exists": True,
        "active": True,
        "enabled": True,
        "pid": 347,
        "user": "influxdb",
        "group": "influxdb",
        "exec": "/usr/bin/influxd -config /etc/influxdb/influxdb.conf $INFLUXD_OPTS",
        "environment_files": ["/etc/default/influxdb"],
        "unit_files": ["/lib/systemd/system/influxdb.service", "/etc/systemd/system/influxdb.service.d/x.conf"],
        "scripts": [],
    }


def test_environment_files_of_old_systemd_and_patterns(tmp_path):
    for name in ("a", "b"):
        put(tmp_path, "/etc/influxdb/env.d/" + name)
    now = "EnvironmentFiles=/etc/default/influxdb (ignore_errors=yes)"
    text = UNIT.replace(now, "EnvironmentFile=/etc/influxdb/env.d/* (ignore_errors=no)")
    assert systemd(text, tmp_path)["environment_files"] == ["/etc/influxdb/env.d/a", "/etc/influxdb/env.d/b"]


@pytest.mark.parametrize("state, active", [("reloading", True), ("activating", False), ("failed", False), ("inactive", False)])
def test_a_service_between_crashes_is_not_active(tmp_path, state, active):
    assert systemd(UNIT.replace("ActiveState=active", "ActiveState=" + state), tmp_path)["active"] is active


def test_user_is_of_the_process_where_the_unit_names_none_or_not_known(tmp_path):
    text = UNIT.replace("User=influxdb", "User=").replace("Group=influxdb", "Group=")
    found = systemd(text, tmp_path, [dict(PROCESS, pid=347)])
    assert (found["user"], found["group"]) == ("daemon", "bin")
    found = systemd(text, tmp_path)
    assert (found["user"], found["group"]) == (None, None)


def test_group_of_a_unit_that_only_names_a_user_is_the_primary_one(tmp_path):
    text = UNIT.replace("User=influxdb", "User=root").replace("Group=influxdb", "Group=")
    assert systemd(text, tmp_path)["group"] == _node.primary_group("root")
    assert _node.primary_group("no such user") is None


def test_secrets_in_the_command_of_a_unit_are_masked(tmp_path):
    text = UNIT.replace("$INFLUXD_OPTS", "-password hush")
    assert systemd(text, tmp_path)["exec"].endswith("-password ***")


def test_a_unit_that_does_not_exist(tmp_path):
    found = systemd(MISSING, tmp_path, name="nothing")
    assert (found["exists"], found["active"], found["pid"], found["user"]) == (False, False, None, None)


@pytest.mark.parametrize("alive", [True, False])
def test_a_unit_made_from_a_script_is_active_while_its_process_is(tmp_path, alive):
    put(tmp_path, "/etc/init.d/oldone", SCRIPT)
    put(tmp_path, "/etc/rc3.d/S20oldone")
    put(tmp_path, "/etc/sysconfig/oldone")
    put(tmp_path, "/proc/728/cgroup", "0::/system.slice/oldone.service\n")
    found = systemd(GENERATED, tmp_path, [PROCESS] if alive else [], "oldone")
    assert (found["active"], found["pid"]) == (alive, 728 if alive else None)
    assert (found["enabled"], found["exec"], found["unit_files"]) == (True, None, [])
    assert found["scripts"] == ["/etc/init.d/oldone"]
    assert found["environment_files"] == ["/etc/sysconfig/oldone"]
    assert found["user"] == "influxdb"


@pytest.mark.parametrize(
    "pid_file, status, processes, pid",
    [
        ("728", 1, [PROCESS], 728),
        ("9999", 0, [PROCESS], 728),  # a stale pid file, and a script that says it runs
        ("9999", 3, [PROCESS], None),  # one that somebody started by hand
        ("9999", 0, [], None),  # 0.8's script says so whatever happens
        ("", 0, [dict(PROCESS, pid=5), PROCESS], 5),
    ],
)
def test_service_of_a_script(tmp_path, pid_file, status, processes, pid):
    put(tmp_path, "/etc/init.d/oldone", SCRIPT)
    put(tmp_path, "/var/run/influxdb/influxd.pid", pid_file + "\n")
    run = Runner(service=Result(status, "", ""))
    found = _node.service("oldone", "sysv", processes, run, str(tmp_path))
    assert (found["manager"], found["exists"], found["pid"], found["active"]) == ("sysv", True, pid, pid is not None)
    assert found["user"] == ("daemon" if pid == 728 or pid == 5 else "influxdb")
    assert found["enabled"] is False


def test_pid_file_of_0_8(tmp_path):
    put(tmp_path, "/etc/init.d/influxdb", "#!/bin/sh\npid_file=$shared/$name.pid\n")
    put(tmp_path, "/opt/influxdb/shared/influxdb.pid", "728")
    found = _node.service("influxdb", "sysv", [PROCESS], Runner(), str(tmp_path))
    assert (found["pid"], found["group"]) == (728, "bin")


def test_upstart_job(tmp_path):
    put(tmp_path, "/etc/init/oldone.conf", "exec x\n")
    found = _node.service("oldone", "upstart", [], Runner(), str(tmp_path))
    assert (found["exists"], found["scripts"], found["enabled"]) == (True, ["/etc/init/oldone.conf"], True)
    assert (found["user"], found["group"]) == (None, None)


@pytest.mark.parametrize(
    "status, pid",
    [
        ("run: /etc/sv/cloudant: (pid 728) 45s; run: log: (pid 727) 45s\n", 728),
        ("down: /etc/sv/cloudant: 3s, normally up; run: log: (pid 727) 45s\n", None),
        ("fail: /etc/sv/cloudant: unable to change to service directory: file does not exist\n", None),
    ],
)
def test_service_of_runit(tmp_path, status, pid):
    put(tmp_path, "/etc/sv/cloudant/supervise/status", "")
    found = _node.service("cloudant", "systemd", [PROCESS], Runner(sv=Result(0, status, "")), str(tmp_path))
    assert (found["manager"], found["exists"], found["pid"], found["active"]) == ("runit", True, pid, pid is not None)
    assert (found["user"], found["enabled"]) == ("daemon" if pid else None, True)
    put(tmp_path, "/etc/sv/cloudant/down", "")
    assert _node.service("cloudant", "sysv", [PROCESS], Runner(), str(tmp_path))["enabled"] is False


def test_a_folder_that_runit_does_not_supervise_is_no_service(tmp_path):
    put(tmp_path, "/etc/sv/influxdb/run", "")
    answers = {"systemctl": Result(0, UNIT, "")}
    assert _node.service("influxdb", "systemd", [], Runner(**answers), str(tmp_path))["manager"] == "systemd"


@pytest.mark.parametrize(
    "pid, cgroup, mine",
    [
        (347, "0::/user.slice\n", True),
        (5, "0::/system.slice/influxdb.service\n", True),
        (5, "0::/system.slice/influxdb.service.d\n", False),
        (5, "", False),
    ],
)
def test_processes_of_a_service(tmp_path, pid, cgroup, mine):
    put(tmp_path, "/proc/{0}/cgroup".format(pid), cgroup)
    assert _node.belongs({"pid": pid}, {"pid": 347, "unit": "influxdb.service"}, str(tmp_path)) is mine


def test_state_of_a_node_never_touched(tmp_path):
    expected = {"exists": False, "lock": None, "swap": None, "installation": None, "journal": None, "backups": []}
    assert _node.state(str(tmp_path / "none")) == expected


def test_state_tells_what_is_there(tmp_path):
    folder = str(tmp_path)
    put(folder, "swap.json", '{"id": "s1", "state": "failed", "step": "start", "finished": true, "kept": []}')
    put(folder, "swap.lock")
    put(folder, "backup/b2/x")
    put(folder, "backup/b1/x")
    put(folder, "backup/b3.partial/x")
    put(folder, "lock", '{"run_id": "r1"}')
    _journal.append(os.path.join(folder, _journal.NAME), {"n": 1})
    _journal.append(os.path.join(folder, _journal.NAME), {"n": 2})
    assert _node.state(folder) == {
        "exists": True,
        "lock": {"run_id": "r1"},
        "swap": {"id": "s1", "state": "failed", "step": "start", "finished": True, "outcome": None, "running": False},
        "installation": None,
        "journal": {"entries": 2, "last": {"n": 2}},
        "backups": ["b1", "b2"],
    }


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"id": "c1", "steps": {"keep": "ended"}}', None),
        ('{"id": "c1", "steps": {"keep": "ended", "uninstall": "began"}}', {"id": "c1", "finished": False}),
        ('{"id": "c1", "steps": {"uninstall": "ended", "configure": "began"}}', {"id": "c1", "finished": False}),
        ('{"id": "c1", "steps": {"uninstall": "ended", "configure": "ended"}}', {"id": "c1", "finished": True}),
        ("{torn", None),
    ],
)
def test_how_far_an_installer_came(tmp_path, content, found):
    put(tmp_path, "cloudant_install.json", content)
    assert _node.state(str(tmp_path))["installation"] == found


def test_a_swap_runs_while_its_lock_is_held(tmp_path):
    put(tmp_path, "swap.json", "{torn")
    path = put(tmp_path, "swap.lock")
    with open(path) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert _node.swap(str(tmp_path))["running"] is True
    assert _node.swap(str(tmp_path))["running"] is False


@pytest.mark.parametrize("ends_after, seconds, slept", [(0, 10, 0), (3, 10, 3), (99, 10, 20), (99, 0, 0)])
def test_a_running_swap_is_waited_for(tmp_path, ends_after, seconds, slept):
    pauses = []
    with open(put(tmp_path, "swap.lock")) as stream:

        def sleep(pause):
            pauses.append(pause)
            if len(pauses) == ends_after:
                fcntl.flock(stream, fcntl.LOCK_UN)

        if ends_after:
            fcntl.flock(stream, fcntl.LOCK_EX)
        _node.wait_for_swap(str(tmp_path), seconds, sleep)
    assert pauses == [0.5] * slept


def test_disk_of_a_folder_that_is_not_there_yet(tmp_path):
    found = _node.disk(str(tmp_path / "a" / "b"))
    assert 0 < found["free"] <= found["total"] == _node.disk(str(tmp_path))["total"]


def test_describe_puts_it_together(tmp_path):
    root = str(tmp_path)
    put(root, "/proc/stat", "btime 1000\n")
    put(root, "/proc/347/cmdline", "/usr/bin/influxd\0")
    put(root, "/proc/347/environ", "INFLUXDB_A=1\0X=2\0")
    os.symlink("/usr/bin/influxd", os.path.join(root, "proc/347/exe"))
    put(root, "/run/systemd/system/x")
    options = {"package": "influxdb", "program": "influxd", "service": "influxdb", "environment_prefix": "INFLUXDB_"}
    options["state_dir"] = os.path.join(root, "state")
    run = Runner(systemctl=Result(0, UNIT, ""), dpkg=Result(0, "amd64\n", ""))
    node = _node.describe(options, run, 5.00049, root)
    assert (node["machine"]["init"], node["machine"]["arch"], node["machine"]["time"]) == ("systemd", "amd64", 5.0)
    assert [(one["pid"], one["service"]) for one in node["processes"]] == [(347, True)]
    assert node["environment"] == {"INFLUXDB_A": "1"}
    assert node["package"]["manager"] == "none"
    assert node["state"]["exists"] is False
    assert not os.path.exists(options["state_dir"])
    assert _node.describe(dict(options, environment_prefix=""), run, 5.0, root)["environment"] == {}
    assert _lock.read(options["state_dir"]) is None
