"""The Grafana dashboards, made with Grafana's own builders."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

import attrs
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode, GraphThresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

DATASOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
RANGE: Final = "$__rate_interval"
"""Grafana's own variable: a range that fits the scrape interval and the zoom."""


class Unit(Enum):
    """Grafana's names of units."""

    SECONDS = "s"
    SHARE = "percentunit"
    COUNT = "short"
    PER_SECOND = "cps"
    PER_MINUTE = "cpm"
    BYTES = "bytes"


@attrs.frozen
class Panel:
    """A question, the queries that answer it, and the value from which on the answer is bad."""

    title: str
    description: str
    unit: Unit
    queries: Mapping[str, str]
    """PromQL by legend."""
    limit: float | None = None
    single: bool = False
    """One number in place of a course over time."""


@attrs.frozen
class Board:
    """One dashboard, as rows of panels."""

    uid: str
    title: str
    rows: Mapping[str, Sequence[Panel]]


def _quantiles(metric: str, by: str = "") -> dict[str, str]:
    labels = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return {
        f"p{round(share * 100)}{legend}": (
            f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket[{RANGE}])))"
        )
        for share in (0.5, 0.95)
    }


def _rate(metric: str, by: str) -> dict[str, str]:
    return {f"{{{{{by}}}}}": f"sum by ({by}) (rate({metric}[{RANGE}]))"}


HEALTH: Final = Board(
    "pullsecret-health",
    "Pull secrets: provisioning health",
    {
        "Now": (
            Panel(
                "Success of jobs",
                "Share of the jobs of the last hour that did not fail.",
                Unit.SHARE,
                {
                    "": 'sum(increase(pullsecret_job_total{result!="failure"}[1h]))'
                    " / sum(increase(pullsecret_job_total[1h]))"
                },
                single=True,
            ),
            Panel(
                "Jobs in flight",
                "Released and not ended.",
                Unit.COUNT,
                {"": 'max(pullsecret_in_flight{kind="job-running"})'},
                single=True,
            ),
            Panel(
                "Jobs waiting",
                "Handed over and waiting for their turn.",
                Unit.COUNT,
                {"": 'max(pullsecret_in_flight{kind="job-queued"})'},
                single=True,
            ),
            Panel(
                "Events in hand",
                "Taken from the broker and not settled.",
                Unit.COUNT,
                {"": 'sum(pullsecret_in_flight{kind="event"})'},
                single=True,
            ),
            Panel(
                "Roll-out",
                "The share of clusters that the service is switched on for.",
                Unit.SHARE,
                {"": "min(pullsecret_rollout_share_ratio * pullsecret_rollout_enabled)"},
                single=True,
            ),
            Panel(
                "Replicas",
                "Replicas that are scraped.",
                Unit.COUNT,
                {"": "count(pullsecret_build_info)"},
                single=True,
            ),
        ),
        "Jobs": (
            Panel("Jobs by result", "", Unit.PER_SECOND, _rate("pullsecret_job_total", "result")),
            Panel(
                "Failures by reason",
                "Look the reason up in the reasons page: it says who can mend it.",
                Unit.PER_SECOND,
                {"{{reason}}": f"sum by (reason) (rate(pullsecret_job_failures_total[{RANGE}]) > 0)"},
            ),
            Panel("Retries", "", Unit.PER_SECOND, _rate("pullsecret_retries_total", "kind")),
        ),
        "Events": (
            Panel("Events by outcome", "", Unit.PER_SECOND, _rate("pullsecret_events_total", "outcome")),
            Panel(
                "Skipped events by reason",
                "",
                Unit.PER_SECOND,
                _rate("pullsecret_event_skips_total", "reason"),
            ),
            Panel(
                "Preconditions by result",
                "",
                Unit.PER_SECOND,
                _rate("pullsecret_preconditions_total", "result"),
            ),
            Panel(
                "Queue lag",
                "From the time that an event names to taking it.",
                Unit.SECONDS,
                _quantiles("pullsecret_event_age_seconds"),
            ),
            Panel(
                "Backlog",
                "Messages that the broker holds for us, where it tells.",
                Unit.COUNT,
                {"messages": "max(pullsecret_backlog_messages)"},
            ),
            Panel(
                "Dead letters",
                "Messages that can never be handled.",
                Unit.COUNT,
                {"last hour": "sum(increase(pullsecret_dead_letters_total[1h]))"},
            ),
            Panel(
                "Faults of the service itself",
                "",
                Unit.COUNT,
                {"last hour": "sum(increase(pullsecret_internal_faults_total[1h]))"},
            ),
        ),
        "Statuses": (
            Panel("Statuses", "", Unit.PER_SECOND, _rate("pullsecret_status_posts_total", "result")),
            Panel(
                "Circuit",
                "1 while the service is not asked because it did not answer.",
                Unit.COUNT,
                {"{{service}}": 'max by (service) (pullsecret_circuit_state{state=~"open|half-open"})'},
            ),
        ),
    },
)

OBJECTIVES: Final = Board(
    "pullsecret-objectives",
    "Pull secrets: service level objectives",
    {
        "Objectives": (
            Panel(
                "Job duration, 95th percentile",
                "At most 30 seconds.",
                Unit.SECONDS,
                _quantiles("pullsecret_job_duration_seconds"),
                limit=30,
            ),
            Panel(
                "Handling of events, 95th percentile",
                "At most 2 seconds.",
                Unit.SECONDS,
                _quantiles("pullsecret_event_duration_seconds"),
                limit=2,
            ),
            Panel(
                "Calls to Google, 95th percentile",
                "At most 2 seconds.",
                Unit.SECONDS,
                _quantiles("pullsecret_gcp_api_call_duration_seconds"),
                limit=2,
            ),
            Panel(
                "From a job's end to its status, 95th percentile",
                "At most 5 seconds.",
                Unit.SECONDS,
                _quantiles("pullsecret_status_delay_seconds"),
                limit=5,
            ),
            Panel(
                "Jobs at once",
                "100 are promised.",
                Unit.COUNT,
                {"running": 'max(pullsecret_in_flight{kind="job-running"})'},
                limit=100,
            ),
            Panel(
                "Memory of a replica",
                "A job's is bounded by its pod: 100 MB.",
                Unit.BYTES,
                {
                    "{{instance}}": "process_resident_memory_bytes"
                    " * on (instance) group_left () pullsecret_build_info"
                },
            ),
        ),
        "Within the objective, share of the last day": (
            Panel(
                "Jobs within 30 s",
                "",
                Unit.SHARE,
                {
                    "": 'sum(increase(pullsecret_job_duration_seconds_bucket{le="30.0"}[1d]))'
                    " / (sum(increase(pullsecret_job_duration_seconds_count[1d]))"
                    ' + sum(increase(pullsecret_job_failures_total{reason="JobTimedOut"}[1d])))'
                },
                single=True,
            ),
            Panel(
                "Events within 2 s",
                "",
                Unit.SHARE,
                {
                    "": 'sum(increase(pullsecret_event_duration_seconds_bucket{le="2.0"}[1d]))'
                    " / sum(increase(pullsecret_event_duration_seconds_count[1d]))"
                },
                single=True,
            ),
            Panel(
                "Statuses within 5 s",
                "",
                Unit.SHARE,
                {
                    "": 'sum(increase(pullsecret_status_delay_seconds_bucket{le="5.0"}[1d]))'
                    " / sum(increase(pullsecret_status_delay_seconds_count[1d]))"
                },
                single=True,
            ),
        ),
    },
)

_SETUP: Final = (
    'max by (project) (pullsecret_project_setup_timestamp_seconds{complete="true"})'
    ' > bool max by (project) (pullsecret_project_setup_timestamp_seconds{complete="false"})'
)
"""1 for a project whose newest job found it set up, 0 for any other."""

CUSTOMERS: Final = Board(
    "pullsecret-customers",
    "Pull secrets: customers",
    {
        "Setup": (
            Panel(
                "Projects whose setup is complete",
                "Of the projects with a job lately.",
                Unit.SHARE,
                {"": f"avg({_SETUP})"},
                single=True,
            ),
            Panel(
                "Setup by project",
                "1 is complete. A project appears under the start of its id's SHA-256: "
                "printf %s PROJECT | sha256sum | cut -c1-12",
                Unit.COUNT,
                {"{{project}}": _SETUP},
            ),
            Panel(
                "Identity failures",
                "Jobs that could not sign in.",
                Unit.COUNT,
                {"{{reason}}": "sum by (reason) (increase(pullsecret_identity_failures_total[1h]))"},
            ),
        ),
        "Quota": (
            Panel(
                "Calls a minute, all projects",
                "Each project has 600 writes and 600 reads a minute unless it asked for more.",
                Unit.PER_MINUTE,
                {"{{method}}": f"60 * sum by (method) (rate(pullsecret_gcp_api_calls_total[{RANGE}]))"},
            ),
            Panel(
                "Calls by status",
                "429: a project's quota is spent.",
                Unit.PER_SECOND,
                _rate("pullsecret_gcp_api_calls_total", "status_code"),
            ),
            Panel(
                "Duration of calls",
                "",
                Unit.SECONDS,
                _quantiles("pullsecret_gcp_api_call_duration_seconds", "method"),
            ),
        ),
        "Drift": (
            Panel(
                "Cluster secrets that drifted",
                "",
                Unit.COUNT,
                {"{{kind}}": "sum by (kind) (increase(pullsecret_drifts_total[1h]))"},
            ),
            Panel(
                "Repairs started",
                "",
                Unit.COUNT,
                {"{{kind}}": "sum by (kind) (increase(pullsecret_drift_repairs_total[1h]))"},
            ),
        ),
    },
)

BOARDS: Final = (HEALTH, OBJECTIVES, CUSTOMERS)


def queries() -> list[str]:
    """Every query of every dashboard."""
    return [
        query
        for board in BOARDS
        for panels in board.rows.values()
        for panel in panels
        for query in panel.queries.values()
    ]


def rendered() -> dict[str, str]:
    """The JSON of each dashboard by its file's name."""
    return {f"{board.uid}.json": _json(board) for board in BOARDS}


def _json(board: Board) -> str:
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .tags(["hyperfleet", "pullsecret"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("1m")
        .time("now-6h", "now")
        .timezone("utc")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for title, panels in board.rows.items():
        made.with_row(dashboard.Row(title))
        for panel in panels:
            made.with_panel(_stat(panel) if panel.single else _course(panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _stat(panel: Panel) -> stat.Panel:
    made = stat.Panel().title(panel.title).description(panel.description).unit(panel.unit.value)
    made = made.datasource(DATASOURCE).height(4).span(4).color_mode(BigValueColorMode.NONE)
    made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    for number, (legend, query) in enumerate(panel.queries.items()):
        made.with_target(_target(number, legend, query))
    return made


def _course(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().title(panel.title).description(panel.description).unit(panel.unit.value)
    made = made.datasource(DATASOURCE).height(8).span(8).min(0)
    for number, (legend, query) in enumerate(panel.queries.items()):
        made.with_target(_target(number, legend, query))
    if panel.limit is not None:
        steps = [Threshold(value=None, color="green"), Threshold(value=panel.limit, color="red")]
        made.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE))
    return made


def _target(number: int, legend: str, query: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query).legend_format(legend or "__auto").datasource(DATASOURCE)
    return made.ref_id(chr(ord("A") + number))
