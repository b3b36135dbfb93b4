"""A process stays within its share of a project's quotas, whatever it is asked to do and when."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullsecret.infrastructure.gcp.request_pace import RequestKind, RequestPace
from pullsecret.infrastructure.gcp.settings import RequestLimits


class Stopwatch:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.seconds += seconds


def sent(limits: RequestLimits, asked: list[tuple[RequestKind, float]]) -> dict[RequestKind, list[float]]:
    """When each request was let through; each is asked for so many seconds after the one before."""
    clock = Stopwatch()
    pace = RequestPace(limits, clock)  # type: ignore[arg-type]
    times: dict[RequestKind, list[float]] = {kind: [] for kind in RequestKind}

    async def run() -> None:
        for kind, pause in asked:
            clock.seconds += pause
            await pace.wait(kind)
            times[kind].append(clock.seconds)

    asyncio.run(run())
    return times


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(RequestKind), st.floats(0, 40)), max_size=30),
)
def test_no_minute_holds_more_than_the_share(
    reads: int, writes: int, asked: list[tuple[RequestKind, float]]
) -> None:
    limits = RequestLimits(reads, writes, 1000)
    allowed = {RequestKind.READ: reads, RequestKind.WRITE: writes, RequestKind.ACCESS: 1000}
    for kind, times in sent(limits, asked).items():
        for start in times:
            assert sum(start <= one < start + 60 - 1e-6 for one in times) <= allowed[kind]
    assert Counter(kind for kind, _ in asked) == Counter(
        {kind: len(times) for kind, times in sent(limits, asked).items() if times}
    )


def test_one_quota_does_not_hold_up_another() -> None:
    asked = [(RequestKind.WRITE, 0.0), (RequestKind.READ, 0.0), (RequestKind.ACCESS, 0.0)]
    times = sent(RequestLimits(1, 1, 1), asked)
    assert times == {kind: [0.0] for kind in RequestKind}


@pytest.mark.parametrize("kind", RequestKind)
def test_a_request_too_many_waits_for_the_oldest_to_be_a_minute_old(kind: RequestKind) -> None:
    assert sent(RequestLimits(2, 2, 2), [(kind, 0.0), (kind, 10.0), (kind, 10.0)])[kind] == [0.0, 10.0, 60.0]
