# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test runs as get-pip: install with the pip that Python itself brings, on Python 2.7 as on 3.14."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ensurepip
import glob
import os
import runpy
import sys

# Debian keeps the wheels of its Pythons in one folder of the system.
FOLDERS = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"), "/usr/share/python-wheels"]


def main():  # type: () -> None
    """Run that pip with the arguments given for get-pip."""
    wheels = [wheel for folder in FOLDERS for name in ("pip", "setuptools") for wheel in glob.glob(os.path.join(folder, name + "-*.whl"))]
    sys.path[:0] = wheels
    sys.argv[1:] = ["install"] + [option for option in sys.argv[1:] if option not in ("--no-setuptools", "--no-wheel")]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
