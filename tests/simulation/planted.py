"""Defects put into the production use cases on purpose, to see that the simulation finds them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from pullsecret.application import provision
from pullsecret.application.consume_events import ConsumeEvents
from pullsecret.application.repair_drift import RepairDrift
from pullsecret.domain.cloud_secret import SecretVersion
from pullsecret.domain.cluster_secret import PublishedSecret
from pullsecret.domain.facts import EventOutcome
from pullsecret.domain.ownership import Decision
from pullsecret.ports.event_source import Delivery

Plant = Callable[[], AbstractContextManager[Any]]

_Run = provision._Run


def acknowledges_before_the_hand_over() -> AbstractContextManager[Any]:
    settle = ConsumeEvents._settle

    async def early(self: ConsumeEvents, delivery: Delivery) -> EventOutcome:
        await self._tell_broker(delivery, None)
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


def takes_a_lagging_version_for_another_writers() -> AbstractContextManager[Any]:
    return patch.object(SecretVersion, "is_older_than", lambda *_: False)


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


PLANTS: tuple[tuple[Plant, str], ...] = (
    (acknowledges_before_the_hand_over, "was acknowledged for nothing"),
    (overwrites_what_is_somebody_elses, "is somebody else's and was touched"),
    (publishes_without_reading_back, "holds what was never read back"),
    (tells_available_without_publishing, "the cluster secret does not hold it"),
    (stores_without_looking, "equals the one before"),
    (takes_a_lagging_version_for_another_writers, "equals the one before"),
    (writes_over_a_newer_generation, "is somebody else's and was touched"),
    (repairs_no_drift, "the cluster secret does not hold its newest pull secret"),
    (says_a_payload, "a payload was said outside"),
)
"""Each with a part of what the simulation says of it."""
