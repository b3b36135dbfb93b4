"""Per-minute request quotas of one project (https://cloud.google.com/secret-manager/quotas)."""

from datetime import datetime
from enum import Enum

import attrs

from pullsecret.testing.gcp.status import quota_exceeded


class Quota(Enum):
    """The three request quotas."""

    ACCESS = "Access requests"
    READ = "Read requests"
    WRITE = "Write requests"


@attrs.frozen
class QuotaLimits:
    """Requests a minute; the defaults are Google's."""

    access: int = 90_000
    read: int = 600
    write: int = 600

    def of(self, quota: Quota) -> int:
        """The limit for ``quota``."""
        return {Quota.ACCESS: self.access, Quota.READ: self.read, Quota.WRITE: self.write}[quota]


class QuotaWindows:
    """Counts requests in windows that start at each full minute."""

    def __init__(self, limits: QuotaLimits) -> None:
        self.limits = limits
        self._window: datetime | None = None
        self._used: dict[Quota, int] = {}

    def take(self, quota: Quota, now: datetime, project_number: str) -> None:
        """Count one request. Raises ApiError (RESOURCE_EXHAUSTED) if the window is used up."""
        window = now.replace(second=0, microsecond=0)
        if window != self._window:
            self._window, self._used = window, {}
        used = self._used.get(quota, 0)
        limit = self.limits.of(quota)
        if used >= limit:
            raise quota_exceeded(quota.value, limit, project_number)
        self._used[quota] = used + 1
