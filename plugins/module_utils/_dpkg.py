# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian packages: which version is installed, what a file holds, and installing it without a question."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import os

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, List  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

Installed = collections.namedtuple("Installed", ["version", "intact"])
"""version: "" where the package is not there; intact: False after an installation that was interrupted or failed."""

Fields = collections.namedtuple("Fields", ["name", "version"])

# --force-confold: a configuration file changed by the user is never asked about and never overwritten.
# --force-downgrade: on by default, but dpkg.cfg can turn it off, and the way back needs it.
INSTALL = ["dpkg", "--force-confold", "--force-downgrade", "--install"]
LEFT_BESIDE = (".dpkg-dist", ".dpkg-new", ".dpkg-old")
"""Endings of what dpkg writes, replaces or removes beside a configuration file that the user changed."""
LOCK_LIMIT = 300.0
LOCK_PAUSE = 2.0


def parse_status(result):
    # type: (Result) -> Installed
    """Read the answer of dpkg-query; dpkg keeps removed packages as "deinstall ok config-files"."""
    status, _tab, version = result.out.strip().partition("\t")
    words = status.split()
    if result.rc != 0 or len(words) != 3 or words[2] in ("not-installed", "config-files"):
        return Installed("", True)
    return Installed(version, words[1:] == ["ok", "installed"])


def locked(text):
    # type: (str) -> bool
    """Did dpkg give up because another one is running? The wording of 2013 and of today."""
    return "locked by another process" in text or "Unable to acquire the dpkg" in text


class Dpkg(object):
    """The package manager of a node. install(argv) -> (exit code, or None where it did not end, what it printed)."""

    def __init__(self, install, sleep, run=run_command, info="/var/lib/dpkg/info"):
        # type: (Callable[[List[str]], Any], Callable[[float], Any], Callable[..., Result], str) -> None
        self._install = install
        self._sleep = sleep
        self._run = run
        self._info = info

    def installed(self, name):
        # type: (str) -> Installed
        return parse_status(self._run(["dpkg-query", "-W", "-f", "${Status}\t${Version}", name]))

    def fields(self, path):
        # type: (str) -> Fields
        result = self._run(["dpkg-deb", "-W", "--showformat=${Package}\t${Version}", path])
        name, tab, version = result.out.strip().partition("\t")
        if result.rc != 0 or not tab:
            raise FleetError("{0} is not a Debian package: {1}".format(path, result.err.strip()), remedy="Stage the package again")
        return Fields(name, version)

    def changed_at(self, name):
        # type: (str) -> float
        """When the package was last unpacked (epoch), 0.0 where that is not known."""
        for candidate in (name + ".list", name + ":amd64.list"):
            try:
                return os.stat(os.path.join(self._info, candidate)).st_mtime
            except OSError:
                continue
        return 0.0

    def install(self, path):
        # type: (str) -> None
        """Install the file; wait for another dpkg, such as the one a killed run left behind."""
        waited = 0.0
        code, text = self._install(INSTALL + [path])
        while code != 0 and locked(text) and waited < LOCK_LIMIT:
            self._sleep(LOCK_PAUSE)
            waited += LOCK_PAUSE
            code, text = self._install(INSTALL + [path])
        if code is None:
            raise FleetError("dpkg has not ended its work on {0} in the time it was given; it goes on".format(path))
        if code != 0:
            last = [line for line in text.splitlines() if line.strip()][-10:]
            raise FleetError("dpkg could not install {0} (exit code {1})".format(path, code), log_tail=last)
