"""UpdateSecret: which fields change, and how."""

from datetime import datetime, timedelta

from pullsecret.testing.gcp.messages import Message, Secret, time_of
from pullsecret.testing.gcp.secret_records import SecretRecord
from pullsecret.testing.gcp.status import invalid_argument
from pullsecret.testing.gcp.validation import check_secret

_PLAIN = frozenset(
    {
        "labels",
        "annotations",
        "topics",
        "rotation",
        "version_aliases",
        "version_destroy_ttl",
        "customer_managed_encryption",
    }
)
_EXPIRY = frozenset({"expire_time", "ttl"})
_REPLICA_KEYS = frozenset(
    {
        "replication",
        "replication.automatic",
        "replication.automatic.customer_managed_encryption",
        "replication.user_managed",
        "replication.user_managed.replicas",
    }
)


def apply_update(record: SecretRecord, wanted: Message, paths: list[str], now: datetime) -> Message:
    """The secret's message with the fields in ``paths`` taken from ``wanted``. Raises ApiError."""
    if not paths:
        raise invalid_argument("update_mask", "The update mask must name at least one field.")
    changed = Secret()
    changed.CopyFrom(record.message)
    for path in paths:
        if path in _PLAIN:
            _replace(changed, wanted, path)
        elif path in _EXPIRY:
            changed.ClearField("expire_time")
            if wanted.HasField(path):
                _replace(changed, wanted, path)
        elif path in _REPLICA_KEYS:
            _replace_keys(changed, wanted)
        else:
            raise invalid_argument("update_mask", f"Field [{path}] is unknown or cannot be updated.")
    numbers = {version.number for version in record.versions}
    for alias, number in changed.version_aliases.items():
        if number not in numbers:
            raise invalid_argument("secret.version_aliases", f"Alias [{alias}] names no existing version.")
    check_secret(changed, regional=record.name.parent.location is not None)
    set_expiry(changed, now)
    return changed


def set_expiry(secret: Message, now: datetime) -> None:
    """Turn a ttl into the expire_time that the API returns. Raises ApiError if it has passed already."""
    if secret.WhichOneof("expiration") == "ttl":
        lifetime = timedelta(seconds=secret.ttl.seconds)
        secret.expire_time.FromDatetime(now + lifetime)
    expiry = time_of(secret, "expire_time")
    if expiry is not None and expiry <= now:
        raise invalid_argument("secret.expire_time", "The expiry must lie in the future.")


def _replace(changed: Message, wanted: Message, field: str) -> None:
    changed.ClearField(field)
    taken = Secret()
    taken.CopyFrom(wanted)
    for other in [name.name for name, _ in taken.ListFields() if name.name != field]:
        taken.ClearField(other)
    changed.MergeFrom(taken)


def _replace_keys(changed: Message, wanted: Message) -> None:
    """Only the encryption of a replication policy can change; its kind and its locations are immutable."""
    have, want = changed.replication, wanted.replication
    if have.WhichOneof("replication") != want.WhichOneof("replication"):
        raise invalid_argument("secret.replication", "The replication policy cannot be changed.")
    if have.WhichOneof("replication") == "automatic":
        have.automatic.CopyFrom(want.automatic)
        return
    if [one.location for one in have.user_managed.replicas] != [
        one.location for one in want.user_managed.replicas
    ]:
        raise invalid_argument("secret.replication", "The replica locations cannot be changed.")
    have.user_managed.CopyFrom(want.user_managed)
