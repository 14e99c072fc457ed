# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report's files: written whole or not at all, and read back."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_html import page
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_junit import junit
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_markdown import markdown
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts

JSON, HTML, MARKDOWN, JUNIT = "report.json", "report.html", "report.md", "junit.xml"


def rendered(report: Facts) -> dict[str, str]:
    """Return the files that are drawn from a report, by name."""
    return {HTML: page(report), MARKDOWN: markdown(report), JUNIT: junit(report)}


def dumped(report: Facts) -> str:
    """Return report.json."""
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read(path: Path) -> str:
    """Return the text of a report.json."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(
            f"{path} cannot be read: {error}", "a report.json", "name the report.json of an earlier run in source"
        ) from error


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into the folder, which is made with its parents; each appears whole, or stays what it was."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            _replace(folder / name, text)
    except OSError as error:
        raise FleetError(
            f"The report cannot be written to {folder}: {error.strerror or error}",
            "a folder on the controller that can be written",
            "name another one in fleet_report_dir",
        ) from error


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
