"""Where statuses are told: the HyperFleet API."""

from enum import Enum
from typing import Protocol

from pullsecret.domain.conditions import StatusReport


class Receipt(Enum):
    """How a status was taken."""

    ACCEPTED = "accepted"
    STALE = "stale"
    """The API already knows a newer generation's status; nothing changed."""
    CLUSTER_GONE = "cluster gone"
    """The API no longer knows the cluster; nothing to tell."""


class StatusSink(Protocol):
    """Tells the HyperFleet API how a cluster's pull secret stands (DDR phase 6)."""

    async def post(self, report: StatusReport) -> Receipt:
        """Tell ``report``. Telling the same twice changes nothing but the time it was last told.

        Raises a transient error (``HyperFleetUnavailable``) if the API does not answer or refuses us; then it
        is unknown whether it was taken. Raises a permanent one (``RequestRefused``) if the API rejects the
        body, naming the field.
        """
        ...
