# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of Cloudant Local as text: ini files, vm.args, haproxy.cfg, and what CAST is told of it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import re

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _process
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

try:
    from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple  # noqa: F401 (read by type comments)

    Name = Tuple[str, str]
    Settings = Dict[Name, Any]
except ImportError:  # Python 2.7 on the node has no typing
    pass

GENERATED = "open_ssl"
"""In place of a value, CAST makes one up."""

USERS = ("admin", "cloudant")
QUORUM = ("q", "r", "w", "n")
FLAG = "maintenance_mode"
IN_MAINTENANCE = ("couchdb", FLAG)
DATA = (("couchdb", "database_dir"), ("couchdb", "view_index_dir"))
"""Where the data are. They stay where they are, whatever a release has as its default."""

SECTION = re.compile(r"^[ \t]*\[(.+)\][ \t\r]*$")
CONTINUED = re.compile(r"^[ \t]+[^ \t\r=;][^=]*$")
INLINE_COMMENT = re.compile(r"[ \t];.*$")
HASHED = re.compile(r"^-(hashed|pbkdf2)-")

Setting = collections.namedtuple("Setting", ["value", "lines"])
"""value: as CouchDB reads it; lines: as it is written."""


# Ini files


def parse_ini(text):
    # type: (str) -> Settings
    """Return (section, key) -> Setting in the order of the file; of a key that stands twice, the last."""
    found = collections.OrderedDict()  # type: Settings
    for name, first, line in _scan(text):
        if name is not None:
            found[name] = ([] if first else found[name]) + [line]
    return collections.OrderedDict((name, Setting(_value(lines), lines)) for name, lines in found.items())


def chain(texts):
    # type: (Iterable[str]) -> Dict[Name, str]
    """Return the values of a chain of ini files, of which a later one wins."""
    found = {}  # type: Dict[Name, str]
    for text in texts:
        found.update((name, setting.value) for name, setting in parse_ini(text).items())
    return found


def setting(name, value):
    # type: (Name, str) -> Setting
    return Setting(value, ["{0} = {1}".format(name[1], value)])


def merged(text, settings):
    # type: (str, Settings) -> str
    """Return text with the settings that it lacks or has otherwise; its order and comments stay."""
    present = parse_ini(text)
    wanted = [name for name in settings if name not in present or present[name].value != settings[name].value]
    lines = []  # type: List[str]
    placed = set()  # type: Set[Name]
    for name, _first, line in _scan(text):
        if name not in wanted:
            lines.append(line)
        elif name not in placed:
            lines.extend(settings[name].lines)
            placed.add(name)
    for name in wanted:
        if name not in placed:
            _add(lines, name[0], settings[name].lines)
    return "\n".join(lines) + "\n"


def in_maintenance(text):
    # type: (str) -> str
    """Return text with each flag of maintenance in it set: a later file of the chain must not take the node out of it."""
    flags = [name for name in parse_ini(text) if name[1] == FLAG]
    return merged(text, {name: setting(name, "true") for name in flags}) if flags else text


def carried_over(new, kept, defaults):
    # type: (str, str, Tuple[Dict[Name, str], Dict[Name, str]]) -> str
    """Return the new local.ini with the settings of the kept one, in maintenance.

    defaults: the values of the chain that was kept, and those of the new release before local.ini. A flag of maintenance is no
    configuration, and never taken from what was kept.
    """
    settings = collections.OrderedDict(item for item in parse_ini(kept).items() if item[0][1] != FLAG)
    for name in DATA:
        former = defaults[0].get(name)
        if former and former != defaults[1].get(name):
            settings.setdefault(name, setting(name, former))
    settings[IN_MAINTENANCE] = setting(IN_MAINTENANCE, "true")
    return merged(new, settings)


def _scan(text):
    # type: (str) -> Iterator[Tuple[Optional[Name], bool, str]]
    """Yield each line with the setting that it is a part of, None for all others, and whether it is the first of its lines."""
    section, current = "", None  # type: str, Optional[Name]
    for line in text.rstrip("\n").split("\n"):
        header = SECTION.match(line)
        key, equals, _rest = line.partition("=")
        first = False
        if header:
            section, current = header.group(1), None
        elif not (current and CONTINUED.match(line)):
            first = bool(equals and key.strip()) and key.strip()[0] not in ";#"
            current = (section, key.strip()) if first else None
        yield current, first, line


def _value(lines):
    # type: (List[str]) -> str
    parts = [lines[0].partition("=")[2]] + lines[1:]
    return " ".join(INLINE_COMMENT.sub("", part).strip() for part in parts)


def _add(lines, section, added):
    # type: (List[str], str, List[str]) -> None
    """Put lines at the end of a section, which is made where there is none."""
    end, current = None, ""  # type: Optional[int], str
    for number, line in enumerate(lines):
        header = SECTION.match(line)
        current = header.group(1) if header else current
        if current == section and line.strip():
            end = number + 1
    if end is None:
        lines.extend(["", "[{0}]".format(section)])
        end = len(lines)
    lines[end:end] = added


# vm.args


def argument(text, option):
    # type: (str, str) -> Optional[str]
    """Return the value of an option of vm.args, None where it is not given."""
    words = [word for line in _arguments(text) for word in line.split()]
    given = [value for word, value in zip(words, words[1:]) if word == option]
    return given[-1].strip("'\"") if given else None


def lost_arguments(new, kept):
    # type: (str, str) -> List[str]
    """Return what the kept vm.args has and the new one has not, without what sounds secret."""
    present = _arguments(new)
    lost = [line for line in _arguments(kept) if line not in present and line.split()[0] not in ("-name", "-setcookie")]
    return [line.split()[0] + " " + _process.MASK if _sounds_secret(line) else line for line in lost]


def _arguments(text):
    # type: (str) -> List[str]
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return [line for line in lines if line and not line.startswith("#")]


def _sounds_secret(line):
    # type: (str) -> bool
    return "cookie" in line or any(_process.SECRET_FLAG.search(word) for word in line.split())


# haproxy.cfg


def statistics_user(text):
    # type: (str) -> Optional[Tuple[str, str]]
    """Return user and password of the first "stats auth"."""
    for words in _directives(text):
        if words[:2] == ["stats", "auth"] and ":" in words[-1] and len(words) == 3:
            user, _colon, password = words[2].partition(":")
            return user, password
    return None


def servers(text):
    # type: (str) -> List[Dict[str, str]]
    """Return name and address of the servers of IBM's listen section dbfarm, of all sections where it is not there."""
    section = ""
    found = collections.OrderedDict()  # type: Dict[str, List[Dict[str, str]]]
    for words in _directives(text):
        if words[0] in ("global", "defaults", "listen", "frontend", "backend", "userlist", "peers"):
            section = words[1] if len(words) > 1 else ""
        elif words[0] == "server" and len(words) > 2:
            found.setdefault(section, []).append({"hostname": words[1], "ipaddress": _host(words[2])})
    return found.get("dbfarm") or [server for members in found.values() for server in members]


def _directives(text):
    # type: (str) -> List[List[str]]
    """Return the words of each line. A blank, a number sign or a backslash in a word has a backslash before it."""
    found = [re.findall(r"(?:\\.|[^\s\\#])+|#.*", line) for line in text.split("\n")]
    lines = [[re.sub(r"\\(.)", r"\1", word).strip("\"'") for word in words if word[0] != "#"] for words in found]
    return [words for words in lines if words]


def _host(address):
    # type: (str) -> str
    host, colon, port = address.rpartition(":")
    return (host if colon and port.isdigit() else address).strip("[]")


# What CAST is told


def database_node(config, cookie):
    # type: (Dict[Name, str], str) -> Dict[str, Any]
    """Return dbnode.yaml for a node that is to be the member that it was.

    Raises FleetError where the configuration lacks what makes it one, or has it as CAST 1.1.0 does not take it.
    """
    users = {user: config.get(("admins", user), "") for user in USERS}
    plain = [user for user in USERS if not HASHED.match(users[user])]
    if plain:
        raise FleetError(
            "The section [admins] has no hashed password for {0}".format(" and ".join(plain)),
            "a value that begins with -hashed- or -pbkdf2- for admin and for cloudant: CAST refuses plain text",
            "set the passwords as administrator; the running server hashes them",
            reason="credentials",
        )
    return {
        "dbnode": {
            "users": users,
            "cookie": cookie,
            "uuid": config.get(("couchdb", "uuid")) or GENERATED,
            "quorum": _quorum(config),
            "httpd_auth": config.get(("couch_httpd_auth", "secret")) or GENERATED,
            "monitor_role": GENERATED,
        }
    }


def _quorum(config):
    # type: (Dict[Name, str]) -> Dict[str, int]
    given = {key: config[("cluster", key)] for key in QUORUM if config.get(("cluster", key))}
    wrong = ["{0} = {1}".format(key, given[key]) for key in QUORUM if not given.get(key, "1").isdigit()]
    if wrong:
        raise FleetError("The section [cluster] has {0}".format(", ".join(wrong)), "numbers", "correct local.ini", reason="config")
    return {key: int(value) for key, value in given.items()}


def balancer_node(text):
    # type: (str) -> Dict[str, Any]
    """Return lbnode.yaml from haproxy.cfg."""
    user, nodes = statistics_user(text), servers(text)
    if user is None or not nodes:
        raise FleetError(
            "haproxy.cfg has no {0}".format("'stats auth'" if user is None else "server"),
            "user and password of the statistics page, and the database nodes: CAST asks for both",
            "complete haproxy.cfg",
            reason="config",
        )
    return {"lbnode": {"users": dict([user]), "nodes": nodes}}


def secrets(told):
    # type: (Dict[str, Any]) -> List[str]
    """Return what of dbnode.yaml or lbnode.yaml no text may show."""
    node = list(told.values())[0]
    found = list(node["users"].values()) + [node.get("cookie"), node.get("httpd_auth")]
    return sorted((text for text in found if text and text != GENERATED), key=len, reverse=True)


def masked(text, hidden):
    # type: (str, List[str]) -> str
    for secret in hidden:
        text = text.replace(secret, _process.MASK)
    return text
