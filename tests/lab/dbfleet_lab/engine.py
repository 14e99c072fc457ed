# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The InfluxDB engine: Debian's source package, compiled with the version stamp of the release it stands for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dbfleet_lab.cache import Cache, digest, staged
from dbfleet_lab.shell import LabError, run

GOPATH = Path("/usr/share/gocode")
PROJECT = "github.com/influxdata/influxdb"
RUN_COMMAND = GOPATH / "src" / PROJECT / "cmd/influxd/run/command.go"

# The one statement that makes the server from its configuration, and what the bad engine does in its place: it fails
# as a server does whose meta folder was made by root (observed on 1.4.3), after the time that reading takes.
CREATE_SERVER = "s, err := NewServer(config, buildInfo)"
FAIL_TO_CREATE = """_ = buildInfo
    time.Sleep(200 * time.Millisecond)
    s, err := (*Server)(nil), fmt.Errorf("open %s: permission denied", filepath.Join(config.Meta.Dir, "id"))"""


# GOPATH mode takes every dependency from Debian's packages and never asks the net; without cgo, the programs run on images
# with an older C library than this machine's.
GO = {"GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": "", "CGO_ENABLED": "0"}


@dataclass(frozen=True)
class Engine:
    """One build of influxd and influx."""

    version: str
    bad: bool = False

    @property
    def name(self) -> str:
        sources = digest([], *self._options(), *GO.values(), FAIL_TO_CREATE if self.bad else "")
        return f"{self.version}{'-bad' if self.bad else ''}-{sources}"

    def build(self, cache: Cache) -> Path:
        """The folder with both programs; compiled only where it is missing."""
        final = cache.part("engines") / self.name
        if not final.exists():
            with staged(final) as folder:
                overlay = [f"-overlay={_overlay(folder)}"] if self.bad else []
                for program in ("influxd", "influx"):
                    output = ["-o", str(folder / program)]
                    command = ["go", "build", *self._options(), *overlay, *output, f"{PROJECT}/cmd/{program}"]
                    run(command, env={**GO, "GOCACHE": str(cache.part("go-build"))}, cwd="/")
        return final

    def _options(self) -> list[str]:
        stamps = {"version": self.version, "branch": "lab", "commit": "dbfleet-lab"}
        flags = " ".join(["-s -w", *(f"-X main.{name}={value}" for name, value in stamps.items())])
        return ["-trimpath", "-ldflags", flags]


def _overlay(folder: Path) -> Path:
    """A file for go's -overlay that replaces the creation of the server by its failure."""
    source = RUN_COMMAND.read_text(encoding="utf-8")
    if source.count(CREATE_SERVER) != 1:
        raise LabError(
            f"{RUN_COMMAND} does not read as expected: no single {CREATE_SERVER!r}; adapt engine.py to this release"
        )
    patched = folder / "command.go"
    patched.write_text(source.replace(CREATE_SERVER, FAIL_TO_CREATE), encoding="utf-8")
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps({"Replace": {str(RUN_COMMAND): str(patched)}}), encoding="utf-8")
    return overlay
