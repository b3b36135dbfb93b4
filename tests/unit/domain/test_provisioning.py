"""What a job is asked to do and may say about itself."""

import json
from datetime import UTC, datetime

import attrs
import pytest

from pullsecret.domain.cluster import Cluster, StoragePolicy
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.events import TraceContext
from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Failure,
    Finished,
    ProvisionJob,
    ProvisionKey,
    ProvisionOrder,
    ProvisionResult,
    ProvisionTarget,
    Queued,
    Running,
    provision_order,
    provision_target,
)
from pullsecret.domain.pull_secret import PullSecret
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.domain.secret_payload import SecretPayload

DATA = json.dumps({"auths": {"quay.io": {"auth": "dTpw"}}}).encode()
STORAGE = StoragePolicy(("europe-west3",), ("projects/k/locations/europe-west3/keyRings/r/cryptoKeys/k",))
CLUSTER = Cluster(
    ClusterId("cls-1"),
    Generation(3),
    provider="gcp",
    project="customer-prod",
    pull_secret=SecretPayload(DATA),
    namespace="clusters-cls-1",
    storage=STORAGE,
)
TARGET = ProvisionTarget(
    ClusterId("cls-1"),
    Generation(3),
    CloudSecretRef("customer-prod", "hyperfleet-cls-1-pull-secret"),
    ClusterSecretRef("clusters-cls-1", "cls-1-pull-secret"),
    STORAGE,
)
PUBLISHED = ProvisionResult(Stage.PUBLISHED, Change.CREATED, "1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_target_is_where_the_design_document_puts_it() -> None:
    assert provision_target(CLUSTER) == TARGET


def test_the_secrets_name_can_be_overridden() -> None:
    target = provision_target(attrs.evolve(CLUSTER, secret_name="theirs"))
    assert target.cloud_secret == CloudSecretRef("customer-prod", "theirs")
    assert target.cluster_secret == TARGET.cluster_secret


def test_an_order_holds_the_validated_payload() -> None:
    trace = TraceContext("00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    order = provision_order(CLUSTER, 2, trace)
    assert order == ProvisionOrder(TARGET, PullSecret(DATA), 2, trace)
    assert isinstance(order.pull_secret, PullSecret)
    assert order.key == ProvisionKey(ClusterId("cls-1"), Generation(3), 2)
    assert provision_order(CLUSTER) == ProvisionOrder(TARGET, PullSecret(DATA), 1, None)


@pytest.mark.parametrize(
    ("change", "reason", "cause"),
    [
        ({"project": None}, Reason.INVALID_CLUSTER, "It names no customer project."),
        ({"namespace": None}, Reason.INVALID_CLUSTER, "It names no placement namespace."),
        ({"pull_secret": None}, Reason.INVALID_PULL_SECRET, "It has no pull secret."),
    ],
)
def test_what_is_missing_is_named(change: dict[str, None], reason: Reason, cause: str) -> None:
    with pytest.raises(PermanentError) as caught:
        provision_order(attrs.evolve(CLUSTER, **change))
    error = caught.value
    assert (error.operation, error.subject, error.reason, error.cause, error.remedy) == (
        "read-cluster",
        "cluster cls-1",
        reason,
        cause,
        reason.remedy,
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"project": "P"}, "project id"),
        ({"namespace": "N_"}, "namespace"),
        ({"secret_name": "a/b"}, "secret name"),
        ({"pull_secret": SecretPayload(b"{}")}, "'auths'"),
    ],
)
def test_what_is_malformed_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        provision_order(attrs.evolve(CLUSTER, **change))


def test_paths_are_those_of_the_apis() -> None:
    assert TARGET.cloud_secret.path == "projects/customer-prod/secrets/hyperfleet-cls-1-pull-secret"
    assert TARGET.cloud_secret.version_path() == f"{TARGET.cloud_secret.path}/versions/latest"
    assert TARGET.cloud_secret.version_path("7") == f"{TARGET.cloud_secret.path}/versions/7"
    assert TARGET.cluster_secret.path == "clusters-cls-1/cls-1-pull-secret"


def test_a_job_is_named_after_cluster_generation_and_attempt() -> None:
    assert ProvisionKey(ClusterId("cls-1"), Generation(3)).name == "pullsecret-cls-1-gen3"
    assert ProvisionKey(ClusterId("cls-1"), Generation(3), 2).name == "pullsecret-cls-1-gen3-try2"


def test_a_newer_attempt_and_a_newer_generation_are_greater() -> None:
    keys = [ProvisionKey(ClusterId("cls-1"), Generation(g), a) for g, a in [(1, 1), (1, 2), (2, 1), (10, 1)]]
    assert sorted(reversed(keys)) == keys


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="attempt"):
        ProvisionKey(ClusterId("cls-1"), Generation(1), 0)


@pytest.mark.parametrize(
    ("state", "active"), [(Queued(), True), (Running(), True), (Finished(PUBLISHED, NOW), False)]
)
def test_a_job_is_active_until_it_finished(state: Queued | Running | Finished, active: bool) -> None:
    job = ProvisionJob(ProvisionKey(TARGET.cluster_id, TARGET.generation), TARGET, state, NOW)
    assert job.active is active


@pytest.mark.parametrize("stage", Stage)
def test_a_result_has_a_failure_exactly_if_it_is_not_published(stage: Stage) -> None:
    failure = None if stage is not Stage.PUBLISHED else Failure(Reason.JOB_LOST, "Gone.")
    with pytest.raises(ValueError, match=r"^a result has a failure if and only if it is not published$"):
        ProvisionResult(stage, Change.CREATED, "1", failure)


@pytest.mark.parametrize(("change", "version"), [(None, "1"), (Change.CREATED, None), (None, None)])
def test_a_published_result_says_what_it_published(change: Change | None, version: str | None) -> None:
    with pytest.raises(ValueError, match=r"^a published result says its change and its version$"):
        ProvisionResult(Stage.PUBLISHED, change, version)


@pytest.mark.parametrize("reason", Reason)
def test_a_success_is_no_failure(reason: Reason) -> None:
    if reason.outlook is Outlook.SUCCESS:
        with pytest.raises(ValueError, match=rf"^{reason} is no failure$"):
            Failure(reason, "x")
    else:
        assert Failure(reason, "x").reason is reason
