# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of supported upgrades, and the answer to "how does this node get from here to there?".

PATHS is the only place that knows which release can become which; GAPS says why the others cannot. Both are read from top to
bottom, and the first row that fits is the answer. Patch releases are not listed one by one: they share their series' storage,
so a patch release that appears after this table was written needs no new row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._versions import Release, Version, dotted, parse

PRODUCTS: Mapping[str, str] = {
    "influxdb": "InfluxDB OSS",
    "influxdb_enterprise": "InfluxDB Enterprise",
    "cloudant": "Cloudant Local",
    "couchdb": "Apache CouchDB",
    "haproxy": "HAProxy",
}

ROLES = (
    "influxdb",
    "influxdb_legacy",
    "influxdb_enterprise",
    "influxdb_to_enterprise",
    "cloudant_db",
    "cloudant_lb",
    "cloudant_to_new_cluster",
)


def _series(major: int, first: int, last: int) -> tuple[Release, ...]:
    return tuple((major, minor) for minor in range(first, last + 1))


# InfluxDB OSS 1.9 and 1.10 were never published: 1.11.7 is the first public release after 1.8.10 (InfluxDB v1 release notes).
KNOWN: Mapping[str, tuple[Release, ...]] = {
    "influxdb": (*_series(0, 7, 13), *_series(1, 0, 8), (1, 11), (1, 12)),
    "influxdb_enterprise": _series(1, 0, 12),
    "cloudant": ((1, 0), (1, 1)),
    "couchdb": (*_series(1, 0, 7), *_series(2, 0, 3), *_series(3, 0, 5)),
    "haproxy": (*_series(1, 4, 9), *_series(2, 0, 9), *_series(3, 0, 3)),
}


@dataclass(frozen=True)
class Span:
    """Releases from first to last, both included; a last of 1.8 includes every 1.8.x."""

    first: Release
    last: Release

    def __contains__(self, release: Release) -> bool:
        return self.first <= release and release[: len(self.last)] <= self.last

    def __str__(self) -> str:
        return dotted(self.first) if self.first == self.last else f"{dotted(self.first)} to {dotted(self.last)}"


@dataclass(frozen=True)
class Step:
    """One step of a path, and whether what it did can be undone."""

    name: str
    reversible: bool = True


@dataclass(frozen=True)
class Note:
    """Something to know before an upgrade that leads across a release (None: before every one)."""

    text: str
    crosses: Release | None = None


@dataclass(frozen=True)
class Path:
    """One row of the table.

    packages: the names a package for this path may have; none where the product comes with an installer of its own.
    to_product: set where the node's product changes; such a path is taken only where it is asked for by name.
    back: leads to an older release.
    one_way: why nothing leads back; empty if the path's rollback does.
    whole_cluster: all nodes of a cluster change at once, because the releases do not understand each other.
    skip: releases in the range that are no target, each with its reason.
    """

    id: str
    product: str
    role: str
    packages: tuple[str, ...]
    from_range: Span
    to_ranges: tuple[Span, ...]
    best: str
    built: bool
    steps: tuple[Step, ...]
    to_product: str = ""
    one_way: str = ""
    back: bool = False
    whole_cluster: bool = False
    skip: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def leads(self, start: Version, target: Version) -> bool:
        """Say whether the row goes from start to target, releases to skip included."""
        if self.product == "influxdb" and target.enterprise and not self.to_product:
            return False
        return (
            self._in_direction(start.release, target.release)
            and start.release in self.from_range
            and any(target.release in span for span in self.to_ranges)
        )

    def _in_direction(self, start: Release, target: Release) -> bool:
        if self.to_product:
            return start <= target
        return target < start if self.back else start < target

    def notes_for(self, from_version: str, to_version: str) -> list[str]:
        """List the notes that concern this upgrade."""
        start, target = parse(from_version), parse(to_version)
        if start is None or target is None:
            return []
        return [
            note.text for note in self.notes if note.crosses is None or start.release < note.crosses <= target.release
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.from_range} to {' or '.join(map(str, self.to_ranges))}"


@dataclass(frozen=True)
class Gap:
    """Releases between which there is no path, and why."""

    product: str
    from_range: Span
    to_range: Span
    reason: str
    remedy: str


@dataclass(frozen=True)
class Nothing:
    """The node runs the target already."""


@dataclass(frozen=True)
class Refusal:
    """There is no way: why, and what to do instead."""

    reason: str
    remedy: str


_STAGE = Step("put the package and the configuration ready, and prove both")
_BACKUP = Step("back up, open the backup, and take the fingerprint of the data")
_VERIFY = Step("compare health, version and fingerprint")

PATHS: tuple[Path, ...] = (
    Path(
        id="influxdb",
        product="influxdb",
        role="influxdb",
        packages=("influxdb",),
        from_range=Span((0, 12), (1, 12)),
        to_ranges=(Span((1, 0), (1, 12)),),
        best="1.8.10",
        built=True,
        steps=(_STAGE, _BACKUP, Step("change the program and its configuration, and start it"), _VERIFY),
        notes=(
            # influxdata/influxdb v1.0.0 CHANGELOG and scripts/influxdb.service
            Note(
                "From 1.0 on hosts with systemd, InfluxDB writes its log to the journal, no longer to a file.", (1, 0)
            ),
            # influxdata/influxdb v1.0.0 and v1.1.0 tsdb/config.go
            Note(
                "From 1.1, a write that would make a new series beyond max-series-per-database or max-values-per-tag is "
                "rejected; data that is already there stays readable.",
                (1, 1),
            ),
            # influxdata/influxdb#7835; services/admin was removed in v1.3.0
            Note(
                "From 1.3, port 8088 (backup) listens on 127.0.0.1 unless bind-address says otherwise, and the web page "
                "on port 8083 is gone.",
                (1, 3),
            ),
            # docs.influxdata.com, InfluxDB v1, Administer InfluxDB, Downgrade
            Note(
                "InfluxData does not support going back from 1.3 or later to an earlier release; the way back is this "
                "path's rollback, from the backup it takes.",
                (1, 3),
            ),
            # influxdata/influxdb v1.4.3 services/ifql/config.go, services/httpd/config.go
            Note(
                "1.4 opens port 8082 (ifql) unless it is turned off, and refuses requests larger than max-body-size (25 MB).",
                (1, 4),
            ),
            # influxdata/influxdb#9106
            Note("tsi1 indexes written by 1.3 cannot be read by 1.4 or later and have to be built anew.", (1, 4)),
            # InfluxDB v1 release notes, "Before upgrading to InfluxDB 1.11"
            Note(
                "InfluxData calls 1.8 to 1.11 a large jump and advises to try it on a copy of the node first.", (1, 11)
            ),
        ),
    ),
    Path(
        id="influxdb_metastore",
        product="influxdb",
        role="influxdb",
        packages=("influxdb",),
        from_range=Span((0, 10), (0, 11)),
        # Observed up to 1.8.10: each release's "influxd restore -metadir" reads what 0.10 and 0.11 exported.
        to_ranges=(Span((1, 0), (1, 8)),),
        best="1.8.10",
        built=True,
        steps=(
            _STAGE,
            _BACKUP,
            Step("export the metastore with the old program"),
            Step("change the program and its configuration"),
            Step("turn the metastore export into meta.db, and start"),
            _VERIFY,
        ),
        notes=(
            Note(
                "Later releases skip shards of the old engines b1 and bz1 silently: influxdb_convert_shards has them converted."
            ),
        ),
    ),
    Path(
        id="influxdb_legacy",
        product="influxdb",
        role="influxdb_legacy",
        packages=("influxdb",),
        from_range=Span((0, 7), (0, 7)),
        # POST /cluster/migrate_data was removed in 0.8.4 (influxdata/influxdb#1178).
        to_ranges=(Span((0, 8, 0), (0, 8, 3)),),
        best="0.8.3",
        built=True,
        # The raft log of 0.8 has commands, such as that for a shard space, which 0.7 does not know.
        whole_cluster=True,
        steps=(
            _STAGE,
            Step("take the fingerprint of the data"),
            Step("stop every node of the cluster, and copy its folders"),
            Step("change the program, and start it where no client finds it"),
            Step("create the shard spaces, and let the clients in"),
            Step("migrate the shards, newest first"),
            _VERIFY,
        ),
        skip={"0.8.0": "0.8.0 panics while it loads what 0.7 left in its raft folder (influxdata/influxdb#868)"},
        notes=(
            Note("The installation of the 0.8 package restarts a running service by itself."),
            Note("The old shards stay on the disk beside the new ones until you remove them."),
            Note(
                "Prefer 0.8.3: 0.8.1 cannot change a shard space, and 0.8.1 and 0.8.2 do not show the cluster's configuration."
            ),
        ),
    ),
    Path(
        id="influxdb_legacy_later",
        product="influxdb",
        role="influxdb_legacy",
        packages=("influxdb",),
        from_range=Span((0, 8), (0, 8)),
        # Observed: 0.8.8 opens what 0.8.3 has migrated.
        to_ranges=(Span((0, 8, 4), (0, 8)),),
        best="0.8.8",
        built=True,
        whole_cluster=True,
        steps=(
            _STAGE,
            Step("see that nothing of 0.7 is left to be migrated, and take the fingerprint of the data"),
            Step("stop every node of the cluster, copy its folders, and change the program"),
            _VERIFY,
        ),
        skip={"0.8.9": "InfluxData made 0.8.9 for the export to 0.9 only"},
    ),
    Path(
        id="influxdb_enterprise",
        product="influxdb_enterprise",
        role="influxdb_enterprise",
        packages=("influxdb-meta", "influxdb-data"),
        from_range=Span((1, 1), (1, 2)),
        to_ranges=(Span((1, 2, 0), (1, 2, 5)),),
        best="1.2.5",
        built=False,
        steps=(
            _STAGE,
            Step("back up the cluster with the 1.1 syntax, and copy the meta folders"),
            Step("upgrade the meta nodes"),
            Step("upgrade the data nodes"),
            _VERIFY,
        ),
        skip={
            "1.2.0": "InfluxData advised against 1.2.0 and 1.2.1: panics, and backups that cannot be restored",
            "1.2.1": "InfluxData advised against 1.2.0 and 1.2.1: panics, and backups that cannot be restored",
            "1.2.2": "1.2.2 can end with an unexpected fault address (influxdata/influxdb#8022), and its remove-data -force fails",
            "1.2.3": "Enterprise 1.2.3 was never released",
            "1.2.4": "Enterprise 1.2.4 was never released (1.2.4 is the InfluxDB inside Enterprise 1.2.5)",
        },
        notes=(Note("Host names have to be in lower case before 1.2.2.", (1, 2, 0)),),
    ),
    Path(
        id="influxdb_enterprise_back",
        product="influxdb_enterprise",
        role="influxdb_enterprise",
        packages=("influxdb-meta", "influxdb-data"),
        from_range=Span((1, 2), (1, 2)),
        to_ranges=(Span((1, 1), (1, 1)),),
        best="1.1.5",
        built=False,
        back=True,
        one_way="everything written after the 1.1 backup is lost: the way back empties the cluster and restores that backup",
        steps=(
            _STAGE,
            Step("stop the cluster and move its folders aside"),
            Step("install 1.1 and form the cluster anew"),
            Step("restore the 1.1 backup", reversible=False),
            _VERIFY,
        ),
        skip={
            "1.1.2": "Enterprise 1.1.2 was never released outside InfluxData",
            "1.1.4": "Enterprise 1.1.4 was never released",
        },
    ),
    Path(
        id="influxdb_to_enterprise",
        product="influxdb",
        role="influxdb_to_enterprise",
        packages=("influxdb-meta", "influxdb-data"),
        # Portable backups of a release before 1.7.10 are not taken over (influxdata/docs-v2#2994).
        from_range=Span((1, 7, 10), (1, 12)),
        to_ranges=(Span((1, 7, 10), (1, 12)),),
        best="1.9.6-c1.9.6",
        built=False,
        to_product="influxdb_enterprise",
        steps=(
            _STAGE,
            _BACKUP,
            Step("restore the backup into the cluster"),
            Step("write to both, and carry over what was written in between"),
            _VERIFY,
            Step("stop writing to the old node"),
        ),
    ),
    Path(
        id="cloudant_db",
        product="cloudant",
        role="cloudant_db",
        packages=(),
        from_range=Span((1, 0, 0, 5), (1, 0, 0, 5)),
        to_ranges=(Span((1, 1, 0), (1, 1, 0)),),
        best="1.1.0",
        built=True,
        one_way="Cloudant Local cannot go back to an earlier release once a node is upgraded",
        steps=(
            _STAGE,
            _BACKUP,
            Step("put the node into maintenance"),
            Step("uninstall the old release, install the new one in maintenance", reversible=False),
            Step("wait until the node has caught up, and leave maintenance", reversible=False),
            _VERIFY,
        ),
        notes=(
            Note(
                "The cluster must be without production traffic: Cloudant Local does not support upgrades of a live cluster."
            ),
        ),
    ),
    Path(
        id="cloudant_lb",
        product="cloudant",
        role="cloudant_lb",
        packages=(),
        from_range=Span((1, 0, 0, 5), (1, 0, 0, 5)),
        to_ranges=(Span((1, 1, 0), (1, 1, 0)),),
        best="1.1.0",
        built=True,
        one_way="Cloudant Local cannot go back to an earlier release once a node is upgraded",
        steps=(
            _STAGE,
            Step("prove that the other load balancer takes over"),
            Step("uninstall the old release, install the new one", reversible=False),
            _VERIFY,
        ),
    ),
    Path(
        id="haproxy",
        product="haproxy",
        role="cloudant_lb",
        packages=("haproxy",),
        from_range=Span((1, 4), (3, 3)),
        to_ranges=(Span((1, 5), (3, 3)),),
        best="3.2.0",
        built=True,
        steps=(
            _STAGE,
            Step("copy the configuration"),
            Step("let another load balancer take over, and prove that it does"),
            Step("change the program, and prove that it serves as before"),
            Step("take the virtual address back"),
        ),
        notes=(Note("Connections through a load balancer end when it is changed; clients have to connect again."),),
    ),
    Path(
        id="couchdb",
        product="couchdb",
        role="cloudant_db",
        packages=("couchdb",),
        from_range=Span((2, 0), (3, 5)),
        to_ranges=(Span((2, 0), (3, 5)),),
        best="3.5.1",
        built=True,
        steps=(
            _STAGE,
            _BACKUP,
            Step("put the node into maintenance"),
            Step("change the program, and start it in maintenance"),
            Step("wait until the node has caught up, and leave maintenance"),
            _VERIFY,
        ),
        notes=(
            # docs.couchdb.org, Upgrading from prior CouchDB releases
            Note(
                "CouchDB 3 does not start without an administrator, and shows the list of databases to administrators only.",
                (3, 0),
            ),
        ),
    ),
    Path(
        id="cloudant_to_new_cluster",
        product="cloudant",
        role="cloudant_to_new_cluster",
        packages=(),
        from_range=Span((1, 0), (1, 1)),
        to_ranges=(Span((1, 1, 0), (1, 1, 0)), Span((2, 0), (3, 5))),
        best="3.5.1",
        built=False,
        to_product="couchdb",
        steps=(
            Step("replicate every database into the new cluster"),
            Step("carry over what replication leaves out"),
            Step("stop the writes and compare every document"),
            Step("switch the applications over"),
        ),
    ),
)

_EVERY_INFLUXDB = Span((0, 7), (1, 12))
_RUN_AGAIN = "and run again"

GAPS: tuple[Gap, ...] = (
    Gap(
        "influxdb",
        Span((0, 7), (0, 7)),
        Span((0, 8, 4), (0, 8)),
        "0.8.4 and later can no longer read the data of 0.7: the migration was taken out of them",
        "Choose 0.8.3, which migrates the data; a later 0.8 can open what 0.8.3 has migrated",
    ),
    Gap(
        "influxdb",
        Span((0, 7), (0, 7)),
        Span((0, 7), (0, 7)),
        "The table has no path between two releases of 0.7",
        "Choose 0.8.3, the release that migrates the data of any 0.7",
    ),
    Gap(
        "influxdb",
        Span((0, 8), (0, 8)),
        Span((0, 8), (0, 8)),
        "The table has no path from one release of 0.8 to one before 0.8.4, or to an earlier one",
        "Choose 0.8.8 as the target, which opens what 0.8.3 has migrated",
    ),
    Gap(
        "influxdb",
        Span((0, 7), (0, 8)),
        Span((0, 9), (1, 12)),
        "0.9 changed the storage, the API and the query language: no later release reads the data of 0.7 or 0.8 in place",
        "Bring 0.7 to 0.8.3 first. Then install 1.x beside it and carry the data over: 0.8.9 exists for that export only",
    ),
    Gap(
        "influxdb",
        Span((0, 9), (0, 9)),
        _EVERY_INFLUXDB,
        "The table has no path from 0.9, whose metastore and shards (b1, bz1) no release from 0.12 on reads",
        "Bring a single node to 0.10.3 as InfluxData's page for 0.10 says, convert its shards with the influx_tsm of 0.10, "
        "and run again. A cluster of 0.9 cannot be joined by 0.10: export its data and import it into a new 1.x",
    ),
    Gap(
        "influxdb",
        Span((0, 10), (0, 11)),
        Span((0, 10), (0, 13)),
        "The metastore changes for good between 0.11 and 0.12, so the table goes from 0.10 and 0.11 straight to 1.x",
        f"Choose a target from 1.0 to 1.8 {_RUN_AGAIN}",
    ),
    Gap(
        "influxdb",
        Span((0, 10), (0, 11)),
        Span((1, 11), (1, 12)),
        "Releases after 1.8 were never seen to take over the metastore of 0.10 or 0.11",
        f"Go to 1.8.10 first, {_RUN_AGAIN} with the later target",
    ),
    Gap(
        "influxdb",
        Span((0, 12), (0, 13)),
        Span((0, 12), (0, 13)),
        "The table has no path that ends before 1.0",
        f"Choose a target from 1.0 to 1.12 {_RUN_AGAIN}",
    ),
    Gap(
        "influxdb_enterprise",
        Span((1, 0), (1, 12)),
        Span((1, 0), (1, 12)),
        "The table knows InfluxDB Enterprise only from 1.1 or 1.2 to 1.2.5, and from 1.2 back to 1.1",
        "Choose 1.2.5 if the cluster runs 1.1 or 1.2; for other releases follow InfluxData's upgrade page",
    ),
    Gap(
        "cloudant",
        Span((1, 0), (1, 0)),
        Span((1, 0), (1, 1)),
        "The table knows Cloudant Local from 1.0.0.5 to 1.1.0 only, the way that IBM documents",
        "Choose 1.1.0 as the target; a cluster older than 1.0.0.5 goes to 1.0.0.5 first, as IBM's manual for it says",
    ),
    Gap(
        "cloudant",
        Span((1, 1), (1, 1)),
        Span((1, 1), (1, 1)),
        "1.1.0 is the last release of Cloudant Local that the table knows as a target",
        "Move to Apache CouchDB with the path cloudant_to_new_cluster: choose a CouchDB release as the target",
    ),
    Gap(
        "couchdb",
        Span((1, 0), (1, 7)),
        Span((1, 0), (3, 5)),
        "CouchDB 1.x stores its databases in another way than the clustered releases, so it cannot be upgraded in place",
        "Install a new CouchDB 3 beside it and replicate the databases into it",
    ),
)

# How to get back where there is no path for it, by product.
_WAY_BACK: Mapping[str, str] = {
    "influxdb": "A node that this collection upgraded goes back with the path's rollback, from the backup kept on the node below "
    "fleet_state_dir; otherwise restore a backup of your own into an installation of the older release",
    "influxdb_enterprise": "Form a cluster of the older release anew and restore into it a backup which that release has made",
    "cloudant": "Cloudant Local does not support it: build a new cluster of the older release and replicate the data into it",
    "couchdb": "Build a new cluster of the older release and replicate the data into it, or restore the copies of data and etc",
    "haproxy": "A node that this collection upgraded goes back with the path's rollback; otherwise install the older package by hand",
}


def resolve(
    product: str, from_version: str, to_version: str, role: str = "", paths: Sequence[Path] = PATHS
) -> Path | Nothing | Refusal:
    """Find the path of a node, or say why there is none. `role` (a role's or a path's name) narrows the choice."""
    rows = [path for path in paths if path.product == product and role in ("", path.role, path.id)]
    refusal = _not_served(product, role, rows)
    if refusal:
        return refusal
    start = _release(product, from_version, "installed")
    target = _release(product, to_version, "asked for")
    if isinstance(start, Refusal):
        return start
    if isinstance(target, Refusal):
        return target
    if _is_there(product, start, target, rows):
        return Nothing()
    for path in rows:
        if path.leads(start, target) and (role or not path.to_product):
            return _usable(path, target)
    return _why_not(product, start, target, rows)


def _is_there(product: str, start: Version, target: Version, rows: Sequence[Path]) -> bool:
    moves = all(path.to_product for path in rows) or (product == "influxdb" and bool(target.enterprise))
    return start.release == target.release and not moves


def _usable(path: Path, target: Version) -> Path | Refusal:
    reason = path.skip.get(dotted(target.release))
    if reason:
        return Refusal(reason, f"Choose {path.best} as the target")
    if not path.built:
        return Refusal(
            f"The path {path.id} (role {path.role}) is not built yet",
            "Take the node out of this run, and upgrade it by the vendor's documentation or with a later release of this collection",
        )
    return path


def _not_served(product: str, role: str, rows: Sequence[Path]) -> Refusal | None:
    if product not in PRODUCTS:
        return Refusal(
            f"The product {product or '(none)'} is not one that this collection upgrades",
            f"Take the node out of the fleet; known products: {', '.join(PRODUCTS)}",
        )
    if not rows:
        return Refusal(
            f"The path {role} does not upgrade {PRODUCTS[product]}",
            "Take the node out of this playbook's hosts, or run the playbook fleet.yml, which chooses the path of each node",
        )
    return None


def _release(product: str, text: str, what: str) -> Version | Refusal:
    version = parse(text)
    if version is None:
        return Refusal(
            f"The version {what} is {text!r}, which is not the number of a release",
            "Give all numbers of the release, for example 1.4.3"
            if what == "asked for"
            else "Look at what is installed on the node",
        )
    if version.candidate:
        return Refusal(
            f"The version {what}, {version}, is a release candidate or another build before the release",
            f"Use the release, {dotted(version.release)}; a candidate may have written data that the release does not read",
        )
    return _unknown(product, version, what) or version


def _unknown(product: str, version: Version, what: str) -> Refusal | None:
    release, name = version.release, PRODUCTS[product]
    if _is_known(product, version):
        return None
    if product.startswith("influxdb") and release[0] > 1:
        return Refusal(
            f"InfluxDB {release[0]}.x ({version}, {what}) is another product, which this collection does not upgrade",
            f"Choose a 1.x target (the last series known is {dotted(KNOWN[product][-1])}), "
            f"or migrate as InfluxData's page for {release[0]}.x says",
        )
    if product == "influxdb" and release[:2] in KNOWN["influxdb_enterprise"]:
        reason = f"InfluxDB {dotted(release[:2])} ({version}, {what}) was released as InfluxDB Enterprise only"
    else:
        reason = f"The table does not know {name} {version}, the version {what}"
    return Refusal(reason, f"Choose a release that it knows; the nearest series: {_nearest(product, release)}")


def _is_known(product: str, version: Version) -> bool:
    if product == "influxdb" and version.enterprise:
        return version.release[:2] in KNOWN["influxdb_enterprise"]
    if product == "cloudant" and version.release[0] > 1:  # a move to Apache CouchDB
        return version.release[:2] in KNOWN["couchdb"]
    return version.release[:2] in KNOWN[product]


def _nearest(product: str, release: Release) -> str:
    below = [series for series in KNOWN[product] if series < release][-1:]
    above = [series for series in KNOWN[product] if series > release][:1]
    return " and ".join(dotted(series) for series in (*below, *above))


def _why_not(product: str, start: Version, target: Version, rows: Sequence[Path]) -> Refusal:
    if target.release < start.release:
        return Refusal(f"{target} is older than {start}, and no path leads back", _WAY_BACK[product])
    for gap in GAPS:
        if gap.product == product and start.release in gap.from_range and target.release in gap.to_range:
            return Refusal(gap.reason, gap.remedy)
    for path in rows:
        if path.leads(start, target):
            return _by_name_only(path)
    return Refusal(
        f"The table has no path from {PRODUCTS[product]} {start} to {target}",
        f"Choose a target that a path leads to ({'; '.join(map(str, rows))})",
    )


def _by_name_only(path: Path) -> Refusal:
    state = "" if path.built else ", and is not built yet"
    return Refusal(
        f"Only the path {path.id} leads there; it makes the node's data move to {PRODUCTS[path.to_product]}, so it is never "
        f"chosen by itself{state}",
        f"Run the playbook {path.id}.yml if that is what you want"
        if path.built
        else "Choose a target within the same product",
    )
