"""Sees what becomes of the cluster secrets after their jobs."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from pullsecret.domain.drift import Drift, DriftKind
from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import ClusterSecretRef, ProvisionKey


class ClusterSecretWatch(Protocol):
    """Watches the secrets that carry our labels, in every namespace. It never reads a payload."""

    def drifts(self) -> AsyncGenerator[Drift, None]:
        """Each drift at least once, also one that is there already. It ends only when it is closed, or by
        raising what nobody foresaw: then :meth:`look` sees nothing any more either.

        A deletion that happened while nobody watched is not seen here; :meth:`look` sees it.
        """
        ...

    async def look(self, secret: ClusterSecretRef) -> DriftKind | None:
        """How the secret stands now; None if it is as a job left it. Needs a running :meth:`drifts`."""
        ...

    def places(self, cluster_id: ClusterId) -> Sequence[ClusterSecretRef]:
        """Where secrets of the cluster are, in any namespace, as far as :meth:`drifts` has seen them."""
        ...

    async def tell_repair(self, drift: Drift, job: ProvisionKey) -> None:
        """Let operators know, where they look at ``job``, that it repairs ``drift``. Never raises."""
        ...
