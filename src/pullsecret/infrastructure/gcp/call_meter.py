"""Counts calls to Google's APIs for ``pullsecret_gcp_api_calls_total`` and sums their time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

_MAX_LATENCIES: Final = 100
"""Of so many attempts it is kept how long each took."""


class CallMeter:
    """Every attempt counts, failed or not."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._latencies: dict[str, list[float]] = {}

    def record(self, method: str, status_code: str, seconds: float) -> None:
        """Note one attempt. ``status_code`` is the HTTP status that goes with the answer, e.g. ``429``."""
        if self._counts.total() < _MAX_LATENCIES:
            self._latencies.setdefault(method, []).append(seconds)
        self._counts[f"{method}/{status_code}"] += 1
        self._seconds[method] = self._seconds.get(method, 0.0) + seconds

    @property
    def counts(self) -> Mapping[str, int]:
        """Attempts by ``method/status_code``."""
        return dict(self._counts)

    @property
    def latencies(self) -> Mapping[str, Sequence[float]]:
        """Seconds that each of the first hundred attempts took, by method."""
        return {method: tuple(seconds) for method, seconds in self._latencies.items()}

    @property
    def seconds_by_method(self) -> dict[str, float]:
        """Seconds spent in attempts, by method."""
        return dict(self._seconds)
