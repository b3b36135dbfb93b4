"""The protocol buffer classes of google.cloud.secretmanager.v1, from the official client."""

from datetime import UTC, datetime
from typing import Any

from google.cloud.secretmanager_v1.types import resources, service

Message = Any


def time_of(message: Message, field: str) -> datetime | None:
    """The timestamp in ``field``, in UTC; None if it is not set."""
    if not message.HasField(field):
        return None
    time: datetime = getattr(message, field).ToDatetime(UTC)
    return time


def _raw(proto_plus_class: Any) -> Any:
    return proto_plus_class.meta.pb


Secret = _raw(resources.Secret)
SecretVersion = _raw(resources.SecretVersion)
SecretPayload = _raw(resources.SecretPayload)
Replication = _raw(resources.Replication)
ReplicationStatus = _raw(resources.ReplicationStatus)
CustomerManagedEncryptionStatus = _raw(resources.CustomerManagedEncryptionStatus)

ListSecretsRequest = _raw(service.ListSecretsRequest)
ListSecretsResponse = _raw(service.ListSecretsResponse)
CreateSecretRequest = _raw(service.CreateSecretRequest)
AddSecretVersionRequest = _raw(service.AddSecretVersionRequest)
GetSecretRequest = _raw(service.GetSecretRequest)
ListSecretVersionsRequest = _raw(service.ListSecretVersionsRequest)
ListSecretVersionsResponse = _raw(service.ListSecretVersionsResponse)
GetSecretVersionRequest = _raw(service.GetSecretVersionRequest)
UpdateSecretRequest = _raw(service.UpdateSecretRequest)
AccessSecretVersionRequest = _raw(service.AccessSecretVersionRequest)
AccessSecretVersionResponse = _raw(service.AccessSecretVersionResponse)
DeleteSecretRequest = _raw(service.DeleteSecretRequest)
DisableSecretVersionRequest = _raw(service.DisableSecretVersionRequest)
EnableSecretVersionRequest = _raw(service.EnableSecretVersionRequest)
DestroySecretVersionRequest = _raw(service.DestroySecretVersionRequest)
