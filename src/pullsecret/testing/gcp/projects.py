"""Projects and encryption keys of the fake."""

import hashlib
from enum import Enum

import attrs

from pullsecret.testing.gcp.quota import QuotaLimits, QuotaWindows
from pullsecret.testing.gcp.status import key_denied, key_unusable


class KeyState(Enum):
    """States of a Cloud KMS key's primary version that matter to Secret Manager."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    DESTROYED = "DESTROYED"


@attrs.define
class Key:
    """A Cloud KMS key."""

    name: str
    state: KeyState = KeyState.ENABLED
    usable_by_service_agent: bool = True
    """Whether Secret Manager's service agent may encrypt and decrypt with it."""

    def check(self) -> None:
        """Raises ApiError (FAILED_PRECONDITION) if Secret Manager cannot use the key."""
        if self.state is not KeyState.ENABLED:
            raise key_unusable(self.name, self.state.value)
        if not self.usable_by_service_agent:
            raise key_denied(self.name)


@attrs.define
class Project:
    """A consumer project."""

    id: str
    number: str
    quota: QuotaWindows
    disabled_services: set[str] = attrs.field(factory=set)
    billing_enabled: bool = True


class Projects:
    """All projects. An open world creates a project when it is first named; a closed one refuses it."""

    def __init__(self, *, open_world: bool, limits: QuotaLimits) -> None:
        self._open = open_world
        self._limits = limits
        self._by_id: dict[str, Project] = {}

    def add(self, project_id: str, limits: QuotaLimits | None = None) -> Project:
        """Create a project, or return the one there is."""
        if project_id not in self._by_id:
            windows = QuotaWindows(limits or self._limits)
            self._by_id[project_id] = Project(project_id, project_number(project_id), windows)
        return self._by_id[project_id]

    def find(self, id_or_number: str) -> Project | None:
        """The project, created now in an open world; None if it does not exist."""
        for project in self._by_id.values():
            if id_or_number in (project.id, project.number):
                return project
        return self.add(id_or_number) if self._open else None


def project_number(project_id: str) -> str:
    """A stable 12-digit number for ``project_id``; a number stands for itself."""
    if project_id.isdigit():
        return project_id
    return str(10**11 + int(hashlib.sha256(project_id.encode()).hexdigest(), 16) % (9 * 10**11))


class Keys:
    """Cloud KMS keys. A key nobody registered exists and works, unless the world is closed."""

    def __init__(self, *, open_world: bool) -> None:
        self._open = open_world
        self._keys: dict[str, Key] = {}

    def add(self, name: str) -> Key:
        """Register the key ``name``, or return the one there is."""
        return self._keys.setdefault(name, Key(name))

    def find(self, name: str) -> Key | None:
        """The key, or None if it does not exist."""
        return self.add(name) if self._open else self._keys.get(name)

    def check(self, name: str) -> None:
        """Raises ApiError (FAILED_PRECONDITION) unless Secret Manager can use the key."""
        key = self.find(name)
        if key is None:
            raise key_denied(name)
        key.check()
