"""Which clusters this service is switched on for (DDR roll-out: feature flag, canary 10 % to 100 %)."""

import hashlib

import attrs

from pullsecret.domain.identifiers import ClusterId

_BUCKETS = 2**64


@attrs.frozen
class Rollout:
    """A cluster that is not included is left alone: its events are skipped, no further attempt is started for
    it and its secrets are not repaired. Jobs that it has go on, and their ends are told.

    The choice is the same on every replica and after every restart, and raising ``share`` only ever adds
    clusters.
    """

    enabled: bool = True
    """The feature flag; false leaves every cluster alone."""
    share: float = attrs.field(
        default=1.0, validator=[attrs.validators.ge(0), attrs.validators.le(1)], converter=float
    )
    """The share of clusters, 0 to 1, by a stable hash of the cluster id."""
    clusters: tuple[str, ...] = ()
    """Ids of clusters that are included whatever their hash."""

    def includes(self, cluster_id: ClusterId) -> bool:
        """True if this service is switched on for the cluster."""
        if not self.enabled:
            return False
        return self.share == 1 or cluster_id.value in self.clusters or _position(cluster_id) < self.share


def _position(cluster_id: ClusterId) -> float:
    """Where the cluster stands among all, evenly spread over [0, 1)."""
    digest = hashlib.sha256(cluster_id.value.encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / (_BUCKETS >> 11)
