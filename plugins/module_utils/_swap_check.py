# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that makes a swap refuse, before anything is changed."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _swap_files as tools
from ansible_collections.dbfleet.upgrade.plugins.module_utils._dpkg import Fields, Installed
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import describe

try:
    from typing import Any, Dict, Optional  # noqa: F401 (read by type comments)

    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_request import Look, Package, Request  # noqa: F401
    from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_site import Site  # noqa: F401
except ImportError:  # Python 2.7 on the node has no typing
    pass

SPARE = 16 * 1024 * 1024
"""Bytes the state folder has to have free beyond the copies."""


def is_underway(record, request):
    # type: (Dict[str, Any], Request) -> bool
    """Did an earlier run of this swap leave the node between the two releases?"""
    return record.get("id") == request.id and record.get("outcome") not in ("swapped", "restored")


def no_other_is_unfinished(record, request):
    # type: (Dict[str, Any], Request) -> None
    if record and record["id"] != request.id and not record["finished"]:
        raise FleetError(
            "another swap was begun on this node and did not end: {0}, state {1}, step {2}".format(
                record["id"], record["state"], record["step"]
            ),
            remedy="end it first: call node_swap with id {0} and state=swapped or state=restored".format(record["id"]),
        )


def request_fits(site, look, underway, staged):
    # type: (Site, Look, bool, bool) -> None
    """staged: packages and files are to be there already (in check mode nobody put them there)."""
    if site.request.state == "restored":
        _restore_fits(site, look, staged)
    else:
        _swap_fits(site, look, underway, staged)
    site.copies.check()


def _can_be_put_back(request):
    # type: (Request) -> None
    if request.put_back != "always":
        return
    if not request.stop_first:
        raise FleetError("put_back is always, and stop_first is not set", "both", "set stop_first")
    mounted = [path for path in request.keep if os.path.ismount(os.path.realpath(path))]
    if mounted:
        raise FleetError(
            "{0} is a mount point".format(mounted[0]),
            "a folder that can be renamed, as put_back is always",
            "mount the file system one folder higher, or make a folder in it and a link to that",
        )


def _swap_fits(site, look, underway, staged):
    # type: (Site, Look, bool, bool) -> None
    _versions_fit(site, look)
    _can_be_put_back(site.request)
    if site.request.serving and not underway:
        _serves(site, look)
    if staged:
        verify_package(site, site.request.package)
        verify_package(site, site.request.rollback_package)
        _paths_exist(site)
        _room_is_left(site)
        if site.shards:
            site.shards.refuse()


def _versions_fit(site, look):
    # type: (Site, Look) -> None
    request, back = site.request, site.request.rollback_package
    if back and back.name != request.package.name:
        raise FleetError(
            "package is {0} and rollback_package is {1}".format(request.package.name, back.name), "the same package in two versions"
        )
    if site.copies.before():
        _copies_fit(site)
    elif not look.installed.intact or not look.installed.version:
        raise FleetError(
            "the package {0} is not installed, or only in part (version {1})".format(site.package_name(), look.installed.version or "none"),
            "the old release, whole",
            "repair it with dpkg or apt-get",
        )
    elif back and look.installed.version not in (back.version, request.package.version):
        raise FleetError(
            "{0} {1} is installed".format(back.name, look.installed.version),
            "{0} as rollback_package says, or {1}".format(back.version, request.package.version),
            "stage the package of the installed release as rollback_package",
        )


def _copies_fit(site):
    # type: (Site) -> None
    kept, back = site.copies.before()["package"]["version"], site.request.rollback_package
    if back and back.version != kept:
        raise FleetError(
            "rollback_package is version {0}, but the copies in {1} belong to {2}".format(back.version, site.copies.folder, kept),
            "version {0}".format(kept),
        )


def _serves(site, look):
    # type: (Site, Look) -> None
    """A swap begins on a node that serves; that also proves URL and certificate before anything depends on them."""
    if not look.state.running:
        raise FleetError(
            "the service {0} is not running".format(site.node.service.name),
            "the old release, serving",
            "start it, or find out why it is down",
        )
    old = look.installed.version != site.request.package.version
    if old and not site.node.old_probe.passes(look.old_answer):
        raise FleetError(
            "the old release is not ready at {0}: {1}".format(site.node.old_probe.url, describe(look.old_answer)),
            "a 2xx answer{0}".format(" of version " + site.node.old_probe.version if site.node.old_probe.version else ""),
            "correct rollback_ready, or heal the node first",
        )


def verify_package(site, package):
    # type: (Site, Optional[Package]) -> None
    """The staged file is the one that was verified, and holds what it is said to hold."""
    if package is None:
        return
    if not os.path.isfile(package.path):
        raise FleetError("the package {0} is not there".format(package.path), remedy="stage it first")
    found = tools.digest_of(package.path)
    if package.sha256 and found != package.sha256.lower():
        raise FleetError("the SHA-256 of {0} is {1}".format(package.path, found), package.sha256.lower(), "stage the package again")
    fields = site.node.packages.fields(package.path)
    if fields != Fields(package.name, package.version):
        raise FleetError(
            "{0} holds {1} {2}".format(package.path, fields.name, fields.version), "{0} {1}".format(package.name, package.version)
        )


def _paths_exist(site):
    # type: (Site) -> None
    for spec in site.request.files:
        if not os.path.isfile(spec.src):
            raise FleetError("the file {0} for {1} is not there".format(spec.src, spec.dest), remedy="stage it first")
    for path in site.request.keep if not site.copies.has_kept() and site.request.put_back != "always" else []:
        if not os.path.exists(path):
            raise FleetError("{0} is to be kept and is not there".format(path), "a file or folder of the old release")


def _room_is_left(site):
    # type: (Site) -> None
    """Copies of the kept paths are made twice at most: before the new release, and aside on the way back unless they are renamed."""
    times = 1 if site.request.put_back == "always" else 2
    needed = SPARE + sum(times * tools.size_of(os.path.realpath(path)) for path in site.request.keep if os.path.exists(path))
    folder = site.copies.folder
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if free < needed:
        raise FleetError(
            "{0} has {1} MiB free".format(folder, free >> 20), "{0} MiB for the copies".format(needed >> 20), "make room, or keep less"
        )


def _restore_fits(site, look, staged):
    # type: (Site, Look, bool) -> None
    if not site.copies.before():
        raise FleetError(
            "there are no copies of the old release in {0}".format(site.copies.folder),
            "the copies that a swap with the id {0} makes before it changes anything".format(site.request.id),
        )
    _copies_fit(site)
    if look.installed == Installed(site.old_version(), True):
        return
    if site.request.rollback_package is None:
        raise FleetError(
            "{0} {1} is installed and no rollback_package was given".format(site.package_name(), look.installed.version or "(in part)"),
            "the package of version {0}".format(site.old_version()),
            "stage it and name it as rollback_package",
        )
    if staged:
        verify_package(site, site.request.rollback_package)
