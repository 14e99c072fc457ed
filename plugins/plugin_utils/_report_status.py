# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a node, judged from evidence alone: what is not proved is not done."""

from __future__ import annotations

from ansible_collections.dbfleet.upgrade.plugins.plugin_utils._report_plain import Facts

GOOD = ("done", "nothing")
WAITING = ("planned", "later")
# The worst first: the order in which a report shows nodes.
BAD = ("rollback_failed", "failed", "unreachable", "unknown", "rolled_back", "refused", "held")
STATUSES = (*BAD, *WAITING, *GOOD)

# The levels of a fingerprint that look at the whole of the data.
_WHOLE = ("points", "documents", "copies")

# A phase from which on a node is no longer what it was.
_CHANGING = ("upgrade", "verify", "rollback")


def is_dry(run: Facts) -> bool:
    """Say whether the run was meant to change nothing."""
    return bool(run["check"] or run["plan_only"])


def goes_back(plan: Facts | None) -> bool:
    """Say whether a run takes nodes back to an earlier release; one without a plan counts as an upgrade."""
    return plan is not None and plan["direction"] != "upgrade"


def was_changed(node: Facts) -> bool:
    """Say whether the run got as far as changing a node."""
    return any(entry["phase"] in _CHANGING and entry["status"] != "skipped" for entry in node["timeline"])


def phase_status(entry: Facts) -> str:
    """Return how a phase ended: ok, failed, skipped or unfinished. A word that is not known is no success."""
    status: str | None = entry["status"]
    if status in ("failed", "skipped", "unfinished"):
        return status
    if entry["started"] is not None and entry["ended"] is None:
        return "unfinished"
    return "ok" if status == "ok" else "failed"


def was_left_ready(node: Facts) -> bool:
    """Say whether the last thing heard of a node is that it was made ready: it answered, and nothing was done to it."""
    entered = [entry for entry in node["timeline"] if entry["status"] != "skipped"]
    return bool(entered) and entered[-1]["phase"] == "stage" and entered[-1]["status"] == "ok"


def last_phase(node: Facts) -> str | None:
    """Return the last phase that a node is known to have entered."""
    return next((entry["phase"] for entry in reversed(node["timeline"]) if entry["status"] != "skipped"), None)


def judge(node: Facts, planned: Facts, plan: Facts | None, dry: bool) -> tuple[str, str | None]:
    """Return a node's status and the reason for it, as a sentence where there is one.

    planned is the plan's row of the node, empty when there is none.
    """
    outcome = node["outcome"] or {"status": None, "reason": None}
    status, reason = outcome["status"], outcome["reason"]
    if not status:
        return _unreported(node, planned, plan, dry)
    if status not in STATUSES:
        return "unknown", f"The outcome '{status}' is none that this report knows"
    doubt = _doubt(node, status, dry)
    return doubt or (status, reason or planned.get("reason"))


def _doubt(node: Facts, status: str, dry: bool) -> tuple[str, str] | None:
    """Return what a good outcome has to become when the node's own evidence does not bear it out."""
    if status not in GOOD:
        return None
    differences = (node["fingerprint"] or {}).get("differences")
    if differences:
        return "failed", f"The data is not what it was before: {differences[0]}"
    for phase, said in (("verify", "verification"), ("rollback", "rollback")):
        last = _last(node, phase)
        if last and last["status"] != "ok":
            return "failed", f"Its {said} did not succeed: {last['detail'] or 'no details were reported'}"
    if status == "nothing" and not _last(node, "verify") and node["outcome"]["phase"] != "verify" and not dry:
        return "unknown", "Nothing had to be done, but that the node works was not verified"
    return None


def _last(node: Facts, phase: str) -> Facts | None:
    """Return the last time that a node was in a phase."""
    entered = [entry for entry in node["timeline"] if entry["phase"] == phase and entry["status"] != "skipped"]
    return entered[-1] if entered else None


def stops(finding: Facts) -> bool:
    """Say whether a finding keeps the run from going on."""
    return finding["severity"] in ("error", "blocker") and not finding["accepted"]


def _unreported(node: Facts, planned: Facts, plan: Facts | None, dry: bool) -> tuple[str, str | None]:
    """Judge a node that no outcome was reported for: the run's last word on it decides, and silence is never success."""
    state = planned.get("state")
    if state in ("refused", "later"):
        return state, planned["reason"]
    if was_changed(node):
        return "unknown", f"Nothing was heard of it after it entered the phase {last_phase(node)}"
    if plan is None:
        return "held", "No plan was made, so nothing was done to it"
    if plan["verdict"] == "refused":
        own = [finding for finding in plan["findings"] if finding["node"] == planned.get("name") and stops(finding)]
        if own:
            return "refused", own[0]["message"]
        return "held", "The plan was refused, so nothing was done to it"
    if dry and state in ("upgrade", "nothing"):
        return ("planned" if state == "upgrade" else "nothing"), planned["reason"]
    if state is None:
        return "unknown", "It is not part of the plan"
    if was_left_ready(node):
        return "held", "It was made ready and not started"
    phase = last_phase(node)
    seen = f"No outcome was reported; the last phase seen was {phase}" if phase else "Nothing at all was heard of it"
    return "unknown", seen


def data_verdict(node: Facts) -> str:
    """Return what the comparison of the fingerprints proves: same, partly, differs or not_compared."""
    fingerprint = node["fingerprint"]
    if fingerprint and fingerprint["differences"]:
        return "differs"
    if not fingerprint or not fingerprint["before"] or not fingerprint["after"]:
        return "not_compared"
    return "same" if _covers_all(fingerprint["before"]) and _covers_all(fingerprint["after"]) else "partly"


def is_whole(node: Facts) -> bool:
    """Say whether all of a node's data, and not a part or its metadata only, is proved to be what it was."""
    return node["data"] == "same" and node["fingerprint"]["level"] in _WHOLE


def _covers_all(summary: Facts) -> bool:
    """Read how much of the data was counted: "covered" of the "buckets" there are; absent means all."""
    covered, buckets = summary.get("covered", True), summary.get("buckets")
    if isinstance(covered, (bool, str)):
        return str(covered).lower() in ("true", "yes", "all")
    return covered >= (buckets if isinstance(buckets, (int, float)) else 1)
