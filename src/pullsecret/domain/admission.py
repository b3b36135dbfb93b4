"""Which queued jobs may start now (DDR risk 2: limit concurrent jobs per customer project)."""

from collections import Counter
from collections.abc import Iterable, Sequence

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
    per_project = Counter(job.project for job in running)
    room = limits.overall - len(running)
    admitted: list[AnyKey] = []
    queued = (job for job in known if isinstance(job.state, Queued))
    for job in sorted(queued, key=_age):
        if room <= 0:
            break
        if per_project[job.project] < limits.per_project:
            per_project[job.project] += 1
            room -= 1
            admitted.append(job.key)
    return admitted


def _age(job: AnyJob) -> tuple[object, ...]:
    return job.submitted_at, job.key.cluster_id, age_order(job.key)
