# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an installation of Cloudant Local does to its host: each change is one method, that is done as a whole or not at all."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import io
import os
import pwd
import re
import signal
import stat
import time

from ansible.module_utils.common.text.converters import to_bytes, to_native

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _copies, _node, _process
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import Result, run_command
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_files import NEW, remove_file, sync_folder
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_process import (
    Process,
    Processes,
    close_on_exec,
    finish,
    launch,
)
from ansible_collections.dbfleet.upgrade.plugins.module_utils._swap_store import Log, read_json, write_json

try:
    from typing import Any, Callable, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)

    Owner = Tuple[int, int, int]
except ImportError:  # Python 2.7 on the node has no typing
    pass

NOEXEC = 8
"""ST_NOEXEC of statvfs(3), which Python 2.7 has no name for."""
PAUSE = 0.5


class Host(object):
    """timeout: seconds for one command; root: put before the paths of what is looked at, so that tests can bring a host."""

    def __init__(self, state_dir, timeout, root="", query=run_command, sleep=time.sleep, proc="/proc"):
        # type: (str, int, str, Callable[[List[str]], Result], Callable[[float], Any], str) -> None
        self.query = query
        self.sleep = sleep
        self.log = Log(os.path.join(state_dir, "cloudant_install.log"))
        self._running = os.path.join(state_dir, "cloudant_install.running")
        self._timeout = timeout
        self._root = root
        self._proc = proc

    # Looking

    def path(self, path):
        # type: (str) -> str
        return self._root + path

    def package(self, name):
        # type: (str) -> Dict[str, Any]
        return _node.package(name, self.query, self._root)

    def hostname(self):
        # type: () -> str
        """The name that CAST gives to the node."""
        return self.query(["hostname", "-f"]).out.strip()

    def processes(self, user):
        # type: (str) -> List[int]
        """The processes of a user, by real or effective id; none where there is no such user. A zombie runs no more."""
        try:
            uid = pwd.getpwnam(user).pw_uid
        except KeyError:
            return []
        pids = [int(name) for name in os.listdir(self._proc) if name.isdigit()]
        return sorted(pid for pid in pids if str(uid) in self._owners(pid))

    def _owners(self, pid):
        # type: (int) -> List[str]
        status = _process.read_text("{0}/{1}/status".format(self._proc, pid))
        owners = re.search(r"^Uid:\s+(\d+)\s+(\d+)", status, re.MULTILINE)
        return list(owners.groups()) if owners and not re.search(r"^State:\s+[ZX]", status, re.MULTILINE) else []

    # Changing

    def execute(self, argv):
        # type: (List[str]) -> Result
        """Run a command to its end; what it prints goes to the log. It is written down while it runs, for wait_for_former.

        In a session of its own, so that the end of the connection to the node is none for the package manager.
        """
        os.close(os.open(self.log.path, os.O_WRONLY | os.O_CREAT, 0o600))
        position = self.log.position()
        process = launch(["setsid"] + argv, self.log.path)
        started = Processes().process(process.pid)
        write_json(self._running, {"pid": process.pid, "ticks": started.ticks if started else 0, "command": argv})
        code = finish(process, self._timeout)
        if code is None:
            raise _still_running(" ".join(argv), self._timeout)
        os.unlink(self._running)
        return Result(code, self.log.text(position), "")

    def wait_for_former(self):
        # type: () -> None
        """Return when the command of a call that was killed has ended: it goes on without the one who started it."""
        found = read_json(self._running)
        process = Process(found.get("pid", 0), found.get("ticks"), 0.0, False)
        for _attempt in range(int(self._timeout / PAUSE)):
            if not Processes().alive(process):
                return
            self.sleep(PAUSE)
        raise _still_running(" ".join(found["command"]), self._timeout)

    def keep(self, paths, dest):
        # type: (List[str], str) -> None
        _copies.keep(paths, dest)

    def write(self, path, content, owner=None):
        # type: (str, Any, Optional[Owner]) -> None
        """Replace a file in one step. owner: uid, gid and mode; without it only root can read the file."""
        path = os.path.realpath(path)
        self._make_folder(os.path.dirname(path))
        remove_file(path + NEW)
        descriptor = os.open(path + NEW, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            close_on_exec(stream.fileno())
            stream.write(to_bytes(content))
            stream.flush()
            if owner:
                os.fchown(stream.fileno(), owner[0], owner[1])
                os.fchmod(stream.fileno(), owner[2])
            os.fsync(stream.fileno())
        os.rename(path + NEW, path)
        sync_folder(os.path.dirname(path))

    def link(self, target, path):
        # type: (str, str) -> None
        self._make_folder(os.path.dirname(path))
        os.symlink(target, path)

    def rename(self, path, dest):
        # type: (str, str) -> None
        os.rename(path, dest)

    def remove(self, path):
        # type: (str) -> None
        remove_file(path)

    def make_executable(self, path):
        # type: (str) -> None
        os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | 0o100)

    def signal(self, pid, number):
        # type: (int, int) -> None
        try:
            os.kill(pid, number)
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise

    def end(self, user):
        # type: (str) -> List[int]
        """End the processes of a user: ten seconds after they were asked to, by force. Return those that are still there."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.processes(user):
                self.signal(pid, number)
            for _attempt in range(int(10 / PAUSE)):
                if not self.processes(user):
                    return []
                self.sleep(PAUSE)
        return self.processes(user)

    def _make_folder(self, path):
        # type: (str) -> None
        """Make a folder with owner and mode of the one that it is in: copies hold files only."""
        if not os.path.isdir(path):
            self._make_folder(os.path.dirname(path))
            like = os.stat(os.path.dirname(path))
            os.mkdir(path, 0o700)
            os.chown(path, like.st_uid, like.st_gid)
            os.chmod(path, stat.S_IMODE(like.st_mode))


def read(path):
    # type: (str) -> str
    """Return the text of a file; one that is not UTF-8 could not be told from what it is changed to."""
    with io.open(path, "rb") as stream:
        content = stream.read()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise FleetError("{0} is not UTF-8".format(path), "text in UTF-8", "convert it, with iconv", reason="config")
    return to_native(content)


def owner_of(path):
    # type: (str) -> Owner
    found = os.stat(path)
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def check_program(path):
    # type: (str) -> None
    """Raise FleetError where a file can be no program, before anything depends on it."""
    if not os.path.isfile(path):
        raise FleetError("There is no file {0}".format(path), "the vendor's installer", "copy it to the node", reason="installer")
    with io.open(path, "rb") as stream:
        start = stream.read(4)
    if not (start.startswith(b"#!") or start == b"\x7fELF"):
        raise FleetError(
            "{0} is no program".format(path),
            "the vendor's installer, which begins with #! or is an ELF file",
            "copy the installer to the node again, and not the page or the archive around it",
            reason="installer",
        )
    if os.statvfs(path).f_flag & NOEXEC:
        raise FleetError(
            "{0} is on a file system that is mounted noexec".format(path),
            "a place from which programs can be run",
            "copy the installer to another folder",
            reason="installer",
        )


def _still_running(command, limit):
    # type: (str, int) -> FleetError
    return FleetError(
        "{0} has not ended in {1} s; it goes on".format(command, limit),
        "an end within timeout",
        "wait until it has ended, or end it",
        reason="busy",
    )
