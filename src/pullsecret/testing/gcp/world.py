"""Everything the fake knows, behind one lock."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import attrs

from pullsecret.testing.gcp.clock import Clock
from pullsecret.testing.gcp.faults import FaultScript
from pullsecret.testing.gcp.iam import Credentials, Policies
from pullsecret.testing.gcp.projects import Keys, Project, Projects
from pullsecret.testing.gcp.quota import QuotaLimits
from pullsecret.testing.gcp.secret_records import SecretRecord
from pullsecret.testing.gcp.workloads import Workloads


@attrs.frozen
class Call:
    """One call the fake answered."""

    method: str
    resource: str
    code: str
    """The canonical code's name, ``OK`` for success."""
    member: str | None
    """Who called; None without a credential."""
    at: datetime


class World:
    """The state of the fake cloud. Hold :attr:`lock` to read or change several parts consistently.

    With ``closed`` only registered projects and keys exist and every call needs a credential and the
    permission for it. Otherwise anything named exists and anyone may do anything.
    """

    def __init__(self, *, closed: bool, limits: QuotaLimits) -> None:
        self.closed = closed
        self.lock = threading.RLock()
        self.clock = Clock()
        self.faults = FaultScript()
        self.policies = Policies()
        self.credentials = Credentials()
        self.projects = Projects(open_world=not closed, limits=limits)
        self.keys = Keys(open_world=not closed)
        self.workloads = Workloads()
        self.secrets: dict[str, SecretRecord] = {}
        """By name, with the project's number."""
        self.calls: list[Call] = []

    def record(self, method: str, resource: str, code: str, member: str | None) -> None:
        """Remember one answered call."""
        with self.lock:
            self.calls.append(Call(method, resource, code, member, self.clock.now()))

    def count(self, *methods: str, code: str | None = None) -> int:
        """How many calls of ``methods`` were answered, with ``code`` if given."""
        with self.lock:
            return sum(one.method in methods and code in (None, one.code) for one in self.calls)

    @contextmanager
    def tidied(self) -> Iterator[datetime]:
        """Hold the lock with expiries and scheduled destructions carried out; yields the time."""
        with self.lock:
            now = self.clock.now()
            for name in [name for name, record in self.secrets.items() if record.expired(now)]:
                del self.secrets[name]
            for record in self.secrets.values():
                for version in record.versions:
                    version.destroy_if_due(now)
            yield now

    def grant(self, project: str, member: str, role: str) -> None:
        """Bind ``member`` to ``role`` on a project."""
        self.policies.grant(f"projects/{self.add_project(project).number}", member, role)

    def revoke(self, project: str, member: str, role: str | None = None) -> None:
        """Take ``member``'s binding to ``role``, or every one, from a project."""
        self.policies.revoke(f"projects/{self.add_project(project).number}", member, role)

    def add_project(self, project_id: str, limits: QuotaLimits | None = None) -> Project:
        """Register a project."""
        return self.projects.add(project_id, limits)
