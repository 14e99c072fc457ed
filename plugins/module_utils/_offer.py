# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the package of a release holds that a node's own repositories offer: looked at, and not kept."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import shutil
import subprocess
import tarfile
import tempfile

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _node, _repack
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import PATH
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, List  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

KIB = 1024
REMEDY = "bring the node's lists up to date (apt-get update), see that its sources hold the release, or give the package as a file"


def offered(wanted, run):
    # type: (_repack.Wanted, Callable[[List[str]], Any]) -> Dict[str, Any]
    """Return what the repositories' package says of itself, in the form of fleet_package; sizes are bytes.

    The package is fetched into a temporary folder of the system, which is removed again. Raises FleetError where the
    repositories do not offer it, or it is not what it should be.
    """
    folder = tempfile.mkdtemp(prefix="dbfleet-")
    try:
        return described(_repack.Repository(run).fetch(wanted, folder), wanted, run)
    except FleetError as error:
        why = "The package {0} {1} for {2} cannot be had: {3}".format(
            wanted.name, wanted.version, wanted.arch, str(error).rstrip(".")
        )
        raise FleetError(why, None, REMEDY, reason="package-repository", why=why)
    finally:
        shutil.rmtree(folder)


def described(path, wanted, run):
    # type: (str, _repack.Wanted, Callable[[List[str]], Any]) -> Dict[str, Any]
    """Return what a package file says of itself, once it was proved to be the wanted one."""
    record = _repack.prove(path, wanted, run)
    size = run(["dpkg-deb", "-f", path, "Installed-Size"]).out.strip()
    return {
        "source": "repository",
        "name": record["name"],
        "version": _node.upstream_version(record["version"]),
        "package_version": record["version"],
        "arch": record["arch"],
        "sha256": record["sha256"],
        "size": record["size"],
        "installed_size": int(size) * KIB if size.isdigit() else 0,
        "conffiles": texts(path, listed(path, run)),
    }


def listed(path, run):
    # type: (str, Callable[[List[str]], Any]) -> List[str]
    """Return the paths of a package's configuration files; a package without such a list has none."""
    answer = run(["dpkg-deb", "-I", path, "conffiles"])
    return [line.strip() for line in answer.out.splitlines() if line.startswith("/")] if answer.rc == 0 else []


def texts(path, wanted):
    # type: (str, List[str]) -> Dict[str, str]
    """Return the texts of files in a package, by their absolute paths; links have none."""
    # Runs without AnsibleModule too, whose run_command is what ansible-test would have.
    process = subprocess.Popen(  # pylint: disable=ansible-bad-function
        ["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE, env={"PATH": PATH, "LC_ALL": "C"}
    )
    found = {}  # type: Dict[str, str]
    with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
        for member in archive:
            name = "/" + member.name.lstrip("./")
            content = archive.extractfile(member) if member.isfile() and name in wanted else None  # type: Any
            if content:
                found[name] = content.read().decode("utf-8", "replace")
    process.communicate()
    return found
