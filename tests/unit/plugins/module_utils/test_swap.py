# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole swaps on a node of folders and fakes: every step failing, the process killed at every effect, and the way back from there."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import itertools
import os
import stat
import time

import pytest
from ansible.module_utils.common.text.converters import to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _swap_check, _swap_copies, _swap_files, _swap_site
from ansible_collections.dbfleet.upgrade.plugins.module_utils._dpkg import Fields, Installed
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import Answer
from ansible_collections.dbfleet.upgrade.plugins.module_utils._service import State
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_process import Process
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import FileSpec, Node, Package, Request
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_run import Call
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Log, Store

OLD, NEW = "1.3.9", "1.4.3"
GOOD, CRASHES, MUTE = "good", "crashes", "mute"


class Killed(BaseException):
    """SIGKILL: nothing of the program runs after it."""


class Job(object):
    def __init__(self, code):
        self.returncode = code

    def poll(self):
        return self.returncode


class Host(object):
    """A node: one package, one service, a configuration file and a folder of metadata. Each of its effects may be the last."""

    def __init__(self, folder):
        self.folder = folder
        self.version, self.intact = OLD + "-1", True
        self.behaviour = {OLD: GOOD, NEW: GOOD}
        self.converts = False
        self.failing = {}
        self.is_enabled = True
        self.calls = []
        self.effects = 0
        self.kill_at = None
        self.time = 0.0
        self.pid = 0
        self.running = ""
        self.restart_on_install = False
        self.start_on_install = False
        self.can_hold, self.held = True, False
        self.started_by = "service"
        self.acknowledged = []
        for name in ("etc", "meta", "stage"):
            os.mkdir(self.path(name))
        self.put("etc/influxdb.conf", "old", 0o640)
        self.put("meta/meta.db", "plain\n", 0o600)
        self.put("stage/influxdb.conf", "new")
        self.put("stage/extra.conf", "extra")
        self.put("stage/new.deb", NEW)
        self.put("stage/old.deb", OLD)
        self._run_process()
        self.began = self.began - 1000.0

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def put(self, name, text, mode=0o644):
        with io.open(self.path(name), "w", encoding="utf-8") as target:
            target.write(u"{0}".format(text))
        os.chmod(self.path(name), mode)

    def get(self, name):
        with io.open(self.path(name), encoding="utf-8") as source:
            return source.read()

    def effect(self, name):
        """A point at which the program may be killed, and an effect that a test may let fail."""
        self.calls.append(name)
        self.effects += 1
        if self.effects == self.kill_at:
            raise Killed()
        if name in self.failing:
            raise self.failing[name]

    # the service

    def _run_process(self):
        release = self.version[:-2]
        self.pid += 1
        self.began = time.time()
        self.running = release if self.behaviour[release] != CRASHES else ""
        self.replaced = False
        if self.behaviour[release] == GOOD:
            self._write(release)

    def _write(self, release):
        """A release that serves acknowledges a change; the old one cannot read what the new one may have converted."""
        text = self.get("meta/meta.db")
        if release == OLD and text.startswith("converted"):
            self.running = ""
            return
        if release == NEW and self.converts:
            text = text.replace("plain", "converted")
        line = "change {0} by {1}".format(len(self.acknowledged), release)
        self.acknowledged.append(line)
        self.put("meta/meta.db", text + line + "\n", 0o600)

    name = "influxdb"

    def state(self):
        release = self.version[:-2]
        crashed = not self.running and self.wanted
        return State(bool(self.running), crashed, False, self.pid if self.running else 0) if release else None

    wanted = True

    def enabled(self):
        return self.is_enabled

    def disable(self):
        self.effect("disable")
        self.is_enabled = False

    def reload(self):
        self.effect("reload")

    def hold(self):
        self.effect("hold")
        self.held = self.can_hold

    def release(self):
        self.effect("release")
        self.held = False

    def stop(self):
        self.effect("stop")
        if self.started_by == "service":
            self.running, self.wanted = "", False
        self.effect("stopped")

    def stop_by_script(self):
        self.effect("stop by script")
        if self.started_by == "script":
            self.running, self.wanted, self.started_by = "", False, "service"

    def start(self):
        self.effect("start")
        if self.held:
            return Job(1)
        if not self.running:
            self.wanted = True
            self._run_process()
        time.sleep(0.006)  # the kernel notes changes of files by a clock of 4 ms
        self.effect("started")
        return Job(0)

    log_line = u"run: create server: permission denied"

    def last_lines(self, _since):
        return [self.log_line]

    def adopt(self, _pid):
        pass

    # packages, processes, answers

    def installed(self, name):
        return Installed(self.version, self.intact) if name == "influxdb" else Installed("", True)

    def fields(self, path):
        return Fields("influxdb", self.get(os.path.relpath(path, self.folder)) + "-1")

    def changed_at(self, _name):
        return 0.0

    def install(self, path):
        version = self.fields(path).version
        self.effect("install " + version)
        self.intact = False
        self.put("etc/influxdb.conf.dpkg-dist", "of the package")
        if os.path.exists(self.path("etc/influxdb.conf.dpkg-old")):
            os.unlink(self.path("etc/influxdb.conf.dpkg-old"))
        self.effect("unpacked " + version)
        self.version, self.intact, self.is_enabled = version, True, True
        self.replaced = True
        if self.restart_on_install and self.running:
            self._run_process()
        if self.start_on_install and not self.held:
            self.started_with = self.get("etc/influxdb.conf")
            self._run_process()
        self.effect("installed " + version)

    def serving(self, _port):
        return self.process(self.pid) if self.running else None

    def process(self, pid):
        return Process(pid, pid, self.began, self.replaced)

    def alive(self, process):
        return bool(self.running) and process.pid == self.pid

    def run_command(self, argv):
        raise AssertionError("nothing is to be run: {0}".format(argv))

    def answer(self):
        serves = self.running and self.behaviour[self.running] == GOOD
        return Answer(204, self.running, "") if serves else Answer(0, "", "refused")

    # time

    def sleep(self, seconds):
        self.time += seconds

    def clock(self):
        return self.time


class FakeProbe(object):
    def __init__(self, host, version):
        self.host = host
        self.version = version
        self.url = "http://127.0.0.1:8086/ping"
        self.port = 8086
        self.timeout = 60.0

    def ask(self):
        return self.host.answer()

    def passes(self, answer):
        return answer.status == 204 and answer.version == self.version


@pytest.fixture
def host(tmp_path, monkeypatch):
    return watched(Host(str(tmp_path)), monkeypatch)


def watched(made, monkeypatch):
    """The host, with each change of a file an effect."""
    monkeypatch.setattr(_swap_site, "CLOCK_SLACK", 0.0)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # as slow as the disk, and nothing here can tell the difference
    for name in ("replace_file", "remove_file", "copy_entry", "copy_settled", "mirror_entry"):
        monkeypatch.setattr(_swap_files, name, counted(made, name, getattr(_swap_files, name)))
    monkeypatch.setattr(_swap_copies, "write_json", counted(made, "write_json", _swap_copies.write_json))
    return made


def counted(host, name, function):
    def wrapped(*args, **options):
        host.effect("before " + name)
        result = function(*args, **options)
        host.effect("after " + name)
        return result

    return wrapped


def package(host, version):
    path = host.path("stage", "{0}.deb".format({OLD: "old", NEW: "new"}[version]))
    return Package(path, "influxdb", version + "-1", _swap_files.digest_of(path))


def request_for(host, **changes):
    files = [
        FileSpec(host.path("stage", "influxdb.conf"), host.path("etc", "influxdb.conf"), None, None, None),
        FileSpec(host.path("stage", "extra.conf"), host.path("etc", "extra.conf"), None, None, 0o600),
    ]
    values = {"id": "influxdb-1.3.9-1.4.3", "state": "swapped", "run": "run", "package": package(host, NEW), "files": files}
    values.update(rollback_package=package(host, OLD), keep=[host.path("meta")], metastore=None, shards=None)
    values.update(rollback="auto", stop_first=False, serving=True, put_back="if_needed")
    values.update(changes)
    return Request(**values)


class CountedStore(Store):
    """Writing down the progress is an effect as well."""

    def __init__(self, host, swap_id):
        super(CountedStore, self).__init__(host.path("state"), swap_id)
        self.host = host

    def write(self, record):
        self.host.effect("record")
        super(CountedStore, self).write(record)


def call_for(host, request):
    probes = FakeProbe(host, NEW), FakeProbe(host, OLD)
    store = CountedStore(host, request.id)
    log = Log(host.path("swap.log"))
    times = (time.time, host.clock, host.sleep)
    node = Node(host, host, host, probes[0], probes[1], log, host.run_command, lambda job, limit: 0, *times)
    return Call(request, node, store, lambda action, log: action())


RUNS = itertools.count()


def swap(host, **changes):
    """One call, as a run of its own unless told otherwise."""
    changes.setdefault("run", "run {0}".format(next(RUNS)))
    return call_for(host, request_for(host, **changes)).perform(20.0)


def killed_swap(host, at, **changes):
    """The call whose process is killed at that effect; False where it ended before."""
    host.effects, host.kill_at = 0, at
    try:
        swap(host, **changes)
    except Killed:
        return True
    finally:
        host.kill_at = None
    return False


def names(result, status="ok"):
    return [step["name"] for step in result["steps"] if step["status"] == status]


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def texts_below(folder):
    found = []
    for where, _folders, files in os.walk(folder):
        for name in files:
            with io.open(os.path.join(where, name), encoding="utf-8") as source:
                found.append(source.read())
    return found


def assert_new(host):
    assert (host.version, host.intact, host.running) == (NEW + "-1", True, NEW)
    assert host.get("etc/influxdb.conf") == "new" and mode_of(host.path("etc/influxdb.conf")) == 0o640
    assert host.get("etc/extra.conf") == "extra" and mode_of(host.path("etc/extra.conf")) == 0o600
    assert sorted(os.listdir(host.path("etc"))) == ["extra.conf", "influxdb.conf"]
    assert_nothing_lost(host)


def assert_old(host):
    assert (host.version, host.intact, host.running) == (OLD + "-1", True, OLD)
    assert host.get("etc/influxdb.conf") == "old" and mode_of(host.path("etc/influxdb.conf")) == 0o640
    assert os.listdir(host.path("etc")) == ["influxdb.conf"]
    assert mode_of(host.path("meta/meta.db")) == 0o600
    assert_nothing_lost(host)


def assert_nothing_lost(host):
    """Every acknowledged change is where the release reads it, or in what was copied aside."""
    asides = [text for text in texts_below(host.folder) if text.startswith(("plain", "converted"))]
    for line in host.acknowledged:
        assert any(line in text.splitlines() for text in [host.get("meta/meta.db")] + asides), line


class TestSwapped(object):
    def test_everything_is_done_in_order_and_measured(self, host):
        result = swap(host)
        assert_new(host)
        assert (result["outcome"], result["changed"], result["finished"], result["error"]) == ("swapped", True, True, "")
        order = ["look", "verify", "keep_files", "install", "place_files", "reload", "stop", "copy_keep", "start", "ready"]
        assert names(result) == order
        assert result["served_by_new"] is True and result["notes"] == []
        assert result["kept"]["files"] == [host.path("etc/influxdb.conf"), os.path.realpath(host.path("meta"))]

    def test_between_stop_and_start_nothing_but_the_copy_is_made(self, host):
        swap(host)
        between = host.calls[host.calls.index("stopped") + 1 : host.calls.index("start")]
        assert set(between) == {"record", "before copy_entry", "after copy_entry"}

    def test_without_paths_to_keep_nothing_is_between(self, host):
        swap(host, keep=[])
        between = host.calls[host.calls.index("stopped") + 1 : host.calls.index("start")]
        assert set(between) == {"record"}

    def test_the_second_call_finds_nothing_to_do(self, host):
        swap(host)
        before = list(host.calls)
        result = swap(host)
        assert (result["outcome"], result["changed"], result["steps"]) == ("unchanged", False, [])
        assert host.calls == before

    def test_the_same_run_gets_its_result_again(self, host):
        first = swap(host, run="a")
        assert swap(host, run="a") == first

    def test_a_node_that_is_there_already_needs_no_record(self, host):
        swap(host)
        os.unlink(host.path("state", "swap.json"))
        assert swap(host)["outcome"] == "unchanged"

    @pytest.mark.parametrize("change", [
        lambda host: setattr(host, "replaced", True),
        lambda host: setattr(host, "began", host.began - 1000),
        lambda host: setattr(host, "running", OLD),
    ], ids=["its program was replaced", "it is older than its files", "it is the old release"])
    def test_without_a_record_a_process_that_is_not_the_new_one_is_restarted(self, host, change):
        swap(host)
        os.unlink(host.path("state", "swap.json"))
        change(host)
        result = swap(host)
        assert result["outcome"] == "swapped" and names(result)[2:] == ["reload", "stop", "start", "ready"]
        assert_new(host)

    def test_a_full_disk_does_not_stop_what_has_begun(self, host):
        host.failing = {"record": IOError("no space")}
        assert swap(host)["outcome"] == "swapped"
        assert_new(host)
        host.failing = {}
        assert swap(host)["outcome"] == "unchanged"

    def test_nor_send_back_a_release_that_serves(self, host):
        host.failing = SeldomFails("before write_json", 2, IOError("no space"))
        result = swap(host)
        assert result["outcome"] == "swapped" and "could not be completed" in result["notes"][0]
        assert_new(host)

    def test_nor_keep_the_old_release_from_coming_back(self, host):
        host.behaviour[NEW] = CRASHES
        host.failing = SeldomFails("before write_json", 2, IOError("no space"))
        result = swap(host)
        assert result["outcome"] == "restored" and "could not be completed" in result["notes"][0]
        assert_old(host)

    def test_nor_leave_a_release_that_serves_half_way_back(self, host):
        swap(host)
        host.failing = SeldomFails("before write_json", 1, IOError("no space"))
        assert swap(host, state="restored")["outcome"] == "restored"
        assert_old(host)

    def test_what_was_started_by_a_script_is_stopped_by_it(self, host):
        host.started_by = "script"
        assert swap(host, stop_first=True)["outcome"] == "swapped"
        assert_new(host)

    def test_a_service_that_only_says_that_it_stopped_is_not_believed(self, host):
        host.started_by = "hand"
        result = swap(host, stop_first=True)
        assert (result["outcome"], host.version, host.running) == ("restored", OLD + "-1", OLD)
        assert "its process 1 is still there" in result["error"]

    def test_a_file_changed_since_is_put_in_place_again_and_its_content_is_kept(self, host):
        swap(host)
        host.put("etc/influxdb.conf", "edited by hand", 0o640)
        result = swap(host)
        assert result["outcome"] == "swapped" and names(result)[2:] == ["place_files", "reload", "stop", "start", "ready"]
        assert_new(host)
        assert "edited by hand" in texts_below(result["kept"]["dir"])
        assert "old" in texts_below(result["kept"]["dir"])

    def test_files_alone_can_be_swapped(self, host):
        result = swap(host, package=package(host, OLD)._replace(version=OLD + "-1"), rollback_package=None)
        assert result["outcome"] == "restored"  # the fake new probe asks for 1.4.3, which never comes
        assert "install" not in names(result) and host.get("etc/influxdb.conf") == "old"

    def test_a_disabled_service_stays_disabled(self, host):
        host.is_enabled = False
        swap(host)
        assert host.is_enabled is False

    def test_scripts_that_restart_the_service_are_noted(self, host):
        host.restart_on_install = True
        result = swap(host)
        assert result["outcome"] == "swapped" and "ended the old process" in result["notes"][0]
        assert result["downtime"] > 0

    def test_stopping_first_keeps_such_scripts_quiet(self, host):
        host.restart_on_install = True
        result = swap(host, stop_first=True)
        assert names(result)[2:] == ["keep_files", "copy_ahead", "stop"] + [
            "copy_keep", "install", "place_files", "reload", "start", "ready"
        ]
        assert result["notes"] == [] and host.pid == 2
        assert_new(host)

    def test_stopping_first_copies_before_the_stop_what_does_not_change(self, host):
        host.put("meta/00001.ldb", "a table")
        os.utime(host.path("meta/00001.ldb"), (1000, 1000))
        swap(host, stop_first=True)
        assert host.get("state/backup/influxdb-1.3.9-1.4.3/swap/keep/0/00001.ldb") == "a table"
        assert host.calls.index("after copy_settled") < host.calls.index("stop") < host.calls.index("before mirror_entry")

    def test_a_package_that_starts_its_service_is_kept_from_it_until_the_files_are_there(self, host):
        host.start_on_install = True
        result = swap(host, stop_first=True)
        assert result["outcome"] == "swapped" and result["notes"] == []
        assert not hasattr(host, "started_with") and host.pid == 2
        assert_new(host)

    def test_where_it_cannot_be_kept_from_it_the_service_is_stopped_again(self, host):
        host.start_on_install, host.can_hold = True, False
        result = swap(host, stop_first=True)
        assert result["outcome"] == "swapped" and "stopped again" in result["notes"][0]
        assert host.started_with == "old" and host.pid == 3
        assert_new(host)


FAILURES = [
    ("before replace_file", IOError("no space"), False),
    ("install 1.4.3-1", FleetError("dpkg could not install", log_tail=["broken"]), False),
    ("unpacked 1.4.3-1", FleetError("dpkg could not install"), False),
    ("reload", FleetError("reload failed"), False),
    ("stop", FleetError("stop failed"), True),
    ("before copy_entry", IOError("no space"), True),
    ("start", OSError("no program"), True),
]


class TestFailure(object):
    @pytest.mark.parametrize("effect,error,restarted", FAILURES, ids=[row[0] for row in FAILURES])
    def test_a_step_that_fails_is_undone(self, host, effect, error, restarted):
        host.failing = Once({effect: error})
        result = swap(host)
        assert (result["outcome"], result["finished"]) == ("restored", True)
        assert_old(host)
        assert str(error).rstrip(".") in result["error"] and result["error"].count("What to do") == 0
        assert (host.pid == 1) is not restarted or effect == "stop"
        assert result["served_by_new"] is False

    def test_before_the_stop_the_old_process_goes_on_undisturbed(self, host):
        host.failing = Once({"reload": FleetError("reload failed")})
        result = swap(host)
        assert result["downtime"] == 0.0 and host.pid == 1 and "stop" not in host.calls
        assert names(result)[-4:] == ["undo_files", "undo_install", "undo_reload", "undo_ready"]

    @pytest.mark.parametrize("how,words", [(CRASHES, "the service failed"), (MUTE, "not ready after 60 seconds")])
    def test_a_release_that_does_not_come_up(self, host, how, words):
        host.behaviour[NEW] = how
        result = swap(host)
        assert result["outcome"] == "restored" and words in result["error"]
        assert result["error"].endswith("from its log: run: create server: permission denied.")
        assert result["log_tail"] == ["run: create server: permission denied"]
        assert_old(host)

    @pytest.mark.parametrize("rollback", ["auto", "manual"])
    def test_its_log_may_say_what_is_beyond_ascii(self, host, rollback):
        host.behaviour[NEW] = CRASHES
        host.log_line = u"run: cannot open database datenbank-\xfc"
        first = swap(host, rollback=rollback, run="a")
        again = swap(host, rollback=rollback, run="a")
        for result in (first, again):
            assert to_native(u"datenbank-\xfc") in result["error"] and isinstance(result["error"], str)

    def test_an_old_process_that_ends_on_the_way_back_is_started_again(self, host):
        host.failing = Once({"install 1.4.3-1": FleetError("dpkg could not install")})
        reload = host.reload

        def reload_and_end():
            reload()
            host.running = ""  # by the stop that a killed run had ordered

        host.reload = reload_and_end
        result = swap(host)
        assert result["outcome"] == "restored" and host.pid == 2
        assert_old(host)

    def test_a_crash_is_not_waited_for(self, host):
        host.behaviour[NEW] = CRASHES
        swap(host)
        assert host.time < 2

    def test_with_rollback_manual_the_node_is_left_and_described(self, host):
        host.behaviour[NEW] = CRASHES
        result = swap(host, rollback="manual")
        assert result["outcome"] == "failed" and host.version == NEW + "-1"
        for words in ("influxdb 1.4.3-1 is installed", "not running", "not as before", host.path("state"), "state=restored"):
            assert words in result["error"]
        assert swap(host, state="restored")["outcome"] == "restored"
        assert_old(host)

    def test_without_the_old_package_there_is_no_way_back(self, host):
        host.behaviour[NEW] = CRASHES
        result = swap(host, rollback_package=None)
        assert result["outcome"] == "failed" and "(influxdb 1.3.9-1) is needed" in result["error"]
        with pytest.raises(FleetError) as caught:
            swap(host, state="restored", rollback_package=None)
        assert "no rollback_package was given" in str(caught.value)
        assert swap(host, state="restored")["outcome"] == "restored"
        assert_old(host)

    def test_a_way_back_that_fails_says_where_the_node_stands(self, host):
        host.behaviour[NEW] = CRASHES
        host.failing = {"install 1.3.9-1": FleetError("dpkg could not install the old one")}
        result = swap(host)
        assert result["outcome"] == "failed"
        assert "The way back failed too: dpkg could not install the old one" in result["error"]
        host.failing = {}
        assert swap(host, state="restored")["outcome"] == "restored"
        assert_old(host)

    def test_a_failed_swap_can_be_tried_again_after_the_cause_is_gone(self, host):
        host.behaviour[NEW] = CRASHES
        assert swap(host)["outcome"] == "restored"
        host.behaviour[NEW] = GOOD
        assert swap(host)["outcome"] == "swapped"
        assert_new(host)

    def test_the_second_attempt_copies_what_the_old_release_wrote_meanwhile(self, host):
        host.behaviour[NEW] = CRASHES
        swap(host)
        swap(host)
        kept = host.path("state/backup/influxdb-1.3.9-1.4.3")
        assert sorted(os.listdir(kept)) == ["swap", "swap.1"]
        assert_old(host)

    def test_an_error_of_the_program_itself_is_undone_too(self, host):
        host.failing = Once({"reload": KeyError("oops")})
        result = swap(host)
        assert result["outcome"] == "restored" and "KeyError" in result["error"]
        assert_old(host)


class SeldomFails(dict):
    """A failure of the n-th effect of a name."""

    def __init__(self, name, number, error):
        super(SeldomFails, self).__init__({name: error})
        self.left = number

    def __contains__(self, name):
        self.left -= dict.__contains__(self, name)
        return self.left == 0 and dict.__contains__(self, name)


class Once(dict):
    """Failures that happen at the first attempt only."""

    def __getitem__(self, key):
        return self.pop(key)


class TestKeep(object):
    def test_what_a_release_that_never_served_spoiled_is_put_back(self, host):
        host.behaviour[NEW] = CRASHES
        broken = host._run_process

        def spoil():
            broken()
            if not host.running:
                host.put("meta/meta.db", "converted, half", 0o600)

        host._run_process = spoil
        result = swap(host)
        assert result["outcome"] == "restored" and "undo_keep" in names(result)
        assert host.get("meta/meta.db").startswith("plain") and "moved to" in result["notes"][0]
        assert "converted, half" in texts_below(host.path("state"))

    def test_what_a_release_that_served_wrote_is_kept(self, host):
        swap(host)
        result = swap(host, state="restored")
        assert result["outcome"] == "restored" and "undo_keep" in names(result, "skipped")
        assert "by 1.4.3" in host.get("meta/meta.db")
        assert_old(host)

    def test_only_if_the_old_release_cannot_use_it_the_copy_is_put_back(self, host):
        host.converts = True
        swap(host)
        result = swap(host, state="restored")
        assert result["outcome"] == "restored"
        assert "by 1.4.3" not in host.get("meta/meta.db")
        assert "did not come up on what the new one left" in result["notes"][0] and "moved to" in result["notes"][1]
        assert_old(host)

    def test_a_put_back_that_was_interrupted_is_completed_before_the_old_release_starts(self, host):
        host.converts = True
        for name in ("meta/a", "meta/z"):
            host.put(name, "plain")
        swap(host)
        for name in ("meta/a", "meta/z"):
            host.put(name, "converted")
        host.failing = {"after mirror_entry": Killed()}
        with pytest.raises(Killed):
            swap(host, state="restored")
        assert (host.get("meta/a"), host.get("meta/z")) == ("plain", "converted")
        host.failing, host.calls = {}, []
        result = swap(host, state="restored")
        assert [step["status"] for step in result["steps"] if step["name"] == "undo_keep"] == ["ok"]
        assert host.calls.count("start") == 1
        assert (host.get("meta/a"), host.get("meta/z")) == ("plain", "plain")
        assert_old(host)

    def test_a_file_that_appeared_meanwhile_goes_aside(self, host):
        host.converts = True
        swap(host)
        host.put("meta/more", "of the new release")
        swap(host, state="restored")
        assert os.listdir(host.path("meta")) == ["meta.db"]
        assert "of the new release" in texts_below(host.path("state"))

    def test_what_the_new_release_changed_for_good_is_renamed_and_the_copy_put_back(self, host):
        keep = [host.path("meta"), host.path("shards")]
        swap(host, stop_first=True, put_back="always", keep=keep)
        os.mkdir(host.path("shards"))
        result = swap(host, state="restored", stop_first=True, keep=keep)
        assert result["outcome"] == "restored"
        assert ".dbfleet-aside-1" in " ".join(result["notes"])
        assert "by 1.4.3" not in host.get("meta/meta.db") and "by 1.4.3" in host.get("meta.dbfleet-aside-1/meta.db")
        assert os.path.isdir(host.path("shards.dbfleet-aside-1")) and not os.path.exists(host.path("shards"))
        assert_old(host)

    def test_what_the_old_release_wrote_since_is_not_put_back_again(self, host):
        options = {"stop_first": True, "put_back": "always"}
        swap(host, **options)
        swap(host, state="restored", **options)
        host.start()
        host.running = ""
        swap(host, state="restored", **options)
        assert not os.path.exists(host.path("meta.dbfleet-aside-2"))
        assert host.acknowledged[-2] in host.get("meta/meta.db")

    def test_a_second_attempt_does_not_overwrite_what_the_first_left(self, host):
        options = {"stop_first": True, "put_back": "always"}
        for _attempt in range(2):
            swap(host, **options)
            swap(host, state="restored", **options)
        assert os.path.exists(host.path("meta.dbfleet-aside-2"))
        assert_nothing_lost(host)

    def test_a_single_file_can_be_kept(self, host):
        host.converts = True
        swap(host, keep=[host.path("meta/meta.db")])
        swap(host, state="restored", keep=[host.path("meta/meta.db")])
        assert_old(host)


class TestLeftByDpkg(object):
    """Beside the configuration; that none of it stays is seen wherever a node is looked at."""

    @pytest.mark.parametrize("state", ["swapped", "restored"])
    @pytest.mark.parametrize("ending", [".dpkg-dist", ".dpkg-new", ".dpkg-old"])
    def test_what_was_there_before_stays_as_it_was(self, host, ending, state):
        host.put("etc/influxdb.conf" + ending, "former", 0o640)
        swap(host)
        swap(host, state=state)
        assert host.get("etc/influxdb.conf" + ending) == "former"
        assert mode_of(host.path("etc/influxdb.conf" + ending)) == 0o640
        assert [name for name in os.listdir(host.path("etc")) if "dpkg" in name] == ["influxdb.conf" + ending]

    def test_it_lies_beside_what_a_link_points_to(self, host):
        os.mkdir(host.path("real"))
        os.rename(host.path("etc/influxdb.conf"), host.path("real/influxdb.conf"))
        os.symlink(host.path("real/influxdb.conf"), host.path("etc/influxdb.conf"))
        host.put("real/influxdb.conf.dpkg-old", "former")
        installed = host.install

        def install(path):
            installed(path)
            os.rename(host.path("etc/influxdb.conf.dpkg-dist"), host.path("real/influxdb.conf.dpkg-dist"))

        host.install = install
        swap(host)
        assert sorted(os.listdir(host.path("real"))) == ["influxdb.conf", "influxdb.conf.dpkg-old"]

    def test_a_damaged_copy_of_it_is_not_put_back(self, host):
        host.put("etc/influxdb.conf.dpkg-old", "former")
        kept = swap(host)["kept"]
        assert host.path("etc/influxdb.conf.dpkg-old") in kept["files"]
        for name in os.listdir(os.path.join(kept["dir"], "files")):
            io.open(os.path.join(kept["dir"], "files", name), "wb").close()
        with pytest.raises(FleetError):
            swap(host, state="restored")


class TestRestored(object):
    def test_later(self, host):
        swap(host)
        result = swap(host, state="restored")
        assert (result["outcome"], result["changed"], result["error"]) == ("restored", True, "")
        assert result["served_by_new"] is True
        assert_old(host)

    def test_the_new_release_serves_until_the_old_package_is_there(self, host):
        swap(host)
        host.calls = []
        swap(host, state="restored")
        assert host.calls.index("installed 1.3.9-1") < host.calls.index("stop") < host.calls.index("start")

    def test_unless_its_scripts_would_restart_it(self, host):
        swap(host, stop_first=True)
        host.calls = []
        swap(host, state="restored", stop_first=True)
        assert host.calls.index("stopped") < host.calls.index("install 1.3.9-1") < host.calls.index("start")

    def test_the_second_call_finds_nothing_to_do(self, host):
        swap(host)
        swap(host, state="restored")
        before = list(host.calls)
        assert swap(host, state="restored")["outcome"] == "unchanged"
        assert host.calls == before

    def test_a_node_that_was_never_swapped_is_as_it_should_be(self, host):
        assert swap(host, state="restored")["outcome"] == "unchanged"

    def test_and_forward_again(self, host):
        swap(host)
        swap(host, state="restored")
        assert swap(host)["outcome"] == "swapped"
        assert_new(host)

    def test_edits_made_since_are_kept_beside(self, host):
        swap(host)
        host.put("etc/influxdb.conf", "edited by hand", 0o640)
        result = swap(host, state="restored")
        assert_old(host)
        assert "edited by hand" in texts_below(result["kept"]["dir"])


def remove(host, name):
    os.unlink(host.path(name))


REFUSALS = [
    ("no package", lambda host: remove(host, "stage/new.deb"), {}, "stage it first"),
    ("no rollback package", lambda host: remove(host, "stage/old.deb"), {}, "stage it first"),
    ("changed package", lambda host: host.put("stage/new.deb", "other"), {}, "The SHA-256|the SHA-256"),
    ("no source", lambda host: remove(host, "stage/extra.conf"), {}, "extra.conf"),
    ("nothing to keep", lambda host: None, {"keep": ["/nonexistent/meta"]}, "/nonexistent/meta is to be kept"),
    ("renamed while it runs", lambda host: None, {"put_back": "always"}, "stop_first is not set"),
    ("a mount point", lambda host: None, {"put_back": "always", "stop_first": True, "keep": ["/proc"]}, "/proc is a mount point"),
    ("not running", lambda host: setattr(host, "running", ""), {}, "is not running"),
    ("not serving", lambda host: host.behaviour.update({OLD: MUTE}), {}, "the old release is not ready"),
    ("another version", lambda host: setattr(host, "version", "1.2.0-1"), {}, "1.2.0-1 is installed"),
    ("half installed", lambda host: setattr(host, "intact", False), {}, "only in part"),
]


class TestRefusal(object):
    @pytest.mark.parametrize("prepare,changes,words", [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
    def test_before_any_change(self, host, prepare, changes, words):
        request = request_for(host, **changes)
        prepare(host)
        with pytest.raises(FleetError) as caught:
            call_for(host, request).perform(20.0)
        assert any(word in str(caught.value) for word in words.split("|"))
        assert host.calls == [] and host.get("etc/influxdb.conf") == "old"

    def test_a_package_that_holds_something_else(self, host):
        with pytest.raises(FleetError) as caught:
            swap(host, package=package(host, NEW)._replace(version="1.4.2-1"))
        assert "holds influxdb 1.4.3-1" in str(caught.value)

    @pytest.mark.parametrize("damage", ["cut", "lost"])
    def test_damaged_copies_are_not_put_back(self, host, damage):
        kept = swap(host)["kept"]["dir"]
        copy = os.path.join(kept, "files", "0")
        os.unlink(copy)
        if damage == "cut":
            io.open(copy, "wb").close()
        before = list(host.calls)
        with pytest.raises(FleetError) as caught:
            swap(host, state="restored")
        assert copy in str(caught.value) and host.calls == before

    def test_damaged_kept_folder(self, host):
        kept = swap(host)["kept"]["dir"]
        with open(os.path.join(kept, "keep", "0", "meta.db"), "a") as target:
            target.write("?")
        with pytest.raises(FleetError) as caught:
            swap(host, state="restored")
        assert "keep/0" in str(caught.value)

    def test_no_copies(self, host):
        host.version = NEW + "-1"
        with pytest.raises(FleetError) as caught:
            swap(host, state="restored")
        assert "there are no copies" in str(caught.value)

    def test_no_room_for_the_copies(self, host, monkeypatch):
        monkeypatch.setattr(_swap_check, "SPARE", 1 << 60)
        with pytest.raises(FleetError) as caught:
            swap(host)
        assert "MiB free" in str(caught.value) and host.get("etc/influxdb.conf") == "old"

    def test_an_unfinished_swap_of_another_id_comes_first(self, host):
        assert killed_swap(host, 12, id="first")
        with pytest.raises(FleetError) as caught:
            swap(host, id="second")
        assert "call node_swap with id first" in str(caught.value)

    def test_copies_of_another_release(self, host):
        swap(host)
        host.put("stage/old.deb", "1.2.0")
        with pytest.raises(FleetError) as caught:
            swap(host, state="restored", rollback_package=package(host, OLD)._replace(version="1.2.0-1"))
        assert "belong to 1.3.9-1" in str(caught.value)


class TestTogether(object):
    def lock(self, host, **holder):
        store = Store(host.path("state"), "influxdb-1.3.9-1.4.3")
        os.mkdir(store.folder)
        assert store.lock.take(dict({"id": "influxdb-1.3.9-1.4.3", "state": "swapped", "run": "theirs", "pid": 1}, **holder))
        return store

    @pytest.mark.parametrize("holder", [{"id": "other"}, {"state": "restored"}])
    def test_another_swap_is_refused(self, host, holder):
        self.lock(host, **holder)
        with pytest.raises(FleetError) as caught:
            swap(host)
        assert "another swap is running" in str(caught.value)

    def test_the_same_swap_is_joined_until_the_wait_is_over(self, host):
        store = self.lock(host)
        store.write({"run": "another, long ago", "finished": True})
        result = swap(host)
        assert (result["finished"], result["run"], host.calls) == (False, "theirs", [])
        assert host.time >= 20

    def test_the_result_of_the_joined_swap_is_returned(self, host):
        done = swap(host, run="theirs")
        os.rename(host.path("state"), host.path("finished"))
        store = self.lock(host)
        os.rename(host.path("finished", "swap.json"), host.path("state", "swap.json"))
        assert swap(host, run="ours") == done and host.time >= 5  # gave the other process time to end
        store.lock.release()

    def test_a_lock_that_is_only_looked_at_is_no_swap(self, host):
        store = self.lock(host)
        store.write({"run": "theirs", "finished": True, "outcome": "restored", "id": "influxdb-1.3.9-1.4.3"})
        host.sleep = lambda seconds: store.lock.release()
        assert swap(host)["outcome"] == "swapped"
        assert_new(host)

    def test_a_swap_that_ends_between_two_looks_has_ended(self, host):
        done = swap(host, run="theirs")
        call = call_for(host, request_for(host, run="theirs"))

        class Lock(object):
            """Is free from the second look on; the last record appears right before that."""

            def __init__(self):
                self.looks = 0
                self.record = call.store.read()
                call.store.write(dict(self.record, finished=False))

            def is_free(self):
                self.looks += 1
                if self.looks == 2:
                    call.store.write(self.record)
                return self.looks > 1

        call.store.lock = Lock()
        assert call._follow("theirs", 20.0) == done


class TestCheckMode(object):
    def test_nothing_is_written(self, host):
        request = request_for(host)
        os.unlink(host.path("stage/new.deb"))
        result = call_for(host, request).predict()
        assert (result["changed"], result["finished"], host.calls) == (True, True, [])
        assert not os.path.exists(host.path("state"))

    def test_done_is_seen(self, host):
        swap(host)
        before = sorted(texts_below(host.folder))
        assert call_for(host, request_for(host)).predict()["changed"] is False
        assert call_for(host, request_for(host, state="restored")).predict()["changed"] is True
        assert sorted(texts_below(host.folder)) == before

    def test_refusals_are_predicted(self, host):
        host.running = ""
        with pytest.raises(FleetError):
            call_for(host, request_for(host)).predict()


SCENARIOS = [
    ("good", {}, {}),
    ("stop first", {}, {"stop_first": True}),
    ("put back always", {}, {"stop_first": True, "put_back": "always"}),
    ("crashes", {NEW: CRASHES}, {}),
    ("mute", {NEW: MUTE}, {}),
]


def scenario_host(tmp_path, host, number):
    """host, reset: a new node with the same counters of effects, for each point of a table."""
    folder = tmp_path / "node{0}".format(number)
    folder.mkdir()
    host.__init__(str(folder))
    return host


class TestKilled(object):
    """At every effect of a swap: called again it ends on the new release, called with restored on the old one."""

    @pytest.mark.parametrize("behaviour,changes", [row[1:] for row in SCENARIOS], ids=[row[0] for row in SCENARIOS])
    @pytest.mark.parametrize("state", ["swapped", "restored"])
    def test_at_every_effect(self, tmp_path, host, behaviour, changes, state):
        at = 0
        while True:
            at += 1
            scenario_host(tmp_path, host, at).behaviour.update(behaviour)
            if not killed_swap(host, at, **changes):
                break
            where = list(host.calls)
            host.behaviour.update({NEW: GOOD})
            result = swap(host, state=state, **changes)
            assert result["outcome"] in (state, "unchanged"), (where, result["error"])
            (assert_new if state == "swapped" else assert_old)(host)
            renamed = state == "restored" and "put_back" in changes
            assert behaviour or renamed or all(line in host.get("meta/meta.db") for line in host.acknowledged), where
            assert swap(host, state=state, **changes)["outcome"] == "unchanged"
        assert at > 30

    @pytest.mark.parametrize("name", ["influxdb.conf", "extra.conf"])
    def test_in_the_middle_of_a_replacement(self, host, name):
        host.failing = {"before replace_file": Killed()}
        with pytest.raises(Killed):
            swap(host)
        host.failing = {}
        host.put("etc/" + name + _swap_files.NEW, "ha")
        assert swap(host, state="restored")["outcome"] == "restored"
        assert_old(host)

    def test_at_every_effect_of_a_swap_that_cannot_succeed(self, tmp_path, host):
        at = 0
        while True:
            at += 1
            scenario_host(tmp_path, host, at).behaviour[NEW] = CRASHES
            if not killed_swap(host, at):
                break
            where = list(host.calls)
            assert swap(host)["outcome"] == "restored", where
            assert_old(host)
        assert at > 40

    def test_what_was_served_after_a_reboot_in_the_middle_is_kept(self, host):
        at = 0
        while "after copy_entry" not in host.calls:
            at += 1
            host.calls = []
            killed_swap(host, at)
        host.start()
        assert host.acknowledged[-1].endswith("by 1.4.3")
        assert swap(host, state="restored")["outcome"] == "restored"
        assert host.acknowledged[-2] in host.get("meta/meta.db")

    @pytest.mark.parametrize("converts", [False, True])
    def test_at_every_effect_of_the_way_back(self, tmp_path, host, converts):
        at = 0
        while True:
            at += 1
            scenario_host(tmp_path, host, at).converts = converts
            swap(host)
            if not killed_swap(host, at, state="restored"):
                break
            where = list(host.calls)
            result = swap(host, state="restored")
            assert result["outcome"] in ("restored", "unchanged"), (where, result["error"])
            assert_old(host)
        assert at > 20

    def test_at_every_effect_of_the_way_back_from_what_cannot_be_read(self, tmp_path, host):
        options = {"stop_first": True, "put_back": "always", "keep": None}
        at = 0
        while True:
            at += 1
            scenario_host(tmp_path, host, at).converts = True
            options["keep"] = [host.path("meta"), host.path("shards")]
            swap(host, **options)
            os.mkdir(host.path("shards"))
            if not killed_swap(host, at, **dict(options, state="restored")):
                break
            where = list(host.calls)
            assert swap(host, **dict(options, state="restored"))["outcome"] in ("restored", "unchanged"), where
            assert_old(host)
            assert not os.path.exists(host.path("shards")), where
            assert "converted" not in host.get("meta/meta.db"), where
        assert at > 20

    @pytest.mark.parametrize("first", range(5, 50, 9))
    def test_twice(self, tmp_path, host, first):
        at = 0
        while True:
            at += 1
            scenario_host(tmp_path, host, at).behaviour[NEW] = MUTE
            assert killed_swap(host, first)
            if not killed_swap(host, at, state="restored"):
                break
            where = list(host.calls)
            result = swap(host, state="restored")
            assert result["outcome"] in ("restored", "unchanged"), (where, result["error"])
            assert_old(host)

    def test_the_former_copies_are_not_taken_anew_from_a_changed_node(self, host):
        swap_id = "influxdb-1.3.9-1.4.3"
        at = 0
        while host.get("etc/influxdb.conf") != "new":
            at += 1
            killed_swap(host, at)
        copy = host.path("state", "backup", swap_id, "swap", "files", "0")
        before = os.stat(copy).st_mtime
        swap(host)
        with io.open(copy, encoding="utf-8") as source:
            assert source.read() == "old"
        assert os.stat(copy).st_mtime == before

    def test_a_downtime_over_a_kill_is_told(self, host):
        at = 0
        while "stopped" not in host.calls:
            at += 1
            host.calls = []
            killed_swap(host, at)
        result = swap(host)
        assert result["downtime"] > 0 and "taken up again" in result["notes"][0]

    def test_a_downtime_that_nobody_measured_is_not_told(self, host):
        at = 0
        while "started" not in host.calls:
            at += 1
            host.calls = []
            killed_swap(host, at)
        result = swap(host)
        assert (result["outcome"], result["changed"], result["downtime"]) == ("swapped", True, None)
        assert names(result, "running") == [] and result["notes"][-1] == "taken up again after a run that ended in step ready"
