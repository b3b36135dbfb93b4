"""What a job tells of its steps and of what keeps it from landing; operators search their logs for it."""

import attrs
import pytest
from tests.unit.application.scene import Scene, new_cluster, simulated

from pullsecret.application.provision import ProvisionPolicy
from pullsecret.domain.cloud_secret import SecretVersion, UnreadableVersions
from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.cluster_secret import DOCKER_CONFIG_TYPE, PublishedSecret
from pullsecret.domain.facts import InternalFault, StepDone
from pullsecret.domain.identifiers import Generation
from pullsecret.domain.ownership import MANAGED_BY_LABEL, ownership_labels
from pullsecret.domain.provisioning import CloudSecretRef, ProvisionOrder, provision_order
from pullsecret.domain.reasons import Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.infrastructure.memory.cloud import StoredSecret, StoredVersion
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.testing.contracts.samples import new_pull_secret

OTHERS = SecretPayload(b"somebody else's")


def steps(scene: Scene) -> list[tuple[str, str]]:
    """What was told of the steps since it was asked last."""
    told = [(fact.operation, fact.message) for fact in scene.facts(StepDone)]
    scene.world.telemetry.facts.clear()
    return told


def already_stored(scene: Scene, order: ProvisionOrder, labels: dict[str, str]) -> None:
    stored = StoredSecret(labels, StoragePolicy(), "etag", [StoredVersion(OTHERS)])
    scene.project.secrets[order.target.cloud_secret.name] = stored


async def failure(scene: Scene, order: ProvisionOrder) -> str:
    """What the job says that keeps it from landing."""
    result = await scene.provision(order)
    assert result.failure is not None
    return result.failure.message


@simulated
async def test_each_step_is_told_by_its_operation_and_in_words() -> None:
    scene = Scene(provision_policy=ProvisionPolicy(keep_versions=1))
    cluster = new_cluster()
    verified = ("access-secret-version", "Verified secret version")
    stored = ("create-secret-version", "Created secret version")
    await scene.provision(scene.order(cluster))
    created = ("create-secret", "Created secret")
    assert steps(scene) == [created, stored, verified, ("create-cluster-secret", "Created cluster secret")]
    changed = attrs.evolve(cluster, generation=Generation(2), pull_secret=new_pull_secret())
    await scene.provision(scene.order(changed))
    assert steps(scene) == [
        stored,
        verified,
        ("update-cluster-secret", "Updated cluster secret"),
        ("retire-secret-versions", "Retired old secret versions"),
    ]
    await scene.provision(scene.order(changed))
    assert steps(scene) == [verified]


@simulated
async def test_an_adoption_is_told_first() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    already_stored(scene, order, {MANAGED_BY_LABEL: "hyperfleet"})
    await scene.provision(order)
    assert steps(scene)[0] == ("adopt-secret", "Adopted secret that named no cluster")


@simulated
async def test_a_refusal_names_what_was_done_to_what_and_why() -> None:
    scene = Scene()
    cluster = new_cluster(generation=Generation(2))
    order = scene.order(cluster)
    cloud, published = order.target.cloud_secret.path, order.target.cluster_secret
    already_stored(scene, order, {})
    message = await failure(scene, order)
    assert message.startswith(f"get-secret {cloud}: The secret exists and is not this cluster's: ")
    already_stored(scene, order, ownership_labels(cluster.id))
    scene.world.control_plane.put(PublishedSecret(published, {}, {}, OTHERS, DOCKER_CONFIG_TYPE, ""))
    message = await failure(scene, order)
    assert message.startswith(f"publish-secret {published.path}: The Kubernetes secret is not ours: ")
    del scene.world.control_plane.secrets[published]
    assert (await scene.provision(order)).failure is None
    older = provision_order(attrs.evolve(cluster, generation=Generation(1)))
    message = await failure(scene, older)
    assert message.startswith(f"publish-secret {published.path}: Generation 2 is already published.")


class Misreading:
    """A store that reads something else than was stored, or nothing."""

    def __init__(self, scene: Scene, payload: SecretPayload | None) -> None:
        self._store, self._payload = scene.store, payload

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def access_latest(self, ref: CloudSecretRef) -> SecretVersion | None:
        return self._misread(await self._store.access_latest(ref))

    async def access_after(
        self, ref: CloudSecretRef, version: str
    ) -> SecretVersion | UnreadableVersions | None:
        found = await self._store.access_after(ref, version)
        return found if isinstance(found, UnreadableVersions) else self._misread(found)

    def _misread(self, found: SecretVersion | None) -> SecretVersion | None:
        return found and self._payload and attrs.evolve(found, payload=self._payload)


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (OTHERS, "The newest version is not what was stored."),
        (None, "Version 1 cannot be read as the newest one yet."),
    ],
)
@simulated
async def test_a_version_that_is_not_read_back_is_named_with_the_cause(
    payload: SecretPayload | None, cause: str
) -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    result = await attrs.evolve(scene.provision, store=Misreading(scene, payload))(order)
    assert result.failure is not None
    assert result.failure.reason is Reason.VERIFICATION_FAILED
    version = order.target.cloud_secret.version_path()
    assert result.failure.message.startswith(f"access-secret-version {version}: {cause}")


@simulated
async def test_what_nobody_foresaw_is_told_with_the_work_it_happened_in() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    result = await attrs.evolve(scene.provision, store=None)(order)
    assert result.failure is not None
    assert result.failure.message == "AttributeError in the job; see its log."
    assert scene.facts(InternalFault) == [
        InternalFault("provision", "AttributeError", order.target.cluster_id)
    ]


@simulated
async def test_a_job_stopped_before_it_verified_tells_the_version_it_found() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    await scene.provision(order)
    asked = iter([False, False, True])
    result = await attrs.evolve(scene.provision, stopping=lambda: next(asked))(order)
    assert (result.stage, result.change, result.version) == (Stage.STORED, Change.UNCHANGED, "1")


@simulated
async def test_a_payload_that_is_there_already_is_read_once() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    await scene.provision(order)
    scene.fault(FaultRule("secret-store.access-latest", Fault.FAIL, nth=2))
    assert (await scene.provision(order)).failure is None
    assert scene.world.faults.injected.total() == 0


@simulated
async def test_the_version_that_was_published_is_never_retired() -> None:
    scene = Scene(provision_policy=ProvisionPolicy(keep_versions=1))
    order = scene.order(new_cluster())

    class Overtaking:
        """A store in which somebody adds a version right before the old ones are retired."""

        def __getattr__(self, name: str) -> object:
            return getattr(scene.store, name)

        async def prune(self, ref: CloudSecretRef, keep: int, protect: str) -> int:
            await scene.store.add_version(ref, new_pull_secret())
            return await scene.store.prune(ref, keep, protect)

    result = await attrs.evolve(scene.provision, store=Overtaking())(order)
    assert (result.failure, result.version) == (None, "1")
    stored = scene.world.cloud.secret(order.target.cloud_secret)
    assert stored is not None
    assert [version.enabled for version in stored.versions] == [True, True]


@simulated
async def test_nothing_is_retired_where_nobody_asks_for_it() -> None:
    """The call needs a permission that is then not given."""
    scene = Scene()
    scene.fault(FaultRule("secret-store.prune", Fault.CRASH_BEFORE, probability=1))
    assert (await scene.provision(scene.order(new_cluster()))).failure is None
    assert scene.facts(InternalFault) == []


@simulated
async def test_a_step_is_told_with_the_version_that_it_made_or_saw() -> None:
    scene = Scene()
    await scene.provision(scene.order(new_cluster()))
    assert [(fact.operation, fact.version) for fact in scene.facts(StepDone)] == [
        ("create-secret", None),
        ("create-secret-version", "1"),
        ("access-secret-version", "1"),
        ("create-cluster-secret", "1"),
    ]


@simulated
async def test_what_nobody_foresaw_while_old_versions_are_retired_is_told_and_undoes_nothing() -> None:
    scene = Scene(provision_policy=ProvisionPolicy(keep_versions=1))
    cluster = new_cluster()
    await scene.provision(scene.order(cluster))

    class Breaking:
        def __getattr__(self, name: str) -> object:
            return getattr(scene.store, name)

        async def prune(self, *args: object, **options: object) -> None:
            raise RuntimeError("quoting a secret")

    changed = attrs.evolve(cluster, generation=Generation(2), pull_secret=new_pull_secret())
    order = scene.order(changed)
    assert (await attrs.evolve(scene.provision, store=Breaking())(order)).failure is None
    assert scene.landed(order)
    fault = InternalFault("retire-secret-versions", "RuntimeError", cluster.id)
    assert scene.facts(InternalFault) == [fault]
