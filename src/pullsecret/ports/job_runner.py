"""Jobs: the durable hand-over of one attempt at provisioning one cluster, or at cleaning up after it (DDR
decision 2)."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import attrs

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob, AnyKey, AnyOrder


@attrs.frozen
class Submitted:
    """The job is durable and queued; this call made it."""

    job: AnyJob


@attrs.frozen
class Existing:
    """A job of this key was there already; nothing was changed."""

    job: AnyJob


@attrs.frozen
class Busy:
    """Another job of the same cluster is in the way (:func:`~pullsecret.domain.jobs.in_the_way`); nothing was
    changed. Look at the cluster again later."""

    job: AnyJob


class JobRunner(Protocol):
    """Keeps jobs durably and runs those that are released.

    Guarantees of every implementation:

    * What :meth:`submit` returned survives any crash of any process of ours.
    * At most one job of a cluster is unfinished at a time, of either purpose, whoever submits.
    * Once a clean-up is submitted, nothing is provisioned at its generation or an older one for as long as it
      is remembered.
    * A released job runs at least until it ends or its deadline passes, and always ends up finished, with a
      result that says so where the job itself could not (``JobLost``, ``JobTimedOut``, ...).
    * The payload is kept only as long as its job is unfinished, plus a configured time. A clean-up has none.
    * A finished job is remembered at least until it is reported, and then for a configured time.
    """

    async def submit(self, order: AnyOrder) -> Submitted | Existing | Busy:
        """Hand over ``order``. Submitting a key twice, even at once from two replicas, makes one job."""
        ...

    async def release(self, key: AnyKey) -> None:
        """Let a queued job run. Nothing happens if it runs, has finished, or is gone."""
        ...

    async def jobs(self, cluster_id: ClusterId | None = None) -> Sequence[AnyJob]:
        """The jobs of one cluster as they are now, or all jobs as they were a moment ago; in no particular
        order."""
        ...

    async def known(self, cluster_id: ClusterId) -> Sequence[AnyJob]:
        """The cluster's jobs as they were a moment ago, in no particular order: at least those that this
        runner submitted, and those that were there when :meth:`finished` last brought one of them. As they
        are now, if it was so long ago that an unreported one may have been brought to another replica."""
        ...

    async def exists(self, key: AnyKey) -> bool:
        """Whether there is a job of this key now, of which :meth:`known` may not have heard yet."""
        ...

    async def unfinished(self) -> Sequence[AnyJob]:
        """The jobs that are queued or running, of all clusters, as they were a moment ago, in no particular
        order. What this runner has submitted or released is among them."""
        ...

    async def going_again(self) -> Sequence[AnyJob]:
        """The newest job of each cluster if another attempt is to follow it
        (:func:`~pullsecret.domain.jobs.goes_again`), as they were a moment ago, in no particular order. It
        costs by how many those are, not by how many jobs are remembered."""
        ...

    def finished(self) -> AsyncGenerator[AnyJob, None]:
        """Finished jobs that are not reported, those from before the call too, each at least once.

        A job whose report failed comes again after a while. It ends only when it is closed.
        """
        ...

    async def mark_reported(self, key: AnyKey) -> None:
        """Note durably that the job's status was told. Nothing happens if the job is gone."""
        ...

    async def sweep(self) -> int:
        """Remove payloads that no unfinished job needs (left by a crash); return how many."""
        ...
