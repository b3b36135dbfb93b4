"""Defects put into the production use cases on purpose, to see that the simulation finds them."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any
from unittest.mock import patch

import attrs

from pullsecret.application import clean_up, provision, reconcile_cluster, retry_jobs
from pullsecret.application.consume_events import ConsumeEvents
from pullsecret.application.finalize import FinalizeCluster
from pullsecret.application.handle_event import HandleEvent
from pullsecret.application.outcomes import Skipped
from pullsecret.application.preconditions import first_unmet
from pullsecret.application.reconcile_cluster import ReconcileCluster, adapter_event
from pullsecret.application.repair_drift import RepairDrift
from pullsecret.domain import conditions
from pullsecret.domain.clean_up import CleanUpOrder, CleanUpResult, Deletion, Remains
from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.cluster import Cluster
from pullsecret.domain.cluster_secret import ClusterSecret, PublishedSecret
from pullsecret.domain.errors import TransientError
from pullsecret.domain.events import ClusterEvent
from pullsecret.domain.facts import EventOutcome, SkipReason
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.ownership import MANAGED_BY_LABEL, Decision
from pullsecret.domain.rollout import Rollout
from pullsecret.infrastructure.hyperfleet.clusters import HttpClusterCatalog
from pullsecret.infrastructure.hyperfleet.statuses import V1StatusSink
from pullsecret.infrastructure.memory.cluster_secret_watch import MemoryClusterSecretWatch
from pullsecret.infrastructure.memory.faults import ProcessCrash
from pullsecret.ports.cluster_catalog import CatalogEntry
from pullsecret.ports.event_source import Delivery
from pullsecret.ports.status_sink import Receipt

Plant = Callable[[], AbstractContextManager[Any]]

_Run = provision._Run


def acknowledges_before_the_hand_over() -> AbstractContextManager[Any]:
    settle = ConsumeEvents._settle

    async def early(self: ConsumeEvents, delivery: Delivery) -> EventOutcome:
        await self._tell_broker(delivery.event.cluster_id, delivery.ack())
        return await settle(self, delivery)

    return patch.object(ConsumeEvents, "_settle", early)


def overwrites_what_is_somebody_elses() -> AbstractContextManager[Any]:
    def decide(labels: Mapping[str, str] | None, _: object) -> Decision:
        return Decision.CREATE if labels is None else Decision.UNCHANGED

    return patch.object(provision, "decide", decide)


def publishes_without_reading_back() -> AbstractContextManager[Any]:
    async def verify(self: Any) -> None:
        payload, version = self.order.pull_secret, self.lifecycle.version
        self.read_back = SecretVersion(version, payload, payload.crc32c)
        self.lifecycle = self.lifecycle.verified(version)

    return patch.object(_Run, "verify", verify)


def tells_available_without_publishing() -> AbstractContextManager[Any]:
    async def publish(self: Any) -> None:
        self.lifecycle = self.lifecycle.published()

    return patch.object(_Run, "publish", publish)


def stores_without_looking() -> AbstractContextManager[Any]:
    async def store(self: Any) -> None:
        self.lifecycle = self.lifecycle.adding(first=False)
        version = await self.use.store.add_version(self.order.target.cloud_secret, self.order.pull_secret)
        self.read_back = None
        self.lifecycle = self.lifecycle.stored(version)

    return patch.object(_Run, "store", store)


def takes_for_the_newest_what_is_told_to_be() -> AbstractContextManager[Any]:
    async def newest(self: Any) -> SecretVersion | None:
        told: SecretVersion | None = await self.use.store.access_latest(self.order.target.cloud_secret)
        return told

    return patch.object(_Run, "_newest", newest)


def writes_over_a_newer_generation() -> AbstractContextManager[Any]:
    async def found(self: Any) -> PublishedSecret | None:
        secret: PublishedSecret | None = await self.use.cluster_secrets.get(self.order.target.cluster_secret)
        return secret

    return patch.object(_Run, "_published_by_us", found)


def repairs_no_drift() -> AbstractContextManager[Any]:
    return patch.object(RepairDrift, "note", lambda *_: None)


def says_a_payload() -> AbstractContextManager[Any]:
    done = _Run._done

    def talkative(self: Any, operation: str, message: str) -> None:
        done(self, operation, f"{message} of {self.order.pull_secret.reveal()!r}")

    return patch.object(_Run, "_done", talkative)


def acknowledges_what_it_is_stopped_in() -> AbstractContextManager[Any]:
    settle = ConsumeEvents._settle

    async def hasty(self: ConsumeEvents, delivery: Delivery) -> EventOutcome:
        try:
            return await settle(self, delivery)
        except asyncio.CancelledError:
            with suppress(ProcessCrash):
                await self._tell_broker(delivery.event.cluster_id, delivery.ack())
            raise

    return patch.object(ConsumeEvents, "_settle", hasty)


def forgets_where_it_stored_before_a_move() -> AbstractContextManager[Any]:
    written = provision.cluster_secret

    def forgetful(*args: Any) -> ClusterSecret:
        return written(*args[:3])

    return patch.object(provision, "cluster_secret", forgetful)


def tells_nobody_of_earlier_places() -> AbstractContextManager[Any]:
    return patch.object(conditions, "_moved", lambda _: "")


def takes_another_clusters_secret_for_its_own() -> AbstractContextManager[Any]:
    decide = provision.decide

    def generous(labels: Mapping[str, str] | None, cluster_id: ClusterId) -> Decision:
        managed = {} if labels is None else {MANAGED_BY_LABEL: labels.get(MANAGED_BY_LABEL, "")}
        return decide(None if labels is None else managed, cluster_id)

    return patch.object(provision, "decide", generous)


def deletes_what_policy_retains() -> AbstractContextManager[Any]:
    look_and_delete = clean_up._Run.look_and_delete

    async def thorough(self: Any) -> None:
        self.order = attrs.evolve(self.order, stored_secret=Deletion.DELETE)
        await look_and_delete(self)

    return patch.object(clean_up._Run, "look_and_delete", thorough)


def gives_up_in_silence() -> AbstractContextManager[Any]:
    def silent(*args: Any, **kwargs: Any) -> CleanUpResult:
        return attrs.evolve(CleanUpResult(*args, **kwargs), left=())

    return patch.object(clean_up, "CleanUpResult", silent)


def gives_up_too_soon() -> AbstractContextManager[Any]:
    return patch.object(clean_up._Run, "may_give_up", True)


def is_rolled_out_to_everybody() -> AbstractContextManager[Any]:
    reconcile = ReconcileCluster.__call__

    async def everybody(self: ReconcileCluster, event: ClusterEvent, **kwargs: Any) -> Any:
        return await reconcile(attrs.evolve(self, rollout=Rollout()), event, **kwargs)

    return patch.object(ReconcileCluster, "__call__", everybody)


def overhears_who_asks_for_another_attempt() -> AbstractContextManager[Any]:
    due = retry_jobs.is_due_again

    def deaf(job: Any, *rest: Any) -> bool:
        return due(attrs.evolve(job, retry_asked=False), *rest)

    return patch.object(retry_jobs, "is_due_again", deaf)


def waits_for_what_it_has_done() -> AbstractContextManager[Any]:
    tell_waiting, nothing_to_do = ReconcileCluster._tell_waiting, ReconcileCluster._nothing_to_do

    async def told(self: ReconcileCluster, latest: Any, *rest: Any) -> Any:
        entry = await self.catalog.get(latest.key.cluster_id)
        event = adapter_event(latest.key.cluster_id, "planted")
        unmet = entry and first_unmet(self.policy.preconditions, self._environment(event, entry))
        if entry and unmet:
            await tell_waiting(self, entry.cluster, unmet, self.clock.now())
            return unmet
        return await nothing_to_do(self, latest, *rest)

    return patch.object(ReconcileCluster, "_nothing_to_do", told)


def deletes_what_the_api_forgot() -> AbstractContextManager[Any]:
    async def eager(self: FinalizeCluster, cluster_id: ClusterId) -> Any:
        known = await self.jobs.jobs(cluster_id)
        if not known:
            return Skipped(SkipReason.CLUSTER_GONE)
        return await self(Cluster(cluster_id, max(job.key.generation for job in known), deleting=True))

    return patch.object(FinalizeCluster, "of_vanished", eager)


def ends_before_its_unanswered_requests_do() -> AbstractContextManager[Any]:
    def none(_: Any) -> int:
        return 0

    return patch.object(_Run, "_seconds_in_doubt", none)


def takes_an_older_version_for_the_newest() -> AbstractContextManager[Any]:
    async def readable(self: Any) -> SecretVersion | None:
        ref, found, before = self.order.target.cloud_secret, None, "0"
        while isinstance(each := await self.use.store.access_after(ref, before), SecretVersion):
            found, before = each, each.version
        return found

    return patch.object(_Run, "_newest", readable)


def stays_where_placement_was() -> AbstractContextManager[Any]:
    return patch.object(reconcile_cluster, "_was_sent_elsewhere", lambda *_: False)


def follows_placement_to_where_it_was() -> AbstractContextManager[Any]:
    get, seen = HttpClusterCatalog.get, dict[ClusterId, str]()

    async def first_namespace(self: HttpClusterCatalog, cluster_id: ClusterId) -> CatalogEntry | None:
        entry = await get(self, cluster_id)
        if entry is None or entry.cluster.namespace is None:
            return entry
        seen.setdefault(cluster_id, entry.cluster.namespace)
        return attrs.evolve(entry, cluster=attrs.evolve(entry.cluster, namespace=seen[cluster_id]))

    return patch.object(HttpClusterCatalog, "get", first_namespace)


def cleans_up_where_the_cluster_is_only() -> AbstractContextManager[Any]:
    order = FinalizeCluster._order

    def here(self: FinalizeCluster, cluster: Cluster, places: Remains, *rest: Any) -> CleanUpOrder:
        mine = tuple(ref for ref in places.cluster_secrets if ref.namespace == cluster.namespace)
        return order(self, cluster, attrs.evolve(places, cluster_secrets=mine), *rest)

    return patch.object(FinalizeCluster, "_order", here)


def cleans_up_where_remembered_jobs_were_sent_only() -> AbstractContextManager[Any]:
    return patch.object(MemoryClusterSecretWatch, "places", lambda *_: ())


def takes_a_status_for_told_that_was_dropped() -> AbstractContextManager[Any]:
    async def content(*_: Any) -> Receipt:
        return Receipt.STALE

    return patch.object(V1StatusSink, "_after_discard", content)


def takes_a_busy_system_for_done() -> AbstractContextManager[Any]:
    handle = HandleEvent.__call__

    async def hasty(self: HandleEvent, event: ClusterEvent) -> Any:
        try:
            return await handle(self, event)
        except TransientError as error:
            if error.retry_after is None:
                raise
            return Skipped(SkipReason.CLUSTER_GONE)

    return patch.object(HandleEvent, "__call__", hasty)


PLANTS: tuple[tuple[Plant, str, int], ...] = (
    (acknowledges_before_the_hand_over, "was acknowledged for nothing", 1),
    (overwrites_what_is_somebody_elses, "is somebody else's and was touched", 6),
    (publishes_without_reading_back, "holds what was never read back", 1),
    (tells_available_without_publishing, "the cluster secret does not hold it", 1),
    (stores_without_looking, "equals the one before", 1),
    (takes_for_the_newest_what_is_told_to_be, "equals the one before", 44),
    (writes_over_a_newer_generation, "is somebody else's and was touched", 6),
    (repairs_no_drift, "the cluster secret does not hold its newest pull secret", 45),
    (says_a_payload, "a payload was said outside", 32),
    (acknowledges_what_it_is_stopped_in, "was acknowledged for nothing", 1),
    (forgets_where_it_stored_before_a_move, "was told to be finalized but projects/", 5),
    (tells_nobody_of_earlier_places, "it moved and nobody is told", 5),
    (takes_another_clusters_secret_for_its_own, "another cluster's and was taken over", 27),
    (deletes_what_policy_retains, "was deleted though policy retains it", 27),
    (gives_up_in_silence, "was told to be finalized but", 39),
    (gives_up_too_soon, "was given up after", 8),
    (is_rolled_out_to_everybody, "though it is not rolled out", 7),
    (overhears_who_asks_for_another_attempt, "was asked for and not made", 72),
    (waits_for_what_it_has_done, "was told to wait though it had a job", 178),
    (deletes_what_the_api_forgot, "was deleted though its cluster is not", 60),
    (ends_before_its_unanswered_requests_do, "came on top of", 57),
    (takes_an_older_version_for_the_newest, "Secret Manager's newest version does not hold it", 12),
    (stays_where_placement_was, "only where placement left it", 19),
    (follows_placement_to_where_it_was, "placement left", 19),
    (cleans_up_where_the_cluster_is_only, "was told to be finalized but clusters-", 19),
    (cleans_up_where_remembered_jobs_were_sent_only, "was told to be finalized but clusters-", 19),
    (takes_a_status_for_told_that_was_dropped, "was taken for told and was not", 1),
    (takes_a_busy_system_for_done, "was acknowledged for nothing", 25),
)
"""Each with a part of what the simulation says of it, and the seed to search from: any hundreds of seeds find
it, and those from one that found it before find it at once."""
