"""What the fake API keeps: clusters and the reports of their adapters."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import define, field, frozen


class Dialect(StrEnum):
    """The two APIs: the design document's and today's."""

    DDR = "ddr"
    V1 = "v1"


@frozen
class Condition:
    """One condition of an adapter's report; `since` is when its status last changed."""

    type: str
    status: str
    reason: str
    message: str
    since: datetime


@frozen
class Report:
    """The stored report of one adapter about one cluster.

    `observed_time` is what the adapter sent, `reported_time` the newest of them (last_report_time),
    `created_time` when this adapter first reported.
    """

    adapter: str
    observed_generation: int
    observed_time: datetime
    created_time: datetime
    conditions: tuple[Condition, ...]
    data: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None

    def status_of(self, condition: str) -> str | None:
        """True, False or Unknown; None where the adapter did not report this condition."""
        return next((c.status for c in self.conditions if c.type == condition), None)

    def condition(self, condition: str) -> Condition | None:
        """The reported condition, if there is one."""
        return next((c for c in self.conditions if c.type == condition), None)


@frozen
class ClusterCondition:
    """An aggregated condition of the cluster; its status is True or False, never Unknown."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    created_time: datetime
    updated_time: datetime
    since: datetime


@define
class ClusterRecord:
    """A cluster as the API holds it."""

    id: str
    name: str
    spec: dict[str, Any]
    labels: dict[str, str]
    created_time: datetime
    updated_time: datetime
    generation: int = 1
    revision: int = 1
    deleted_time: datetime | None = None
    reports: dict[str, Report] = field(factory=dict)
    conditions: tuple[ClusterCondition, ...] = ()

    def condition(self, type_: str) -> ClusterCondition | None:
        """The aggregated condition of this type, if there is one."""
        return next((c for c in self.conditions if c.type == type_), None)
