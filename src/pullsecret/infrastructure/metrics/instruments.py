"""The metrics of :mod:`definitions` as objects of the Prometheus client."""

import contextlib
import itertools
from collections.abc import Callable, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pullsecret.infrastructure.metrics.definitions import DEFINITIONS, Definition, Kind

Instrument = TypeVar("Instrument", Counter, Gauge, Histogram)


class Instruments:
    """Every metric, made once on ``registry``.

    Raises :class:`ValueError` if the registry has them already.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        makers: Mapping[Kind, Callable[[Definition], Counter | Gauge | Histogram]] = {
            Kind.COUNTER: lambda made: Counter(made.name, made.help, list(made.labels), registry=registry),
            Kind.GAUGE: lambda made: Gauge(made.name, made.help, list(made.labels), registry=registry),
            Kind.HISTOGRAM: lambda made: Histogram(
                made.name, made.help, list(made.labels), registry=registry, buckets=made.buckets
            ),
        }
        self._made = {definition.name: makers[definition.kind](definition) for definition in DEFINITIONS}
        for definition in DEFINITIONS:
            if definition.kind is Kind.COUNTER:
                self._start_at_zero(definition)

    def _start_at_zero(self, definition: Definition) -> None:
        """Rates and increases see the first count only of a series that was there before it."""
        for labels in itertools.product(*(label.known for label in definition.labels.values())):
            self.count(definition, *labels, by=0)

    def count(self, definition: Definition, *labels: str, by: float = 1) -> None:
        """Add ``by`` to a counter."""
        self._child(definition, Counter, labels).inc(by)

    def set(self, definition: Definition, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._child(definition, Gauge, labels).set(value)

    def add(self, definition: Definition, by: float, *labels: str) -> None:
        """Change a gauge by ``by``."""
        self._child(definition, Gauge, labels).inc(by)

    def observe(
        self, definition: Definition, value: float, *labels: str, exemplar: Mapping[str, str] | None = None
    ) -> None:
        """Put ``value`` into a histogram."""
        self._child(definition, Histogram, labels).observe(value, dict(exemplar) if exemplar else None)

    def forget(self, definition: Definition, *labels: str) -> None:
        """Remove one series."""
        with contextlib.suppress(KeyError):
            self._made[definition.name].remove(*labels)

    def _child(self, definition: Definition, kind: type[Instrument], labels: tuple[str, ...]) -> Instrument:
        made = self._made[definition.name]
        child = made.labels(*labels) if labels else made
        if not isinstance(child, kind):
            raise TypeError(f"{definition.name} is no {kind.__name__}")
        return child
