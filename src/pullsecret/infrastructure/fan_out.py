"""Tells every fact to several telemetries."""

from collections.abc import Sequence

import attrs

from pullsecret.domain.facts import Fact
from pullsecret.ports.telemetry import Telemetry


@attrs.frozen
class FanOutTelemetry:
    """Telemetry port in front of others."""

    telemetries: Sequence[Telemetry]

    def record(self, fact: Fact) -> None:
        """Tell each of them, in order."""
        for telemetry in self.telemetries:
            telemetry.record(fact)
