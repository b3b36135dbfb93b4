"""The ClusterSecretWatch port on the embedded control plane."""

from collections.abc import AsyncGenerator, Sequence

import attrs

from pullsecret.domain.drift import Drift, DriftKind
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import ClusterSecretRef, ProvisionKey
from pullsecret.infrastructure.memory.control_plane import MemoryControlPlane
from pullsecret.ports.clock import Clock


@attrs.frozen
class MemoryClusterSecretWatch:
    """Compares what is there with what was last written through the ClusterSecrets port."""

    control_plane: MemoryControlPlane
    clock: Clock
    repairs: list[tuple[Drift, ProvisionKey]] = attrs.field(factory=list)
    """What was told by :meth:`tell_repair`."""
    look_every: float = 1.0
    """Seconds between two looks of :meth:`drifts`."""

    async def drifts(self) -> AsyncGenerator[Drift, None]:
        """See the port."""
        told: dict[ClusterSecretRef, DriftKind] = {}
        with self.control_plane.secrets.changes() as changed:
            changed.update(dict.fromkeys(self.control_plane.written))
            while True:
                looked_at = list(changed)
                changed.clear()
                for ref in looked_at:
                    drift = await self._drift(ref)
                    if drift is None:
                        told.pop(ref, None)
                    elif told.get(ref) is not drift.kind:
                        told[ref] = drift.kind
                        yield drift
                await self.clock.sleep(self.look_every)

    async def look(self, secret: ClusterSecretRef) -> DriftKind | None:
        """See the port."""
        found = self.control_plane.secrets.get(secret)
        if found is None:
            return DriftKind.DELETED
        written = self.control_plane.written.get(secret)
        as_written = written is not None and written[1] == found.resource_version
        return None if as_written else DriftKind.ALTERED

    def places(self, cluster_id: ClusterId) -> Sequence[ClusterSecretRef]:
        """See the port."""
        written = self.control_plane.written.items()
        return [secret for secret, (owner, _) in written if owner == cluster_id]

    async def tell_repair(self, drift: Drift, job: ProvisionKey) -> None:
        """See the port."""
        self.repairs.append((drift, job))

    async def _drift(self, secret: ClusterSecretRef) -> Drift | None:
        """None also if the service did not write the secret, or deleted it."""
        kind = await self.look(secret)
        written = self.control_plane.written.get(secret)
        return None if written is None or kind is None else Drift(written[0], secret, kind)
