"""The Kubernetes cluster secrets, on a real control plane."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pullsecret.domain.cluster_secret import DOCKER_CONFIG_KEY, DOCKER_CONFIG_TYPE
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.ownership import ownership_labels
from pullsecret.domain.provisioning import ProvisionTarget
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.kubernetes import cluster_secrets, rbac
from pullsecret.infrastructure.kubernetes.api import APPLY, MERGE_PATCH, KubernetesApi
from pullsecret.infrastructure.kubernetes.cluster_secrets import KubernetesClusterSecrets
from pullsecret.infrastructure.kubernetes.paths import secret_path
from pullsecret.ports.cluster_secrets import NamespaceMissingError
from pullsecret.testing.contracts import ClusterSecretsContract
from pullsecret.testing.contracts.cluster_secrets import secret_for
from pullsecret.testing.contracts.samples import new_pull_secret, new_target
from pullsecret.testing.kubernetes.system import System, create

pytestmark = [pytest.mark.service, pytest.mark.asyncio]


def path_of(target: ProvisionTarget) -> str:
    return secret_path(target.cluster_secret.namespace, target.cluster_secret.name)


def encoded() -> dict[str, str]:
    return {DOCKER_CONFIG_KEY: base64.b64encode(new_pull_secret().reveal()).decode()}


async def put(api: KubernetesApi, target: ProvisionTarget, **fields: Any) -> None:
    metadata = {
        "name": target.cluster_secret.name,
        "labels": ownership_labels(target.cluster_id),
    }
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **fields}
    await api.call("create", secret_path(target.cluster_secret.namespace), body)


class TestContract(ClusterSecretsContract):
    @pytest.fixture
    def cluster_secrets(self, admin: KubernetesApi) -> KubernetesClusterSecrets:
        return KubernetesClusterSecrets(admin)

    @pytest.fixture
    def namespace(self, namespace: str) -> str:
        return namespace

    @pytest.fixture
    async def immutable(self, admin: KubernetesApi, target: ProvisionTarget) -> ProvisionTarget:
        await put(admin, target, type=DOCKER_CONFIG_TYPE, data=encoded(), immutable=True)
        return target

    @pytest.fixture
    async def of_another_type(self, admin: KubernetesApi, target: ProvisionTarget) -> ProvisionTarget:
        await put(admin, target, type="Opaque", data=encoded())
        return target


@pytest.fixture
def target(namespace: str) -> ProvisionTarget:
    return new_target(namespace=namespace)


@pytest.fixture
def secrets(admin: KubernetesApi) -> KubernetesClusterSecrets:
    return KubernetesClusterSecrets(admin)


async def test_every_field_is_declared_by_our_field_manager(
    admin: KubernetesApi, secrets: KubernetesClusterSecrets, target: ProvisionTarget
) -> None:
    await secrets.create(secret_for(target))
    found = await secrets.get(target.cluster_secret)
    assert found is not None
    await secrets.replace(found, secret_for(target, version="2"))
    (entry,) = (await admin.get(path_of(target)))["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("pullsecret", "Apply")
    assert f"f:{DOCKER_CONFIG_KEY}" in entry["fieldsV1"]["f:data"]


async def test_what_was_changed_by_hand_is_taken_back_and_what_was_added_stays(
    admin: KubernetesApi, secrets: KubernetesClusterSecrets, target: ProvisionTarget
) -> None:
    wanted = secret_for(target)
    await secrets.create(wanted)
    edit = {"data": encoded(), "metadata": {"labels": {"team": "hypershift"}}}
    query = {"fieldManager": "kubectl-edit"}
    await admin.call("patch", path_of(target), edit, content_type=MERGE_PATCH, query=query)
    found = await secrets.get(target.cluster_secret)
    assert found is not None
    assert not found.holds(wanted)
    await secrets.replace(found, wanted)
    repaired = await secrets.get(target.cluster_secret)
    assert repaired is not None
    assert repaired.holds(wanted)
    assert repaired.labels["team"] == "hypershift"


async def test_content_that_another_applier_declares_is_never_forced(
    admin: KubernetesApi, secrets: KubernetesClusterSecrets, target: ProvisionTarget
) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": target.cluster_secret.name, "labels": ownership_labels(target.cluster_id)},
        "type": DOCKER_CONFIG_TYPE,
        "data": encoded(),
    }
    query = {"fieldManager": "argocd"}
    await admin.call("patch", path_of(target), body, content_type=APPLY, query=query)
    found = await secrets.get(target.cluster_secret)
    assert found is not None
    with pytest.raises(PermanentError, match="argocd") as refused:
        await secrets.replace(found, secret_for(target))
    assert refused.value.reason is Reason.CLUSTER_SECRET_CONFLICT
    assert await secrets.get(target.cluster_secret) == found


async def test_a_namespace_that_is_going_away_counts_as_missing(
    admin: KubernetesApi, secrets: KubernetesClusterSecrets, target: ProvisionTarget
) -> None:
    namespace = target.cluster_secret.namespace
    # A finalizer holds the namespace in its last state.
    await admin.call("create", secret_path(namespace), held_secret())
    await admin.call("delete", f"/api/v1/namespaces/{namespace}")
    with pytest.raises(Exception, match=namespace) as raised:
        await secrets.create(secret_for(target))
    assert getattr(raised.value, "reason", None) is Reason.NAMESPACE_MISSING
    release = {"metadata": {"finalizers": None}}
    await admin.call("patch", secret_path(namespace, "held"), release, content_type=MERGE_PATCH)


def held_secret() -> dict[str, Any]:
    metadata = {"name": "held", "finalizers": ["pullsecret.test/hold"]}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


async def test_a_missing_namespace_is_made_where_that_is_wanted(admin: KubernetesApi, system: System) -> None:
    await create(admin, rbac.namespace_making_objects_for(system.namespace))
    target = new_target()
    async with KubernetesApi(await system.connect(rbac.JOB)) as api:
        with pytest.raises(NamespaceMissingError, match="does not exist"):
            await KubernetesClusterSecrets(api).create(secret_for(target))
        await KubernetesClusterSecrets(api, create_namespaces=True).create(secret_for(target))
    namespace = await admin.get(f"/api/v1/namespaces/{target.cluster_secret.namespace}")
    assert namespace["metadata"]["labels"]["cluster-id"] == target.cluster_id.value
    assert await admin.get_or_none(path_of(target)) is not None


class TestRightsBoundInEachNamespace:
    """Where a job has rights only in namespaces that somebody has bound, a refusal says little."""

    @pytest.fixture
    async def as_job(self, system: System) -> AsyncIterator[KubernetesClusterSecrets]:
        async with KubernetesApi(await system.connect(rbac.JOB)) as api:
            yield KubernetesClusterSecrets(api)

    async def test_bound(
        self, as_job: KubernetesClusterSecrets, admin: KubernetesApi, system: System, target: ProvisionTarget
    ) -> None:
        await create(admin, [rbac.job_binding(target.cluster_secret.namespace, system.namespace)])
        wanted = secret_for(target)
        await as_job.create(wanted)
        found = await as_job.get(target.cluster_secret)
        assert found is not None
        assert found.holds(wanted)

    async def test_a_namespace_that_is_not_there(self, as_job: KubernetesClusterSecrets) -> None:
        target = new_target(namespace="namespace-that-is-not-there")
        with pytest.raises(NamespaceMissingError, match="does not exist"):
            await as_job.get(target.cluster_secret)
        with pytest.raises(NamespaceMissingError, match="does not exist"):
            await as_job.create(secret_for(target))

    async def test_a_new_namespace_in_which_nobody_has_bound_them_yet(
        self, as_job: KubernetesClusterSecrets, target: ProvisionTarget
    ) -> None:
        with pytest.raises(NamespaceMissingError, match="no rights in it yet"):
            await as_job.get(target.cluster_secret)

    async def test_a_namespace_in_which_nobody_has_bound_them(
        self,
        as_job: KubernetesClusterSecrets,
        target: ProvisionTarget,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(cluster_secrets, "NEW_NAMESPACE_SECONDS", 0)
        with pytest.raises(PermanentError, match="deploy/rbac") as refused:
            await as_job.create(secret_for(target))
        assert refused.value.reason is Reason.KUBERNETES_PERMISSION_DENIED
