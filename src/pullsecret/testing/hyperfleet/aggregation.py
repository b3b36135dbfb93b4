"""How the API sums up the adapters' reports into the cluster's own conditions.

Source of the rules: hyperfleet-api, pkg/services/aggregation.go, as far as an adapter can see them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pullsecret.testing.hyperfleet.records import ClusterCondition, ClusterRecord, Condition, Report

RECONCILED = "Reconciled"
LAST_KNOWN_RECONCILED = "LastKnownReconciled"


def condition_type_of(adapter: str) -> str:
    """`landing-zone` reports into `LandingZoneSuccessful`."""
    return "".join(part[:1].upper() + part[1:] for part in adapter.split("-")) + "Successful"


def aggregate(cluster: ClusterRecord, required: Sequence[str]) -> tuple[ClusterCondition, ...]:
    """The cluster's conditions after its reports or its generation changed."""
    decided = {
        name: report
        for name in required
        if (report := cluster.reports.get(name)) is not None
        and report.status_of("Available") in ("True", "False")
    }
    return (
        _reconciled(cluster, required, decided),
        _last_known(cluster, required, decided),
        *(_mirrored(cluster, report) for report in decided.values()),
    )


def all_finalized(cluster: ClusterRecord, required: Sequence[str]) -> bool:
    """Whether every required adapter has reported Finalized=True at the current generation."""
    return bool(required) and all(
        (report := cluster.reports.get(name)) is not None
        and report.observed_generation == cluster.generation
        and report.status_of("Finalized") == "True"
        for name in required
    )


def _reconciled(
    cluster: ClusterRecord, required: Sequence[str], decided: Mapping[str, Report]
) -> ClusterCondition:
    wanted = "Available" if cluster.deleted_time is None else "Finalized"
    missing = [
        name
        for name in required
        if name not in decided
        or decided[name].observed_generation != cluster.generation
        or decided[name].status_of(wanted) != "True"
    ]
    done = bool(required) and not missing
    at_generation = [r.observed_time for r in decided.values() if r.observed_generation == cluster.generation]
    updated = min(at_generation, default=cluster.updated_time)
    message = (
        f"All required adapters reported {wanted}=True at the current generation"
        if done
        else f"Required adapters not reporting {wanted}=True: [{', '.join(sorted(missing))}]. "
        f"Currently reporting: [{', '.join(sorted(decided))}]"
    )
    return _next(
        cluster,
        RECONCILED,
        done,
        "ReconciledAll" if done else "MissingRequiredAdapters",
        message,
        cluster.generation,
        updated,
    )


def _last_known(
    cluster: ClusterRecord, required: Sequence[str], decided: Mapping[str, Report]
) -> ClusterCondition:
    """True once all required adapters were available at one generation; sticky until a failure there."""
    before = cluster.condition(LAST_KNOWN_RECONCILED)
    was_true = before is not None and before.status == "True"
    tracked = before.observed_generation if before is not None else cluster.generation
    generations = {report.observed_generation for report in decided.values()}
    complete = bool(required) and len(decided) == len(required)
    all_true = complete and all(r.status_of("Available") == "True" for r in decided.values())
    if all_true and len(generations) == 1:
        done, tracked = True, next(iter(generations))
    elif all_true:
        done = was_true
    else:
        failed = any(
            r.status_of("Available") == "False" and r.observed_generation == tracked for r in decided.values()
        )
        done = complete and was_true and not failed
    updated = min((r.observed_time for r in decided.values()), default=cluster.updated_time)
    return _next(
        cluster,
        LAST_KNOWN_RECONCILED,
        done,
        "AllAdaptersReconciled" if done else "AdaptersNotReconciled",
        "All required adapters report Available=True for the tracked generation"
        if done
        else "Not every required adapter has reported Available=True at one generation",
        tracked,
        updated,
    )


def _mirrored(cluster: ClusterRecord, report: Report) -> ClusterCondition:
    available: Condition | None = report.condition("Available")
    assert available is not None
    type_ = condition_type_of(report.adapter)
    return _next(
        cluster,
        type_,
        available.status == "True",
        available.reason,
        available.message,
        report.observed_generation,
        report.observed_time,
    )


def _next(
    cluster: ClusterRecord,
    type_: str,
    done: bool,
    reason: str,
    message: str,
    generation: int,
    updated: datetime,
) -> ClusterCondition:
    before = cluster.condition(type_)
    status = "True" if done else "False"
    return ClusterCondition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        observed_generation=generation,
        created_time=before.created_time if before else cluster.updated_time,
        updated_time=updated,
        since=before.since if before and before.status == status else updated,
    )
