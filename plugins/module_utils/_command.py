# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the programs of a node. A parameter of everything that runs one, so that tests can answer in its place."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import os
import subprocess

try:
    from typing import Dict, List, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

Result = collections.namedtuple("Result", ["rc", "out", "err"])
"""rc: exit code, 127 where the program does not exist; out, err: text."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run_command(argv, environ=None, data=None):
    # type: (List[str], Optional[Dict[str, str]], Optional[str]) -> Result
    """Run argv without a shell, in the C locale, with a clean environment plus environ; wait for its end.

    data is what it reads from its standard input, which is empty otherwise.

    The clean environment matters: INFLUXDB_* of the caller would change what influxd prints as its defaults.
    """
    env = {"PATH": PATH, "LC_ALL": "C", "HOME": os.path.expanduser("~"), "DEBIAN_FRONTEND": "noninteractive"}
    env.update(environ or {})
    try:
        with open(os.devnull, "rb") as nothing:
            # Runs without AnsibleModule too, whose run_command is what ansible-test would have.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                stdin=nothing if data is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=env,
                close_fds=True,
            )
            out, err = process.communicate(None if data is None else data.encode("utf-8"))
    except OSError as error:
        return Result(127, "", "{0}: {1}".format(argv[0], error.strerror))
    return Result(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))
