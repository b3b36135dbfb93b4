"""A cluster secret that is no longer as a job left it (DDR risk 5)."""

from enum import Enum

import attrs

from pullsecret.domain.identifiers import ClusterId
from pullsecret.domain.provisioning import ClusterSecretRef


class DriftKind(Enum):
    """What somebody did to it; the value is the metric's label."""

    DELETED = "deleted"
    """It is gone, or no longer carries our labels."""
    DELETING = "deleting"
    """It was deleted and only our finalizer keeps it."""
    ALTERED = "altered"
    """Its content, type, labels or annotations are no longer those that we wrote."""


@attrs.frozen
class Drift:
    """One cluster secret that needs repair."""

    cluster_id: ClusterId
    secret: ClusterSecretRef
    kind: DriftKind
