# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import shutil
import stat

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _copies
from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_config import chain
from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_host import Host
from ansible_collections.dbfleet.upgrade.plugins.module_utils._cloudant_install import Installation
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_process import Processes
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Lock, write_json

OLD, NEW = "1.0.0.5", "1.1.0"
CAST = "/opt/cloudant/bin/cast"
ADMIN, CLOUDANT = "-pbkdf2-0a1b,2c3d,10", "-pbkdf2-4e5f,6a7b,10"
LOCAL = """; by hand
[couchdb]
uuid = 0123
maintenance_mode = false

[couch_httpd_auth]
secret = geheim

[cluster]
q = 8
n = 3

[admins]
admin = {0}
cloudant = {1}

[log]
level = debug ; for the audit
""".format(ADMIN, CLOUDANT)
DEFAULT = "[vendor]\nversion = {0}\n[couchdb]\ndatabase_dir = /srv/cloudant/db\n[log]\nlevel = info\n"
OWN = "[couchdb]\nmaintenance_mode = false\n[own]\na = 1\n"
VM_ARGS = "-name cloudant@db1.example.com\n-setcookie monster\n"
HAPROXY = "defaults\n    stats auth stat:{0}\n    timeout connect {1}\nlisten dbfarm\n    server db1.example.com 10.0.0.1:5984 check\n"
EFFECTS = ("execute", "keep", "write", "link", "rename", "remove", "make_executable", "signal")


class Killed(BaseException):
    """As kill -9: nothing of the process runs after it."""


class Machine(Host):
    """A host below a folder, with the commands of Cloudant Local; killed after so many effects, or parts of commands."""

    def __init__(self, folder, kind="db"):
        super(Machine, self).__init__(str(folder / "state"), 30, root=str(folder / "root"), query=self.answer, sleep=lambda seconds: None)
        self.folder = folder
        self.name = "cloudant-dbnode" if kind == "db" else "cloudant-lbnode"
        self.packages = {"cloudant-cast", self.name}
        self.ran = []
        self.epmd = [41, 42]
        self.stubborn = False
        self.runs_with = {}
        self.told = []
        self.fails = {}
        self.brings = NEW
        self.ships = {}
        self.host = "db1.example.com"
        self.cookie = None
        self.refuses = None
        self.deaf = 0
        self.effects = 0
        self.kill_at = None
        for name in EFFECTS:
            setattr(self, name, self._killable(getattr(self, name)))
        self._lay_out(kind)

    def _lay_out(self, kind):
        self.put("/root/cloudant/version.txt", "cloudant-" + OLD + "-512\n")
        self.put("/root/cloudant/uninstall/uninstall.bin", "#!")
        self.put("/opt/cloudant/etc/default.ini", DEFAULT.format(OLD) if kind == "db" else "")
        self.put("/opt/cloudant/etc/metrics.ini", "[metrics]\n", 0o620)
        if kind == "db":
            self.put("/opt/cloudant/etc/local.ini", LOCAL, 0o640)
            self.put("/opt/cloudant/etc/default.d/old.ini", "[old]\na = 1\n")
            self.put("/opt/cloudant/etc/local.d/10-own.ini", OWN, 0o600)
            self.put("/opt/cloudant/etc/vm.args", VM_ARGS + "+K true\n", 0o640)
            os.symlink("/etc/ssl/key.pem", self.path("/opt/cloudant/etc/key.pem"))
        else:
            self.put("/etc/haproxy/haproxy.cfg", HAPROXY.format("geheim", 501), 0o640)
            self.put("/etc/haproxy/certificate.pem", "cert", 0o600)
        (self.folder / "installer.bin").write_bytes(b"#!/bin/sh\n")

    def put(self, path, text, mode=0o644):
        path = self.path(path)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with open(path, "wb") as stream:
            stream.write(text.encode("utf-8"))
        os.chmod(path, mode)

    def text(self, path):
        with open(self.path(path), "rb") as stream:
            return stream.read().decode("utf-8")

    # What kills

    def cut(self):
        self.effects += 1
        if self.kill_at is not None and self.effects >= self.kill_at:
            raise Killed()

    def _killable(self, effect):
        def killable(*args, **options):
            self.cut()
            result = effect(*args, **options)
            self.cut()
            return result

        return killable

    # What there is

    def package(self, name):
        found = name in self.packages
        return {"installed": found, "manager": "dpkg", "upstream": "1.0.0" if found else None}

    def hostname(self):
        return self.host

    def processes(self, user):
        return list(self.epmd)

    def signal(self, pid, number):
        if not self.stubborn:
            self.epmd.remove(pid)

    def answer(self, argv):
        assert argv[:3] == ["haproxy", "-c", "-f"]
        return Result(1, "", "[ALERT] unknown keyword in geheim\n") if self.refuses == open(argv[3]).read() else Result(0, "", "")

    # Commands

    def execute(self, argv):
        self.ran.append(" ".join(argv))
        key = " ".join(argv[:3])
        if key in self.fails:
            return Result(1, self.fails[key], "")
        commands = {
            CAST + " system uninstall": self._uninstall_node,
            "/root/cloudant/uninstall/uninstall.bin": self._uninstall_cast,
            str(self.folder / "installer.bin") + " -- -s": self._run_installer,
            CAST + " system install": lambda: self._install_node(argv[3:]),
            CAST + " node restart": self._restart,
            CAST + " node maintenance": self._maintenance,
            "dpkg --configure -a": lambda: None,
            "dpkg --force-remove-reinstreq --purge": lambda: self.packages.discard(argv[3]),
        }
        if argv[0] == CAST and "cloudant-cast" not in self.packages:
            return Result(127, "", "no such program")
        try:
            return Result(0, commands[key]() or "", "")
        except EnvironmentError as error:
            return Result(1, str(error), "")

    def _uninstall_node(self):
        if self.name not in self.packages:
            raise IOError("no node is installed")
        self.cut()
        etc = self.path("/opt/cloudant/etc")
        shutil.rmtree(etc + ".bak", ignore_errors=True)
        os.rename(etc, etc + ".bak")
        self.cut()
        if os.path.exists(self.path("/etc/haproxy/certificate.pem")):
            os.unlink(self.path("/etc/haproxy/certificate.pem"))
        self.packages.remove(self.name)

    def _uninstall_cast(self):
        self.packages.discard("cloudant-cast")
        self.cut()
        os.unlink(self.path("/root/cloudant/uninstall/uninstall.bin"))
        self.cut()
        shutil.rmtree(self.path("/root/cloudant"))

    def _run_installer(self):
        if os.path.exists(self.path("/root/cloudant")):
            raise IOError("another release is installed")
        os.makedirs(self.path("/root/cloudant"))
        self.cut()
        self.put("/root/cloudant/version.txt", self.brings + "\n")
        self.cut()
        self.put("/root/cloudant/uninstall/uninstall.bin", "#!")
        self.packages.add("cloudant-cast")

    def _install_node(self, options):
        if self.name in self.packages:
            raise IOError("installed already")
        assert stat.S_IMODE(os.stat(options[-1]).st_mode) == 0o600
        with open(options[-1]) as stream:
            told = json.load(stream)
        self.told.append((options[:-1], told))
        self.packages.add(self.name)
        self.cut()
        self.put("/opt/cloudant/etc/default.ini", DEFAULT.format(NEW))
        for path, text in self.ships.items():
            self.put(path, text)
        if "-db" in options:
            self._configure_database(told["dbnode"], "--maintenance" in options)
        else:
            (password,) = told["lbnode"]["users"].values()
            self.put("/etc/haproxy/haproxy.cfg", HAPROXY.format(password, 500))
        self._restart()

    def _configure_database(self, told, maintenance):
        assert maintenance
        self.cut()
        users = "".join("{0} = {1}\n".format(*user) for user in sorted(told["users"].items()))
        local = "; made by CAST\n[couchdb]\nuuid = {0}\nmaintenance_mode = true\n[new]\nb = 2\n[admins]\n{1}".format(told["uuid"], users)
        self.put("/opt/cloudant/etc/local.ini", local, 0o640)
        self.put("/opt/cloudant/etc/vm.args", "-name cloudant@{0}\n-setcookie {1}\n".format(self.host, self.cookie or told["cookie"]))

    def _restart(self):
        self.epmd = [43]
        self.runs_with = tree(self)
        self.cut()

    def _maintenance(self):
        self.deaf -= 1
        if self.deaf >= 0:
            raise IOError("no answer")
        config = self.config()
        return "The node is {0} maintenance mode.\n".format("IN" if config[("couchdb", "maintenance_mode")] == "true" else "OUT of")

    def config(self, found=None):
        """The values that the server started with, or would have from these files."""
        found = self.runs_with if found is None else found
        names = ("default.ini", "default.d/old.ini", "local.ini", "local.d/10-own.ini")
        paths = ["/opt/cloudant/etc/" + name for name in names]
        return chain(found[path][0] for path in paths if path in found)


def tree(machine):
    """Path -> content and mode of the configuration."""
    found = {}
    root = machine.path("")
    for folder, folders, files in os.walk(root):
        for name in files + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            path = os.path.join(folder, name)
            inside = path[len(root) :]
            if inside.startswith(("/opt/cloudant/etc/", "/etc/")):
                link = os.path.islink(path)
                content = os.readlink(path) if link else machine.text(inside)
                found[inside] = (content, None if link else stat.S_IMODE(os.stat(path).st_mode))
    return found


def options_for(machine, kind, **changed):
    options = {"kind": kind, "version": NEW, "installer": str(machine.folder / "installer.bin"), "id": "one"}
    options.update(state_dir=str(machine.folder / "state"), cast_path=CAST, user="cloudant", timeout=30)
    return dict(options, **changed)


class Clock(object):
    def __init__(self):
        self.time = 1000.0

    def __call__(self):
        self.time += 1.0
        return self.time


def install(machine, kind="db", check_mode=False, clock=None, **changed):
    return Installation(options_for(machine, kind, **changed), machine, clock or Clock()).ensure(check_mode)


def refusal(machine, kind="db", **changed):
    with pytest.raises(FleetError) as caught:
        install(machine, kind, **changed)
    return caught.value


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing of this has to outlive a loss of power."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def balancer(tmp_path):
    return Machine(tmp_path, "lb")


# A database node


def test_a_database_node_comes_back_as_it_was(machine):
    result = install(machine)
    assert result == {
        "changed": True,
        "version": NEW,
        "former": OLD,
        "kept": str(machine.folder / "state" / "backup" / "one" / "cloudant"),
        "steps": ["keep", "uninstall", "install", "configure"],
        "notes": ["vm.args had also: +K true"],
        "downtime": 1.0,
    }
    assert machine.ran == [
        CAST + " system uninstall",
        "/root/cloudant/uninstall/uninstall.bin",
        str(machine.folder / "installer.bin") + " -- -s",
        CAST + " system install --maintenance -db -c " + str(machine.folder / "state" / "cloudant_install.yaml"),
        CAST + " node restart",
        CAST + " node maintenance",
    ]
    assert os.access(str(machine.folder / "installer.bin"), os.X_OK)


def test_cast_is_told_what_the_node_was(machine):
    install(machine)
    ((_options, told),) = machine.told
    assert told["dbnode"] == {
        "users": {"admin": ADMIN, "cloudant": CLOUDANT},
        "cookie": "monster",
        "uuid": "0123",
        "quorum": {"q": 8, "n": 3},
        "httpd_auth": "geheim",
        "monitor_role": "open_ssl",
    }


def test_the_server_starts_with_the_settings_it_had_and_in_maintenance(machine):
    install(machine)
    config = machine.config()
    assert config[("log", "level")] == "debug"
    assert config[("couch_httpd_auth", "secret")] == "geheim"
    assert config[("own", "a")] == "1"
    assert config[("new", "b")] == "2"
    assert config[("vendor", "version")] == NEW
    assert config[("couchdb", "maintenance_mode")] == "true"
    assert ("old", "a") not in config


def test_files_come_back_with_owner_and_mode(machine):
    install(machine)
    found = tree(machine)
    assert found["/opt/cloudant/etc/metrics.ini"] == ("[metrics]\n", 0o620)
    assert found["/opt/cloudant/etc/key.pem"] == ("/etc/ssl/key.pem", None)
    assert found["/opt/cloudant/etc/local.d/10-own.ini"][1] == 0o600
    assert found["/opt/cloudant/etc/local.ini"][0].startswith("; made by CAST\n[couchdb]\nuuid = 0123\nmaintenance_mode = true\n[new]\n")
    assert found["/opt/cloudant/etc/local.ini"][1] == 0o640
    assert "/opt/cloudant/etc/default.d/old.ini" not in found


def test_a_file_of_the_new_release_takes_the_node_not_out_of_maintenance(machine):
    machine.ships = {"/opt/cloudant/etc/local.d/10-own.ini": OWN}
    install(machine)
    assert machine.config()[("couchdb", "maintenance_mode")] == "true"


def test_data_that_were_moved_are_found_again(machine):
    machine.put("/opt/cloudant/etc/default.ini", DEFAULT.format(OLD).replace("/srv/cloudant", "/data"))
    install(machine)
    assert machine.config()[("couchdb", "database_dir")] == "/data/db"


def test_a_second_call_has_nothing_to_do(machine):
    install(machine)
    ran = list(machine.ran)
    assert install(machine) == {
        "changed": False,
        "version": NEW,
        "former": NEW,
        "kept": str(machine.folder / "state" / "backup" / "one" / "cloudant"),
        "steps": [],
        "notes": [],
        "downtime": None,
    }
    assert machine.ran == ran


def test_what_is_private_stays_so(machine):
    install(machine)
    state = machine.folder / "state"
    assert stat.S_IMODE(os.stat(str(state)).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(str(state / "cloudant_install.json")).st_mode) == 0o600
    assert not (state / "cloudant_install.yaml").exists()


def test_without_a_changed_file_nothing_is_restarted(machine):
    for name in ("metrics.ini", "local.d/10-own.ini", "key.pem"):
        os.unlink(machine.path("/opt/cloudant/etc/" + name))
    local = LOCAL[: LOCAL.index("[couch_httpd_auth]")] + "[admins]\nadmin = {0}\ncloudant = {1}\n".format(ADMIN, CLOUDANT)
    machine.put("/opt/cloudant/etc/local.ini", local)
    install(machine)
    assert CAST + " node restart" not in machine.ran


def test_a_server_that_does_not_answer_yet_is_waited_for(machine):
    machine.deaf = 3
    assert install(machine)["changed"]


# Refusals before anything is changed


@pytest.mark.parametrize(
    "path, former, new, reason",
    [
        ("vm.args", "cloudant@db1.example.com", "cloudant@10.0.0.1", "name"),
        ("vm.args", "-name", "-sname", "name"),
        ("vm.args", "cloudant@", "couchdb@", "name"),
        ("vm.args", "-setcookie monster", "", "credentials"),
        ("local.ini", ADMIN, "plain", "credentials"),
        ("local.ini", "cloudant = ", "; cloudant = ", "credentials"),
        ("local.ini", "q = 8", "q = many", "config"),
    ],
)
def test_what_cast_would_make_another_node_of_is_refused(machine, path, former, new, reason):
    path = "/opt/cloudant/etc/" + path
    machine.put(path, machine.text(path).replace(former, new))
    error = refusal(machine)
    assert error.facts["reason"] == reason
    untouched(machine, error)


def untouched(machine, error):
    assert machine.effects == 0
    assert not error.facts["stopped"]
    assert not error.facts["changed"]
    assert "Running it again" not in str(error)


@pytest.mark.parametrize("name", ["vm.args", "local.ini"])
def test_a_missing_or_linked_file_is_refused(machine, name):
    path = machine.path("/opt/cloudant/etc/" + name)
    os.rename(path, path + ".elsewhere")
    untouched(machine, refusal(machine))
    os.symlink(path + ".elsewhere", path)
    error = refusal(machine)
    assert error.facts["reason"] == "config"
    untouched(machine, error)


def test_a_password_behind_a_link_is_refused_while_the_node_runs(machine):
    own = machine.path("/opt/cloudant/etc/local.d/20-users.ini")
    machine.put("/etc/users.ini", "[admins]\nadmin = -hashed-f,f\n")
    os.symlink(machine.path("/etc/users.ini"), own)
    error = refusal(machine)
    assert error.facts["reason"] == "config"
    assert not error.facts["stopped"]
    assert machine.ran == []


def test_another_hosts_name_is_refused(machine):
    machine.host = "db1"
    error = refusal(machine)
    assert error.facts["reason"] == "name"
    untouched(machine, error)


@pytest.mark.parametrize("content", [None, b"<html>"])
def test_an_installer_that_is_none_is_refused(machine, content):
    path = machine.folder / "installer.bin"
    path.unlink()
    if content:
        path.write_bytes(content)
    error = refusal(machine)
    assert error.facts["reason"] == "installer"
    untouched(machine, error)


@pytest.mark.parametrize(
    "packages, version, words",
    [
        ([], NEW, "is not installed"),
        (["cloudant-dbnode", "cloudant-lbnode"], NEW, "is installed too"),
        (["cloudant-dbnode"], "0.9", "is older"),
    ],
)
def test_another_product_is_refused(machine, packages, version, words):
    machine.packages = set(packages)
    error = refusal(machine, version=version)
    assert words in str(error)
    assert error.facts["reason"] == "package"
    untouched(machine, error)


def test_root_is_no_user_whose_processes_are_ended(machine):
    error = refusal(machine, user="root")
    assert error.facts["reason"] == "processes"
    untouched(machine, error)


def test_a_release_is_told_by_the_package_where_the_installer_left_none(machine):
    os.unlink(machine.path("/root/cloudant/version.txt"))
    assert install(machine)["former"] == "1.0.0"


# Check mode


def test_check_mode_reads_only(machine):
    before = tree(machine)
    result = install(machine, check_mode=True)
    assert (result["changed"], result["steps"]) == (True, ["keep", "uninstall", "install", "configure"])
    assert tree(machine) == before
    assert machine.effects == 0
    assert not (machine.folder / "state").exists()


def test_check_mode_refuses_what_would_be_refused(machine):
    machine.host = "db1"
    assert refusal(machine, check_mode=True).facts["reason"] == "name"


def test_check_mode_sees_that_nothing_is_to_be_done_and_what_is_left(machine):
    machine.fails = {CAST + " node restart": "no"}
    refusal(machine)
    left = install(machine, check_mode=True)
    assert (left["changed"], left["steps"]) == (True, ["configure"])
    machine.fails = {}
    install(machine)
    assert not install(machine, check_mode=True)["changed"]


# A load balancer node


def test_a_balancer_gets_its_configuration_back(balancer):
    result = install(balancer, "lb")
    assert result["notes"] == ["haproxy.cfg as CAST makes it is " + balancer.path("/etc/haproxy/haproxy.cfg.cast-1.1.0")]
    assert balancer.told[0][0] == ["-lb", "-c"]
    assert balancer.told[0][1] == {
        "lbnode": {"users": {"stat": "geheim"}, "nodes": [{"hostname": "db1.example.com", "ipaddress": "10.0.0.1"}]}
    }
    found = balancer.runs_with
    assert found["/etc/haproxy/haproxy.cfg"] == (HAPROXY.format("geheim", 501), 0o640)
    assert found["/etc/haproxy/haproxy.cfg.cast-1.1.0"] == (HAPROXY.format("geheim", 500), 0o644)
    assert found["/etc/haproxy/certificate.pem"] == ("cert", 0o600)
    assert CAST + " node maintenance" not in balancer.ran


def test_no_process_of_a_balancer_is_ended(balancer):
    balancer.stubborn = True
    assert install(balancer, "lb")["changed"]


def test_a_configuration_that_haproxy_does_not_take_is_not_put_in_place(balancer):
    balancer.refuses = HAPROXY.format("geheim", 501)
    error = refusal(balancer, "lb")
    assert error.facts["reason"] == "haproxy"
    assert not error.facts["stopped"]
    assert "unknown keyword in ***" in str(error)
    assert balancer.runs_with["/etc/haproxy/haproxy.cfg"] == (HAPROXY.format("geheim", 500), 0o644)


def test_what_an_earlier_cast_made_is_no_correction(balancer):
    balancer.put("/etc/haproxy/haproxy.cfg.cast-1.1.0", "earlier")
    install(balancer, "lb")
    assert balancer.runs_with["/etc/haproxy/haproxy.cfg"][0] == HAPROXY.format("geheim", 501)
    assert balancer.runs_with["/etc/haproxy/haproxy.cfg.cast-1.1.0"][0] == HAPROXY.format("geheim", 500)


def test_what_a_person_has_corrected_stays(balancer):
    balancer.refuses = HAPROXY.format("geheim", 501)
    refusal(balancer, "lb")
    assert refusal(balancer, "lb").facts["reason"] == "haproxy"
    balancer.put("/etc/haproxy/haproxy.cfg", "corrected")
    assert install(balancer, "lb")["steps"] == ["configure"]
    assert balancer.runs_with["/etc/haproxy/haproxy.cfg"][0] == "corrected"
    assert not install(balancer, "lb")["changed"]


# Failures, and going on


@pytest.mark.parametrize(
    "command, stopped",
    [
        (CAST + " system uninstall", True),
        ("/root/cloudant/uninstall/uninstall.bin", True),
        (CAST + " system install", True),
        (CAST + " node restart", False),
        (CAST + " node maintenance", False),
    ],
)
def test_a_failed_command_says_where_the_copies_are_and_nothing_secret(machine, command, stopped):
    machine.fails = {command: "cookie monster\nuser admin = {0}\n".format(ADMIN)}
    error = refusal(machine)
    assert (error.facts["stopped"], error.facts["changed"]) == (stopped, True)
    assert "Running it again goes on from there" in str(error)
    assert error.facts["kept"] in str(error)
    assert "user admin = ***" in str(error)
    assert "monster" not in str(error)
    machine.fails = {}
    assert install(machine)["changed"]
    assert machine.config()[("log", "level")] == "debug"
    assert machine.runs_with == tree(machine)


def test_the_file_for_cast_is_removed_where_cast_fails(machine):
    machine.fails = {CAST + " system install": "no"}
    refusal(machine)
    assert not (machine.folder / "state" / "cloudant_install.yaml").exists()


def test_processes_that_do_not_end_are_named(machine):
    machine.stubborn = True
    error = refusal(machine)
    assert error.facts["reason"] == "processes"
    assert "41, 42" in str(error)
    assert not any("installer" in command for command in machine.ran)


def test_what_the_package_manager_was_cut_off_from_is_ended_first(machine):
    machine.fails = {CAST + " system install": "no"}
    refusal(machine)
    assert "dpkg --configure -a" not in machine.ran
    machine.fails, machine.ran = {}, []
    install(machine)
    assert machine.ran[:2] == ["dpkg --configure -a", "/root/cloudant/uninstall/uninstall.bin"]


def test_an_uninstallation_without_effect_is_noticed(machine, monkeypatch):
    monkeypatch.setattr(machine, "_uninstall_node", lambda: None)
    error = refusal(machine)
    assert "still installed" in str(error)
    assert "/root/cloudant/uninstall/uninstall.bin" not in machine.ran


def test_an_uninstaller_that_was_cut_off_need_not_succeed_again(machine):
    machine.fails = {"/root/cloudant/uninstall/uninstall.bin": "half gone"}
    refusal(machine)
    assert install(machine)["changed"]


def test_an_installer_of_another_release_is_noticed_before_cast_is_told(machine):
    machine.brings = "1.0.0.9"
    error = refusal(machine)
    assert error.facts["reason"] == "installer"
    assert "1.0.0.9" in str(error)
    assert machine.told == []
    machine.brings = NEW
    assert install(machine)["steps"] == ["install", "configure"]


def test_another_cookie_leaves_the_node_in_maintenance(machine):
    machine.cookie = "another"
    error = refusal(machine)
    assert error.facts["reason"] == "identity"
    assert not error.facts["stopped"]
    assert CAST + " node restart" not in machine.ran
    assert "monster" not in str(error)
    machine.put("/opt/cloudant/etc/vm.args", VM_ARGS)
    assert install(machine)["steps"] == ["configure"]


def test_a_node_out_of_maintenance_is_a_failure(machine, monkeypatch):
    monkeypatch.setattr(machine, "_maintenance", lambda: "The node is OUT of maintenance mode.\n")
    assert refusal(machine).facts["reason"] == "maintenance"


def test_a_full_disk_is_explained(machine, monkeypatch):
    def full(path, content, owner=None):
        raise IOError(28, "No space left on device")

    monkeypatch.setattr(machine, "write", full)
    error = refusal(machine)
    assert error.facts["reason"] == "system"
    assert "No space left" in str(error)
    assert machine.ran == []


def test_damaged_copies_stop_what_would_use_them(machine):
    machine.fails = {CAST + " system install": "no"}
    kept = refusal(machine).facts["kept"]
    copy = os.path.join(kept, machine.path("/opt/cloudant/etc/local.ini").lstrip("/"))
    with open(copy, "ab") as stream:
        stream.write(b"x")
    error = refusal(machine)
    assert (error.facts["reason"], error.facts["stopped"]) == ("copies", True)
    shutil.rmtree(kept)
    assert "There are no copies" in str(refusal(machine))


def test_copies_of_a_change_that_never_began_are_not_used(machine):
    kept = str(machine.folder / "state" / "backup" / "one" / "cloudant")
    paths = [machine.path("/opt/cloudant/etc")]
    _copies.keep(paths, kept)
    machine.put("/opt/cloudant/etc/local.ini", LOCAL.replace("debug", "warning"))
    assert "keep" in install(machine)["steps"]
    assert machine.config()[("log", "level")] == "warning"
    assert len(os.listdir(os.path.dirname(kept))) == 2


def test_copies_that_are_current_are_made_once(machine):
    _copies.keep([machine.path("/opt/cloudant/etc")], str(machine.folder / "state" / "backup" / "one" / "cloudant"))
    assert install(machine)["steps"] == ["uninstall", "install", "configure"]


def test_without_the_journal_the_copies_are_gone_on_from(machine):
    machine.fails = {str(machine.folder / "installer.bin") + " -- -s": "no"}
    refusal(machine)
    (machine.folder / "state" / "cloudant_install.json").unlink()
    machine.fails = {}
    result = install(machine)
    assert (result["former"], result["steps"]) == (None, ["uninstall", "install", "configure"])
    assert machine.config()[("log", "level")] == "debug"


def test_another_change_that_was_cut_off_comes_first(machine):
    machine.fails = {CAST + " system install": "no"}
    refusal(machine)
    error = refusal(machine, id="two")
    assert (error.facts["reason"], error.facts["stopped"]) == ("unfinished", True)
    assert "id=one" in str(error)


def test_leftovers_of_an_installer_are_moved_aside(machine, monkeypatch):
    monkeypatch.setattr(machine, "_uninstall_cast", lambda: machine.packages.discard("cloudant-cast"))
    notes = install(machine)["notes"]
    assert [note for note in notes if note.startswith("what was left in /root/cloudant is now /root/cloudant.")]


def test_two_calls_do_not_run_at_once(machine):
    state = machine.folder / "state"
    state.mkdir()
    lock = Lock(str(state / "cloudant_install.lock"))
    assert lock.take({"id": "first"})
    error = refusal(machine)
    assert error.facts["reason"] == "busy"
    assert machine.effects == 0
    machine.sleep = lambda seconds: lock.release()
    assert install(machine)["changed"]


def test_a_command_of_a_killed_call_comes_to_its_end_first(machine):
    (machine.folder / "state").mkdir()
    running = {"pid": os.getpid(), "ticks": Processes().process(os.getpid()).ticks, "command": ["cast"]}
    write_json(str(machine.folder / "state" / "cloudant_install.running"), running)
    assert refusal(machine).facts["reason"] == "busy"
    assert machine.effects == 0


@pytest.mark.parametrize("step", ["uninstall", "install"])
def test_downtime_counts_from_the_first_call(machine, step):
    clock = Clock()
    machine.fails = {CAST + " system " + step: "no"}
    with pytest.raises(FleetError):
        install(machine, clock=clock)
    machine.fails = {}
    clock.time += 60
    assert 60 < install(machine, clock=clock)["downtime"] < 70


# Killed at any moment


def end_state(kind, folder):
    folder.mkdir()
    machine = Machine(folder, kind)
    install(machine, kind)
    return machine, tree(machine)


def killed(machine, kind, moment):
    """Run until the effect with that number; return whether it was reached."""
    machine.effects, machine.kill_at = 0, moment
    try:
        install(machine, kind)
        return False
    except Killed:
        return True
    finally:
        machine.kill_at = None


def assert_would_come_back_in_maintenance(machine):
    """A host that is restarted now starts the server with what is there."""
    found = machine.config(tree(machine))
    if found.get(("vendor", "version")) == NEW and ("couchdb", "uuid") in found:
        assert found[("couchdb", "maintenance_mode")] == "true"


@pytest.mark.parametrize("kind", ["db", "lb"])
def test_killed_at_any_effect_and_called_again_the_end_is_the_same(tmp_path, kind):
    plain, wanted = end_state(kind, tmp_path / "plain")
    assert plain.effects > 40
    for moment in range(1, plain.effects + 1):
        folder = tmp_path / str(moment)
        folder.mkdir()
        machine = Machine(folder, kind)
        assert killed(machine, kind, moment)
        assert_would_come_back_in_maintenance(machine)
        install(machine, kind)
        assert tree(machine) == wanted, moment
        assert machine.runs_with == wanted, moment
        assert not (folder / "state" / "cloudant_install.yaml").exists()
        assert not install(machine, kind)["changed"]


@pytest.mark.parametrize("kind", ["db", "lb"])
def test_killed_again_and_again_a_little_later_the_end_is_the_same(tmp_path, kind):
    _plain, wanted = end_state(kind, tmp_path / "plain")
    (tmp_path / "killed").mkdir()
    machine = Machine(tmp_path / "killed", kind)
    moment = 1
    while killed(machine, kind, moment):
        moment += 1
    assert tree(machine) == wanted
    assert machine.runs_with == wanted
