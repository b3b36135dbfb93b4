"""Which queued jobs may start now (DDR risk 2: limit concurrent jobs per customer project)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

import attrs

from pullsecret.domain.jobs import AnyJob, AnyKey, age_order
from pullsecret.domain.provisioning import Queued, Running


@attrs.frozen
class ConcurrencyLimits:
    """How many jobs may run at once."""

    per_project: int = attrs.field(default=10, validator=attrs.validators.ge(1))
    """In one customer's project; its quota is 600 reads and 600 writes a minute."""
    overall: int = attrs.field(default=100, validator=attrs.validators.ge(1))
    """In all."""


def admit(jobs: Iterable[AnyJob], limits: ConcurrencyLimits) -> Sequence[AnyKey]:
    """Choose the queued jobs to release, oldest first, so that neither limit is passed.

    A project at its limit does not hold up the others behind it.
    """
    known = list(jobs)
    running = [job for job in known if isinstance(job.state, Running)]
    room = limits.overall - len(running)
    if room <= 0:
        return []
    per_project = Counter(job.project for job in running)
    admitted: list[AnyKey] = []
    for job in _oldest_first(job for job in known if isinstance(job.state, Queued)):
        if per_project[job.project] < limits.per_project:
            per_project[job.project] += 1
            admitted.append(job.key)
            if len(admitted) == room:
                break
    return admitted


def _oldest_first(queued: Iterable[AnyJob]) -> Iterator[AnyJob]:
    """Every replica sees the same order, and so all choose the same jobs. Those of the same age are put in
    order only when it is their turn: of a long queue few jobs are admitted at a time."""
    submitted_at = attrgetter("submitted_at")
    for _, of_same_age in groupby(sorted(queued, key=submitted_at), submitted_at):
        yield from sorted(of_same_age, key=lambda job: (job.key.cluster_id, age_order(job.key)))
