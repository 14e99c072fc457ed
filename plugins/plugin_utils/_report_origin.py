# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a report comes from: what the run's description leaves out and the controller knows."""

from __future__ import annotations

import contextlib
import getpass
import json
import platform
import re
from pathlib import Path

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts

_GALAXY_VERSION = re.compile(r"^version:\s*[\"']?([^\s\"']+)", re.MULTILINE)


def completed(run: Facts, now: float, root: Path) -> Facts:
    """Return the run with its end, host, user and version of the collection, each only where it is missing.

    now is the present time in epoch seconds, root the folder of the collection.
    """
    known = {"ended": now, "controller": platform.node(), "user": _user(), "collection_version": _version(root)}
    return {**run, **{key: value for key, value in known.items() if run.get(key) in (None, "")}}


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user id without a name, as in many containers
        return None


def _version(root: Path) -> str | None:
    """Return the collection's version: an installed one has MANIFEST.json, a checkout galaxy.yml."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((root / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]["version"])
    with contextlib.suppress(OSError):
        found = _GALAXY_VERSION.search((root / "galaxy.yml").read_text(encoding="utf-8"))
        return found.group(1) if found else None
    return None
