"""Keeps every fact, for tests and for the demo's table."""

from typing import TypeVar

import attrs

from pullsecret.domain.facts import Fact

F = TypeVar("F")


@attrs.frozen
class MemoryTelemetry:
    """Telemetry port."""

    facts: list[Fact] = attrs.field(factory=list)

    def record(self, fact: Fact) -> None:
        """Keep ``fact``."""
        self.facts.append(fact)

    def of(self, kind: type[F]) -> list[F]:
        """The kept facts of one kind, oldest first."""
        return [fact for fact in self.facts if isinstance(fact, kind)]
