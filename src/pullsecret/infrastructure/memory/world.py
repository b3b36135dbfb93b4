"""Everything outside of the service, embedded, in one value."""

from collections.abc import Sequence

import attrs

from pullsecret.infrastructure.memory.broker import MemoryBroker
from pullsecret.infrastructure.memory.cloud import MemoryCloud
from pullsecret.infrastructure.memory.control_plane import MemoryControlPlane
from pullsecret.infrastructure.memory.faults import FaultRule, FaultScript
from pullsecret.infrastructure.memory.hyperfleet import MemoryHyperFleet
from pullsecret.infrastructure.memory.job_runner import MemoryJobs
from pullsecret.infrastructure.memory.simulated_time import SimulatedClock
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.ports.clock import Clock


@attrs.frozen
class EmbeddedWorld:
    """The state of every outside system. It outlives every replica of the adapter, as the real ones do."""

    clock: Clock
    faults: FaultScript
    broker: MemoryBroker
    hyperfleet: MemoryHyperFleet
    cloud: MemoryCloud
    control_plane: MemoryControlPlane
    jobs: MemoryJobs
    telemetry: MemoryTelemetry

    @classmethod
    def create(
        cls,
        seed: int = 0,
        faults: Sequence[FaultRule] = (),
        latency: tuple[float, float] = (0.02, 0.2),
        clock: Clock | None = None,
    ) -> "EmbeddedWorld":
        """An empty world. The same seed gives the same run; ``latency`` is each call's, in seconds.

        Without a ``clock`` its time is simulated.
        """
        clock = clock or SimulatedClock(seed)
        return cls(
            clock=clock,
            faults=FaultScript(clock, faults, seed, latency),
            broker=MemoryBroker(clock),
            hyperfleet=MemoryHyperFleet(),
            cloud=MemoryCloud(),
            control_plane=MemoryControlPlane(),
            jobs=MemoryJobs(),
            telemetry=MemoryTelemetry(),
        )

    @property
    def quiet(self) -> bool:
        """True if no event waits, no job is unfinished, and no end of a job is untold."""
        return self.broker.empty and not self.jobs.unfinished() and not self.jobs.unreported()
