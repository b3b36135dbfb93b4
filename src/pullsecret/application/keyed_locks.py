"""One lock for each cluster in hand."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pullsecret.domain.identifiers import ClusterId


class ClusterLocks:
    """Lets one piece of work at a time go on for each cluster; forgets clusters nobody works on."""

    def __init__(self) -> None:
        self._locks: dict[ClusterId, asyncio.Lock] = {}
        self._users: Counter[ClusterId] = Counter()

    @asynccontextmanager
    async def hold(self, cluster_id: ClusterId) -> AsyncIterator[None]:
        """Wait for the cluster's turn, in the order of asking."""
        lock = self._locks.setdefault(cluster_id, asyncio.Lock())
        self._users[cluster_id] += 1
        try:
            async with lock:
                yield
        finally:
            self._users[cluster_id] -= 1
            if not self._users[cluster_id]:
                del self._users[cluster_id], self._locks[cluster_id]
