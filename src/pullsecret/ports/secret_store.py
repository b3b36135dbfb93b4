"""The customer's secret manager."""

from collections.abc import Mapping
from typing import Protocol

import attrs

from pullsecret.domain.cloud_secret import CloudSecret, SecretVersion, UnreadableVersions
from pullsecret.domain.cluster import StoragePolicy
from pullsecret.domain.errors import TransientError
from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.domain.secret_payload import SecretPayload


@attrs.define(eq=False, slots=False)
class SecretAlreadyExistsError(TransientError):
    """Somebody created the secret since it was looked for: look again (``WriteConflict``)."""


@attrs.define(eq=False, slots=False)
class SecretChangedError(TransientError):
    """The secret was changed since it was read, so its etag no longer fits (``WriteConflict``)."""


@attrs.define(eq=False, slots=False)
class SecretNotFoundError(TransientError):
    """The secret is gone since it was read: start over (``WriteConflict``)."""


class SecretStore(Protocol):
    """Secrets with numbered, immutable versions (DDR phase 4).

    Guarantees of every implementation:

    * A call either took effect before it returned, or raised. A transient error leaves open whether it took
      effect, so a caller looks before it writes again.
    * A caller reads what any caller's completed call wrote.
    * A missing permission raises a permanent error naming it; quota, network and server faults are transient.
    * No implementation retries :meth:`add_version` by itself.
    """

    async def get(self, ref: CloudSecretRef) -> CloudSecret | None:
        """The secret, or None if there is none. Never its payload."""
        ...

    async def create(
        self, ref: CloudSecretRef, labels: Mapping[str, str], storage: StoragePolicy
    ) -> CloudSecret:
        """Create an empty secret. Raises :class:`SecretAlreadyExistsError` if there is one already."""
        ...

    async def relabel(self, secret: CloudSecret, labels: Mapping[str, str]) -> CloudSecret:
        """Add ``labels`` to the secret as it was read, keeping its other labels.

        Raises :class:`SecretChangedError` if it changed since, :class:`SecretNotFoundError` if it is gone.
        """
        ...

    async def add_version(self, ref: CloudSecretRef, payload: SecretPayload) -> str:
        """Append a version and return its number ("1", "2", ...), greater than every one before.

        The payload's CRC32C is sent along, so a payload damaged on its way is refused, not stored. Raises
        :class:`SecretNotFoundError` if the secret is gone.
        """
        ...

    async def access_latest(self, ref: CloudSecretRef) -> SecretVersion | None:
        """The newest version's payload, compared with the checksum the store keeps.

        None if the secret has no version, or if its newest one is disabled or destroyed. What is the newest
        may be told late. Raises :class:`SecretNotFoundError` if the secret is gone.
        """
        ...

    async def access_after(
        self, ref: CloudSecretRef, version: str
    ) -> SecretVersion | UnreadableVersions | None:
        """The payload of the first version after number ``version`` that is neither disabled nor destroyed.

        :class:`UnreadableVersions` if versions follow of which each is, None if no version follows at all.
        Any version whose addition was completed is seen, however late it is told as the newest.
        """
        ...

    async def prune(self, ref: CloudSecretRef, keep: int, protect: str) -> int:
        """Retire old versions so that the newest ``keep`` (at least 1) stay enabled; return how many.

        Version ``protect`` is never touched. What has already been retired is not counted again.
        """
        ...

    async def delete(self, secret: CloudSecret) -> None:
        """Delete the secret as it was read with all its versions; nothing happens if it is already gone.

        Raises :class:`SecretChangedError` if it has changed since it was read.
        """
        ...
