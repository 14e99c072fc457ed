# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folders of a real 0.10.3 with shards in the formats b1 and bz1, and an influx_tsm that converts these."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil
import tarfile

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _shard_conversion as conversion
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_files import digest_of
from ansible_collections.dbfleet.upgrade.tests.unit.plugins.module_utils import metastore_files as files

RECORDED = os.path.join(os.path.dirname(files.FIXTURES), "influxdb", "datadir-0.10.3.tar.gz")
CONVERTED = os.path.join(os.path.dirname(files.FIXTURES), "influxdb-0.10.3", "datadir-converted.tar.gz")
SHARDS = ["db_b1/default/1", "db_b1/default/2", "db_b1/default/3", "db_bz1/default/4", "db_bz1/default/5", "db_bz1/default/6"]
ONE = SHARDS[2]

SUMMARY = """
Summary statistics
========================================
Databases converted:                 2
Shards converted:                    {shards}
TSM files created:                   {shards}
Points read:                         {read}
Points written:                      {written}
NaN filtered:                        {nan}
Inf filtered:                        0
Points without fields filtered:      0
"""


class Tsm(object):
    """influx_tsm: converts every file below the data folder into what the real one made of it. step is called at each of its steps."""

    def __init__(self, made):
        self.made = made
        self.step = lambda: None
        self.calls = []
        self.summary = {}
        self.fails = ""
        self.breaks = lambda path: None

    def __call__(self, argv, data=None):
        assert data == "y\n" and argv[1] == "-nobackup"
        self.calls.append(argv)
        if self.fails:
            return Result(1, "", self.fails)
        found = [place for place in conversion.places(argv[2]) if os.path.isfile(os.path.join(argv[2], place))]
        for place in found:
            self.convert(os.path.join(argv[2], place), place)
        told = dict({"shards": len(found), "read": 3200, "written": 3200, "nan": 0}, **self.summary)
        return Result(0, SUMMARY.format(**told), "")

    def convert(self, path, place):
        self.step()
        shutil.copytree(os.path.join(self.made, place), path + ".tsm")
        self.step()
        self.breaks(path)
        os.unlink(path)
        self.step()
        os.rename(path + ".tsm", path)
        self.step()


class Folders(object):
    """Those of a stopped 0.10.3."""

    def __init__(self, folder):
        self.folder = folder
        for archive, name in ((RECORDED, "server"), (CONVERTED, "made")):
            with tarfile.open(archive) as tar:
                tar.extractall(os.path.join(folder, name))
        self.tsm = Tsm(os.path.join(folder, "made", "data"))
        self.program = os.path.join(folder, "influx_tsm")
        with open(self.program, "w"):
            os.chmod(self.program, 0o755)
        self.before = self.now()

    def path(self, *names):
        return os.path.join(self.folder, "server", *names)

    def params(self, **changes):
        values = {"data_dir": self.path("data"), "wal_dir": self.path("wal"), "program": self.program}
        return dict(values, scratch=os.path.join(self.folder, "scratch"), **changes)

    def work(self, **changes):
        return conversion.Conversion(self.params(**changes), self.tsm)

    def now(self):
        found = conversion.files_below(self.path())
        return {os.path.relpath(path, self.path()): digest_of(path) for path in found}

    def put(self, name, content="x"):
        path = self.path(name)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with open(path, "w") as target:
            target.write(content)
