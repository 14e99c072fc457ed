# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes of a node, read from /proc, and the secrets in their command lines and environments."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import grp
import io
import os
import pwd
import re

try:
    from typing import Any, Callable, Dict, List, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

MASK = "***"
SECRET_FLAG = re.compile(r"password|passwd|passphrase|secret|token|(^|[-_.])pass$", re.IGNORECASE)
SECRET_VARIABLE = re.compile(r"secret|password|token|key", re.IGNORECASE)
URL_LOGIN = re.compile(r"(://[^/@:\s]*):[^/@\s]*@")
INTERPRETER = re.compile(r"^(python|pypy|perl|ruby|bash|dash|sh)[\d.]*$")
DELETED = " (deleted)"


def read_text(path):
    # type: (str) -> str
    """Return the text of a file, or an empty text where it cannot be read: a process may end while it is looked at."""
    try:
        return _read(path)
    except (IOError, OSError):
        return ""


def as_owner(folder, read):
    # type: (str, Callable[[], str]) -> str
    """Return read(), which looks at the process of folder; where that is denied to root, do it as the process's user.

    In a container without CAP_SYS_PTRACE, root may not look into the processes of others, but their owners may.
    """
    try:
        return read()
    except (IOError, OSError) as error:
        if error.errno not in (errno.EACCES, errno.EPERM) or os.geteuid() != 0:
            raise
    group = os.getegid()
    uid, gid = _owner(folder)
    try:
        os.setegid(gid)
        os.seteuid(uid)
        return read()
    finally:
        os.seteuid(0)
        os.setegid(group)


def mask_args(args):
    # type: (List[str]) -> List[str]
    """Return a command line without the values of password-like flags and without the passwords in URLs."""
    masked = []  # type: List[str]
    hide = False
    for arg in args:
        flag, equals, _value = arg.partition("=")
        secret = flag.startswith("-") and bool(SECRET_FLAG.search(flag))
        if hide:
            masked.append(MASK)
        elif secret and equals:
            masked.append(flag + "=" + MASK)
        else:
            masked.append(URL_LOGIN.sub(r"\1:" + MASK + "@", arg))
        hide = secret and not equals and not hide
    return masked


def mask_environment(environ):
    # type: (Dict[str, str]) -> Dict[str, str]
    """Return environ without the values of the variables whose names sound secret."""
    return {name: MASK if SECRET_VARIABLE.search(name) else value for name, value in environ.items()}


def user_name(uid):
    # type: (int) -> str
    """Return the name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid):
    # type: (int) -> str
    """Return the name of a group, or the number where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def environment(pid, prefix, proc="/proc"):
    # type: (int, str, str) -> Optional[Dict[str, str]]
    """Return the variables of a running process that begin with prefix, secrets masked; None where they cannot be read."""
    folder = "{0}/{1}".format(proc, pid)
    try:
        text = as_owner(folder, lambda: _read(folder + "/environ"))
    except (IOError, OSError):
        return None
    pairs = [entry.partition("=") for entry in text.split("\0")]
    return mask_environment({name: value for name, equals, value in pairs if equals and name.startswith(prefix)})


def find(program, proc="/proc"):
    # type: (str, str) -> List[Dict[str, Any]]
    """Return the processes whose executable, or interpreted script, has the base name program, oldest first."""
    found = [_process(int(name), program, proc) for name in os.listdir(proc) if name.isdigit()]
    return sorted((process for process in found if process), key=lambda one: (one["started"], one["pid"]))


def units(pid, proc="/proc"):
    # type: (int, str) -> List[str]
    """Return the parts of a process's control groups; the name of its systemd unit is one of them."""
    lines = read_text("{0}/{1}/cgroup".format(proc, pid)).splitlines()
    return [part for line in lines for part in line.split(":", 2)[-1].split("/") if part]


def _process(pid, program, proc):
    # type: (int, str, str) -> Optional[Dict[str, Any]]
    folder = "{0}/{1}".format(proc, pid)
    args = [arg for arg in read_text(folder + "/cmdline").split("\0") if arg]
    if not args:  # a kernel thread, or it ended
        return None
    exe = _executable(folder, args[0])
    if exe is None:
        return None
    path = _program_path(exe, args, program)
    if path is None:
        return None
    uid, gid = _owner(folder)
    return {
        "pid": pid,
        "exe": path,
        "deleted": exe.endswith(DELETED),
        "args": mask_args(args),
        "user": user_name(uid),
        "group": group_name(gid),
        "started": _started(folder, proc),
    }


def _executable(folder, called):
    # type: (str, str) -> Optional[str]
    """Return the file that a process runs, None where it ended meanwhile; where nobody may see it, the name it was called by."""
    try:
        return as_owner(folder, lambda: os.readlink(folder + "/exe"))
    except OSError as error:
        return called if error.errno in (errno.EACCES, errno.EPERM) else None


def _read(path):
    # type: (str) -> str
    with io.open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def _program_path(exe, args, program):
    # type: (str, List[str], str) -> Optional[str]
    """Return the path of the program that a process runs if its base name is program.

    A service written in a script has the interpreter as its executable. Scripts below /etc are those that start services.
    """
    path = exe[: -len(DELETED)] if exe.endswith(DELETED) else exe
    if os.path.basename(path) == program:
        return path
    script = args[1] if len(args) > 1 and INTERPRETER.match(os.path.basename(path)) else ""
    return script if os.path.basename(script) == program and not script.startswith("/etc/") else None


def _owner(folder):
    # type: (str) -> Any
    """Return the effective uid and gid of a process."""
    status = read_text(folder + "/status")
    ids = [re.search(r"^" + key + r":\s+\d+\s+(\d+)", status, re.MULTILINE) for key in ("Uid", "Gid")]
    return tuple(int(match.group(1)) if match else -1 for match in ids)


def _started(folder, proc):
    # type: (str, str) -> Optional[float]
    """Return when a process started, in seconds since 1970: the 22nd field of its stat, in ticks since the boot."""
    boot = re.search(r"^btime (\d+)", read_text(proc + "/stat"), re.MULTILINE)
    fields = read_text(folder + "/stat").rpartition(")")[2].split()
    if not boot or len(fields) < 20:
        return None
    return round(int(boot.group(1)) + int(fields[19]) / os.sysconf("SC_CLK_TCK"), 2)
