# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil
import subprocess

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _offer, _repack
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result, run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

WANTED = _repack.Wanted("influxdb", "1.4.3", "amd64", None)
MADISON = "  influxdb |    1.4.3-1 | http://mirror.example/influx stable/main amd64 Packages\n"
CONTROL = "Package: influxdb\nVersion: 1.4.3-1\nArchitecture: amd64\nMaintainer: nobody <n@localhost>\nDescription: test\n"

pytestmark = pytest.mark.skipif(run_command(["dpkg-deb", "--version"]).rc != 0, reason="needs dpkg-deb")


class Apt(object):
    """The node's apt, which offers one package; everything else is done by the real programs."""

    def __init__(self, package, madison=MADISON):
        self.package = package
        self.madison = madison
        self.folder = ""

    def __call__(self, argv):
        if argv[:2] == ["apt-cache", "madison"]:
            return Result(0, self.madison, "")
        if argv[0] != "sh":
            return run_command(argv)
        self.folder = argv[3]
        shutil.copy(self.package, os.path.join(self.folder, "influxdb_1.4.3-1_amd64.deb"))
        return Result(0, "", "")


def build(folder, control=CONTROL, conffiles=u"/etc/influxdb/influxdb.conf\n"):
    tree = os.path.join(str(folder), "tree")
    for path, text in [("DEBIAN/control", control), ("DEBIAN/conffiles", conffiles), ("etc/influxdb/influxdb.conf", "[meta]\n")]:
        if text:
            full = os.path.join(tree, path)
            if not os.path.isdir(os.path.dirname(full)):
                os.makedirs(os.path.dirname(full))
            with open(full, "w") as stream:
                stream.write(text)
    os.chmod(os.path.join(tree, "DEBIAN"), 0o755)
    package = os.path.join(str(folder), "p.deb")
    subprocess.check_output(["dpkg-deb", "-b", tree, package])
    return package


@pytest.mark.parametrize(
    "extra, conffiles, expected",
    [
        ("Installed-Size: 7\n", "/etc/influxdb/influxdb.conf\n", (7168, {"/etc/influxdb/influxdb.conf": "[meta]\n"})),
        ("", "", (0, {})),
    ],
)
def test_a_package_that_is_offered_is_read_and_not_kept(tmp_path, extra, conffiles, expected):
    apt = Apt(build(tmp_path, CONTROL + extra, conffiles))
    facts = _offer.offered(WANTED, apt)
    assert (facts["name"], facts["version"], facts["package_version"], facts["arch"]) == ("influxdb", "1.4.3", "1.4.3-1", "amd64")
    assert (facts["installed_size"], facts["conffiles"]) == expected
    assert facts["size"] == os.path.getsize(apt.package)
    assert facts["sha256"] == _repack.sha256(apt.package)
    assert not os.path.exists(apt.folder)


@pytest.mark.parametrize(
    "control, madison, expected",
    [
        (CONTROL, "", "offer no version of it"),
        (CONTROL.replace("1.4.3", "1.4.2"), MADISON, "is influxdb 1.4.2-1 for amd64"),
    ],
)
def test_a_package_that_is_not_the_wanted_one_is_refused(tmp_path, control, madison, expected):
    apt = Apt(build(tmp_path, control), madison)
    with pytest.raises(FleetError) as caught:
        _offer.offered(WANTED, apt)
    assert expected in str(caught.value)
    assert "What to do: " in str(caught.value)
    assert caught.value.facts["reason"] == "package-repository"
    assert not os.path.exists(apt.folder)
