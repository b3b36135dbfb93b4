"""The adapter's log lines, as they are written."""

import io
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs
import pytest
from tests.unit.metrics.samples import KEY, PROJECT, ended, failure, one_of_each, success

from pullsecret.domain import facts
from pullsecret.domain.clean_up import CleanUpKey, CleanUpResult
from pullsecret.domain.facts import Fact
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import Failure
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.job_process.json_log import JsonLog
from pullsecret.infrastructure.logs.settings import LogSettings
from pullsecret.infrastructure.logs.telemetry import LogTelemetry, new_logger

KEYS = ["timestamp", "level", "cluster_id", "gcp_project", "operation", "message", "version"]


def adapter_lines(*told: Fact, settings: LogSettings | None = None) -> list[dict[str, Any]]:
    stream = io.StringIO()
    telemetry = LogTelemetry(new_logger(settings or LogSettings(level="debug"), stream))
    for fact in told:
        telemetry.record(fact)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def job_lines(*told: Fact) -> list[dict[str, Any]]:
    stream = io.StringIO()
    log = JsonLog("cls-1", PROJECT, stream)
    for fact in told:
        log.record(fact)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("lines", [adapter_lines, job_lines])
def test_each_fact_is_one_line_with_exactly_the_designs_keys(
    lines: Callable[..., list[dict[str, Any]]],
) -> None:
    told = one_of_each()
    written = lines(*told)
    assert len(written) == len(told)
    for line in written:
        assert list(line) == KEYS
        assert datetime.fromisoformat(line["timestamp"]).utcoffset() is not None
        assert line["level"] in ("debug", "info", "warning", "error")
        assert line["operation"]
        assert line["message"]


@pytest.mark.parametrize(
    ("traceparent", "further"),
    [
        (
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            {"trace_id": "0af7651916cd43dd8448eb211c80319c"},
        ),
        ('00-"}\n{"x":1}', {}),
        ("", {}),
        (None, {}),
    ],
)
def test_a_jobs_lines_name_the_trace_that_it_goes_on_with(
    traceparent: str | None, further: dict[str, str]
) -> None:
    stream = io.StringIO()
    JsonLog("cls-1", PROJECT, stream, traceparent=traceparent).record(ended(success()))
    (line,) = stream.getvalue().splitlines()
    assert {key: value for key, value in json.loads(line).items() if key not in KEYS} == further


@pytest.mark.parametrize("lines", [adapter_lines, job_lines])
def test_an_error_that_names_a_key_alarms_no_scanner(lines: Callable[..., list[dict[str, Any]]]) -> None:
    result = failure(Reason.INVALID_PULL_SECRET)
    told = attrs.evolve(result, failure=Failure(Reason.INVALID_PULL_SECRET, "'auth' is not base64."))
    (line,) = lines(ended(told))
    assert "'au*h' is not base64." in line["message"]


@pytest.mark.parametrize("lines", [adapter_lines, job_lines])
def test_no_line_looks_like_a_credential(lines: Callable[..., list[dict[str, Any]]]) -> None:
    """AC6: ``grep -E "auth|password|token"`` finds nothing."""
    for line in lines(*one_of_each()):
        assert not re.search("auth|password|token", json.dumps(line))


@pytest.mark.parametrize("lines", [adapter_lines, job_lines])
def test_what_policy_keeps_is_told_from_what_was_left_behind(
    lines: Callable[..., list[dict[str, Any]]],
) -> None:
    kept, left = "projects/p/secrets/hyperfleet-cls-1-pull-secret", "clusters-cls-1/cls-1-pull-secret"
    key = CleanUpKey(KEY.cluster_id, KEY.generation)
    told = [
        facts.CleanUpEnded(key, PROJECT, result)
        for result in (CleanUpResult(), CleanUpResult(retained=(kept,)), CleanUpResult((), (kept,), (left,)))
    ]
    written = [(line["level"], line["message"].partition(" (job=")[0]) for line in lines(*told)]
    assert written == [
        ("info", "Clean-up succeeded"),
        ("info", f"Clean-up succeeded; kept by policy: {kept}"),
        ("warning", f"Clean-up succeeded; kept by policy: {kept}; left behind: {left}"),
    ]


def test_the_designs_example() -> None:
    fact = facts.StepDone(
        ClusterId("cls-abc123"), PROJECT, "create-secret-version", "Created secret version", "1"
    )
    line = adapter_lines(fact)[0]
    assert {key: line[key] for key in KEYS[1:]} == {
        "level": "info",
        "cluster_id": "cls-abc123",
        "gcp_project": "customer-prod-12345",
        "operation": "create-secret-version",
        "message": "Created secret version",
        "version": "1",
    }


def test_further_details_stand_in_the_message() -> None:
    (line,) = adapter_lines(facts.HandedOver(KEY, PROJECT))
    assert line["message"] == f"Job submitted (job={KEY.name}, generation=1)"


def test_a_failed_job_is_an_error_with_its_reason() -> None:
    (line,) = adapter_lines(ended(failure(Reason.NAMING_CONFLICT)))
    assert line["level"] == "error"
    assert "reason=NamingConflict" in line["message"]


def test_the_level_decides_what_is_written() -> None:
    levels = {line["level"] for line in adapter_lines(*one_of_each(), settings=LogSettings(level="warning"))}
    assert levels == {"warning", "error"}


def test_a_trace_adds_its_ids() -> None:
    stream = io.StringIO()
    new_logger(LogSettings(), stream).info("Event taken", operation="take-event", trace_id="a1", span_id="b2")
    line = json.loads(stream.getvalue())
    assert list(line) == [*KEYS, "trace_id", "span_id"]


def test_sampling_keeps_whole_clusters_and_every_warning() -> None:
    clusters = [ClusterId(f"cls-{number}") for number in range(200)]
    told: list[Fact] = []
    for cluster in clusters:
        told.append(facts.StepDone(cluster, PROJECT, "create-secret", "Created secret"))
        told.append(facts.StepDone(cluster, PROJECT, "create-secret-version", "Created secret version"))
        told.append(facts.EventPostponed(cluster, 1.0, "generation 1 is still worked on"))
    lines = adapter_lines(*told, settings=LogSettings(sample=0.25))
    steps = [line["cluster_id"] for line in lines if line["level"] == "info"]
    assert 20 < len(set(steps)) < 80
    assert len(steps) == 2 * len(set(steps))
    assert len([line for line in lines if line["level"] == "warning"]) == 200
    assert (
        len(adapter_lines(facts.Interrupted("list-jobs", 1, one_error()), settings=LogSettings(sample=0)))
        == 1
    )


def one_error() -> Any:
    return next(fact.error for fact in one_of_each() if isinstance(fact, facts.Interrupted))


def test_console_lines_are_key_value_without_empty_keys() -> None:
    stream = io.StringIO()
    LogTelemetry(new_logger(LogSettings(format="console"), stream)).record(ended(success()))
    line = stream.getvalue()
    assert "Job succeeded" in line
    assert "cluster_id=cls-1" in line
    assert "None" not in line
    assert "\x1b[" not in line, "no colours where there is no terminal"


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_unforeseen_credential_is_redacted_on_its_way_out(form: Any) -> None:
    stream = io.StringIO()
    logger = new_logger(LogSettings(format=form), stream)
    logger.info("sent Bearer kJ8sVq2Lw9ZpXt4R", operation="call", body={"password": "hunter2hunter2"})
    assert "kJ8s" not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


class Lost(io.StringIO):
    """Nobody reads it any more."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Lost(), closed()])
def test_a_log_that_cannot_be_written_does_not_stop_the_work(stream: io.StringIO) -> None:
    for fact in one_of_each():
        LogTelemetry(new_logger(LogSettings(level="debug"), stream)).record(fact)
        JsonLog("cls-1", PROJECT, stream).record(fact)


def test_a_process_without_standard_error_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    LogTelemetry(new_logger(LogSettings(), None)).record(ended(success()))
    JsonLog("cls-1", PROJECT).record(ended(success()))
