"""Counts calls to Google's APIs for ``pullsecret_gcp_api_calls_total`` and sums their time."""

from collections import Counter
from collections.abc import Mapping


class CallMeter:
    """Every attempt counts, failed or not."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def record(self, method: str, status_code: str, seconds: float) -> None:
        """Note one attempt. ``status_code`` is the HTTP status that goes with the answer, e.g. ``429``."""
        self._counts[f"{method}/{status_code}"] += 1
        self._seconds[method] = self._seconds.get(method, 0.0) + seconds

    @property
    def counts(self) -> Mapping[str, int]:
        """Attempts by ``method/status_code``."""
        return dict(self._counts)

    @property
    def seconds_by_method(self) -> dict[str, float]:
        """Seconds spent in attempts, by method."""
        return dict(self._seconds)
