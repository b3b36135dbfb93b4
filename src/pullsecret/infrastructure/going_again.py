"""An index of the jobs that another attempt is to follow, for who hears of each job that changes."""

from collections.abc import Collection, Iterable

import attrs

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.jobs import AnyJob, going_again


@attrs.frozen
class GoingAgain:
    """Asked as often as wanted, it looks at no other job."""

    _of_cluster: dict[ClusterId, AnyJob] = attrs.field(factory=dict, init=False)

    def note(self, cluster_id: ClusterId, jobs: Iterable[AnyJob]) -> None:
        """``jobs`` are all that the cluster has now."""
        newest = going_again(jobs).get(cluster_id)
        if newest is None:
            self._of_cluster.pop(cluster_id, None)
        else:
            self._of_cluster[cluster_id] = newest

    def jobs(self) -> Collection[AnyJob]:
        """The newest job of each cluster if another attempt is to follow it."""
        return self._of_cluster.values()
