# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of fleet_package, which is documented in plugins/modules/fleet_package.py."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import missing_required_lib
from ansible.plugins.action import ActionBase

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._download import (
    Fetch,
    Fetched,
    compare,
    obtain,
    read_sha256,
    without_user,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._package import Package, read_package, sha256_of
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import plain
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import same

try:
    import requests
except ImportError:
    HAS_REQUESTS = False
else:
    HAS_REQUESTS = True

ARGUMENTS: dict[str, Any] = {
    "package": {
        "type": "dict",
        "required": True,
        "options": {
            "file": {"type": "path"},
            "url": {"type": "str"},
            "repository": {"type": "str"},
            "sha256": {"type": "str"},
            "ca_path": {"type": "path"},
            "validate_certs": {"type": "bool", "default": True},
        },
        "mutually_exclusive": [("file", "url", "repository"), ("repository", "sha256")],
        "required_one_of": [("file", "url", "repository")],
        "required_by": {"url": "sha256"},
    },
    "cache_dir": {"type": "path", "default": "~/.cache/dbfleet"},
    "expect_name": {"type": "str"},
    "expect_version": {"type": "str"},
}
_PACKAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_CONNECT_AND_READ_SECONDS = (10, 60)
_CHUNK = 1 << 20


class ActionModule(ActionBase):
    """Read a package on the controller; no host is connected to."""

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Answer the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)[1]
        try:
            return {**result, **_describe(plain(arguments))}
        except FleetError as error:
            return {**result, "failed": True, "msg": str(error), **error.facts}


def _describe(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what the task returns."""
    wanted = arguments["package"]
    if wanted["repository"]:
        name = _package_name(wanted["repository"])
        _expect("name", name, arguments["expect_name"], name == arguments["expect_name"])
        return {"changed": False, "source": "repository", "name": name}
    source = "url" if wanted["url"] else "file"
    found = _fetched(wanted, arguments["cache_dir"]) if wanted["url"] else _given(wanted)
    package = read_package(found.path)
    _check(package, arguments["expect_name"], arguments["expect_version"])
    return {"changed": found.downloaded, "source": source, **_facts(package)}


def _package_name(name: str) -> str:
    if not _PACKAGE_NAME.fullmatch(name):
        raise FleetError(
            f"The package's name {name!r} is no name of a package",
            "for example influxdb",
            "Correct fleet_package.repository",
        )
    return name


def _given(wanted: dict[str, Any]) -> Fetched:
    path = os.path.abspath(wanted["file"])
    if wanted["sha256"]:
        expected = read_sha256(wanted["sha256"])
        compare(path, sha256_of(path), expected)
    return Fetched(path, downloaded=False)


def _fetched(wanted: dict[str, Any], cache_dir: str) -> Fetched:
    url = wanted["url"]
    if urlsplit(url).scheme not in ("http", "https"):
        raise FleetError(
            f"The address {without_user(url)} is not one of http or https",
            "https://...",
            "Give a file as fleet_package.file",
        )
    if not HAS_REQUESTS:
        raise FleetError(
            missing_required_lib("requests"),
            "requests, which downloads packages",
            "Install it, or give the package as a file",
        )
    verify = (wanted["ca_path"] or True) if wanted["validate_certs"] else False
    return obtain(url, read_sha256(wanted["sha256"]), os.path.abspath(cache_dir), _fetch(verify))


def _fetch(verify: bool | str) -> Fetch:
    """Return a function that downloads and, unless told otherwise, proves who the server is."""

    def fetch(url: str) -> Iterator[bytes]:
        try:
            # A server that packs the body on its way would have it differ from the digest.
            headers = {"Accept-Encoding": "identity"}
            with requests.get(
                url, headers=headers, stream=True, timeout=_CONNECT_AND_READ_SECONDS, verify=verify
            ) as response:
                if response.status_code != 200:
                    raise _not_had(url, f"the server answered {response.status_code} {response.reason}")
                yield from response.iter_content(_CHUNK)
        except (requests.RequestException, OSError) as error:
            raise _not_had(url, _root(error)) from error

    return fetch


def _not_had(url: str, why: str) -> FleetError:
    return FleetError(
        f"{without_user(url)} cannot be downloaded: {why}",
        "an address that the controller reaches",
        "Check the address (and ca_path for a private certificate authority), or download the package and give it as a file",
    )


def _root(error: BaseException) -> str:
    """Return what went wrong at the bottom; the upper layers would repeat the address with its secrets."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


def _check(package: Package, name: str | None, version: str | None) -> None:
    _expect("name", package.name, name, package.name == name)
    _expect("version", package.version, version, same(package.package_version, version or ""))


def _expect(what: str, found: str, expected: str | None, fits: bool) -> None:
    if expected and not fits:
        raise FleetError(f"The package's {what} is {found}", expected, "Give the package that fits with fleet_package")


def _facts(package: Package) -> dict[str, Any]:
    return {key: value for key, value in asdict(package).items() if key != "files"}
