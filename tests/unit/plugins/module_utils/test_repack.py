# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import json
import os
import shutil
import stat
import subprocess

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _repack
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result, run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

WANTED = _repack.Wanted("influxdb", "1.3.9", "amd64", None)
CONTROL = "Package: influxdb\nVersion: 1.3.9-1\nArchitecture: amd64\nMaintainer: nobody <n@localhost>\nDescription: test\n more\n"
# What dpkg-query -s prints, its own fields among the package's.
STATUS = """Package: influxdb
Status: install ok installed
Priority: extra
Maintainer: nobody <n@localhost>
Architecture: amd64
Version: 1.3.9-1
Config-Version: 1.3.9-1
Conffiles:
 /etc/influxdb/influxdb.conf 90dd2a4b8a4e4c5ab6e2a9a5f1a8e0ad
 /etc/logrotate.d/influxdb 90dd2a4b8a4e4c5ab6e2a9a5f1a8e0ad
Description: test
 more
"""
MADISON = """  influxdb | 1.6.7~rc0-1+b13 | http://mirror.example/debian bookworm/main amd64 Packages
  influxdb |    1.3.9-1 | http://mirror.example/influx stable/main amd64 Packages
  influxdb |    1.3.9-1 | http://mirror.example/influx stable/main Sources
"""

needs_dpkg = pytest.mark.skipif(run_command(["dpkg-deb", "--version"]).rc != 0, reason="needs dpkg-deb")


def write(path, content=b"x", mode=0o644):
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(path.rpartition("/")[0])
    with open(path, "wb") as stream:
        stream.write(content)
    os.chmod(path, mode)


def build(folder, name="p.deb", control=CONTROL, program=b"program"):
    tree = os.path.join(str(folder), "tree")
    write(tree + "/DEBIAN/control", control.encode("ascii"))
    write(tree + "/usr/bin/influxd", program, 0o755)
    os.chmod(tree + "/DEBIAN", 0o755)
    path = os.path.join(str(folder), name)
    subprocess.check_output(["dpkg-deb", "-b", tree, path])
    shutil.rmtree(tree)
    return path


def digest(path):
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def content(path):
    with open(path) as stream:
        return stream.read()


def no_leftovers(dest):
    return [name for name in os.listdir(dest) if name.startswith(".")] == []


@needs_dpkg
def test_a_file_is_proved_copied_and_used_again(tmp_path):
    path, dest = build(tmp_path), str(tmp_path / "s" / "stage")
    wanted = WANTED._replace(sha256=digest(path))
    source = _repack.File(path, run_command)
    predicted = _repack.obtain([source], wanted, dest, run_command, check_mode=True)
    assert not os.path.exists(dest)
    result = _repack.obtain([source], wanted, dest, run_command)
    assert result == predicted == {
        "changed": True,
        "path": os.path.join(dest, "influxdb_1.3.9-1_amd64.deb"),
        "name": "influxdb",
        "version": "1.3.9-1",
        "arch": "amd64",
        "sha256": digest(path),
        "size": os.path.getsize(path),
        "source": "file",
    }
    assert digest(result["path"]) == digest(path)
    assert stat.S_IMODE(os.stat(dest).st_mode) == 0o700
    assert no_leftovers(dest)
    os.unlink(path)
    assert _repack.obtain([source], wanted, dest, run_command) == dict(result, changed=False)


@needs_dpkg
@pytest.mark.parametrize("name", ["influxdb_1.3.9-1_amd64.deb", "given.deb"])
@pytest.mark.parametrize("through", ["", "link"])
def test_a_file_that_lies_in_the_folder_is_not_copied(tmp_path, monkeypatch, name, through):
    (tmp_path / "stage").mkdir()
    path, dest = build(tmp_path / "stage", name), str(tmp_path / "stage")
    os.symlink(path, str(tmp_path / "link"))
    monkeypatch.setattr(_repack, "require_room", lambda _dest, needed: pytest.fail("room") if needed else None)
    source = _repack.File(str(tmp_path / through) if through else path, run_command)
    result = _repack.obtain([source], WANTED, dest, run_command)
    assert result["path"] == os.path.join(dest, "influxdb_1.3.9-1_amd64.deb")
    assert os.path.samefile(result["path"], path)
    assert no_leftovers(dest)
    assert _repack.obtain([source], WANTED, dest, run_command) == dict(result, changed=False)


@needs_dpkg
@pytest.mark.parametrize("harm", ["digest", "note", "file", "other"])
def test_what_is_kept_is_made_anew_if_it_is_not_right(tmp_path, harm):
    path, dest = build(tmp_path), str(tmp_path / "stage")
    source = _repack.File(path, run_command)
    kept = _repack.obtain([source], WANTED, dest, run_command)["path"]
    if harm == "digest":
        write(kept, b"damaged")
    elif harm == "file":
        os.unlink(kept)
    elif harm == "note":
        write(kept + ".json", b"{torn")
    else:
        write(kept + ".json", json.dumps(dict(json.loads(content(kept + ".json")), version="1.4.3-1")).encode("ascii"))
    assert _repack.obtain([source], WANTED, dest, run_command)["changed"]
    assert digest(kept) == digest(path)


@needs_dpkg
def test_a_package_made_here_serves_although_another_was_published(tmp_path):
    dest = str(tmp_path)
    path = build(tmp_path, "influxdb_1.3.9-1_amd64.deb")
    record = {"name": "influxdb", "version": "1.3.9-1", "arch": "amd64", "sha256": digest(path), "source": "rebuilt"}
    write(path + ".json", json.dumps(record).encode("ascii"))
    assert _repack.existing(dest, WANTED._replace(sha256="0" * 64))["path"] == path
    write(path + ".json", json.dumps(dict(record, source="file")).encode("ascii"))
    assert _repack.existing(dest, WANTED._replace(sha256="0" * 64)) is None


@needs_dpkg
@pytest.mark.parametrize(
    "wanted, control",
    [
        (WANTED, CONTROL.replace("influxdb\n", "influxdb-data\n", 1)),
        (WANTED, CONTROL.replace("1.3.9-1", "1.3.90-1")),
        (WANTED, CONTROL.replace("amd64", "armhf")),
        (WANTED._replace(version="1.3.9-2"), CONTROL),
        (WANTED._replace(sha256="0" * 64), CONTROL),
    ],
)
def test_another_package_is_refused(tmp_path, wanted, control):
    path, dest = build(tmp_path, control=control), str(tmp_path / "stage")
    for check_mode in (True, False):
        with pytest.raises(FleetError) as caught:
            _repack.obtain([_repack.File(path, run_command)], wanted, dest, run_command, check_mode)
        assert caught.value.facts["reason"] == "no-rollback-package"
        assert path in caught.value.facts["tried"]["file"]
    assert not os.path.exists(dest)


@needs_dpkg
@pytest.mark.parametrize("version", ["1.3.9", "1.3.9-1", "1:1.3.9-1"])
def test_a_version_is_named_in_any_of_three_ways(tmp_path, version):
    path = build(tmp_path, control=CONTROL.replace("1.3.9-1", "1:1.3.9-1"))
    record = _repack.prove(path, WANTED._replace(version=version), run_command)
    assert _repack.file_name(record) == "influxdb_1%3a1.3.9-1_amd64.deb"


@needs_dpkg
@pytest.mark.parametrize("control", [CONTROL, CONTROL.replace("amd64", "all")])
def test_content_that_ends_early_is_found(tmp_path, control):
    program = os.urandom(1 << 20)
    path = build(tmp_path, control=control, program=program)
    _repack.prove(path, WANTED, run_command)
    assert _repack.members(path) == {"/usr/bin/influxd": hashlib.sha256(program).hexdigest()}
    with open(path, "rb+") as stream:
        stream.truncate(1 << 19)
    with pytest.raises(FleetError, match="read to its end"):
        _repack.prove(path, WANTED, run_command)


def test_what_is_no_package_is_refused(tmp_path):
    answer = Result(2, "", "dpkg-deb: error: 'x' is not a Debian format archive")
    with pytest.raises(FleetError, match="not a Debian format archive"):
        _repack.prove("x", WANTED, lambda argv: answer)


@needs_dpkg
def test_the_cache_is_searched_for_the_right_one(tmp_path):
    cache, dest = tmp_path / "cache", str(tmp_path / "stage")
    cache.mkdir()
    build(cache, "influxdb_1.4.3-1_amd64.deb", CONTROL.replace("1.3.9", "1.4.3"))
    build(cache, "influxdb_1.3.9-1_amd64.deb")
    result = _repack.obtain([_repack.Cache(run_command, str(cache))], WANTED, dest, run_command)
    assert (result["source"], result["version"]) == ("cache", "1.3.9-1")
    with pytest.raises(FleetError) as caught:
        _repack.obtain([_repack.Cache(run_command, str(cache))], WANTED._replace(version="9"), dest, run_command)
    assert "influxdb 9" in caught.value.facts["tried"]["cache"]


class Apt(object):
    """apt-cache and apt-get download; the rest is real."""

    def __init__(self, package=None, madison=MADISON):
        self.package = package
        self.madison = madison
        self.downloads = []

    def __call__(self, argv):
        if argv[:2] == ["apt-cache", "madison"]:
            return Result(0, self.madison, "")
        if argv[0] != "sh":
            return run_command(argv)
        self.downloads.append(argv[-1])
        if self.package is None:
            return Result(100, "", "E: Failed to fetch")
        shutil.copy(self.package, os.path.join(argv[3], "influxdb_1.3.9-1_amd64.deb"))
        return Result(0, "", "")


@needs_dpkg
def test_the_repository_is_asked_for_the_exact_version(tmp_path):
    apt, dest = Apt(build(tmp_path)), str(tmp_path / "stage")
    predicted = _repack.obtain([_repack.Repository(apt)], WANTED, dest, apt, check_mode=True)
    assert (predicted["version"], predicted["source"], apt.downloads) == ("1.3.9-1", "repository", [])
    assert not os.path.exists(dest)
    result = _repack.obtain([_repack.Repository(apt)], WANTED, dest, apt)
    assert (result["path"], apt.downloads) == (predicted["path"], ["influxdb=1.3.9-1"])
    assert no_leftovers(dest)


@pytest.mark.parametrize(
    "apt, why",
    [(Apt(madison=""), "no version"), (Apt(madison=MADISON.replace("1.3.9", "1.3.90")), "1.3.90-1"), (Apt(), "Failed to fetch")],
)
def test_why_the_repository_has_it_not(tmp_path, apt, why):
    with pytest.raises(FleetError) as caught:
        _repack.obtain([_repack.Repository(apt)], WANTED, str(tmp_path / "stage"), apt)
    assert why in caught.value.facts["tried"]["repository"]
    assert not os.path.exists(str(tmp_path / "stage")) or no_leftovers(str(tmp_path / "stage"))


class Dpkg(object):
    """A machine below root with one package installed; packages are built by the real dpkg-deb."""

    def __init__(self, root, status="install ok installed"):
        self.root = str(root)
        self.status = status
        self.control = "/var/lib/dpkg/info/influxdb.postinst\n"
        self.listed = "/.\n/etc\n/etc/influxdb\n/etc/influxdb/influxdb.conf\n/etc/logrotate.d\n/etc/logrotate.d/influxdb\n/lib\n/lib/unit\n"
        self.listed += "/usr\n/usr/bin\n/usr/bin/influxd\n/usr/bin/same\n/usr/bin/link\n/usr/bin/pg_config\n"
        self.listed += "diverted by other to: /usr/bin/pg_config.real\n/usr/share\n/usr/share/doc\n/usr/share/doc/influxdb\n"
        for path in ("/etc/influxdb/influxdb.conf", "/usr/lib/unit", "/usr/bin/pg_config", "/usr/bin/pg_config.real"):
            write(self.root + path, path.encode("ascii"))
        write(self.root + "/etc/influxdb/influxdb.conf", b"mine", 0o640)
        write(self.root + "/usr/bin/influxd", b"program", 0o755)
        os.link(self.root + "/usr/bin/influxd", self.root + "/usr/bin/same")
        os.symlink("influxd", self.root + "/usr/bin/link")
        os.symlink("usr/lib", self.root + "/lib")
        write(self.root + "/var/lib/dpkg/info/influxdb.postinst", b"#!/bin/sh\nexit 0\n", 0o755)
        os.makedirs(self.root + "/etc/logrotate.d")
        os.makedirs(self.root + "/usr/share/doc")

    def __call__(self, argv):
        if argv[0] == "dpkg-deb":
            return run_command(argv)
        conffiles = " /etc/influxdb/influxdb.conf 0\n /etc/logrotate.d/influxdb 0\n"
        out = {
            "-W": "{0}\n1.3.9-1\namd64\n{1}\n".format(self.status, conffiles),
            "-L": self.listed,
            "-s": STATUS,
            "--control-path": self.control,
        }[argv[1]]
        return Result(0, out, "")

    def source(self):
        return _repack.Installed(self, self.root)


@pytest.fixture
def machine(tmp_path):
    return Dpkg(tmp_path / "root")


@needs_dpkg
def test_the_installed_files_become_a_package_again(tmp_path, machine):
    dest = str(tmp_path / "b" / "backup")
    predicted = _repack.obtain([machine.source()], WANTED, dest, machine, check_mode=True)
    assert (predicted["source"], predicted["version"], predicted["sha256"]) == ("rebuilt", "1.3.9-1", None)
    assert not os.path.exists(os.path.dirname(dest))
    result = _repack.obtain([machine.source()], WANTED, dest, machine)
    assert (result["path"], result["sha256"]) == (predicted["path"], digest(predicted["path"]))
    assert no_leftovers(dest)
    out = str(tmp_path / "out")
    subprocess.check_output(["dpkg-deb", "-R", result["path"], out])
    assert digest(out + "/usr/bin/influxd") == digest(machine.root + "/usr/bin/influxd")
    assert content(out + "/usr/bin/pg_config") == "/usr/bin/pg_config.real"
    assert os.stat(out + "/usr/bin/same").st_ino == os.stat(out + "/usr/bin/influxd").st_ino
    assert os.readlink(out + "/usr/bin/link") == "influxd"
    assert not os.path.islink(out + "/lib")
    assert os.path.isfile(out + "/lib/unit")
    assert stat.S_IMODE(os.stat(out + "/etc/influxdb/influxdb.conf").st_mode) == 0o640
    assert content(out + "/etc/influxdb/influxdb.conf") == "mine"
    assert content(out + "/DEBIAN/conffiles") == "/etc/influxdb/influxdb.conf\n"
    assert stat.S_IMODE(os.stat(out + "/DEBIAN/postinst").st_mode) == 0o755


@needs_dpkg
@pytest.mark.parametrize(
    "known, lost, why",
    [(True, "/srv/gone", None), (True, "/usr/bin/influxd", "/usr/bin/influxd"), (False, "/srv/gone", "/srv/gone")],
)
def test_a_folder_that_was_moved_away_is_no_lost_file(tmp_path, machine, known, lost, why):
    machine.listed += "/srv\n/srv/gone\n"
    os.makedirs(machine.root + "/srv/gone")
    if known:
        write(machine.root + "/var/lib/dpkg/info/influxdb.md5sums", b"90dd2a4b8a4e4c5ab6e2a9a5f1a8e0ad  usr/bin/influxd\n")
        machine.control += "/var/lib/dpkg/info/influxdb.md5sums\n"
    (os.rmdir if os.path.isdir(machine.root + lost) else os.unlink)(machine.root + lost)
    if why is None:
        assert _repack.obtain([machine.source()], WANTED, str(tmp_path / "d"), machine)["source"] == "rebuilt"
    else:
        with pytest.raises(FleetError) as caught:
            _repack.obtain([machine.source()], WANTED, str(tmp_path / "d"), machine)
        assert "missing: " + why in str(caught.value)


@needs_dpkg
def test_owners_are_kept(tmp_path, machine):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    os.chown(machine.root + "/etc/influxdb/influxdb.conf", 4321, 1234)
    result = _repack.obtain([machine.source()], WANTED, str(tmp_path / "d"), machine)
    shown = run_command(["dpkg-deb", "-c", result["path"]]).out
    assert [line for line in shown.splitlines() if "4321/1234" in line and line.endswith("./etc/influxdb/influxdb.conf")]


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda machine: os.unlink(machine.root + "/usr/bin/influxd"), "missing: /usr/bin/influxd"),
        (lambda machine: setattr(machine, "status", "install ok half-configured"), "half-configured"),
        (lambda machine: setattr(machine, "status", "unknown ok not-installed"), "not-installed"),
    ],
)
def test_why_a_package_cannot_be_made(tmp_path, machine, change, why):
    change(machine)
    for check_mode in (True, False):
        with pytest.raises(FleetError) as caught:
            _repack.obtain([machine.source()], WANTED, str(tmp_path / "d"), machine, check_mode)
        assert why in caught.value.facts["tried"]["installed"]
    assert not os.path.exists(str(tmp_path / "d"))


def test_another_installed_version_is_no_source(tmp_path, machine):
    with pytest.raises(FleetError) as caught:
        _repack.obtain([machine.source()], WANTED._replace(version="1.4.3"), str(tmp_path / "d"), machine)
    assert "1.3.9-1 for amd64 is installed" in caught.value.facts["tried"]["installed"]


@needs_dpkg
def test_a_program_that_changes_meanwhile_is_noticed_and_nothing_stays(tmp_path, machine):
    dest = str(tmp_path / "d")

    def run(argv):
        answer = machine(argv)
        if argv[:2] == ["dpkg-deb", "-Zgzip"]:
            write(machine.root + "/usr/bin/influxd", b"another", 0o755)
        return answer

    with pytest.raises(FleetError) as caught:
        _repack.obtain([_repack.Installed(run, machine.root)], WANTED, dest, run)
    assert "differs from what is installed" in caught.value.facts["tried"]["installed"]
    assert os.listdir(dest) == []


@needs_dpkg
def test_what_a_killed_run_left_is_removed(tmp_path, machine):
    dest = str(tmp_path / "d")
    write(dest + "/.package-abc/tree/x")
    _repack.obtain([machine.source()], WANTED, dest, machine)
    assert no_leftovers(dest)


def test_what_cannot_be_packed_is_named(tmp_path):
    os.mkfifo(str(tmp_path / "pipe"))
    with pytest.raises(FleetError, match="pipe is neither"):
        _repack.copy_tree([("/pipe", str(tmp_path / "pipe"))], str(tmp_path / "tree"))


def test_control_fields():
    assert _repack.control_fields(STATUS) == (
        "Package: influxdb\nPriority: extra\nMaintainer: nobody <n@localhost>\nArchitecture: amd64\nVersion: 1.3.9-1\n"
        "Description: test\n more\n"
    )


def test_listed_files_follow_diversions():
    text = "/.\n/bin/sh\npackage diverts others to: /bin/sh.distrib\n/usr/bin/pg_config\n"
    text += "diverted by postgresql-common to: /usr/bin/pg_config.libpq-dev\n/x\nlocally diverted to: /y\n"
    assert _repack.listed_files(text) == [
        ("/bin/sh", "/bin/sh"),
        ("/usr/bin/pg_config", "/usr/bin/pg_config.libpq-dev"),
        ("/x", "/y"),
    ]


def test_room_is_demanded(tmp_path):
    _repack.require_room(str(tmp_path), 1)
    with pytest.raises(FleetError, match="free for"):
        _repack.require_room(str(tmp_path), 1 << 62)


def test_all_reasons_are_told(tmp_path):
    sources = [_repack.File(None, None), _repack.Cache(None, str(tmp_path)), _repack.Repository(Apt(madison=""))]
    with pytest.raises(FleetError) as caught:
        _repack.obtain(sources, WANTED, str(tmp_path / "d"), None)
    assert list(caught.value.facts["tried"]) == ["file", "cache", "repository"]
    for reason in caught.value.facts["tried"].values():
        assert reason in str(caught.value)
