"""A secret in the customer's Secret Manager, as far as it may be looked at without its payload."""

from collections.abc import Mapping

import attrs

from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.domain.secret_payload import SecretPayload


@attrs.frozen
class CloudSecret:
    """The secret resource: who it belongs to, and the etag that guards an update of it."""

    ref: CloudSecretRef
    labels: Mapping[str, str]
    etag: str


@attrs.frozen
class SecretVersion:
    """One version's number as the cloud counts them, and its payload.

    ``crc32c`` is the checksum the cloud keeps; whoever made this value has compared the payload with it.
    """

    version: str
    payload: SecretPayload
    crc32c: int

    def is_older_than(self, version: str | None) -> bool:
        """True if ``version`` was stored after this one; nothing is older than None."""
        return version is not None and int(self.version) < int(version)


@attrs.frozen
class UnreadableVersions:
    """One or more versions of which each is disabled or destroyed, the newest one with them."""
