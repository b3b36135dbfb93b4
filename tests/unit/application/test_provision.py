"""What a job does, through its two ports: it lands the secret whatever goes wrong, and tells the truth."""

import asyncio
from collections.abc import Awaitable, Callable

import attrs
import pytest
from tests.unit.application.scene import Scene, new_cluster, simulated

from pullsecret.application.provision import Provision, ProvisionPolicy
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.cluster_secret import DOCKER_CONFIG_TYPE, PublishedSecret
from pullsecret.domain.errors import TransientError
from pullsecret.domain.facts import InternalFault, RetryScheduled, StepDone
from pullsecret.domain.identifiers import Generation
from pullsecret.domain.ownership import CLUSTER_LABEL, MANAGED_BY_LABEL, ownership_labels
from pullsecret.domain.provisioning import CloudSecretRef, Failure, ProvisionOrder, provision_order
from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.domain.secret_lifecycle import Change, Stage
from pullsecret.domain.secret_payload import SecretPayload
from pullsecret.infrastructure.memory.cloud import StoredSecret, StoredVersion
from pullsecret.infrastructure.memory.faults import Fault, FaultRule, ProcessCrash
from pullsecret.testing.contracts.samples import new_pull_secret

FOREIGN = SecretPayload(b"somebody else's")


def foreign_cloud_secret(scene: Scene, order: ProvisionOrder, labels: dict[str, str]) -> StoredSecret:
    stored = StoredSecret(labels, StoragePolicy(), "etag", [StoredVersion(FOREIGN)])
    scene.project.secrets[order.target.cloud_secret.name] = stored
    return stored


def foreign_cluster_secret(scene: Scene, order: ProvisionOrder, labels: dict[str, str]) -> None:
    ref = order.target.cluster_secret
    scene.world.control_plane.put(PublishedSecret(ref, labels, {}, FOREIGN, DOCKER_CONFIG_TYPE, ""))


@simulated
async def test_a_new_secret_lands_in_both_stores() -> None:
    scene = Scene()
    order = scene.order(new_cluster(storage=StoragePolicy(("us-east1",), ())))
    result = await scene.provision(order)
    assert (result.stage, result.change, result.version, result.failure) == (
        Stage.PUBLISHED,
        Change.CREATED,
        "1",
        None,
    )
    assert scene.landed(order)
    stored = scene.world.cloud.secret(order.target.cloud_secret)
    assert stored is not None
    assert stored.labels == ownership_labels(order.target.cluster_id)
    assert stored.storage == StoragePolicy(("us-east1",), ())
    published = scene.world.control_plane.secrets[order.target.cluster_secret]
    assert published.labels == ownership_labels(order.target.cluster_id)
    assert published.generation == 1
    steps = [fact.operation for fact in scene.facts(StepDone)]
    assert steps == [
        "create-secret",
        "create-secret-version",
        "access-secret-version",
        "create-cluster-secret",
    ]
    assert scene.facts(RetryScheduled) == []


@simulated
async def test_the_same_payload_again_adds_no_version_and_writes_nothing() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    await scene.provision(order)
    before = scene.world.control_plane.secrets[order.target.cluster_secret]
    result = await scene.provision(attrs.evolve(order, attempt=2))
    assert (result.change, result.version) == (Change.UNCHANGED, "1")
    assert scene.landed(order)
    assert scene.world.control_plane.secrets[order.target.cluster_secret] == before


@simulated
async def test_a_new_payload_is_a_new_version() -> None:
    scene = Scene()
    cluster = new_cluster()
    first = scene.order(cluster)
    await scene.provision(first)
    created_at = scene.world.control_plane.secrets[first.target.cluster_secret].created_at
    assert created_at == scene.world.clock.now().isoformat(timespec="seconds")
    await scene.world.clock.sleep(60)
    second = scene.order(attrs.evolve(cluster, generation=Generation(2), pull_secret=new_pull_secret()))
    result = await scene.provision(second)
    assert (result.change, result.version) == (Change.UPDATED, "2")
    assert scene.versions(second) == [first.pull_secret, second.pull_secret]
    assert scene.landed(second)
    published = scene.world.control_plane.secrets[second.target.cluster_secret]
    assert published.generation == 2
    assert published.created_at == created_at


@simulated
async def test_a_new_generation_with_the_same_payload_says_so_on_the_cluster_secret() -> None:
    scene = Scene()
    cluster = new_cluster()
    await scene.provision(scene.order(cluster))
    second = scene.order(attrs.evolve(cluster, generation=Generation(2)))
    result = await scene.provision(second)
    assert result.change is Change.UNCHANGED
    assert scene.world.control_plane.secrets[second.target.cluster_secret].generation == 2


@pytest.mark.parametrize(
    "labels", [{}, {MANAGED_BY_LABEL: "terraform"}, {MANAGED_BY_LABEL: "hyperfleet", CLUSTER_LABEL: "cls-x"}]
)
@simulated
async def test_somebody_elses_secret_is_neither_read_nor_written(labels: dict[str, str]) -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    foreign = foreign_cloud_secret(scene, order, labels)
    # Any other call than looking at it would crash.
    scene.fault(*(FaultRule(f"secret-store.{call}", Fault.CRASH_BEFORE, probability=1) for call in TOUCHING))
    result = await scene.provision(order)
    assert result.stage is Stage.STARTED
    assert result.failure is not None
    assert result.failure.reason is Reason.NAMING_CONFLICT
    assert order.target.cloud_secret.path in result.failure.message
    assert "spec.pullSecret.secretName" in result.failure.message
    assert foreign.labels == labels
    assert scene.published(order) is None


TOUCHING = ("create", "relabel", "add-version", "access-latest", "prune", "delete")


@simulated
async def test_a_secret_of_ours_that_names_no_cluster_is_adopted() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    stored = foreign_cloud_secret(scene, order, {MANAGED_BY_LABEL: "hyperfleet", "team": "a"})
    result = await scene.provision(order)
    assert (result.change, result.version) == (Change.UPDATED, "2")
    assert stored.labels == {**ownership_labels(order.target.cluster_id), "team": "a"}
    assert scene.landed(order)


@simulated
async def test_somebody_elses_cluster_secret_keeps_the_job_from_storing_anything() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    foreign_cluster_secret(scene, order, {})
    result = await scene.provision(order)
    assert result.failure is not None
    assert result.failure.reason is Reason.CLUSTER_SECRET_CONFLICT
    assert "it carries no managed-by label" in result.failure.message
    assert scene.versions(order) == []
    assert scene.published(order) == FOREIGN


@simulated
async def test_an_older_generation_writes_nothing_over_a_newer_one() -> None:
    scene = Scene()
    cluster = new_cluster(generation=Generation(2))
    newer = scene.order(cluster)
    await scene.provision(newer)
    older = provision_order(attrs.evolve(cluster, generation=Generation(1), pull_secret=new_pull_secret()))
    result = await scene.provision(older)
    assert result.stage is Stage.STARTED
    assert result.failure is not None
    assert result.failure.reason is Reason.SUPERSEDED
    assert scene.landed(newer)


@simulated
async def test_a_newer_generation_published_meanwhile_is_left_as_it_is() -> None:
    scene = Scene()
    cluster = new_cluster()
    older = scene.order(cluster)
    newer = scene.order(attrs.evolve(cluster, generation=Generation(2), pull_secret=new_pull_secret()))

    async def overtake() -> None:
        await Scene(world=scene.world).provision(newer)

    provision = attrs.evolve(scene.provision, store=Interfered(scene, before_access=overtake, times=1))
    result = await provision(older)
    assert result.failure is not None
    assert result.failure.reason is Reason.SUPERSEDED
    assert result.change is Change.UPDATED
    assert scene.published(older) == newer.pull_secret


class Interfered:
    """The store, with something else happening before it is looked at."""

    def __init__(
        self,
        scene: Scene,
        before_access: Callable[[], Awaitable[None]] | None = None,
        after_add: Callable[[], Awaitable[None]] | None = None,
        times: int = 1,
    ) -> None:
        self._store, self._before, self._after, self._left = scene.store, before_access, after_add, times

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def access_latest(self, ref: CloudSecretRef) -> SecretVersion | None:
        if self._before and self._left:
            self._left -= 1
            await self._before()
        return await self._store.access_latest(ref)

    async def add_version(self, ref: CloudSecretRef, payload: SecretPayload) -> str:
        version = await self._store.add_version(ref, payload)
        if self._after and self._left:
            self._left -= 1
            await self._after()
        return version


CALLS = {
    "secret-store": ["get", "create", "add-version", "access-latest"],
    "cluster-secrets": ["get", "create"],
}
POINTS = [f"{port}.{call}" for port, calls in CALLS.items() for call in calls]


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOSE_ANSWER, Fault.DELAY])
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", POINTS)
@simulated
async def test_a_fault_at_any_call_delays_the_landing_and_nothing_else(
    point: str, nth: int, fault: Fault
) -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    scene.fault(FaultRule(point, fault, nth=nth))
    result = await scene.provision(order)
    assert result.failure is None
    assert result.change is Change.CREATED
    assert result.version == "1"
    assert scene.landed(order)
    if fault is not Fault.DELAY:
        assert len(scene.facts(RetryScheduled)) == sum(scene.world.faults.injected.values())


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@pytest.mark.parametrize("nth", range(1, 8))
@simulated
async def test_after_a_crash_at_any_call_another_attempt_lands_it(nth: int, fault: Fault) -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    scene.fault(FaultRule("*.*", fault, nth=nth))
    with pytest.raises(ProcessCrash):
        await scene.provision(order)
    result = await scene.provision(attrs.evolve(order, attempt=2))
    assert result.failure is None
    assert scene.landed(order)


@simulated
async def test_a_permanent_failure_ends_the_job_at_once() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    scene.project.denied.add("secretmanager.versions.add")
    result = await scene.provision(order)
    assert result.stage is Stage.PREPARED
    assert result.failure is not None
    assert result.failure.reason is Reason.PERMISSION_DENIED
    assert "secretmanager.versions.add" in result.failure.message
    assert scene.facts(RetryScheduled) == []
    assert scene.world.clock.monotonic() == 0


@pytest.mark.parametrize("point", ["cluster-secrets.get", "secret-store.add-version"])
@simulated
async def test_pauses_grow_and_the_budget_ends_them(point: str) -> None:
    policy = ProvisionPolicy(Backoff(initial=1, factor=2, maximum=1000), budget=60)
    scene = Scene(provision_policy=policy)
    order = scene.order(new_cluster())
    scene.fault(FaultRule(point, Fault.FAIL, probability=1))
    await scene.world.clock.sleep(5)
    result = await scene.provision(order)
    assert result.failure is not None
    assert result.failure.reason.outlook is Outlook.TRANSIENT
    assert result.failure.message.startswith(f"{point} ")
    retries = scene.facts(RetryScheduled)
    assert [fact.attempt for fact in retries] == list(range(1, len(retries) + 1))
    for number, fact in enumerate(retries):
        assert 2**number / 2 <= fact.delay < 2**number
    # What was asked for last may take effect within 15 s, which is waited for.
    doubt = 15 if point == "secret-store.add-version" else 0
    assert result.duration <= 60 + doubt
    assert result.duration == pytest.approx(sum(fact.delay for fact in retries) + doubt)


@simulated
async def test_pauses_start_anew_once_the_job_is_further_than_ever() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    points = ("cluster-secrets.get", "secret-store.get", "secret-store.add-version")
    scene.fault(*(FaultRule(point, Fault.FAIL, nth=1) for point in points))
    assert (await scene.provision(order)).failure is None
    assert [fact.attempt for fact in scene.facts(RetryScheduled)] == [1, 2, 1]


@simulated
async def test_a_quota_is_waited_for_as_long_as_the_cloud_asks() -> None:
    # The pause that ends just when the budget does is still made.
    scene = Scene(provision_policy=ProvisionPolicy(budget=60))
    order = scene.order(new_cluster())
    scene.project.writes_per_minute = 1
    result = await scene.provision(order)
    assert result.failure is None
    (retry,) = scene.facts(RetryScheduled)
    assert retry.delay == 60
    assert retry.error.reason is Reason.QUOTA_EXCEEDED


class Lagging:
    """A store whose newest version can only be read after a while, as Google documents it for ``latest``."""

    def __init__(self, scene: Scene, lag: float) -> None:
        self._store, self._clock, self._lag = scene.store, scene.world.clock, lag
        self._fresh_at = 0.0
        self._before: SecretVersion | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def access_latest(self, ref: CloudSecretRef) -> SecretVersion | None:
        if self._clock.monotonic() < self._fresh_at:
            return self._before
        return await self._store.access_latest(ref)

    async def add_version(self, ref: CloudSecretRef, payload: SecretPayload) -> str:
        self._before = await self._store.access_latest(ref)
        self._fresh_at = self._clock.monotonic() + self._lag
        return await self._store.add_version(ref, payload)


@pytest.mark.parametrize("update", [False, True])
@simulated
async def test_a_newest_version_that_is_told_late_is_found_by_its_number(update: bool) -> None:
    scene = Scene()
    cluster = new_cluster()
    if update:
        await scene.provision(scene.order(cluster))
        cluster = attrs.evolve(cluster, generation=Generation(2), pull_secret=new_pull_secret())
    order = scene.order(cluster)
    result = await attrs.evolve(scene.provision, store=Lagging(scene, 90))(order)
    assert result.failure is None
    assert result.change is (Change.UPDATED if update else Change.CREATED)
    assert result.duration < 1
    assert scene.landed(order)


@pytest.mark.parametrize("generations", [1, 2])
@simulated
async def test_what_an_unanswered_request_stored_is_found_though_it_is_told_late(generations: int) -> None:
    scene = Scene()
    cluster = new_cluster()
    for number in range(1, generations):
        await scene.provision(scene.order(attrs.evolve(cluster, generation=Generation(number))))
        cluster = attrs.evolve(cluster, generation=Generation(2), pull_secret=new_pull_secret())
    order = scene.order(cluster)
    scene.fault(FaultRule("secret-store.add-version", Fault.LOSE_ANSWER, nth=1))
    result = await attrs.evolve(scene.provision, store=Lagging(scene, 90))(order)
    assert (result.failure, result.version) == (None, str(generations))
    assert scene.landed(order)


class Late:
    """A store whose first request to add a version takes effect when its caller has long given it up."""

    def __init__(self, scene: Scene, seconds: float) -> None:
        self._store, self._seconds = scene.store, seconds
        self._under_way: asyncio.Task[None] | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def add_version(self, ref: CloudSecretRef, payload: SecretPayload) -> str:
        if self._under_way is not None:
            return await self._store.add_version(ref, payload)

        async def take_effect() -> None:
            await asyncio.sleep(self._seconds)
            await self._store.add_version(ref, payload)

        self._under_way = asyncio.create_task(take_effect())
        cause = "No answer came."
        raise TransientError("add-secret-version", ref.path, Reason.SECRET_MANAGER_UNAVAILABLE, cause)


@simulated
async def test_a_job_outlives_its_unanswered_request_and_publishes_what_that_left() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    result = await attrs.evolve(scene.provision, store=Late(scene, 12))(order)
    assert (result.failure, result.version) == (None, "2")
    assert scene.versions(order) == [order.pull_secret] * 2
    published = scene.world.control_plane.secrets[order.target.cluster_secret]
    assert published.version_from(order.target.cloud_secret) == "2"


IN_DOUBT = "Told to stop while a request to add a version was unanswered; it may still take effect."


@simulated
async def test_told_to_stop_it_tells_that_an_unanswered_request_may_still_take_effect() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    stopping = attrs.evolve(scene.provision, store=Late(scene, 12), stopping=lambda: scene.published(order))
    result = await stopping(order)
    assert result.failure == Failure(Reason.JOB_INTERRUPTED, IN_DOUBT)
    assert (result.stage, result.change, result.version) == (Stage.STARTED, Change.CREATED, None)
    assert scene.published(order) == order.pull_secret
    assert result.duration < 5


@simulated
async def test_told_to_stop_after_a_failure_it_tells_that_a_request_may_still_take_effect() -> None:
    scene = Scene(provision_policy=ProvisionPolicy(Backoff(initial=4), budget=1))
    order = scene.order(new_cluster())
    clock = scene.world.clock
    stopping = attrs.evolve(scene.provision, store=Late(scene, 12), stopping=lambda: clock.monotonic() >= 3)
    result = await stopping(order)
    assert result.failure == Failure(Reason.JOB_INTERRUPTED, IN_DOUBT)
    assert result.duration < 5


@pytest.mark.parametrize("latest_lags", [0, 30])
@simulated
async def test_a_newest_version_that_somebody_disabled_is_outdone(latest_lags: float) -> None:
    scene = Scene()
    cluster = new_cluster()
    await scene.provision(scene.order(cluster))
    order = scene.order(attrs.evolve(cluster, generation=Generation(2), pull_secret=new_pull_secret()))
    await scene.provision(order)
    await scene.world.clock.sleep(60)
    scene.project.latest_lags = latest_lags
    others = new_pull_secret()
    await scene.store.add_version(order.target.cloud_secret, others)
    stored = scene.world.cloud.secret(order.target.cloud_secret)
    assert stored is not None
    stored.versions[-1].enabled = False
    result = await scene.provision(attrs.evolve(order, attempt=2))
    assert (result.failure, result.change, result.version) == (None, Change.UPDATED, "4")
    assert scene.versions(order)[-2:] == [others, order.pull_secret]
    published = scene.world.control_plane.secrets[order.target.cluster_secret]
    assert published.version_from(order.target.cloud_secret) == "4"


@simulated
async def test_a_pull_secret_put_back_while_what_nobody_published_is_told_late_is_stored_again() -> None:
    scene = Scene()
    cluster = new_cluster()
    order = scene.order(cluster)
    await scene.provision(order)
    await scene.world.clock.sleep(60)
    await scene.store.add_version(order.target.cloud_secret, new_pull_secret())
    scene.project.latest_lags = 30
    back = provision_order(attrs.evolve(cluster, generation=Generation(3)))
    result = await scene.provision(back)
    assert (result.failure, result.change, result.version) == (None, Change.UPDATED, "3")
    assert scene.versions(back)[-1] == scene.published(back) == back.pull_secret


@simulated
async def test_a_pull_secret_put_back_while_latest_lags_is_stored_again() -> None:
    scene = Scene()
    first = new_cluster()
    scene.order(first)
    changed = attrs.evolve(first, generation=Generation(2), pull_secret=new_pull_secret())
    for cluster in (first, changed):
        await scene.provision(provision_order(cluster))
        await scene.world.clock.sleep(60)
    scene.project.latest_lags = 90
    back = provision_order(attrs.evolve(first, generation=Generation(3)))
    result = await scene.provision(back)
    assert (result.failure, result.change, result.version) == (None, Change.UPDATED, "3")
    assert scene.versions(back)[-1] == scene.published(back) == back.pull_secret


@simulated
async def test_the_version_named_on_the_cluster_secret_does_not_hold_up_a_secret_made_anew() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    stored = foreign_cloud_secret(scene, order, ownership_labels(order.target.cluster_id))
    stored.versions *= 4
    await scene.provision(order)
    del scene.project.secrets[order.target.cloud_secret.name]
    made_anew = foreign_cloud_secret(scene, order, ownership_labels(order.target.cluster_id))
    made_anew.versions = [StoredVersion(order.pull_secret)]
    result = await scene.provision(order)
    assert (result.failure, result.change, result.version) == (None, Change.UNCHANGED, "1")
    assert scene.landed(order)


@simulated
async def test_a_secret_made_anew_by_this_run_gets_one_version_though_an_answer_is_lost() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    foreign_cloud_secret(scene, order, ownership_labels(order.target.cluster_id))
    await scene.provision(order)
    del scene.project.secrets[order.target.cloud_secret.name]
    scene.fault(FaultRule("secret-store.add-version", Fault.LOSE_ANSWER, nth=1))
    result = await scene.provision(order)
    assert (result.failure, result.version) == (None, "1")
    assert scene.landed(order)


@simulated
async def test_a_store_that_never_gives_back_what_it_got_is_not_flooded_with_versions() -> None:
    scene = Scene()
    order = scene.order(new_cluster())

    class Corrupting(Interfered):
        async def access_latest(self, ref: CloudSecretRef) -> SecretVersion | None:
            found = await scene.store.access_latest(ref)
            return found and attrs.evolve(found, payload=SecretPayload(b"damaged"))

    result = await attrs.evolve(scene.provision, store=Corrupting(scene))(order)
    assert result.failure is not None
    assert result.failure.reason is Reason.VERIFICATION_FAILED
    assert result.stage is Stage.STARTED
    assert scene.published(order) is None
    assert len(scene.versions(order)) < 20


@simulated
async def test_a_checksum_that_does_not_fit_is_not_published() -> None:
    scene = Scene()
    order = scene.order(new_cluster())

    class WrongSum(Interfered):
        async def access_latest(self, ref: CloudSecretRef) -> SecretVersion | None:
            found = await scene.store.access_latest(ref)
            return found and attrs.evolve(found, crc32c=found.crc32c ^ 1)

    result = await attrs.evolve(scene.provision, store=WrongSum(scene))(order)
    assert result.failure is not None
    assert result.failure.reason is Reason.VERIFICATION_FAILED
    assert scene.published(order) is None


@simulated
async def test_another_writer_in_between_is_noticed_and_outdone() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    other = new_pull_secret()

    async def interfere() -> None:
        await scene.store.add_version(order.target.cloud_secret, other)

    store = Interfered(scene, after_add=interfere)
    result = await attrs.evolve(scene.provision, store=store)(order)
    assert (result.failure, result.version) == (None, "3")
    assert scene.versions(order) == [order.pull_secret, other, order.pull_secret]
    assert scene.published(order) == order.pull_secret


@simulated
async def test_nothing_is_stored_again_once_a_newer_generation_has_taken_over() -> None:
    scene = Scene()
    cluster = new_cluster()
    newer = provision_order(attrs.evolve(cluster, generation=Generation(2), pull_secret=new_pull_secret()))

    async def overtake() -> None:
        assert (await scene.provision(newer)).failure is None

    order = scene.order(cluster)
    result = await attrs.evolve(scene.provision, store=Interfered(scene, after_add=overtake))(order)
    assert result.failure is not None
    assert result.failure.reason is Reason.SUPERSEDED
    assert scene.versions(order) == [order.pull_secret, newer.pull_secret]
    assert scene.published(order) == newer.pull_secret


@simulated
async def test_nothing_is_stored_after_a_pause_in_which_a_newer_generation_took_over() -> None:
    scene = Scene()
    cluster = new_cluster()
    newer = provision_order(attrs.evolve(cluster, generation=Generation(2), pull_secret=new_pull_secret()))
    order = scene.order(cluster)
    scene.project.writes_per_minute = 1

    async def overtake() -> None:
        await scene.world.clock.sleep(30)
        scene.project.writes_per_minute = 600
        assert (await scene.provision(newer)).failure is None
        scene.project.writes_per_minute = 1

    overtaking = asyncio.get_running_loop().create_task(overtake())
    result = await scene.provision(order)
    await overtaking
    assert result.failure is not None
    assert result.failure.reason is Reason.SUPERSEDED
    assert scene.versions(order) == [newer.pull_secret]


@pytest.mark.parametrize("when", ["before_access", "after_add"])
@simulated
async def test_a_secret_that_vanishes_is_made_anew(when: str) -> None:
    scene = Scene()
    order = scene.order(new_cluster())

    async def vanish() -> None:
        del scene.project.secrets[order.target.cloud_secret.name]

    result = await attrs.evolve(scene.provision, store=Interfered(scene, **{when: vanish}))(order)
    assert result.failure is None
    assert result.change is Change.CREATED
    assert scene.landed(order)


@pytest.mark.parametrize("steps", range(4))
@simulated
async def test_told_to_stop_it_takes_no_further_step(steps: int) -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    asked = iter([*[False] * steps, True])
    provision: Provision = attrs.evolve(scene.provision, stopping=lambda: next(asked))
    result = await provision(order)
    assert result.stage is list(Stage)[steps]
    assert result.failure is not None
    assert result.failure.reason is Reason.JOB_INTERRUPTED
    assert result.failure.message == f"Told to stop when {result.stage.value}; nothing was left half done."
    assert (await scene.provision(order)).failure is None
    assert scene.landed(order)


@simulated
async def test_old_versions_are_retired_where_that_is_wanted() -> None:
    scene = Scene(provision_policy=ProvisionPolicy(keep_versions=2))
    cluster = new_cluster()
    for generation in range(1, 5):
        changed = attrs.evolve(cluster, generation=Generation(generation), pull_secret=new_pull_secret())
        order = scene.order(changed)
        assert (await scene.provision(order)).failure is None
    stored = scene.world.cloud.secret(order.target.cloud_secret)
    assert stored is not None
    assert [version.enabled for version in stored.versions] == [False, False, True, True]


@simulated
async def test_a_failure_to_retire_does_not_undo_the_landing() -> None:
    scene = Scene(provision_policy=ProvisionPolicy(keep_versions=1))
    order = scene.order(new_cluster())
    scene.project.denied.add("secretmanager.versions.destroy")
    result = await scene.provision(order)
    assert result.failure is None
    last = scene.facts(StepDone)[-1]
    assert last.operation == "retire-secret-versions"
    assert "secretmanager.versions.destroy" in last.message
    assert scene.facts(RetryScheduled) == []


class Broken:
    """A store that fails in a way that nobody foresaw."""

    def __init__(self, scene: Scene, call: str) -> None:
        self._store, self._call = scene.store, call

    def __getattr__(self, name: str) -> object:
        if name == self._call:
            raise ZeroDivisionError("a text that may quote anything")
        return getattr(self._store, name)


@pytest.mark.parametrize("call", ["get", "prune"])
@simulated
async def test_what_nobody_foresaw_is_told_by_its_kind_only(call: str) -> None:
    scene = Scene(provision_policy=ProvisionPolicy(keep_versions=1))
    order = scene.order(new_cluster())
    result = await attrs.evolve(scene.provision, store=Broken(scene, call))(order)
    (fault,) = scene.facts(InternalFault)
    assert fault.kind == "ZeroDivisionError"
    assert fault.cluster_id == order.target.cluster_id
    assert "anything" not in repr(result)
    if call == "get":
        assert result.failure is not None
        assert result.failure.reason is Reason.INTERNAL_ERROR
    else:
        assert scene.landed(order)


@simulated
async def test_a_namespace_that_is_missing_is_told_and_a_later_attempt_publishes() -> None:
    scene = Scene()
    order = provision_order(new_cluster())
    result = await scene.provision(order)
    assert result.failure is not None
    assert result.failure.reason is Reason.NAMESPACE_MISSING
    assert result.stage is Stage.VERIFIED
    scene.world.control_plane.namespaces.add(order.target.cluster_secret.namespace)
    again = await scene.provision(attrs.evolve(order, attempt=2))
    assert (again.failure, again.change) == (None, Change.UNCHANGED)
    assert scene.landed(order)


@simulated
async def test_where_it_was_stored_before_the_cluster_moved_is_noted_and_told() -> None:
    scene = Scene()
    order = scene.order(new_cluster())
    await scene.provision(order)
    places = [order.target.cloud_secret]
    for generation, name in ((2, "renamed"), (3, "renamed-again"), (4, "renamed-again")):
        places.append(attrs.evolve(order.target.cloud_secret, name=name))
        target = attrs.evolve(order.target, generation=Generation(generation), cloud_secret=places[-1])
        result = await scene.provision(attrs.evolve(order, target=target))
        earlier = {ref: None for ref in places[:-1] if ref != places[-1]}
        assert set(result.earlier) == {ref.path for ref in earlier}
        published = scene.world.control_plane.secrets[order.target.cluster_secret]
        assert set(published.cloud_secrets) == {*places}
        assert published.cloud_secrets[0] == places[-1]

    home = attrs.evolve(order.target, generation=Generation(5))
    result = await scene.provision(attrs.evolve(order, target=home))
    assert set(result.earlier) == {places[1].path, places[2].path}
    assert (result.change, scene.landed(order)) == (Change.UNCHANGED, True)
