"""Time as the fake sees it, so that a test can move it."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """The wall clock plus an offset. No instant is shown twice, so creation order is total."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = timedelta()
        self._last = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """The current instant in UTC, strictly later than every earlier answer."""
        with self._lock:
            instant = datetime.now(UTC) + self._offset
            self._last = max(instant, self._last + timedelta(microseconds=1))
            return self._last

    def advance(self, seconds: float) -> None:
        """Move time forward by ``seconds``, 0 or more."""
        if seconds < 0:
            raise ValueError("time only moves forward")
        with self._lock:
            self._offset += timedelta(seconds=seconds)
