"""The Kubernetes secrets that HyperShift uses, on the management cluster."""

from typing import Protocol

import attrs

from pullsecret.domain.cluster_secret import ClusterSecret, PublishedSecret
from pullsecret.domain.errors import TransientError
from pullsecret.domain.provisioning import ClusterSecretRef


@attrs.define(eq=False, slots=False)
class NamespaceMissingError(TransientError):
    """The namespace does not exist yet (``NamespaceMissing``)."""


@attrs.define(eq=False, slots=False)
class NamespaceNotReadyError(NamespaceMissingError):
    """The namespace has just been made and gives us no rights yet (``NamespaceMissing``)."""


@attrs.define(eq=False, slots=False)
class ClusterSecretChangedError(TransientError):
    """The secret was created, changed or deleted since it was read (``WriteConflict``)."""


class ClusterSecrets(Protocol):
    """Kubernetes secrets of type ``kubernetes.io/dockerconfigjson`` (DDR phase 5).

    A reader sees at every instant either the whole old value or the whole new one, never none and never a
    mixture. A missing permission raises a permanent error (``KubernetesPermissionDenied``) naming verb,
    resource and namespace.
    """

    async def get(self, ref: ClusterSecretRef) -> PublishedSecret | None:
        """The secret as it is now, whosever it is; None if there is none.

        Of a namespace that does not exist: None, or :class:`NamespaceMissingError` where rights are given in
        each namespace and only their lack is seen. :class:`NamespaceNotReadyError`.
        """
        ...

    async def create(self, secret: ClusterSecret) -> None:
        """Create the secret with its whole content.

        Raises :class:`ClusterSecretChangedError` if there is one by now, :class:`NamespaceMissingError`.
        """
        ...

    async def replace(self, found: PublishedSecret, secret: ClusterSecret) -> None:
        """Turn the secret as it was found into ``secret``; labels and annotations of others stay.

        Raises :class:`ClusterSecretChangedError` if it is no longer as found, and a permanent error
        (``ClusterSecretConflict``) if its type is another or it is immutable, since neither can be changed
        without a moment at which there is no secret.
        """
        ...

    async def delete(self, found: PublishedSecret) -> None:
        """Delete the secret as it was found; nothing happens if it is already gone.

        Raises :class:`ClusterSecretChangedError` if it is no longer as found.
        """
        ...
