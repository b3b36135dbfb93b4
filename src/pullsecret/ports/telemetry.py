"""What happened, said once, for logs and metrics alike."""

from typing import Protocol

from pullsecret.domain.facts import Fact


class Telemetry(Protocol):
    """Takes facts. It never raises and never blocks."""

    def record(self, fact: Fact) -> None:
        """Note ``fact``."""
        ...
