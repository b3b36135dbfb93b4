"""What an operator asks of a broker, whichever it is."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import attrs

from pullsecret.domain.events import ClusterEvent
from pullsecret.infrastructure.cloudevents.codec import parse

EVERY_ONE = "all"
"""In place of a dead letter's id."""


@attrs.frozen
class Finding:
    """One part of the broker's topology."""

    name: str
    problem: str | None
    """None if it is there as it should be."""
    how_to_create: str
    """Command lines."""
    how_to_look: str | None = None
    """A command line that shows it to a person, where the broker does not show it to us."""


@attrs.frozen
class DeadLetter:
    """A message put aside, without its body."""

    id: str
    """The start of a digest: equal messages have the same."""
    reason: str
    size: int
    """Bytes."""
    content_type: str
    event: ClusterEvent | None
    """What it says, if it is a valid event."""

    @classmethod
    def of(cls, reason: str, headers: Mapping[str, str], body: bytes) -> "DeadLetter":
        """``headers`` as the codec takes them."""
        event = parse(headers, body)
        return cls(
            id=identity(headers, body),
            reason=reason,
            size=len(body),
            content_type=headers.get("content-type", ""),
            event=event if isinstance(event, ClusterEvent) else None,
        )


def identity(headers: Mapping[str, str], body: bytes) -> str:
    """The id of a dead letter."""
    digest = hashlib.sha256(body)
    for key in sorted(headers):
        digest.update(f"\n{key}:{headers[key]}".encode(errors="replace"))
    return digest.hexdigest()[:12]


class BrokerOperations(Protocol):
    """Each method raises a transient or a permanent error if the broker cannot be asked."""

    async def inspect(self) -> Sequence[Finding]:
        """Look for everything the adapter needs; create nothing."""
        ...

    async def publish(self, headers: Mapping[str, str], body: bytes) -> None:
        """Publish as Sentinel does; returns once the broker keeps the message."""
        ...

    async def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """The oldest ``limit`` messages put aside; they stay where they are."""
        ...

    async def requeue(self, letter: str) -> int:
        """Put the dead letters with this id, or :data:`EVERY_ONE`, back for handling; returns how many."""
        ...
