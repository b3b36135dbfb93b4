"""The one table of our metrics; ``docs/metrics.md`` is generated from it.

Names and units follow https://prometheus.io/docs/practices/naming/: base units, ``_total`` for counters.
Every label has a known, small set of values.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

import attrs

from pullsecret.domain.drift import DriftKind
from pullsecret.domain.facts import CircuitState, EventOutcome, SkipReason
from pullsecret.domain.reasons import Outlook, Reason

MAX_PROJECTS: Final = 200
"""So many projects have a series of their own; the one that was not heard of for longest makes room."""
MAX_NAMES: Final = 40
"""So many values of a label that names a part of the program are told apart; further ones are ``other``."""


class Kind(Enum):
    """Prometheus' metric types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@attrs.frozen
class Label:
    """A label: what its values are, at most how many, and those that are known beforehand."""

    values: str
    count: int
    known: Sequence[str] = ()


def _one_of(*values: str, shown: str | None = None) -> Label:
    return Label(shown or ", ".join(f"`{value}`" for value in values), len(values), values)


def _members(kind: type[Enum]) -> Label:
    return _one_of(*(str(member.value) for member in kind))


@attrs.frozen
class Definition:
    """One metric as it is exposed."""

    name: str
    kind: Kind
    help: str
    labels: Mapping[str, Label] = attrs.field(factory=dict, hash=False)
    buckets: Sequence[float] = ()
    """Upper bounds of a histogram's buckets, without the infinite one."""

    @property
    def max_series(self) -> int:
        """How many series one replica can have of it at most."""
        series = 1
        for label in self.labels.values():
            series *= label.count
        # A histogram has its buckets, the infinite one, a sum and a count.
        return series * (len(self.buckets) + 3) if self.kind is Kind.HISTOGRAM else series


_FAILURES: Final = [reason for reason in Reason if reason.outlook in (Outlook.TRANSIENT, Outlook.PERMANENT)]
_FAILURE: Final = _one_of(
    *(reason.value for reason in _FAILURES), shown="a failure's [condition reason](reasons.md)"
)
_NAME: Final = Label(f"a name of the program, at most {MAX_NAMES}, then `other`", MAX_NAMES + 1)

JOB_DURATION: Final = Definition(
    "pullsecret_job_duration_seconds",
    Kind.HISTOGRAM,
    "Seconds from a job's first step to its last; one that was killed or never began tells none. In "
    "OpenMetrics a bucket's exemplar names a job in it.",
    buckets=(1, 2, 5, 10, 15, 20, 25, 30, 45, 60, 120, 240, 300, 420, 600),
)
JOBS: Final = Definition(
    "pullsecret_job_total",
    Kind.COUNTER,
    "Jobs that ended. A superseded job gave way to a newer generation; that is no failure.",
    {"result": _one_of("success", "failure", "superseded")},
)
JOB_FAILURES: Final = Definition(
    "pullsecret_job_failures_total",
    Kind.COUNTER,
    "Jobs that failed, by condition reason. A transient failure is tried again by itself.",
    {"reason": _FAILURE},
)
CLEAN_UPS: Final = Definition(
    "pullsecret_clean_ups_total",
    Kind.COUNTER,
    "Jobs that ended cleaning up after a deleted cluster. After one that failed another is tried; one with "
    "the result left gave something up, which a person has to delete.",
    {"result": _one_of("success", "left", "failure")},
)
IDENTITY_FAILURES: Final = Definition(
    "pullsecret_identity_failures_total",
    Kind.COUNTER,
    "Jobs that could not sign in as the customer's service account.",
    {"reason": _one_of(Reason.IDENTITY_REFUSED.value, Reason.IDENTITY_UNAVAILABLE.value)},
)
GCP_CALLS: Final = Definition(
    "pullsecret_gcp_api_calls_total",
    Kind.COUNTER,
    "Calls that jobs made to Google's APIs, retries included. A job's calls are added when its end is "
    "reported, once.",
    {"method": _NAME, "status_code": Label("the HTTP status, or `other`", 20)},
)
GCP_CALL_DURATION: Final = Definition(
    "pullsecret_gcp_api_call_duration_seconds",
    Kind.HISTOGRAM,
    "Seconds that each of these calls took; of a job's calls the first hundred.",
    {"method": _NAME},
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
)
EVENTS: Final = Definition(
    "pullsecret_events_total",
    Kind.COUNTER,
    "Events from the broker, by what became of them.",
    {"outcome": _members(EventOutcome)},
)
EVENT_SKIPS: Final = Definition(
    "pullsecret_event_skips_total",
    Kind.COUNTER,
    "Events that needed no work, by why.",
    {"reason": _members(SkipReason)},
)
EVENT_DURATION: Final = Definition(
    "pullsecret_event_duration_seconds",
    Kind.HISTOGRAM,
    "Seconds from taking an event to telling the broker what became of it.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
EVENT_AGE: Final = Definition(
    "pullsecret_event_age_seconds",
    Kind.HISTOGRAM,
    "Queue lag: seconds from the time an event names to taking it. An event that names none counts from when "
    "Pub/Sub got it, and is left out with another broker.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
)
BACKLOG: Final = Definition(
    "pullsecret_backlog_messages",
    Kind.GAUGE,
    "Messages that the broker holds for us, where it tells. NaN while it is away.",
)
DEAD_LETTERS: Final = Definition(
    "pullsecret_dead_letters_total",
    Kind.COUNTER,
    "Messages put aside for a person, because they can never be handled.",
)
PRECONDITIONS: Final = Definition(
    "pullsecret_preconditions_total",
    Kind.COUNTER,
    "Evaluations of the preconditions. One that met a value that is not there counts as missing data.",
    {"result": _one_of("met", "unmet", "missing-data")},
)
IN_FLIGHT: Final = Definition(
    "pullsecret_in_flight",
    Kind.GAUGE,
    "What is worked on now. Events are this replica's; jobs are all replicas'.",
    {"kind": _one_of("event", "job-queued", "job-running")},
)
RETRIES: Final = Definition(
    "pullsecret_retries_total",
    Kind.COUNTER,
    "What was tried again: an event that came back, a job's further attempt, a status that was not taken or "
    "not noted as told, a loop of the adapter that was interrupted, a step of an embedded job.",
    {"kind": _one_of("event", "job", "status", "loop", "step")},
)
STATUS_DELAY: Final = Definition(
    "pullsecret_status_delay_seconds",
    Kind.HISTOGRAM,
    "Seconds from a job's end to the HyperFleet API's acceptance of its status.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300),
)
STATUS_POSTS: Final = Definition(
    "pullsecret_status_posts_total",
    Kind.COUNTER,
    "Statuses of ended jobs told to the HyperFleet API, and statuses that could not be told.",
    {"result": _one_of("told", "not-told")},
)
CIRCUIT: Final = Definition(
    "pullsecret_circuit_state",
    Kind.GAUGE,
    "1 for the state that the circuit breaker in front of a service is in, 0 for the others. A service "
    "appears when its circuit first changes.",
    {"service": _NAME, "state": _members(CircuitState)},
)
DRIFTS: Final = Definition(
    "pullsecret_drifts_total",
    Kind.COUNTER,
    "Cluster secrets that were seen to be no longer as their job left them.",
    {"kind": _members(DriftKind)},
)
DRIFT_REPAIRS: Final = Definition(
    "pullsecret_drift_repairs_total",
    Kind.COUNTER,
    "Repairs of drifted cluster secrets that were started.",
    {"kind": _members(DriftKind)},
)
CLUSTERS_REFUSED: Final = Definition(
    "pullsecret_clusters_refused_total",
    Kind.COUNTER,
    "Times a cluster's own data made its work impossible, so that no job was made.",
    {"reason": _FAILURE},
)
INTERNAL_FAULTS: Final = Definition(
    "pullsecret_internal_faults_total",
    Kind.COUNTER,
    "Failures that nobody foresaw. Each is a fault of this program; the log line names the operation.",
)
PROJECT_SETUP: Final = Definition(
    "pullsecret_project_setup_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which this replica last reported a job in a customer's project that found identity, "
    "permissions, API and billing in order, and one that did not; 0 if never. The later of the two, over all "
    "replicas, holds. The label is the start of the project id's SHA-256.",
    {
        "project": Label(f"12 hexadecimal digits, at most {MAX_PROJECTS} projects", MAX_PROJECTS),
        "complete": _one_of("true", "false"),
    },
)
BUILD_INFO: Final = Definition(
    "pullsecret_build_info",
    Kind.GAUGE,
    "Always 1; the labels say what runs.",
    {"version": Label("the package's version", 1), "python": Label("the Python version", 1)},
)
ROLLOUT_ENABLED: Final = Definition(
    "pullsecret_rollout_enabled", Kind.GAUGE, "1 if the service is switched on, else 0."
)
ROLLOUT_SHARE: Final = Definition(
    "pullsecret_rollout_share_ratio", Kind.GAUGE, "The share of clusters that the service is switched on for."
)
ROLLOUT_CLUSTERS: Final = Definition(
    "pullsecret_rollout_listed_clusters",
    Kind.GAUGE,
    "How many clusters are switched on by their id, whatever the share.",
)

DEFINITIONS: Final = (
    JOB_DURATION,
    JOBS,
    JOB_FAILURES,
    CLEAN_UPS,
    IDENTITY_FAILURES,
    GCP_CALLS,
    GCP_CALL_DURATION,
    EVENTS,
    EVENT_SKIPS,
    EVENT_DURATION,
    EVENT_AGE,
    BACKLOG,
    DEAD_LETTERS,
    PRECONDITIONS,
    IN_FLIGHT,
    RETRIES,
    STATUS_DELAY,
    STATUS_POSTS,
    CIRCUIT,
    DRIFTS,
    DRIFT_REPAIRS,
    CLUSTERS_REFUSED,
    INTERNAL_FAULTS,
    PROJECT_SETUP,
    BUILD_INFO,
    ROLLOUT_ENABLED,
    ROLLOUT_SHARE,
    ROLLOUT_CLUSTERS,
)
"""In the order of the reference."""
