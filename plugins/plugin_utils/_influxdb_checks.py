# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preflight checks of an InfluxDB node: every one of them looks, and what it could not see is an error, never a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils import _influxdb_keys as keys
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._checks import (
    REASON_ABOVE,
    Check,
    Facts,
    Finding,
    Target,
    finding,
)
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._influxdb_storage_checks import STORAGE_CHECKS
from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import Release, dotted, same

BACKUP_KINDS: Mapping[str, Release] = {
    "metadata": (0, 10),
    "legacy": (0, 10),
    "portable": (1, 5),
    "none-acknowledged": (0, 10),
}
"""The kinds of backup, and the first release whose influxd can make them."""


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


def _service_name(node: Facts) -> str:
    return str((node.get("service") or {}).get("name") or "influxdb")


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
    *STORAGE_CHECKS,
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
