"""The invariants of the two stores: what may be written to them, retired and deleted."""

from collections.abc import Callable, Mapping

import attrs

from pullsecret.domain.clean_up import Deletion
from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.cluster_secret import GENERATION_ANNOTATION, SECRET_PATH_ANNOTATION, ClusterSecret
from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.testing.simulation.evidence import Effect, Evidence
from pullsecret.testing.simulation.looks import is_ours, is_refused
from pullsecret.testing.simulation.truth import ClusterTruth


@attrs.frozen
class StoreInvariants:
    """Judges what jobs do to Secret Manager and to the management cluster."""

    evidence: Evidence
    _by_secret_name: Mapping[str, ClusterTruth] = attrs.field(
        init=False,
        default=attrs.Factory(
            lambda self: {truth.cluster_secret.name: truth for truth in self.evidence.clusters.values()}, True
        ),
    )

    def checks(self) -> Mapping[str, Callable[[Effect], None]]:
        """What judges the effect of which call."""
        return {
            "secret-store.access-latest": self._read_back,
            "secret-store.access-after": self._read_back,
            "secret-store.add-version": self._version_added,
            "secret-store.create": self._cloud_written,
            "secret-store.relabel": self._cloud_written,
            "secret-store.delete": self._cloud_deleted,
            "secret-store.prune": self._cloud_pruned,
            "cluster-secrets.create": self._published,
            "cluster-secrets.replace": self._published,
            "cluster-secrets.delete": self._cluster_deleted,
        }

    def _read_back(self, effect: Effect) -> None:
        if isinstance(effect.result, SecretVersion):
            self.evidence.of_job(effect.actor).verified.add(effect.result.payload.reveal())

    def _version_added(self, effect: Effect) -> None:
        evidence, actor, version = self.evidence, effect.actor, effect.result
        ref, payload = effect.args[0], effect.args[1].reveal()
        truth, stored = evidence.of_job(actor), evidence.world.cloud.secret(ref)
        if stored is not None and not is_ours(stored.labels, truth) and (effect.late or actor.lost):
            self._fell_into_anothers(ref)
            return
        self._cloud_written(effect)
        place = truth.places[ref]
        before = stored.versions[-2] if stored is not None and len(stored.versions) > 1 else None
        generation = evidence.generation_of(actor)
        spec = truth.specs[generation]
        if spec.payload != payload or spec.stored_at(truth.id) != ref:
            evidence.violated(f"{ref.path}: version {version} does not hold generation {generation}")
            return
        if effect.late:
            place.excuses.add(f"version {version} was added after its caller had given up")
        unseen = place.altered_since(evidence.began[actor.name])
        again = not unseen and before is not None and before.enabled and before.payload.reveal() == payload
        backwards = bool(place.added) and generation < place.added[-1] and not place.altered
        place.unneeded += again or backwards
        if backwards and effect.late and not actor.lost and evidence.replicas_clock_off <= 0:
            evidence.violated(f"{ref.path}: generation {generation} came on top of {place.added[-1]}'s")
        if place.unneeded > len(place.excuses):
            what = "equals the one before" if again else f"is older than generation {place.added[-1]}'s"
            evidence.violated(f"{ref.path}: version {version}, of generation {generation}, {what}")
        # What comes when everybody thinks that it can no more cannot be fenced off: the API takes no
        # precondition.
        untimely = backwards and (actor.lost or evidence.replicas_clock_off > 0)
        place.altered_at = evidence.now if untimely else None
        place.overtaken += backwards
        place.added.append(generation)

    def _fell_into_anothers(self, ref: CloudSecretRef) -> None:
        """A request under way since before the secret became another cluster's; it cannot be fenced off."""
        for truth in self.evidence.clusters.values():
            if ref in truth.places:
                truth.places[ref].altered_at = self.evidence.now
                truth.places[ref].excuses.add("a late request of another cluster of the same name")

    def _cloud_written(self, effect: Effect) -> None:
        evidence, written = self.evidence, effect.args[0]
        ref, truth = getattr(written, "ref", written), evidence.of_job(effect.actor)
        truth.places[ref].existed = True
        if ref is not written and is_refused(written.labels, truth):
            evidence.violated(f"{ref.path} is another cluster's and was taken over")
        stored = evidence.world.cloud.secret(ref)
        if stored is not None and not is_ours(stored.labels, truth):
            evidence.violated(f"{ref.path} is not the cluster's own and was written")
        self._nothing_after_the_end(truth, ref.path)
        evidence.foreign_untouched()

    def _cloud_deleted(self, effect: Effect) -> None:
        evidence, deleted = self.evidence, effect.args[0]
        path, truth = deleted.ref.path, evidence.of_job(effect.actor)
        if not truth.deleted:
            evidence.violated(f"{path} was deleted though its cluster is not")
        if evidence.stored_secret is Deletion.RETAIN:
            evidence.violated(f"{path} was deleted though policy retains it")
        if not is_ours(deleted.labels, truth):
            evidence.violated(f"{path} is not the cluster's own and was deleted")
        evidence.foreign_untouched()

    def _cloud_pruned(self, effect: Effect) -> None:
        evidence, ref = self.evidence, effect.args[0]
        truth = evidence.of_job(effect.actor)
        stored, place = evidence.world.cloud.secret(ref), truth.places[ref]
        sent_to = evidence.sent_to(effect.actor.name) or truth.cluster_secret
        published = evidence.world.control_plane.secrets.get(sent_to)
        version = published.version_from(ref) if published else None
        if stored and version and not place.meddled and not stored.versions[int(version) - 1].enabled:
            evidence.violated(f"{ref.path}: version {version} was retired though it is in use")
        evidence.foreign_untouched()

    def _published(self, effect: Effect) -> None:
        evidence = self.evidence
        wanted: ClusterSecret = effect.args[-1]
        truth, payload = self._by_secret_name[wanted.ref.name], wanted.payload.reveal()
        self._nothing_after_the_end(truth, wanted.ref.path)
        evidence.foreign_untouched()
        generation = int(wanted.annotations[GENERATION_ANNOTATION])
        spec = truth.specs.get(generation)
        if payload not in truth.verified:
            evidence.violated(f"{wanted.ref.path} holds what was never read back from Secret Manager")
        if spec is None or payload != spec.payload:
            evidence.violated(f"{wanted.ref.path} does not hold generation {generation} as it says")
            return
        place = truth.place_of(generation)
        if not wanted.annotations[SECRET_PATH_ANNOTATION].startswith(f"{place.ref.path}/"):
            evidence.violated(
                f"{wanted.ref.path} does not say {place.ref.path}, where generation {generation} is"
            )
        if len(effect.args) == 2 and effect.args[0].generation > generation:
            replaced = effect.args[0].generation
            evidence.violated(f"{wanted.ref.path}: generation {generation} replaced {replaced}")
        truth.cluster_altered.discard(wanted.ref)
        place.published = True

    def _cluster_deleted(self, effect: Effect) -> None:
        ref = effect.args[0].ref
        if not self._by_secret_name[ref.name].deleted:
            self.evidence.violated(f"{ref.path} was deleted though its cluster is not")
        self.evidence.foreign_untouched()

    def _nothing_after_the_end(self, truth: ClusterTruth, path: str) -> None:
        if truth.finalized:
            self.evidence.violated(f"{path} was written after its cluster was told to be finalized")
