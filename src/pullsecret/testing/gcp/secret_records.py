"""What the fake stores: secrets and their versions, with etags, states and times."""

import secrets as randomness
from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs

from pullsecret.testing.gcp.messages import Message, Secret, SecretVersion, time_of
from pullsecret.testing.gcp.resource_names import SecretName
from pullsecret.testing.gcp.status import etag_mismatch, no_versions, version_not_found, wrong_state

State = SecretVersion.State


def new_etag() -> str:
    """A quoted opaque tag, never the same twice."""
    return f'"{randomness.token_hex(7)}"'


@attrs.define
class VersionRecord:
    """One version: its message, and its payload until it is destroyed."""

    message: Message
    payload: bytes | None = attrs.field(repr=False)
    checksum: int
    keys: tuple[str, ...] = ()
    """The customer-managed keys that encrypt it, one a replica."""

    @property
    def number(self) -> int:
        """1, 2, ..."""
        return int(self.message.name.rpartition("/")[2])

    def check_etag(self, etag: str) -> None:
        """Raises ApiError (FAILED_PRECONDITION) unless ``etag`` is empty or the stored one."""
        if etag and etag != self.message.etag:
            raise etag_mismatch(self.message.name)

    def require_not_destroyed(self) -> None:
        """Raises ApiError (FAILED_PRECONDITION) for a destroyed version."""
        if self.message.state == State.DESTROYED:
            raise wrong_state(self.message.name, "DESTROYED")

    def require_enabled(self) -> bytes:
        """The payload. Raises ApiError (FAILED_PRECONDITION) unless the version is enabled."""
        if self.message.state != State.ENABLED or self.payload is None:
            raise wrong_state(self.message.name, State.Name(self.message.state))
        return self.payload

    def enable(self) -> None:
        """Make the payload readable; a scheduled destruction is called off."""
        self._change(State.ENABLED)
        self.message.ClearField("scheduled_destroy_time")

    def disable(self) -> None:
        """Make the payload unreadable."""
        self._change(State.DISABLED)

    def destroy(self, now: datetime, delay: timedelta) -> None:
        """Destroy the payload now, or after ``delay`` if that is positive."""
        if delay > timedelta():
            self._change(State.DISABLED)
            self.message.scheduled_destroy_time.FromDatetime(now + delay)
            return
        self._change(State.DESTROYED)
        self.message.destroy_time.FromDatetime(now)
        self.message.ClearField("scheduled_destroy_time")
        self.payload = None

    @property
    def destruction(self) -> datetime | None:
        """When the payload is to be destroyed, if that is scheduled."""
        return time_of(self.message, "scheduled_destroy_time")

    def _change(self, state: int) -> None:
        self.message.state = state
        self.message.etag = new_etag()


@attrs.define
class SecretRecord:
    """One secret with its versions, oldest first."""

    name: SecretName
    """With the project's number, as the API returns it."""
    message: Message
    versions: list[VersionRecord] = attrs.field(factory=list)
    created: int = 0
    """How many versions were ever added."""

    @property
    def order(self) -> str:
        """A key that sorts secrets by creation time."""
        return f"{self.message.create_time.ToNanoseconds():020d}:{self.name}"

    def check_etag(self, etag: str) -> None:
        """Raises ApiError (FAILED_PRECONDITION) unless ``etag`` is empty or the stored one."""
        if etag and etag != self.message.etag:
            raise etag_mismatch(self.name)

    @property
    def expiry(self) -> datetime | None:
        """When the secret is to go, if that is set."""
        return time_of(self.message, "expire_time")

    def due_times(self) -> Iterator[datetime]:
        """The times of :meth:`carry_out`."""
        for due in (self.expiry, *(version.destruction for version in self.versions)):
            if due is not None:
                yield due

    def carry_out(self, now: datetime) -> bool:
        """Destroy the versions that were scheduled for destruction by now; True if the secret has expired."""
        for version in self.versions:
            if (due := version.destruction) is not None and due <= now:
                version.destroy(due, timedelta())
        return self.expiry is not None and self.expiry <= now

    def version(self, wanted: str, *, by_alias: bool) -> VersionRecord:
        """Find a version by number, or by ``latest`` or alias if ``by_alias``. Raises ApiError (NOT_FOUND).

        ``latest`` is the most recently created version, whatever its state.
        """
        if by_alias and wanted == "latest":
            if not self.versions:
                raise no_versions(self.name)
            return self.versions[-1]
        number = wanted
        if by_alias and wanted in self.message.version_aliases:
            number = str(self.message.version_aliases[wanted])
        for record in self.versions:
            if str(record.number) == number:
                return record
        raise version_not_found(f"{self.name}/versions/{wanted}")

    def returned(self) -> Message:
        """The message as the API returns it: input-only fields left out."""
        message = Secret()
        message.CopyFrom(self.message)
        message.ClearField("tags")
        return message
