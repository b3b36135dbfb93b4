"""A short-lived bearer credential, and keeping one fresh."""

import asyncio
from typing import Protocol

import attrs

from pullsecret.ports.clock import Clock

CLOUD_PLATFORM_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""Secret Manager and IAM Credentials accept no narrower scope."""

REFRESH_MARGIN = 240.0
"""Seconds before its end at which a credential is replaced; more than the longest call takes."""


@attrs.frozen
class Credential:
    """A bearer credential; its text is never shown."""

    bearer: str = attrs.field(repr=False)
    lifetime: float
    """Seconds from when it was received, by the issuer's word: our own wall clock plays no part."""

    @property
    def authorization(self) -> str:
        """The value of the authorization header."""
        return f"Bearer {self.bearer}"


class CredentialSource(Protocol):
    """Somewhere to get a credential."""

    async def fetch(self) -> Credential:
        """Get a fresh one. Raises OperationError (``IdentityRefused``, ``IdentityUnavailable``) with a
        remedy."""
        ...

    async def member(self) -> str:
        """Who the credential stands for, as an IAM member; for naming a missing binding."""
        ...


class FreshCredential:
    """Hands out one credential until shortly before its end; several callers at once fetch one."""

    def __init__(self, source: CredentialSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._lock = asyncio.Lock()
        self._held: Credential | None = None
        self._until = 0.0

    async def get(self) -> Credential:
        """A credential good for the next call. Raises as the source does."""
        async with self._lock:
            if self._held is None or self._clock.monotonic() >= self._until:
                asked = self._clock.monotonic()
                self._held = await self._source.fetch()
                # A short-lived one is used for half of its life rather than not at all.
                margin = min(REFRESH_MARGIN, self._held.lifetime / 2)
                self._until = asked + self._held.lifetime - margin
            return self._held

    def discard(self, refused: Credential) -> None:
        """Forget ``refused``, which the cloud would not take, so that the next call gets another."""
        if self._held is refused:
            self._held = None
