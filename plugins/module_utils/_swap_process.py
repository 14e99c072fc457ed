# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that may start daemons, and what the kernel knows about the process that serves a port."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import fcntl
import os
import signal
import subprocess
import sys
import time

from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import PATH

try:
    from typing import Any, List, Optional, Set  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

Process = collections.namedtuple("Process", ["pid", "ticks", "started", "replaced"])
"""ticks: start in clock ticks since boot (pid and ticks name a process for good); started: the same as epoch seconds;
replaced: its program is no longer the one on disk, as after the installation of another version."""

LISTEN = "0A"


def monotonic():
    # type: () -> float
    """Seconds from a clock that nobody sets; the wall clock where Python 2.7 has no other."""
    return getattr(time, "monotonic", time.time)()


def close_on_exec(descriptor):
    # type: (int) -> None
    """Keep a descriptor from the programs started later: a daemon that inherits a lock would hold it for ever."""
    fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.fcntl(descriptor, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)


def launch(argv, log):
    # type: (List[str], str) -> subprocess.Popen[bytes]
    """Start argv without waiting; what it prints goes to the file log.

    Never a pipe: a daemon started by argv would keep it open, and its reader waiting. close_fds is left out on Python 2.7, where
    it tries every possible descriptor one by one; all of ours are closed on exec.
    """
    with open(os.devnull, "rb") as nothing, open(log, "ab") as output:
        close_on_exec(nothing.fileno())
        close_on_exec(output.fileno())
        python3 = sys.version_info[0] >= 3
        # Runs without AnsibleModule too, whose run_command is what ansible-test would have.
        return subprocess.Popen(  # pylint: disable=ansible-bad-function
            argv,
            stdin=nothing,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": PATH, "LC_ALL": "C", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"},
            close_fds=python3,
            preexec_fn=None if python3 else _default_sigpipe,
        )


def _default_sigpipe():
    # type: () -> None
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def finish(process, limit, clock=monotonic, sleep=time.sleep):
    # type: (Any, float, Any, Any) -> Optional[int]
    """The exit code of a launched program, None where it still runs after limit seconds.

    Looks often at first and less often later: what is short is noticed within 2 ms, for that may be downtime.
    """
    begun = clock()
    while process.poll() is None:
        waited = clock() - begun
        if waited >= limit:
            return None
        sleep(min(0.1, max(0.002, waited / 50)))
    return process.returncode


class Processes(object):
    """Reads /proc."""

    def __init__(self, proc="/proc"):
        # type: (str) -> None
        self.proc = proc

    def serving(self, port):
        # type: (int) -> Optional[Process]
        """The process that listens on port, None where there is none."""
        sockets = self._listening(port)
        for pid in sorted(int(name) for name in os.listdir(self.proc) if name.isdigit()) if sockets else []:
            if sockets & self._sockets_of(pid):
                return self.process(pid)
        return None

    def alive(self, process):
        # type: (Process) -> bool
        """Is it still this very process, and not another that got its number?"""
        stat = self._stat(process.pid)
        return stat is not None and stat[0] != "Z" and int(stat[19]) == process.ticks

    def process(self, pid):
        # type: (int) -> Optional[Process]
        stat = self._stat(pid)
        if stat is None:
            return None
        ticks = int(stat[19])
        with open(os.path.join(self.proc, "uptime")) as source:
            uptime = float(source.read().split()[0])
        started = time.time() - uptime + ticks / float(os.sysconf("SC_CLK_TCK"))
        return Process(pid, ticks, started, self._program(pid).endswith(" (deleted)"))

    def _stat(self, pid):
        # type: (int) -> Optional[List[str]]
        """The fields of /proc/PID/stat after the name, which may itself hold blanks and brackets: state is 0, start is 19."""
        try:
            with open(os.path.join(self.proc, str(pid), "stat")) as source:
                return source.read().rpartition(")")[2].split()
        except (IOError, OSError):
            return None

    def _program(self, pid):
        # type: (int) -> str
        try:
            return os.readlink(os.path.join(self.proc, str(pid), "exe"))
        except OSError:
            return ""

    def _listening(self, port):
        # type: (int) -> Set[str]
        found = set()
        for name in ("tcp", "tcp6"):
            try:
                with open(os.path.join(self.proc, "net", name)) as source:
                    found.update(listening(source.read(), port))
            except IOError:
                continue  # a kernel without IPv6 has no tcp6
        return found

    def _sockets_of(self, pid):
        # type: (int) -> Set[str]
        folder = os.path.join(self.proc, str(pid), "fd")
        found = set()
        try:
            for name in os.listdir(folder):
                found.add(os.readlink(os.path.join(folder, name)))
        except OSError:
            pass  # the process ended meanwhile
        return found


def listening(table, port):
    # type: (str, int) -> Set[str]
    """The sockets of /proc/net/tcp that listen on port, named as /proc/PID/fd names them."""
    found = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
            found.add("socket:[{0}]".format(fields[9]))
    return found
