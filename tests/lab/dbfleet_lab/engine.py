# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of a release: Debian's source package, compiled with the stamp of that release, and the lab's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dbfleet_lab import legacy
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
    """One build of influxd, influx and influx_tsm; before 0.12, influxd is the lab's own around the engine."""

    version: str
    bad: bool = False

    @property
    def name(self) -> str:
        sources = digest([], *self._options(), *GO.values(), legacy.sources(), FAIL_TO_CREATE if self.bad else "")
        return f"{self.version}{'-bad' if self.bad else ''}-{sources}"

    def build(self, cache: Cache) -> Path:
        """The folder with the programs; compiled only where it is missing."""
        final = cache.part("engines") / self.name
        if not final.exists():
            with staged(final) as folder:
                if legacy.is_old(self.version):
                    self._compile_own(cache, folder, "influxd")
                else:
                    overlay = [f"-overlay={_overlay(folder)}"] if self.bad else []
                    self._compile(cache, folder / "influxd", "cmd/influxd", *overlay)
                self._compile(cache, folder / "influx", "cmd/influx")
                self._compile_own(cache, folder, "influx_tsm")
        return final

    def _compile_own(self, cache: Cache, folder: Path, program: str) -> None:
        overlay = legacy.overlay(program, self.version, GOPATH / "src" / PROJECT, folder)
        self._compile(cache, folder / program, f"{legacy.PLACE}/{program}", f"-overlay={overlay}")

    def _compile(self, cache: Cache, output: Path, package: str, *options: str) -> None:
        command = ["go", "build", *self._options(), *options, "-o", str(output), f"{PROJECT}/{package}"]
        run(command, env={**GO, "GOCACHE": str(cache.part("go-build"))}, cwd="/")

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
