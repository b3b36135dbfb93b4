"""What a clean-up job deletes, what it leaves, and that it may be interrupted and repeated anywhere."""

from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.application.scene import PROJECT, Scene, new_cluster, simulated

from pullsecret.application.clean_up import CleanUp, CleanUpPolicy
from pullsecret.domain.backoff import Backoff
from pullsecret.domain.clean_up import CleanUpKey, CleanUpOrder, CleanUpResult, Deletion, Remains
from pullsecret.domain.cluster_secret import PublishedSecret
from pullsecret.domain.facts import InternalFault, RetryScheduled, StepDone
from pullsecret.domain.identifiers import Generation
from pullsecret.domain.ownership import CLUSTER_LABEL, ownership_labels
from pullsecret.domain.provisioning import (
    CloudSecretRef,
    ClusterSecretRef,
    Failure,
    ProvisionOrder,
    ProvisionTarget,
)
from pullsecret.domain.pull_secret import PullSecret
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.memory.faults import Fault, FaultRule
from pullsecret.infrastructure.memory.simulated_time import run_simulated
from pullsecret.ports.cluster_secrets import NamespaceMissingError, NamespaceNotReadyError
from pullsecret.testing.contracts.samples import new_pull_secret

ONE_TRY = CleanUpPolicy(Backoff(initial=2), budget=1)


@attrs.frozen
class Provisioned:
    """A cluster whose pull secret has landed, and the order to clean up after it."""

    scene: Scene
    target: ProvisionTarget
    order: CleanUpOrder

    @property
    def stored(self) -> bool:
        return self.scene.world.cloud.secret(self.target.cloud_secret) is not None

    @property
    def published(self) -> bool:
        return self.target.cluster_secret in self.scene.world.control_plane.secrets

    def given_up(self, ago: float = 0.0) -> CleanUpOrder:
        """The order, ``ago`` seconds after the time to give up."""
        return attrs.evolve(self.order, give_up_at=self.scene.world.clock.now() - timedelta(seconds=ago))


async def provisioned(policy: CleanUpPolicy | None = None, **changes: object) -> Provisioned:
    scene = Scene(clean_up_policy=policy or CleanUpPolicy())
    provision = scene.order(new_cluster())
    assert (await scene.provision(provision)).failure is None
    target = provision.target
    places = Remains((target.cloud_secret,), (target.cluster_secret,))
    order = CleanUpOrder(CleanUpKey(target.cluster_id, target.generation), places)
    return Provisioned(scene, target, attrs.evolve(order, **changes))


@simulated
async def test_both_secrets_go_cloud_first() -> None:
    it = await provisioned()
    assert it.stored
    assert it.published
    result = await it.scene.clean_up(it.order)
    assert result.failure is None
    assert result.deleted == (it.target.cloud_secret.path, it.target.cluster_secret.path)
    assert (result.retained, result.left) == ((), ())
    assert not it.stored
    assert not it.published
    told = [fact.operation for fact in it.scene.facts(StepDone)]
    assert told[-2:] == ["delete-secret", "delete-cluster-secret"]


@simulated
async def test_where_nothing_is_there_is_nothing_to_do() -> None:
    it = await provisioned()
    await it.scene.clean_up(it.order)
    again = await it.scene.clean_up(it.order)
    assert attrs.evolve(again, duration=0.0) == CleanUpResult()


@simulated
async def test_policy_keeps_the_stored_secret() -> None:
    it = await provisioned(stored_secret=Deletion.RETAIN)
    result = await it.scene.clean_up(it.order)
    assert result.failure is None
    assert result.retained == (it.target.cloud_secret.path,)
    assert it.stored
    assert not it.published


LABELS = st.sampled_from(
    [
        {},
        {CLUSTER_LABEL: "another"},
        {"managed-by": "hyperfleet"},
        {"managed-by": "hyperfleet", CLUSTER_LABEL: "another"},
        {"managed-by": "somebody", CLUSTER_LABEL: "the very one"},
    ]
)


@given(stored=LABELS, published=LABELS)
def test_a_secret_that_does_not_name_this_very_cluster_is_never_touched(
    stored: dict[str, str], published: dict[str, str]
) -> None:
    async def main() -> None:
        it = await provisioned()
        mine = ownership_labels(it.target.cluster_id)[CLUSTER_LABEL]

        def named(labels: dict[str, str]) -> dict[str, str]:
            return {key: mine if value == "the very one" else value for key, value in labels.items()}

        found = it.scene.world.cloud.secret(it.target.cloud_secret)
        assert found is not None
        found.labels = named(stored)
        secret = it.scene.world.control_plane.secrets[it.target.cluster_secret]
        it.scene.world.control_plane.put(attrs.evolve(secret, labels=named(published)))
        result = await it.scene.clean_up(it.given_up())
        assert attrs.evolve(result, duration=0.0) == CleanUpResult()
        assert it.stored
        assert it.published

    run_simulated(main())


@simulated
async def test_a_stored_secret_that_only_the_cluster_secret_s_note_names_goes_too() -> None:
    it = await provisioned()
    forgetful = attrs.evolve(it.order, places=Remains((), (it.target.cluster_secret,)))
    result = await it.scene.clean_up(forgetful)
    assert result.failure is None
    assert not it.stored
    assert not it.published


async def moved(policy: CleanUpPolicy | None = None) -> tuple[Provisioned, CloudSecretRef]:
    """A cluster that moved twice, whose jobs are forgotten, and the first of its stored secrets."""
    first = await provisioned(policy)
    target = first.target
    for generation, project in ((2, "another-prod-1"), (3, "a-third-prod-1")):
        first.scene.world.cloud.project(project)
        elsewhere = attrs.evolve(target.cloud_secret, project=project)
        target = attrs.evolve(target, generation=Generation(generation), cloud_secret=elsewhere)
        order = ProvisionOrder(target, PullSecret(new_pull_secret().reveal()))
        assert (await first.scene.provision(order)).failure is None
    places = Remains((target.cloud_secret,), (target.cluster_secret,))
    clean_up = CleanUpOrder(CleanUpKey(target.cluster_id, target.generation), places)
    return Provisioned(first.scene, target, clean_up), first.target.cloud_secret


@simulated
async def test_stored_secrets_of_before_the_cluster_moved_go_too() -> None:
    it, first = await moved()
    result = await it.scene.clean_up(it.order)
    assert result.failure is None
    assert len(result.deleted) == 4
    assert it.scene.world.cloud.secret(first) is None
    assert not it.stored
    assert not it.published


@simulated
async def test_the_note_of_an_earlier_stored_secret_stays_until_that_is_gone() -> None:
    it, first = await moved(ONE_TRY)
    it.scene.project.denied.add("secretmanager.secrets.delete")
    result = await it.scene.clean_up(it.order)
    assert result.failure is not None
    assert it.published

    it.scene.project.denied.clear()
    result = await it.scene.clean_up(it.order)
    assert (result.failure, result.deleted) == (None, (first.path, it.target.cluster_secret.path))


@simulated
async def test_the_note_stays_for_as_long_as_it_alone_leads_to_what_is_left() -> None:
    it = await provisioned(ONE_TRY)
    it.scene.project.denied.add("secretmanager.secrets.delete")
    forgetful = attrs.evolve(it.given_up(), places=Remains((), (it.target.cluster_secret,)))
    result = await it.scene.clean_up(attrs.evolve(forgetful, give_up_at=None))
    assert result.failure is not None
    assert it.published

    result = await it.scene.clean_up(forgetful)
    assert result.left == (it.target.cloud_secret.path,)
    assert not it.published


@simulated
async def test_what_the_project_denies_is_told_and_the_rest_goes() -> None:
    it = await provisioned()
    it.scene.project.denied.add("secretmanager.secrets.delete")
    result = await it.scene.clean_up(it.order)
    assert result.failure is not None
    assert result.failure.reason is Reason.PERMISSION_DENIED
    assert "secretmanager.secrets.delete" in result.failure.message
    assert result.left == ()
    assert not it.published
    assert it.scene.facts(RetryScheduled) == []  # it cannot help


@pytest.mark.parametrize("harm", ["denied", "project gone"])
@simulated
async def test_what_still_cannot_be_deleted_is_given_up_when_it_is_time(harm: str) -> None:
    it = await provisioned()
    if harm == "denied":
        it.scene.project.denied.add("secretmanager.secrets.delete")
    else:
        del it.scene.world.cloud.projects[PROJECT]
    early = attrs.evolve(it.order, give_up_at=it.scene.world.clock.now() + timedelta(seconds=60))
    assert (await it.scene.clean_up(early)).failure is not None
    result = await it.scene.clean_up(it.given_up())
    assert result.failure is None
    assert result.left == (it.target.cloud_secret.path,)


@pytest.mark.parametrize("call", ["get", "delete"])
@simulated
async def test_a_cluster_secret_that_still_cannot_be_deleted_is_given_up_by_name(call: str) -> None:
    it = await provisioned(ONE_TRY)
    it.scene.fault(FaultRule(f"cluster-secrets.{call}", Fault.FAIL, probability=1.0))
    result = await it.scene.clean_up(it.given_up())
    assert result.failure is None
    assert result.left == (it.target.cluster_secret.path,)
    assert not it.stored


@simulated
async def test_a_passing_fault_is_tried_again_with_growing_pauses_within_the_budget() -> None:
    it = await provisioned(CleanUpPolicy(Backoff(initial=1, factor=2, maximum=60), budget=100))
    it.scene.fault(FaultRule("secret-store.*", Fault.FAIL, probability=1.0))
    result = await it.scene.clean_up(it.order)
    assert result.failure is not None
    assert result.failure.reason is Reason.SECRET_MANAGER_UNAVAILABLE
    retries = it.scene.facts(RetryScheduled)
    assert len(retries) >= 5
    assert [fact.attempt for fact in retries] == list(range(1, len(retries) + 1))
    delays = [fact.delay for fact in retries]
    assert delays == sorted(delays)
    assert sum(delays) <= result.duration <= 100
    assert not it.published


@pytest.mark.parametrize("point", ["secret-store.get", "secret-store.delete", "cluster-secrets.*"])
@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOSE_ANSWER])
@pytest.mark.parametrize("nth", [1, 2])
@simulated
async def test_one_job_gets_over_a_fault_at_any_call(point: str, fault: Fault, nth: int) -> None:
    it = await provisioned()
    it.scene.fault(FaultRule(point, fault, nth=nth))
    result = await it.scene.clean_up(it.order)
    assert result.failure is None
    assert not it.stored
    assert not it.published


@simulated
async def test_a_secret_that_changes_while_it_is_deleted_is_looked_at_again() -> None:
    it = await provisioned()
    real = it.scene.store.delete

    class Touched:
        def __getattr__(self, name: str) -> object:
            return getattr(it.scene.store, name)

        async def delete(self, secret: object) -> None:
            found = it.scene.world.cloud.secret(it.target.cloud_secret)
            if found is not None and "touched" not in found.labels:
                current = await it.scene.store.get(it.target.cloud_secret)
                assert current is not None
                await it.scene.store.relabel(current, {"touched": "yes"})
            await real(secret)  # type: ignore[arg-type]

    result = await attrs.evolve(it.scene.clean_up, store=Touched())(it.order)
    assert result.failure is None
    assert it.scene.facts(RetryScheduled)
    assert not it.stored


@attrs.frozen
class _Namespaceless:
    """ClusterSecrets where rights are bound in each namespace."""

    raising: Callable[[ClusterSecretRef], Exception]

    async def get(self, ref: ClusterSecretRef) -> PublishedSecret | None:
        raise self.raising(ref)


def _missing(ref: ClusterSecretRef) -> Exception:
    return NamespaceMissingError("read", ref.path, Reason.NAMESPACE_MISSING, "It does not exist.")


def _not_ready(ref: ClusterSecretRef) -> Exception:
    return NamespaceNotReadyError("read", ref.path, Reason.NAMESPACE_MISSING, "No rights yet.")


@simulated
async def test_with_its_namespace_a_cluster_secret_is_gone() -> None:
    it = await provisioned()
    result = await attrs.evolve(it.scene.clean_up, cluster_secrets=_Namespaceless(_missing))(it.order)
    assert result.failure is None
    assert not it.stored


@simulated
async def test_a_namespace_without_rights_yet_may_hold_it() -> None:
    it = await provisioned(ONE_TRY)
    result = await attrs.evolve(it.scene.clean_up, cluster_secrets=_Namespaceless(_not_ready))(it.order)
    assert result.failure is not None
    assert result.failure.reason is Reason.NAMESPACE_MISSING


@pytest.mark.parametrize("steps", range(5))
@simulated
async def test_told_to_stop_it_takes_no_further_step_and_the_next_run_ends_it(steps: int) -> None:
    it = await provisioned()
    asked = iter([False] * steps)
    stopping: CleanUp = attrs.evolve(it.scene.clean_up, stopping=lambda: next(asked, True))
    result = await stopping(it.given_up())
    if steps < 3:
        # A look at the cluster secret, at the stored one, and at the cluster secret again.
        text = "Told to stop before it was looked at; nothing was left half done."
        assert result.failure == Failure(Reason.JOB_INTERRUPTED, text)
        assert result.left == ()
        assert it.published
    else:
        assert result.failure is None
    assert it.stored == (steps < 2)
    assert (await it.scene.clean_up(it.order)).failure is None
    assert not it.stored
    assert not it.published


@simulated
async def test_an_unforeseen_fault_is_told_by_its_kind_and_the_rest_goes() -> None:
    it = await provisioned()

    class Broken:
        async def get(self, ref: CloudSecretRef) -> None:
            raise RuntimeError("quoting a secret")

    result = await attrs.evolve(it.scene.clean_up, store=Broken())(it.order)
    assert result.failure is not None
    assert result.failure.reason is Reason.INTERNAL_ERROR
    assert "quoting" not in result.failure.message
    fault = InternalFault("clean-up", "RuntimeError", it.target.cluster_id)
    assert it.scene.facts(InternalFault) == [fault]
    assert not it.published
