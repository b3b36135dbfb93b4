"""What facts become in Prometheus' eyes: only the registry's samples are looked at."""

import itertools
import math
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.unit.metrics.samples import (
    FAILURES,
    KEY,
    PROJECT,
    clean_ups,
    ended,
    failure,
    key,
    one_of_each,
    success,
)

from pullsecret.domain import facts
from pullsecret.domain.facts import CircuitState, EventOutcome, Fact, SkipReason
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.rollout import Rollout
from pullsecret.infrastructure.metrics.definitions import DEFINITIONS, MAX_NAMES, MAX_PROJECTS, Definition
from pullsecret.infrastructure.metrics.telemetry import PrometheusTelemetry, project_label

DOCS = Path(__file__).parents[3] / "docs"


class Scraped:
    """A telemetry and what a scrape of it says."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.telemetry = PrometheusTelemetry(self.registry, Rollout(share=0.1, clusters=("cls-1", "cls-2")))

    def record(self, *told: Fact) -> None:
        for fact in told:
            self.telemetry.record(fact)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def series(self, definition: Definition) -> int:
        """Samples of one metric; a histogram's are its buckets, sum and count."""
        family = definition.name.removesuffix("_total")
        return sum(
            len([sample for sample in metric.samples if not sample.name.endswith("_created")])
            for metric in self.registry.collect()
            if metric.name == family
        )


@pytest.fixture
def scraped() -> Scraped:
    return Scraped()


def test_every_kind_of_fact_is_in_the_samples() -> None:
    assert {type(fact) for fact in one_of_each()} == set(get_args(Fact))


def test_every_metric_is_moved_by_some_fact(scraped: Scraped) -> None:
    scraped.record(*one_of_each())
    untouched = [made.name for made in DEFINITIONS if not scraped.series(made)]
    assert untouched == []


def test_no_metric_has_more_series_than_documented(scraped: Scraped) -> None:
    scraped.record(*one_of_each())
    excess = {made.name for made in DEFINITIONS if scraped.series(made) > made.max_series}
    assert excess == set()


def test_exactly_the_defined_metrics_are_exposed(scraped: Scraped) -> None:
    scraped.record(*one_of_each())
    exposed = {metric.name for metric in scraped.registry.collect()}
    assert exposed == {made.name.removesuffix("_total") for made in DEFINITIONS}


def test_every_metric_is_documented(scraped: Scraped) -> None:
    scraped.record(*one_of_each())
    page = (DOCS / "metrics.md").read_text()
    documented = dict(
        re.findall(r"^\| `(pullsecret_\w+)` \| (counter|gauge|histogram) \|", page, re.MULTILINE)
    )
    exposed = {
        metric.name + ("_total" if metric.type == "counter" else ""): metric.type
        for metric in scraped.registry.collect()
    }
    assert documented == exposed


def test_documents_name_no_metric_that_there_is_not() -> None:
    known = {made.name for made in DEFINITIONS}
    for page in DOCS.glob("*.md"):
        for name in re.findall(
            r"\bpullsecret_[a-z_]+_(?:total|seconds|bytes|ratio|info)\b", page.read_text()
        ):
            assert name in known, f"{page.name}: {name}"


def test_the_designs_metrics(scraped: Scraped) -> None:
    scraped.record(ended(success()), ended(failure(Reason.QUOTA_EXCEEDED), key(2)))
    assert scraped.value("pullsecret_job_total", result="success") == 1
    assert scraped.value("pullsecret_job_total", result="failure") == 1
    assert scraped.value("pullsecret_job_duration_seconds_count") == 2
    assert scraped.value("pullsecret_job_duration_seconds_sum") == 3.5
    assert scraped.value("pullsecret_job_duration_seconds_bucket", le="2.0") == 1
    calls = {"method": "AccessSecretVersion", "status_code": "429"}
    assert scraped.value("pullsecret_gcp_api_calls_total", **calls) == 2


def test_the_backlog_is_unknown_while_the_broker_is_away(scraped: Scraped) -> None:
    scraped.record(facts.BacklogSeen(7))
    assert scraped.value("pullsecret_backlog_messages") == 7
    scraped.record(facts.BacklogSeen(None))
    unknown = scraped.value("pullsecret_backlog_messages")
    assert unknown is not None
    assert math.isnan(unknown)


def test_a_job_whose_end_nobody_saw_is_no_quick_one(scraped: Scraped) -> None:
    scraped.record(ended(failure(Reason.JOB_TIMED_OUT, duration=0.0)))
    assert scraped.value("pullsecret_job_total", result="failure") == 1
    assert scraped.value("pullsecret_job_duration_seconds_count") == 0


def test_clean_ups_are_counted_beside_the_jobs_and_each_once(scraped: Scraped) -> None:
    scraped.record(*clean_ups(), *clean_ups())
    for result in ("success", "left", "failure"):
        assert scraped.value("pullsecret_clean_ups_total", result=result) == 1
    calls = {"method": "DeleteSecret", "status_code": "403"}
    assert scraped.value("pullsecret_gcp_api_calls_total", **calls) == 1
    # The objectives are about provisioning.
    assert scraped.value("pullsecret_job_duration_seconds_count") == 0


def test_a_handed_over_clean_up_met_no_preconditions(scraped: Scraped) -> None:
    scraped.record(facts.HandedOver(clean_ups()[1].key, PROJECT))
    assert not scraped.value("pullsecret_preconditions_total", result="met")
    assert scraped.value("pullsecret_retries_total", kind="job") == 1


def test_a_job_counts_once_however_often_its_end_is_told(scraped: Scraped) -> None:
    scraped.record(*[ended(success())] * 3)
    assert scraped.value("pullsecret_job_total", result="success") == 1
    assert scraped.value("pullsecret_job_duration_seconds_count") == 1
    calls = {"method": "AddSecretVersion", "status_code": "200"}
    assert scraped.value("pullsecret_gcp_api_calls_total", **calls) == 1
    latency = "pullsecret_gcp_api_call_duration_seconds"
    assert scraped.value(f"{latency}_count", method="AccessSecretVersion") == 2
    assert scraped.value(f"{latency}_bucket", method="AccessSecretVersion", le="2.0") == 1


@pytest.mark.parametrize("reason", FAILURES)
def test_failures_by_reason(scraped: Scraped, reason: Reason) -> None:
    scraped.record(ended(failure(reason)))
    failed = reason.outlook is not Outlook.PROGRESS
    result = "failure" if failed else "superseded"
    assert scraped.value("pullsecret_job_total", result=result) == 1
    assert scraped.value("pullsecret_job_failures_total", reason=reason.value) == (1 if failed else None)
    identity = reason in (Reason.IDENTITY_REFUSED, Reason.IDENTITY_UNAVAILABLE)
    assert scraped.value("pullsecret_identity_failures_total", reason=reason.value) == (
        1 if identity else None
    )


def test_events_in_flight_return_to_none(scraped: Scraped) -> None:
    cluster = KEY.cluster_id
    scraped.record(facts.EventTaken(cluster, 3.0), facts.EventTaken(cluster))
    assert scraped.value("pullsecret_in_flight", kind="event") == 2
    assert scraped.value("pullsecret_event_age_seconds_count") == 1
    scraped.record(*(facts.EventSettled(cluster, EventOutcome.SKIPPED, 0.2) for _ in range(2)))
    assert scraped.value("pullsecret_in_flight", kind="event") == 0
    assert scraped.value("pullsecret_events_total", outcome="skipped") == 2
    assert scraped.value("pullsecret_event_duration_seconds_bucket", le="0.25") == 2


@pytest.mark.parametrize(
    ("reason", "result"),
    [
        (SkipReason.PRECONDITION, "unmet"),
        (SkipReason.MISSING_DATA, "missing-data"),
        (SkipReason.ALREADY_DONE, "met"),
        (SkipReason.FILTERED, None),
    ],
)
def test_precondition_results(scraped: Scraped, reason: SkipReason, result: str | None) -> None:
    scraped.record(facts.EventSkipped(KEY.cluster_id, reason))
    assert scraped.value("pullsecret_event_skips_total", reason=reason.value) == 1
    for each in ("met", "unmet", "missing-data"):
        assert scraped.value("pullsecret_preconditions_total", result=each) == (1 if each == result else 0)


def test_one_circuit_state_at_a_time(scraped: Scraped) -> None:
    states = [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.CLOSED]
    for state in states:
        scraped.record(facts.CircuitChanged("hyperfleet-api", state))
        shown = {
            each: scraped.value("pullsecret_circuit_state", service="hyperfleet-api", state=each.value)
            for each in CircuitState
        }
        assert shown == {each: float(each is state) for each in CircuitState}


def test_setup_follows_the_newest_job_of_a_project_whichever_replica_reported_it(
    scraped: Scraped, monkeypatch: pytest.MonkeyPatch
) -> None:
    label, other, times = project_label(PROJECT), Scraped(), itertools.count(1.0)
    monkeypatch.setattr("time.time", lambda: next(times))

    def complete() -> bool:
        yes, no = (
            max(
                replica.value("pullsecret_project_setup_timestamp_seconds", project=label, complete=complete)
                or 0
                for replica in (scraped, other)
            )
            for complete in ("true", "false")
        )
        return yes > no

    scraped.record(ended(failure(Reason.IDENTITY_REFUSED), key(1)))
    assert not complete()
    other.record(ended(success(), key(2)))
    assert complete()
    scraped.record(ended(failure(Reason.QUOTA_EXCEEDED), key(3)))
    assert complete(), "a spent quota says nothing about the setup"
    scraped.record(ended(failure(Reason.PERMISSION_DENIED), key(4)))
    assert not complete()


def test_no_project_is_named(scraped: Scraped) -> None:
    scraped.record(*one_of_each())
    assert PROJECT not in generate_latest(scraped.registry).decode()


def test_projects_are_bounded_and_the_oldest_makes_room(scraped: Scraped) -> None:
    for number in range(MAX_PROJECTS + 5):
        scraped.record(ended(success(), key(number), f"project-{number}"))
    name = "pullsecret_project_setup_timestamp_seconds"
    family = [each for each in scraped.registry.collect() if each.name == name]
    shown = {sample.labels["project"] for sample in family[0].samples}
    assert shown == {project_label(f"project-{number}") for number in range(5, MAX_PROJECTS + 5)}


@settings(max_examples=25)
@given(st.lists(st.text(max_size=30), max_size=MAX_NAMES * 3))
def test_whatever_a_job_says_its_labels_stay_bounded(calls: list[str]) -> None:
    scraped = Scraped()
    for number, call in enumerate(calls):
        scraped.record(ended(success(calls={call: 1}, latencies={call: (0.1,)}), key(number)))
    for made in DEFINITIONS:
        assert scraped.series(made) <= made.max_series, made.name


def test_openmetrics_names_a_job_in_a_bucket(scraped: Scraped) -> None:
    scraped.record(ended(success()), facts.StatusTold(KEY, "recorded", 0.4))
    text = generate_latest(scraped.registry).decode()
    exemplars = {
        sample.name: sample.exemplar.labels
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.exemplar
    }
    assert exemplars == {
        "pullsecret_job_duration_seconds_bucket": {"job_name": KEY.name},
        "pullsecret_status_delay_seconds_bucket": {"job_name": KEY.name},
    }


def test_roll_out_and_build_are_told_from_the_start(scraped: Scraped) -> None:
    assert scraped.value("pullsecret_rollout_enabled") == 1
    assert scraped.value("pullsecret_rollout_share_ratio") == 0.1
    assert scraped.value("pullsecret_rollout_listed_clusters") == 2
    assert b'pullsecret_build_info{python="3.' in generate_latest(scraped.registry)


def test_counters_start_at_zero_so_that_the_first_increase_is_seen(scraped: Scraped) -> None:
    assert scraped.value("pullsecret_job_total", result="failure") == 0
    assert scraped.value("pullsecret_job_failures_total", reason="JobTimedOut") == 0
    assert scraped.value("pullsecret_drifts_total", kind="deleted") == 0
    assert scraped.value("pullsecret_dead_letters_total") == 0
