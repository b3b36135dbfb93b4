"""Holds for every test of a use case."""

from collections.abc import Iterator

import pytest
from tests.unit.application.well_formed import problems

from pullsecret.domain.conditions import StatusReport
from pullsecret.domain.facts import Fact
from pullsecret.infrastructure.memory.hyperfleet import MemoryStatusSink
from pullsecret.infrastructure.memory.telemetry import MemoryTelemetry
from pullsecret.ports.status_sink import Receipt


@pytest.fixture(autouse=True)
def whatever_is_told_is_well_formed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test fails if any fact or status that was told in it does not hold what its type promises."""
    found: list[str] = []
    record, post = MemoryTelemetry.record, MemoryStatusSink.post

    def recording(self: MemoryTelemetry, fact: Fact) -> None:
        found.extend(problems(fact))
        record(self, fact)

    async def posting(self: MemoryStatusSink, report: StatusReport) -> Receipt:
        found.extend(problems(report))
        return await post(self, report)

    monkeypatch.setattr(MemoryTelemetry, "record", recording)
    monkeypatch.setattr(MemoryStatusSink, "post", posting)
    yield
    assert found == []
