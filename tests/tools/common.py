# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools share: where things are, how a command is run, how a failure is told."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# Everything the tools make is below this folder; 'make clean' removes it.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dbfleet-tools"
# Two checkouts on one machine must not write to each other's work folders.
WORK = CACHE / "work" / hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:8]


class ToolError(Exception):
    """Something failed or is not there; the message says what to do."""


def run(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run a command to its end with its output shown; a failure is a ToolError."""
    code = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, check=False).returncode
    if code != 0:
        raise ToolError(f"exit code {code} from: {shlex.join(map(str, command))}")


def output(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return what it wrote; a failure is a ToolError that holds all of it."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if result.returncode != 0:
        raise ToolError(f"{result.stdout}exit code {result.returncode} from: {shlex.join(map(str, command))}")
    return result.stdout


def attempt(title: str, job: Callable[[], None]) -> bool:
    """Do a job below a title and say whether it passed: what comes after is done in any case."""
    print(f"\n--- {title}", flush=True)
    started = time.monotonic()
    try:
        job()
    except ToolError as error:
        print(f"--- {title} FAILED: {error}", flush=True)
        return False
    print(f"--- {title}: passed in {time.monotonic() - started:.1f} s", flush=True)
    return True


def attempt_all(jobs: Mapping[str, Callable[[], None]]) -> bool:
    """Do all jobs, each below its title, and say whether all passed."""
    results = [attempt(title, job) for title, job in jobs.items()]
    return all(results)


def attempt_side_by_side(jobs: Mapping[str, Callable[[], str]]) -> bool:
    """Do all jobs, two at a time, show what each wrote below its title, and say whether all passed."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = {title: pool.submit(timed, job) for title, job in jobs.items()}
        return attempt_all({title: partial(show, run) for title, run in runs.items()})


def timed(job: Callable[[], str]) -> str:
    """Do a job and return what it wrote, and how long it took: it is shown later."""
    started = time.monotonic()
    written = job()
    return f"{written.rstrip()}\nafter {time.monotonic() - started:.1f} s beside another"


def show(run: Future[str]) -> None:
    """Print what a job wrote, when it is over."""
    print(run.result())


def main(job: Callable[[], bool]) -> None:
    """Run a program of these tools: its exit code is 0 where the job says that all passed."""
    try:
        sys.exit(0 if job() else 1)
    except ToolError as error:
        sys.exit(f"error: {error}")


def chosen(variable: str, default: list[str]) -> list[str]:
    """Return the words of an environment variable, which narrows what is run, or the default."""
    return os.environ.get(variable, "").split() or default


def tracked_files() -> list[str]:
    """Return what a commit of the work tree would hold, as git sees it. The owner of the checkout may be someone else."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return [name for name in listing.split("\0") if name and os.path.lexists(REPOSITORY / name)]


def empty_folder(name: str) -> Path:
    """Return a work folder of this name with nothing in it."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def copy_tree(name: str) -> Path:
    """Copy the work tree to where Ansible expects a collection, and return the collection's folder."""
    collection = empty_folder(name) / "ansible_collections" / "dbfleet" / "upgrade"
    for file in tracked_files():
        target = collection / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / file, target, follow_symlinks=False)
    return collection


def collections_path(collection: Path) -> Path:
    """Return the folder that holds ansible_collections."""
    return collection.parents[2]


def ansible_settings(tools: Path, collections: Path) -> dict[str, str]:
    """Return the environment in which Ansible's programs find each other and the collection, and no others."""
    path = os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)])
    return {"ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(WORK / "ansible"), "PATH": path}
