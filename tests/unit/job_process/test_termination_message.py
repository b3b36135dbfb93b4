"""The result fits where Kubernetes keeps it and comes back as it was."""

import json

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullsecret.domain.clean_up import CleanUpResult
from pullsecret.domain.provisioning import Failure, ProvisionResult
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.infrastructure.job_process.termination_message import (
    MAX_BYTES,
    decode_clean_up,
    decode_result,
    encode,
    encode_clean_up,
    encode_result,
)

FAILURES = [reason for reason in Reason if reason.outlook in (Outlook.TRANSIENT, Outlook.PERMANENT)]
PATH = "projects/customer-prod/secrets/hyperfleet-cls-1-pull-secret/versions/latest"

results = st.builds(
    ProvisionResult,
    stage=st.just(Stage.STARTED),
    failure=st.builds(Failure, st.sampled_from(FAILURES), st.text(min_size=1, max_size=6000)),
    duration=st.floats(0, 1e6).map(lambda seconds: round(seconds, 3)),
    calls=st.dictionaries(st.text("abc", min_size=1, max_size=30), st.integers(0, 999), max_size=60),
    latencies=st.dictionaries(
        st.text("abc", min_size=1, max_size=30),
        st.lists(st.floats(0, 300).map(lambda seconds: round(seconds, 3)), max_size=100).map(tuple),
        max_size=8,
    ),
)


@settings(max_examples=40, deadline=None)
@given(results)
def test_any_result_fits_and_keeps_what_matters(result: ProvisionResult) -> None:
    text = encode_result(result, PATH, {method: 1.0 for method in result.latencies})
    assert len(text.encode()) <= MAX_BYTES
    assert "\n" not in text
    document = json.loads(text)
    assert result.failure is not None
    assert (document["reason"], document["path"]) == (result.failure.reason.value, PATH)
    read = decode_result(text)
    assert read.failure is not None
    assert (read.stage, read.duration, read.failure.reason) == (
        result.stage,
        result.duration,
        result.failure.reason,
    )
    shortened = read.failure.message.removesuffix("...")
    assert result.failure.message.startswith(shortened)


long_texts = st.builds(
    lambda piece, length: (piece * length)[:length],
    st.text('é\\"\n\x00x', min_size=1, max_size=60),
    st.integers(4000, 9000),
)
"""Made of repeated pieces, since to draw each character takes most of such a test's time."""


@given(long_texts)
def test_a_long_message_loses_its_end_only(message: str) -> None:
    result = ProvisionResult(stage=Stage.STARTED, failure=Failure(Reason.REQUEST_REFUSED, message))
    text = encode_result(result, PATH, {})
    assert len(text.encode()) <= MAX_BYTES
    kept = json.loads(text)["message"].removesuffix("...")
    assert message.startswith(kept)
    assert len(kept) >= 200


paths = st.lists(st.text("abc/-", min_size=1, max_size=300), max_size=12).map(tuple)
clean_ups = st.builds(
    CleanUpResult,
    deleted=paths,
    retained=paths,
    left=paths,
    failure=st.none() | st.builds(Failure, st.sampled_from(FAILURES), st.text(min_size=1, max_size=6000)),
    duration=st.floats(0, 1e6).map(lambda seconds: round(seconds, 3)),
    calls=st.dictionaries(st.text("abc", min_size=1, max_size=30), st.integers(0, 999), max_size=60),
)


@settings(max_examples=60, deadline=None)
@given(clean_ups)
def test_any_clean_up_fits_and_keeps_what_matters(result: CleanUpResult) -> None:
    text = encode_clean_up(result, {"GetSecret": 1.0})
    assert len(text.encode()) <= MAX_BYTES
    read = decode_clean_up(text)
    assert (read.failure is None) == (result.failure is None)
    assert read.duration == result.duration
    # That something stayed behind is told in any case, and by name as far as there is room.
    for kept, all_of_them in ((read.retained, result.retained), (read.left, result.left)):
        assert kept == all_of_them[: len(kept)]
        assert bool(kept) == bool(all_of_them)


def test_a_small_clean_up_comes_back_whole() -> None:
    failure = Failure(Reason.PERMISSION_DENIED, "It lacks a permission.")
    result = CleanUpResult(("a",), ("b",), ("c",), failure, 1.5, {"GetSecret/OK": 2}, {"GetSecret": (0.1,)})
    assert decode_clean_up(encode(result)) == result
    assert decode_clean_up(encode(attrs.evolve(result, failure=None))).failure is None


def test_neither_result_is_taken_for_the_other() -> None:
    provisioned = ProvisionResult(stage=Stage.STARTED, failure=Failure(Reason.JOB_LOST, "Gone."))
    with pytest.raises(ValueError, match="not a clean-up's result"):
        decode_clean_up(encode(provisioned))
    with pytest.raises(ValueError, match="not a job's result"):
        decode_result(encode(CleanUpResult()))


def test_earlier_places_come_back_as_far_as_there_is_room() -> None:
    few = ("projects/a/secrets/x", "projects/b/secrets/y")
    landed = ProvisionResult(Stage.PUBLISHED, Change.UPDATED, "2", earlier=few)
    assert decode_result(encode(landed)) == landed

    many = tuple(f"projects/{'p' * 200}/secrets/{number}" for number in range(100))
    text = encode(attrs.evolve(landed, earlier=many))
    assert len(text.encode()) <= MAX_BYTES
    kept = decode_result(text).earlier
    assert 10 < len(kept) < 100
    assert kept == many[: len(kept)]
