"""Where a new secret is replicated, and with whose keys it is encrypted."""

from typing import Any

from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.errors import PermanentError
from pullsecret.domain.reasons import Reason


def set_replication(secret: Any, storage: StoragePolicy, location: str | None) -> None:
    """Write ``storage`` into a Secret message; ``location`` is that of a regional secret, or None.

    Raises PermanentError (``InvalidCluster``) if locations and keys do not go together.
    """
    places, keys = storage.replica_locations, storage.encryption_keys
    if location is not None:
        if places not in ((), (location,)):
            raise _mismatch(f"a secret kept in {location} only cannot have replicas in {', '.join(places)}")
        if len(keys) > 1:
            raise _mismatch("a regional secret has one encryption key")
        if keys:
            secret.customer_managed_encryption.kms_key_name = keys[0]
        return
    if keys and len(keys) != max(1, len(places)):
        raise _mismatch(f"{len(keys)} encryption keys do not fit {len(places)} replica locations")
    if not places:
        automatic = secret.replication.automatic
        automatic.SetInParent()
        if keys:
            automatic.customer_managed_encryption.kms_key_name = keys[0]
        return
    for index, place in enumerate(places):
        replica = secret.replication.user_managed.replicas.add(location=place)
        if keys:
            replica.customer_managed_encryption.kms_key_name = keys[index]


def _mismatch(what: str) -> PermanentError:
    return PermanentError(
        "create-secret",
        "storage policy",
        Reason.INVALID_CLUSTER,
        f"The storage policy contradicts itself: {what}.",
        "Correct the replica locations and encryption keys of the cluster, or the adapter's defaults.",
    )
