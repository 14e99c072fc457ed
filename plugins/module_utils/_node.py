# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is on a node: machine, package, service, processes and what earlier runs left. Reads only.

root, a parameter of most functions, is put before the absolute paths of files, so that tests can bring a machine of their own.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import fcntl
import glob
import hashlib
import io
import json
import os
import platform
import pwd
import re

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _journal, _lock, _process

try:
    from typing import Any, Callable, Dict, List, Optional  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

DPKG_FORMAT = "${Status}\\n${Version}\\n${Architecture}\\n${Conffiles}\\n"
RPM_FORMAT = "%{VERSION}-%{RELEASE}\\n%{ARCH}\\n"
UNIT_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,User,Group,ExecStart,EnvironmentFiles,EnvironmentFile,"
    "FragmentPath,DropInPaths,SourcePath"
)
RUNIT = "/etc/sv/"
NO_SERVICE = {
    "manager": None,
    "exists": False,
    "active": False,
    "enabled": False,
    "pid": None,
    "user": None,
    "group": None,
    "exec": None,
    "environment_files": [],
    "unit_files": [],
    "scripts": [],
}  # type: Dict[str, Any]


def describe(options, run, now, root=""):
    # type: (Dict[str, Any], Callable[[List[str]], Any], float, str) -> Dict[str, Any]
    """Return everything node_info tells. options: package, program, service, environment_prefix, state_dir."""
    init = init_system(run, root)
    processes = _process.find(options["program"], root + "/proc")
    found = service(options["service"], init, processes, run, root)
    for process in processes:
        process["service"] = belongs(process, found, root)
    main = found["pid"]
    prefix = options["environment_prefix"]
    return {
        "machine": machine(init, run, now),
        "package": package(options["package"], run, root),
        "service": found,
        "processes": processes,
        "environment": _process.environment(main, prefix, root + "/proc") if main and prefix else {},
        "state": state(options["state_dir"]),
        "disk": {"state_dir": disk(options["state_dir"])},
    }


def machine(init, run, now):
    # type: (str, Callable[[List[str]], Any], float) -> Dict[str, Any]
    """Return what the node itself is."""
    return {
        "hostname": platform.node(),
        "arch": architecture(run),
        "init": init,
        "python": platform.python_version(),
        "time": round(now, 3),
    }


def architecture(run):
    # type: (Callable[[List[str]], Any]) -> str
    """Return the architecture as the package manager calls it, or else as the kernel does."""
    answer = run(["dpkg", "--print-architecture"])
    return answer.out.strip() if answer.rc == 0 else platform.machine()


def init_system(run, root=""):
    # type: (Callable[[List[str]], Any], str) -> str
    """Return what starts services: systemd, upstart or sysv."""
    if os.path.isdir(root + "/run/systemd/system"):
        return "systemd"
    answer = run(["initctl", "version"])
    return "upstart" if answer.rc == 0 and "upstart" in answer.out else "sysv"


# Packages


def package(name, run, root=""):
    # type: (str, Callable[[List[str]], Any], str) -> Dict[str, Any]
    """Return the package as the node's package manager knows it; where both are there, the one that has it installed."""
    answers = [found for found in (dpkg_package(name, run, root), rpm_package(name, run)) if found]
    installed = [found for found in answers if found["installed"]]
    return (installed or answers or [_package("none", name)])[0]


def dpkg_package(name, run, root=""):
    # type: (str, Callable[[List[str]], Any], str) -> Optional[Dict[str, Any]]
    """Return the package as dpkg knows it, or None without dpkg."""
    answer = run(["dpkg-query", "-W", "-f", DPKG_FORMAT, name])
    if answer.rc == 127:
        return None
    status, version, arch, rest = (answer.out + "\n\n\n").split("\n", 3)
    if answer.rc != 0 or status.split()[-1] in ("not-installed", "config-files"):
        return _package("dpkg", name, status=status or None)
    return _package("dpkg", name, True, version, arch, status, dpkg_conffiles(rest, root))


def dpkg_conffiles(text, root=""):
    # type: (str, str) -> List[Dict[str, Any]]
    """Return the configuration files with whether they differ from the packaged ones; None where that cannot be told."""
    fields = [line.split() for line in text.splitlines() if line.strip().startswith("/")]
    return [{"path": line[0], "modified": _modified(root + line[0], line[1])} for line in fields if line[-1] != "obsolete"]


def rpm_package(name, run):
    # type: (str, Callable[[List[str]], Any]) -> Optional[Dict[str, Any]]
    """Return the package as rpm knows it, or None without rpm."""
    answer = run(["rpm", "-q", "--qf", RPM_FORMAT, name])
    if answer.rc == 127:
        return None
    if answer.rc != 0:
        return _package("rpm", name)
    version, arch = answer.out.splitlines()[:2]
    listed = run(["rpm", "-q", "--configfiles", name]).out.splitlines()
    checked = run(["rpm", "-V", "--nodeps", "--noscripts", name]).out
    return _package("rpm", name, True, version, arch, "installed", rpm_conffiles(listed, checked))


def rpm_conffiles(paths, checked):
    # type: (List[str], str) -> List[Dict[str, Any]]
    """Return the configuration files of an rpm; checked is what rpm -V prints: nothing for a file that is as packaged."""
    flags = {line.split()[-1]: line.split()[0] for line in checked.splitlines() if "/" in line}
    states = [(path, flags.get(path, "")) for path in paths if path.startswith("/")]
    return [{"path": path, "modified": None if flag == "missing" else "5" in flag} for path, flag in states]


def upstream_version(version):
    # type: (str) -> str
    """Return a package's version without epoch, build number and distribution.

    1.3.9-1 is 1.3.9; 3.4.3~bookworm of CouchDB is 3.4.3; 1.2.4-c1.2.5-1 of Enterprise, 1.2.4_c1.2.5-1 as rpm writes it, is 1.2.4-c1.2.5.
    """
    version = re.sub(r"~(?!alpha|beta|rc|pre|dev|nightly)[a-z]+$", "", re.sub(r"^\d+:", "", version))
    return re.sub(r"-\d[^-]*$", "", version).replace("_c", "-c")


def _package(manager, name, installed=False, version=None, arch=None, status=None, conffiles=None):
    # type: (str, str, bool, Optional[str], Optional[str], Optional[str], Optional[List[Dict[str, Any]]]) -> Dict[str, Any]
    return {
        "manager": manager,
        "installed": installed,
        "name": name,
        "version": version,
        "upstream": upstream_version(version) if version else None,
        "arch": arch,
        "status": status,
        "conffiles": conffiles or [],
    }


def _modified(path, md5):
    # type: (str, str) -> Optional[bool]
    try:
        with io.open(path, "rb") as stream:
            return hashlib.md5(stream.read()).hexdigest() != md5
    except (IOError, OSError, ValueError):  # missing, or no MD5 on a machine in FIPS mode
        return None


# Services


def service(name, init, processes, run, root=""):
    # type: (str, str, List[Dict[str, Any]], Callable[[List[str]], Any], str) -> Dict[str, Any]
    """Return the service as the node's init system, or runit, knows it. User and group are None where nothing tells them."""
    if os.path.isdir(root + RUNIT + name + "/supervise"):
        return runit_service(name, processes, run, root)
    by_script = script_service(name, processes, run, root)
    if init != "systemd":
        return by_script
    answer = run(["systemctl", "show", name + ".service", "--property", UNIT_PROPERTIES])
    return systemd_service(name, properties(answer.out), processes, by_script, root)


def properties(text):
    # type: (str) -> Dict[str, List[str]]
    """Return what systemctl show prints: property -> values, for some are printed once for each value."""
    found = {}  # type: Dict[str, List[str]]
    for line in text.splitlines():
        key, _equals, value = line.partition("=")
        if value:
            found.setdefault(key, []).append(value)
    return found


def systemd_service(name, shown, processes, by_script, root=""):
    # type: (str, Dict[str, List[str]], List[Dict[str, Any]], Dict[str, Any], str) -> Dict[str, Any]
    """Return a service from its unit's properties. A unit made from an init script is judged as a script."""
    first = {key: values[0] for key, values in shown.items()}
    generated = by_script["exists"] and "SourcePath" in first
    if first.get("LoadState", "not-found") == "not-found":
        return dict(NO_SERVICE, name=name, unit=name + ".service", manager="systemd")
    main = int(first.get("MainPID", 0)) or _unit_process(first["Id"], processes, root)
    user = first.get("User") or by_script["user"] or _of(processes, main, "user")
    files = [first.get("FragmentPath", "")] + first.get("DropInPaths", "").split()
    return {
        "name": name,
        "unit": first["Id"],
        "manager": "systemd",
        "exists": True,
        "active": first.get("ActiveState") in ("active", "reloading") and (not generated or bool(main)),
        "enabled": first.get("UnitFileState", "").startswith("enabled") or (generated and by_script["enabled"]),
        "pid": main or None,
        "user": user,
        "group": first.get("Group") or by_script["group"] or _of(processes, main, "group") or primary_group(user),
        "exec": _command(shown.get("ExecStart", [])) if not generated else None,
        "environment_files": by_script["environment_files"] if generated else _environment_files(shown, root),
        "unit_files": [path for path in files if path and "/systemd/generator" not in path],
        "scripts": by_script["scripts"],
    }


def script_service(name, processes, run, root=""):
    # type: (str, List[Dict[str, Any]], Callable[[List[str]], Any], str) -> Dict[str, Any]
    """Return a service that an init script or an upstart job starts.

    Not every script's status tells the truth (0.8's answers 0 for a stopped server): a process has to be there too.
    """
    candidates = ["/etc/init.d/" + name, "/etc/init/" + name + ".conf"]
    scripts = [path for path in candidates if os.path.exists(root + path)]
    if not scripts:
        return dict(NO_SERVICE, name=name, unit=None, manager="sysv")
    text = _process.read_text(root + scripts[0])
    main = _script_process(name, text, processes, run, root)
    return {
        "name": name,
        "unit": None,
        "manager": "sysv",
        "exists": True,
        "active": bool(main),
        "enabled": _enabled_script(name, root),
        "pid": main,
        "user": _of(processes, main, "user") or _assigned("user", text),
        "group": _of(processes, main, "group") or _assigned("group", text),
        "exec": None,
        "environment_files": [
            path for path in ("/etc/default/" + name, "/etc/sysconfig/" + name) if os.path.isfile(root + path)
        ],
        "unit_files": [],
        "scripts": scripts,
    }


def runit_service(name, processes, run, root=""):
    # type: (str, List[Dict[str, Any]], Callable[[List[str]], Any], str) -> Dict[str, Any]
    """Return a service that runit supervises, as Cloudant Local's. sv status: "run: /etc/sv/cloudant: (pid 812) 45s; run: log: ..."."""
    folder = RUNIT + name
    state = re.match(r"run: \S+: \(pid (\d+)\)", run(["sv", "status", folder]).out)
    main = int(state.group(1)) if state else None
    user = _of(processes, main, "user")
    return dict(
        NO_SERVICE,
        name=name,
        unit=None,
        manager="runit",
        exists=True,
        active=bool(main),
        enabled=not os.path.exists(root + folder + "/down"),
        pid=main,
        user=user,
        group=_of(processes, main, "group") or primary_group(user),
        scripts=[folder + "/run"],
    )


def belongs(process, found, root=""):
    # type: (Dict[str, Any], Dict[str, Any], str) -> bool
    """Return whether a process is one of a service: its main process, or in the control group of its unit."""
    return process["pid"] == found["pid"] or found["unit"] in _process.units(process["pid"], root + "/proc")


def primary_group(user):
    # type: (Optional[str]) -> Optional[str]
    """Return the group that systemd gives to a unit that names a user and no group (systemd.exec(5))."""
    try:
        return _process.group_name(pwd.getpwnam(user).pw_gid) if user else None
    except KeyError:
        return None


def _of(processes, pid, key):
    # type: (List[Dict[str, Any]], Optional[int], str) -> Optional[str]
    return next((process[key] for process in processes if process["pid"] == pid), None)


def _unit_process(unit, processes, root):
    # type: (str, List[Dict[str, Any]], str) -> Optional[int]
    """Return the oldest process in a unit's control group: a unit made from an init script has no main process."""
    inside = [process["pid"] for process in processes if unit in _process.units(process["pid"], root + "/proc")]
    return inside[0] if inside else None


def _command(values):
    # type: (List[str]) -> Optional[str]
    """Return the command line in { path=... ; argv[]=... ; ... }."""
    match = re.search(r"argv\[\]=(.*?) ;", values[0] + " ;") if values else None
    return " ".join(_process.mask_args(match.group(1).split(" "))) if match else None


def _environment_files(shown, root):
    # type: (Dict[str, List[str]], str) -> List[str]
    """Return the environment files that exist. systemd before 240 shows them under the singular name; they may be patterns."""
    values = shown.get("EnvironmentFiles", []) + shown.get("EnvironmentFile", [])
    patterns = [re.sub(r" \(ignore_errors=\w+\)$", "", value) for value in values]
    return [path[len(root) :] for pattern in patterns for path in sorted(glob.glob(root + pattern))]


def _script_process(name, text, processes, run, root):
    # type: (str, str, List[Dict[str, Any]], Callable[[List[str]], Any], str) -> Optional[int]
    """Return the process that the script started: the one in its pid file, or else the oldest if the script says it runs."""
    pids = [process["pid"] for process in processes]
    noted = [pid for pid in (_pid(root + path) for path in _pid_files(name, text)) if pid in pids]
    if noted or not pids:
        return noted[0] if noted else None
    return pids[0] if run(["service", name, "status"]).rc == 0 else None


def _pid_files(name, text):
    # type: (str, str) -> List[str]
    """Return where a script may keep its pid: what it says, and where 0.7 and 0.8 do."""
    stated = re.findall(r"^\s*pidfile=[\"']?(/[^\s\"'$]+)", text, re.IGNORECASE | re.MULTILINE)
    return stated + ["/var/run/{0}.pid".format(name), "/opt/{0}/shared/{0}.pid".format(name)]


def _pid(path):
    # type: (str) -> int
    text = _process.read_text(path).strip()
    return int(text) if text.isdigit() else 0


def _enabled_script(name, root):
    # type: (str, str) -> bool
    """Return whether a script starts at boot: Debian's and Red Hat's folders of links, or an upstart job."""
    patterns = ["/etc/rc[2-5].d/S[0-9][0-9]", "/etc/rc.d/rc[2-5].d/S[0-9][0-9]"]
    links = [path for pattern in patterns for path in glob.glob(root + pattern + name)]
    return bool(links) or os.path.exists("{0}/etc/init/{1}.conf".format(root, name))


def _assigned(variable, text):
    # type: (str, str) -> Optional[str]
    match = re.search(r"^\s*" + variable + r"=[\"']?([a-z_][\w-]*)[\"']?\s*$", text, re.IGNORECASE | re.MULTILINE)
    return match.group(1) if match else None


# What earlier runs left


def state(state_dir):
    # type: (str) -> Dict[str, Any]
    """Return what the state folder holds."""
    lines = _journal.read_journal(os.path.join(state_dir, _journal.NAME))
    return {
        "exists": os.path.isdir(state_dir),
        "lock": _lock.read(state_dir),
        "swap": swap(state_dir),
        "installation": installation(state_dir),
        "journal": {"entries": len(lines), "last": lines[-1]} if lines else None,
        "backups": backups(os.path.join(state_dir, "backup")),
    }


def swap(state_dir):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return how far the last swap came, and whether it still runs; None where there was none."""
    path = os.path.join(state_dir, "swap.json")
    if not os.path.exists(path):
        return None
    try:
        found = json.loads(_process.read_text(path))
    except ValueError:
        found = {}
    keys = ("id", "state", "step", "finished", "outcome")
    return dict(((key, found.get(key)) for key in keys), running=locked(os.path.join(state_dir, "swap.lock")))


def installation(state_dir):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return which installer's run took the old release away last, and whether it has ended; None where none did."""
    try:
        found = json.loads(_process.read_text(os.path.join(state_dir, "cloudant_install.json")))
    except (IOError, OSError, ValueError):
        return None
    steps = found.get("steps", {})
    return {"id": found.get("id"), "finished": steps.get("configure") == "ended"} if "uninstall" in steps else None


def locked(path):
    # type: (str) -> bool
    """Return whether a process holds the lock of a file."""
    if not os.path.exists(path):
        return False
    with io.open(path, "rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (IOError, OSError):
            return True
    return False


def wait_for_swap(state_dir, seconds, sleep):
    # type: (str, int, Callable[[float], Any]) -> None
    """Return when no swap runs on the node any more, at the latest after so many seconds."""
    pause = 0.5
    for _attempt in range(int(seconds / pause)):
        if not locked(os.path.join(state_dir, "swap.lock")):
            return
        sleep(pause)


def backups(folder):
    # type: (str) -> List[str]
    """Return the ids of the complete backups."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name for name in names if os.path.isdir(os.path.join(folder, name)) and not name.endswith(".partial"))


def disk(path):
    # type: (str) -> Dict[str, int]
    """Return the free and total bytes of the file system that holds path, or will hold it."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return {"free": found.f_bavail * found.f_frsize, "total": found.f_blocks * found.f_frsize}
