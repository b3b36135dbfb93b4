"""Whatever somebody writes on a Job or a cluster secret, the watches go on and what is held can be shown."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pullsecret.domain import cluster_secret
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.names import cluster_secret_name
from pullsecret.domain.provisioning import Finished, ProvisionResult
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.job_process.termination_message import encode
from pullsecret.infrastructure.kubernetes import marks
from pullsecret.infrastructure.kubernetes.holdings import Holding
from pullsecret.infrastructure.kubernetes.job_objects import made_by_us
from pullsecret.infrastructure.kubernetes.job_reading import job_of
from pullsecret.infrastructure.kubernetes.order_annotations import annotations_of
from pullsecret.infrastructure.kubernetes.published_metadata import published_metadata
from pullsecret.testing.contracts.job_runner import SUCCESS
from pullsecret.testing.contracts.samples import new_clean_up, new_order

DEEP = "[" * 100_000
RESULT = json.loads(encode(SUCCESS))
PROVISIONING = annotations_of(new_order())
CLEAN_UP = annotations_of(new_clean_up())

anything = st.text(max_size=40) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
).map(json.dumps)
read_of_a_job = st.sampled_from(
    sorted(
        {
            *PROVISIONING,
            *CLEAN_UP,
            marks.REPLICA_LOCATIONS,
            marks.ENCRYPTION_KEYS,
            marks.EARLIER_SECRETS,
            marks.RESULT,
        }
    )
)


def ended(annotations: dict[str, str]) -> dict[str, Any]:
    time = "2026-01-01T00:00:00Z"
    done = {"type": "Complete", "status": "True", "lastTransitionTime": time}
    return {
        "metadata": {"name": "j", "creationTimestamp": time, "labels": {}, "annotations": annotations},
        "spec": {},
        "status": {"conditions": [done]},
    }


@given(st.sampled_from((PROVISIONING, CLEAN_UP)), read_of_a_job, anything)
@example(PROVISIONING, marks.REPLICA_LOCATIONS, "5")
@example(PROVISIONING, marks.ENCRYPTION_KEYS, DEEP)
@example(CLEAN_UP, marks.RESULT, DEEP)
def test_a_job_is_either_not_ours_or_can_be_read(order: dict[str, str], mark: str, text: str) -> None:
    found = ended({**order, mark: text})
    if made_by_us(found):
        assert isinstance(job_of(found).state, Finished)


@pytest.mark.parametrize(
    "noted",
    [
        DEEP,
        "[]",
        json.dumps({**RESULT, "calls": {"GetSecret/200": float("inf")}}),
        json.dumps({**RESULT, "stage": "nowhere"}),
    ],
)
def test_a_noted_result_that_cannot_be_read_counts_as_lost(noted: str) -> None:
    state = job_of(ended({**PROVISIONING, marks.RESULT: noted})).state
    assert isinstance(state, Finished)
    assert isinstance(state.result, ProvisionResult)
    assert state.result.failure is not None
    assert state.result.failure.reason is Reason.JOB_LOST


def test_a_noted_result_that_can_be_read_counts() -> None:
    state = job_of(ended({**PROVISIONING, marks.RESULT: json.dumps(RESULT)})).state
    assert isinstance(state, Finished)
    assert state.result == SUCCESS


@given(anything, anything, anything)
@example("\u00b2", "[/red]", "2026-01-01")
@example("9" * 5000, "1", "2026-01-01T00:00:00Z")
def test_what_is_noted_on_a_cluster_secret_is_a_number_or_nothing(
    generation: str, version: str, created_at: str
) -> None:
    cluster_id = ClusterId("cls-1")
    annotations = {
        cluster_secret.CLUSTER_ANNOTATION: cluster_id.value,
        cluster_secret.GENERATION_ANNOTATION: generation,
        cluster_secret.VERSION_ANNOTATION: version,
        cluster_secret.CREATED_AT_ANNOTATION: created_at,
    }
    name = cluster_secret_name(cluster_id)
    found = published_metadata({"metadata": {"namespace": "n", "name": name, "annotations": annotations}})
    assert found is not None
    assert found.generation >= 0
    assert found.version == "" or int(found.version) > 0
    noted = Holding(cluster_id, None, found).secret_created_at
    assert noted is None or noted.tzinfo is not None
