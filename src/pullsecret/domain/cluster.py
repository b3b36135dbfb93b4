"""A cluster as far as the pull secret service cares."""

from datetime import datetime

import attrs

from pullsecret.domain.identifiers import ClusterId, Generation
from pullsecret.domain.secret_payload import SecretPayload


@attrs.frozen
class StoragePolicy:
    """Where and how a new secret is kept in Secret Manager; it applies at creation.

    Empty ``replica_locations`` means automatic replication (DDR phase 4). ``encryption_keys`` are full Cloud
    KMS key names: one for automatic replication, or one for each replica location in the same order.
    """

    replica_locations: tuple[str, ...] = ()
    encryption_keys: tuple[str, ...] = ()


@attrs.frozen
class Cluster:
    """One generation of a cluster. Fields the API did not give are None; the preconditions decide about them.

    ``pull_secret`` is not validated yet: an unusable one must be reported, not skipped.
    """

    id: ClusterId
    generation: Generation
    provider: str | None = None
    project: str | None = None
    """The customer's cloud project."""
    pull_secret: SecretPayload | None = None
    secret_name: str | None = None
    """Override of the cloud secret's name, ``spec.pullSecret.secretName``."""
    namespace: str | None = None
    """Where placement put the control plane on the management cluster."""
    storage: StoragePolicy = attrs.field(factory=StoragePolicy)
    deleting: bool = False
    deleted_at: datetime | None = None
    """When its deletion was asked for; None if it was not, or if the API does not say when."""
