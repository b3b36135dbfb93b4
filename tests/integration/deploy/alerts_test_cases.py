"""For each alert: series under which it fires, and series under which it must not.

Values are in promtool's notation: ``a+bxn`` counts up from ``a`` by ``b``, n times, once a minute.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

Series = Mapping[str, str]


@attrs.frozen
class Case:
    """What is scraped, when it is looked at, and whether the alert then fires, with which labels."""

    series: Series
    at: str
    fires: bool
    labels: Mapping[str, str] = attrs.field(factory=dict)


HEALTHY: Final[Series] = {
    'pullsecret_build_info{version="1",python="3.12"}': "1x60",
    'pullsecret_events_total{outcome="skipped"}': "0+10x60",
    'pullsecret_events_total{outcome="postponed"}': "0+10x60",
    'pullsecret_job_total{result="success"}': "0+10x60",
    'pullsecret_job_total{result="failure"}': "0+1x60",
    'pullsecret_job_total{result="superseded"}': "0+5x60",
    "pullsecret_job_duration_seconds_count": "0+11x60",
    'pullsecret_job_duration_seconds_bucket{le="300.0"}': "0+11x60",
    'pullsecret_job_failures_total{reason="JobTimedOut"}': "0x60",
    'pullsecret_gcp_api_calls_total{method="GetSecret",status_code="200"}': "0+97x60",
    'pullsecret_gcp_api_calls_total{method="GetSecret",status_code="403"}': "0+40x60",
    'pullsecret_gcp_api_calls_total{method="GetSecret",status_code="503"}': "0+3x60",
    'pullsecret_identity_failures_total{reason="IdentityRefused"}': "0x20 2x39",
    'pullsecret_drifts_total{kind="deleted"}': "0x60",
    'pullsecret_drifts_total{kind="altered"}': "0+1x60",
    'pullsecret_clean_ups_total{result="success"}': "0+1x60",
    'pullsecret_clean_ups_total{result="failure"}': "0+1x60",
    'pullsecret_clean_ups_total{result="left"}': "2x60",
    "pullsecret_dead_letters_total": "3x60",
    'pullsecret_status_delay_seconds_bucket{le="1.0"}': "0+96x60",
    'pullsecret_status_delay_seconds_bucket{le="5.0"}': "0+98x60",
    'pullsecret_status_delay_seconds_bucket{le="10.0"}': "0+100x60",
    'pullsecret_status_delay_seconds_bucket{le="+Inf"}': "0+100x60",
    'pullsecret_status_posts_total{result="told"}': "0+10x60",
    'pullsecret_status_posts_total{result="not-told"}': "0+4x60",
    'pullsecret_circuit_state{service="hyperfleet-api",state="open"}': "0x10 1x3 0x46",
    'pullsecret_circuit_state{service="hyperfleet-api",state="closed"}': "1x10 0x3 1x46",
    "pullsecret_internal_faults_total": "1x60",
}
"""A busy, healthy hour with one failure in eleven, customers' refusals, and passing trouble."""

CASES: Final[Mapping[str, Sequence[Case]]] = {
    "PullSecretAdapterAbsent": (
        Case({"pullsecret_build_info": "1x10 _x50"}, "30m", fires=True),
        Case({"pullsecret_build_info": "1x10 _x2 1x50"}, "14m", fires=False),
    ),
    "PullSecretNoEvents": (
        Case({'pullsecret_events_total{outcome="skipped"}': "0+5x5 25x85"}, "60m", fires=True),
        Case({'pullsecret_events_total{outcome="skipped"}': "0+5x5 25x20 26x60"}, "60m", fires=False),
    ),
    "PullSecretEventsStuck": (
        Case(
            {
                'pullsecret_events_total{outcome="skipped"}': "0+5x10 50x50",
                'pullsecret_events_total{outcome="postponed"}': "0x10 0+3x50",
            },
            "40m",
            fires=True,
        ),
        Case(
            {
                'pullsecret_events_total{outcome="skipped"}': "0x20 1x10 2x10 3x20",
                'pullsecret_events_total{outcome="postponed"}': "0+3x60",
            },
            "45m",
            fires=False,
        ),
        Case(
            {
                'pullsecret_events_total{outcome="skipped"}': "5x60",
                'pullsecret_events_total{outcome="postponed"}': "7x60",
            },
            "40m",
            fires=False,
        ),
    ),
    "PullSecretJobFailures": (
        Case(
            {
                'pullsecret_job_total{result="success"}': "0+80x60",
                'pullsecret_job_total{result="failure"}': "0+11x60",
                'pullsecret_job_total{result="superseded"}': "0+9x60",
            },
            "40m",
            fires=True,
        ),
        Case(
            {
                'pullsecret_job_total{result="success"}': "0+90x60",
                'pullsecret_job_total{result="failure"}': "0+10x60",
            },
            "40m",
            fires=False,
        ),
    ),
    "PullSecretJobSlow": (
        Case(
            {
                "pullsecret_job_duration_seconds_count": "0x20 1x40",
                'pullsecret_job_duration_seconds_bucket{le="300.0"}': "0x60",
                'pullsecret_job_failures_total{reason="JobTimedOut"}': "0x60",
            },
            "25m",
            fires=True,
        ),
        Case(
            {
                "pullsecret_job_duration_seconds_count": "0+1x60",
                'pullsecret_job_duration_seconds_bucket{le="300.0"}': "0+1x60",
                'pullsecret_job_failures_total{reason="JobTimedOut"}': "0x20 1x40",
            },
            "25m",
            fires=True,
        ),
        Case(
            {
                "pullsecret_job_duration_seconds_count": "0x20 1x40",
                'pullsecret_job_duration_seconds_bucket{le="300.0"}': "0x20 1x40",
                'pullsecret_job_failures_total{reason="JobTimedOut"}': "0x60",
            },
            "25m",
            fires=False,
        ),
    ),
    "PullSecretGoogleErrors": (
        Case(
            {
                'pullsecret_gcp_api_calls_total{method="GetSecret",status_code="200"}': "0+94x60",
                'pullsecret_gcp_api_calls_total{method="GetSecret",status_code="503"}': "0+4x60",
                'pullsecret_gcp_api_calls_total{method="AddSecretVersion",status_code="429"}': "0+2x60",
            },
            "40m",
            fires=True,
        ),
        Case(
            {
                'pullsecret_gcp_api_calls_total{method="GetSecret",status_code="200"}': "0+50x60",
                'pullsecret_gcp_api_calls_total{method="GetSecret",status_code="404"}': "0+50x60",
                'pullsecret_gcp_api_calls_total{method="GetSecret",status_code="500"}': "0+5x60",
            },
            "40m",
            fires=False,
        ),
    ),
    "PullSecretIdentityFailures": (
        Case(
            {'pullsecret_identity_failures_total{reason="IdentityRefused"}': "0x20 1 2 3x38"},
            "25m",
            fires=True,
            labels={"reason": "IdentityRefused"},
        ),
        Case(
            {'pullsecret_identity_failures_total{reason="IdentityRefused"}': "0x20 1 2x39"},
            "25m",
            fires=False,
        ),
    ),
    "PullSecretClusterSecretDeleted": (
        Case({'pullsecret_drifts_total{kind="deleted"}': "0x20 1x40"}, "25m", fires=True),
        Case({'pullsecret_drifts_total{kind="deleting"}': "0x20 1x40"}, "25m", fires=True),
        Case({'pullsecret_drifts_total{kind="altered"}': "0x20 1x40"}, "25m", fires=False),
        Case({'pullsecret_drifts_total{kind="deleted"}': "0x20 1x60"}, "60m", fires=False),
    ),
    "PullSecretLeftBehind": (
        Case({'pullsecret_clean_ups_total{result="left"}': "0x20 1x40"}, "25m", fires=True),
        Case({'pullsecret_clean_ups_total{result="left"}': "3x60"}, "25m", fires=False),
        Case(
            {
                'pullsecret_clean_ups_total{result="success"}': "0+1x60",
                'pullsecret_clean_ups_total{result="failure"}': "0+1x60",
                'pullsecret_clean_ups_total{result="left"}': "0x60",
            },
            "25m",
            fires=False,
        ),
    ),
    "PullSecretDeadLetters": (
        Case({"pullsecret_dead_letters_total": "0x20 1x40"}, "25m", fires=True),
        Case({"pullsecret_dead_letters_total": "5x60"}, "25m", fires=False),
    ),
    "PullSecretStatusDelay": (
        Case(
            {
                'pullsecret_status_delay_seconds_bucket{le="5.0"}': "0+94x60",
                'pullsecret_status_delay_seconds_bucket{le="10.0"}': "0+100x60",
                'pullsecret_status_delay_seconds_bucket{le="+Inf"}': "0+100x60",
            },
            "40m",
            fires=True,
        ),
        Case(
            {
                'pullsecret_status_delay_seconds_bucket{le="5.0"}': "0+96x60",
                'pullsecret_status_delay_seconds_bucket{le="10.0"}': "0+100x60",
                'pullsecret_status_delay_seconds_bucket{le="+Inf"}': "0+100x60",
            },
            "40m",
            fires=False,
        ),
    ),
    "PullSecretStatusNotTold": (
        Case(
            {
                'pullsecret_status_posts_total{result="told"}': "7x60",
                'pullsecret_status_posts_total{result="not-told"}': "0x20 1+1x39",
            },
            "40m",
            fires=True,
        ),
        Case(
            {
                'pullsecret_status_posts_total{result="told"}': "0+2x60",
                'pullsecret_status_posts_total{result="not-told"}': "0+1x60",
            },
            "40m",
            fires=False,
        ),
        Case(
            {
                'pullsecret_status_posts_total{result="told"}': "7x60",
                'pullsecret_status_posts_total{result="not-told"}': "7x60",
            },
            "40m",
            fires=False,
        ),
    ),
    "PullSecretCircuitOpen": (
        Case(
            {
                'pullsecret_circuit_state{service="hyperfleet-api",state="open"}': "0x5 1 1 0 1x52",
                'pullsecret_circuit_state{service="hyperfleet-api",state="half-open"}': "0x5 0 0 1 0x52",
            },
            "30m",
            fires=True,
            labels={"service": "hyperfleet-api"},
        ),
        Case(
            {'pullsecret_circuit_state{service="hyperfleet-api",state="open"}': "0x5 1x8 0x47"},
            "30m",
            fires=False,
        ),
    ),
    "PullSecretInternalFaults": (
        Case(
            {"pullsecret_internal_faults_total": "1x20 2x40"},
            "25m",
            fires=True,
        ),
        Case({"pullsecret_internal_faults_total": "2x60"}, "25m", fires=False),
    ),
}
