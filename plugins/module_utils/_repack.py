# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Package files that are kept ready on a node: found, downloaded, or remade from what is installed, and proved."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import glob
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _lock, _node
from ansible_collections.dbfleet.upgrade.plugins.module_utils._command import PATH
from ansible_collections.dbfleet.upgrade.plugins.module_utils._copies import sha256
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Callable, Dict, List, Optional, Tuple  # noqa: F401 (read by type comments)
except ImportError:  # Python 2.7 on the node has no typing
    pass

Wanted = collections.namedtuple("Wanted", ["name", "version", "arch", "sha256"])
"""version: upstream (1.3.9) or a package's (1.3.9-1); sha256: of a package that somebody published, or None."""

CACHE = "/var/cache/apt/archives"
TEMPORARY = ".package-"
LEFT_OUT_OF_CONTROL = ("Status", "Conffiles", "Config-Version", "Triggers-Pending", "Triggers-Awaited")
# What minimal systems tell dpkg not to unpack (path-exclude in dpkg.cfg): no server needs it.
DISPENSABLE = ("/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/locale", "/usr/share/lintian")
# Four bounded tries at most: a node without a way to its repositories must not wait for long.
APT = ["-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20"]


def obtain(sources, wanted, dest, run, check_mode=False):
    # type: (List[Any], Wanted, str, Callable[[List[str]], Any], bool) -> Dict[str, Any]
    """Return the package kept in dest, taken from the first source that has it if it is not there already.

    Raises FleetError (reason no-rollback-package, tried: source -> why not) where none has it.
    """
    kept = existing(dest, wanted)
    if kept:
        return dict(kept, changed=False)
    tried = collections.OrderedDict()  # type: Dict[str, str]
    for source in sources:
        try:
            record = source.look(wanted, dest) if check_mode else take(source, wanted, dest, run)
        except FleetError as error:
            tried[source.name] = str(error)
        else:
            return dict(record, changed=True)
    raise FleetError(
        "The package {0} {1} for {2} cannot be had. {3}".format(
            wanted.name, wanted.version, wanted.arch, " ".join("{0}: {1}".format(*one) for one in tried.items())
        ),
        "one of these sources to have it",
        "put the package file on the node and name it (path and sha256), then run again",
        reason="no-rollback-package",
        tried=tried,
    )


def existing(dest, wanted):
    # type: (str, Wanted) -> Optional[Dict[str, Any]]
    """Return what an earlier run left in dest if it is the wanted package and still whole."""
    for note in sorted(glob.glob(os.path.join(dest, "*.deb.json"))):
        record = _read_note(note)
        path = note[: -len(".json")]
        published = record and (wanted.sha256 in (None, record["sha256"]) or record["source"] == "rebuilt")
        if published and _matches(record, wanted) and os.path.isfile(path) and sha256(path) == record["sha256"]:
            return dict(record, path=path)
    return None


def take(source, wanted, dest, run):
    # type: (Any, Wanted, str, Callable[[List[str]], Any]) -> Dict[str, Any]
    """Bring the package into dest, prove it there, give it its name and note its digest beside it."""
    source.look(wanted, dest)
    _lock.private_dir(dest)
    for left in glob.glob(os.path.join(dest, TEMPORARY + "*")):  # by a run that was killed
        shutil.rmtree(left)
    folder = tempfile.mkdtemp(prefix=TEMPORARY, dir=dest)
    try:
        brought = source.fetch(wanted, folder)
        record = dict(prove(brought, wanted, run), source=source.result)
        path = os.path.join(dest, file_name(record))
        _write(os.path.join(folder, "note"), json.dumps(record, indent=1, sort_keys=True))
        os.rename(brought, path)
        os.rename(os.path.join(folder, "note"), path + ".json")
    finally:
        shutil.rmtree(folder)
    return dict(record, path=path)


def file_name(record):
    # type: (Dict[str, Any]) -> str
    """Return the usual name of a package file; the colon of an epoch is written as apt does."""
    return "{0}_{1}_{2}.deb".format(record["name"], record["version"].replace(":", "%3a"), record["arch"])


# Proof


def prove(path, wanted, run):
    # type: (str, Wanted, Callable[[List[str]], Any]) -> Dict[str, Any]
    """Return sha256, size, name, version and arch of a package file that is the wanted one and can be read to its end."""
    answer = run(["dpkg-deb", "-f", path, "Package", "Version", "Architecture"])
    if answer.rc != 0:
        raise FleetError("{0} is not a readable package: {1}".format(path, answer.err.strip()))
    fields = dict(line.split(": ", 1) for line in answer.out.splitlines() if ": " in line)
    record = {
        "name": fields.get("Package", ""),
        "version": fields.get("Version", ""),
        "arch": fields.get("Architecture", ""),
        "sha256": sha256(path),
        "size": os.path.getsize(path),
    }
    if not _matches(record, wanted):
        raise FleetError(
            "{0} is {1} {2} for {3}".format(path, record["name"], record["version"], record["arch"]),
            "{0} {1} for {2}".format(wanted.name, wanted.version, wanted.arch),
        )
    members(path)
    return record


def demand_digest(path, expected):
    # type: (str, Optional[str]) -> None
    """Raise FleetError where a file is not the one that was published; expected is None where that is not known."""
    found = sha256(path)
    if expected and found != expected:
        raise FleetError("{0} has the sha256 {1}".format(path, found), expected, "get the file again")


def members(path):
    # type: (str) -> Dict[str, str]
    """Return the regular files and hard links of a package: path -> sha256 (of a link: that of what it links to)."""
    # Runs without AnsibleModule too, whose run_command is what ansible-test would have.
    process = subprocess.Popen(  # pylint: disable=ansible-bad-function
        ["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": PATH, "LC_ALL": "C"}
    )
    found = {}  # type: Dict[str, str]
    broken = ""
    try:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                _digest_member(archive, member, found)
    except (tarfile.TarError, EOFError, KeyError) as error:
        broken = str(error)
    message = process.communicate()[1].decode("utf-8", "replace")
    if process.returncode != 0 or broken:
        raise FleetError("{0} cannot be read to its end: {1}".format(path, message.strip() or broken))
    return found


def _digest_member(archive, member, found):
    # type: (tarfile.TarFile, tarfile.TarInfo, Dict[str, str]) -> None
    name = _absolute(member.name)
    if member.islnk():
        found[name] = found[_absolute(member.linkname)]
    elif member.isfile():
        digest = hashlib.sha256()
        content = archive.extractfile(member)  # type: Any
        for block in iter(lambda: content.read(1 << 20), b""):
            digest.update(block)
        found[name] = digest.hexdigest()


def _absolute(name):
    # type: (str) -> str
    return "/" + re.sub(r"^\.?/", "", name)


def _matches(record, wanted):
    # type: (Dict[str, Any], Wanted) -> bool
    version = record["version"]
    return (
        record["name"] == wanted.name
        and wanted.version in (version, re.sub(r"^\d+:", "", version), _node.upstream_version(version))
        and record["arch"] in (wanted.arch, "all")
    )


def _read_note(path):
    # type: (str) -> Dict[str, Any]
    """Return the note beside a package, or an empty dict where a power cut left none that can be read."""
    try:
        with io.open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except ValueError:
        return {}


# Sources. look(wanted, dest) only reads, and raises FleetError with the reason where the package cannot be had;
# fetch(wanted, folder) returns the path of the package in folder. result is what the module calls the source.


class File(object):
    """A package file that is on the node already."""

    name = result = "file"

    def __init__(self, path, run):
        # type: (Optional[str], Callable[[List[str]], Any]) -> None
        self.path = path
        self.run = run

    def look(self, wanted, dest):
        # type: (Wanted, str) -> Dict[str, Any]
        if not self.path or not os.path.isfile(self.path):
            raise FleetError("there is no file {0}".format(self.path or "named (path)"))
        demand_digest(self.path, wanted.sha256)
        record = prove(self.path, wanted, self.run)
        require_room(dest, 0 if self._lies_in(dest) else record["size"])
        return dict(record, source=self.result, path=os.path.join(dest, file_name(record)))

    def fetch(self, wanted, folder):
        # type: (Wanted, str) -> str
        copy = os.path.join(folder, "package.deb")
        bring = os.link if self._lies_in(os.path.dirname(folder)) else shutil.copyfile
        bring(os.path.realpath(str(self.path)), copy)
        demand_digest(copy, wanted.sha256)
        return copy

    def _lies_in(self, dest):
        # type: (str) -> bool
        """Is it in dest already? Then it takes no further room."""
        return os.path.dirname(os.path.realpath(str(self.path))) == os.path.realpath(dest)


class Cache(File):
    """What apt keeps of its downloads."""

    name = result = "cache"

    def __init__(self, run, folder=CACHE):
        # type: (Callable[[List[str]], Any], str) -> None
        super(Cache, self).__init__(None, run)
        self.folder = folder

    def look(self, wanted, dest):
        # type: (Wanted, str) -> Dict[str, Any]
        why = FleetError("no {0} {1} in {2}".format(wanted.name, wanted.version, self.folder))
        for path in sorted(glob.glob(os.path.join(self.folder, wanted.name + "_*.deb")), reverse=True):
            self.path = path
            try:
                return super(Cache, self).look(wanted, dest)
            except FleetError as error:
                why = error
        raise why


class Repository(object):
    """The repositories that the node itself is set up to use."""

    name = result = "repository"

    def __init__(self, run):
        # type: (Callable[[List[str]], Any]) -> None
        self.run = run

    def look(self, wanted, dest):
        # type: (Wanted, str) -> Dict[str, Any]
        version = self._offered(wanted)
        record = {"name": wanted.name, "version": version, "arch": wanted.arch, "sha256": wanted.sha256, "size": None}
        return dict(record, source=self.result, path=os.path.join(dest, file_name(record)))

    def fetch(self, wanted, folder):
        # type: (Wanted, str) -> str
        package = "{0}={1}".format(wanted.name, self._offered(wanted))
        answer = self.run(["sh", "-c", 'cd "$0" && exec apt-get "$@"', folder] + APT + ["download", package])
        found = glob.glob(os.path.join(folder, "*.deb"))
        if answer.rc != 0 or len(found) != 1:
            raise FleetError("apt-get download {0} failed: {1}".format(package, answer.err.strip()))
        demand_digest(found[0], wanted.sha256)
        return found[0]

    def _offered(self, wanted):
        # type: (Wanted) -> str
        rows = [line.split("|") for line in self.run(["apt-cache", "madison", wanted.name]).out.splitlines()]
        versions = [row[1].strip() for row in rows if len(row) > 2 and row[2].strip().endswith("Packages")]
        for version in versions:
            if _matches({"name": wanted.name, "version": version, "arch": wanted.arch}, wanted):
                return version
        raise FleetError("the node's repositories offer {0}".format(", ".join(versions) or "no version of it"))


class Installed(object):
    """The installed files themselves, packed again; the package carries the configuration as it is now."""

    name = "installed"
    result = "rebuilt"

    def __init__(self, run, root=""):
        # type: (Callable[[List[str]], Any], str) -> None
        self.run = run
        self.root = root

    def look(self, wanted, dest):
        # type: (Wanted, str) -> Dict[str, Any]
        found = _node.dpkg_package(wanted.name, self.run, self.root)
        if not found or found["status"] != "install ok installed":
            raise FleetError("dpkg calls it {0}".format(found["status"] if found else "unknown"))
        if not _matches(found, wanted):
            raise FleetError("{0} for {1} is installed".format(found["version"], found["arch"]))
        require_room(dest, 2 * size_of([source for _path, source in self._files(wanted.name)]))
        record = {"name": wanted.name, "version": found["version"], "arch": found["arch"], "sha256": None, "size": None}
        return dict(record, source=self.result, path=os.path.join(dest, file_name(record)))

    def fetch(self, wanted, folder):
        # type: (Wanted, str) -> str
        tree, package = os.path.join(folder, "tree"), os.path.join(folder, "package.deb")
        files = self._files(wanted.name)
        os.mkdir(tree)
        copy_tree(files, tree)
        os.chmod(tree, 0o755)
        self._control(wanted.name, tree, [path for path, _source in files])
        # gzip at its fastest: the node serves meanwhile, and every dpkg reads it.
        answer = self.run(["dpkg-deb", "-Zgzip", "-z1", "-b", tree, package])
        if answer.rc != 0:
            raise FleetError("dpkg-deb could not build the package: {0}".format(answer.err.strip()))
        compare(members(package), files)
        return package

    def _files(self, name):
        # type: (str) -> List[Tuple[str, str]]
        """Return path in the package and path on disk of all that the package installed and that is there."""
        conffiles = self._conffiles(name)
        listed = listed_files(self.run(["dpkg-query", "-L", name]).out)
        pairs = [(path, self.root + source) for path, source in listed]
        missing = [path for path, source in pairs if not os.path.lexists(source)]
        held = self._held(name)
        lost = [
            path
            for path in missing
            if path not in conffiles and not path.startswith(DISPENSABLE) and (not held or path in held)
        ]
        if lost:
            raise FleetError("installed files are missing: {0}".format(", ".join(lost[:5])))
        return [pair for pair in pairs if pair[0] not in missing]

    def _held(self, name):
        # type: (str) -> List[str]
        """Return the paths that hold something, as the package's digests list them; where there are none, it is not known.

        What is listed beside them is a folder, or a link: people move /var/lib/influxdb away, and nothing is lost by that.
        """
        digests = [path for path in self._control_files(name) if path.endswith(".md5sums")]
        lines = [line for path in digests for line in _lines(self.root + path)]
        return ["/" + line.split(None, 1)[1].strip() for line in lines if len(line.split(None, 1)) == 2]

    def _control_files(self, name):
        # type: (str) -> List[str]
        return self.run(["dpkg-query", "--control-path", name]).out.splitlines()

    def _conffiles(self, name):
        # type: (str) -> List[str]
        found = _node.dpkg_package(name, self.run, self.root)
        return [conffile["path"] for conffile in found["conffiles"]] if found else []

    def _control(self, name, tree, present):
        # type: (str, str, List[str]) -> None
        """Write DEBIAN/: the fields that dpkg knows, and the package's own scripts and lists."""
        folder = os.path.join(tree, "DEBIAN")
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        for path in self._control_files(name):
            shutil.copy2(self.root + path, os.path.join(folder, path.rpartition(".")[2]))
        _write(os.path.join(folder, "control"), control_fields(self.run(["dpkg-query", "-s", name]).out))
        kept = [path for path in self._conffiles(name) if path in present]
        if kept:
            _write(os.path.join(folder, "conffiles"), "".join(path + "\n" for path in kept))


def _lines(path):
    # type: (str) -> List[str]
    with io.open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read().splitlines()


def listed_files(text):
    # type: (str) -> List[Tuple[str, str]]
    """Read what dpkg-query -L prints: path in the package, path on disk. A diverted file lies under another name."""
    pairs = []  # type: List[Tuple[str, str]]
    for line in text.splitlines():
        match = re.match(r"(?:locally diverted|diverted by \S+) to: (/.*)", line)
        if match and pairs:
            pairs[-1] = (pairs[-1][0], match.group(1))
        elif line.startswith("/") and line != "/.":
            pairs.append((line, line))
    return pairs


def control_fields(text):
    # type: (str) -> str
    """Return the control file of a package from what dpkg-query -s prints, without what describes the installation."""
    fields = re.split(r"\n(?=\S)", text.strip())
    return "".join(field + "\n" for field in fields if field.split(":", 1)[0] not in LEFT_OUT_OF_CONTROL)


def copy_tree(files, tree):
    # type: (List[Tuple[str, str]], str) -> None
    """Copy files (path in the package, path on disk) below tree with owners, modes, times, symbolic and hard links.

    A folder that is a symbolic link on this machine (/lib on a merged /usr) but has files below it is a folder in the package.
    """
    folders = {os.path.dirname(path) for path, _source in files}
    linked = {}  # type: Dict[Tuple[int, int], str]
    for path, source in files:
        copy = tree + path
        found = os.stat(source) if path in folders else os.lstat(source)
        inode = (found.st_dev, found.st_ino)
        if inode in linked:
            os.link(linked[inode], copy)
            continue
        _copy_one(source, copy, found)
        if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
            linked[inode] = copy


def _copy_one(source, copy, found):
    # type: (str, str, os.stat_result) -> None
    if stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(source), copy)
    elif stat.S_ISDIR(found.st_mode):
        os.mkdir(copy)
    elif stat.S_ISREG(found.st_mode):
        shutil.copyfile(source, copy)
    else:
        raise FleetError("{0} is neither a file nor a folder nor a link".format(source))
    os.lchown(copy, found.st_uid, found.st_gid)
    if not stat.S_ISLNK(found.st_mode):
        os.chmod(copy, stat.S_IMODE(found.st_mode))
        os.utime(copy, (found.st_atime, found.st_mtime))


def compare(packed, files):
    # type: (Dict[str, str], List[Tuple[str, str]]) -> None
    """Raise FleetError unless the package holds every installed file, the program among them, byte for byte."""
    regular = {path: source for path, source in files if os.path.isfile(source) and not os.path.islink(source)}
    wrong = sorted(set(packed) ^ set(regular)) or [path for path in regular if sha256(regular[path]) != packed[path]]
    if wrong:
        raise FleetError("the package made anew differs from what is installed: {0}".format(", ".join(sorted(wrong)[:5])))


def size_of(paths):
    # type: (List[str]) -> int
    """Return the bytes of the regular files among paths."""
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path) and not os.path.islink(path))


def require_room(dest, needed):
    # type: (str, int) -> None
    """Raise FleetError where the file system of dest has less than needed bytes free."""
    free = _node.disk(dest)["free"]
    if free < needed:
        raise FleetError("{0} bytes are free for {1}".format(free, dest), "{0} bytes".format(needed), "make room there")


def _write(path, text):
    # type: (str, str) -> None
    with io.open(path, "w", encoding="utf-8") as stream:
        stream.write(u"" + text)
    os.chmod(path, 0o644)
