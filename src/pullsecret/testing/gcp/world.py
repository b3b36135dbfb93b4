"""Everything the fake knows, behind one lock."""

import heapq
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
        """By name, with the project's number. What was changed about one is told to :meth:`foresee`."""
        self._due: list[tuple[datetime, str]] = []
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
            while self._due and self._due[0][0] <= now:
                _, name = heapq.heappop(self._due)
                if name in self.secrets and self.secrets[name].carry_out(now):
                    del self.secrets[name]
            yield now

    def foresee(self, record: SecretRecord) -> None:
        """Remember when something of the secret expires or is to be destroyed."""
        with self.lock:
            for due in record.due_times():
                heapq.heappush(self._due, (due, str(record.name)))

    def grant(self, project: str, member: str, role: str) -> None:
        """Bind ``member`` to ``role`` on a project."""
        self.policies.grant(f"projects/{self.add_project(project).number}", member, role)

    def revoke(self, project: str, member: str, role: str | None = None) -> None:
        """Take ``member``'s binding to ``role``, or every one, from a project."""
        self.policies.revoke(f"projects/{self.add_project(project).number}", member, role)

    def add_project(self, project_id: str, limits: QuotaLimits | None = None) -> Project:
        """Register a project."""
        return self.projects.add(project_id, limits)
