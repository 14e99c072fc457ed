# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preflight checks of an InfluxDB node: every one of them looks, and what it could not see is an error, never a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_keys as keys
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import Release, dotted, same

Facts = Mapping[str, Any]
Finding = dict[str, str]

REASON_ABOVE = "see why in the earlier messages of this run, mend that and run again"

BACKUP_KINDS: Mapping[str, Release] = {
    "metadata": (0, 10),
    "legacy": (0, 10),
    "portable": (1, 5),
    "none-acknowledged": (0, 10),
}
"""The kinds of backup, and the first release whose influxd can make them."""


def finding(id_: str, severity: str, message: str, remedy: str) -> Finding:
    """Return a finding: severity error stops the run, blocker stops it unless accepted, warning and info are told."""
    return {"id": id_, "severity": severity, "message": message, "remedy": remedy}


@dataclass(frozen=True)
class Target:
    """What the node is to become."""

    version: str

    @property
    def release(self) -> Release:
        """The numbers of the version."""
        return keys.release(self.version)


def _always(node: Facts, target: Target) -> bool:
    return True


@dataclass(frozen=True)
class Check:
    """One question about a node. look returns what is wrong, or None; needs names the facts without which it cannot look."""

    id: str
    severity: str
    description: str
    needs: tuple[str, ...]
    look: Callable[[Facts, Target], str | None] = field(repr=False)
    remedy: str | Callable[[Facts, Target], str] = field(repr=False)
    applies: Callable[[Facts, Target], bool] = field(default=_always, repr=False)

    def run(self, node: Facts, target: Target) -> Finding | None:
        """Return the finding, None where all is well or the check does not apply."""
        if "version" in self.needs and _fact(node, "version") is None:
            return self._unseen("version")
        if not self.applies(node, target):
            return None
        for need in self.needs:
            if _fact(node, need) is None:
                return self._unseen(need)
        message = self.look(node, target)
        remedy = self.remedy if isinstance(self.remedy, str) else self.remedy(node, target)
        return finding(self.id, self.severity, message, remedy) if message else None

    def _unseen(self, need: str) -> Finding:
        return finding(
            self.id + "-unchecked",
            "error",
            f"It could not be checked whether {self.description}: the fact {need} is missing",
            REASON_ABOVE,
        )


def check(node: Facts, target_version: str) -> list[Finding]:
    """Return everything that speaks against upgrading this node, or that its owner should know. Each finding is told once."""
    target = Target(target_version)
    found = [result for one in CHECKS if (result := one.run(node, target))]
    return list({(one["id"], one["message"]): one for one in [*found, *_config_findings(node)]}.values())


def series_limits(source: Release, target: Release) -> Finding | None:
    """Return the warning for a step over 1.0 or 1.1, which brought limits on series and tag values (influxdata/influxdb#7430)."""
    limits = [one for one in keys.default_changes(source, target) if one.place[0] == "data" and one.old is None]
    if not limits:
        return None
    names = " and ".join(f"{one.place[1]} = {one.new} (from {dotted(one.release)})" for one in limits)
    return finding(
        "series-limits",
        "warning",
        f"The target limits {names}. What is stored still loads, but writes beyond a limit are refused with status 400",
        "count the series and tag values of the largest database; where they come near, set higher limits in [data] (0 is none)",
    )


def _fact(node: Facts, path: str) -> Any:
    value: Any = node
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _config_findings(node: Facts) -> list[Finding]:
    """Return what the merge of the configuration found. Where the file cannot be read, config-unreadable has said so."""
    passed: Iterable[Finding] | None = node.get("config_findings")
    if passed is not None:
        return list(passed)
    if node.get("config_error"):
        return []
    return [
        finding(
            "config-findings-unchecked",
            "error",
            "The configuration was not compared with the one of the target release",
            REASON_ABOVE,
        )
    ]


def _error(text: str) -> tuple[str, str]:
    """Return what an error of the collection found and expected, and its advice; either may be empty."""
    said, _mark, advice = text.partition(". What to do: ")
    return said.rstrip("."), advice.rstrip(".")


def _found(text: str) -> str:
    """Return only what an error of the collection found, for a finding that knows better what is expected and what to do."""
    return _error(text)[0].partition(". Expected: ")[0]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _service_name(node: Facts) -> str:
    return str((node.get("service") or {}).get("name") or "influxdb")


def _some(paths: Iterable[Any]) -> str:
    listed = [str(path) for path in paths]
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more


def _old_shards(node: Facts, target: Target) -> str | None:
    formats = node["shards"]["formats"]
    counts = {name: int(formats.get(name) or 0) for name in ("b1", "bz1")}
    if not any(counts.values()):
        return None
    told = " and ".join(f"{_count(count, 'shard')} in {name} format" for name, count in counts.items() if count)
    where = node["shards"].get("b1") or ()
    return (
        f"The data folder holds {told}{': ' + _some(where) if where else ''}. {target.version} opens tsm1 only: it starts,"
        " logs a line and answers queries without their data; a backup does not hold them either"
    )


def _convert(node: Facts, target: Target) -> str:
    tool = "the influx_tsm of the installed release"
    if keys.release(node["version"])[:2] == (0, 11):
        tool = "the influx_tsm of 0.10.3 or of 0.12 to 1.8 (the one of 0.11.0 and 0.11.1 is broken)"
    return (
        f"convert them with {tool}: restart the service once so that its log is flushed, stop it, run"
        " influx_tsm -backup FOLDER -y DATA-FOLDER as the service's user, start it, count points, and run again"
    )


def _unknown_shards(node: Facts, target: Target) -> str | None:
    count = int(node["shards"]["formats"].get("unknown") or 0)
    return f"{_count(count, 'file')} in no known format where shards belong" if count else None


def _tsi(node: Facts, target: Target) -> str | None:
    paths = node["shards"]["tsi1"]
    if not paths:
        return None
    return (
        f"{_count(len(paths), 'shard')} with a tsi1 index of 1.3: {_some(paths)}. {target.version} cannot read it: it starts,"
        " logs 'incompatible tsi1 index MANIFEST' (influxdata/influxdb#9106) and does not serve the data of these shards"
    )


def _tsi_remedy(node: Facts, target: Target) -> str:
    tool = (
        "inmem2tsi -datadir SHARD -waldir WAL-OF-SHARD"
        if target.release < (1, 5)
        else "buildtsi -datadir DATA -waldir WAL"
    )
    return (
        "the index can be made again from the data: with the service stopped, remove the folder index of each of these shards,"
        f" then either go on with the index in memory or run influx_inspect {tool} of the target release as the service's user"
    )


def _ownership(part: str) -> Callable[[Facts, Target], str | None]:
    def look(node: Facts, target: Target) -> str | None:
        owner, user = node["owners"][part], node["service"]["user"]
        if int(owner["foreign"]):
            first = f", the first of them {owner['first_foreign']}" if owner.get("first_foreign") else ""
            count = _count(int(owner["foreign"]), "file")
            return f"{count} in {owner['path']} not owned by the service's user {user}{first}"
        if owner["user"] != user:
            return f"{owner['path']} belongs to {owner['user']}, the service runs as {user}"
        return None

    return look


def _chown(part: str) -> Callable[[Facts, Target], str]:
    def remedy(node: Facts, target: Target) -> str:
        service = node["service"]
        owner = f"{service['user']}:{service['group']}" if service.get("group") else service["user"]
        return f"chown -R {owner} {node['owners'][part]['path']}; the server cannot write there otherwise"

    return remedy


@dataclass(frozen=True)
class Silence:
    """A reason why the server could not be asked, as influxdb_info names it: the finding's id, and what to do."""

    id: str
    remedy: str


SILENCES: Mapping[str, Silence] = {
    "credentials": Silence(
        "api-credentials",
        "set influxdb_admin_user and influxdb_admin_password to those of a user who was created WITH ALL PRIVILEGES",
    ),
    "tls": Silence(
        "api-tls",
        "set influxdb_ca_path to the file of the authority that signed the certificate, or influxdb_api_host to a name in it;"
        " renew it if it has expired; set influxdb_api_port if another server answers there",
    ),
    "library": Silence(
        "api-unreachable",
        "install influxdb 5.3.0 or newer there, or set influxdb_api_delegate to another host that may ask (localhost unless set)",
    ),
    "server": Silence(
        "api-unreachable",
        "see that influxdb_api_host and influxdb_api_port lead to the HTTP API of InfluxDB, and look into the server's log",
    ),
    "unreachable": Silence(
        "api-unreachable",
        "see that [http] is enabled and that no firewall is between; set influxdb_api_host and influxdb_api_port to where the"
        " server answers, influxdb_api_delegate to a host that may ask, influxdb_timeout to more seconds if it is slow",
    ),
}


def _silence(node: Facts) -> Silence:
    return SILENCES.get(str(node["api"].get("reason")), SILENCES["unreachable"])


def _api(id_: str) -> Callable[[Facts, Target], str | None]:
    def look(node: Facts, target: Target) -> str | None:
        api = node["api"]
        if api["reached"] or _silence(node).id != id_:
            return None
        return _found(str(api.get("message") or "")) or "The server could not be asked over HTTP"

    return look


def _foreign(node: Facts) -> list[Facts]:
    return [process for process in node.get("processes") or () if not process.get("service")]


def _not_running(node: Facts, target: Target) -> str | None:
    service = node["service"]
    if service["active"] or not service["exists"] or _foreign(node):
        return None
    return f"The service {_service_name(node)} is not running"


def _process_foreign(node: Facts, target: Target) -> str | None:
    strangers = _foreign(node)
    if not strangers:
        return None
    first = strangers[0]
    return (
        f"influxd runs as process {first.get('pid')} of user {first.get('user')}, which does not belong to the service"
        f" {_service_name(node)}"
    )


def _package_none(node: Facts, target: Target) -> str | None:
    package = node["package"]
    return None if package.get("manager") and package.get("version") else "influxd was not installed from a package"


def _package_mismatch(node: Facts, target: Target) -> str | None:
    package, running = str(node["package"].get("version") or ""), str(node["version"])
    if not package or same(package, running) or same(package, target.version):
        return None  # the target's package beside the old process is what an interrupted run leaves, and the next one finishes
    return f"The installed package is {package}, the running server is {running}"


def _config_unreadable(node: Facts, target: Target) -> str | None:
    if node.get("config_error"):
        return f"The configuration {node['config_path']} cannot be used: {_error(node['config_error'])[0]}"
    return None if node.get("settings") else f"The configuration {node['config_path']} was not read"


def _config_remedy(node: Facts, target: Target) -> str:
    advice = _error(node.get("config_error") or "")[1] or "correct the file and see that influxd starts with it"
    return f"{advice}; if influxd reads another file, set influxdb_config_path to it"


def _rollback_none(node: Facts, target: Target) -> str | None:
    rollback = node["rollback"]
    if rollback["available"]:
        return None
    return _found(str(rollback.get("reason") or "")) or "No source for the package of the running release is known"


def backup_bytes(kind: str, shards: Facts) -> int:
    """Return how large a backup can become: the metadata, or with it everything that is stored."""
    parts = ("meta_bytes", "data_bytes", "wal_bytes") if kind in ("legacy", "portable") else ("meta_bytes",)
    return sum(int(shards[part]) for part in parts)


def _backup_kind(node: Facts, target: Target) -> str | None:
    kind, version = node["backup_kind"], str(node["version"])
    if kind not in BACKUP_KINDS:
        return f"{kind!r} is not a kind of backup; expected one of {', '.join(BACKUP_KINDS)}"
    if keys.release(version) >= BACKUP_KINDS[kind]:
        return None
    return f"influxd {version} cannot make a {kind} backup; {dotted(BACKUP_KINDS[kind])} is the first release that can"


def _cluster(node: Facts, target: Target) -> str | None:
    peers = node["peers"]
    if len(peers) < 2:
        return None
    return (
        f"The node is one of a cluster of {len(peers)} ({_some(peers)}). Clusters of 0.10 and 0.11 have no way into a later"
        " open source release"
    )


def _raft_left(node: Facts, target: Target) -> str | None:
    if not node["raft_db"] or keys.release(node["version"]) < (0, 12):
        return None
    return (
        f"{node['version']} is installed, and the metadata folder still holds the raft.db of 0.10 or 0.11, on which it does not"
        " start. Nothing is lost as long as raft.db is there: do not delete it"
    )


def _limits(part: str) -> Callable[[Facts, Target], str]:
    """Return what tells the message, or the remedy, of series_limits; an empty text where there is no such finding."""

    def told(node: Facts, target: Target) -> str:
        return (series_limits(keys.release(node["version"]), target.release) or {}).get(part, "")

    return told


CHECKS = (
    Check(
        "service-unknown",
        "error",
        "a service manages influxd",
        ("service.exists",),
        lambda node, target: None if node["service"]["exists"] else f"There is no service {_service_name(node)}",
        "set influxdb_service to its name, or install the packaged service and let it run influxd",
    ),
    Check(
        "service-not-running",
        "error",
        "the service is running",
        ("service.exists", "service.active"),
        _not_running,
        "start it and see that it answers; what a stopped server holds cannot be proved",
    ),
    Check(
        "process-foreign",
        "error",
        "influxd runs under its service",
        ("processes",),
        _process_foreign,
        "stop that process and start the service instead; or, if it is a service of another name, set influxdb_service to that",
    ),
    Check(
        "package-none",
        "error",
        "influxd was installed from a package",
        ("package",),
        _package_none,
        "install the package of the running release over it first, so that the files are known to the package manager",
    ),
    Check(
        "package-mismatch",
        "error",
        "the running server is the installed package",
        ("version", "package"),
        _package_mismatch,
        "restart the service, or install the package of the running release, until both are the same",
    ),
    Check(
        "config-unreadable",
        "error",
        "the configuration can be read",
        ("config_path",),
        _config_unreadable,
        _config_remedy,
    ),
    *(
        Check(id_, "error", description, ("api.reached",), _api(id_), lambda node, target: _silence(node).remedy)
        for id_, description in (
            ("api-credentials", "the credentials are accepted"),
            ("api-tls", "the server's certificate is trusted"),
            ("api-unreachable", "the HTTP API answers"),
        )
    ),
    Check(
        "shards-b1",
        "error",
        "shards are in the b1 or bz1 format",
        ("version", "shards.formats"),
        _old_shards,
        _convert,
        lambda node, target: target.release >= (0, 11),
    ),
    Check(
        "shards-unknown",
        "error",
        "all shards are in a known format",
        ("shards.formats",),
        _unknown_shards,
        "look at them and move them away if they are no shards",
    ),
    Check(
        "index-tsi1",
        "blocker",
        "shards have an index that the target cannot read",
        ("version", "shards.tsi1"),
        _tsi,
        _tsi_remedy,
        lambda node, target: keys.release(node["version"])[:2] == (1, 3) and target.release >= (1, 4),
    ),
    *(
        Check(
            f"ownership-{part}",
            "blocker",
            f"the {part} folder belongs to the service's user",
            ("service.user", f"owners.{part}.path", f"owners.{part}.user", f"owners.{part}.foreign"),
            _ownership(part),
            _chown(part),
        )
        for part in ("meta", "data", "wal")
    ),
    Check(
        "metastore-raft",
        "error",
        "the metadata is in a form that the release reads",
        ("version", "raft_db"),
        _raft_left,
        "install the package of the old release again (dpkg -i influxdb_0.11.1-1_amd64.deb) with its configuration, start it and"
        " see that it answers; then run the upgrade from there, which exports the metadata and restores it",
    ),
    Check(
        "metastore-cluster",
        "error",
        "the node is alone",
        ("peers",),
        _cluster,
        "bring the data of the cluster into InfluxDB Enterprise with the vendor's help, or into a new server by export and import",
    ),
    Check("series-limits", "warning", "the target limits series", ("version",), _limits("message"), _limits("remedy")),
    Check(
        "backup-kind",
        "error",
        "the running release can make this kind of backup",
        ("version", "backup_kind"),
        _backup_kind,
        "set influxdb_backup to another kind for this node",
    ),
    Check(
        "rollback-none",
        "blocker",
        "the package of the running release is at hand",
        ("rollback.available",),
        _rollback_none,
        "give the package of the running release as fleet_rollback_package; without it the node cannot be put back",
    ),
)
"""Every check, in the order in which their findings are told."""
