# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._dpkg import (
    INSTALL,
    Dpkg,
    Fields,
    Installed,
    locked,
    parse_status,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

LOCKED = "dpkg: error: dpkg frontend lock was locked by another process with pid 42\n"


@pytest.mark.parametrize(
    "rc,out,installed",
    [
        (0, "install ok installed\t1.4.3-1", Installed("1.4.3-1", True)),
        (0, "hold ok installed\t1.4.3-1", Installed("1.4.3-1", True)),
        (0, "install ok half-configured\t1.4.3-1", Installed("1.4.3-1", False)),
        (0, "install ok unpacked\t1.4.3-1", Installed("1.4.3-1", False)),
        (0, "install reinstreq half-installed\t1.3.9-1", Installed("1.3.9-1", False)),
        (0, "install reinstreq installed\t1.3.9-1", Installed("1.3.9-1", False)),
        (0, "deinstall ok config-files\t1.3.9-1", Installed("", True)),
        (0, "unknown ok not-installed\t", Installed("", True)),
        (1, "", Installed("", True)),
    ],
)
def test_parse_status(rc, out, installed):
    assert parse_status(Result(rc, out, "dpkg-query: no packages found matching influxdb")) == installed


@pytest.mark.parametrize(
    "text,expected",
    [
        (LOCKED, True),
        ("dpkg: error: dpkg status database is locked by another process", True),
        ("E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?", True),
        ("dpkg: error processing package influxdb (--install):", False),
    ],
)
def test_locked(text, expected):
    assert locked(text) is expected


def dpkg(answers, sleeps=None, run=None):
    asked = []

    def install(argv):
        asked.append(argv)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    made = Dpkg(install, (sleeps if sleeps is not None else []).append, run or (lambda argv: Result(1, "", "")))
    made.asked = asked
    return made


def test_configuration_files_are_kept_and_older_versions_allowed():
    packages = dpkg([(0, "Setting up influxdb")])
    packages.install("/stage/influxdb.deb")
    assert packages.asked == [INSTALL + ["/stage/influxdb.deb"]]
    assert "--force-confold" in INSTALL and "--force-downgrade" in INSTALL


def test_another_dpkg_is_waited_for():
    sleeps = []
    packages = dpkg([(2, LOCKED), (2, LOCKED), (0, "")], sleeps)
    packages.install("/stage/influxdb.deb")
    assert len(packages.asked) == 3 and len(sleeps) == 2


def test_but_not_for_ever():
    sleeps = []
    with pytest.raises(FleetError):
        dpkg([(2, LOCKED)], sleeps).install("/stage/influxdb.deb")
    assert 290 <= sum(sleeps) <= 310


def test_one_that_does_not_end_is_called_that():
    with pytest.raises(FleetError) as caught:
        dpkg([(None, "Unpacking influxdb")]).install("/stage/influxdb.deb")
    assert "has not ended" in str(caught.value)


def test_a_failure_shows_its_last_lines():
    text = "".join("line {0}\n\n".format(number) for number in range(20)) + "dpkg: error processing package influxdb\n"
    with pytest.raises(FleetError) as caught:
        dpkg([(1, text)]).install("/stage/influxdb.deb")
    assert "exit code 1" in str(caught.value)
    assert len(caught.value.facts["log_tail"]) == 10 and caught.value.facts["log_tail"][-1].startswith("dpkg: error")


def test_fields():
    good = dpkg([(0, "")], run=lambda argv: Result(0, "influxdb\t1.4.3-1", ""))
    assert good.fields("/stage/influxdb.deb") == Fields("influxdb", "1.4.3-1")
    bad = dpkg([(0, "")], run=lambda argv: Result(2, "", "dpkg-deb: error: 'x' is not a Debian format archive"))
    with pytest.raises(FleetError) as caught:
        bad.fields("/stage/x")
    assert "not a Debian format archive" in str(caught.value)


def test_installed():
    there = Result(0, "install ok installed\t1.4.3-1", "")
    packages = dpkg([(0, "")], run=lambda argv: there if argv[-1] == "influxdb" else Result(1, "", ""))
    assert packages.installed("influxdb") == Installed("1.4.3-1", True)
    assert packages.installed("telegraf") == Installed("", True)


def test_changed_at(tmp_path):
    (tmp_path / "influxdb.list").write_bytes(b"/.\n")
    packages = Dpkg(None, None, None, str(tmp_path))
    assert packages.changed_at("influxdb") > 1e9
    assert packages.changed_at("other") == 0.0
