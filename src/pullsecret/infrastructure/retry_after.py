"""The ``Retry-After`` header (RFC 9110, section 10.2.3)."""

from datetime import datetime
from email.utils import parsedate_to_datetime

MAX_SECONDS = 3600.0


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait, 0 to :data:`MAX_SECONDS`; None if the header is absent or makes no sense."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return bounded(float(text))
    try:
        seconds = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return bounded(seconds)


def bounded(seconds: float) -> float:
    """What of it is waited: 0 to :data:`MAX_SECONDS`."""
    return min(max(seconds, 0.0), MAX_SECONDS)
